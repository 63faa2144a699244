//! `[smtp]`: the server that takes our letters.

use std::path::PathBuf;

use serde::Deserialize;

use super::oauth2::{OAuth2Section, Service};
use crate::edge::Password;
use crate::edge::imap::{SignIn, Tls};
use crate::edge::oauth::Mechanism;
use crate::edge::smtp::Settings;

/// `[smtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    /// Host name.
    pub host: String,
    /// Port.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: Tls,
    /// PEM file of a private certificate authority.
    pub ca_file: Option<PathBuf>,
    /// Account.
    pub user: Option<String>,
    /// Password; read again at each connect.
    pub password: Option<Password>,
    /// Access tokens instead of a password.
    pub oauth2: Option<OAuth2Section>,
    /// Sender.
    pub from: String,
}

fn smtp_port() -> u16 {
    587
}

impl SmtpSection {
    /// How to reach the server; `None` in a section that was not checked.
    pub fn settings(&self) -> Option<Settings> {
        let sign_in = match (&self.password, &self.oauth2) {
            (Some(password), _) => Some(SignIn::from(password.clone())),
            (None, Some(oauth2)) => oauth2.sign_in(Service::Smtp),
            (None, None) => None,
        };
        // Whoever was told to sign in never sends without.
        if self.user.is_some() != sign_in.is_some() {
            return None;
        }
        Some(Settings {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            ca_file: self.ca_file.clone(),
            login: self.user.clone().zip(sign_in),
        })
    }

    /// Takes relative paths from a folder by `root`.
    pub(super) fn root(&mut self, root: impl Fn(&mut PathBuf)) {
        self.ca_file.iter_mut().for_each(&root);
        if let Some(Password::File(path)) = &mut self.password {
            root(path);
        }
        if let Some(oauth2) = &mut self.oauth2 {
            oauth2.root(root);
        }
    }

    /// What the types can not say: key and message.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.tls == Tls::None && !super::is_loopback(&self.host) {
            problems.push(("tls", format!("tls = \"none\" is for loopback only, not for {}", self.host)));
        }
        if self.password.is_some() && self.oauth2.is_some() {
            problems.push(("oauth2", "`password` and [smtp.oauth2] exclude each other".into()));
        }
        if self.user.is_some() != (self.password.is_some() || self.oauth2.is_some()) {
            let text = "[smtp] `user` and a `password` or a table [smtp.oauth2] belong together";
            problems.push(("smtp", text.into()));
        }
        if let Some(oauth2) = &self.oauth2 {
            problems.extend(oauth2.problems());
            if oauth2.mechanism == Mechanism::OAuthBearer {
                problems.push(("mechanism", "[smtp.oauth2] signs in by xoauth2 only".into()));
            }
        }
        problems
    }
}
