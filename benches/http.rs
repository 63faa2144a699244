//! Gate questions over HTTP: `cargo bench --bench http [-- DEALS]` (default 100000: 400,000 entries; 250000 make a million).
//! Needs `wrk` in the path. Prints the rate at 64 connections, the 99th percentile, and the ratio to an empty handler that
//! the same process serves; then the same while mail comes in; then holds answers against the record.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/deals.rs"]
mod deals;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deals::{DEAL, conversation, entry, opportunity, scatter};
use endorsed::answer::{Context, Request, Response};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{self, Board, Daemon, Desk, Engine, SeenAt};
use endorsed::edge::dns::Resolver;
use endorsed::edge::http::{Limits, Settings};
use endorsed::edge::store::{Batch, OpenOptions, Store};
use endorsed::gate::Freshness;
use endorsed::model::{Address, Outcome, Policy, Seller, Terms};
use endorsed::prompt::Clocks;
use tokio::sync::watch;

/// Entries in one commit while the record is filled.
const GROUP: u64 = 64;
/// How long each measurement takes.
const SECONDS: u64 = 10;
/// Commits a second while mail comes in: far more than any mailbox has.
const MAILS: u64 = 50;
/// Copies of the queue of the day by which its memory is measured.
const BOARDS: u64 = 3;
/// Answers that are held against the record.
const CHECKED: u64 = 2_000;

fn main() {
    let deals: u64 = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let (templates, begin) = (conversation(), Instant::now());
    let store = fill(&folder.path().join("store"), deals * DEAL, &templates);
    println!("record filled in {:.0} s", begin.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (desk, served, stop) = serve(&runtime, folder.path(), store);
    let empty = serve_empty(&runtime);
    let begin = Instant::now();
    warm(served, deals);
    println!("{deals} deals, {} entries, RSS {} MiB", desk.engine.store.size(), rss_mib());
    println!("first questions: {:.0}/s", deals as f64 / begin.elapsed().as_secs_f64());
    read_boards(&desk, deals);
    let script = folder.path().join("ask.lua");
    std::fs::write(&script, SCRIPT.replace("DEALS", &deals.to_string())).unwrap();
    let (base, base_p99) = wrk(empty, "/", None);
    let (rate, p99) = wrk(served, "/", Some(&script));
    println!("empty handler: {base:.0}/s, p99 {base_p99}");
    println!("gate: {rate:.0}/s, p99 {p99}, {:.0} % of the empty handler", 100.0 * rate / base);
    let (running, came) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let (goes_on, coming, writer) = (Arc::clone(&running), Arc::clone(&came), Arc::clone(&desk));
    let mails = std::thread::spawn(move || {
        while goes_on.load(Ordering::Relaxed) {
            // Old deals, considered anew: each drops an answer.
            let n = coming.fetch_add(1, Ordering::Relaxed);
            let entries = vec![entry(scatter(n, deals) * DEAL + 3, &templates)];
            writer.engine.store.append(Batch { entries, ..Batch::default() }).unwrap();
            std::thread::sleep(Duration::from_millis(1_000 / MAILS));
        }
    });
    let (rate, p99) = wrk(served, "/", Some(&script));
    running.store(false, Ordering::Relaxed);
    mails.join().unwrap();
    println!("gate while {} mails came in: {rate:.0}/s, p99 {p99}", came.load(Ordering::Relaxed));
    check(&desk, served, deals);
    println!("{CHECKED} answers agree with the record; RSS {} MiB", rss_mib());
    println!("aims: 20000/s, p99 5 ms, 60 %");
    stop.send_replace(true);
}

/// What the queue of the day takes: how fast it reads the record, and what the process grows by for each further copy of it. The
/// first one also takes what was free before.
fn read_boards(desk: &Desk, deals: u64) {
    let (gates, terms, clocks) = (shipped_gates().unwrap(), Terms::default(), Clocks::default());
    let (freshness, now) = (Freshness::Fresh, jiff::Timestamp::now());
    let context = Context { gates: &gates, freshness, now, terms: &terms, clocks: &clocks };
    let read = || {
        let board = Board::default();
        loop {
            let answer = board.answer(&desk.engine.store, context);
            let Response::Board(answer) = answer else { panic!("no board: {answer:?}") };
            if answer.read >= answer.size {
                return board;
            }
        }
    };
    let begin = Instant::now();
    let first = read();
    let (took, before) = (begin.elapsed().as_secs_f64(), rss_kib());
    let more: Vec<Board> = (0..BOARDS).map(|_| read()).collect();
    let octets = rss_kib().saturating_sub(before) * 1024 / deals / BOARDS;
    println!("board: read in {took:.1} s, {octets} octets a deal");
    drop((first, more));
}

/// What wrk asks.
const SCRIPT: &str = "math.randomseed(os.time())
request = function()
  return wrk.format('GET', '/v1/gate?to=commercial_review&opportunity=OPP-' .. math.random(0, DEALS - 1))
end
";

fn fill(path: &Path, size: u64, templates: &[Outcome]) -> Store {
    let store = Store::open(path, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let mut next = 0;
    while next < size {
        let end = (next + GROUP).min(size);
        let batch = Batch { entries: (next..end).map(|n| entry(n, templates)).collect(), ..Batch::default() };
        store.append(batch).unwrap();
        next = end;
    }
    store
}

fn serve(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    store: Store,
) -> (Arc<Desk>, SocketAddr, watch::Sender<bool>) {
    let policy = Policy {
        trust_declared_champions: true,
        ..Policy::of(Seller {
            domains: vec!["northwind-labs.example".into()],
            names: vec!["Northwind".into()],
            evidence: Address::new("evidence@northwind-labs.example").unwrap(),
        })
    };
    let dns = folder.join("dns.json");
    std::fs::write(&dns, "{}").unwrap();
    let engine = Engine::new(store, load_rules(None).unwrap(), policy, Resolver::file(&dns).unwrap());
    let limits = Limits { requests_per_second: u32::MAX, ..Limits::default() };
    let daemon = Daemon {
        desk: Desk::new(engine, shipped_gates().unwrap()),
        mailboxes: Vec::new(),
        outbox: None,
        http: Some(Settings { limits, ..Settings::loopback(0) }),
        socket: folder.join("store"),
        seen_at: SeenAt::Clock,
    };
    let (stop, stopped) = watch::channel(false);
    let (ready, is_ready) = std::sync::mpsc::channel();
    runtime.spawn(daemon::run(daemon, stopped, move |address, desk| {
        ready.send((desk, address.unwrap())).unwrap();
    }));
    let (desk, address) = is_ready.recv().unwrap();
    (desk, address, stop)
}

/// The least that axum can do with JSON.
fn serve_empty(runtime: &tokio::runtime::Runtime) -> SocketAddr {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let empty = axum::routing::get(|| async { axum::Json(serde_json::json!({ "allowed": false })) });
    let router = axum::Router::new().route("/", empty);
    runtime.spawn(async move { axum::serve(listener, router).await });
    address
}

/// Asks about every deal once.
fn warm(address: SocketAddr, deals: u64) {
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                let mut reader = BufReader::new(TcpStream::connect(address).unwrap());
                for deal in (part..deals).step_by(4) {
                    assert!(ask(&mut reader, deal).contains("\"allowed\":true"));
                }
            });
        }
    });
}

