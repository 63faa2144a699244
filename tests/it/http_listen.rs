//! The listener over real connections: TLS, a Unix socket, no file descriptors left, a stop in the middle of work.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use endorsed::answer::{Brief, Head, LogAnswer, LogQuestion, Request, Response, Role, Window, WindowAnswer};
use endorsed::edge::http::{Limits, Listen, Settings, TlsFiles, bind};
use endorsed::edge::socket::Ask;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::Digest;
use endorsed::record::Entry;
use endorsed::record::log::{Signer, sign_claims};
use serde_json::json;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::dovecot::certificates;
use crate::home::{Home, PATIENCE};
use crate::http_api::token;
use crate::http_served::{Served, closed};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A client that trusts these authorities and no other.
fn secured(stream: TcpStream, trusted: Option<&Path>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = trusted {
        roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(served.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// What comes back; an end without a word is an empty text.
fn exchange(mut stream: impl Read + Write, request: &[u8]) -> String {
    let mut octets = Vec::new();
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(&mut octets);
    String::from_utf8_lossy(&octets).into_owned()
}

#[test]
fn tls_is_spoken_and_who_never_ends_the_handshake_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let tls = TlsFiles { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let limits = Limits { header_wait: Duration::from_millis(700), connections_max: 2, ..Limits::default() };
    let served = Served::new(Settings { tls: Some(tls), limits, ..closed() });
    let ca = folder.path().join("ca.pem");
    assert!(exchange(secured(connect(&served), Some(&ca)), HEALTH).starts_with("HTTP/1.1 200"));
    assert_eq!(exchange(secured(connect(&served), None), HEALTH), "", "nobody vouches for the server");
    assert!(!exchange(connect(&served), HEALTH).contains("HTTP/1.1 200"), "in the clear");
    // Every place is taken by somebody who says nothing, or half of a greeting.
    let start = Instant::now();
    let (mut silent, mut half) = (connect(&served), connect(&served));
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).unwrap();
    assert!(exchange(secured(connect(&served), Some(&ca)), HEALTH).starts_with("HTTP/1.1 200"));
    let mut octet = [0];
    for stream in [&mut silent, &mut half] {
        assert!(matches!(stream.read(&mut octet), Ok(0) | Err(_)), "the connection is closed");
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bound = |cert: &str, key: &str| {
        let tls = TlsFiles { cert: folder.path().join(cert), key: folder.path().join(key) };
        runtime.block_on(bind(&Settings { tls: Some(tls), ..closed() })).err().map(|e| e.to_string())
    };
    assert_eq!(bound("cert.pem", "key.pem"), None);
    for (cert, key, named) in [
        ("none.pem", "key.pem", "none.pem"),
        ("cert.pem", "cert.pem", "cert.pem"),
        ("cert.pem", "ca.key", "cert.pem"),
    ] {
        let problem = bound(cert, key).unwrap();
        assert!(problem.contains("[http.tls]") && problem.contains(named), "{problem}");
    }
}

#[test]
fn a_unix_socket_is_for_owner_and_group_and_only_a_dead_one_is_replaced() {
    let folder = tempfile::Builder::new().prefix("edu").tempdir_in("/tmp").unwrap();
    let path = folder.path().join("http");
    // A daemon that was killed left it behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let settings = Settings { listen: Listen::Unix(path.clone()), ..closed() };
    let served = Served::new(settings.clone());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let ask = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        exchange(stream, HEALTH)
    };
    assert!(ask().starts_with("HTTP/1.1 200"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let again = runtime.block_on(bind(&settings)).err().unwrap().to_string();
    assert!(again.contains("in use"), "{again}");
    assert!(ask().starts_with("HTTP/1.1 200"), "the first one goes on");
    drop(served);
    let file = folder.path().join("notes");
    std::fs::write(&file, "mine").unwrap();
    let taken = Settings { listen: Listen::Unix(file.clone()), ..closed() };
    let refused = runtime.block_on(bind(&taken)).err().unwrap().to_string();
    assert!(refused.contains("is no socket"), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

/// The process may open no more files: it waits, without filling its log, and goes on when it may again.
#[test]
fn a_listener_without_descriptors_waits_and_does_not_spin() {
    let home = Home::maildir();
    let daemon = home.start();
    let pid = daemon.0.id();
    let limit = |files: usize| {
        let set =
            Command::new("prlimit").args([format!("--pid={pid}"), format!("--nofile={files}:")]).status();
        assert!(set.unwrap().success());
    };
    let told = || home.log().matches("\"http.accept\"").count();
    let open = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{what}: {}", home.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    // What is opened at the start alone is closed again.
    let steady = std::cell::Cell::new(0);
    until("it never rests", &|| home.get("/healthz").0 == 200 && steady.replace(open()) == open());
    limit(open() + 3);
    let start = Instant::now();
    let resting: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", home.port)).unwrap()).collect();
    until("no error was told", &|| told() >= 3);
    home.deliver("1.a", &home.letters.declaration("OPP-72950"));
    until("it went on", &|| told() >= 6);
    // One line in a tenth of a second, and no more of them.
    let most = start.elapsed().as_millis() as usize / 100 + 2;
    assert!(told() <= most, "{} lines, {most} at most", told());
    limit(1_024);
    drop(resting);
    assert_eq!(home.get("/healthz").0, 200);
    until("the mail is lost", &|| home.get("/v1/opportunities/OPP-72950").0 == 200);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

/// A write that was answered is on record, whenever the stop came; what was not answered may be or not.
#[test]
fn a_stop_with_requests_in_the_backlog_loses_no_answered_write() {
    const CLIENTS: usize = 120;
    let home = Home::maildir();
    let daemon = home.start();
    let token = token(&home, "crm", "gate");
    let body = json!({ "opportunity": "OPP-1", "to": "commercial_review" }).to_string();
    let request = format!(
        "POST /v1/gate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let streams: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", home.port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let answered = streams
        .into_iter()
        .filter_map(|mut stream| {
            let mut octets = Vec::new();
            let _ = stream.read_to_end(&mut octets);
            let text = String::from_utf8_lossy(&octets).into_owned();
            let is_whole = text.starts_with("HTTP/1.1 200") && text.ends_with('}');
            assert!(is_whole || text.is_empty(), "half an answer: {text}");
            is_whole.then_some(())
        })
        .count();
    let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let entries = store.entries(0..store.size()).unwrap();
    let recorded = entries.iter().filter(|entry| matches!(entry, Entry::Gate { .. })).count();
    assert!(answered <= recorded && recorded <= CLIENTS, "{answered} answered, {recorded} on record");
}

#[test]
fn a_receipt_ends() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::new("deals.example/log", &[7; 32]).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let verify = |claims: serde_json::Value| {
        let file = folder.path().join("receipt");
        std::fs::write(&file, sign_claims(&signer, &claims).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_endorsed"));
        command.args(["verify", "--receipt", file.to_str().unwrap(), "--key", signer.verifier()]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap().lines().next().unwrap().to_owned())
    };
    let claims =
        |exp: i64| json!({ "iss": "deals.example/log", "sub": "OPP-1", "allowed": true, "exp": exp });
    assert_eq!(verify(claims(now + 600)), (Some(0), "VERIFIED".to_owned()));
    assert_eq!(verify(claims(now)), (Some(1), "EXPIRED".to_owned()));
    assert_eq!(verify(claims(now - 1)), (Some(1), "EXPIRED".to_owned()));
    let endless = json!({ "iss": "deals.example/log", "sub": "OPP-1", "allowed": true });
    assert_eq!(verify(endless), (Some(1), "EXPIRED".to_owned()), "one without an end is not good for ever");
    assert_eq!(verify(json!({ "iss": "deals.example/log", "exp": "9999999999" })).0, Some(1));
}

/// A window with one deal.
fn drawn(window: Window) -> WindowAnswer {
    let head = || Head { size: 0, root: Digest::of(b"") };
    let now = jiff::Timestamp::now();
    let brief = json!({
        "opportunity": "OPP-1", "account": null, "seller": null, "standing": "awaiting_reply", "accepted_by": [],
        "reason": null, "quote": null, "verified": false, "confirmed": 0, "total": 0, "first_at": now, "at": now,
        "due": null, "overdue": false, "verified_at": null, "objection": false, "champions": [],
    });
    let brief: Brief = serde_json::from_value(brief).unwrap();
    WindowAnswer {
        window,
        as_of: now,
        size: 0,
        read: 0,
        heads: [head(), head(), head()],
        verifier: String::new(),
        governed: Vec::new(),
        acts: Vec::new(),
        acts_left_out: 0,
        population: BTreeMap::new(),
        sample: vec![brief],
    }
}

/// Packing holds mail in memory several times over: a second auditor waits.
#[test]
fn one_sample_is_packed_at_a_time() {
    let slow = |ask: Ask| -> Ask {
        Arc::new(move |request| match request {
            Request::Window(window) => Response::Window(Box::new(drawn(window))),
            Request::Log(LogQuestion::Packs { .. }) => {
                std::thread::sleep(Duration::from_secs(2));
                Response::Log(Box::new(LogAnswer::Packs(BTreeMap::new())))
            }
            other => ask(other),
        })
    };
    let served = Served::answering(closed(), slow);
    let token = served.token(Role::Audit);
    let page = served.send("GET", "/audit", &[("Authorization", &format!("Bearer {token}"))], "");
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let ask = || {
        let bearer = format!("Bearer {token}");
        let typed = ("Content-Type", "application/x-www-form-urlencoded");
        let fields = [("Authorization", bearer.as_str()), typed];
        served.send("POST", "/audit/pack", &fields, &format!("csrf={csrf}&seed=1")).status
    };
    let mut statuses = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<u16>>()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429, 429]);
    assert_eq!(ask(), 200, "the place is given back");
}
