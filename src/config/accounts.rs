//! The accounts file: who may speak for which buyer. Deal desk owns it, not sales.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::{ConfigError, Problem};
use crate::model::{Account, Accounts, Address, Digest};

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
}

/// Reads and checks the file.
///
/// # Errors
/// Every problem, with its place.
pub fn load(path: &Path) -> Result<Accounts, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError::one(path, 0, e.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|e| ConfigError::of_toml(path, &text, &e))?;
    let mut problems = Vec::new();
    let mut accounts = BTreeMap::new();
    for (name, entry) in file.account {
        let domains: Vec<String> = entry.domains.iter().map(|d| d.to_ascii_lowercase()).collect();
        let mut endorsers = BTreeMap::new();
        for (who, role) in entry.endorsers {
            match Address::new(&who) {
                Some(address) if address.is_at(&domains) => {
                    endorsers.insert(address.as_str().to_owned(), role);
                }
                Some(address) => problems.push(at(
                    path,
                    &text,
                    &who,
                    format!("account.{name}: {address} is at none of the account's domains"),
                )),
                None => problems.push(at(
                    path,
                    &text,
                    &who,
                    format!("account.{name}: `{who}` is no mail address"),
                )),
            }
        }
        accounts.insert(name, Account { domains, endorsers });
    }
    if problems.is_empty() {
        Ok(Accounts { accounts, digest: Digest::of(text.as_bytes()) })
    } else {
        Err(ConfigError { problems })
    }
}

fn at(path: &Path, text: &str, word: &str, message: String) -> Problem {
    let line = text.lines().position(|l| l.contains(word)).map_or(1, |i| i + 1);
    Problem { path: path.into(), line, message }
}
