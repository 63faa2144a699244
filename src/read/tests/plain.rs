//! Plain parts, client by client.

use super::*;

fn marked(text: &str) -> String {
    text.lines().map(|l| if l.is_empty() { ">\n".to_owned() } else { format!("> {l}\n") }).collect()
}

#[test]
fn gmail_top() {
    let r = plain(&format!(
        "Yes, it is a success for us.\n\nDana\n\nOn Tue, Nov 3, 2026 at 10:12 AM Kim Doe <kim@seller.example>\nwrote:\n\n{}",
        marked(DECLARED)
    ));
    assert_eq!(r.fresh, "Yes, it is a success for us.\n\nDana");
    assert_eq!(r.quoted.trim(), DECLARED.trim());
    assert!(r.sure, "{:?}", r.doubts);
    assert!(r.unsure.is_empty());
}

#[test]
fn outlook_top() {
    let r = plain(&format!(
        "Yes, it is a success.\r\n\r\nRegards,\r\nDana\r\n\r\n________________________________\r\n\
         From: Kim Doe <kim@seller.example>\r\nSent: Tuesday, November 3, 2026 10:12 AM\r\n\
         To: Dana Ruiz <dana@acme.example>\r\nSubject: Technical Win\r\n\r\n{DECLARED}"
    ));
    assert_eq!(r.fresh, "Yes, it is a success.\r\n\r\nRegards,\r\nDana");
    assert!(r.sure);
    assert!(r.quoted.contains("Login over SAML"));
}

#[test]
fn outlook_divider_in_german() {
    let r = plain(&format!(
        "Ja, bestätigt.\n\n-----Ursprüngliche Nachricht-----\nVon: Kim Doe <kim@seller.example>\n\
         Gesendet: Dienstag\nAn: Dana\nBetreff: x\n\n{DECLARED}"
    ));
    assert_eq!(r.fresh, "Ja, bestätigt.");
}

#[test]
fn mutt_bottom_with_signature() {
    let r = plain(&format!(
        "On Tue, Nov 03, 2026 at 10:12:00AM +0000, Kim Doe wrote:\n{}\nConfirmed by the whole team.\n\nDana\n\n-- \nDana Ruiz\nAcme\n",
        marked(DECLARED)
    ));
    assert_eq!(r.fresh, "Confirmed by the whole team.\n\nDana");
    assert_eq!(r.signature, "Dana Ruiz\nAcme");
    assert!(r.sure);
}

#[test]
fn interleaved_answers_keep_their_lines() {
    let r = plain(
        "Hi Kim,\n\nOn 3 Nov 2026, at 10:12, Kim Doe wrote:\n> - Login over SAML - Passed\n\nYes.\n\n\
         > - Forty thousand events a second -\n>   Passed\nNot yet, we saw 38k.\n\n> Kim\n",
    );
    assert_eq!(r.fresh, "Hi Kim,\n\nYes.\n\nNot yet, we saw 38k.");
    let pairs: Vec<(&str, &str)> =
        r.inline.iter().map(|a| (&r.fresh[a.span.clone()], a.quoted.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("Yes.", "- Login over SAML - Passed"),
            ("Not yet, we saw 38k.", "- Forty thousand events a second - Passed")
        ]
    );
}

#[test]
fn tab_indented_quote_above_and_below() {
    let tabbed: String = DECLARED.lines().map(|l| format!("\t{l}\n")).collect();
    let r = plain(&format!("Fine with us.\n\nKim Doe <kim@seller.example> wrote:\n\n{tabbed}"));
    assert_eq!(r.fresh, "Fine with us.");
    let r = plain(&format!("Kim Doe <kim@seller.example> wrote:\n\n{tabbed}\nFine with us.\n"));
    assert_eq!(r.fresh, "Fine with us.");
    assert_eq!(r.inline.len(), 1);
}

#[test]
fn bar_as_quote_mark() {
    let r = plain("Kim wrote on 3 Nov 2026:\n| Do you agree?\n| Kim\n\nWe agree.\n");
    assert_eq!(r.fresh, "We agree.");
}

