//! Tests of the store against its files: torn writes, flipped bytes, rebuilds.

mod audit;
mod erase;
mod log;

use std::fs;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;

use super::*;
use crate::model::{KeyState, Kind};
use crate::record::Links;

fn open(folder: &Path) -> Result<Store, StoreError> {
    let lock_wait = Duration::from_millis(200);
    Store::open(folder, OpenOptions { create: true, lock_wait, ..OpenOptions::default() })
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::new(text).unwrap()
}

fn mail(n: u64) -> Vec<u8> {
    format!("Message-ID: <m{n}@a.example>\r\n\r\nmail {n}\r\n").into_bytes()
}

fn digest(n: u64) -> Digest {
    Digest::of(&mail(n))
}

fn imap(uid_validity: u32, uid: u32) -> Place {
    Place::Imap { mailbox: "imap://e@h/INBOX".into(), uid_validity, uid }
}

fn seen_at(n: u64, place: Place) -> Entry {
    let parents =
        if n == 0 { Vec::new() } else { vec![id(&format!("m{}@a.example", n - 1)), id("root@a.example")] };
    let links = Links { message_id: Some(id(&format!("m{n}@a.example"))), parents };
    Entry::Seen(Seen { sha256: digest(n), size: mail(n).len() as u64, place, seen_at: at(n), links })
}

fn seen(n: u64) -> Entry {
    seen_at(n, imap(7, u32::try_from(n).unwrap() + 1))
}

fn outcome(n: u64, opportunity: Option<&str>) -> Outcome {
    Outcome {
        kind: Kind::Declaration,
        opportunity: opportunity.and_then(OpportunityId::new),
        fresh_text: format!("fresh {n} {opportunity:?}"),
        ..Outcome::unread(&crate::parse::parse(&mail(n)), at(n), digest(0))
    }
}

fn considered(n: u64, opportunity: Option<&str>) -> Entry {
    Entry::Considered(Box::new(outcome(n, opportunity)))
}

fn key(name: &str, text: &str, second: u64) -> Entry {
    Entry::Key(KeyRecord { name: name.into(), state: KeyState::Found(text.into()), seen_at: at(second) })
}

fn arrival(n: u64) -> Batch {
    Batch { raw: vec![mail(n)], entries: vec![seen(n)], consider: vec![digest(n)] }
}

fn entries(entries: Vec<Entry>) -> Batch {
    Batch { entries, ..Batch::default() }
}

/// A store with something in every table.
fn fill(store: &Store) {
    for n in 0..6 {
        store.append(arrival(n)).unwrap();
    }
    store
        .append(entries(vec![
            considered(0, Some("OPP-1")),
            considered(1, None),
            key("s._domainkey.a", "k1", 1),
        ]))
        .unwrap();
    store.append(entries(vec![considered(2, Some("OPP-12")), key("s._domainkey.a", "k2", 2)])).unwrap();
    store.append(entries(vec![considered(0, Some("OPP-2")), considered(1, Some("OPP-2"))])).unwrap();
    let gate = Entry::Gate { at: at(9), answer: serde_json::json!({"allowed": false, "n": 1.5}) };
    let again = seen_at(3, Place::Maildir { mailbox: "maildir:/m".into(), name: "1.2.h".into() });
    let batch = Batch {
        raw: vec![mail(3)],
        entries: vec![gate, again, considered(4, None)],
        consider: vec![digest(2)],
    };
    store.append(batch).unwrap();
}

/// Every answer of the store, as text.
fn answers(store: &Store) -> String {
    let mut out = format!("{} {}\n", store.size(), store.todo_len());
    let ids = ["m0@a.example", "m3@a.example", "root@a.example", "none@a.example"].map(id);
    for id in &ids {
        out += &format!("{:?} {:?}\n", store.copies(id).unwrap(), store.children(id).unwrap());
    }
    for n in 0..7 {
        let digest = digest(n);
        out += &format!("{:?} {:?}\n", store.seen(&digest).unwrap(), store.outcome(&digest).unwrap());
        out += &format!("{:?} {}\n", store.raw(&digest).unwrap(), store.contains(&digest).unwrap());
    }
    for id in store.opportunities(None, 99).unwrap() {
        out += &format!("{id} {:?}\n", store.of_opportunity(&id).unwrap());
    }
    out += &format!("{:?} {:?}\n", store.unlinked(9).unwrap(), store.todo(9).unwrap());
    out += &format!(
        "{:?} {:?}\n",
        store.keys("s._domainkey.a").unwrap(),
        store.cursor("imap://e@h/INBOX").unwrap()
    );
    out + &format!("{:?}", store.entries(0..u64::MAX).unwrap())
}

