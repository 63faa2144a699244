//! The record as it grows: `cargo bench --bench record [-- ENTRIES …]` (default 1000 10000 100000; a million is an
//! argument). Each deal is four entries: two mails seen, two considered, with the outcomes of a shipped conversation.
//!
//! The machine may be noisy: figures are for reading, next to the aims that they print.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/deals.rs"]
mod deals;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deals::{DEAL, conversation, entry, opportunity, scatter};
use endorsed::answer::{Request, Response};
use endorsed::config::shipped_gates;
use endorsed::daemon::answer_from;
use endorsed::edge::store::{Batch, OpenOptions, Store};
use endorsed::gate::Freshness;
use endorsed::model::{Outcome, Terms};
use endorsed::record::Entry;
use endorsed::record::log::{Checkpoint, Scope, Signer};

/// Entries in one commit.
const GROUP: u64 = 64;
/// Questions and proofs that a mean is taken over.
const ASKED: u64 = 500;

/// Set in the process that opens what another one filled: memory and open time of a daemon that starts.
const OPENED: &str = "ENDORSED_BENCH_OPENED";

fn main() {
    if let Some(folder) = std::env::var_os(OPENED) {
        let size = std::env::args().find_map(|a| a.parse().ok()).unwrap();
        return print!("{}", ask(Path::new(&folder), size));
    }
    let asked: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked };
    let templates = conversation();
    println!(
        "{:>9} {:>10} {:>9} {:>9} {:>12} {:>12} {:>11} {:>9} {:>9} {:>9}",
        "entries",
        "commit/s",
        "open ms",
        "gate µs",
        "proof+sig µs",
        "durable µs",
        "audit/s",
        "RSS open",
        "RSS ask",
        "RSS fill"
    );
    for size in sizes {
        println!("{}", measure(size, &templates));
    }
    println!("aims at a million: 5000/s, 1500 ms, 200 µs, 1000 µs, –, 100000/s, 250 MiB");
}

fn measure(size: u64, templates: &[Outcome]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut committing = Duration::ZERO;
    let mut next = 0;
    while next < size {
        let end = (next + GROUP).min(size);
        let batch = Batch { entries: (next..end).map(|n| entry(n, templates)).collect(), ..Batch::default() };
        let begin = Instant::now();
        store.append(batch).unwrap();
        committing += begin.elapsed();
        next = end;
    }
    let rss_filled = rss_mib();
    drop(store);
    let asked = Command::new(std::env::current_exe().unwrap())
        .arg(size.to_string())
        .env(OPENED, folder.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(asked.status.success());
    format!(
        "{size:>9} {:>10.0} {} {:>8}M",
        size as f64 / committing.as_secs_f64(),
        String::from_utf8(asked.stdout).unwrap(),
        rss_filled
    )
}

/// Opens a store of `size` entries, asks it, and reads all of it: the middle of the line.
fn ask(folder: &Path, size: u64) -> String {
    let begin = Instant::now();
    let store = Store::open(folder, OpenOptions::default()).unwrap();
    let open = begin.elapsed();
    let rss_open = rss_mib();
    let gate = gate_time(&store, size / DEAL);
    let (proof, durable) = proof_time(&store, size);
    let begin = Instant::now();
    let audit = store.audit(Scope::Log, None).unwrap();
    let audited = begin.elapsed();
    assert!(audit.is_clean() && audit.log_size >= size, "{:?}", audit.findings);
    format!(
        "{:>9.0} {:>9.1} {:>12.0} {:>12.0} {:>11.0} {rss_open:>8}M {:>8}M",
        open.as_secs_f64() * 1e3,
        gate * 1e6,
        proof * 1e6,
        durable * 1e6,
        audit.log_size as f64 / audited.as_secs_f64(),
        rss_mib(),
    )
}

/// Seconds of one gate answer, in process.
fn gate_time(store: &Store, deals: u64) -> f64 {
    let gates = shipped_gates().unwrap();
    let terms = Terms::default();
    let begin = Instant::now();
    for n in 0..ASKED {
        let opportunity = opportunity(scatter(n, deals));
        let request = Request::Gate { opportunity, to: "commercial_review".into() };
        match answer_from(store, &gates, &terms, Freshness::Fresh, request) {
            Response::Gate(answer) => assert!(answer.allowed, "{:?}", answer.reasons),
            other => panic!("{other:?}"),
        }
    }
    begin.elapsed().as_secs_f64() / ASKED as f64
}

/// Seconds of one proof with a signature of its own, in memory; and of one whose head is made durable first.
fn proof_time(store: &Store, size: u64) -> (f64, f64) {
    let signer = Signer::new("bench.example/log", &[1; 32]).unwrap();
    store.checkpoint().unwrap();
    let begin = Instant::now();
    for n in 0..ASKED {
        let (size, root) = store.log_head();
        let head = Checkpoint { origin: "bench.example/log".into(), size, root };
        let note = head.sign(&signer).unwrap();
        let proof = store.prove(scatter(n, size)).unwrap().unwrap();
        assert!(!note.is_empty() && proof.path.len() >= 9);
    }
    let memory = begin.elapsed().as_secs_f64() / ASKED as f64;
    let mut durable = Duration::ZERO;
    for n in 0..20 {
        let entry = Entry::Gate { at: jiff::Timestamp::UNIX_EPOCH, answer: n.into() };
        store.append(Batch { entries: vec![entry], ..Batch::default() }).unwrap();
        let begin = Instant::now();
        store.prove(scatter(n, size)).unwrap().unwrap();
        durable += begin.elapsed();
    }
    (memory, durable.as_secs_f64() / 20.0)
}

fn rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or_default() / 1024
}
