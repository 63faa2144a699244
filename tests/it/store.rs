//! The store under kill -9: what it acknowledged is there afterwards, whole and once.
//!
//! The test runs itself as a child that appends batches and says so; the parent kills it at seeded random times, half
//! of them while it opens the store. `ENDORSED_KILL_ROUNDS` makes the soak longer, `ENDORSED_KILL_SEED` repeats one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use endorsed::edge::store::{Batch, OpenOptions, Store, StoreError};
use endorsed::model::{Digest, Kind, MessageId, OpportunityId, Outcome};
use endorsed::parse::parse;
use endorsed::record::log::Scope;
use endorsed::record::{Entry, Links, Place, Seen};
use jiff::Timestamp;

/// Rounds in the normal suite.
const ROUNDS: u64 = 25;
/// A store is as large as this many rounds make it: what is checked after each kill stays short.
const ROUNDS_EACH: u64 = 40;
/// No further round starts after this in the normal suite; a busy machine does fewer.
const TIME_MAX: Duration = Duration::from_secs(20);
pub const MAILBOX: &str = "imap://evidence@localhost/INBOX";
/// Small, so that segments rotate while we kill.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 10;
const CHILD_FOLDER: &str = "ENDORSED_KILL_CHILD";

#[test]
fn a_killed_writer_loses_nothing_it_acknowledged() {
    let asked = number("ENDORSED_KILL_ROUNDS");
    let rounds = asked.unwrap_or(ROUNDS);
    let begin = Instant::now();
    let mut random = Random(number("ENDORSED_KILL_SEED").unwrap_or(0x5eed));
    let mut folder = tempfile::tempdir().unwrap();
    let (mut acked, mut acks, mut entries) = (0, 0, 0);
    let mut opening = Duration::from_millis(40);
    let mut done = 0;
    for round in 0..rounds {
        if asked.is_none() && begin.elapsed() > TIME_MAX {
            break;
        }
        done += 1;
        if round % ROUNDS_EACH == ROUNDS_EACH - 1 {
            check(&open(folder.path()), acked, 0);
            folder = tempfile::tempdir().unwrap();
            entries += acked;
            acked = 0;
        }
        let index = folder.path().join("index");
        if round % 6 == 5 && index.exists() {
            // The index must be nothing but a copy.
            std::fs::remove_dir_all(index).unwrap();
        }
        let during_open = round % 2 == 0;
        let delay = if during_open { opening.mul_f64(1.2) } else { Duration::from_millis(300) };
        let heard = kill_one(folder.path(), during_open, random.below(delay.as_micros() as u64));
        acks += heard.len();
        acked = heard.last().copied().unwrap_or(0).max(acked);
        let start = Instant::now();
        let store = open(folder.path());
        opening = start.elapsed();
        let from = if round % 5 == 0 { 0 } else { acked.saturating_sub(400) };
        check(&store, acked, from);
        let audit = store.audit(Scope::Log, None).unwrap();
        assert!(audit.is_clean(), "round {round}: {:?}", audit.findings);
        // From here on what was there once must stay.
        acked = store.size();
    }
    check(&open(folder.path()), acked, 0);
    assert!(done >= rounds.min(4), "too slow: {done} rounds");
    assert!(acks as u64 > done, "the child hardly wrote: {acks} acknowledgements in {done} rounds");
    eprintln!("{done} kills, {acks} acknowledgements, {} entries", entries + acked);
}

#[test]
fn a_store_killed_while_it_is_made_opens() {
    let mut random = Random(3);
    for _ in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        kill_one(folder.path(), true, random.below(60_000));
        let store = open(folder.path());
        check(&store, 0, 0);
        store.append(Batch { raw: vec![raw(0)], ..Batch::default() }).unwrap();
    }
}

#[test]
fn a_lost_index_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let acked = kill_one(folder.path(), false, 200_000).last().copied().unwrap_or(0);
    let store = open(folder.path());
    check(&store, acked, 0);
    let before = answers(&store);
    drop(store);
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let store = open(folder.path());
    check(&store, acked, 0);
    assert!(answers(&store) == before, "the rebuilt index answers differently");
}

/// The child's side: does nothing unless the parent named a folder.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else {
        return;
    };
    say("opening");
    let store = open(Path::new(&folder));
    let mut random = Random(store.size());
    say("open");
    loop {
        let batch = batch(store.size(), 1 + random.below(BATCH_FOURS_MAX));
        say(&store.append(batch).unwrap().to_string());
    }
}

/// Starts a child, kills it, and returns the sizes that it acknowledged.
fn kill_one(folder: &Path, during_open: bool, delay_us: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["store::child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let start = if during_open { "opening" } else { "open" };
    // libtest writes its own lines before and, without a line end, in front of ours.
    let begun = lines.by_ref().map_while(Result::ok).any(|line| line.ends_with(&format!("> {start}")));
    assert!(begun, "the child ended before it was killed");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_micros(delay_us));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("> ")?.parse().ok()).collect()
    })
}

pub fn open(folder: &Path) -> Store {
    try_open(folder).unwrap_or_else(|error| panic!("the store does not open: {error}"))
}

pub fn try_open(folder: &Path) -> Result<Store, StoreError> {
    let options =
        OpenOptions { create: true, segment_bytes_max: SEGMENT_BYTES_MAX, ..OpenOptions::default() };
    Store::open(folder, options)
}

