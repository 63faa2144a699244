//! Letters from end to end: a daemon that writes them, a folder or a real Postfix that takes them, people who answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use endorsed::edge::store::{Batch, OpenOptions, Store};
use endorsed::model::{Address, Digest, Message, MessageId, OpportunityId};
use endorsed::parse::parse;
use endorsed::record::{Entry, Letter, Side};
use serde_json::Value;

use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::home::{Home, Running};
use crate::letters::{BUYER, Letters, SELLER};
use crate::postfix::{AUTH, Postfix, SIEVE};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than every wait in [`RULES`]: what has not come by then does not come.
pub const SILENCE: Duration = Duration::from_secs(9);

pub const MAILDIR: &str = "[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n";
pub const OUTBOX: &str = "[outbox]\ndir = \"out\"\n[letters]\nrules = \"prompts.toml\"\n";

/// The shipped rules with days that last seconds, and people who always work.
fn rules(zombie_seconds: u32) -> String {
    let mut rules = include_str!("../../rules/prompts.toml").to_owned();
    for (from, to) in [
        ("from = \"09:00\"", "from = \"00:00\""),
        ("until = \"17:00\"", "until = \"23:59:59\""),
        ("weekend = [\"saturday\", \"sunday\"]", "weekend = []"),
        ("champion_per_day = 1 ", "champion_per_day = 9 "),
        ("after = \"2 business days\"", "after = \"6 seconds\"\nlate = \"60 seconds\""),
        ("after = \"1 business day\"", "after = \"3 seconds\"\nlate = \"60 seconds\""),
        ("after = \"5 business days\"", "after = \"3600 seconds\""),
        ("after = \"10 business days\"", &format!("after = \"{zombie_seconds} seconds\"")),
        ("warn = \"1 business day\"", "warn = \"3 seconds\""),
    ] {
        assert!(rules.contains(from), "{from}");
        rules = rules.replace(from, to);
    }
    rules
}

pub fn home(mailbox: &str, outbox: &str, zombie_seconds: u32) -> Home {
    let home = Home::new(&format!("{mailbox}{outbox}"));
    std::fs::write(home.path().join("prompts.toml"), rules(zombie_seconds)).unwrap();
    home
}

/// The letters in the outbox folder.
pub fn written(home: &Home) -> Vec<Message> {
    let files = std::fs::read_dir(home.path().join("out")).into_iter().flatten().map(|e| e.unwrap().path());
    let files = files.filter(|f| f.extension().is_some_and(|e| e == "eml"));
    files.map(|f| parse(&std::fs::read(f).unwrap())).collect()
}

pub fn is_to(message: &Message, address: &str) -> bool {
    message.to.iter().any(|to| to.address.as_str() == address)
}