#[test]
fn answers_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    assert_eq!(store.size(), 16);
    assert_eq!(store.entries(0..1).unwrap(), [seen(0)]);
    assert_eq!(store.entries(15..99).unwrap(), [considered(4, None)]);
    assert_eq!(store.raw(&digest(5)).unwrap(), Some(mail(5)));
    assert_eq!(store.raw(&digest(6)).unwrap(), None);
    assert_eq!(store.seen(&digest(3)).unwrap().map(|s| s.place), Some(imap(7, 4)));
    assert_eq!(store.copies(&id("m2@a.example")).unwrap(), [digest(2)]);
    assert_eq!(store.children(&id("m2@a.example")).unwrap(), [digest(3)]);
    assert_eq!(store.children(&id("root@a.example")).unwrap().len(), 5);
    assert_eq!(store.outcome(&digest(0)).unwrap(), Some(outcome(0, Some("OPP-2"))));
    let opp = |text: &str| OpportunityId::new(text).unwrap();
    assert!(store.of_opportunity(&opp("OPP-1")).unwrap().is_empty());
    assert_eq!(store.of_opportunity(&opp("OPP-2")).unwrap().len(), 2);
    assert_eq!(store.opportunities(None, 9).unwrap(), [opp("OPP-12"), opp("OPP-2")]);
    assert_eq!(store.opportunities(None, 1).unwrap(), [opp("OPP-12")]);
    assert_eq!(store.opportunities(Some(&opp("OPP-12")), 9).unwrap(), [opp("OPP-2")]);
    assert_eq!(store.unlinked(9).unwrap(), [digest(4)]);
    assert!(matches!(&store.keys("s._domainkey.a").unwrap()[1].state, KeyState::Found(text) if text == "k2"));
    assert!(store.keys("t._domainkey.a").unwrap().is_empty());
    assert_eq!(store.todo(9).unwrap(), [digest(2), digest(3), digest(5)]);
    assert_eq!(store.todo(1).unwrap(), [digest(2)]);
    assert_eq!(store.todo_len(), 3);
    assert!(store.knows_place(&imap(7, 6)).unwrap());
    assert!(!store.knows_place(&imap(8, 6)).unwrap());
    let name = |name: &str| Place::Maildir { mailbox: "maildir:/m".into(), name: name.into() };
    assert!(store.knows_place(&name("1.2.h")).unwrap());
    assert!(!store.knows_place(&name("1.3.h")).unwrap());
}

#[test]
fn a_cursor_follows_the_newest_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let after = |place: Place| {
        store.append(entries(vec![seen_at(0, place)])).unwrap();
        store.cursor("imap://e@h/INBOX").unwrap().map(|c| (c.uid_validity, c.uid))
    };
    assert_eq!(after(imap(7, 5)), Some((7, 5)));
    assert_eq!(after(imap(7, 3)), Some((7, 5)));
    assert_eq!(after(imap(9, 1)), Some((9, 1)));
    assert_eq!(store.cursor("imap://other@h/INBOX").unwrap(), None);
}

#[test]
fn a_stored_copy_is_not_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(Batch { raw: vec![mail(1), mail(1), mail(2)], ..Batch::default() }).unwrap();
    let length = || fs::metadata(store.segments.path(0)).unwrap().len();
    let (once, journal) = (length(), store.journal.length().unwrap());
    assert_eq!(store.append(Batch { raw: vec![mail(2), mail(1)], ..Batch::default() }).unwrap(), 0);
    assert_eq!((length(), store.journal.length().unwrap()), (once, journal));
    assert_eq!(store.raw(&digest(1)).unwrap(), Some(mail(1)));
}

