//! `[mailbox.oauth2]`, `[smtp.oauth2]`: access tokens instead of a password.

use std::path::PathBuf;

use serde::Deserialize;

use crate::edge::Password;
use crate::edge::imap::SignIn;
use crate::edge::oauth::{Mechanism, TokenSettings, Tokens, is_safe};

/// What a token is for: providers name their scopes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Reading the mailbox.
    Imap,
    /// Handing over letters.
    Smtp,
}

/// `[mailbox.oauth2]` and `[smtp.oauth2]`
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
    /// The account owner's refresh token; without it the client asks in its own name.
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

impl OAuth2Section {
    /// How to sign in to a service; `None` in a section that was not checked.
    pub fn sign_in(&self, service: Service) -> Option<SignIn> {
        Some(SignIn::OAuth2(Tokens::new(self.settings(service)?)))
    }

    fn settings(&self, service: Service) -> Option<TokenSettings> {
        let (url, scope) = match self.provider {
            Some(Provider::Gmail) => {
                (Some("https://oauth2.googleapis.com/token".to_owned()), Some("https://mail.google.com/"))
            }
            Some(Provider::Microsoft365) => {
                let url = |tenant| format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
                // A client's own credentials take the scopes that an administrator granted.
                let scope = match (&self.refresh_token, service) {
                    (Some(_), Service::Imap) => {
                        "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
                    }
                    (Some(_), Service::Smtp) => "https://outlook.office.com/SMTP.Send offline_access",
                    (None, _) => "https://outlook.office365.com/.default",
                };
                (self.tenant.as_deref().map(url), Some(scope))
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

    /// Takes relative paths from a folder by `root`.
    pub(super) fn root(&mut self, root: impl Fn(&mut PathBuf)) {
        for secret in [&mut self.client_secret, &mut self.refresh_token].into_iter().flatten() {
            if let Password::File(path) = secret {
                root(path);
            }
        }
    }

    /// What the types can not say: key and message.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        match (self.provider, &self.token_url) {
            (None, None) => {
                let known = "a `provider` (gmail, microsoft365) or a `token_url`";
                problems.push(("client_id", format!("[….oauth2] needs {known}")));
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