/// Checks the whole store from entry `from` on: all of it is a function of the size.
pub fn check(store: &Store, acked: u64, from: u64) {
    check_kept(store, acked, from, |_| Kept::Whole);
}

/// What must stand where an entry was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The entry, and its mail.
    Whole,
    /// Neither of them: erased.
    Gone,
    /// Either: the erasure was under way.
    Either,
}

/// The same for a store in which something was erased.
pub fn check_kept(store: &Store, acked: u64, from: u64, kept: impl Fn(u64) -> Kept) {
    let size = store.size();
    assert!(size >= acked, "{acked} entries were acknowledged, {size} are there");
    assert_eq!(size % 4, 0, "a torn batch");
    let from = from / 4 * 4;
    let found = store.entries(from..size).unwrap();
    assert_eq!(found.len() as u64, size - from);
    for (seq, found) in (from..size).zip(found) {
        let is_gone = match kept(seq) {
            Kept::Whole => false,
            Kept::Gone => true,
            Kept::Either => matches!(found, Entry::Erased(_)),
        };
        if is_gone {
            assert!(matches!(found, Entry::Erased(_)), "entry {seq} is there again: {found:?}");
        } else {
            assert!(found == entry(seq), "entry {seq} differs: {found:?}");
        }
        if seq % 2 == 0 {
            let octets = (!is_gone).then(|| raw(seq));
            assert!(store.raw(&digest(seq)).unwrap() == octets, "mail {seq} differs");
            assert!(store.knows_place(&place(seq)).unwrap(), "place {seq} is not known");
        }
    }
    let todo = (0..size).filter(|seq| seq % 4 == 2 || (seq % 4 == 0 && seq + 3 + LAG >= size));
    let todo: Vec<Digest> = todo.map(digest).collect();
    assert_eq!(store.todo_len(), todo.len() as u64);
    assert!(store.todo(usize::MAX).unwrap() == todo, "other copies wait than should");
    let uid = store.cursor(MAILBOX).unwrap().map(|cursor| u64::from(cursor.uid));
    assert_eq!(uid, size.checked_sub(2));
}

/// The next batch of a store, of `fours` times four entries.
pub fn batch(size: u64, fours: u64) -> Batch {
    let all = size..size + 4 * fours;
    let mail = || all.clone().filter(|seq| seq % 2 == 0);
    Batch {
        raw: mail().map(raw).collect(),
        entries: all.clone().map(entry).collect(),
        consider: mail().map(digest).collect(),
    }
}

/// Every answer of the store, as text.
fn answers(store: &Store) -> String {
    let mut out = format!("{:?}\n{:?}\n", store.unlinked(usize::MAX), store.todo(usize::MAX));
    for opportunity in store.opportunities(None, usize::MAX).unwrap() {
        out += &format!("{opportunity} {:?}\n", store.of_opportunity(&opportunity));
    }
    for seq in (0..store.size()).step_by(2) {
        let (digest, id) = (digest(seq), message_id(seq));
        out += &format!("{:?} {:?}\n", store.seen(&digest), store.outcome(&digest));
        out += &format!("{:?} {:?}\n", store.copies(&id), store.children(&id));
    }
    out
}

/// Largest batch in groups of four entries.
pub const BATCH_FOURS_MAX: u64 = 12;
/// How many entries after a message its second outcome comes: surely in a later batch, so that it clears the mark.
pub const LAG: u64 = 4 * BATCH_FOURS_MAX;

/// Entry number `seq`: two messages in four, the outcome of the first one, and a second outcome of an older one.
pub fn entry(seq: u64) -> Entry {
    match (seq % 4, (seq + 1).checked_sub(4 + LAG)) {
        (0 | 2, _) => Entry::Seen(Seen {
            sha256: digest(seq),
            size: raw(seq).len() as u64,
            place: place(seq),
            seen_at: Timestamp::UNIX_EPOCH,
            links: Links { message_id: Some(message_id(seq)), parents: vec![message_id(seq / 8 * 4)] },
        }),
        (3, Some(older)) => outcome(older, seq),
        _ => outcome(seq / 4 * 4, seq),
    }
}

fn outcome(of: u64, seq: u64) -> Entry {
    Entry::Considered(Box::new(Outcome {
        kind: Kind::Declaration,
        opportunity: OpportunityId::new(&format!("OPP-{}", seq % 17)).filter(|_| !seq.is_multiple_of(5)),
        fresh_text: format!("We successfully validated {seq}."),
        ..Outcome::unread(&parse(&raw(of)), Timestamp::UNIX_EPOCH, digest(0))
    }))
}

pub fn raw(seq: u64) -> Vec<u8> {
    let size = Random(seq).below(3_000);
    format!("Message-ID: <m{seq}@a.example>\r\n\r\n{}\r\n", "x".repeat(size as usize)).into_bytes()
}

pub fn digest(seq: u64) -> Digest {
    Digest::of(&raw(seq))
}

fn message_id(seq: u64) -> MessageId {
    MessageId::new(&format!("m{seq}@a.example")).unwrap()
}

pub fn place(seq: u64) -> Place {
    Place::Imap { mailbox: MAILBOX.into(), uid_validity: 1, uid: seq as u32 }
}

/// A line that the parent reads whole or not at all.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// SplitMix64: the same kills for the same seed, as far as time allows.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