#[test]
fn segments_rotate_and_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { create: true, segment_bytes_max: 300, ..OpenOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    store.append(Batch { raw: (0..9).map(mail).collect(), ..Batch::default() }).unwrap();
    let large = vec![b'x'; 1_000];
    store.append(Batch { raw: vec![large.clone(), mail(10)], ..Batch::default() }).unwrap();
    drop(store);
    let store = Store::open(folder.path(), options).unwrap();
    store.append(Batch { raw: vec![mail(11)], ..Batch::default() }).unwrap();
    assert!(fs::read_dir(folder.path().join("segments")).unwrap().count() > 4);
    for n in (0..9).chain(10..12) {
        assert_eq!(store.raw(&digest(n)).unwrap(), Some(mail(n)), "mail {n}");
    }
    assert_eq!(store.raw(&Digest::of(&large)).unwrap(), Some(large));
}

#[test]
fn the_index_is_a_function_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let (before, rows) = (answers(&store), store.index.rows());
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(answers(&store), before, "reopened");
    drop(store);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(answers(&store), before, "rebuilt");
    assert_eq!(store.index.rows(), rows, "rebuilt");
    assert!(rows.values().all(|value| value.len() <= 4096), "sled's values stay small");
}

/// sled 0.34.7 puts log items beyond 128 KiB into files of their own and never fsyncs those.
#[test]
fn a_large_batch_puts_nothing_into_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut batch = Batch::default();
    for n in 0..400 {
        batch.raw.push(mail(n));
        batch.entries.extend([seen(n), seen_at(n, imap(8, 1)), considered(n, Some("OPP-1"))]);
        batch.consider.push(digest(n));
    }
    assert_eq!(store.append(batch).unwrap(), 1_200);
    assert_eq!(store.of_opportunity(&OpportunityId::new("OPP-1").unwrap()).unwrap().len(), 400);
    assert_eq!(fs::read_dir(folder.path().join("index/blobs")).unwrap().count(), 0);
    assert_eq!(store.verify().unwrap().raw, 400);
}

#[test]
fn errors_say_what_where_and_how_to_fix_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let error = Store::open(folder.path(), OpenOptions::default()).unwrap_err().to_string();
    let fix = "check `path` under [store], or start `endorsed run`, which makes one";
    assert_eq!(error, format!("{path}: there is no store here; {fix}"));
    let store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    store.journal.file.write_all_at(b"X", 30).unwrap();
    let error = store.verify().unwrap_err().to_string();
    let fix =
        "restore this file from a backup taken later, or move the store aside and read the mailbox again";
    assert_eq!(error, format!("{path}/journal, byte 16: the checksum of a frame does not fit; {fix}"));
}

#[test]
fn a_broken_index_is_moved_aside_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let before = answers(&store);
    drop(store);
    let index = folder.path().join("index");
    fs::write(index.join("snap.FFFFFFFFFFFFFFFF"), "").unwrap();
    assert_eq!(answers(&open(folder.path()).unwrap()), before, "snapshot");
    assert!(folder.path().join("index.aside-1").is_dir());
    // sled takes this for an empty database; the journal fills it.
    fs::write(index.join("db"), vec![0x5a; 700_000]).unwrap();
    assert_eq!(answers(&open(folder.path()).unwrap()), before, "db");
    // An index that opens but was found to lie is rebuilt by the note that its last user left.
    fs::write(folder.path().join("rebuild"), "").unwrap();
    assert_eq!(answers(&open(folder.path()).unwrap()), before);
    assert!(folder.path().join("index.aside-2").is_dir());
    assert!(!folder.path().join("rebuild").exists());
}

#[test]
fn an_index_of_another_journal_is_not_trusted() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(one.path()).unwrap(), open(two.path()).unwrap());
    a.append(arrival(1)).unwrap();
    b.append(arrival(2)).unwrap();
    drop((a, b));
    fs::remove_dir_all(one.path().join("index")).unwrap();
    fs::rename(two.path().join("index"), one.path().join("index")).unwrap();
    let store = open(one.path()).unwrap();
    assert!(store.contains(&digest(1)).unwrap());
    assert!(!store.contains(&digest(2)).unwrap());
}

