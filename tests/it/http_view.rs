//! The view of gate answers says what the record says: after every mail, act and erasure, and while mail comes in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use endorsed::answer::{ActRequest, Request, Response, Wanted};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{Desk, Engine, View};
use endorsed::edge::dns::Resolver;
use endorsed::edge::store::{Batch, OpenOptions, Store};
use endorsed::model::{OpportunityId, Terms};
use serde_json::Value;

use crate::fixtures_make::northwind;

const TO: [&str; 3] = ["commercial_review", "contract_signature", "stage_5"];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations")
}

pub fn desk(folder: &Path) -> Desk {
    let store = Store::open(folder, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let resolver = Resolver::file(&root().join("dns.json")).unwrap();
    let engine = Engine::new(store, load_rules(None).unwrap(), northwind(), resolver);
    let terms = Terms { evidence_days_max: Some(90), ..Terms::default() };
    Desk { terms, ..Desk::new(engine, shipped_gates().unwrap()) }
}

/// Every mail of the shipped conversations, one of each in turn.
pub fn mails() -> Vec<(String, Vec<u8>)> {
    let mut mails = Vec::new();
    for folder in std::fs::read_dir(root()).unwrap().map(|f| f.unwrap().path()).filter(|p| p.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()) {
            if file.extension().is_some_and(|e| e == "eml") {
                let order = file.file_name().unwrap().to_string_lossy().into_owned();
                let name = format!("{order} {}", folder.file_name().unwrap().to_string_lossy());
                mails.push((name, std::fs::read(&file).unwrap()));
            }
        }
    }
    mails.sort();
    // Enough for every kind of answer; considering mail takes its time in a debug build.
    mails.truncate(60);
    mails
}

pub fn take(desk: &Desk, mails: &[(String, Vec<u8>)]) {
    let encode = |raw: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(raw);
    let files = mails.iter().map(|(name, raw)| (name.clone(), encode(raw))).collect();
    assert!(matches!(desk.answer(Request::Ingest { files }), Response::Ingested { .. }));
}

pub fn opportunities(desk: &Desk) -> Vec<OpportunityId> {
    desk.engine.store.opportunities(None, 1_000).unwrap()
}

fn plain(mut value: Value) -> Value {
    value.as_object_mut().unwrap().remove("as_of");
    value
}