pub fn wait_for<T>(what: &str, home: &Home, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "no {what}: {}\n{}", listed(home), home.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub fn letter(home: &Home, to: &str, subject: &str) -> Message {
    wait_for(&format!("letter {subject} to {to}"), home, || {
        written(home).into_iter().find(|m| is_to(m, to) && m.subject.contains(subject))
    })
}

fn listed(home: &Home) -> Value {
    let output = home.ask(&["prompts", "list", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Rule and state of every letter on record.
pub fn states(home: &Home) -> BTreeMap<String, String> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let rows = listed(home)["letters"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (text(&row["rule"]), text(&row["state"]))).collect()
}

pub fn dana() -> String {
    format!("dana@{BUYER}")
}

pub fn kim() -> String {
    format!("kim@{SELLER}")
}

#[test]
fn silence_a_warning_a_prompt_and_the_answer_to_it() {
    let home = home(MAILDIR, OUTBOX, 3600);
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-60001"));
    letter(&home, &kim(), "your declaration is on record");
    let warning = letter(&home, &kim(), "we will ask Dana Ruiz");
    assert!(written(&home).iter().all(|m| !is_to(m, &dana())), "asked before the warning was read");
    assert!(warning.plain.unwrap().contains("HOLD"));
    let prompt = letter(&home, &dana(), "Re: Cascade evaluation at Larkspur Bank: readout");
    assert_eq!(prompt.in_reply_to, [MessageId::new(&Letters::declared("OPP-60001")).unwrap()]);
    // A bare yes says all, since the prompt restated the criteria and asked.
    home.deliver("2.b", &home.letters.answer(&prompt, "Yes, we confirm."));
    home.wait_for_gate("OPP-60001", 0);
    let told = letter(&home, &kim(), "confirmed and verified");
    assert!(told.plain.unwrap().contains("Yes, we confirm."));
    std::thread::sleep(SILENCE);
    assert_eq!(written(&home).iter().filter(|m| is_to(m, &dana())).count(), 1, "asked again");
    let states = states(&home);
    assert!(states.values().all(|state| state == "sent"), "{states:?}");
    assert_eq!(states.keys().collect::<Vec<_>>(), ["confirmed", "declared", "remind_1", "warn.remind_1"]);
    // A restart sends nothing twice.
    let before = written(&home).len();
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let daemon = home.start();
    std::thread::sleep(SILENCE);
    assert_eq!(written(&home).len(), before);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn hold_by_mail_keeps_the_robot_silent_until_somebody_lets_it() {
    let home = home(MAILDIR, OUTBOX, 3600);
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-60002"));
    let warning = letter(&home, &kim(), "we will ask Dana Ruiz");
    // Anybody can write HOLD; only who is proven to be of the seller is heard.
    home.deliver("2.b", &home.letters.order(&warning, "HOLD"));
    wait_for("hold", &home, || listed(&home).to_string().contains("\"held\"").then_some(()));
    let told = letter(&home, &kim(), "your order was carried out").plain.unwrap();
    assert!(told.contains("The prompts about OPP-60002 are held"), "{told}");
    std::thread::sleep(SILENCE);
    assert!(written(&home).iter().all(|m| !is_to(m, &dana())), "asked in spite of HOLD");
    assert_eq!(home.gate("OPP-60002"), 1, "an order is no verdict");
    assert_eq!(home.ask(&["prompts", "send-now", "OPP-60002"]).status.code(), Some(0));
    letter(&home, &dana(), "Re: Cascade");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn an_unsigned_order_is_no_order() {
    let home = home(MAILDIR, OUTBOX, 3600);
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-60003"));
    let warning = letter(&home, &kim(), "we will ask Dana Ruiz");
    let signed = home.letters.order(&warning, "HOLD");
    let text = String::from_utf8(signed).unwrap();
    let start = text.find("\r\nReceived:").map_or_else(|| text.find("Received:").unwrap(), |at| at + 2);
    home.deliver("2.b", &text.as_bytes()[start..]);
    letter(&home, &dana(), "Re: Cascade");
    assert!(
        written(&home).iter().all(|m| !m.subject.contains("your order")),
        "a stranger's order was answered"
    );
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn old_mail_prompts_nobody() {
    let home = home(MAILDIR, OUTBOX, 5);
    let daemon = home.start();
    // From an archive.
    let file = home.path().join("win.eml");
    std::fs::write(&file, home.letters.declaration("OPP-60004")).unwrap();
    assert_eq!(home.ask(&["ingest", file.to_str().unwrap()]).status.code(), Some(0));
    // From a mailbox that held it before anybody watched.
    home.deliver("1.a", &home.letters.declaration_of("OPP-60005", 60 * 24 * 10));
    home.wait_for_gate("OPP-60004", 1);
    home.wait_for_gate("OPP-60005", 1);
    std::thread::sleep(SILENCE);
    assert_eq!(written(&home).len(), 0);
    assert_eq!(states(&home).len(), 0);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_letter_that_was_under_way_when_the_program_died_is_uncertain_and_never_sent_again() {
    let home = home(MAILDIR, OUTBOX, 3600);
    let keys = [Digest::of(b"under way"), Digest::of(b"planned")];
    {
        let store =
            Store::open(&home.store(), OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
        for (n, key) in keys.iter().enumerate() {
            let raw = format!("From: evidence@{SELLER}\r\nTo: kim@{SELLER}\r\nSubject: {n}\r\n\r\n{n}\r\n")
                .into_bytes();
            let letter = Letter {
                key: *key,
                base: *key,
                rule: ["remind_1", "remind_2"][n].into(),
                why: "because".into(),
                to: Address::new(&dana()).unwrap(),
                side: Side::Champion,
                opportunity: OpportunityId::new("OPP-60006"),
                declaration: None,
                criteria: None,
                asks: true,
                message_id: MessageId::new(&format!("t.{n}@{SELLER}")).unwrap(),
                sha256: Digest::of(&raw),
                planned_at: jiff::Timestamp::now(),
            };
            let mut entries = vec![Entry::Letter(Box::new(letter))];
            if n == 0 {
                entries.push(Entry::Posting { key: *key, at: jiff::Timestamp::now() });
            }
            store.append(Batch { raw: vec![raw], entries, ..Batch::default() }).unwrap();
        }
    }
    let daemon = home.start();
    let store = home.store();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(written(&home).len(), 0, "sent again, or sent without a reason");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_eq!(state_of(&store, &keys[0]), "uncertain");
    assert_eq!(state_of(&store, &keys[1]), "withdrawn");
}

fn state_of(store: &Path, key: &Digest) -> &'static str {
    Store::open(store, OpenOptions::default()).unwrap().letter(key).unwrap().unwrap().state()
}

/// Declaration, silence, warning, prompt, vacation responder, answer in the thread, and then nothing more: over a real
/// mail server with STARTTLS and a password, into a real mailbox.
#[test]
fn the_round_over_postfix_and_dovecot() {
    let dovecot = Dovecot::start_with(&format!("{AUTH}{SIEVE}"));
    // Dana is away, and her server says so to whoever writes to her (RFC 5230).
    let script = format!(
        "require [\"vacation\"];\nvacation :days 1 :addresses [\"{}\"] :subject \"Away\" \"Yes, I got it. I am away.\";\n",
        dana()
    );
    dovecot.put_sieve("dana", &script);
    let postfix = Postfix::start(&dovecot);
    let imap = format!(
        "[[mailbox]]\nkind = \"imap\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\n",
        dovecot.imaps,
        dovecot.ca().display()
    );
    let smtp = format!(
        "[smtp]\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\nca_file = \"{}\"\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\nfrom = \"evidence@{SELLER}\"\n[letters]\nrules = \"prompts.toml\"\n",
        postfix.port,
        dovecot.ca().display()
    );
    let home = home(&imap, &smtp, 3600);
    std::fs::write(home.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let daemon: Running = home.start();
    let evidence = format!("evidence+OPP-60007@{SELLER}");
    postfix.submit(&kim(), &[&dana(), &evidence], &home.letters.declaration("OPP-60007"));
    let of = |user: &str, subject: &str| {
        let mails: Vec<Message> = postfix.mailbox(user).iter().map(|raw| parse(raw)).collect();
        mails
            .into_iter()
            .find(|m| m.subject.contains(subject) && m.from.iter().any(|f| f.address.local() == "evidence"))
    };
    let warning = wait_for("warning", &home, || of("kim", "we will ask Dana Ruiz"));
    assert!(warning.header("Auto-Submitted").next().is_some());
    let prompt = wait_for("prompt", &home, || of("dana", "Re: Cascade"));
    // Her responder answered Kim, once, and nothing that a machine wrote: neither the prompt nor an answer to the note.
    let away = |user: &str| {
        let mails: Vec<Message> = postfix.mailbox(user).iter().map(|raw| parse(raw)).collect();
        mails.into_iter().filter(|m| m.subject.starts_with("Away")).collect::<Vec<Message>>()
    };
    let note = wait_for("real vacation note", &home, || away("kim").pop());
    assert_eq!(note.header("Auto-Submitted").next().map(str::trim), Some("auto-replied (vacation)"));
    assert_eq!((away("kim").len(), away("evidence").len()), (1, 0), "{}", postfix.log());
    // Of other servers the note comes to us; it is a machine's and says nothing.
    let reply_to = prompt.reply_to[0].address.to_string();
    postfix.submit("", &[&reply_to], &home.letters.vacation(&prompt));
    wait_for("vacation note", &home, || home.shown("OPP-60007").contains("automatic").then_some(()));
    assert_eq!(home.gate("OPP-60007"), 1, "a machine confirmed");
    let answer =
        home.letters.answer(&prompt, "Yes. All three criteria are met, and we recommend going forward.");
    postfix.submit(&dana(), &[&reply_to], &answer);
    home.wait_for_gate("OPP-60007", 0);
    wait_for("news", &home, || of("kim", "confirmed and verified"));
    let before = (postfix.mailbox("dana").len(), postfix.mailbox("kim").len());
    std::thread::sleep(SILENCE);
    assert_eq!((postfix.mailbox("dana").len(), postfix.mailbox("kim").len()), before, "it went on writing");
    assert_eq!((away("kim").len(), away("evidence").len()), (1, 0), "{}", postfix.log());
    let states = states(&home);
    assert!(states.values().all(|state| state == "sent"), "{states:?}");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
