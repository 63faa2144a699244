//! `[[mailbox]]`: what to watch and how to sign in.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::edge::Password;
use crate::edge::imap::{SignIn, Tls};
use crate::edge::oauth::{Mechanism, TokenSettings, Tokens, is_safe};

/// One `[[mailbox]]`: which keys are needed depends on `kind`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxSection {
    /// An IMAP folder or a Maildir.
    pub kind: MailboxKind,
    /// Maildir: folder that holds cur, new and tmp.
    pub path: Option<PathBuf>,
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
}

/// `[mailbox.oauth2]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Section {
    /// Fills in endpoint and scope.
    pub provider: Option<Provider>,
    /// Microsoft 365: directory (tenant) id or domain.
    pub tenant: Option<String>,
    /// Token endpoint, where there is no provider.
    pub token_url: Option<String>,
    /// Registered client (application) id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Option<Password>,
    /// The mailbox owner's refresh token; without it the client asks in its own name.
    pub refresh_token: Option<Password>,
    /// Scope to ask for instead of the provider's.
    pub scope: Option<String>,
    /// SASL mechanism.
    #[serde(default)]
    pub mechanism: Mechanism,
}

/// A provider whose endpoint and scope we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Gmail and Google Workspace.
    Gmail,
    /// Microsoft 365.
    Microsoft365,
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
            (None, Some(oauth2)) => Some(SignIn::OAuth2(Tokens::new(oauth2.settings()?))),
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
        let oauth2 = self.oauth2.as_mut().map(|o| [&mut o.client_secret, &mut o.refresh_token]);
        let secrets = oauth2.into_iter().flatten().chain([&mut self.password]);
        for secret in secrets.flatten() {
            if let Password::File(path) = secret {
                root(path);
            }
        }
    }

    /// What the types can not say: key and message.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        if self.kind == MailboxKind::Maildir {
            let missing = self.path.is_none();
            return missing.then(|| needs("path", "maildir")).into_iter().collect();
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

impl OAuth2Section {
    /// The settings; `None` in a section that was not checked.
    pub fn settings(&self) -> Option<TokenSettings> {
        let (url, scope) = match self.provider {
            Some(Provider::Gmail) => {
                (Some("https://oauth2.googleapis.com/token".to_owned()), Some("https://mail.google.com/"))
            }
            Some(Provider::Microsoft365) => {
                let tenant = self.tenant.as_deref()?;
                let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
                // A client's own credentials take the scopes that an administrator granted.
                let scope = match self.refresh_token {
                    Some(_) => "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
                    None => "https://outlook.office365.com/.default",
                };
                (Some(url), Some(scope))
            }
            None => (None, None),
        };
        Some(TokenSettings {
            url: self.token_url.clone().or(url)?,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            refresh_token: self.refresh_token.clone(),
            scope: self.scope.clone().or(scope.map(str::to_owned)),
            mechanism: self.mechanism,
        })
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        match (self.provider, &self.token_url) {
            (None, None) => {
                let known = "a `provider` (gmail, microsoft365) or a `token_url`";
                problems.push(("client_id", format!("[mailbox.oauth2] needs {known}")));
            }
            (Some(Provider::Microsoft365), None) if self.tenant.is_none() => {
                problems.push(("provider", "microsoft365 needs the key `tenant`".into()));
            }
            (Some(Provider::Gmail), _) if self.refresh_token.is_none() => {
                problems.push(("provider", "gmail needs the key `refresh_token`".into()));
            }
            _ => {}
        }
        if self.refresh_token.is_none() && self.client_secret.is_none() {
            let text = "without a `refresh_token` the client needs a `client_secret`".to_owned();
            problems.push(("client_id", text));
        }
        if let Some(url) = &self.token_url
            && !is_safe(url)
        {
            problems.push(("token_url", format!("{url} must be https: secrets travel to it")));
        }
        problems
    }
}