/// The body of one answer.
fn ask(reader: &mut BufReader<TcpStream>, deal: u64) -> String {
    let path = format!("/v1/gate?to=commercial_review&opportunity={}", opportunity(deal));
    // In one piece: `write!` sends piece by piece, and each would wait for the acknowledgement of the one before.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    reader.get_mut().write_all(request.as_bytes()).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// Requests a second, and the 99th percentile as wrk prints it.
fn wrk(address: SocketAddr, path: &str, script: Option<&Path>) -> (f64, String) {
    let mut command = Command::new("wrk");
    command.args(["-t2", "-c64", "--latency", &format!("-d{SECONDS}s")]);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let output = command.arg(format!("http://{address}{path}")).output().expect("wrk is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{text}");
    let word = |name: &str| {
        let line =
            text.lines().find(|line| line.trim().starts_with(name)).unwrap_or_else(|| panic!("{text}"));
        line.split_whitespace().last().unwrap().to_owned()
    };
    (word("Requests/sec").parse().unwrap(), word("99%"))
}

/// Holds answers from memory against the record.
fn check(desk: &Desk, address: SocketAddr, deals: u64) {
    let mut reader = BufReader::new(TcpStream::connect(address).unwrap());
    for n in 0..CHECKED {
        let deal = scatter(n, deals);
        let mut given: serde_json::Value = serde_json::from_str(&ask(&mut reader, deal)).unwrap();
        let request = Request::Gate { opportunity: opportunity(deal), to: "commercial_review".into() };
        let Response::Gate(known) = desk.answer(request) else { panic!("no answer") };
        let mut known = serde_json::to_value(known).unwrap();
        for value in [&mut given, &mut known] {
            value.as_object_mut().unwrap().remove("as_of");
        }
        assert_eq!(given, known);
    }
}

fn rss_mib() -> u64 {
    rss_kib() / 1024
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_default()
}
