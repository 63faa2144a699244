//! The signed log against its files: rebuilt hashes, proofs, and a store that was set back or exchanged.

use super::*;
use crate::record::log::{EMPTY_ROOT, Frontier, Leaf, check_consistency};

/// The hash of an entry's leaf, computed from the bytes of the journal alone.
fn leaf_hash(folder: &Path, store: &Store, seq: u64) -> Digest {
    let (offset, length) = store.locate(seq).unwrap().unwrap();
    let bytes = fs::read(folder.join("journal")).unwrap();
    let frame = &bytes[usize::try_from(offset).unwrap()..][..length as usize];
    Leaf::of_body(seq, frame[5], &frame[frame::HEADER..]).unwrap().hash()
}

fn corrupt(folder: &Path) -> String {
    match open(folder) {
        Err(error @ (StoreError::Corrupt { .. } | StoreError::Key { .. })) => error.to_string(),
        other => panic!("{:?}", other.map(|store| store.size())),
    }
}

#[test]
fn every_entry_is_a_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.log_head(), (0, EMPTY_ROOT));
    fill(&store);
    let mut frontier = Frontier::default();
    for seq in 0..store.size() {
        frontier.push(leaf_hash(folder.path(), &store, seq));
    }
    assert_eq!(store.log_head(), (16, frontier.root()));
    for seq in 0..16 {
        let proof = store.prove(seq).unwrap().unwrap();
        let head = proof.check(&leaf_hash(folder.path(), &store, seq), store.verifier()).unwrap();
        assert_eq!((head.size, head.root), store.log_head());
    }
    assert_eq!(store.prove(16).unwrap(), None);
}

#[test]
fn equal_entries_have_different_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(entries(vec![seen(1), seen(1)])).unwrap();
    let hashes = store.tree.hashes(&[0, 1]).unwrap();
    assert_ne!(hashes[0], hashes[1]);
    // Not even the number makes the difference: the salts do.
    let bytes = fs::read(folder.path().join("journal")).unwrap();
    let salt = |seq| {
        let (offset, _) = store.locate(seq).unwrap().unwrap();
        bytes[usize::try_from(offset).unwrap() + frame::HEADER..][..32].to_vec()
    };
    assert_ne!(salt(0), salt(1));
}

#[test]
fn an_old_head_is_proved_to_be_the_start_of_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut heads = vec![store.log_head()];
    for n in 0..20 {
        store.append(arrival(n)).unwrap();
        heads.push(store.log_head());
    }
    let newest = store.log_head();
    for (size, root) in &heads {
        let path = store.prove_growth(*size, newest.0).unwrap().unwrap();
        assert!(check_consistency((*size, root), (newest.0, &newest.1), &path), "{size}");
    }
    assert_eq!(store.prove_growth(21, 20).unwrap(), None);
    assert_eq!(store.prove_growth(20, 21).unwrap(), None);
}

#[test]
fn the_hashes_are_a_function_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let head = store.log_head();
    drop(store);
    let path = folder.path().join("tree");
    let whole = fs::read(&path).unwrap();
    assert_eq!(whole.len(), 32 * 31, "16 leaves and the 15 nodes over them");
    let heal = |bytes: Option<&[u8]>| {
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let store = open(folder.path()).unwrap();
        assert_eq!(store.log_head(), head);
        drop(store);
        assert_eq!(fs::read(&path).unwrap(), whole);
    };
    heal(None);
    heal(Some(b""));
    heal(Some(&whole[..500]));
    heal(Some(&[&whole[..], b"more"].concat()));
    heal(Some(&vec![0; whole.len()]));
}

#[test]
fn a_crash_loses_no_hash() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let store = open(&old).unwrap();
    fill(&store);
    let signed = store.checkpoint().unwrap().0;
    store.append(arrival(7)).unwrap();
    store.append(arrival(8)).unwrap();
    let head = store.log_head();
    // What a killed process leaves behind: the head that was signed last is an older one.
    copy(&old, &new);
    for torn in [0, 33, 100_000] {
        let tree = fs::read(old.join("tree")).unwrap();
        fs::write(new.join("tree"), &tree[..tree.len().min(31 * 32 + torn)]).unwrap();
        let killed = open(&new).unwrap();
        assert_eq!((signed.size, killed.log_head()), (16, head));
        assert_eq!(killed.verify().unwrap().entries, 18);
    }
}

