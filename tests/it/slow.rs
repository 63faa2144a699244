//! Considering that takes long, or never ends, holds up nothing but its own message.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use endorsed::answer::{QuarantineAct, QuarantineRow, Request, Response};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{self, Considering, Daemon, DaemonError, Desk, Engine, Mailbox, SeenAt};
use endorsed::edge::dns::Resolver;
use endorsed::edge::source::Fetched;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::{Address, Policy, Seller};
use endorsed::pipeline::consider;
use endorsed::record::{Entry, Place, Trouble};
use tokio::sync::{oneshot, watch};

use crate::letters::SELLER;
use crate::scripted::{Act, Folder, Server, say};
use crate::source_contract::{message, until};

/// Much longer than an honest message takes, also without optimisation and beside other tests.
const LIMIT: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(20);

fn desk(folder: &Path, considering: Arc<Considering>, limit: Duration) -> Desk {
    std::fs::write(folder.join("dns.json"), "{}").unwrap();
    let policy = Policy::of(Seller {
        domains: vec![SELLER.into()],
        names: Vec::new(),
        evidence: Address::new(&format!("evidence@{SELLER}")).unwrap(),
    });
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    let store = Store::open(&folder.join("store"), options).unwrap();
    let resolver = Resolver::file(&folder.join("dns.json")).unwrap();
    let engine = Engine::new(store, load_rules(None).unwrap(), policy, resolver);
    Desk::new(engine.with_limit(limit).with_considering(considering), shipped_gates().unwrap())
}

/// Considers messages with these words in their subject only once `free` is set.
fn held_up_by(words: &'static [&'static str], free: &Arc<AtomicBool>) -> Arc<Considering> {
    let free = Arc::clone(free);
    Arc::new(move |subject, facts, rules, policy| {
        let raw = String::from_utf8_lossy(&subject.witnessed.message.raw).into_owned();
        while words.iter().any(|word| raw.contains(word)) && !free.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        consider(subject, facts, rules, policy)
    })
}

fn take(desk: &Desk, numbers: std::ops::Range<usize>) {
    let copy = |n| Fetched { place: Place::File { path: format!("{n}.eml") }, raw: message(n) };
    desk.engine.take(numbers.map(copy).collect(), SeenAt::Clock).unwrap();
}

