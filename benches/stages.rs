//! What each stage costs a message: `cargo bench --bench stages [-- MESSAGES]`.
//!
//! The machine may be noisy, so figures are CPU time of the thread, and what counts is the ratio to the parse step
//! of the same run. `--check` ends with 1 when a ratio is out of bounds; absolute figures never fail.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "shared/generate.rs"]
mod generate;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use endorsed::config::{load_rules, shipped_rules};
use endorsed::daemon::{Engine, SeenAt};
use endorsed::edge::dkim;
use endorsed::edge::dns::Resolver;
use endorsed::edge::source::Fetched;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::judge::{Question, Rules, judge};
use endorsed::model::{
    Address, Criterion, DeclaredResult, Form, KeyRecord, KeyState, Message, Policy, Reading, Seller,
    Sighting, Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::Corpus;
use endorsed::read::read;
use endorsed::record::Place;

/// A whole reply may cost so many times what parsing it costs, commit included.
const WHOLE_RATIO_MAX: f64 = 60.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(2_000);
    let mails = generate::mails(count);
    let bytes: usize = mails.iter().map(Vec::len).sum();
    println!("{count} generated mails, {} bytes each in the mean", bytes / count);
    let mut table = Table::default();
    let messages: Vec<Message> = table.time("parse", count, || mails.iter().map(|m| parse(m)).collect());
    let readings: Vec<_> =
        table.time("read (split text)", count, || messages.iter().map(|m| read(m, &[])).collect());
    let rules = load_rules(None).unwrap();
    let criteria = criteria();
    // Patterns are compiled at their first use: that is not what is measured here.
    let warm = Question {
        form: Form::Request,
        asks: true,
        criteria: &criteria,
        own_names: vec!["Cascade"],
        account: None,
    };
    readings.iter().take(50).for_each(|r| drop(judge(r, &warm, &rules)));
    table.time("judge", count, || {
        let question = Question {
            form: Form::Request,
            asks: true,
            criteria: &criteria,
            own_names: vec!["Cascade"],
            account: None,
        };
        readings.iter().filter(|r| judge(r, &question, &rules).sure).count()
    });
    judge_rows(&mut table, count, &criteria);
    let (signed, keys) = signed_mails();
    table.time("verify (DKIM, key cached)", count, || {
        signed
            .iter()
            .cycle()
            .take(count)
            .filter(|m| dkim::check(m, &keys).iter().any(|s| s.headers_hold))
            .count()
    });
    let policy = policy();
    let witnessed: Vec<Witnessed> = messages
        .into_iter()
        .map(|m| Witnessed {
            seen_at: m.own_time().unwrap(),
            signatures: Vec::new(),
            sighting: Sighting::Delivered,
            carried_by: None,
            message: Arc::new(m),
        })
        .collect();
    table.time("consider (all but DNS, in memory)", count, || {
        Corpus::new(witnessed, &policy.seller).consider_all(&rules, &policy).len()
    });
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let engine = Arc::new(Engine::new(store, rules, policy, Resolver::from_json("none", "{}").unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    table.wall("whole way with commits (wall)", count, || {
        for (n, batch) in mails.chunks(200).enumerate() {
            let fetched = batch.iter().enumerate().map(|(i, raw)| Fetched {
                place: Place::File { path: format!("{n}/{i}") },
                raw: raw.clone(),
            });
            engine.take(fetched.collect(), SeenAt::Message).unwrap();
        }
        runtime.block_on(engine.consider_waiting()).unwrap()
    });
    let ratio = table.ratio_of_last();
    if arguments.iter().any(|a| a == "--check") && ratio > WHOLE_RATIO_MAX {
        eprintln!("the whole way costs {ratio:.1} times the parse step, at most {WHOLE_RATIO_MAX} is wanted");
        std::process::exit(1);
    }
}

/// A chatty reply of 400 bytes.
const REPLY: &str = "Hi Lee,\n\nsorry for the silence, we had the auditors in the house all week. The team went \
through the results again on Tuesday, and the restore of the volume took 31 minutes in each run. Single sign-on works \
with our provider, and the audit export arrives in the SIEM within seconds.\n\nAll three criteria are met, so we \
recommend Cascade to the steering committee and look forward to the next steps.\n\nBest regards\nDana\n";

/// What judging costs by the length of the text and by the number of rules: the first should grow with the length, the
/// second should not grow with the rules.
fn judge_rows(table: &mut Table, count: usize, criteria: &[Criterion]) {
    let question =
        Question { form: Form::Request, asks: true, criteria, own_names: vec!["Cascade"], account: None };
    let reading = |times: usize| Reading { fresh: REPLY.repeat(times), sure: true, ..Reading::default() };
    let run = |rules: &Rules, reading: &Reading, count: usize| {
        (0..count).filter(|_| judge(reading, &question, rules).sure).count()
    };
    let start = Instant::now();
    let rules = Rules::open(&shipped_rules()).unwrap();
    let opened = start.elapsed();
    run(&rules, &reading(1), 1);
    println!("rules opened in {opened:.0?}, first reply judged after {:.0?}", start.elapsed());
    run(&rules, &reading(1), 20);
    table.time("judge, 400 bytes", count, || run(&rules, &reading(1), count));
    table.time("judge, 4,000 bytes, each 400", count, || run(&rules, &reading(10), count / 10));
    table.time("judge, 32,000 bytes, each 400", count, || run(&rules, &reading(80), count / 80));
    let mut files = shipped_rules();
    files.push(("en/further.toml".to_owned(), further_rules(4_000)));
    let rules = Rules::open(&files).unwrap();
    run(&rules, &reading(1), 20);
    table.time("judge, 400 bytes, 4,000 further rules", count, || run(&rules, &reading(1), count));
}

/// Rules about words that no reply has, beside words that many have.
fn further_rules(count: usize) -> String {
    let rule = |n: usize| {
        format!(
            "[[rule]]\nid = \"further.{n}\"\nsays = \"concern\"\nwhy = \"w\"\n\
             match = ['(?:team|results|met) <3>(?:quux{n}|corge{n}s?) <2>criteria']\nhits = [\"h\"]\nmisses = [\"m\"]\n"
        )
    };
    (0..count).map(rule).collect()
}

/// Figures in µs a message.
#[derive(Default)]
struct Table {
    parse: f64,
    last: f64,
}

impl Table {
    fn time<T>(&mut self, stage: &str, count: usize, work: impl FnOnce() -> T) -> T {
        let start = cpu_ns();
        let result = work();
        self.row(stage, count, (cpu_ns() - start) as f64 / 1e3 / count as f64);
        result
    }

    fn wall<T>(&mut self, stage: &str, count: usize, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.row(stage, count, start.elapsed().as_secs_f64() * 1e6 / count as f64);
        result
    }

    fn row(&mut self, stage: &str, _count: usize, us: f64) {
        if self.parse == 0.0 {
            self.parse = us;
        }
        self.last = us;
        println!(
            "{stage:36} {us:9.1} µs/message {:10.0} messages/s {:7.2} x parse",
            1e6 / us,
            us / self.parse
        );
    }

    fn ratio_of_last(&self) -> f64 {
        self.last / self.parse
    }
}

/// CPU time of this thread in nanoseconds (proc(5), schedstat).
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn policy() -> Policy {
    Policy {
        trust_declared_champions: true,
        ..Policy::of(Seller {
            domains: vec!["northwind-labs.example".into()],
            names: vec!["Cascade".into()],
            evidence: Address::new("evidence@northwind-labs.example").unwrap(),
        })
    }
}

fn criteria() -> Vec<Criterion> {
    [
        "Restore of a 2 TB volume under 40 minutes",
        "SSO through the own identity provider",
        "Audit export to the SIEM",
    ]
    .into_iter()
    .zip(1..)
    .map(|(text, n)| Criterion { n, text: text.into(), result: DeclaredResult::Pass })
    .collect()
}

/// The signed mails of the fixtures with their keys.
fn signed_mails() -> (Vec<Message>, BTreeMap<String, KeyRecord>) {
    let mut keys = BTreeMap::new();
    let mut mails = Vec::new();
    for (path, bytes) in endorsed::embedded::CONVERSATIONS {
        if *path == "dns.json" {
            let names: BTreeMap<String, String> = serde_json::from_slice(bytes).unwrap();
            keys.extend(names.into_iter().map(|(name, text)| {
                let name = name.trim_end_matches('.').to_lowercase();
                let record = KeyRecord {
                    name: name.clone(),
                    state: KeyState::Found(text),
                    seen_at: jiff::Timestamp::UNIX_EPOCH,
                };
                (name, record)
            }));
        } else if path.ends_with(".eml") {
            mails.push(parse(bytes));
        }
    }
    mails.retain(|m| m.header("DKIM-Signature").next().is_some());
    (mails, keys)
}
