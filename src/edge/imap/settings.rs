//! What an IMAP source needs to know, and all its intervals.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::edge::Password;
use crate::edge::oauth::Tokens;
use crate::edge::source::Fatal;
use crate::record::JUNK;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314 §3.2), usually port 993.
    #[default]
    Implicit,
    /// STARTTLS (RFC 3501 §6.2.1), usually port 143; never falls back to plain text.
    StartTls,
    /// No protection: only to loopback, where it serves tests and local tunnels.
    None,
}

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq)]
pub enum SignIn {
    /// LOGIN (RFC 3501 §6.2.3).
    Password(Password),
    /// AUTHENTICATE with an access token.
    OAuth2(Tokens),
}

impl From<Password> for SignIn {
    fn from(password: Password) -> Self {
        Self::Password(password)
    }
}

/// One IMAP folder to read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address of the server; with TLS the certificate must carry it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Certificates (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// User to log in as.
    pub user: String,
    /// How we sign in.
    pub sign_in: SignIn,
    /// Folder in plain UTF-8; it is encoded for the wire (RFC 3501 §5.1.3).
    pub folder: String,
    /// Whether it is a folder for junk.
    pub junk: bool,
    /// Intervals and deadlines.
    pub timings: Timings,
}

impl Settings {
    /// Settings with the defaults: implicit TLS on port 993, system certificates, `INBOX`.
    pub fn new(host: impl Into<String>, user: impl Into<String>, sign_in: impl Into<SignIn>) -> Self {
        Self {
            host: host.into(),
            port: 993,
            tls: Tls::Implicit,
            ca_file: None,
            user: user.into(),
            sign_in: sign_in.into(),
            folder: "INBOX".into(),
            junk: false,
            timings: Timings::default(),
        }
    }

    /// The mailbox's key in the record ([`Place::Imap`](crate::record::Place)).
    pub fn key(&self) -> String {
        let junk = if self.junk { JUNK } else { "" };
        format!("{junk}imap://{}@{}/{}", self.user, self.host, self.folder)
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`Fatal::Settings`] when plain text would leave the machine or a name cannot be sent.
    pub fn check(&self) -> Result<(), Fatal> {
        if self.tls == Tls::None && !is_loopback(&self.host) {
            return Err(Fatal::Settings(format!(
                "tls = \"none\" is only for loopback, not for {}: use \"implicit\" or \"starttls\"",
                self.host
            )));
        }
        for (what, value) in [("host", &self.host), ("user", &self.user), ("folder", &self.folder)] {
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(Fatal::Settings(format!(
                    "the mailbox's {what} is empty or has control characters"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Intervals and deadlines of an IMAP source. The defaults are for production; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// Limit for each of: name lookup with TCP connect, TLS handshake, greeting, login.
    pub connect: Duration,
    /// Longest silence while a response is due. A slow literal is not cut as long as octets arrive.
    pub command: Duration,
    /// Longest silence in IDLE before it is renewed: below the 5 minutes after which many firewalls forget
    /// a flow (RFC 2177 allows 29).
    pub idle_renew: Duration,
    /// Longest IDLE round whatever arrives: keepalives must not hide a lost wake-up for ever.
    pub idle_round_max: Duration,
    /// Limit for the answer to DONE (RFC 2177 §3).
    pub done: Duration,
    /// Interval of looking when the server has no IDLE.
    pub poll: Duration,
    /// How long a server that refused IDLE is polled before IDLE is tried again.
    pub idle_retry: Duration,
    /// First step of the reconnect backoff.
    pub backoff_min: Duration,
    /// Last step of the reconnect backoff.
    pub backoff_max: Duration,
    /// A session this old that completed a cycle is stable and resets the backoff.
    pub stable: Duration,
    /// Wait after refused credentials, so that a rotated password does not lock the account.
    pub credentials_retry: Duration,
    /// Longest wait before a message that could not be fetched is tried again; the first waits are shorter.
    pub unfetchable_retry: Duration,
    /// How often everything that the server lists is compared with the record.
    pub reconcile: Duration,
    /// How long a command in flight may go on after the stop signal.
    pub stop_grace: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(60),
            idle_renew: Duration::from_secs(270),
            idle_round_max: Duration::from_secs(540),
            done: Duration::from_secs(15),
            poll: Duration::from_secs(60),
            idle_retry: Duration::from_secs(600),
            backoff_min: Duration::from_secs(2),
            backoff_max: Duration::from_secs(300),
            stable: Duration::from_secs(60),
            credentials_retry: Duration::from_secs(900),
            unfetchable_retry: Duration::from_secs(3600),
            reconcile: Duration::from_secs(900),
            stop_grace: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_the_machine() {
        let mut settings = Settings::new("imap.example.com", "evidence", Password::Fixed("x".into()));
        assert!(settings.check().is_ok());
        settings.tls = Tls::None;
        assert!(matches!(settings.check(), Err(Fatal::Settings(_))));
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
            settings.host = host.into();
            assert!(settings.check().is_ok(), "{host}");
        }
    }

    #[test]
    fn names_cannot_smuggle_commands() {
        let mut settings = Settings::new("localhost", "evidence", Password::Fixed("x".into()));
        settings.folder = "INBOX\r\nx DELETE INBOX".into();
        assert!(settings.check().is_err());
    }

    #[test]
    fn the_key_names_user_host_and_folder() {
        let settings = Settings::new("imap.example.com", "evidence@a.example", Password::Fixed("x".into()));
        assert_eq!(settings.key(), "imap://evidence@a.example@imap.example.com/INBOX");
        assert!(format!("{settings:?}").contains("fixed password"));
    }
}