async fn quarantine(desk: &Arc<Desk>, act: QuarantineAct) -> Vec<QuarantineRow> {
    let desk = Arc::clone(desk);
    match tokio::task::spawn_blocking(move || desk.answer(Request::Quarantine(act))).await.unwrap() {
        Response::Quarantine { rows } => rows,
        Response::Settled { .. } => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_takes_too_long_is_set_aside_and_the_others_go_on() {
    let (folder, free) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let desk = Arc::new(desk(folder.path(), held_up_by(&["number 7\r"], &free), LIMIT));
    take(&desk, 0..20);
    desk.engine.consider_waiting().await.unwrap();
    assert_eq!(desk.engine.store.todo_len(), 0, "nothing waits for it");
    let rows = quarantine(&desk, QuarantineAct::List).await;
    assert_eq!((rows.len(), rows[0].why, rows[0].attempts), (1, Trouble::Unconsidered, 1), "{rows:?}");
    assert!(rows[0].text.contains("longer than"), "{rows:?}");
    let outcome = |n| desk.engine.store.outcome(&endorsed::model::Digest::of(&message(n))).unwrap().unwrap();
    for n in 0..20 {
        assert_eq!(outcome(n).has("unconsidered"), n == 7, "{n}");
        assert!(outcome(n).from.is_some(), "it was read before it took too long: {n}");
    }
    // Tried again in vain it stays where it is; once it goes through it is like any other.
    quarantine(&desk, QuarantineAct::Retry { id: None }).await;
    desk.engine.consider_waiting().await.unwrap();
    assert_eq!(quarantine(&desk, QuarantineAct::List).await[0].attempts, 2);
    free.store(true, Ordering::SeqCst);
    quarantine(&desk, QuarantineAct::Retry { id: None }).await;
    desk.engine.consider_waiting().await.unwrap();
    assert!(quarantine(&desk, QuarantineAct::List).await.is_empty());
    assert!(!outcome(7).has("unconsidered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_we_fail_at_is_set_aside_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let failing: Arc<Considering> = Arc::new(|subject, facts, rules, policy| {
        assert!(!subject.witnessed.message.raw.ends_with(b"Confirmed, 3.\r\n"), "a defect");
        consider(subject, facts, rules, policy)
    });
    let desk = Arc::new(desk(folder.path(), failing, SOON));
    take(&desk, 0..20);
    desk.engine.consider_waiting().await.unwrap();
    let rows = quarantine(&desk, QuarantineAct::List).await;
    assert_eq!((rows.len(), desk.engine.store.todo_len()), (1, 0), "{rows:?}");
    assert!(rows[0].text.contains("a defect of the program"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_that_never_end_end_the_daemon_and_not_the_mail() {
    let (folder, free) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let words = &["number 1\r", "number 2\r", "number 3\r", "number 4\r", "number 5\r"];
    let held = desk(folder.path(), held_up_by(words, &free), LIMIT);
    take(&held, 0..7);
    let ended = held.engine.consider_waiting().await;
    assert!(matches!(ended, Err(DaemonError::Late)), "{ended:?}");
    assert_eq!(held.engine.store.set_aside().unwrap().len(), 4, "on record before the end");
    // They end with their message, and then the work goes on here, too.
    free.store(true, Ordering::SeqCst);
    until(SOON, || Arc::strong_count(&held.engine) == 1, || "a thread goes on".into()).await;
    held.engine.consider_waiting().await.unwrap();
    assert_eq!(held.engine.store.todo_len(), 0);
    assert_eq!(held.engine.store.set_aside().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_logs_us_out_during_long_considering_loses_nothing() {
    // Nobody stays in IDLE: this server ends each session at once.
    let server = Server::start(Folder::new(1..=30), |call| {
        (call.command == "IDLE").then(|| vec![say("* BYE Disconnected for inactivity."), Act::Close])
    })
    .await;
    let (folder, free) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let begun = Arc::new(AtomicUsize::new(0));
    let slow: Arc<Considering> = {
        let (free, begun) = (Arc::clone(&free), Arc::clone(&begun));
        Arc::new(move |subject, facts, rules, policy| {
            begun.fetch_add(1, Ordering::SeqCst);
            while !free.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            consider(subject, facts, rules, policy)
        })
    };
    let daemon = Daemon {
        desk: desk(folder.path(), slow, SOON * 2),
        mailboxes: vec![Mailbox::Imap(Box::new(server.settings()))],
        outbox: None,
        http: None,
        socket: folder.path().join("store"),
        seen_at: SeenAt::Clock,
    };
    let ((stop, stopped), (told, ready)) = (watch::channel(false), oneshot::channel());
    let running = tokio::spawn(daemon::run(daemon, stopped, |_, desk| drop(told.send(desk))));
    let desk = ready.await.ok().unwrap();
    let store = &desk.engine.store;
    until(SOON, || begun.load(Ordering::SeqCst) > 0, || "nothing is considered".into()).await;
    until(SOON, || store.todo_len() == 30, || format!("{} stored", store.todo_len())).await;
    let before = server.connections();
    until(SOON, || server.connections() > before + 2, || "it does not come back".into()).await;
    // What comes meanwhile is stored meanwhile.
    server.folder.lock().unwrap().uids.push(31);
    server.folder.lock().unwrap().uid_next = Some(32);
    until(SOON, || store.todo_len() == 31, || format!("{} stored", store.todo_len())).await;
    free.store(true, Ordering::SeqCst);
    until(SOON, || store.todo_len() == 0, || format!("{} wait", store.todo_len())).await;
    let entries = store.entries(0..store.size()).unwrap();
    let seen = entries.iter().filter(|entry| matches!(entry, Entry::Seen(_))).count();
    assert_eq!((seen, store.set_aside().unwrap().len()), (31, 0), "each on record once");
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}
