//! Threats that take more than one mail to show: bytes → parse → DKIM facts → pipeline → standing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use endorsed::config::load_rules;
use endorsed::edge::dkim;
use endorsed::judge::Rules;
use endorsed::model::{
    Account, Accounts, Claim, Digest, KeyRecord, Kind, Message, OpportunityId, Outcome, Policy, Standing,
    StandingReport, Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::{Corpus, unfold_all, witness_all};
use endorsed::record::standing;
use endorsed::verify::receipts;

use crate::fixtures_make::northwind;
use crate::sign::{FULL, Key, M365, keys, sign};

static RULES: LazyLock<Rules> = LazyLock::new(|| load_rules(None).unwrap());

pub const LIST: &str = "- Single sign-on through Entra ID: Passed\n- Failover under 30 seconds: Passed\n";

/// A mailbox, whose mails are signed as their authors' servers would.
pub struct Desk {
    pub key: Key,
    pub keys: BTreeMap<String, KeyRecord>,
    pub policy: Policy,
}

impl Desk {
    pub fn new() -> Self {
        let key = Key::rsa();
        let keys = keys(&["acme.example", "northwind-labs.example", "evil.example"], &key.record());
        Self { key, keys, policy: northwind() }
    }

    /// A seller's mail, signed.
    pub fn seller(&self, raw: &str) -> Vec<u8> {
        sign(raw.as_bytes(), &self.key, "northwind-labs.example", FULL, "")
    }

    /// A champion's mail, signed.
    pub fn buyer(&self, raw: &str) -> Vec<u8> {
        sign(raw.as_bytes(), &self.key, "acme.example", FULL, "")
    }

    /// The outcomes of a mailbox, attached mails before their outer one.
    pub fn consider(&self, mails: &[Vec<u8>]) -> Vec<Outcome> {
        let mut witnessed = Vec::new();
        for raw in mails {
            let messages = unfold_all(parse(raw), &self.policy.seller);
            let arrived = messages.last().unwrap().1.own_time().unwrap();
            let witness = |message: Message, sighting| {
                let signatures = dkim::check(&message, &self.keys);
                let seen_at = message.own_time().unwrap_or(arrived);
                Witnessed { message: message.into(), signatures, seen_at, sighting, carried_by: None }
            };
            let all = witness_all(messages, &self.policy.seller, witness);
            witnessed.extend(all.into_iter().map(|(_, witnessed)| witnessed));
        }
        Corpus::new(witnessed, &self.policy.seller).consider_all(&RULES, &self.policy)
    }

    /// Where a deal stands after these mails.
    pub fn standing(&self, deal: &str, mails: &[Vec<u8>]) -> StandingReport {
        let id = OpportunityId::new(deal).unwrap();
        let mut outcomes = self.consider(mails);
        outcomes.retain(|o| o.opportunity.as_ref().is_none_or(|own| *own == id));
        standing(&id, &outcomes)
    }
}

/// A declaration for a deal at a time of the day.
pub fn declaration(id: &str, deal: &str, time: &str, body: &str) -> String {
    format!(
        "From: Sam Ito <sam@northwind-labs.example>\nTo: Dana Reyes <dana@acme.example>\n\
         Cc: evidence+{deal}@northwind-labs.example\nSubject: Technical Win Confirmed - Northwind + Acme\n\
         Date: Fri, 20 Nov 2026 {time} +0000\nMessage-ID: <{id}@northwind-labs.example>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

pub fn recap(list: &str) -> String {
    format!(
        "Hi Dana,\n\nthank you for confirming today that the platform met all criteria:\n\n{list}\nPlease reply to confirm.\n\nSam\n"
    )
}

/// An answer of Dana's to a mail.
pub fn answer(id: &str, to: &str, time: &str, body: &str) -> String {
    format!(
        "From: Dana Reyes <dana@acme.example>\nTo: Sam Ito <sam@northwind-labs.example>\n\
         Cc: evidence@northwind-labs.example\nSubject: Re: Technical Win Confirmed - Northwind + Acme\n\
         Date: Fri, 20 Nov 2026 {time} +0000\nMessage-ID: <{id}@acme.example>\nIn-Reply-To: <{to}>\n\
         References: <{to}>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

pub const YES: &str = "Yes, we confirm that all criteria are met.\n\nDana\n";
const D1: &str = "d1@northwind-labs.example";

fn accounts() -> Accounts {
    let account = Account {
        required: BTreeSet::new(),
        domains: vec!["acme.example".into()],
        endorsers: BTreeMap::from([("dana@acme.example".into(), "technical".into())]),
        waivers: BTreeMap::new(),
    };
    Accounts { accounts: BTreeMap::from([("acme".into(), account)]), digest: Digest::of(b"accounts") }
}

fn first(desk: &Desk) -> Vec<u8> {
    desk.seller(&declaration("d1", "OPP-1", "10:00:00", &recap(LIST)))
}

fn yes(desk: &Desk) -> Vec<u8> {
    desk.buyer(&answer("r1", D1, "11:00:00", YES))
}

/// Nothing is endorsed, and the last mail says why.
fn refused(desk: &Desk, mails: &[Vec<u8>], code: &str) {
    let outcomes = desk.consider(mails);
    let last = outcomes.last().unwrap();
    assert!(outcomes.iter().all(|o| !o.endorsed), "{last:#?}");
    assert!(last.has(code), "no {code} in {:#?}", last.reasons);
}

#[test]
fn an_honest_deal_is_confirmed() {
    let desk = Desk::new();
    let report = desk.standing("OPP-1", &[first(&desk), yes(&desk)]);
    assert_eq!(report.standing, Standing::Confirmed, "{report:#?}");
}

#[test]
fn threat_12_one_yes_under_two_declarations() {
    let desk = Desk::new();
    let second = desk.seller(&declaration("d2", "OPP-2", "10:05:00", &recap(LIST)));
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let genuine = answer("r1", D1, "11:00:00", &format!("{YES}{quote}"));
    let genuine = sign(genuine.as_bytes(), &desk.key, "acme.example", M365, "");
    let moved = String::from_utf8(genuine.clone()).unwrap().replace(D1, "d2@northwind-labs.example");
    refused(&desk, &[first(&desk), second, genuine, moved.into_bytes()], "message_conflict");
}

/// Only the copy that was led elsewhere is on record; the first one never reached the mailbox.
#[test]
fn threat_12_one_yes_led_to_another_deal() {
    let desk = Desk::new();
    let softer = LIST.replace("30 seconds", "90 seconds");
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let moved = |headers: &str, quote: &str| {
        let genuine = answer("r1", D1, "11:00:00", &format!("{YES}{quote}"));
        let genuine = sign(genuine.as_bytes(), &desk.key, "acme.example", headers, "");
        String::from_utf8(genuine).unwrap().replace(D1, "d2@northwind-labs.example").into_bytes()
    };
    let second = |list: &str| desk.seller(&declaration("d2", "OPP-2", "10:05:00", &recap(list)));
    // Signed threading fields were changed.
    refused(&desk, &[second(LIST), moved(FULL, quote)], "identity_failed");
    // Unsigned ones bind nothing, and the signed quote holds other criteria.
    refused(&desk, &[second(LIST), moved(M365, "")], "not_bound");
    refused(&desk, &[second(&softer), moved(M365, quote)], "criteria_differ");
    // The yes is older than the declaration that it is led to.
    let later = desk.seller(&declaration("d2", "OPP-2", "12:00:00", &recap(LIST)));
    refused(&desk, &[later, moved(M365, quote)], "before_declaration");
}

#[test]
fn threat_20_answers_are_led_elsewhere() {
    let desk = Desk::new();
    let raw = declaration("d1", "OPP-1", "10:00:00", &recap(LIST));
    let led = desk.seller(&format!("Reply-To: Sam <sam.ito.private@mailer.example>\n{raw}"));
    refused(&desk, &[led, yes(&desk)], "reply_to");
    let own = desk.seller(&format!("Reply-To: evidence+OPP-1@northwind-labs.example\n{raw}"));
    assert!(desk.consider(&[own, yes(&desk)])[1].endorsed);
}

/// A seller who forgot the Cc hands the sent declaration in; its copy bears no signature, but the mail that carries it
/// does.
#[test]
fn a_declaration_handed_in_later_needs_its_criteria_quoted() {
    let mut desk = Desk::new();
    desk.policy.accounts = Some(accounts());
    let sent = declaration("d1", "OPP-1", "10:00:00", &recap(LIST));
    let handed_in = desk.seller(&format!(
        "From: Sam Ito <sam@northwind-labs.example>\nTo: evidence+OPP-1@northwind-labs.example\nSubject: Fwd: Technical Win Confirmed - Northwind + Acme\nDate: Fri, 20 Nov 2026 14:00:00 +0000\nMessage-ID: <f1@northwind-labs.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nForgot the Cc.\n--b1\nContent-Type: message/rfc822\n\n{sent}\n--b1--\n"
    ));
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let quoting = |quote: &str| desk.buyer(&answer("r1", D1, "11:00:00", &format!("{YES}{quote}")));
    let outcomes = desk.consider(&[handed_in.clone(), quoting(quote)]);
    assert!(
        outcomes[0].has("late_declaration") && outcomes[0].kind == Kind::Declaration,
        "{:#?}",
        outcomes[0]
    );
    assert!(outcomes[2].endorsed, "{:#?}", outcomes[2]);
    let report = desk.standing("OPP-1", &[quoting(quote), handed_in.clone()]);
    assert_eq!(report.standing, Standing::Confirmed);
    let says = |code: &str| report.reasons.iter().any(|r| r.code == code);
    assert!(says("late_declaration") && !says("declaration_unauthenticated"), "{report:#?}");
    // Whoever else hands it in vouches for nothing.
    let text = String::from_utf8(handed_in.clone()).unwrap();
    let unsigned = &text[text.find("From: Sam").unwrap()..];
    let colleague = desk.seller(&unsigned.replacen("From: Sam Ito <sam@", "From: Kim Doe <kim@", 1));
    for carried in [unsigned.as_bytes().to_vec(), colleague] {
        let report = desk.standing("OPP-1", &[quoting(quote), carried]);
        assert!(report.reasons.iter().any(|r| r.code == "declaration_unauthenticated"), "the gate must say");
    }
    refused(&desk, &[handed_in.clone(), quoting("")], "late_declaration");
    refused(&desk, &[handed_in.clone(), quoting(&quote.replace("30 s", "90 s"))], "criteria_differ");
    // What was delivered is what was declared, whatever is handed in.
    let outcomes = desk.consider(&[first(&desk), handed_in, quoting("")]);
    assert!(outcomes.last().unwrap().endorsed);
}

/// The same in the body of the mail, as Gmail, Outlook and Apple Mail pass it on: its author says again what he said.
#[test]
fn a_declaration_handed_in_inline_counts_as_its_authors_word() {
    let desk = Desk::new();
    let forward = |text: &str, answers: &str| {
        desk.seller(&format!(
            "From: Sam Ito <sam@northwind-labs.example>\nTo: evidence+OPP-1@northwind-labs.example\nSubject: Fwd: Technical Win Confirmed - Northwind + Acme\nDate: Fri, 20 Nov 2026 15:00:00 +0100\nMessage-ID: <f1@northwind-labs.example>\n{answers}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}"
        ))
    };
    let body = recap(LIST);
    let gmail = format!(
        "Forgot the Cc.\n\n---------- Forwarded message ---------\nFrom: Sam Ito <sam@northwind-labs.example>\nDate: Fri, Nov 20, 2026 at 11:00 AM\nSubject: Technical Win Confirmed - Northwind + Acme\nTo: Dana Reyes <dana@acme.example>\n\n\n{body}"
    );
    let outlook = format!(
        "Forgot the Cc.\n\n________________________________\nVon: Sam Ito <sam@northwind-labs.example>\nGesendet: Freitag, 20. November 2026 11:00\nAn: Dana Reyes <dana@acme.example>\nBetreff: Technical Win Confirmed - Northwind + Acme\n\n{body}"
    );
    let marked: String = body.lines().map(|l| format!("> {l}\n")).collect();
    let apple = format!(
        "Begin forwarded message:\n\n> From: Sam Ito <sam@northwind-labs.example>\n> Subject: Technical Win Confirmed - Northwind + Acme\n> Date: November 20, 2026 at 11:00:00 AM GMT+1\n> To: Dana Reyes <dana@acme.example>\n> Message-Id: <{D1}>\n>\n{marked}"
    );
    let threaded = format!("In-Reply-To: <{D1}>\nReferences: <{D1}>\n");
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let quoting = |quote: &str| desk.buyer(&answer("r1", D1, "11:00:00", &format!("{YES}{quote}")));
    for (text, answers) in [(&gmail, threaded.as_str()), (&outlook, &threaded), (&apple, "")] {
        let handed_in = forward(text, answers);
        let outcomes = desk.consider(&[quoting(quote), handed_in.clone()]);
        let declared = &outcomes[1];
        assert_eq!(declared.kind, Kind::Declaration, "{declared:#?}");
        assert_eq!(declared.message_id.as_ref().unwrap().as_str(), D1);
        assert_eq!(declared.date.unwrap().to_string(), "2026-11-20T10:00:00Z");
        assert!(declared.has("late_declaration") && !declared.has("declaration_unauthenticated"));
        assert!(outcomes[0].endorsed, "{:#?}", outcomes[0]);
        assert!(!outcomes[2].endorsed && !outcomes[2].has("forwarded_inline"), "{:#?}", outcomes[2]);
        for order in [[quoting(quote), handed_in.clone()], [handed_in.clone(), quoting(quote)]] {
            let report = desk.standing("OPP-1", &order);
            assert_eq!(report.standing, Standing::Confirmed, "{report:#?}");
            assert!(report.reasons.iter().any(|r| r.code == "late_declaration"));
        }
        // The champion's own quote must show the same criteria.
        refused(&desk, &[handed_in.clone(), quoting("")], "late_declaration");
        refused(&desk, &[handed_in.clone(), quoting(&quote.replace("30 s", "90 s"))], "criteria_differ");
        // What was delivered is what was declared, and other words under its Message-ID are a conflict.
        let outcomes = desk.consider(&[first(&desk), handed_in, quoting("")]);
        assert!(outcomes.last().unwrap().endorsed);
        let other = forward(&text.replace("30 seconds", "90 seconds"), answers);
        refused(&desk, &[first(&desk), other, quoting("")], "message_conflict");
    }
}

#[test]
fn nobody_hands_in_what_somebody_else_declared() {
    let desk = Desk::new();
    let text = format!(
        "---------- Forwarded message ---------\nFrom: Sam Ito <sam@northwind-labs.example>\nDate: Fri, Nov 20, 2026 at 10:00 AM\nSubject: Technical Win Confirmed - Northwind + Acme\nTo: Dana Reyes <dana@acme.example>\n\n\n{}",
        recap(LIST)
    );
    let by = |from: &str| {
        format!(
            "From: {from}\nTo: evidence+OPP-1@northwind-labs.example\nSubject: Fwd: Technical Win Confirmed - Northwind + Acme\nDate: Fri, 20 Nov 2026 14:00:00 +0000\nMessage-ID: <f1@northwind-labs.example>\nIn-Reply-To: <{D1}>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}"
        )
    };
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let reply = desk.buyer(&answer("r1", D1, "11:00:00", &format!("{YES}{quote}")));
    // A colleague of the author.
    let outcomes = desk.consider(&[desk.seller(&by("Kim Doe <kim@northwind-labs.example>")), reply.clone()]);
    assert!(outcomes.len() == 2 && outcomes[0].kind == Kind::Forward, "{outcomes:#?}");
    assert!(outcomes[0].has("forwarded_inline") && !outcomes[1].endorsed);
    // Somebody in the author's name: nothing proves it.
    let unsigned = by("Sam Ito <sam@northwind-labs.example>").into_bytes();
    let outcomes = desk.consider(&[unsigned, reply.clone()]);
    assert!(outcomes[0].has("declaration_unauthenticated"), "{:#?}", outcomes[0]);
    assert!(outcomes.iter().all(|o| !o.endorsed));
    // The champion's words in the seller's mail stay the seller's.
    let yes = text.replace("Sam Ito <sam@northwind-labs.example>", "Dana Reyes <dana@acme.example>");
    let claimed = by("Sam Ito <sam@northwind-labs.example>").replace(&text, &yes);
    let outcomes = desk.consider(&[first(&desk), desk.seller(&claimed)]);
    assert!(outcomes.len() == 2 && outcomes[1].has("forwarded_inline") && !outcomes[1].endorsed);
}

/// The champion said yes to something else that the mailbox never saw; the seller then declares under its Message-ID
/// and date.
#[test]
fn a_declaration_made_up_for_an_old_yes_needs_its_criteria_quoted() {
    let desk = Desk::new();
    let came =
        "Received: from a by mx.northwind-labs.example with ESMTP id 1; Fri, 20 Nov 2026 14:00:00 +0000\r\n";
    let made_up = [came.as_bytes(), &first(&desk)].concat();
    refused(&desk, &[made_up.clone(), yes(&desk)], "late_declaration");
    let quote = "\nOn Fri, 20 Nov 2026 Sam Ito wrote:\n> - Single sign-on through Entra ID: Passed\n> - Failover under 30 seconds: Passed\n";
    let quoting = desk.buyer(&answer("r1", D1, "11:00:00", &format!("{YES}{quote}")));
    assert!(desk.consider(&[made_up, quoting])[1].endorsed);
    // A copy that was held back for some minutes is none of that.
    let held = came.replace("14:00:00", "11:10:00");
    assert!(desk.consider(&[[held.as_bytes(), &first(&desk)].concat(), yes(&desk)])[1].endorsed);
}

#[test]
fn a_receipt_is_due_once_for_each_declaration_and_champion() {
    let desk = Desk::new();
    let outcomes = desk.consider(&[first(&desk), first(&desk), yes(&desk)]);
    let due = receipts(&outcomes, &BTreeSet::new());
    assert_eq!(due.len(), 1, "{due:#?}");
    assert_eq!((due[0].to.as_str(), due[0].criteria.len()), ("dana@acme.example", 2));
    assert_eq!(Some(due[0].criteria_digest), outcomes[0].criteria_digest);
    assert!(receipts(&outcomes, &BTreeSet::from([due[0].key])).is_empty());
    // Nobody else makes the daemon write to strangers.
    let unsigned = declaration("d1", "OPP-1", "10:00:00", &recap(LIST)).into_bytes();
    assert!(receipts(&desk.consider(&[unsigned]), &BTreeSet::new()).is_empty());
}

#[test]
fn a_champion_who_said_no_is_not_replaced_by_a_friendlier_one() {
    let desk = Desk::new();
    let no =
        desk.buyer(&answer("r1", D1, "11:00:00", "No, we do not confirm this: the failover test failed.\n"));
    let again =
        declaration("d2", "OPP-1", "12:00:00", &recap(LIST)).replace("Dana Reyes <dana@", "Eve Park <eve@");
    let friendly = answer("r2", "d2@northwind-labs.example", "13:00:00", YES)
        .replace("Dana Reyes <dana@", "Eve Park <eve@");
    let mails = [first(&desk), no, desk.seller(&again), desk.buyer(&friendly)];
    assert!(desk.consider(&mails)[3].endorsed, "by the declaration alone, Eve speaks");
    let report = desk.standing("OPP-1", &mails);
    assert_eq!(report.standing, Standing::NeedsReview, "{report:#?}");
    assert!(report.reasons.iter().any(|r| r.code == "champion_changed_after_reply"));
    // A yes before the change is no reason to stop.
    let mails = [first(&desk), yes(&desk), desk.seller(&again), desk.buyer(&friendly)];
    assert_eq!(desk.standing("OPP-1", &mails).standing, Standing::Confirmed);
}

#[test]
fn threat_22_a_declaration_edited_later() {
    let desk = Desk::new();
    let softer = recap(&LIST.replace("30 seconds", "90 seconds"));
    let edited = desk.seller(&declaration("d1", "OPP-1", "10:00:00", &softer));
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let mails = [first(&desk), edited.clone(), yes(&desk)];
        let mails: Vec<Vec<u8>> = order.iter().map(|i| mails[*i].clone()).collect();
        let outcomes = desk.consider(&mails);
        assert!(outcomes.iter().all(|o| !o.endorsed && o.has("message_conflict")), "{order:?}");
        assert_eq!(desk.standing("OPP-1", &mails).standing, Standing::NeedsReview);
    }
}

#[test]
fn a_second_declaration_in_the_thread_arms_the_gate_anew() {
    let desk = Desk::new();
    let softer = LIST.replace("30 seconds", "90 seconds");
    for body in [
        format!(
            "Hi Dana,\n\nwith the patch the results against the criteria are:\n\n{softer}\nPlease reply to confirm.\n\nSam\n"
        ),
        format!(
            "Hi Dana,\n\nplease disregard my first list. All agreed success criteria were met:\n\n{}\nPlease reply to confirm that you consider the evaluation a success.\n\nSam\n",
            softer.replace(": Passed", "")
        ),
    ] {
        let raw = declaration("d2", "OPP-1", "12:00:00", &body)
            .replace("Subject: ", &format!("In-Reply-To: <{D1}>\nReferences: <{D1}>\nSubject: Re: "));
        let second = desk.seller(&raw);
        let outcomes = desk.consider(&[first(&desk), yes(&desk), second.clone()]);
        assert_eq!(outcomes[2].kind, Kind::Declaration, "{body}");
        let report = desk.standing("OPP-1", &[second, yes(&desk), first(&desk)]);
        assert_eq!(report.standing, Standing::AwaitingReply, "{report:#?}");
        assert!(report.reasons.iter().any(|r| r.code == "criteria_changed_after_reply"));
    }
}

#[test]
fn parts_of_the_declaration_that_differ_are_never_sure() {
    let desk = Desk::new();
    let html = |list: &str| {
        let items: String = list.lines().map(|l| format!("<li>{}</li>", &l[2..])).collect();
        format!(
            "<p>Hi Dana,</p><p>thank you for confirming today that the platform met all criteria:</p><ul>{items}</ul><p>Please reply to confirm.</p><p>Sam</p>"
        )
    };
    let mail = |html: String| {
        let raw = declaration("d1", "OPP-1", "10:00:00", "");
        let plain = recap(LIST);
        desk.seller(&raw.replace(
            "text/plain; charset=utf-8\n\n",
            &format!("multipart/alternative; boundary=b1\n\n--b1\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b1\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b1--\n"),
        ))
    };
    assert!(desk.consider(&[mail(html(LIST)), yes(&desk)])[1].endorsed);
    for other in [
        LIST.replace("30 seconds", "90 seconds"),
        LIST.replace("30 seconds: Passed", "30 seconds: Failed"),
        format!("{LIST}- Export of all logs: Passed\n"),
        "- Single sign-on through Entra ID: Passed\n".to_owned(),
    ] {
        refused(&desk, &[mail(html(&other)), yes(&desk)], "parts_differ");
    }
}

#[test]
fn criteria_that_nobody_reads_are_never_sure() {
    let desk = Desk::new();
    let below = format!(
        "{}\n-- \nSam Ito\nNorthwind\n\n- Export of all logs: Failed\n- Audit trail: Open\n",
        recap(LIST)
    );
    refused(
        &desk,
        &[desk.seller(&declaration("d1", "OPP-1", "10:00:00", &below)), yes(&desk)],
        "criteria_unread",
    );
    let mail = |text: &str| {
        let raw = declaration("d1", "OPP-1", "10:00:00", "");
        desk.seller(&raw.replace(
            "text/plain; charset=utf-8\n\n",
            &format!("multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain; charset=utf-8\n\n{text}\n--b1\nContent-Type: application/pdf; name=plan.pdf\nContent-Disposition: attachment; filename=plan.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0=\n--b1--\n"),
        ))
    };
    let more = recap(LIST).replace("Please", "The remaining criteria are in the attached plan. Please");
    refused(&desk, &[mail(&more), yes(&desk)], "criteria_unread");
    let none = "Hi Dana,\n\nwe have reached the technical win: the platform passed your evaluation. See the attached plan.\n\nPlease reply to confirm.\n\nSam\n";
    let outcomes = desk.consider(&[mail(none), yes(&desk)]);
    assert!(outcomes.iter().all(|o| !o.endorsed), "{outcomes:#?}");
    // A report beside a whole list hides nothing.
    let report = recap(LIST).replace("Please", "The test report is attached. Please");
    assert!(desk.consider(&[mail(&report), yes(&desk)])[1].endorsed);
}

#[test]
fn a_result_that_misses_its_own_target_is_never_sure() {
    let desk = Desk::new();
    let missed = LIST.replace("30 seconds: Passed", "30 seconds (measured: 45 seconds): Passed");
    let declared = desk.seller(&declaration("d1", "OPP-1", "10:00:00", &recap(&missed)));
    refused(&desk, &[declared.clone(), yes(&desk)], "target_missed");
    assert!(desk.consider(&[declared])[0].has("target_missed"));
}

#[test]
fn words_for_another_deal_are_never_sure() {
    let desk = Desk::new();
    for body in
        ["Confirmed for OPP-40000.\n\nDana\n", "Yes, we confirm that all criteria of opp-2 are met.\n"]
    {
        let reply = desk.buyer(&answer("r1", D1, "11:00:00", body));
        let outcomes = desk.consider(&[first(&desk), reply.clone()]);
        assert!(!outcomes[1].endorsed && outcomes[1].has("opportunity_conflict"), "{:#?}", outcomes[1]);
        let report = desk.standing("OPP-1", &[first(&desk), reply]);
        assert_ne!(report.standing, Standing::Confirmed, "{report:#?}");
    }
}

#[test]
fn a_retraction_without_a_thread_freezes_the_champions_deals() {
    let desk = Desk::new();
    let stray = "From: Dana Reyes <dana@acme.example>\nTo: evidence@northwind-labs.example\nSubject: Our evaluation\n\
        Date: Fri, 20 Nov 2026 15:00:00 +0000\nMessage-ID: <s1@acme.example>\n\n\
        I have to withdraw our confirmation: we no longer consider the criteria met.\n\nDana\n";
    // Unsigned: it may freeze, and would never confirm.
    let mails = [first(&desk), yes(&desk), stray.as_bytes().to_vec()];
    let outcomes = desk.consider(&mails);
    assert!(outcomes[2].has("stray_objection") && outcomes[2].opportunity.is_none(), "{:#?}", outcomes[2]);
    let report = desk.standing("OPP-1", &mails);
    assert_eq!(report.standing, Standing::NeedsReview, "{report:#?}");
    assert!(report.reasons.iter().any(|r| r.code == "stray_objection"));
    // Whoever else says so freezes nothing, and a later yes in the thread lifts it.
    let other = stray.replace("dana@acme.example>\nTo", "eve@evil.example>\nTo");
    let report = desk.standing("OPP-1", &[first(&desk), yes(&desk), other.into_bytes()]);
    assert_eq!(report.standing, Standing::Confirmed);
    let again = desk.buyer(&answer("r2", D1, "16:00:00", YES));
    let report = desk.standing("OPP-1", &[first(&desk), yes(&desk), stray.as_bytes().to_vec(), again]);
    assert_eq!(report.standing, Standing::Confirmed, "{report:#?}");
}

#[test]
fn an_unproven_mail_freezes_and_never_confirms() {
    let desk = Desk::new();
    let no = answer("r2", "r1@acme.example", "12:00:00", "We take our confirmation back.\n\nDana\n");
    let report = desk.standing("OPP-1", &[first(&desk), yes(&desk), no.into_bytes()]);
    assert_eq!(report.standing, Standing::NeedsReview, "{report:#?}");
    let spoof = answer("r1", D1, "11:00:00", YES);
    let outcomes = desk.consider(&[first(&desk), spoof.clone().into_bytes()]);
    assert_eq!(outcomes[1].authorship.as_ref().unwrap().claim, Claim::Unverified);
    assert_ne!(desk.standing("OPP-1", &[first(&desk), spoof.into_bytes()]).standing, Standing::Confirmed);
}
