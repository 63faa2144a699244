//! With the original at hand.

use super::*;

fn knowing(text: &str) -> Reading {
    split_plain(text, &Originals::new(&[DECLARED]))
}

#[test]
fn pasted_text_is_quoted_without_marks() {
    let r = knowing(&format!("{DECLARED}\nWe say yes.\n"));
    assert_eq!(r.fresh, "We say yes.");
    let r =
        knowing("- Login over SAML - Passed\nYes\n- Failover below 30 seconds - Passed\nNo, 50 seconds.\n");
    assert_eq!(r.fresh, "Yes\n\nNo, 50 seconds.");
    assert_eq!(r.inline[1].quoted, "- Failover below 30 seconds - Passed");
}

#[test]
fn words_of_the_question_may_be_repeated() {
    for text in [
        "Yes, our team sees the pilot as a success.",
        "We can say that our\nteam sees the pilot as a success.\nDana",
        "Login over SAML: passed. Failover: passed.",
    ] {
        let r = knowing(text);
        assert_eq!(r.fresh, text);
        assert!(r.sure);
    }
}

#[test]
fn a_re_wrapped_quote_is_no_edit() {
    let r = knowing(
        "Fine.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n> Hello Dana, the pilot ended\n> on Friday. All five checks passed: * Login over\n> SAML - Passed * Forty thousand\n> events a second - Passed\n> * Failover below 30 seconds - Passed Could you reply and say whether\n> your team sees the pilot as a success? Kim\n",
    );
    assert_eq!(r.fresh, "Fine.");
    assert_eq!(r.unsure, "");
}

#[test]
fn text_typed_into_the_quote_may_veto() {
    let quote =
        DECLARED.replace("Failover below 30 seconds - Passed", "Failover below 30 seconds - FAILED for us");
    let marked: String = quote.lines().map(|l| format!("> {l}\n")).collect();
    let r = knowing(&format!("See below.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n{marked}"));
    assert_eq!(r.fresh, "See below.");
    assert_eq!(r.unsure, "- Failover below 30 seconds - FAILED for us");
    assert_eq!(of_kind(&r, SegmentKind::EditedQuote), "> - Failover below 30 seconds - FAILED for us");
}

#[test]
fn another_mail_in_the_quote_is_no_edit() {
    let r = knowing(
        "Fine.\n\nOn 3 Nov 2026, Ann <ann@acme.example> wrote:\n> I have not tested it and will come back.\n> Please wait for me.\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Fine.", ""));
}

#[test]
fn trimmed_quotes_are_no_edits() {
    let r = knowing(
        "Kim <kim@seller.example> wrote:\n> - Login over SAML - Passed\n\nYes\n\n> - Failover below 30 seconds - Passed\n\nYes\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Yes\n\nYes", ""));
}

#[test]
fn a_mail_that_only_repeats_is_left_to_a_person() {
    let said = "We confirm that all five checks of the pilot are met for us.";
    let r = split_plain(said, &Originals::new(&[DECLARED, said]));
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("", said));
    assert_eq!(r.doubts[0].code, "unsure_cut");
}

#[test]
fn what_programs_and_gateways_add_is_no_edit() {
    let quote = DECLARED
        .replace("- Login over SAML - Passed", "  *   Login over *SAML* <https://safe.example/x?y=z> â€” Passed")
        .replace("Hello Dana,", "CAUTION: This email originated from outside of the organization. Do not click links.\n\nHello Dana,");
    let marked: String = quote.lines().map(|l| format!("> {l}\n")).collect();
    let r = knowing(&format!("Fine.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n{marked}"));
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Fine.", ""));
}

#[test]
fn ticks_and_lines_added_to_the_quote_are_edits() {
    for (old, new) in [
        ("Login over SAML - Passed", "Login over SAML - Passed - not on our side"),
        ("- Failover", "no way\n- Failover"),
        ("Forty thousand", "Thirty thousand"),
    ] {
        let marked: String = DECLARED.replace(old, new).lines().map(|l| format!("> {l}\n")).collect();
        let r = knowing(&format!("See below.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n{marked}"));
        assert!(!r.unsure.is_empty(), "{new}");
    }
}