#[test]
fn notes_header() {
    let r = plain(&format!(
        "We are content.\n\nDana\n\n\n\n\nKim Doe/Sales/Seller\n03/11/2026 10:12 AM\nTo: Dana Ruiz/Acme\ncc:\nSubject: Pilot\n\n{DECLARED}"
    ));
    assert_eq!(r.fresh, "We are content.\n\nDana");
}

#[test]
fn apple_mail() {
    let r = plain(&format!(
        "Confirmed.\n\nSent from my iPhone\n\n> On 3 Nov 2026, at 10:12, Kim Doe <kim@seller.example> wrote:\n> \n{}",
        marked(DECLARED)
    ));
    assert_eq!(r.fresh, "Confirmed.");
    assert_eq!(of_kind(&r, SegmentKind::Tagline), "Sent from my iPhone");
}

#[test]
fn proton_and_yahoo() {
    let r = plain(&format!(
        "Yes.\n\nOn Tuesday, November 3rd, 2026 at 10:12 AM, Kim Doe <kim@seller.example> wrote:\n\n{}",
        marked(DECLARED)
    ));
    assert_eq!(r.fresh, "Yes.");
    let r = plain(&format!(
        " Yes.\n    On Tuesday, November 3, 2026 at 10:12:00 AM GMT+1, Kim Doe <kim@seller.example> wrote:  \n \n {DECLARED}"
    ));
    assert_eq!(r.fresh.trim(), "Yes.");
}

#[test]
fn nothing_but_a_quote() {
    for text in [
        marked(DECLARED),
        format!("On 3 Nov 2026, Kim <kim@seller.example> wrote:\n{}", marked(DECLARED)),
        format!(
            "\n\n-----Original Message-----\nFrom: Kim <kim@seller.example>\nTo: Dana\nSubject: x\n\n{DECLARED}"
        ),
        format!(
            "________________________________\nFrom: Kim <kim@seller.example>\nSent: today\nTo: Dana\nSubject: x\n\n{DECLARED}"
        ),
    ] {
        let r = plain(&text);
        assert_eq!(r.fresh, "", "{text}");
    }
}

#[test]
fn text_below_an_unmarked_attribution_is_never_sure() {
    let r = plain("On 3 Nov 2026, Kim <kim@seller.example> wrote:\n\nDo you agree?\n\nWe agree.\n");
    assert_eq!((r.fresh.as_str(), r.sure), ("Do you agree?\n\nWe agree.", false));
    assert_eq!(r.doubts[0].code, "unsure_cut");
    // With the mail on record that it answers, its words are quoted; the rest is for a person nevertheless.
    let r = split_plain(
        &format!("On 3 Nov 2026, Kim <kim@seller.example> wrote:\n\n{DECLARED}\nWe agree.\n"),
        &Originals::new(&[DECLARED]),
    );
    assert_eq!((r.fresh.as_str(), r.sure), ("We agree.", false));
    // Forwards carry header blocks: what stands below one is nobody's answer.
    let r = plain("From: Kim <kim@seller.example>\nSent: 3 Nov 2026\nTo: Dana\nSubject: x\n\nWe agree.\n");
    assert_eq!((r.fresh.as_str(), r.unsure.as_str(), r.sure), ("", "We agree.", false));
}

#[test]
fn plain_prose_is_all_fresh() {
    for text in [
        "Hi Kim,\n\nOn Monday we ran the last test: it passed.\n\nFrom our side: go ahead.\nTo be clear: no open points.\n\nBest,\nDana",
        "These are met:\n\n1. Login\n2. Failover\n---\nAnd this one is not:\n3. Rotation",
        "On 3 November 2026 our board said: this is what we want. So we go on.",
        "We said on 3 Nov that we need the fix.\n\nDana Ruiz\nLead",
        "Sent from my side is everything you need. Confirmed.",
        "Date: 5 December works for us.",
    ] {
        let r = plain(text);
        assert_eq!(r.fresh, text);
        assert!(r.sure, "{text}: {:?}", r.doubts);
        assert_eq!((r.unsure.as_str(), r.quoted.as_str()), ("", ""), "{text}");
    }
}

