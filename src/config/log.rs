//! `[log]`: what the signed log is called, and where its key comes from.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::{Config, ConfigError};
use crate::edge::imap::Password;
use crate::edge::store::LogKey;
use crate::model::Address;
use crate::record::log::Signer;

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// What a new log is called: host and path without a scheme; the seller's first domain and `/endorsed` by default.
    /// The name of a log that exists stays as it is.
    pub origin: Option<String>,
    /// The key that signs, in the form of `log.key`; without it one is made in the store's folder.
    pub key: Option<Password>,
    /// Who gets the signed head of every day by mail, besides the evidence mailbox.
    pub checkpoint_to: Vec<String>,
}

impl LogSection {
    /// What the types can not say.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let bad = |origin: &&String| {
            origin.is_empty()
                || origin.contains("://")
                || origin.contains('+')
                || origin.contains(char::is_whitespace)
        };
        let found = self.origin.iter().find(bad);
        let text =
            |o: &String| format!("`{o}` is no name of a log: host and path, without scheme, spaces and `+`");
        let origin = found.map(|origin| ("origin", text(origin)));
        let wrong = self.checkpoint_to.iter().filter(|to| Address::new(to).is_none());
        origin
            .into_iter()
            .chain(wrong.map(|to| ("checkpoint_to", format!("`{to}` is no mail address"))))
            .collect()
    }

    /// Who gets the head of every day: the evidence mailbox too, where its provider keeps it.
    pub(super) fn auditors(&self, evidence: &str) -> Vec<Address> {
        let named: BTreeSet<Address> = self.checkpoint_to.iter().filter_map(|to| Address::new(to)).collect();
        let own = Address::new(evidence).filter(|_| !named.is_empty());
        named.into_iter().chain(own).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Config {
    /// The key that signs the log.
    ///
    /// # Errors
    /// When the configured key cannot be read.
    pub fn log_key(&self) -> Result<LogKey, ConfigError> {
        let Some(source) = &self.log.key else {
            let domain = self.seller.domains.first().map_or("endorsed.invalid", String::as_str);
            let origin = self.log.origin.clone().unwrap_or_else(|| format!("{domain}/endorsed"));
            return Ok(LogKey::InFolder { origin });
        };
        let bad = |why: String| ConfigError::one(Path::new("[log] key"), 0, why.replace("password", "key"));
        let text = source.read().map_err(bad)?;
        let signer = Signer::parse(&text).map_err(|e| bad(e.to_string()))?;
        match &self.log.origin {
            Some(origin) if origin != signer.origin() => {
                Err(bad(format!("it signs the log {}, but `origin` says {origin}", signer.origin())))
            }
            _ => Ok(LogKey::Given(Box::new(signer))),
        }
    }
}