#[test]
fn a_typed_line_that_breaks_like_the_original_stays() {
    let original = "Hello Dana,\n\nplease tell us whether your people and you\ntake the three week trial for a full success\nand may be quoted.\n\nKim\n";
    let quote: String = original.lines().map(|l| format!("> {l}\n")).collect();
    for typed in [
        "Yes, in this mail I say that all of us\ntake the three week trial for a full success\nand would do it again.",
        "Yes, we do indeed\nand may be quoted.",
        "please tell us whether your people and you\nneed anything else from us.",
    ] {
        let text = format!("{typed}\n\nDana\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n{quote}");
        let r = split_plain(&text, &Originals::new(&[original]));
        assert_eq!(r.fresh, format!("{typed}\n\nDana"));
        assert!(r.sure, "{:?}", r.doubts);
        let r = split_html(
            &text.replace('>', "&gt;").replace('<', "&lt;").replace('\n', "<br>"),
            &Originals::new(&[original]),
        );
        assert_eq!(r.fresh, format!("{typed}\n\nDana"));
    }
}

#[test]
fn empty_lines_of_the_quote_are_quoted() {
    for empty in [">", "> ", ">>", "> >", " >"] {
        let text = format!(
            "Answers inline.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n{empty}\n> - Login over SAML - Passed\n{empty}\n\nYes\n\n{empty}\n> - Failover below 30 seconds - Passed\n{empty}\n\nYes, too\n\n{empty}\n{empty}\n"
        );
        for r in [knowing(&text), plain(&text)] {
            assert_eq!(
                (r.fresh.as_str(), r.unsure.as_str()),
                ("Answers inline.\n\nYes\n\nYes, too", ""),
                "{empty:?}"
            );
            assert!(r.sure, "{:?}", r.doubts);
        }
    }
}

#[test]
fn a_notice_below_the_quote_is_no_text() {
    let notice = "This e-mail and any attachments are confidential and intended solely for the addressee. If you are not the intended recipient, please delete it and notify the sender.";
    let marked: String = DECLARED.lines().map(|l| format!("> {l}\n")).collect();
    let blocks = [
        format!("On 3 Nov 2026, Kim <kim@seller.example> wrote:\n\n{marked}"),
        format!(
            "-----Original Message-----\nFrom: Kim <kim@seller.example>\nSent: Monday, 2 November 2026 09:00\nTo: Dana\nSubject: Pilot\n\n{DECLARED}"
        ),
    ];
    for block in blocks {
        for rule in ["", "________________________________\n", "\n"] {
            let text = format!("We confirm it.\n\nDana\n\n{block}\n{rule}{notice}\n");
            for r in [knowing(&text), plain(&text)] {
                assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("We confirm it.\n\nDana", ""), "{text}");
                assert!(r.sure, "{:?}", r.doubts);
            }
        }
    }
}

#[test]
fn a_name_and_title_below_the_name_are_a_signature() {
    let r = plain("We confirm it.\n\nBest,\nDana\n\nDana Ruiz\nHead of Networks\nAcme Rail S.A.\n");
    assert_eq!(r.fresh, "We confirm it.\n\nBest,\nDana");
    assert_eq!(r.signature, "Dana Ruiz\nHead of Networks\nAcme Rail S.A.");
    let r = plain("We confirm it.\n\nDana\n\nDana Ruiz will not sign\nBefore the fix\n");
    assert!(r.signature.is_empty(), "{r:?}");
}

