//! Where HTTP is served, to whom, and within which limits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::answer::Role;

/// Where the listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// PEM files of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A proxy that signs people in and says in header fields who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Field with the person's mail address, in lower case.
    pub user_field: String,
    /// Field with the person's groups, separated by commas, in lower case.
    pub groups_field: String,
    /// Addresses that the proxy connects from; a Unix socket is the proxy's when this is empty.
    pub trusted: Vec<IpAddr>,
    /// Which role a group has.
    pub roles: Vec<(String, Role)>,
}

/// What a client may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second of one token, or of one address without a token; twice as many at once.
    pub requests_per_second: u32,
    /// Octets of a request's body.
    pub body_bytes_max: usize,
    /// How long a client may take for a TLS handshake and for the header of a request, and a connection may rest.
    pub header_wait: Duration,
    /// How long a request may take, its body included.
    pub request_wait: Duration,
    /// Connections at one time.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A deal desk of a hundred people and a CRM's nightly batch stay far below.
            requests_per_second: 500,
            // The largest write is an import of some ten thousand rows.
            body_bytes_max: 4 << 20,
            header_wait: Duration::from_secs(10),
            request_wait: Duration::from_secs(30),
            connections_max: 1_024,
        }
    }
}

/// Everything about the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where.
    pub listen: Listen,
    /// Its certificate.
    pub tls: Option<TlsFiles>,
    /// What a process of this machine may do without a token.
    pub open: Option<Role>,
    /// Names that clients may call this server by, besides those of loopback.
    pub hosts: Vec<String>,
    /// The proxy that signs people in.
    pub proxy: Option<Proxy>,
    /// What a client may use up.
    pub limits: Limits,
}

impl Settings {
    /// A listener on a loopback port, any that is free when `port` is 0, that lets this machine read.
    pub fn loopback(port: u16) -> Self {
        Self {
            listen: Listen::Tcp((Ipv4Addr::LOCALHOST, port).into()),
            tls: None,
            open: Some(Role::Read),
            hosts: Vec::new(),
            proxy: None,
            limits: Limits::default(),
        }
    }

    /// Why a listener of these settings must not be opened; `None` when it may.
    pub fn problem(&self) -> Option<String> {
        match &self.listen {
            Listen::Tcp(address) if !address.ip().is_loopback() && self.tls.is_none() => Some(format!(
                "{address} is not loopback and tokens must not cross a network in the clear: name a certificate with \
                 [http.tls] cert and key, or listen on \"unix:/run/endorsed/http\" or 127.0.0.1 behind a proxy"
            )),
            Listen::Unix(path) if self.tls.is_some() => {
                Some(format!("{} is a Unix socket: it takes no [http.tls]", path.display()))
            }
            _ => None,
        }
    }

    /// Whether only this machine reaches the listener.
    pub fn is_local(&self) -> bool {
        match &self.listen {
            Listen::Tcp(address) => address.ip().is_loopback(),
            Listen::Unix(_) => true,
        }
    }
}
