//! `[log]`: what the signed log is called, and where its key comes from.

use std::path::Path;

use serde::Deserialize;

use super::{Config, ConfigError};
use crate::edge::imap::Password;
use crate::edge::store::LogKey;
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
        found.map(|origin| ("origin", text(origin))).into_iter().collect()
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