#[test]
fn a_torn_snapshot_does_not_brick_the_index() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::write(folder.path().join("index/snap.FFFFFFFFFFFFFFFF.generating"), "").unwrap();
    drop(open(folder.path()).unwrap());
    assert!(!folder.path().join("index.aside-1").exists(), "the guard, not the rebuild, must have opened it");
}

#[test]
fn a_held_store_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(store);
    open(folder.path()).unwrap();
}

#[test]
fn a_store_is_made_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let error = Store::open(&path, OpenOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert!(!path.exists());
    drop(open(&path).unwrap());
    Store::open(&path, OpenOptions::default()).unwrap();
}

#[test]
fn a_newer_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::write(folder.path().join("format"), "endorsed store 2\n").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Format { found, .. } if found == "endorsed store 2"), "{error}");
}

/// Found by the simulated power cuts: the size was durable, the title was not.
#[test]
fn a_journal_whose_title_was_lost_while_it_was_made_is_made_again() {
    for torn in [&b""[..], b"endorsed", &[0; 16], b"0123456789abcdef"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal"), torn).unwrap();
        assert_eq!(open(folder.path()).unwrap().append(arrival(1)).unwrap(), 1);
        assert_eq!(open(folder.path()).unwrap().size(), 1);
    }
}

#[test]
fn a_folder_without_its_format_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    drop(store);
    fs::remove_file(folder.path().join("format")).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn a_journal_that_lost_its_end_is_refused() {
    for without in ["index", "journal.head"] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        fill(&store);
        store.journal.cut(store.journal.length().unwrap() - 1).unwrap();
        drop(store);
        let path = folder.path().join(without);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(!folder.path().join("index.aside-1").exists());
    }
}

#[test]
fn an_error_while_writing_stops_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    // Writes to it fail with ENOSPC.
    store.journal.file = File::options().read(true).write(true).open("/dev/full").unwrap();
    let error = store.append(arrival(2)).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    let error = store.append(arrival(3)).unwrap_err();
    assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
    assert!(matches!(store.seen(&digest(1)), Err(StoreError::Poisoned { .. })));
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.size(), 1);
    assert!(!store.contains(&digest(2)).unwrap());
    assert_eq!(store.append(arrival(2)).unwrap(), 2);
    assert_eq!(store.raw(&digest(2)).unwrap(), Some(mail(2)));
}

#[test]
fn a_failed_fsync_stops_the_store_though_the_bytes_persisted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    // Takes writes, refuses fdatasync with EINVAL.
    store.journal.file = File::options().read(true).write(true).open("/dev/null").unwrap();
    let error = store.append(entries(vec![seen(2)])).unwrap_err();
    assert!(error.to_string().contains("fdatasync"), "{error}");
    assert!(matches!(store.append(arrival(3)), Err(StoreError::Poisoned { .. })));
    drop(store);
    // The disk has the bytes after all: the next start takes them as if they had been acknowledged.
    let path = folder.path().join("journal");
    let end = fs::metadata(&path).unwrap().len();
    let mut bodies = Bodies::default();
    bodies.entry(seen(2)).unwrap();
    File::options().write(true).open(&path).unwrap().write_all_at(&bodies.frames(end, 1).0, end).unwrap();
    assert_eq!(open(folder.path()).unwrap().entries(0..9).unwrap(), [seen(1), seen(2)]);
}

#[test]
fn what_is_too_large_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let batch = Batch { raw: vec![vec![0; frame::BODY_MAX]], entries: vec![seen(1)], ..Batch::default() };
    let error = store.append(batch).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert_eq!(store.append(arrival(1)).unwrap(), 1);
}

#[test]
fn readers_run_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..40).for_each(|n| assert_eq!(store.append(arrival(n)).unwrap(), n + 1)));
        for _ in 0..3 {
            scope.spawn(|| {
                while store.size() < 40 {
                    let all = store.entries(0..u64::MAX).unwrap();
                    assert!(all.iter().enumerate().all(|(n, entry)| *entry == seen(n as u64)));
                    if let Some(last) = (all.len() as u64).checked_sub(1) {
                        assert_eq!(store.raw(&digest(last)).unwrap(), Some(mail(last)));
                    }
                }
            });
        }
    });
    assert_eq!(store.size(), 40);
}