fn known(desk: &Desk, opportunity: &OpportunityId, to: &str) -> Value {
    let request = Request::Gate { opportunity: opportunity.clone(), to: to.into() };
    match desk.answer(request) {
        Response::Gate(answer) => plain(serde_json::to_value(answer).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Asks about everything twice: what the view has, and what it makes. Returns how many answers it had.
fn compare(desk: &Desk, view: &View) -> usize {
    let mut had = 0;
    for opportunity in opportunities(desk) {
        for to in TO {
            let known = known(desk, &opportunity, to);
            if let Some(quick) = view.look(desk, &opportunity, to) {
                assert_eq!(plain(serde_json::from_str(&quick.body).unwrap()), known, "{opportunity} {to}");
                had += 1;
            }
            let Response::Gate(made) = view.answer(desk, &opportunity, to) else { panic!("{opportunity}") };
            assert_eq!(plain(serde_json::to_value(made).unwrap()), known, "{opportunity} {to}");
        }
    }
    had
}

#[test]
fn the_view_says_what_the_record_says_after_everything() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let view = View::new(1 << 20);
    let (mut had, mut step) = (0, 0);
    for some in mails().chunks(12) {
        take(&desk, some);
        runtime.block_on(desk.engine.consider_waiting()).unwrap();
        had += compare(&desk, &view);
        // What was not touched is still there, and says the same.
        let all = opportunities(&desk).len() * TO.len();
        assert!(compare(&desk, &view) > all / 2, "the view keeps nothing");
        step += 1;
        let Some(opportunity) = opportunities(&desk).get(step % 7).cloned() else { continue };
        let what = match step % 3 {
            0 => Wanted::Erase { what: opportunity.to_string() },
            _ => Wanted::Amount { opportunity, amount: 5_000_000 },
        };
        let act = ActRequest { by: "ana@desk.example".into(), reason: "why".into(), what };
        assert!(matches!(desk.answer(Request::Act(act)), Response::Done { .. }));
        had += compare(&desk, &view);
    }
    assert!(had > 100, "{had}");
}

#[test]
fn a_small_view_stays_small_and_right() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    take(&desk, &mails());
    runtime.block_on(desk.engine.consider_waiting()).unwrap();
    let view = View::new(20_000);
    compare(&desk, &view);
    let had = compare(&desk, &view);
    assert!(had < 20, "{had} answers of a thousand octets and more in twenty thousand");
    assert_eq!(compare(&desk, &View::new(0)), 0);
}

#[test]
fn the_view_is_right_while_mail_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Arc::new(desk(folder.path()));
    let view = Arc::new(View::new(1 << 20));
    let (running, compared) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (desk, view) = (Arc::clone(&desk), Arc::clone(&view));
            let (running, compared) = (Arc::clone(&running), Arc::clone(&compared));
            std::thread::spawn(move || {
                while running.load(Ordering::Relaxed) {
                    for opportunity in opportunities(&desk) {
                        let before = desk.engine.store.size();
                        let _made = view.answer(&desk, &opportunity, TO[0]);
                        let quick = view.look(&desk, &opportunity, TO[0]);
                        let known = known(&desk, &opportunity, TO[0]);
                        let Some(quick) = quick.filter(|_| desk.engine.store.size() == before) else {
                            continue;
                        };
                        let given = plain(serde_json::from_str(&quick.body).unwrap());
                        // The log may be ahead of what is acknowledged for a moment.
                        if known["log_size"] == given["log_size"] {
                            assert_eq!(given, known);
                            compared.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for some in mails().chunks(3) {
        take(&desk, some);
        runtime.block_on(desk.engine.consider_waiting()).unwrap();
    }
    let start = std::time::Instant::now();
    while compared.load(Ordering::Relaxed) < 50 && start.elapsed() < crate::home::PATIENCE {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.store(false, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(compared.load(Ordering::Relaxed) >= 50, "hardly anything was compared");
}

/// A commit is somewhere between the tree and the index most of the time here.
#[test]
fn an_answer_names_the_head_of_what_it_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Arc::new(desk(folder.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    take(&desk, &mails());
    runtime.block_on(desk.engine.consider_waiting()).unwrap();
    let store = &desk.engine.store;
    let running = AtomicBool::new(true);
    let what = endorsed::record::Governing::Gates;
    let entry = |n: usize| {
        let digest = Some(endorsed::model::Digest::of(&n.to_le_bytes()));
        endorsed::record::Entry::Governed { at: jiff::Timestamp::now(), what, digest }
    };
    store.append(Batch { entries: vec![entry(0)], ..Batch::default() }).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1.. {
                if !running.load(Ordering::Relaxed) {
                    return;
                }
                store.append(Batch { entries: vec![entry(n)], ..Batch::default() }).unwrap();
            }
        });
        for _ in 0..100 {
            let before = store.size();
            let (found, moment) = store.settled(|| store.governed(what).unwrap()).unwrap();
            let last = store.entries(moment.size - 1..moment.size).unwrap().pop().unwrap();
            let endorsed::record::Entry::Governed { digest, .. } = last else { panic!("{last:?}") };
            assert_eq!(found, digest, "what the index says is what the last entry of the head says");
            assert!(moment.size >= before);
            assert_eq!(store.log_root_at(moment.size).unwrap(), moment.root);
        }
        running.store(false, Ordering::Relaxed);
    });
}

#[test]
fn a_dead_store_answers_nothing_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    take(&desk, &mails());
    runtime.block_on(desk.engine.consider_waiting()).unwrap();
    let view = View::new(1 << 20);
    compare(&desk, &view);
    let opportunity = opportunities(&desk)
        .into_iter()
        .find(|opportunity| view.look(&desk, opportunity, TO[0]).is_some())
        .unwrap();
    // A checkpoint that somebody else wrote stops the store.
    desk.engine.store.checkpoint().unwrap();
    take(&desk, &[("late".into(), b"From: a@b.example\r\n\r\nlate".to_vec())]);
    std::fs::write(folder.path().join("checkpoint"), "another").unwrap();
    assert!(desk.engine.store.checkpoint().is_err());
    assert!(view.look(&desk, &opportunity, TO[0]).is_none());
    assert!(matches!(view.answer(&desk, &opportunity, TO[0]), Response::Failed { .. }));
    assert!(matches!(desk.answer(Request::Health), Response::Failed { .. }));
    let told = async { tokio::time::timeout(crate::home::PATIENCE, desk.engine.store.died()).await };
    assert!(runtime.block_on(told).is_ok(), "whoever waits for its end hears of it");
}
