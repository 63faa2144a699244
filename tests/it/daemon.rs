//! The daemon as a process: mail in at one end, the gate's answer out at the other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use endorsed::edge::store::{OpenOptions, Store};
use endorsed::record::{Entry, Place};
use serde_json::Value;

use crate::dovecot::{Dovecot, USER};
use crate::home::{Home, PATIENCE};
use crate::letters::{BUYER, SELLER};

/// How often each copy was seen and considered, read after the daemon has let go of the store.
fn counts(store: &Path) -> (BTreeMap<String, usize>, usize, u64) {
    let store = Store::open(store, OpenOptions::default()).unwrap();
    let mut seen = BTreeMap::new();
    let mut considered = BTreeSet::new();
    for entry in store.entries(0..store.size()).unwrap() {
        match entry {
            Entry::Seen(copy) => {
                let place = match copy.place {
                    Place::Imap { uid, .. } => uid.to_string(),
                    Place::Maildir { name, .. } => name,
                    other => format!("{other:?}"),
                };
                *seen.entry(place).or_default() += 1;
            }
            Entry::Considered(outcome) => {
                considered.insert(outcome.sha256);
            }
            _ => {}
        }
    }
    (seen, considered.len(), store.todo_len())
}

#[test]
fn a_reply_in_a_maildir_opens_the_gate_and_a_retraction_closes_it() {
    let home = Home::maildir();
    let daemon = home.start();
    assert_eq!(home.gate("OPP-70001"), 1, "nothing is declared");
    home.deliver("1.a", &home.letters.declaration("OPP-70001"));
    home.deliver(
        "2.b",
        &home.letters.reply(
            "OPP-70001",
            1,
            "Yes, confirmed. All three criteria are met and we recommend it.",
        ),
    );
    home.wait_for_gate("OPP-70001", 0);
    let (status, answer) = home.get("/v1/gate?opportunity=OPP-70001&to=contract_signature");
    assert_eq!(
        (status, &answer["allowed"], &answer["standing"]),
        (200, &Value::Bool(true), &Value::from("confirmed")),
        "{answer}"
    );
    assert_eq!(answer["criteria"]["confirmed"], 3);
    assert!(answer["evidence"][0]["quote"].as_str().unwrap().contains("criteria are met"));
    let (status, rows) = home.get("/v1/opportunities");
    assert_eq!((status, rows["opportunities"].as_array().unwrap().len()), (200, 1));
    assert_eq!(home.get("/v1/opportunities/OPP-70001").0, 200);
    assert_eq!(home.get("/v1/opportunities/OPP-1").0, 404);
    assert_eq!(home.get("/v1/gate?opportunity=OPP-70001&to=the_moon").0, 404);
    assert_eq!(home.get("/healthz").0, 200);
    let words = "I have to take back my confirmation: please do not treat the evaluation as successful.";
    home.deliver("3.c", &home.letters.reply("OPP-70001", 2, words));
    home.wait_for_gate("OPP-70001", 1);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_retraction_that_names_no_deal_closes_the_gate() {
    let home = Home::maildir();
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-70005"));
    home.deliver("2.b", &home.letters.reply("OPP-70005", 0, "Yes, confirmed. All three criteria are met."));
    home.wait_for_gate("OPP-70005", 0);
    // New mail, no thread, no tag, and no signature: it may freeze, and would never confirm.
    let date = jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let stray = format!(
        "From: Dana Ruiz <dana@{BUYER}>\r\nTo: evidence@{SELLER}\r\nSubject: Our evaluation\r\nDate: {date}\r\nMessage-ID: <stray@{BUYER}>\r\n\r\nI have to take back my confirmation: the criteria are not met.\r\n\r\nDana\r\n"
    );
    home.deliver("3.c", stray.as_bytes());
    home.wait_for_gate("OPP-70005", 1);
    let answer = home.get("/v1/gate?opportunity=OPP-70005&to=commercial_review").1;
    assert!(answer.to_string().contains("stray_objection"), "{answer}");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn the_accounts_file_is_read_anew_on_hangup_and_after_a_restart() {
    let home = Home::new(
        "[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n[accounts]\nfile = \"accounts.toml\"\n",
    );
    let file = home.folder.path().join("accounts.toml");
    let account = |who: &str| {
        let text = format!(
            "[account.l]\ndomains = [\"{BUYER}\"]\nendorsers = {{ \"{who}@{BUYER}\" = \"technical\" }}\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    account("dana");
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-70004"));
    home.deliver("2.b", &home.letters.reply("OPP-70004", 1, "Yes, confirmed. All three criteria are met."));
    home.wait_for_gate("OPP-70004", 0);
    let hang_up = || {
        let asked = Command::new("kill").args(["-HUP", &daemon.0.id().to_string()]).status().unwrap();
        assert!(asked.success());
    };
    account("pat");
    hang_up();
    home.wait_for_gate("OPP-70004", 1);
    account("dana");
    hang_up();
    home.wait_for_gate("OPP-70004", 0);
    // A broken file changes nothing.
    std::fs::write(&file, "[account.l]\ndomains = [\"gmail.com\"]\n").unwrap();
    hang_up();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(home.gate("OPP-70004"), 0);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    account("pat");
    let daemon = home.start();
    home.wait_for_gate("OPP-70004", 1);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn mail_that_comes_while_imap_idles_changes_the_answer_and_a_restart_resumes() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    let daemon = home.start();
    server.deliver(&home.letters.declaration("OPP-70002"));
    server.deliver(&home.letters.reply("OPP-70002", 1, "Thanks a lot, great work by everybody!"));
    let start = Instant::now();
    while !home.shown("OPP-70002").contains("inconclusive") {
        assert!(start.elapsed() < PATIENCE, "{}\n{}", home.shown("OPP-70002"), home.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(home.gate("OPP-70002"), 1, "a compliment opens nothing");
    assert_eq!(daemon.stop(), Some(0));
    // While nobody watches, the answer comes.
    assert_eq!(home.gate("OPP-70002"), 1, "a mailbox that nobody reads keeps the gate closed");
    server.deliver(&home.letters.reply(
        "OPP-70002",
        2,
        "Yes, this meets our requirements and we confirm all three criteria.",
    ));
    let daemon = home.start();
    home.wait_for_gate("OPP-70002", 0);
    daemon.kill();
    let (seen, considered, waiting) = counts(&home.store());
    assert_eq!((seen.len(), considered, waiting), (3, 3, 0));
    assert!(seen.values().all(|n| *n == 1), "{seen:?}");
    let flags = server.doveadm(&["fetch", "-u", USER, "flags", "mailbox", "INBOX", "all"]);
    assert!(!flags.contains("\\Seen"), "the mailbox was changed: {flags}");
}

#[test]
fn kill_in_the_middle_of_500_messages_records_every_one_once() {
    const MESSAGES: usize = 500;
    let server = Dovecot::start();
    let home = Home::imap(&server);
    for n in 0..MESSAGES / 5 {
        let opportunity = format!("OPP-8{n:04}");
        server.deliver(&home.letters.declaration(&opportunity));
        for i in 0..4 {
            server.deliver(&home.letters.reply(&opportunity, i, &format!("We need more time for run {i}.")));
        }
    }
    let mut kills = 0;
    for wait_ms in [150, 250, 400, 600] {
        let daemon = home.start();
        std::thread::sleep(Duration::from_millis(wait_ms));
        daemon.kill();
        kills += 1;
    }
    assert_eq!(kills, 4);
    let daemon = home.start();
    let start = Instant::now();
    loop {
        let (_, health) = home.get("/healthz");
        if health["waiting"] == 0
            && home.get("/v1/opportunities").1["opportunities"].as_array().unwrap().len() == MESSAGES / 5
        {
            break;
        }
        assert!(start.elapsed() < PATIENCE * 2, "{health} {}", home.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.stop(), Some(0));
    let (seen, considered, waiting) = counts(&home.store());
    assert_eq!((seen.len(), considered, waiting), (MESSAGES, MESSAGES, 0));
    assert!(seen.values().all(|n| *n == 1), "seen more than once: {:?}", seen.iter().find(|(_, n)| **n > 1));
}

#[test]
fn refused_credentials_end_with_77_and_a_bad_configuration_with_78() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    std::fs::write(home.folder.path().join("password"), "wrong\n").unwrap();
    assert_eq!(home.command(&["run"]).stderr(Stdio::null()).status().unwrap().code(), Some(77));
    let bad = Home::new("[[mailbox]]\nkind = \"pigeon\"\n");
    assert_eq!(bad.command(&["run"]).stderr(Stdio::null()).status().unwrap().code(), Some(78));
}

#[test]
fn ingest_is_idempotent_with_and_without_a_daemon() {
    let home = Home::new("");
    let folder = home.folder.path().join("mails");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("1.eml"), home.letters.declaration("OPP-70003")).unwrap();
    std::fs::write(folder.join("2.eml"), home.letters.reply("OPP-70003", 1, "Confirmed on all three."))
        .unwrap();
    let ingest = |home: &Home| {
        let output = home.ask(&["ingest", "--json", folder.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(home.gate("OPP-70003"), 2, "there is no store yet: could not tell");
    assert_eq!(ingest(&home), serde_json::json!({ "new": 2, "known": 0 }));
    assert_eq!(home.gate("OPP-70003"), 0, "{}", home.shown("OPP-70003"));
    let daemon = home.start();
    assert_eq!(ingest(&home), serde_json::json!({ "new": 0, "known": 2 }));
    std::fs::write(
        folder.join("3.eml"),
        home.letters.reply("OPP-70003", 2, "We are still evaluating, sorry."),
    )
    .unwrap();
    assert_eq!(ingest(&home), serde_json::json!({ "new": 1, "known": 2 }));
    home.wait_for_gate("OPP-70003", 1);
    let mode = std::fs::metadata(home.store().join("socket")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the socket is for the owner only");
    daemon.kill();
    assert_eq!(home.gate("OPP-70003"), 1);
}

#[test]
fn a_recorded_gate_answer_is_an_entry_and_a_read_one_is_not() {
    let home = Home::new("");
    let mail = home.folder.path().join("1.eml");
    std::fs::write(&mail, home.letters.declaration("OPP-70004")).unwrap();
    assert!(home.ask(&["ingest", mail.to_str().unwrap()]).status.success());
    let size = || Store::open(&home.store(), OpenOptions::default()).unwrap().size();
    let before = size();
    assert_eq!(home.gate("OPP-70004"), 1);
    assert_eq!(size(), before);
    let recorded = home.ask(&["gate", "OPP-70004", "--to", "commercial_review", "--record"]);
    assert_eq!(recorded.status.code(), Some(1));
    assert_eq!(size(), before + 1);
}

/// Rules that understand nothing.
const DULL: &str = "[language]\ncommon = [\"the\", \"on\", \"all\", \"three\"]\n[[rule]]\nid = \"aside.thanks\"\nsays = \"aside\"\n\
    why = \"thanks are no verdict\"\nmatch = [\"thanks\"]\nhits = [\"Thanks!\"]\nmisses = [\"Confirmed.\"]\n";

#[test]
fn proofs_come_from_the_running_daemon() {
    let home = Home::maildir();
    home.deliver("1.a.h", &home.letters.declaration("OPP-70030"));
    home.deliver("2.a.h", &home.letters.reply("OPP-70030", 1, "Yes, we confirm all three criteria are met."));
    let daemon = home.start();
    home.wait_for_gate("OPP-70030", 0);
    let answer = home.get("/v1/gate?opportunity=OPP-70030&to=commercial_review").1;
    let told = format!("{}:{}", answer["log_size"], answer["log_root"].as_str().unwrap());
    home.deliver("3.a.h", &home.letters.reply("OPP-70030", 2, "I have to retract my confirmation."));
    home.wait_for_gate("OPP-70030", 1);
    let done = |arguments: &[&str]| {
        let output = home.ask(arguments);
        let text = [output.stdout.clone(), output.stderr].concat();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&text));
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = |name: &str| home.folder.path().join(name).display().to_string();
    assert!(done(&["verify", "--seen", &told]).contains("still in the log"));
    done(&["pack", "OPP-70030", "-o", &folder("pack.tar.gz")]);
    done(&["verify", &folder("pack.tar.gz")]);
    done(&["store", "backup", &folder("copy")]);
    done(&["store", "export", "-o", &folder("all.jsonl")]);
    assert_eq!(home.ask(&["proof", "OPP-70030", "-o", &folder("x.eml")]).status.code(), Some(1), "retracted");
    let get = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", home.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).unwrap();
        let at = octets.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        (String::from_utf8_lossy(&octets[9..12]).into_owned(), octets.split_off(at + 4))
    };
    let (status, note) = get("/checkpoint");
    let note = String::from_utf8(note).unwrap();
    assert!(status == "200" && note.starts_with(&format!("{SELLER}/endorsed\n")), "{note}");
    let size: usize = note.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(get(&format!("/tile/0/000.p/{size}")).1.len(), 32 * size);
    assert_eq!(get(&format!("/tile/entries/000.p/{size}")).0, "200");
    for path in
        ["/tile/0/001", "/tile/0/000", "/tile/9/000", "/tile/../journal", "/tile/entries/%2e%2e/journal"]
    {
        assert_eq!(get(path).0, "404", "{path}");
    }
    assert_eq!(daemon.stop(), Some(0));
    done(&["verify"]);
}

#[test]
fn rejudge_shows_changes_and_never_makes_a_yes() {
    let home = Home::new("");
    let mails = home.folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    std::fs::write(mails.join("1.eml"), home.letters.declaration("OPP-70005")).unwrap();
    std::fs::write(mails.join("2.eml"), home.letters.reply("OPP-70005", 1, "Confirmed on all three."))
        .unwrap();
    let dull = home.folder.path().join("dull/en");
    std::fs::create_dir_all(&dull).unwrap();
    std::fs::write(dull.join("aside.toml"), DULL).unwrap();
    assert!(home.ask(&["ingest", mails.to_str().unwrap()]).status.success());
    let size = || Store::open(&home.store(), OpenOptions::default()).unwrap().size();
    let changes = |arguments: &[&str]| {
        let output = home.ask(&[&["rejudge", "--json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["changes"].as_array().unwrap().clone()
    };
    let before = size();
    assert_eq!(changes(&[]), Vec::<Value>::new(), "the same rules say the same");
    let lost = changes(&["--rules", home.folder.path().join("dull").to_str().unwrap()]);
    assert_eq!(
        (lost.len(), &lost[0]["was"], &lost[0]["is"]),
        (1, &"confirmed".into(), &"inconclusive".into())
    );
    assert_eq!((size(), home.gate("OPP-70005")), (before, 0), "looking changes nothing");
    // Away from a yes is recorded; back towards it only a person can go.
    let config = home.folder.path().join("endorsed.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[rules]\ndir = \"dull\"\n")).unwrap();
    assert_eq!(changes(&["--apply"]).len(), 1);
    assert_eq!(home.gate("OPP-70005"), 1);
    std::fs::write(&config, text).unwrap();
    let back = changes(&["--apply"]);
    assert_eq!((back.len(), &back[0]["needs_person"]), (1, &true.into()));
    assert_eq!(home.gate("OPP-70005"), 1);
    assert!(home.shown("OPP-70005").contains("needs_review"), "{}", home.shown("OPP-70005"));
}

/// Rules that understand one sentence.
const PLAIN: &str = "[[rule]]\nid = \"affirm.all\"\nsays = \"affirm\"\nwhole = true\nwhy = \"all\"\n\
    match = [\"confirmed on all three\"]\nhits = [\"Confirmed on all three.\"]\nmisses = [\"Thanks!\"]\n";

#[test]
fn rules_are_read_anew_on_hangup_and_broken_ones_are_refused() {
    let home = Home::new(
        "[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n[rules]\ndir = \"own\"\n",
    );
    let own = home.folder.path().join("own/en");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("aside.toml"), DULL).unwrap();
    let daemon = home.start();
    let hang_up = |event: &str| {
        let before = home.log().matches(event).count();
        assert!(Command::new("kill").args(["-HUP", &daemon.0.id().to_string()]).status().unwrap().success());
        let start = Instant::now();
        while home.log().matches(event).count() == before {
            assert!(start.elapsed() < PATIENCE, "{}", home.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let answer = |n: usize, opportunity: &str| {
        home.deliver(&format!("{n}.a"), &home.letters.declaration(opportunity));
        home.deliver(&format!("{n}.b"), &home.letters.reply(opportunity, n, "Confirmed on all three."));
    };
    answer(1, "OPP-70011");
    let start = Instant::now();
    while !home.shown("OPP-70011").contains("not_understood") {
        assert!(start.elapsed() < PATIENCE, "{}\n{}", home.shown("OPP-70011"), home.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::write(own.join("affirm.toml"), PLAIN).unwrap();
    hang_up("reload.done");
    answer(2, "OPP-70012");
    home.wait_for_gate("OPP-70012", 0);
    assert_eq!(home.gate("OPP-70011"), 1, "a verdict on record stays until somebody rejudges");
    std::fs::write(own.join("affirm.toml"), "[[rule]]\nid = 5\n").unwrap();
    hang_up("reload.refused");
    answer(3, "OPP-70013");
    home.wait_for_gate("OPP-70013", 0);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
