//! Key record look-ups: the system's resolver, or a file for dry runs and tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::net::{DnsError, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData};
use mail_auth::hickory_resolver::system_conf::read_system_conf;

use tokio::task::JoinSet;

use crate::model::{KeyRecord, KeyState};

/// A look-up that takes longer is tried again later, in seconds.
pub const LOOKUP_SECONDS_MAX: u64 = 5;
/// Longest TXT record that is taken, in bytes: a 4096-bit key needs 800.
const RECORD_BYTES_MAX: usize = 8 << 10;

/// Where key records come from. Clones of the system's resolver share its sockets.
#[derive(Clone)]
pub enum Resolver {
    /// The name servers of `/etc/resolv.conf`.
    System(Box<MessageAuthenticator>),
    /// A file: lower-case name without the trailing dot, and TXT value. What is not in it does not exist.
    File(BTreeMap<String, String>),
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(_) => f.write_str("System"),
            Self::File(records) => write!(f, "File({} names)", records.len()),
        }
    }
}

/// The resolver could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// The system names no usable name server.
    #[error("/etc/resolv.conf: {0}, expected the system's name servers")]
    System(String),
    /// The file cannot be read.
    #[error("{path}: {reason}, expected a readable JSON file of names and TXT values")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file is not what we expect.
    #[error("{path}:{line}: {reason}, expected a JSON object of name to TXT value")]
    Malformed {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What was found.
        reason: String,
    },
}

impl Resolver {
    /// The system's resolver.
    ///
    /// # Errors
    /// When the system's configuration names no usable name server.
    pub fn system() -> Result<Self, ResolverError> {
        let failed = |e: NetError| ResolverError::System(e.to_string());
        let (config, options) = read_system_conf().map_err(failed)?;
        Self::with(config, options)
    }

    /// A resolver of given name servers.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn with(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, ResolverError> {
        let failed = |e: NetError| ResolverError::System(e.to_string());
        options.timeout = Duration::from_secs(LOOKUP_SECONDS_MAX);
        // One try a look-up: the daemon asks again by its own schedule.
        options.attempts = 1;
        // The records are kept by the store; a second cache would only hide a changed key.
        options.cache_size = 0;
        MessageAuthenticator::new(config, options).map(|m| Self::System(Box::new(m))).map_err(failed)
    }

    /// A file: a JSON object of name to TXT value.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else; the message names path and line.
    pub fn file(path: &Path) -> Result<Self, ResolverError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| ResolverError::Unreadable { path: shown.clone(), reason: e.to_string() })?;
        Self::from_json(&shown, &text)
    }

    /// The same from text; `path` is for messages.
    ///
    /// # Errors
    /// When `text` is no JSON object of strings, or names a record twice in different spellings.
    pub fn from_json(path: &str, text: &str) -> Result<Self, ResolverError> {
        let malformed =
            |line, reason: String| ResolverError::Malformed { path: path.to_owned(), line, reason };
        let listed: BTreeMap<String, String> = serde_json::from_str(text).map_err(|e| {
            let reason = e.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
            malformed(e.line(), reason)
        })?;
        let mut records = BTreeMap::new();
        for (name, value) in listed {
            let line = text.lines().position(|l| l.contains(&name)).map_or(1, |at| at + 1);
            if records.insert(canonical(&name), value).is_some() {
                return Err(malformed(line, format!("`{name}` stands there twice")));
            }
        }
        Ok(Self::File(records))
    }

    /// Looks a key record up. Never fails: what could not be found out is [`KeyState::Temporary`].
    pub async fn key(&self, name: &str, now: Timestamp) -> KeyRecord {
        let name = canonical(name);
        let state = match self {
            Self::File(records) => {
                records.get(&name).map_or(KeyState::Absent, |text| KeyState::Found(text.clone()))
            }
            Self::System(checker) => {
                let limit = Duration::from_secs(LOOKUP_SECONDS_MAX);
                tokio::time::timeout(limit, look_up(checker, &name)).await.unwrap_or(KeyState::Temporary)
            }
        };
        KeyRecord { name, state, seen_at: now }
    }
}

