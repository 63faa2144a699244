//! The record as it grows: `cargo bench --bench record [-- ENTRIES …]` (default 1000 10000 100000; a million is an
//! argument). Each deal is four entries: two mails seen, two considered, with the outcomes of a shipped conversation.
//!
//! The machine may be noisy: figures are for reading, next to the aims that they print.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use endorsed::answer::{Request, Response};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::answer_from;
use endorsed::edge::dkim;
use endorsed::edge::store::{Batch, OpenOptions, Store};
use endorsed::gate::Freshness;
use endorsed::model::{
    Address, Digest, KeyRecord, KeyState, MessageId, OpportunityId, Outcome, Policy, Seller, Terms, Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::Corpus;
use endorsed::record::log::{Checkpoint, Scope, Signer};
use endorsed::record::{Entry, Links, Place, Seen};

/// Entries in one commit.
const GROUP: u64 = 64;
/// Entries of one deal.
const DEAL: u64 = 4;
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
        let request = Request::Gate { opportunity, to: "commercial_review".into(), record: false };
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

/// The outcomes of a shipped conversation that is confirmed: declaration and reply.
fn conversation() -> Vec<Outcome> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations");
    let dns: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(root.join("dns.json")).unwrap()).unwrap();
    let seller = Seller {
        domains: vec!["northwind-labs.example".into()],
        names: vec!["Northwind".into(), "Cascade".into()],
        evidence: Address::new("evidence@northwind-labs.example").unwrap(),
    };
    let policy = Policy {
        seller: seller.clone(),
        accounts: None,
        trust_declared_champions: true,
        signature_age_days_max: Policy::SIGNATURE_AGE_DAYS_MAX,
        accept_attached: true,
        receiver: None,
    };
    let witnessed = ["01-declaration.eml", "02-reply.eml"].map(|name| {
        let message = parse(&std::fs::read(root.join("01-plain-confirmation").join(name)).unwrap());
        let seen_at = message.own_time().unwrap();
        let key = |(name, text): (&String, &String)| {
            let name = name.trim_end_matches('.').to_lowercase();
            (name.clone(), KeyRecord { name, state: KeyState::Found(text.clone()), seen_at })
        };
        let signatures = dkim::check(&message, &dns.iter().map(key).collect());
        Witnessed { message: message.into(), signatures, seen_at, attached: false, carried_by: None }
    });
    let corpus = Corpus::new(witnessed.into(), &seller);
    let outcomes = corpus.consider_all(&load_rules(None).unwrap(), &policy);
    assert!(outcomes.len() == 2 && outcomes[1].endorsed, "the shipped conversation confirms");
    outcomes
}

fn opportunity(deal: u64) -> OpportunityId {
    OpportunityId::new(&format!("OPP-{deal}")).unwrap()
}

/// Entry number `n`: each deal is two mails seen, then both considered.
fn entry(n: u64, templates: &[Outcome]) -> Entry {
    let (deal, part) = (n / DEAL, n % DEAL);
    let which = usize::try_from(part % 2).unwrap();
    let name = |which: usize| Digest::of(format!("{deal}/{which}").as_bytes());
    let id = |which: usize| MessageId::new(&format!("{deal}.{which}@bench.example")).unwrap();
    let parents = if which == 1 { vec![id(0)] } else { Vec::new() };
    let template = &templates[which];
    if part < 2 {
        let uid = u32::try_from(n).unwrap_or_default() + 1;
        return Entry::Seen(Seen {
            sha256: name(which),
            size: 4_000,
            place: Place::Imap { mailbox: "imap://evidence@bench/INBOX".into(), uid_validity: 1, uid },
            seen_at: template.seen_at,
            links: Links { message_id: Some(id(which)), parents },
        });
    }
    Entry::Considered(Box::new(Outcome {
        sha256: name(which),
        identity: name(which),
        message_id: Some(id(which)),
        parents,
        opportunity: Some(opportunity(deal)),
        answers: template.answers.as_ref().map(|_| id(0)),
        answers_identity: template.answers_identity.map(|_| name(0)),
        ..template.clone()
    }))
}

/// Numbers below `bound` in an order that no cache foresees.
fn scatter(n: u64, bound: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(17) % bound.max(1)
}

fn rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or_default() / 1024
}