#[test]
fn a_store_that_was_set_back_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let (now, old) = (folder.path().join("now"), folder.path().join("old"));
    let store = open(&now).unwrap();
    fill(&store);
    drop(store);
    copy(&now, &old);
    let store = open(&now).unwrap();
    store.append(arrival(7)).unwrap();
    drop(store);
    // All but the signed head as they were.
    fs::copy(now.join("checkpoint"), old.join("checkpoint")).unwrap();
    let error = corrupt(&old);
    assert!(error.contains("the journal has 16 entries, but 17 were signed for: it was set back"), "{error}");
    assert!(error.contains("journal, byte "), "{error}");
    // The head too: only somebody who kept the newer one can tell, by `verify --seen`.
    fs::copy(now.join("checkpoint"), now.join("kept")).unwrap();
    fs::remove_file(old.join("checkpoint")).unwrap();
    assert!(corrupt(&old).contains("the signed head of the log is missing"));
}

#[test]
fn a_forked_store_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let store = open(&one).unwrap();
    fill(&store);
    drop(store);
    copy(&one, &two);
    for (path, n) in [(&one, 7), (&two, 8)] {
        let store = open(path).unwrap();
        store.append(arrival(n)).unwrap();
        store.append(arrival(9)).unwrap();
    }
    assert_ne!(fs::read(one.join("checkpoint")).unwrap(), fs::read(two.join("checkpoint")).unwrap());
    fs::copy(one.join("checkpoint"), two.join("checkpoint")).unwrap();
    let error = corrupt(&two);
    assert!(error.contains("the first 18 entries are not those that the signed head"), "{error}");
}

#[test]
fn another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(arrival(1)).unwrap();
    let verifier = store.verifier().to_owned();
    drop(store);
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(folder.path().join("log.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let other = crate::record::log::Signer::new("other.example/log", &[1; 32]).unwrap();
    let error =
        Store::open_with(folder.path(), OpenOptions::default(), LogKey::Given(Box::new(other))).unwrap_err();
    assert!(error.to_string().contains(&format!("this log is signed by `{verifier}")), "{error}");
    let key = fs::read(folder.path().join("log.key")).unwrap();
    fs::remove_file(folder.path().join("log.key")).unwrap();
    assert!(corrupt(folder.path()).contains("the key that signs this log is missing"));
    fs::write(folder.path().join("log.key"), "PRIVATE+KEY+x").unwrap();
    assert!(corrupt(folder.path()).contains("no signing key"));
    fs::write(folder.path().join("log.key"), key).unwrap();
    // Made between the two files of a new log: the verifier key is written again.
    fs::remove_file(folder.path().join("log.vkey")).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.verifier(), verifier);
    assert_eq!(fs::read_to_string(folder.path().join("log.vkey")).unwrap().trim(), verifier);
}

#[test]
fn a_changed_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    drop(store);
    let path = folder.path().join("checkpoint");
    let whole = fs::read(&path).unwrap();
    for n in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[n] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(corrupt(folder.path()).contains("checkpoint, byte 0"), "byte {n}");
    }
    fs::write(&path, whole).unwrap();
    let store = open(folder.path()).unwrap();
    // Somebody exchanges it while we run: we do not sign over it.
    fs::write(&path, "x").unwrap();
    store.append(arrival(7)).unwrap();
    let error = store.checkpoint().unwrap_err().to_string();
    assert!(error.contains("somebody else changed this file"), "{error}");
    assert!(matches!(store.append(arrival(8)), Err(StoreError::Poisoned { .. })));
}

#[test]
fn a_store_of_the_first_format_opens_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/store/format-1")), &path);
    let journal = fs::read(path.join("journal")).unwrap();
    let store = open(&path).unwrap();
    let verified = store.verify().unwrap();
    assert_eq!((verified.entries, verified.raw), (store.size(), 7));
    assert_eq!(store.size(), 19);
    let kinds: Vec<Entry> = store.entries(0..u64::MAX).unwrap();
    assert!(kinds.iter().any(|e| matches!(e, Entry::Gate { .. })));
    // Its entries had no salt; their leaves are what docs/RECORD.md says, for ever.
    let root = "7b4ee83f6f6f91630d56e042efff134225a839c611b784f1a8cd4aef6a518133";
    assert_eq!((store.log_head().0, store.log_head().1.to_string()), (kinds.len() as u64, root.into()));
    store.append(arrival(1)).unwrap();
    let size = store.size();
    store.prove(0).unwrap().unwrap().check(&leaf_hash(&path, &store, 0), store.verifier()).unwrap();
    drop(store);
    assert!(fs::read(path.join("journal")).unwrap().starts_with(&journal), "nothing of it was rewritten");
    assert_eq!(open(&path).unwrap().size(), size);
}