impl Resolver {
    /// Looks up all `names` (see [`crate::verify::key_names`]) at once, so that a dead name server costs one time-out
    /// and not ten. The result is what [`crate::edge::dkim::check`] takes.
    pub async fn keys(&self, names: &[String], now: Timestamp) -> BTreeMap<String, KeyRecord> {
        let mut found = BTreeMap::new();
        let mut running = JoinSet::new();
        for name in names {
            match self {
                Self::File(_) => {
                    found.insert(canonical(name), self.key(name, now).await);
                }
                Self::System(_) => {
                    let (resolver, name) = (self.clone(), name.clone());
                    running.spawn(async move { resolver.key(&name, now).await });
                }
            }
        }
        while let Some(done) = running.join_next().await {
            // A look-up that stopped half-way is asked again: its name stays Temporary below.
            if let Ok(record) = done {
                found.insert(record.name.clone(), record);
            }
        }
        for name in names.iter().map(|n| canonical(n)) {
            let missing = KeyRecord { name: name.clone(), state: KeyState::Temporary, seen_at: now };
            found.entry(name).or_insert(missing);
        }
        found
    }
}

/// Lower case, without the trailing dot.
fn canonical(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

async fn look_up(checker: &MessageAuthenticator, name: &str) -> KeyState {
    // The dot keeps the resolver from trying the search domains of this machine.
    let Ok(name) = Name::from_ascii(format!("{name}.")) else {
        return KeyState::Absent;
    };
    match checker.resolver().txt_lookup(name).await {
        Ok(answer) => {
            let texts = answer.answers().iter().filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text.txt_data.concat()),
                _ => None,
            });
            choose(texts.collect())
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
            ResponseCode::NXDomain | ResponseCode::NoError => KeyState::Absent,
            _ => KeyState::Temporary,
        },
        Err(_) => KeyState::Temporary,
    }
}

/// One record of those at the name. Several are undefined (RFC 6376 §3.6.2.2); we take the same one whatever the
/// order of the answer: a key record before others, then the first by bytes.
fn choose(mut texts: Vec<Vec<u8>>) -> KeyState {
    texts.retain(|text| text.len() <= RECORD_BYTES_MAX);
    texts.sort();
    let looks_like_a_key = |text: &Vec<u8>| text.starts_with(b"v=DKIM1") || text.starts_with(b"k=");
    let chosen = texts.iter().find(|t| looks_like_a_key(t)).or(texts.first());
    chosen.map_or(KeyState::Absent, |text| KeyState::Found(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn a_file_answers_whatever_the_case_and_the_dot() {
        let file = Resolver::from_json("d", r#"{"S1._domainkey.Acme.example.": "v=DKIM1; p="}"#).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let found = block_on(file.key("s1._domainkey.acme.EXAMPLE", now));
        assert_eq!(found.state, KeyState::Found("v=DKIM1; p=".into()));
        assert_eq!(found.name, "s1._domainkey.acme.example");
        assert_eq!(block_on(file.key("s2._domainkey.acme.example", now)).state, KeyState::Absent);
    }

    #[test]
    fn errors_name_path_and_line() {
        let error = |text: &str| Resolver::from_json("dns.json", text).unwrap_err().to_string();
        assert!(error("{\n \"a\": 1\n}").starts_with("dns.json:2: invalid type: integer `1`"));
        assert!(error("{\n\n").starts_with("dns.json:"));
        assert!(error("{\"A\": \"x\",\n \"a.\": \"y\"}").contains("twice"));
        let missing = Resolver::file(Path::new("/nonexistent/dns.json")).unwrap_err().to_string();
        assert!(missing.starts_with("/nonexistent/dns.json: "));
    }

    #[test]
    fn no_name_server_is_temporary() {
        let config = ResolverConfig::from_parts(None, vec![], vec![]);
        let resolver = Resolver::with(config, ResolverOpts::default()).unwrap();
        let record = block_on(resolver.key("s1._domainkey.acme.example", Timestamp::UNIX_EPOCH));
        assert_eq!(record.state, KeyState::Temporary);
    }

    #[test]
    fn the_choice_does_not_hang_on_the_order() {
        let texts = || vec![b"junk".to_vec(), b"v=DKIM1; p=B".to_vec(), b"v=DKIM1; p=A".to_vec()];
        let mut turned = texts();
        turned.reverse();
        assert_eq!(choose(texts()), choose(turned));
        assert_eq!(choose(texts()), KeyState::Found("v=DKIM1; p=A".into()));
        assert_eq!(choose(vec![]), KeyState::Absent);
    }
}