#[test]
fn banner_notice_and_contact_block() {
    let r = plain(
        "[EXTERNAL] This message came from outside of your organization. Do not click links.\n\n\
         We confirm.\n\nBest regards,\nDana\n\nDana Ruiz\nHead of Platform | Acme\nPhone: +1 555 0100 200\n\n\
         This e-mail is confidential and meant for the intended recipient only. If you are not the intended\n\
         recipient, please delete it and tell the sender.\n",
    );
    assert_eq!(r.fresh, "We confirm.\n\nBest regards,\nDana");
    assert!(r.signature.starts_with("Dana Ruiz\nHead"));
    assert!(of_kind(&r, SegmentKind::Banner).starts_with("[EXTERNAL]"));
    assert!(of_kind(&r, SegmentKind::Disclaimer).starts_with("This e-mail"));
}

#[test]
fn a_condition_below_a_signature_is_kept_for_the_veto() {
    let r = plain("Confirmed.\n\n-- \nDana\nBut only if the fix ships.\n");
    assert_eq!(r.fresh, "Confirmed.");
    assert!(r.signature.contains("only if"));
}

#[test]
fn a_line_that_lost_its_mark_cannot_affirm() {
    let r = plain(
        "> We would ask you to reply to this mail and to say that your team\nconfirms all five checks\n> of the pilot.\n\nWe need a week.\n",
    );
    assert_eq!(r.fresh, "We need a week.");
    assert!(r.unsure.contains("confirms all five checks"));
}

#[test]
fn several_levels() {
    let r = plain(
        "Agreed.\n\nOn 4 Nov 2026, Ann <ann@acme.example> wrote:\n> Looks fine.\n>\n> On 3 Nov 2026, Kim <kim@seller.example> wrote:\n>> Is it a success?\n",
    );
    assert_eq!(r.fresh, "Agreed.");
}

#[test]
fn forward_is_not_the_senders_word() {
    let r = plain(
        "FYI\n\n---------- Forwarded message ---------\nFrom: Kim <kim@seller.example>\nDate: Tue\nSubject: x\nTo: Dana\n\nWe confirm.\n",
    );
    assert_eq!(r.fresh, "FYI");
    assert!(of_kind(&r, SegmentKind::Forwarded).contains("We confirm."));
}

#[test]
fn reply_above_this_line() {
    let r =
        plain("We confirm.\n\n##- Please type your reply above this line -##\n\nYour case was updated.\n");
    assert_eq!(r.fresh, "We confirm.");
}

#[test]
fn clear_signed_mail() {
    let r = plain(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nWe confirm.\n\nDana\n-----BEGIN PGP SIGNATURE-----\n\niQ9x\n=ab\n-----END PGP SIGNATURE-----\n",
    );
    assert_eq!(r.fresh, "We confirm.\n\nDana");
    assert!(r.sure);
}

#[test]
fn typed_conditions_that_sound_like_notices_are_kept() {
    let text = "We confirm.\n\nThis holds provided that confidential logs are never disclosed to unauthorized people, and that you delete them.";
    assert_eq!(plain(text).fresh, text);
    let text = "All met.\n---\nLogin: passed\nFailover: passed";
    assert_eq!(plain(text).fresh, text);
}

#[test]
fn horde() {
    let r = plain("Agreed.\n\nQuoting Kim Doe <kim@seller.example>:\n\n> Well?\n");
    assert_eq!(r.fresh, "Agreed.");
}

#[test]
fn text_below_a_divider_without_a_mail_may_veto() {
    for divider in ["-----Original Message-----", "---- Ursprüngliche Nachricht ----"] {
        let r = plain(&format!("Yes, confirmed.\n\n{divider}\n\nBut only if the failover is fixed.\n"));
        assert_eq!(r.fresh, "Yes, confirmed.");
        assert_eq!(r.unsure, "But only if the failover is fixed.");
        let r = plain(&format!("Yes, confirmed.\n\n{divider}\nFrom: Kim\n\nBut only if you say so.\n"));
        assert_eq!(r.unsure, "");
    }
}

