//! The audit: what is whole passes, and whatever is changed is named.

use super::*;
use crate::record::log::{Audit, Scope, SeenHead};

fn look(folder: &Path, scope: Scope) -> Audit {
    audit_folder(folder, scope, None, Duration::from_millis(200)).unwrap()
}

/// A small store that nobody has open, and where its entries begin and end in the journal.
fn small(folder: &Path) -> Vec<(u64, u64)> {
    let store = open(folder).unwrap();
    store.append(arrival(0)).unwrap();
    store
        .append(entries(vec![key("s._domainkey.a", "k1", 1), Entry::Gate { at: at(2), answer: true.into() }]))
        .unwrap();
    let span = |seq| store.locate(seq).unwrap().map(|(at, length)| (at, at + u64::from(length))).unwrap();
    (0..store.size()).map(span).collect()
}

#[test]
fn a_whole_store_passes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    let head = store.log_head();
    for scope in [Scope::Log, Scope::Everything] {
        let live = store.audit(scope, None).unwrap();
        assert_eq!(live.findings, []);
        assert_eq!((live.log_size, live.log_root), head);
    }
    drop(store);
    let audit = look(folder.path(), Scope::Everything);
    assert_eq!((audit.findings, audit.notes), (vec![], vec![]));
    assert_eq!((audit.log_size, audit.log_root, audit.signed), (head.0, head.1, Some(16)));
    assert_eq!((audit.raw, audit.erased_raw, audit.erased_entries), (6, 0, 0));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("check-")), "{left:?}");
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    fs::remove_file(folder.path().join("tree")).unwrap();
    let audit = look(folder.path(), Scope::Everything);
    assert!(audit.is_clean() && audit.notes.len() == 1, "{audit:?}");
}

