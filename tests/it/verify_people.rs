//! Threats of AUTHENTICITY §3 that people make with ordinary mail programs: 14-17, 30, 35-38, and some seen together.

use endorsed::model::{Automatic, Claim, Kind, Outcome, Verdict};

use crate::sign::{FULL, sign};
use crate::verify_deals::{Desk, LIST, YES, answer, declaration, recap};

const D1: &str = "d1@northwind-labs.example";

fn first(desk: &Desk) -> Vec<u8> {
    desk.seller(&declaration("d1", "OPP-1", "10:00:00", &recap(LIST)))
}

/// The outcome of the last mail; nothing in the mailbox is endorsed.
fn last(desk: &Desk, mails: &[Vec<u8>]) -> Outcome {
    let mut outcomes = desk.consider(mails);
    assert!(outcomes.iter().all(|o| !o.endorsed), "{outcomes:#?}");
    outcomes.pop().unwrap()
}

fn claim(outcome: &Outcome) -> Claim {
    outcome.authorship.as_ref().unwrap().claim
}

/// Puts other content under the header of an answer.
fn with_content(raw: &str, content: &str) -> String {
    let (header, _) = raw.split_once("Content-Type: text/plain").unwrap();
    format!("{header}{content}")
}

#[test]
fn threat_14_parts_that_say_different_things() {
    let desk = Desk::new();
    let raw = answer("r1", D1, "11:00:00", "");
    let both = |plain: &str, html: &str| {
        desk.buyer(&with_content(
            &raw,
            &format!("Content-Type: multipart/alternative; boundary=b1\n\n--b1\nContent-Type: text/plain\n\n{plain}\n--b1\nContent-Type: text/html\n\n{html}\n--b1--\n"),
        ))
    };
    let (yes, no) = ("Yes, we confirm that all criteria are met.", "No, we do not confirm this.");
    for (plain, html) in [(no, format!("<p>{yes}</p>")), (yes, format!("<p>{no}</p>"))] {
        let outcome = last(&desk, &[first(&desk), both(plain, &html)]);
        // Either part may say no for sure; neither says yes alone.
        let refused = outcome.verdict == Some(Verdict::Declined) && outcome.has("declined");
        assert!(refused || (!outcome.sure && outcome.has("parts_differ")), "{:#?}", outcome.reasons);
    }
    let hidden = format!("<p>{no}</p><p style=\"display:none\">{yes}</p>");
    let outcome = last(&desk, &[first(&desk), both(no, &hidden)]);
    assert!(!outcome.endorsed && outcome.verdict != Some(Verdict::Confirmed));
    let hidden = format!("<p>{yes}</p><p style=\"display:none\">But only if the failover is fixed.</p>");
    let outcome = last(&desk, &[first(&desk), both(yes, &hidden)]);
    assert!(!outcome.endorsed && outcome.has("hidden_text"), "{:#?}", outcome.reasons);
    assert!(desk.consider(&[first(&desk), both(yes, &format!("<p>{yes}</p>"))])[1].endorsed);
}

#[test]
fn threat_15_inline_forward() {
    let desk = Desk::new();
    let forward = "From: Sam Ito <sam@northwind-labs.example>\nTo: evidence+OPP-1@northwind-labs.example\nSubject: Fwd: Technical Win Confirmed - Northwind + Acme\nDate: Fri, 20 Nov 2026 12:00:00 +0000\nMessage-ID: <f1@northwind-labs.example>\n\nDana has confirmed, see below.\n\n---------- Forwarded message ---------\nFrom: Dana Reyes <dana@acme.example>\nDate: Fri, 20 Nov 2026 at 11:00\nSubject: Re: Technical Win Confirmed - Northwind + Acme\nTo: Sam Ito <sam@northwind-labs.example>\n\nYes, we confirm that all criteria are met.\n\nDana\n";
    let outcome = last(&desk, &[first(&desk), desk.seller(forward)]);
    assert_eq!((outcome.kind, claim(&outcome)), (Kind::Forward, Claim::Seller));
    assert!(outcome.has("forwarded_inline"));
}

