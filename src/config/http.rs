//! `[http]`: where HTTP is served, to whom, and within which limits.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::answer::Role;
use crate::edge::http::{Limits, Listen, Proxy, Settings, TlsFiles};

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// `"127.0.0.1:8641"` or `"unix:/run/endorsed/http"`.
    #[serde(deserialize_with = "listen")]
    pub listen: Listen,
    /// What a process of this machine may do without a token; `gate` by default, `off` behind a proxy.
    pub open_on_loopback: Option<Open>,
    /// Names of this server besides `localhost`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Requests a second of one token or address.
    pub requests_per_second: Option<u32>,
    /// Seconds that a client may take for a header.
    pub header_seconds: Option<u32>,
    /// Seconds that a request may take.
    pub request_seconds: Option<u32>,
    /// The certificate.
    pub tls: Option<TlsSection>,
    /// The proxy that signs people in.
    pub proxy: Option<ProxySection>,
}

/// What may be done without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Open {
    /// Nothing.
    Off,
    /// Ask the gate; nothing is recorded.
    Gate,
    /// Read.
    Read,
}

/// `[http.tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// PEM file of the chain.
    pub cert: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// `[http.proxy]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySection {
    /// Field with the person's mail address.
    #[serde(default = "user_header")]
    pub user_header: String,
    /// Field with the person's groups.
    #[serde(default = "groups_header")]
    pub groups_header: String,
    /// Addresses of the proxy; none for whoever reaches the Unix socket.
    #[serde(default)]
    pub trusted: Vec<IpAddr>,
    /// The role of each group.
    pub roles: std::collections::BTreeMap<String, Role>,
}

fn user_header() -> String {
    "X-Forwarded-Email".into()
}

fn groups_header() -> String {
    "X-Forwarded-Groups".into()
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Listen, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Listen::Unix(path.into()));
    }
    let address: Result<SocketAddr, _> = text.parse();
    let wanted = "expected an address and a port like `127.0.0.1:8641`, or `unix:/run/endorsed/http`";
    address.map(Listen::Tcp).map_err(|_| D::Error::custom(format!("`{text}`: {wanted}")))
}

impl HttpSection {
    /// The settings of the listener.
    pub fn settings(&self) -> Settings {
        // Other machines come through a proxy then, and one that adds no field looks like this machine.
        let is_passed_on = self.proxy.is_some() || !self.hosts.is_empty();
        let usual = if is_passed_on { Open::Off } else { Open::Gate };
        let mut limits = Limits::default();
        let seconds = |n: u32| Duration::from_secs(n.max(1).into());
        limits.requests_per_second = self.requests_per_second.unwrap_or(limits.requests_per_second);
        limits.header_wait = self.header_seconds.map_or(limits.header_wait, seconds);
        limits.request_wait = self.request_seconds.map_or(limits.request_wait, seconds);
        Settings {
            listen: self.listen.clone(),
            tls: self.tls.as_ref().map(|tls| TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() }),
            open: match self.open_on_loopback.unwrap_or(usual) {
                Open::Off => None,
                Open::Gate => Some(Role::Gate),
                Open::Read => Some(Role::Read),
            },
            hosts: self.hosts.clone(),
            proxy: self.proxy.as_ref().map(|proxy| Proxy {
                user_field: proxy.user_header.to_ascii_lowercase(),
                groups_field: proxy.groups_header.to_ascii_lowercase(),
                trusted: proxy.trusted.clone(),
                roles: proxy.roles.iter().map(|(group, role)| (group.clone(), *role)).collect(),
            }),
            limits,
        }
    }

    /// Takes relative paths from the configuration's folder.
    pub(super) fn root(&mut self, folder: &Path) {
        let root = |path: &mut PathBuf| *path = folder.join(&*path);
        if let Listen::Unix(path) = &mut self.listen {
            root(path);
        }
        if let Some(tls) = &mut self.tls {
            root(&mut tls.cert);
            root(&mut tls.key);
        }
    }

    /// What the types can not say.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems: Vec<(&'static str, String)> =
            self.settings().problem().map(|p| ("listen", p)).into_iter().collect();
        if let Some(proxy) = &self.proxy {
            if proxy.trusted.is_empty() && matches!(self.listen, Listen::Tcp(_)) {
                let text = "[http.proxy] trusted names no address: anybody could claim to be anybody";
                problems.push(("trusted", text.into()));
            }
            if proxy.roles.is_empty() {
                problems.push(("roles", "[http.proxy] roles gives no group a role".into()));
            }
        }
        problems
    }
}
