//! A server of HTTP over a store of its own, inside the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use endorsed::answer::{Request, Response, Role};
use endorsed::config::shipped_gates;
use endorsed::daemon::{Webhooks, answer_from};
use endorsed::edge::http::{App, Settings, bind, serve};
use endorsed::edge::socket::Ask;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::edge::tokens::Tokens;
use endorsed::gate::Freshness;
use endorsed::model::Terms;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

/// A server; it stops with the value.
pub struct Served {
    pub store: Arc<Store>,
    _folder: TempDir,
    pub address: SocketAddr,
    pub tokens: Tokens,
    stop: watch::Sender<bool>,
    _runtime: tokio::runtime::Runtime,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// A field of the header.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The answer is problem+json with this status and code.
    pub fn is_problem(&self, status: u16, code: &str) -> bool {
        let kind = self.field("content-type") == Some("application/problem+json");
        self.status == status && kind && self.json()["code"] == code && self.json()["status"] == status
    }
}

impl Served {
    /// With these settings, over an empty store.
    pub fn new(settings: Settings) -> Self {
        Self::answering(settings, |ask| ask)
    }

    /// The same, with something between the server and the answers.
    pub fn answering(settings: Settings, between: impl FnOnce(Ask) -> Ask) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { create: true, ..OpenOptions::default() };
        let store = Arc::new(Store::open(folder.path(), options).unwrap());
        let asked = Arc::clone(&store);
        let gates = shipped_gates().unwrap();
        let ask: Ask = Arc::new(move |request: Request| -> Response {
            match request {
                Request::Webhooks(ask) => Webhooks::default().answer(&ask, asked.size()),
                other => answer_from(&asked, &gates, &Terms::default(), Freshness::Fresh, other),
            }
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, stopped) = watch::channel(false);
        let bound = runtime.block_on(bind(&settings)).unwrap();
        let address = bound.address().unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let app = App::new(between(ask), settings, Some(folder.path()), stopped);
        runtime.spawn(serve(bound, app));
        let tokens = Tokens::new(folder.path());
        Self { store, _folder: folder, address, tokens, stop, _runtime: runtime }
    }

    /// A token of a role.
    pub fn token(&self, role: Role) -> String {
        self.tokens.create(&format!("{}@northwind.example", role.as_str()), role, None).unwrap()
    }

    /// Sends a request.
    pub fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("Host: localhost:{}\r\n", self.address.port()));
        }
        if !body.is_empty() {
            let typed = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            // A body that is no object is a sheet.
            let kind = if body.starts_with('{') { "application/json" } else { "text/csv" };
            text.push_str(&if typed { String::new() } else { format!("Content-Type: {kind}\r\n") });
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.raw(text.as_bytes())
    }

    /// Sends a request with a token.
    pub fn with(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
    }

    /// Sends octets.
    pub fn raw(&self, octets: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The server may answer and close before everything is sent.
        let _ = stream.write_all(octets);
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { dechunked(body) } else { body.to_owned() };
        Answer { status, head: head.to_owned(), body }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// The chunks put together (RFC 9112 §7.1), as far as they came.
fn dechunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0).min(rest.len());
        if size == 0 {
            break;
        }
        body.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    body
}

/// Settings that let nobody in without a token.
pub fn closed() -> Settings {
    Settings { open: None, ..Settings::loopback(0) }
}