fn attached(desk: &Desk, inner: &[u8]) -> Vec<u8> {
    let inner = String::from_utf8(inner.to_vec()).unwrap().replace("\r\n", "\n");
    desk.seller(&format!(
        "From: Sam Ito <sam@northwind-labs.example>\nTo: evidence+OPP-1@northwind-labs.example\nSubject: Fwd: confirmation\nDate: Fri, 20 Nov 2026 12:00:00 +0000\nMessage-ID: <f1@northwind-labs.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nSee attached.\n--b1\nContent-Type: message/rfc822\n\n{inner}\n--b1--\n"
    ))
}

#[test]
fn threat_16_an_attached_mail_with_edited_text() {
    let mut desk = Desk::new();
    let genuine = desk.buyer(&answer("r1", D1, "11:00:00", YES));
    let outcomes = desk.consider(&[first(&desk), attached(&desk, &genuine)]);
    assert!(outcomes[1].endorsed && outcomes[1].attached, "{:#?}", outcomes[1]);
    assert_eq!(outcomes[2].kind, Kind::Forward);
    let no = desk.buyer(&answer("r1", D1, "11:00:00", "No, we do not confirm this.\n"));
    let edited =
        String::from_utf8(no).unwrap().replace("No, we do not confirm this.", "Yes, we confirm this.");
    let outcomes = desk.consider(&[first(&desk), attached(&desk, edited.as_bytes())]);
    assert!(outcomes.iter().all(|o| !o.endorsed) && outcomes[1].has("body_changed"), "{:#?}", outcomes[1]);
    assert_eq!(claim(&outcomes[1]), Claim::Unverified);
    // The operator may refuse what was only ever attached.
    desk.policy.accept_attached = false;
    let outcomes = desk.consider(&[first(&desk), attached(&desk, &genuine)]);
    assert!(outcomes.iter().all(|o| !o.endorsed) && outcomes[1].has("attached_only"));
    assert!(desk.consider(&[first(&desk), genuine])[1].endorsed);
}

#[test]
fn threat_17_a_genuine_mail_about_something_else() {
    let desk = Desk::new();
    let other = answer("r0", "lunch@northwind-labs.example", "10:30:00", "Yes, confirmed.\n");
    let outcomes = desk.consider(&[first(&desk), attached(&desk, &desk.buyer(&other))]);
    assert!(outcomes.iter().all(|o| !o.endorsed), "{outcomes:#?}");
    assert_eq!((outcomes[1].kind, outcomes[1].answers.is_none()), (Kind::Orphan, true));
    assert!(outcomes[1].has("no_declaration"));
}

#[test]
fn threat_30_an_old_mail_with_a_key_since_published() {
    let desk = Desk::new();
    // Dated and signed now, by the words of its header, but first shown eight days later.
    let late = desk.buyer(&answer("r1", D1, "11:00:00", YES));
    let received =
        "Received: from a by mx.northwind-labs.example with ESMTP id 1; Sat, 28 Nov 2026 11:00:00 +0000\r\n";
    let outcome = last(&desk, &[first(&desk), [received.as_bytes(), &late].concat()]);
    assert_eq!(claim(&outcome), Claim::Unverified);
    assert!(outcome.has("stale_evidence"), "{:#?}", outcome.reasons);
    // Its own word that it was signed long ago is enough as well.
    let old = answer("r1", D1, "11:00:00", YES);
    let old = sign(old.as_bytes(), &desk.key, "acme.example", FULL, "t=1790000000; ");
    assert!(last(&desk, &[first(&desk), old]).has("stale_evidence"));
}

