//! The signed head of every day: mailed once to the auditor and to the evidence mailbox, and good for a check later.

use std::time::{Duration, Instant};

use endorsed::model::Message;
use endorsed::parse::parse;
use endorsed::record::log::Checkpoint;
use serde_json::Value;

use crate::home::{Home, PATIENCE};
use crate::letters::SELLER;

const AUDITOR: &str = "audit@auditor.example";

fn letters(home: &Home) -> Vec<(Message, Vec<u8>)> {
    let files = std::fs::read_dir(home.path().join("out")).into_iter().flatten().map(|e| e.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|e| e == "eml"));
    let raw = files.map(|file| std::fs::read(file).unwrap());
    raw.map(|raw| (parse(&raw), raw)).filter(|(m, _)| m.subject.starts_with("Log of ")).collect()
}

fn wait_for_two(home: &Home) -> Vec<(Message, Vec<u8>)> {
    let start = Instant::now();
    loop {
        let found = letters(home);
        if found.len() >= 2 {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{} letters: {}", found.len(), home.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_head_of_the_day_leaves_the_house_once() {
    let home = Home::new(&format!(
        "[log]\ncheckpoint_to = [\"{AUDITOR}\"]\n[outbox]\ndir = \"out\"\n\
         [[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n"
    ));
    let daemon = home.start();
    let sent = wait_for_two(&home);
    let evidence = format!("evidence@{SELLER}");
    let mut to: Vec<String> = sent.iter().map(|(m, _)| m.to[0].address.to_string()).collect();
    to.sort();
    assert_eq!(to, [AUDITOR, &evidence]);
    // What the mail says is what is signed, and it is in the log for ever.
    let (_, raw) = &sent[0];
    let parsed = mail_parser::MessageParser::default().parse(raw.as_slice()).unwrap();
    let note = parsed.attachment(0).unwrap().contents().to_vec();
    let verifier = std::fs::read_to_string(home.store().join("log.vkey")).unwrap();
    let head = Checkpoint::open(std::str::from_utf8(&note).unwrap(), verifier.trim()).unwrap();
    let seen = format!("{}:{}", head.size, head.root);
    assert!(sent[0].0.plain.clone().unwrap().contains(&format!("endorsed verify --seen {seen}")));
    home.deliver("1.a", &home.letters.declaration("OPP-96001"));
    home.deliver("2.b", &home.letters.reply("OPP-96001", 1, "Yes, confirmed. All three criteria are met."));
    home.wait_for_gate("OPP-96001", 0);
    let checked = home.ask(&["verify", "--seen", &seen]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    // The copy that comes into the evidence mailbox is a machine's mail and makes nobody work.
    let (_, copy) = sent.iter().find(|(m, _)| m.to[0].address.as_str() == evidence).unwrap();
    let trace = format!("Received: from out.example by mx.{SELLER}; Mon, 2 Nov 2026 09:00:00 +0000\r\n");
    let fetched = || home.log().matches("mail.fetched").count();
    let before = fetched();
    home.deliver("3.c", &[trace.as_bytes(), copy].concat());
    let start = Instant::now();
    while fetched() == before || home.get("/healthz").1["waiting"] != 0 {
        assert!(start.elapsed() < PATIENCE, "{}", home.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(2));
    let queue: Value = serde_json::from_slice(&home.ask(&["review", "list", "--json"]).stdout).unwrap();
    assert_eq!(queue["items"].as_array().map(Vec::len), Some(0), "{queue}");
    assert_eq!(home.gate("OPP-96001"), 0);
    // Neither time nor a restart sends it again.
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let daemon = home.start();
    home.wait_for_gate("OPP-96001", 0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(letters(&home).len(), 2);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
