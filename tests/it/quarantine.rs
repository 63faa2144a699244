//! What is set aside is on record, survives a restart, is tried again, and can be given up.

use std::time::{Duration, Instant};

use endorsed::edge::store::{OpenOptions, Store};
use endorsed::record::{Entry, Place};
use serde_json::Value;

use crate::disk::library;
use crate::dovecot::Dovecot;
use crate::home::{Home, PATIENCE};
use crate::source_contract::message;

fn listed(home: &Home) -> Vec<Value> {
    let output = home.ask(&["quarantine", "list", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn wait(what: &str, home: &Home, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}\n{}", listed(home), home.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many messages the store knows; only when no daemon holds it.
fn stored(home: &Home) -> usize {
    let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let entries = store.entries(0..store.size()).unwrap();
    entries.iter().filter(|e| matches!(e, Entry::Seen(s) if matches!(s.place, Place::Imap { .. }))).count()
}

#[test]
fn an_unreadable_message_is_remembered_over_a_restart_and_read_when_it_heals() {
    let server = Dovecot::start();
    let names: Vec<String> = (0..12).map(|n| server.deliver(&message(n))).collect();
    server.poison(&names[4]);
    // The last one: nothing behind it moves the cursor over it.
    server.poison(&names[11]);
    let home = Home::imap(&server);
    let daemon = home.start();
    wait("two are set aside", &home, || listed(&home).len() == 2);
    let rows = listed(&home);
    assert!(rows.iter().all(|row| row["why"] == "unfetchable" && row["attempts"] == 1), "{rows:?}");
    let id = rows[0]["id"].as_str().unwrap().to_owned();
    let shown = home.ask(&["quarantine", "show", &id]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("unfetchable"), "{shown:?}");
    assert_eq!(home.ask(&["quarantine", "show", "nonsense"]).status.code(), Some(1));
    daemon.kill();
    assert_eq!(stored(&home), 10);

    let daemon = home.start();
    wait("tried again", &home, || listed(&home).iter().any(|row| row["attempts"] == 2));
    for name in [&names[4], &names[11]] {
        server.cure(name);
    }
    assert_eq!(home.ask(&["quarantine", "retry"]).status.code(), Some(0));
    wait("both are read", &home, || listed(&home).is_empty());
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(stored(&home), 12);
}

#[test]
fn a_message_that_vanished_stays_listed_until_a_person_drops_it() {
    let server = Dovecot::start();
    let names: Vec<String> = (0..3).map(|n| server.deliver(&message(n))).collect();
    server.poison(&names[1]);
    let home = Home::imap(&server);
    let daemon = home.start();
    wait("set aside", &home, || listed(&home).len() == 1);
    // Somebody removes it before we ever read it.
    server.doveadm(&["expunge", "-u", crate::dovecot::USER, "mailbox", "INBOX", "uid", "2"]);
    home.ask(&["quarantine", "retry"]);
    wait("noticed", &home, || listed(&home).first().is_some_and(|row| row["why"] == "vanished"));
    let id = listed(&home)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        home.ask(&["quarantine", "drop", &id, "--by", "Ana"]).status.code(),
        Some(2),
        "no reason given"
    );
    let drop = ["quarantine", "drop", &id, "--by", "Ana", "--reason", "spam, says its sender"];
    assert_eq!(home.ask(&drop).status.code(), Some(0));
    assert_eq!(home.ask(&drop).status.code(), Some(1), "it is no longer there");
    assert!(listed(&home).is_empty());
    assert_eq!(daemon.stop(), Some(0));
    let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let entries = store.entries(0..store.size()).unwrap();
    let released: Vec<_> =
        entries.iter().filter_map(|e| if let Entry::Released(r) = e { Some(r) } else { None }).collect();
    assert_eq!((released.len(), released[0].by.as_deref()), (1, Some("Ana")));
}

#[test]
fn without_file_handles_no_message_is_blamed_and_all_is_on_record_once_afterwards() {
    // Once while the source lists, and once while the store begins a file.
    for known_before in [true, false] {
        let home = Home::maildir();
        let mut daemon = home.start();
        if known_before {
            home.deliver("1.a", &home.letters.declaration("OPP-70041"));
            wait("awaited", &home, || home.shown("OPP-70041").contains("awaiting_reply"));
        }
        // What is open stays open; nothing more can be opened. A daemon that has ended has no limit to set.
        let limit = |pid: u32, soft: &str| {
            let done = std::process::Command::new("prlimit").args(["--pid", &pid.to_string(), soft]).output();
            done.expect("prlimit (util-linux) is missing").status.success()
        };
        if !known_before {
            home.deliver("1.a", &home.letters.declaration("OPP-70041"));
        }
        assert!(limit(daemon.0.id(), "--nofile=3:"));
        for n in 2..6 {
            let answer = home.letters.reply("OPP-70041", n, "Yes, confirmed. All three criteria are met.");
            home.deliver(&format!("{n}.b"), &answer);
        }
        let short = || home.log().contains("mail.unreadable") || home.log().contains("daemon.end");
        wait("noticed", &home, short);
        limit(daemon.0.id(), "--nofile=1024:");
        // The store may stop rather than guess what is on disk, also a moment after the source complained: the service
        // manager starts the daemon anew.
        wait("each is on record", &home, || {
            if let Some(status) = daemon.0.try_wait().unwrap() {
                assert_ne!(status.code(), Some(0));
                daemon = home.start();
            }
            home.gate("OPP-70041") == 0 && {
                let health = home.get("/healthz").1;
                health["waiting"] == 0 && health["fresh"] == true
            }
        });
        assert!(listed(&home).is_empty(), "{:?}", listed(&home));
        assert_eq!(daemon.stop(), Some(0), "{}", home.log());
        let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
        let entries = store.entries(0..store.size()).unwrap();
        assert_eq!(entries.iter().filter(|e| matches!(e, Entry::Seen(_))).count(), 5);
        assert!(!entries.iter().any(|e| matches!(e, Entry::SetAside(_))), "not even for a moment");
    }
}

#[test]
fn on_a_full_disk_no_message_is_blamed_and_all_is_on_record_once_afterwards() {
    let server = Dovecot::start();
    (0..60).for_each(|n| drop(server.deliver(&message(n))));
    let home = Home::imap(&server);
    // A store of its own first: it is the mail that finds no room.
    home.start().stop();
    (60..400).for_each(|n| drop(server.deliver(&message(n))));
    let library = library().display().to_string();
    let store = home.store().display().to_string();
    let mut starved = 0;
    for room in (0..).step_by(80_000) {
        let room = room.to_string();
        let disk =
            [("LD_PRELOAD", &*library), ("DISK_FOLDER", &store), ("DISK_SPACE", &room), ("DISK_ARMED", "1")];
        let before = home.log();
        let mut daemon = home.spawn(&disk);
        let mut ended = None;
        wait("full, or room for all", &home, || {
            ended = daemon.0.try_wait().unwrap();
            // A hundred at a time.
            ended.is_some() || home.log().matches("mail.considered").count() >= 4
        });
        let Some(status) = ended else { break };
        assert_ne!(status.code(), Some(0));
        let told = home.log().split_off(before.len());
        assert!(told.contains("make room on the disk and restart"), "{told}");
        starved += usize::from(told.contains("mail.connected"));
    }
    assert!(starved > 0, "no mail came while there was no room for it");
    let daemon = home.start();
    wait("each is on record and considered", &home, || {
        let health = home.get("/healthz").1;
        health["waiting"] == 0 && health["size"].as_u64() >= Some(800)
    });
    assert!(listed(&home).is_empty(), "{:?}", listed(&home));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_eq!(stored(&home), 400);
    let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let entries = store.entries(0..store.size()).unwrap();
    assert!(!entries.iter().any(|e| matches!(e, Entry::SetAside(_))), "not even for a moment");
}

#[test]
fn a_person_can_have_the_mailbox_read_now() {
    let home = Home::new("[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 3600\n");
    let daemon = home.start();
    let asked = std::process::Command::new("kill").args(["-USR1", &daemon.0.id().to_string()]).status();
    assert!(asked.unwrap().success());
    wait("polled", &home, || home.log().contains("mail.polled_now"));
    assert_eq!(daemon.stop(), Some(0));
}
