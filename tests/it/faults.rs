//! The store on a disk that fails: each step of a commit, of signing and of erasing, each way in which it can fail.
//!
//! A child works on a disk (`disk`) whose one call fails, either before it did anything (failed and not persisted) or
//! after it did all (failed but persisted). The child must hear of it and write nothing more. Then the store must open:
//! as the process left it, and as a power cut would, with nothing that was not synced and with any part of it. The table
//! in docs/RECORD.md names each row by its test.

use std::path::Path;

use crate::disk::{Call, Disk, Luck, Names, scratch};
use crate::powercut::Recording;
use crate::store::{Random, batch, number, open};

/// EIO.
const EIO: i32 = 5;
/// ENOSPC.
const ENOSPC: i32 = 28;

/// What the child does before the fault and, when it is not hit, after it.
const COMMIT: &str = "open append*3 armed append*3";
/// The first commit of a store makes the first segment.
const FIRST: &str = "open armed append*1";
const SIGN: &str = "open append*3 armed sign append*1";
const ERASE: &str = "open append*12 armed erase append*1";

/// A call that fails: its name, the end of its path, and which of them (from 1).
type Fault = (&'static str, &'static str, u32);

/// Every way in which one call can fail.
fn fails(script: &str, fault: Fault) {
    let ways: &[&str] = if fault.0 == "write" { &["before", "half", "after"] } else { &["before", "after"] };
    for (n, how) in ways.iter().enumerate() {
        let recording = run(script, fault, how, [EIO, ENOSPC, EIO][n]);
        let failed = recording.calls.iter().position(|call| matches!(call, Call::Failed(_)));
        let failed = failed.unwrap_or_else(|| panic!("{fault:?} was never called"));
        let said = recording.calls[failed..].iter().find_map(|call| match call {
            Call::Said(text) => Some(text.as_str()),
            _ => None,
        });
        let said = said.unwrap_or_default();
        assert!(said.contains("failed "), "{fault:?} {how}: the child went on: {said:?}");
        let advice = if n == 1 { "make room on the disk and restart" } else { "restart" };
        assert!(said.contains(advice) && said.contains("store"), "{fault:?} {how}: {said}");
        outlives(&recording);
    }
}

fn run(script: &str, (call, file, n): Fault, how: &str, errno: i32) -> Recording {
    let fault = format!("{call},{file},{n},{how},{errno}");
    Recording::make(script, 11, &[("DISK_FAULT", &fault)])
}

/// Opens what the process left, and what power cuts would have left.
fn outlives(recording: &Recording) {
    let all = recording.calls.len();
    let mut random = Random(all as u64);
    for luck in [Luck::all(false), Luck::all(true), Luck::draw(&mut random)] {
        let image = scratch();
        let (disk, acked) = recording.replay(Disk::new(Names::Loose), all);
        disk.image(luck, &mut random, image.path());
        recovers(&image.path().join("store"), &acked);
    }
    let (_, acked) = recording.replay(Disk::new(Names::Loose), all);
    recovers(&recording.disk().join("store"), &acked);
}

fn recovers(folder: &Path, acked: &crate::powercut::Acked) {
    let store = open(folder);
    acked.check(&store);
    store.append(batch(store.size(), 1)).unwrap();
}

#[test]
fn making_a_segment_fails() {
    fails(FIRST, ("create", ".seg", 1));
}

#[test]
fn naming_a_segment_durably_fails() {
    fails(FIRST, ("sync", "/segments", 1));
}

#[test]
fn writing_mail_fails() {
    fails(COMMIT, ("write", ".seg", 2));
}

#[test]
fn syncing_mail_fails() {
    fails(COMMIT, ("sync", ".seg", 2));
}

#[test]
fn writing_the_journal_fails() {
    fails(COMMIT, ("write", "/journal", 2));
}

#[test]
fn syncing_the_journal_fails() {
    fails(COMMIT, ("sync", "/journal", 2));
}

#[test]
fn writing_hashes_of_the_log_fails() {
    fails(COMMIT, ("write", "/tree", 2));
}