#[test]
fn a_veto_is_never_cut_as_quote_signature_or_notice() {
    let marked: String = DECLARED.lines().map(|l| format!("> {l}\n")).collect();
    let quote = format!("On 3 Nov 2026, Kim <kim@seller.example> wrote:\n{marked}");
    for veto in [
        "But failover was not below 30 seconds.",
        "Failover below 30 seconds - not for us",
        "This is confidential: we do not confirm it.",
        "Dana Ruiz does not agree",
        "Not approved",
    ] {
        for text in [
            format!("Confirmed.\n{veto}\n\nDana\n\n{quote}"),
            format!("Confirmed.\n\nDana\n\n{quote}\n{veto}\n"),
            format!("Confirmed.\n\nDana\n\n{veto}\n\n{quote}"),
            format!("Confirmed.\n\nBest,\nDana\n\nDana Ruiz\n{veto}\n\n{quote}"),
            format!("Confirmed.\n\n{DECLARED}\n{veto}\n"),
        ] {
            for r in [knowing(&text), plain(&text)] {
                let seen = [r.fresh.as_str(), r.unsure.as_str(), r.signature.as_str()].join("\n");
                assert!(seen.contains(veto), "{veto} in {text}\n{r:#?}");
            }
        }
    }
}

#[test]
fn a_mark_before_own_words_makes_no_quote() {
    let r =
        knowing("Yes, confirmed.\n\n> but not before the failover is fixed\n> - Login over SAML - Passed\n");
    assert_eq!(r.fresh, "Yes, confirmed.");
    assert_eq!(r.unsure, "but not before the failover is fixed");
    let r = knowing(
        "Yes, confirmed.\n\nOn 3 Nov 2026, Ann <ann@acme.example> wrote:\n> but not before the failover is fixed\n",
    );
    assert_eq!(r.unsure, "", "somebody else's words, and the mail says so");
}

#[test]
fn an_edit_in_a_trimmed_quote_may_veto() {
    let r = knowing(
        "Yes.\n\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n> - Failover below 30 seconds - never\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Yes.", "- Failover below 30 seconds - never"));
}

#[test]
fn answers_typed_into_an_outlook_quote_may_veto() {
    let quote = DECLARED.replace("- Failover below", "No, it took a minute.\n- Failover below");
    let head =
        "-----Original Message-----\nFrom: Kim <kim@seller.example>\nSent: Tuesday\nTo: Dana\nSubject: x\n\n";
    let r = knowing(&format!("See below.\n\n{head}{quote}"));
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("See below.", "No, it took a minute."));
    let r = knowing(&format!("See below.\n\n{head}{DECLARED}\nNo, it took a minute and we cannot sign.\n"));
    assert_eq!(r.unsure, "No, it took a minute and we cannot sign.");
}

#[test]
fn a_short_line_inside_a_quote_is_an_answer_when_it_parts_the_original() {
    let head = "On 3 Nov 2026, Kim Doe <kim@seller.example> wrote:\n";
    let original = "1. Single sign-on through your own identity provider for all users\n2. Failover below thirty seconds in both directions and both sites\n";
    let read = |text: &str| split_plain(&format!("{head}{text}"), &Originals::new(&[original]));
    let r = read(
        "> 1. Single sign-on through your own identity provider for all users\nAgreed\n> 2. Failover below thirty seconds in both directions and both sites\nNot yet\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Agreed\n\nNot yet", ""));
    assert_eq!(r.inline[0].quoted, "1. Single sign-on through your own identity provider for all users");
    // What a program wrapped out of the quote is the quote's.
    let r = read(
        "> 1. Single sign-on through your own identity provider for all\nusers\n> 2. Failover below thirty seconds in both directions and both sites\nNo.\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("No.", ""));
    // Another quote than the one on record: nobody knows.
    let r = read(
        "> 1. Single sign-on through the identity provider of our new parent\nAgreed\n> 3. Rotation of all keys within an hour, also at night\n",
    );
    assert_eq!((r.fresh.as_str(), r.unsure.contains("Agreed")), ("", true));
}

#[test]
fn a_cited_mail_that_nobody_knows_may_veto() {
    let cited = "We confirm.\n\nOn 3 Nov 2026, Pat <pat@acme.example> wrote:\n\nFailover took a minute.\n\nThat must be fixed first.\n";
    let r = knowing(cited);
    assert_eq!(r.fresh, "We confirm.");
    assert!(r.unsure.contains("must be fixed first"));
    assert_eq!(plain(cited).unsure, "", "without any mail on record it is an ordinary quote");
}
