//! Addresses and identifiers (RFC 5322 §3.4 and §3.6.4).

use serde::{Deserialize, Serialize};

/// An addr-spec, compared case-insensitively: both halves are kept in ASCII lower case. Nothing else is
/// normalised: look-alikes must stay different bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Takes `local@domain`; `None` when there is no local part or no domain.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        (!local.is_empty() && !domain.is_empty()).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The whole addr-spec.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the last `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The sub-address of `evidence+TAG@…` (RFC 5233) when the rest equals `base`. The case of the tag is lost.
    pub fn tag_of(&self, base: &Address) -> Option<&str> {
        if self.domain() != base.domain() {
            return None;
        }
        self.local().strip_prefix(base.local())?.strip_prefix('+').filter(|tag| !tag.is_empty())
    }

    /// Whether the domain is one of `domains` or a sub-domain of one (lower case, without a dot in front).
    pub fn is_at(&self, domains: &[String]) -> bool {
        let own = self.domain();
        domains
            .iter()
            .any(|d| own == d || own.strip_suffix(d.as_str()).is_some_and(|rest| rest.ends_with('.')))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox of an address field: display name and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The decoded display name; never used as identity.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// A Message-ID without its angle brackets (RFC 5322 §3.6.4). Chosen by the sender: it routes, it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// Takes the identifier with or without angle brackets; `None` when nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>').trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The identifier without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The CRM's opportunity id as the mail carries it, for example `OPP-20417`; upper case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpportunityId(String);

impl OpportunityId {
    /// Longest id that is taken from mail, in characters: CRM ids have 8 to 18.
    pub const LENGTH_MAX: usize = 64;

    /// Takes an id of letters, digits, `-`, `_` and `.` that holds at least one digit.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (!text.is_empty()
            && text.len() <= Self::LENGTH_MAX
            && text.chars().all(plain)
            && text.chars().any(|c| c.is_ascii_digit()))
        .then(|| Self(text.to_ascii_uppercase()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for OpportunityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_address_needs_the_same_base() {
        let base = Address::new("evidence@northwind-labs.example").unwrap();
        let tag = |a: &str| Address::new(a).unwrap().tag_of(&base).map(str::to_owned);
        assert_eq!(tag("Evidence+OPP-20417@northwind-labs.example"), Some("opp-20417".into()));
        assert_eq!(tag("evidence@northwind-labs.example"), None);
        assert_eq!(tag("evidence+OPP-1@evil.example"), None);
    }

    #[test]
    fn a_domain_covers_its_sub_domains_only() {
        let domains = ["acme.example".to_owned()];
        assert!(Address::new("a@mail.acme.example").unwrap().is_at(&domains));
        assert!(!Address::new("a@notacme.example").unwrap().is_at(&domains));
    }

    #[test]
    fn opportunity_ids_hold_a_digit() {
        assert_eq!(OpportunityId::new("opp-20417").unwrap().as_str(), "OPP-20417");
        assert!(OpportunityId::new("asap").is_none());
        assert!(OpportunityId::new("a b1").is_none());
    }
}
