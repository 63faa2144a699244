//! The view of gate answers says what the record says: after every mail, act and erasure, and while mail comes in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use endorsed::answer::{ActRequest, Request, Response, Wanted};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{Desk, Engine, View};
use endorsed::edge::dns::Resolver;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::{Address, OpportunityId, Policy, Seller, Terms};
use serde_json::Value;

const TO: [&str; 3] = ["commercial_review", "contract_signature", "stage_5"];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations")
}

fn desk(folder: &Path) -> Desk {
    let policy = Policy {
        trust_declared_champions: true,
        ..Policy::of(Seller {
            domains: vec!["northwind-labs.example".into()],
            names: vec!["Northwind".into(), "Cascade".into()],
            evidence: Address::new("evidence@northwind-labs.example").unwrap(),
        })
    };
    let store = Store::open(folder, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let resolver = Resolver::file(&root().join("dns.json")).unwrap();
    let engine = Engine::new(store, load_rules(None).unwrap(), policy, resolver);
    let terms = Terms { evidence_days_max: Some(90), ..Terms::default() };
    Desk { terms, ..Desk::new(engine, shipped_gates().unwrap()) }
}

/// Every mail of the shipped conversations, one of each in turn.
fn mails() -> Vec<(String, Vec<u8>)> {
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

fn take(desk: &Desk, mails: &[(String, Vec<u8>)]) {
    let encode = |raw: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(raw);
    let files = mails.iter().map(|(name, raw)| (name.clone(), encode(raw))).collect();
    assert!(matches!(desk.answer(Request::Ingest { files }), Response::Ingested { .. }));
}

fn opportunities(desk: &Desk) -> Vec<OpportunityId> {
    desk.engine.store.opportunities(None, 1_000).unwrap()
}

fn plain(mut value: Value) -> Value {
    value.as_object_mut().unwrap().remove("as_of");
    value
}

fn known(desk: &Desk, opportunity: &OpportunityId, to: &str) -> Value {
    let request = Request::Gate { opportunity: opportunity.clone(), to: to.into(), record: false };
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