#[test]
fn threat_35_an_assistant_answers() {
    let desk = Desk::new();
    let raw = answer("r1", D1, "11:00:00", YES);
    let outcome =
        last(&desk, &[first(&desk), desk.buyer(&format!("Sender: Pat Lee <pat@acme.example>\n{raw}"))]);
    assert_eq!(claim(&outcome), Claim::Unverified);
    assert!(outcome.has("delegate"));
}

#[test]
fn threat_36_a_mailing_list_rewrites_the_author() {
    let desk = Desk::new();
    let raw = answer("r1", D1, "11:00:00", YES);
    let list = "List-Id: Evaluation <eval.acme.example>\nPrecedence: list\n";
    let rewritten = raw.replace("Dana Reyes <dana@acme.example>", "Dana Reyes via eval <eval@acme.example>");
    let outcome = last(&desk, &[first(&desk), desk.buyer(&format!("{list}{rewritten}"))]);
    assert_eq!((outcome.kind, outcome.automatic), (Kind::Automatic, Some(Automatic::List)));
    assert!(outcome.has("list"), "{:#?}", outcome.reasons);
    let outcome = last(&desk, &[first(&desk), desk.buyer(&rewritten)]);
    assert_eq!(claim(&outcome), Claim::NotChampion);
    // A footer of the list breaks the body.
    let footer = String::from_utf8(desk.buyer(&raw)).unwrap() + "_______\r\nEvaluation mailing list\r\n";
    assert!(last(&desk, &[first(&desk), footer.into_bytes()]).has("body_changed"));
}

#[test]
fn threat_37_the_private_account_of_the_phone() {
    let mut desk = Desk::new();
    desk.keys.extend(crate::sign::keys(&["gmail.com"], &desk.key.record()));
    for from in ["Dana Reyes <dana.reyes.private@gmail.com>", "dana@gmail.com"] {
        let raw = answer("r1", D1, "11:00:00", YES).replace("Dana Reyes <dana@acme.example>", from);
        let outcome = last(&desk, &[first(&desk), sign(raw.as_bytes(), &desk.key, "gmail.com", FULL, "")]);
        assert_eq!(claim(&outcome), Claim::NotChampion, "{from}");
        assert!(outcome.has("same_name_other_address"), "{from} {:#?}", outcome.reasons);
    }
}

#[test]
fn threat_38_an_auto_reply_that_confirms() {
    let desk = Desk::new();
    let raw = answer(
        "r1",
        D1,
        "11:00:00",
        "I confirm receipt of your mail. I confirm that all criteria are met.\n",
    );
    for mark in [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: AUTO-GENERATED (vacation)\n",
        "Return-Path: <>\n",
        "X-Autoreply: yes\n",
        "Precedence: auto_reply\n",
    ] {
        let outcome = last(&desk, &[first(&desk), desk.buyer(&format!("{mark}{raw}"))]);
        assert_eq!((outcome.kind, claim(&outcome)), (Kind::Automatic, Claim::Machine), "{mark}");
        assert!(outcome.has("machine") && !outcome.endorsed, "{mark} {:#?}", outcome.reasons);
    }
}

/// Reading in whatever order changes nothing: what is refused is refused, and what holds holds.
#[test]
fn the_order_of_a_mixed_mailbox_does_not_matter() {
    let desk = Desk::new();
    let yes = desk.buyer(&answer("r1", D1, "11:00:00", YES));
    let spoof = answer("r2", D1, "11:30:00", YES).into_bytes();
    let colleague =
        answer("r3", D1, "11:40:00", YES).replace("Dana Reyes <dana@", "Eve Park <eve@").into_bytes();
    let mut mails = vec![first(&desk), yes, spoof, colleague];
    let mut expected: Option<Vec<(Option<endorsed::model::MessageId>, bool)>> = None;
    for _ in 0..mails.len() {
        mails.rotate_left(1);
        let mut found: Vec<_> =
            desk.consider(&mails).into_iter().map(|o| (o.message_id, o.endorsed)).collect();
        found.sort();
        assert_eq!(found.iter().filter(|f| f.1).count(), 1);
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found);
    }
}
