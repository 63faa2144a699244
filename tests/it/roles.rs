//! Roles: who must have spoken, by the accounts file and by the gates.

use std::collections::{BTreeMap, BTreeSet};

use endorsed::gate::{Freshness, GateAnswer, Gates};
use endorsed::model::{Account, Accounts, Digest, Standing, StandingReport};
use jiff::Timestamp;

use crate::verify_deals::{Desk, LIST, YES, answer, declaration, recap};

const GATES: &str = "[gate.go]\nstanding = [\"confirmed\"]\nroles = { technical = 1, security = 1 }\n\
                     [gate.plain]\nstanding = [\"confirmed\"]\n";

fn desk(required: &[&str]) -> Desk {
    let mut desk = Desk::new();
    let account = Account {
        domains: vec!["acme.example".into()],
        endorsers: BTreeMap::from([
            ("dana@acme.example".into(), "technical".into()),
            ("ines@acme.example".into(), "security".into()),
        ]),
        required: required.iter().map(|r| (*r).to_owned()).collect::<BTreeSet<_>>(),
        waivers: BTreeMap::new(),
    };
    let accounts = BTreeMap::from([("acme".into(), account)]);
    desk.policy.accounts = Some(Accounts { accounts, digest: Digest::of(b"accounts") });
    desk
}

fn declared(desk: &Desk) -> Vec<u8> {
    desk.seller(&declaration("d1", "OPP-1", "10:00:00", &recap(LIST)))
}

fn dana(desk: &Desk, words: &str) -> Vec<u8> {
    desk.buyer(&answer("r1", "d1@northwind-labs.example", "11:00:00", words))
}

fn ines(desk: &Desk, id: &str, time: &str, words: &str) -> Vec<u8> {
    let mail = answer(id, "d1@northwind-labs.example", time, words);
    desk.buyer(
        &mail
            .replace("Dana Reyes <dana@acme.example>", "Ines Ortiz <ines@acme.example>")
            .replace("\nDana", "\nInes"),
    )
}

fn gate(report: &StandingReport, to: &str) -> GateAnswer {
    let gates = Gates::load("g.toml", GATES).unwrap();
    gates.answer(report, to, Freshness::Fresh, Timestamp::UNIX_EPOCH).unwrap()
}

#[test]
fn a_gate_waits_for_the_role_and_names_whom_to_ask() {
    let desk = desk(&[]);
    let (d, yes) = (declared(&desk), dana(&desk, YES));
    let alone = desk.standing("OPP-1", &[d.clone(), yes.clone()]);
    assert_eq!(alone.standing, Standing::Confirmed, "{alone:#?}");
    assert!(gate(&alone, "plain").allowed);
    let waits = gate(&alone, "go");
    let missing = waits.reasons.iter().find(|r| r.code == "endorser_missing").unwrap();
    assert!(!waits.allowed && missing.text.contains("security"), "{missing:?}");
    assert!(missing.fix.as_ref().unwrap().contains("ines@acme.example"), "{missing:?}");

    let both = desk.standing("OPP-1", &[ines(&desk, "s1", "12:00:00", YES), yes.clone(), d.clone()]);
    let open = gate(&both, "go");
    assert!(open.allowed, "{open:#?}");
    assert_eq!(
        open.roles.iter().map(|r| (r.role.as_str(), r.filled)).collect::<Vec<_>>(),
        [("security", 1), ("technical", 1)]
    );
    // Hers alone does not stand for the champion's.
    let hers = desk.standing("OPP-1", &[ines(&desk, "s1", "12:00:00", YES), d.clone()]);
    assert_eq!(hers.standing, Standing::AwaitingReply);
    assert!(!gate(&hers, "go").allowed && !gate(&hers, "plain").allowed);
}

#[test]
fn a_no_in_a_role_closes_and_the_newest_word_counts() {
    let desk = desk(&[]);
    let (d, yes) = (declared(&desk), dana(&desk, YES));
    let no = "No. We can not recommend it: the audit log failed our review.\n\nInes\n";
    let mails = [d, yes, ines(&desk, "s1", "12:00:00", YES), ines(&desk, "s2", "13:00:00", no)];
    let report = desk.standing("OPP-1", &mails);
    assert!(!gate(&report, "go").allowed);
    assert_eq!(report.standing, Standing::NeedsReview, "a colleague's no freezes: {report:#?}");
    let again = ines(&desk, "s3", "14:00:00", YES);
    let mails = [mails.as_slice(), &[again]].concat();
    let report = desk.standing("OPP-1", &mails);
    let roles = gate(&report, "go").roles;
    assert_eq!(roles[0].filled, 1, "{roles:?}");
}

#[test]
fn a_required_role_keeps_the_win_partial() {
    let desk = desk(&["security"]);
    let (d, yes) = (declared(&desk), dana(&desk, YES));
    let alone = desk.standing("OPP-1", &[d.clone(), yes.clone()]);
    assert_eq!(alone.standing, Standing::Partial);
    assert!(alone.reasons.iter().any(|r| r.code == "endorser_missing" && r.text.contains("security")));
    assert!(!gate(&alone, "plain").allowed);
    let both = desk.standing("OPP-1", &[d, yes, ines(&desk, "s1", "12:00:00", YES)]);
    assert_eq!(both.standing, Standing::Confirmed, "{both:#?}");
}

#[test]
fn nobody_outside_of_the_accounts_file_fills_a_role() {
    let desk = desk(&[]);
    let stranger = answer("s1", "d1@northwind-labs.example", "12:00:00", YES)
        .replace("dana@acme.example", "omar@acme.example");
    let unsigned = answer("s2", "d1@northwind-labs.example", "12:00:00", YES)
        .replace("dana@acme.example", "ines@acme.example");
    for mail in [desk.buyer(&stranger), unsigned.into_bytes()] {
        let report = desk.standing("OPP-1", &[declared(&desk), dana(&desk, YES), mail]);
        assert!(!gate(&report, "go").allowed);
    }
}