#[test]
fn a_flipped_byte_of_raw_mail_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(Batch { raw: vec![mail(1), mail(2)], ..Batch::default() }).unwrap();
    let path = store.segments.path(0);
    let whole = fs::read(&path).unwrap();
    let second = store.index.raw(&digest(2)).unwrap().unwrap().offset;
    let file = File::options().write(true).open(&path).unwrap();
    for (n, byte) in whole.iter().enumerate().skip(16) {
        file.write_all_at(&[byte ^ 1], n as u64).unwrap();
        let (hit, other, at) = if (n as u64) < second { (1, 2, 16) } else { (2, 1, second) };
        let error = store.raw(&digest(hit)).unwrap_err().to_string();
        assert!(error.contains(&format!("00000000.seg, byte {at}:")), "byte {n}: {error}");
        assert_eq!(store.raw(&digest(other)).unwrap(), Some(mail(other)));
        file.write_all_at(&[*byte], n as u64).unwrap();
    }
    assert_eq!(store.raw(&digest(1)).unwrap(), Some(mail(1)));
}

#[test]
fn raw_mail_that_is_gone_is_named_on_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    let path = store.segments.path(0);
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    fs::remove_file(&path).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    // Bytes behind what was acknowledged are a torn write.
    fs::write(&path, [&whole[..], b"ejf1 torn"].concat()).unwrap();
    let store = open(folder.path()).unwrap();
    store.append(arrival(2)).unwrap();
    assert_eq!(store.raw(&digest(2)).unwrap(), Some(mail(2)));
}

/// Copies a store that nobody has open.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every state that a commit can be cut off in, and the ones that it cannot.
#[test]
fn a_commit_may_be_cut_off_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let store = open(&old).unwrap();
    fill(&store);
    drop(store);
    copy(&old, &new);
    let store = open(&new).unwrap();
    store.append(arrival(9)).unwrap();
    drop(store);
    // Whether segments, journal, index and journal.head are the new ones; the size, or none when it must not open.
    let cases = [
        ([false, false, false, false], Some(16)),
        ([true, false, false, false], Some(16)),
        ([true, true, false, false], Some(17)),
        ([true, true, true, false], Some(17)),
        ([true, true, true, true], Some(17)),
        ([true, true, false, true], Some(17)),
        ([false, true, false, false], None),
        ([true, false, true, false], None),
        ([true, false, false, true], None),
        ([false, true, true, true], None),
    ];
    for (n, (is_new, size)) in cases.into_iter().enumerate() {
        let image = folder.path().join(format!("image{n}"));
        copy(&old, &image);
        for (name, is_new) in ["segments", "journal", "index", "journal.head"].iter().zip(is_new) {
            let (from, to) = (new.join(name), image.join(name));
            if is_new && from.is_dir() {
                fs::remove_dir_all(&to).unwrap();
                copy(&from, &to);
            } else if is_new {
                fs::copy(from, to).unwrap();
            }
        }
        match (open(&image), size) {
            (Ok(store), Some(size)) => {
                assert_eq!(store.size(), size, "{is_new:?}");
                assert_eq!(store.contains(&digest(9)).unwrap(), size == 17, "{is_new:?}");
                let next = store.append(arrival(10)).unwrap();
                assert_eq!((next, store.verify().unwrap().entries), (size + 1, size + 1), "{is_new:?}");
            }
            (Err(StoreError::Corrupt { .. }), None) => {}
            (answer, _) => panic!("{is_new:?}: {:?}", answer.map(|store| store.size())),
        }
    }
}

#[test]
fn verify_reads_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let verified = store.verify().unwrap();
    assert_eq!((verified.entries, verified.raw), (16, 6));
    let files = [store.segments.path(0), folder.path().join("journal")];
    for path in files {
        let file = File::options().write(true).open(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for (n, byte) in whole.iter().enumerate().skip(16) {
            file.write_all_at(&[byte ^ 4], n as u64).unwrap();
            let error = store.verify().unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "byte {n}: {error}");
            file.write_all_at(&[*byte], n as u64).unwrap();
        }
    }
    assert_eq!(store.verify().unwrap(), verified);
}