#[test]
fn every_flipped_byte_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spans = small(folder.path());
    let before = look(folder.path(), Scope::Everything);
    let files = [
        "journal",
        "segments/00000000.seg",
        "tree",
        "checkpoint",
        "log.key",
        "log.vkey",
        "format",
        "journal.head",
    ];
    let mut flipped = 0;
    for name in files {
        let path = folder.path().join(name);
        let whole = fs::read(&path).unwrap();
        for (n, byte) in whole.iter().enumerate() {
            let mut bytes = whole.clone();
            bytes[n] = byte ^ 1 << (n % 8);
            fs::write(&path, &bytes).unwrap();
            let audit = look(folder.path(), Scope::Everything);
            let Some(finding) = audit.findings.first() else { panic!("{name}, byte {n}: nothing found") };
            // The key is read beside what it must fit to, whichever of the two was changed.
            let is_key = name.starts_with("log.") || name == "checkpoint";
            let named = finding.place.contains(&path.display().to_string());
            assert!(named || is_key && finding.place.contains("log."), "{name}, byte {n}: {finding:?}");
            let hit = spans.iter().position(|(from, to)| (*from..*to).contains(&(n as u64)));
            if name == "journal"
                && let Some(hit) = hit
            {
                assert_eq!(finding.entry, Some(hit as u64), "byte {n}: {finding:?}");
                assert!(finding.place.ends_with(&format!("byte {}", spans[hit].0)), "byte {n}: {finding:?}");
            }
            flipped += 1;
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(flipped > 1_000, "{flipped}");
    assert_eq!(look(folder.path(), Scope::Everything), before);
}

/// Somebody who knows the format: the checksum is right, the words are others.
#[test]
fn a_forged_entry_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spans = small(folder.path());
    let path = folder.path().join("journal");
    let whole = fs::read(&path).unwrap();
    let (from, to) = spans[2];
    let old = &whole[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
    let text = String::from_utf8_lossy(&old[frame::HEADER + 32..]).replace("true", "null");
    let mut forged = Vec::new();
    let body = [&old[frame::HEADER..frame::HEADER + 32], text.as_bytes()];
    frame::write(&mut forged, (old[4], old[5], old[6], 2), &body);
    assert_eq!(forged.len(), old.len());
    let bytes =
        [&whole[..usize::try_from(from).unwrap()], &forged, &whole[usize::try_from(to).unwrap()..]].concat();
    fs::write(&path, bytes).unwrap();
    let audit = look(folder.path(), Scope::Log);
    assert_eq!(audit.findings[0].entry, Some(2));
    assert!(audit.findings[0].place.contains("tree, byte"), "{:?}", audit.findings);
    // Without the hashes of the tree the signed head still speaks, and the store does not open.
    fs::remove_file(folder.path().join("tree")).unwrap();
    let audit = look(folder.path(), Scope::Log);
    assert!(audit.findings[0].what.contains("the first 3 entries are not those that the signed head"));
    assert!(matches!(open(folder.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn an_index_that_lies_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store);
    store.index.put_raw(&super::super::rows::key(b'e', &[&8_u64.to_be_bytes()]), b"elsewhere");
    let audit = store.audit(Scope::Everything, None).unwrap();
    assert_eq!(audit.findings.len(), 1);
    assert_eq!(audit.findings[0].entry, Some(8));
    assert!(audit.findings[0].what.contains("table `e`"), "{:?}", audit.findings);
    assert!(store.audit(Scope::Log, None).unwrap().is_clean());
}

#[test]
fn what_was_told_earlier_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut told = Vec::new();
    for n in 0..9 {
        let (size, root) = store.log_head();
        told.push(SeenHead { size, root });
        store.append(arrival(n)).unwrap();
    }
    for seen in &told {
        let audit = store.audit(Scope::Log, Some(*seen)).unwrap();
        assert_eq!((audit.seen_holds, audit.is_clean()), (Some(true), true), "{seen:?}");
        let other = SeenHead { root: digest(99), ..*seen };
        let audit = store.audit(Scope::Log, Some(other)).unwrap();
        assert_eq!((audit.seen_holds, audit.is_clean()), (Some(false), false), "{seen:?}");
    }
    let future = SeenHead { size: 10, root: told[3].root };
    let audit = store.audit(Scope::Log, Some(future)).unwrap();
    assert!(audit.findings[0].what.contains("the journal has 9 entries, but 10 were told of"), "{audit:?}");
    let text = format!("{}:{}", told[3].size, told[3].root);
    assert_eq!(text.parse(), Ok(told[3]));
    let base64 = store.checkpoint().unwrap().1.lines().nth(2).unwrap().to_owned();
    assert_eq!(format!("9:{base64}").parse::<SeenHead>().unwrap().root, store.log_head().1);
    for bad in ["", "9", "9:", "x:aa", "9:zz"] {
        assert!(bad.parse::<SeenHead>().is_err(), "{bad}");
    }
}

#[test]
fn a_cut_off_store_is_found_and_a_torn_write_is_not_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let path = folder.path().join("journal");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"ejf1 torn"].concat()).unwrap();
    let audit = look(folder.path(), Scope::Everything);
    assert!(audit.is_clean() && audit.notes[0].contains("never acknowledged"), "{audit:?}");
    for length in [16, whole.len() - 1, 40] {
        fs::write(&path, &whole[..length]).unwrap();
        let audit = look(folder.path(), Scope::Log);
        assert!(!audit.is_clean(), "{length}");
    }
    fs::write(&path, &whole).unwrap();
    fs::remove_file(folder.path().join("segments/00000000.seg")).unwrap();
    let audit = look(folder.path(), Scope::Everything);
    assert!(audit.findings[0].what.contains("missing"), "{audit:?}");
    let error = audit_folder(&folder.path().join("none"), Scope::Log, None, Duration::ZERO).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

#[test]
fn an_audit_runs_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(arrival(0)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (1..60).for_each(|n| assert!(store.append(arrival(n)).is_ok())));
        while store.size() < 60 {
            let audit = store.audit(Scope::Everything, None).unwrap();
            assert_eq!(audit.findings, []);
            store.checkpoint().unwrap();
        }
    });
}
