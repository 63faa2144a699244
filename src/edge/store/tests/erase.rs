//! Erasure: the words are gone from every file, and everything still verifies.

use super::super::erase::encode;
use super::*;
use crate::record::log::Scope;

fn everything_about(store: &Store, n: u64) -> BTreeSet<u64> {
    let about = |entry: &Entry| match entry {
        Entry::Seen(seen) => seen.sha256 == digest(n),
        Entry::Considered(outcome) => outcome.sha256 == digest(n),
        _ => false,
    };
    let all = store.entries(0..u64::MAX).unwrap();
    (0..).zip(all).filter(|(_, entry)| about(entry)).map(|(seq, _)| seq).collect()
}

/// Whether a text stands in any file below a folder.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    })
}

fn settled(folder: &Path) -> Store {
    let store = open(folder).unwrap();
    fill(&store);
    store.append(entries((0..6).map(|n| considered(n, Some("OPP-9"))).collect())).unwrap();
    store
}

#[test]
fn erased_octets_are_gone_and_the_log_still_stands() {
    let folder = tempfile::tempdir().unwrap();
    let store = settled(folder.path());
    let head = store.log_head();
    let told = store.checkpoint().unwrap();
    assert!(holds(folder.path(), "mail 3") && holds(folder.path(), "fresh 3"));
    let about = everything_about(&store, 3);
    assert!(about.len() >= 3, "{about:?}");
    store.erase(&about, &BTreeSet::from([digest(3)])).unwrap();
    assert!(!holds(folder.path(), "mail 3") && !holds(folder.path(), "fresh 3"));
    let check = |store: &Store| {
        assert_eq!(store.log_head(), head);
        assert_eq!(store.checkpoint().unwrap(), told);
        let audit = store.audit(Scope::Everything, None).unwrap();
        assert_eq!(audit.findings, []);
        assert_eq!((audit.erased_entries, audit.erased_raw), (about.len() as u64, 1));
        assert_eq!((store.raw(&digest(3)).unwrap(), store.contains(&digest(3)).unwrap()), (None, true));
        assert_eq!((store.seen(&digest(3)).unwrap(), store.outcome(&digest(3)).unwrap()), (None, None));
        assert!(store.copies(&id("m3@a.example")).unwrap().is_empty());
        // The mailbox is read on where it was, and the mail is not fetched again.
        assert!(store.knows_place(&imap(7, 4)).unwrap());
        assert_eq!(store.cursor("imap://e@h/INBOX").unwrap().map(|c| c.uid), Some(6));
        assert_eq!(store.raw(&digest(4)).unwrap(), Some(mail(4)));
        assert_eq!(store.todo_len(), 0);
        for seq in &about {
            let proof = store.prove(*seq).unwrap().unwrap();
            let record = store.record(*seq).unwrap().unwrap();
            let leaf = crate::record::record_leaf(*seq, record.version, &record.body).unwrap();
            proof.check(&leaf.hash(), store.verifier()).unwrap();
        }
    };
    check(&store);
    // Again changes nothing, and the log goes on.
    store.erase(&about, &BTreeSet::from([digest(3)])).unwrap();
    check(&store);
    drop(store);
    check(&open(folder.path()).unwrap());
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    fs::remove_file(folder.path().join("tree")).unwrap();
    let store = open(folder.path()).unwrap();
    check(&store);
    assert_eq!(store.append(arrival(20)).unwrap(), head.0 + 1);
    assert!(store.audit(Scope::Everything, None).unwrap().is_clean());
}

#[test]
fn what_cannot_be_erased_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let journal = fs::read(folder.path().join("journal")).unwrap();
    // It still waits to be considered.
    let error = store.erase(&BTreeSet::from([3]), &BTreeSet::new()).unwrap_err();
    assert!(error.to_string().contains("still waits"), "{error}");
    for (entries, raw) in [(vec![99], vec![]), (vec![], vec![digest(99)]), (vec![0, 99], vec![digest(0)])] {
        let refused = store.erase(&entries.into_iter().collect(), &raw.into_iter().collect());
        assert!(matches!(refused, Err(StoreError::Unwritable { .. })));
    }
    assert_eq!(fs::read(folder.path().join("journal")).unwrap(), journal);
    store.append(arrival(9)).unwrap();
    let forged = store.entries(0..1).unwrap();
    assert!(matches!(forged[0], Entry::Seen(_)));
}

/// Every point at which an erasure can be cut off: before the frames, between them, before the index.
#[test]
fn an_erasure_that_was_cut_off_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    let store = settled(&before);
    let about = everything_about(&store, 3);
    drop(store);
    copy(&before, &after);
    let store = open(&after).unwrap();
    let (head, todo) = (store.log_head(), store.todo_len());
    // The redo file as it is while the frames are written.
    let rewrites: Vec<_> = about.iter().filter_map(|seq| store.tombstone(*seq).unwrap()).collect();
    let redo = encode(&rewrites);
    store.erase(&about, &BTreeSet::new()).unwrap();
    drop(store);
    for (journal, index) in [("before", "before"), ("after", "before"), ("after", "after")] {
        let image = folder.path().join("image");
        let _ = fs::remove_dir_all(&image);
        copy(&before, &image);
        fs::copy(folder.path().join(journal).join("journal"), image.join("journal")).unwrap();
        fs::remove_dir_all(image.join("index")).unwrap();
        copy(&folder.path().join(index).join("index"), &image.join("index"));
        fs::write(image.join("erasing"), &redo).unwrap();
        let store = open(&image).unwrap();
        assert_eq!((store.log_head(), store.todo_len()), (head, todo), "{journal} {index}");
        assert_eq!(store.seen(&digest(3)).unwrap(), None);
        assert!(store.audit(Scope::Everything, None).unwrap().is_clean());
        assert!(!image.join("erasing").exists());
        drop(store);
        assert_eq!(fs::read(image.join("journal")).unwrap(), fs::read(after.join("journal")).unwrap());
    }
    // A torn redo file never was acknowledged to anything; it is not guessed at.
    let image = folder.path().join("image");
    fs::write(image.join("erasing"), &redo[..redo.len() - 1]).unwrap();
    assert!(matches!(open(&image), Err(StoreError::Corrupt { .. })));
}

#[test]
fn readers_run_beside_an_erasure() {
    let folder = tempfile::tempdir().unwrap();
    let store = settled(folder.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    assert_eq!(store.raw(&digest(5)).unwrap(), Some(mail(5)));
                }
            });
        }
        for n in [1, 3] {
            store.erase(&everything_about(&store, n), &BTreeSet::from([digest(n)])).unwrap();
        }
        done.store(true, Ordering::Release);
    });
    assert!(store.audit(Scope::Everything, None).unwrap().is_clean());
}