#[test]
fn a_no_inside_a_notice_may_veto() {
    let notice =
        "This e-mail is confidential and meant for the intended recipient only; delete it otherwise.";
    let r = plain(&format!("Yes, confirmed.\n\nDana\n\n{notice} We do not confirm the failover test."));
    assert_eq!(r.fresh, "Yes, confirmed.\n\nDana");
    assert_eq!(r.unsure, "We do not confirm the failover test.");
    let r = plain(&format!("Yes, confirmed.\n\nDana\n\n{notice} Please notify the sender by e-mail."));
    assert_eq!(r.unsure, "");
}

#[test]
fn an_answer_is_bound_to_the_line_above_it() {
    let list = |n: usize| -> String {
        [
            "1. Login over SAML - Passed",
            "2. Failover of a node below\n> thirty seconds - Passed",
            "3. Export - Passed",
        ]
        .iter()
        .take(n)
        .map(|l| format!("> {l}\n"))
        .collect()
    };
    let r =
        plain(&format!("Kim <k@s.example> wrote:\n> Hello\n>\n{}\nYes.\n\n> 3. Export - Passed\n", list(2)));
    let [only] = r.inline.as_slice() else { panic!("{r:?}") };
    assert_eq!(only.quoted, "2. Failover of a node below thirty seconds - Passed");
    assert!(r.is_between(only));
    assert_eq!(r.inline_at(&(0..4)), Some(only));
    let r = plain(&format!("Kim <k@s.example> wrote:\n> Hello\n>\n{}\nYes.\n", list(3)));
    assert!(!r.is_between(&r.inline[0]) && r.inline[0].quoted == "3. Export - Passed");
    let r = plain(&format!("All fine.\n\nKim <k@s.example> wrote:\n{}\nYes.\n", list(1)));
    assert_eq!(r.inline_at(&(0..9)), None, "typed above the quote");
}

#[test]
fn what_is_too_long_is_never_sure_and_may_veto() {
    for body in ["\n".repeat(60_000) + "No.", "Yes.\n".repeat(300_000) + "No."] {
        let r = plain(&body);
        assert!(!r.sure && r.doubts.iter().any(|d| d.code == "over_limit"));
        assert!(r.unsure.ends_with("No."));
    }
    let r = plain(&("Yes, confirmed, and we recommend it.\n".repeat(20_000)));
    assert!(r.sure, "long, but read whole");
}

#[test]
fn fenced_code_is_typed_whatever_it_looks_like() {
    let text = "This is the hook that fails:\n\n```js\n// Sent from my own mailer\nsend({\n-- \n})\n```\n\nThe rest is fine.";
    let r = plain(text);
    assert_eq!((r.fresh.as_str(), r.sure), (text, true));
    let r = plain("Mine:\n```\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n> quoted\n```\nmore");
    assert_eq!(r.fresh, "Mine:\n```\n\n```\nmore");
}

#[test]
fn spaces_are_a_weak_quote_mark() {
    let head = "---- On Tue, 3 Nov 2026 14:17:36 +0100 Kim <kim@seller.example> wrote ----\n\n";
    let r =
        plain(&format!("Thanks.\n\n{head}        Kim Doe, engineer\n\nAll five are met, we confirm it.\n"));
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Thanks.", ""));
    let r =
        plain(&format!("Thanks.\n\n{head}    Kim Doe\n    engineer\n\nAll five are met, we confirm it.\n"));
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Thanks.", "All five are met, we confirm it."));
    let r = plain(&format!("{head}    Are all five met?\n    Kim\n\nAll five are met.\n"));
    assert_eq!(r.fresh, "All five are met.");
}

#[test]
fn polymail_parts_the_address_from_the_name() {
    let r = plain(
        "One.\n\nOn Tue, 3 Nov 2026 at 11:16 Kim Doe\n\n<\nmailto:Kim Doe <kim@seller.example>\n> wrote:\n\nTwo.\n",
    );
    assert_eq!((r.fresh.as_str(), r.quoted.as_str()), ("One.", "Two."));
    let r = plain("On Tue, 3 Nov 2026 at 11:16 Kim Doe <kim@seller.example\n> wrote:\n\n> Two?\n\nOne.\n");
    assert_eq!((r.fresh.as_str(), r.quoted.as_str()), ("One.", "Two?"));
}
