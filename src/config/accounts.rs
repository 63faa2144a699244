//! The accounts file: who may speak for which buyer. Deal desk owns it, not sales.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::error::{ConfigError, Problem};
use crate::model::{Account, Accounts, Address, Digest};
use crate::verify::is_free_mail;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    account: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    domains: Vec<String>,
    #[serde(default)]
    endorsers: BTreeMap<String, String>,
    #[serde(default)]
    waivers: BTreeMap<String, String>,
    #[serde(default)]
    required: BTreeSet<String>,
}

/// Reads and checks the file. `own` are the seller's domains: nobody there speaks for a buyer.
///
/// # Errors
/// Every problem, with its place.
pub fn load(path: &Path, own: &[String]) -> Result<Accounts, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError::one(path, 0, e.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|e| ConfigError::of_toml(path, &text, &e))?;
    let mut check = Check { path, text: &text, own, problems: Vec::new() };
    let mut accounts = BTreeMap::new();
    let mut holders: BTreeMap<String, String> = BTreeMap::new();
    for (name, entry) in file.account {
        let domains: Vec<String> = entry.domains.iter().map(|d| d.to_ascii_lowercase()).collect();
        for domain in &domains {
            check.domain(&name, domain);
            if let Some(other) = holders.insert(domain.clone(), name.clone()) {
                check.problem(&name, domain, format!("{domain} belongs to account.{other} already"));
            }
        }
        let waivers = check.waivers(&name, &entry);
        let mut endorsers = BTreeMap::new();
        for (who, role) in &entry.endorsers {
            match check.endorser(&name, who, &domains, &waivers) {
                Some(address) => drop(endorsers.insert(address.as_str().to_owned(), role.clone())),
                None => continue,
            }
        }
        for role in entry.required.iter().filter(|role| !entry.endorsers.values().any(|r| r == *role)) {
            check.problem(
                &name,
                role,
                format!("nobody has the required role `{role}`: name somebody under `endorsers`"),
            );
        }
        accounts.insert(name, Account { domains, endorsers, required: entry.required, waivers });
    }
    if check.problems.is_empty() {
        Ok(Accounts { accounts, digest: Digest::of(text.as_bytes()) })
    } else {
        Err(ConfigError { problems: check.problems })
    }
}

/// The problems found so far.
struct Check<'a> {
    path: &'a Path,
    text: &'a str,
    own: &'a [String],
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn problem(&mut self, account: &str, word: &str, message: String) {
        let line = self.text.lines().position(|l| l.contains(word)).map_or(1, |i| i + 1);
        self.problems.push(Problem {
            path: self.path.into(),
            line,
            message: format!("account.{account}: {message}"),
        });
    }

    /// A domain at which the buyer's people, and nobody else, have addresses.
    fn domain(&mut self, account: &str, domain: &str) {
        let plain =
            |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let below = |child: &str, parent: &str| {
            child == parent || child.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
        };
        let why = if !domain.contains('.') || !domain.split('.').all(plain) {
            "is no plain domain: write it as DNS does, xn-- included"
        } else if is_free_mail(domain) {
            "gives addresses to everybody: name the person under `endorsers` and `waivers`"
        } else if self.own.iter().any(|own| below(domain, own) || below(own, domain)) {
            "is the seller's own"
        } else {
            return;
        };
        self.problem(account, domain, format!("`{domain}` {why}"));
    }

    fn waivers(&mut self, account: &str, entry: &Entry) -> BTreeMap<String, String> {
        let mut waivers = BTreeMap::new();
        let endorsers: Vec<Address> = entry.endorsers.keys().filter_map(|e| Address::new(e)).collect();
        for (who, approved) in &entry.waivers {
            match Address::new(who).filter(|a| endorsers.contains(a)) {
                None => self.problem(account, who, format!("the waiver for `{who}` names no endorser")),
                Some(_) if approved.trim().is_empty() => {
                    self.problem(
                        account,
                        who,
                        format!("the waiver for `{who}` does not say who approved it"),
                    );
                }
                Some(address) => drop(waivers.insert(address.as_str().to_owned(), approved.clone())),
            }
        }
        waivers
    }

    fn endorser(
        &mut self,
        account: &str,
        who: &str,
        domains: &[String],
        waivers: &BTreeMap<String, String>,
    ) -> Option<Address> {
        let address = Address::new(who);
        let why = match &address {
            None => format!("`{who}` is no mail address"),
            Some(a) if a.is_at(self.own) => format!("{a} is one of the seller's own addresses"),
            Some(a) if a.is_at(domains) || waivers.contains_key(a.as_str()) => return address,
            Some(a) => format!("{a} is at none of the account's domains, and no waiver approves it"),
        };
        self.problem(account, who, why);
        None
    }
}
