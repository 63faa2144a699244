//! The weekly digest as a letter: the text of the report, once a week to each whom the configuration names.

use endorsed::model::Message;

use crate::home::Home;
use crate::letters::SELLER;
use crate::outbox::{MAILDIR, OUTBOX, home, is_to, wait_for, written};

fn digests(home: &Home) -> Vec<Message> {
    written(home).into_iter().filter(|m| m.subject.starts_with("Technical wins: week ")).collect()
}

#[test]
fn the_week_is_mailed_once_and_says_what_the_report_says() {
    let people = [format!("boss@{SELLER}"), format!("desk@{SELLER}")];
    let named = format!("{OUTBOX}digest_to = [\"{}\", \"{}\"]\n", people[0], people[1]);
    let home = home(MAILDIR, &named, 3600);
    let daemon = home.start();
    let sent = wait_for("digests", &home, || {
        let found = digests(&home);
        (found.len() == people.len()).then_some(found)
    });
    for person in &people {
        assert_eq!(sent.iter().filter(|m| is_to(m, person)).count(), 1, "{person}");
    }
    let week = sent[0].subject.trim_start_matches("Technical wins: week ").to_owned();
    let report = home.ask(&["report", "week", &week]);
    assert_eq!(report.status.code(), Some(0));
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("Clocks that ran out") && report.contains("Zombies"), "{report}");
    let text = sent[0].plain.clone().unwrap().replace("\r\n", "\n");
    assert!(text.starts_with(&report), "{text}\n--- is not ---\n{report}");
    assert!(sent[0].header("Auto-Submitted").next().is_some());
    // Neither a mail nor a restart brings it again.
    home.deliver("1.a", &home.letters.declaration("OPP-60020"));
    home.wait_for_gate("OPP-60020", 1);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let daemon = home.start();
    wait_for("round", &home, || (written(&home).len() > people.len()).then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(digests(&home).len(), people.len());
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn the_digest_stays_in_the_house() {
    let home = home(MAILDIR, &format!("{OUTBOX}digest_to = [\"boss@elsewhere.example\"]\n"), 3600);
    let output = home.ask(&["check-config"]);
    assert_eq!(output.status.code(), Some(78));
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("digest_to: `boss@elsewhere.example` is no address of the seller"), "{text}");
}
