//! `[[mailbox]]`: what to watch and how to sign in.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::oauth2::{OAuth2Section, Service};
use crate::edge::Password;
use crate::edge::imap::{SignIn, Tls};
use crate::edge::lmtp::Listen;

/// One `[[mailbox]]`: which keys are needed depends on `kind`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxSection {
    /// An IMAP folder or a Maildir.
    pub kind: MailboxKind,
    /// Maildir: folder that holds cur, new and tmp.
    pub path: Option<PathBuf>,
    /// LMTP: loopback address with port, or path of a socket.
    pub listen: Option<String>,
    /// IMAP: host name.
    pub host: Option<String>,
    /// IMAP: port.
    #[serde(default = "imap_port")]
    pub port: u16,
    /// IMAP: how the connection is secured.
    #[serde(default)]
    pub tls: Tls,
    /// IMAP: PEM file of a private certificate authority.
    pub ca_file: Option<PathBuf>,
    /// IMAP: account.
    pub user: Option<String>,
    /// IMAP: password.
    pub password: Option<Password>,
    /// IMAP: access tokens instead of a password.
    pub oauth2: Option<OAuth2Section>,
    /// IMAP: folder.
    #[serde(default = "inbox")]
    pub folder: String,
    /// Whether it is a folder for junk: what is only seen there confirms nothing.
    #[serde(default)]
    pub junk: bool,
    /// IMAP: seconds after which an IDLE is renewed.
    #[serde(default = "idle_renew_seconds")]
    pub idle_renew_seconds: u64,
    /// Seconds between polls: of a Maildir beside inotify, of an IMAP server without IDLE.
    pub poll_seconds: Option<u64>,
}

/// `kind` of a `[[mailbox]]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailboxKind {
    /// An IMAP folder.
    Imap,
    /// A Maildir.
    Maildir,
    /// A place where a local mail server hands mail over (RFC 2033).
    Lmtp,
}

fn imap_port() -> u16 {
    993
}

fn inbox() -> String {
    "INBOX".into()
}

fn idle_renew_seconds() -> u64 {
    270
}

impl MailboxSection {
    /// How we sign in; `None` in a section that was not checked.
    pub fn sign_in(&self) -> Option<SignIn> {
        match (&self.password, &self.oauth2) {
            (Some(password), None) => Some(password.clone().into()),
            (None, Some(oauth2)) => oauth2.sign_in(Service::Imap),
            _ => None,
        }
    }

    /// The files that hold its secrets.
    pub fn secret_files(&self) -> Vec<&Path> {
        let oauth2 = self.oauth2.iter().flat_map(|o| [&o.client_secret, &o.refresh_token]);
        let secrets = oauth2.chain([&self.password]).flatten();
        secrets
            .filter_map(|s| if let Password::File(path) = s { Some(path.as_path()) } else { None })
            .collect()
    }

    /// Takes relative paths from `folder`.
    pub(super) fn root(&mut self, folder: &Path) {
        let root = |path: &mut PathBuf| *path = folder.join(&*path);
        [&mut self.path, &mut self.ca_file].into_iter().flatten().for_each(root);
        if let Some(Password::File(path)) = &mut self.password {
            root(path);
        }
        if let Some(oauth2) = &mut self.oauth2 {
            oauth2.root(root);
        }
    }

    /// What the types can not say: key and message.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        if self.kind == MailboxKind::Maildir {
            let missing = self.path.is_none();
            return missing.then(|| needs("path", "maildir")).into_iter().collect();
        }
        if self.kind == MailboxKind::Lmtp {
            return match &self.listen {
                None => vec![needs("listen", "lmtp")],
                Some(text) if Listen::parse(text).is_none() => {
                    let wanted = "a loopback address with port (127.0.0.1:8024) or the path of a socket";
                    vec![("listen", format!("`{text}` is not {wanted}"))]
                }
                Some(_) => Vec::new(),
            };
        }
        let mut problems = Vec::new();
        if self.host.is_none() {
            problems.push(needs("host", "imap"));
        }
        if self.user.is_none() {
            problems.push(needs("user", "imap"));
        }
        match (&self.password, &self.oauth2) {
            (None, None) => problems.push(needs("password", "imap")),
            (Some(_), Some(_)) => {
                problems.push(("oauth2", "`password` and [mailbox.oauth2] exclude each other".into()));
            }
            (_, oauth2) => problems.extend(oauth2.iter().flat_map(|o| o.problems())),
        }
        let host = self.host.as_deref().unwrap_or_default();
        if self.tls == Tls::None && !super::is_loopback(host) {
            problems.push(("tls", format!("tls = \"none\" is for loopback only, not for {host}")));
        }
        problems
    }
}

fn needs(key: &str, kind: &str) -> (&'static str, String) {
    let instead = if key == "password" { " or a table [mailbox.oauth2]" } else { "" };
    ("kind", format!("[[mailbox]] of kind {kind:?} needs the key `{key}`{instead}"))
}