#[test]
fn writing_the_index_fails() {
    fails(COMMIT, ("write", "index/db", 2));
}

#[test]
fn syncing_the_index_fails() {
    fails(COMMIT, ("sync", "index/db", 2));
}

#[test]
fn noting_the_length_of_the_journal_fails() {
    fails(COMMIT, ("write", "/journal.head", 2));
}

#[test]
fn syncing_hashes_before_signing_fails() {
    fails(SIGN, ("sync", "/tree", 1));
}

#[test]
fn writing_a_signed_head_fails() {
    for call in ["create", "write", "sync"] {
        fails(SIGN, (call, "checkpoint.new", 1));
    }
}

#[test]
fn putting_a_signed_head_in_place_fails() {
    fails(SIGN, ("rename", "/checkpoint", 1));
    fails(SIGN, ("sync", "/store", 1));
}

#[test]
fn planning_an_erasure_fails() {
    for call in ["create", "write", "sync"] {
        fails(ERASE, (call, "erasing.new", 1));
    }
    fails(ERASE, ("rename", "/erasing", 1));
    fails(ERASE, ("sync", "/store", 1));
}

#[test]
fn erasing_octets_fails() {
    for file in ["/journal", "00000000.seg"] {
        fails(ERASE, ("write", file, 1));
        fails(ERASE, ("sync", file, 1));
    }
}

#[test]
fn replacing_the_index_after_an_erasure_fails() {
    fails(ERASE, ("mkdir", "/index.new", 1));
    fails(ERASE, ("unlink", "index/db", 1));
    fails(ERASE, ("rename", "/index", 1));
}

#[test]
fn ending_an_erasure_fails() {
    fails(ERASE, ("unlink", "/erasing", 1));
}

/// Not only the steps that have a name: every call that changes something, from the making of a store to its end. The
/// suite takes a share; `ENDORSED_FAULTS=all` takes every one.
#[test]
fn any_call_fails() {
    let share = if std::env::var("ENDORSED_FAULTS").is_ok_and(|all| all == "all") { 1 } else { 23 };
    let offset = number("ENDORSED_FAULTS_OFFSET").unwrap_or(0);
    for script in ["armed open append*1 sign close", "open append*12 armed erase append*1 close"] {
        let calls = changes(&Recording::make(script, 11, &[]));
        assert!(calls > 30, "{script}: {calls} calls");
        let mut hit = 0;
        for n in (1..=calls).filter(|n| n % share == offset % share) {
            for how in ["before", "after"] {
                let fault = format!("any,*,{n},{how},{EIO}");
                let recording = Recording::make(script, 11, &[("DISK_FAULT", &fault)]);
                for call in &recording.calls {
                    if let Call::Failed(what) = call {
                        eprintln!("{n} {how}: {what}");
                        hit += 1;
                    }
                }
                outlives(&recording);
            }
        }
        assert!(hit > calls / share, "the faults were hardly hit: {hit} of {calls} calls");
    }
}

/// Calls after the child said that the disk is armed.
fn changes(recording: &Recording) -> u64 {
    let armed = |call: &Call| matches!(call, Call::Said(text) if text.contains("> armed"));
    let from = recording.calls.iter().position(armed).unwrap();
    let counts = |call: &&Call| !matches!(call, Call::Said(_) | Call::SyncEnd { .. } | Call::Failed(_));
    recording.calls[from..].iter().filter(counts).count() as u64
}

/// The disk fills up in the middle of commits, at any octet; when there is room again everything goes on.
#[test]
fn a_full_disk_stops_the_store_and_loses_nothing() {
    for space in [0, 1, 500, 20_000, 70_000, 200_000] {
        let recording =
            Recording::make("open append*3 armed append*12", 11, &[("DISK_SPACE", &space.to_string())]);
        let failed = recording.calls.iter().find_map(|call| match call {
            Call::Said(text) if text.contains("failed ") => Some(text.clone()),
            _ => None,
        });
        let failed = failed.unwrap_or_else(|| panic!("{space} octets were enough"));
        assert!(failed.contains("make room on the disk and restart"), "{failed}");
        outlives(&recording);
    }
}
