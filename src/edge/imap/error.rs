//! What can go wrong with a server, told apart by what must follow.

use std::io;
use std::time::Duration;

use crate::edge::oauth::TokenError;

/// Longest text of a server that is kept, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// Why a command, or a whole session, failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Tagged NO (RFC 3501 §7.1.2): the session goes on.
    #[error("the server answered NO: {0}")]
    No(String),
    /// Tagged BAD (RFC 3501 §7.1.3): the session goes on.
    #[error("the server answered BAD: {0}")]
    Bad(String),
    /// BYE (RFC 3501 §7.1.5), in the greeting or at any time.
    #[error("the server said BYE: {0}")]
    Bye(String),
    /// The connection ended.
    #[error("the connection ended")]
    Eof,
    /// Nothing came in time.
    #[error("time-out: {0}")]
    Timeout(&'static str),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(io::Error),
    /// The server sent something that is no response (RFC 3501 §9).
    #[error("the server sent a line that cannot be read")]
    Unreadable,
    /// Tagged OK, but a message that the server lists came without its body.
    #[error("the server answered OK without the message")]
    NoBody,
    /// The server sent far more than it announced.
    #[error("the server sent more octets than one command may bring")]
    TooMuch,
    /// UIDVALIDITY changed under an open session.
    #[error("UIDVALIDITY changed")]
    Epoch,
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server refused user or password.
    #[error("credentials refused: {0}")]
    Credentials(String),
    /// The password could not be read from its source.
    #[error("{0}")]
    Password(String),
    /// There is no token now, or the held one was refused.
    #[error("{text}")]
    Token {
        /// What happened.
        text: String,
        /// The wait that the token endpoint asks for.
        wait: Option<Duration>,
    },
    /// Signed in, but not allowed to open the mailbox (Microsoft 365).
    #[error("signed in, but without permission for this mailbox: {0}; grant FullAccess, or check its name")]
    Permission(String),
    /// The store did not take a batch.
    #[error("{0}")]
    NotStored(String),
}

impl Error {
    /// True when the stream is still in step: a tagged answer ended the command.
    pub(super) fn leaves_session(&self) -> bool {
        matches!(self, Self::No(_) | Self::Bad(_) | Self::NoBody)
    }

    /// How strongly the failure of a FETCH speaks against the message and not against the line. Servers
    /// that cannot read a message say NO or BYE; a cut or frozen line may hit any message.
    pub(super) fn blame(&self) -> u32 {
        match self {
            Self::No(_) | Self::Bad(_) | Self::Bye(_) | Self::Unreadable | Self::NoBody => 2,
            Self::Eof | Self::Timeout(_) | Self::Io(_) => 1,
            Self::TooMuch
            | Self::Epoch
            | Self::Tls(_)
            | Self::Credentials(_)
            | Self::Password(_)
            | Self::Token { .. }
            | Self::Permission(_)
            | Self::NotStored(_) => 0,
        }
    }

    /// One word for metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            _ if self.is_throttled() => "throttled",
            Self::No(_) => "no",
            Self::Bad(_) => "bad",
            Self::Bye(_) => "bye",
            Self::Eof => "eof",
            Self::Timeout(_) => "timeout",
            Self::Io(_) => "io",
            Self::Unreadable | Self::NoBody | Self::TooMuch => "protocol",
            Self::Epoch => "epoch",
            Self::Tls(_) => "tls",
            Self::Credentials(_) | Self::Password(_) => "credentials",
            Self::Token { .. } => "token",
            Self::Permission(_) => "permission",
            Self::NotStored(_) => "not_stored",
        }
    }

    /// True for "not now": the server limits or throttles us, whatever we ask.
    pub(super) fn is_throttled(&self) -> bool {
        match self {
            Self::No(text) | Self::Bad(text) | Self::Bye(text) => {
                let text = text.to_ascii_lowercase();
                ["throttl", "[limit]", "[overquota]", "too many", "backoff"].iter().any(|w| text.contains(w))
            }
            _ => false,
        }
    }

    /// The wait that the server asks for ("Suggested Backoff Time: 92415 milliseconds"), in milliseconds.
    pub(super) fn suggested_wait_ms(&self) -> Option<u64> {
        if let Self::Token { wait, .. } = self {
            return wait.and_then(|wait| wait.as_millis().try_into().ok());
        }
        let (Self::No(text) | Self::Bad(text) | Self::Bye(text)) = self else { return None };
        let (_, rest) = text.split_once("Backoff Time:")?;
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// The answer to LOGIN: only a NO that is not about the moment is about the credentials (RFC 5530 §3).
    pub(super) fn from_login(error: async_imap::error::Error) -> Self {
        match Self::from(error) {
            Self::No(text) => {
                let upper = text.to_ascii_uppercase();
                let passing = ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "TEMPORAR", "TRY AGAIN"];
                let error = Self::No(text.clone());
                if error.is_throttled() || passing.iter().any(|w| upper.contains(w)) {
                    error
                } else {
                    Self::Credentials(text)
                }
            }
            other => other,
        }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        let text = error.to_string();
        match error {
            TokenError::Refused(_) => Self::Credentials(text),
            TokenError::Later { wait, .. } => Self::Token { text, wait },
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout("no answer"),
            io::ErrorKind::UnexpectedEof => Self::Eof,
            // async-imap puts the whole unread buffer into this error: mail must not reach the log.
            io::ErrorKind::Other if error.to_string().contains("during parsing of") => Self::Unreadable,
            _ => Self::Io(error),
        }
    }
}

impl From<async_imap::error::Error> for Error {
    fn from(error: async_imap::error::Error) -> Self {
        use async_imap::error::Error as E;
        match error {
            E::Io(error) => error.into(),
            E::No(text) => Self::No(information(&text)),
            E::Bad(text) => Self::Bad(information(&text)),
            E::ConnectionLost => Self::Eof,
            E::Validate(_) => Self::Password("user or password has a line break".into()),
            _ => Self::Unreadable,
        }
    }
}

/// A server's words, safe for a log line.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect()
}

/// The server's words out of async-imap's `code: None, info: Some("…")`.
fn information(text: &str) -> String {
    let words = text.split_once("info: Some(\"").map_or(text, |(_, rest)| rest.trim_end_matches("\")"));
    printable(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Error {
        Error::from_login(async_imap::error::Error::No(format!("code: None, info: Some({text:?})")))
    }

    #[test]
    fn refused_credentials_are_told_from_a_busy_server() {
        let refused = login("[AUTHENTICATIONFAILED] Authentication failed.");
        assert_eq!(refused.to_string(), "credentials refused: [AUTHENTICATIONFAILED] Authentication failed.");
        assert!(matches!(login("Invalid credentials (Failure)"), Error::Credentials(_)));
        for busy in [
            "[UNAVAILABLE] Internal error occurred. Refer to server log for more information.",
            "[LIMIT] Maximum number of connections from user+IP exceeded",
            "Too many simultaneous connections. (Failure)",
        ] {
            assert!(matches!(login(busy), Error::No(_)), "{busy}");
        }
    }

    #[test]
    fn a_suggested_wait_is_understood() {
        let error = Error::Bad("Request is throttled. Suggested Backoff Time: 92415 milliseconds".into());
        assert_eq!(error.suggested_wait_ms(), Some(92_415));
        assert!(error.is_throttled());
        assert_eq!(Error::Eof.suggested_wait_ms(), None);
    }

    #[test]
    fn a_parse_error_does_not_quote_the_mail() {
        let error = Error::from(io::Error::other("Tag during parsing of \"* 1 FETCH secret words\""));
        assert!(!error.to_string().contains("secret"));
    }
}
