//! Two parts of one mail.

use super::*;
use crate::parse;

fn message(plain: Option<&str>, html: Option<&str>) -> Message {
    let mut message = parse::parse(b"");
    message.defects.clear();
    message.plain = plain.map(str::to_owned);
    message.html = html.map(str::to_owned);
    message
}

#[test]
fn parts_that_agree() {
    let r = read(
        &message(
            Some(
                "We *confirm* it, see <https://x.example>.\n\nDana\n\nOn 3 Nov 2026, Kim <k@s.example> wrote:\n> Well?\n",
            ),
            Some(
                "<p>We <b>confirm</b> it, see <a href=\"https://x.example\">.</a></p><p>Dana</p><div>On 3 Nov 2026, Kim &lt;k@s.example&gt; wrote:</div><blockquote type=cite>Well?</blockquote>",
            ),
        ),
        &[],
    );
    assert!(r.sure, "{:?}", r.doubts);
    assert!(r.fresh.starts_with("We *confirm* it"));
}

#[test]
fn parts_that_differ() {
    let r = read(
        &message(Some("We confirm.\n"), Some("<p>We confirm.</p><p>But only if the fix ships.</p>")),
        &[],
    );
    assert!(!r.sure);
    assert_eq!(r.fresh, "We confirm.");
    assert!(r.unsure.contains("But only if the fix ships."));
    assert_eq!(r.doubts[0].code, "parts_differ");
    let r = read(&message(Some("We confirm.\n"), Some("<p>We decline.</p>")), &[]);
    assert!(!r.sure && format!("{}{}", r.fresh, r.unsure).contains("decline"));
}

#[test]
fn one_part_shows_where_the_signature_begins() {
    let r = read(
        &message(
            Some("We confirm.\n\nDana\n\n-- \nDana Ruiz\nAcme\n"),
            Some(
                "<div>We confirm.</div><div>Dana</div><br><div>-- </div><div>Dana Ruiz</div><div>Acme</div>",
            ),
        ),
        &[],
    );
    assert!(r.sure, "{r:?}");
    assert_eq!(r.fresh, "We confirm.\n\nDana");
    assert_eq!(r.signature.trim(), "Dana Ruiz\nAcme");
}

#[test]
fn a_placeholder_is_no_witness() {
    let r = read(
        &message(Some("Your mail program does not support HTML messages."), Some("<p>We confirm.</p>")),
        &[],
    );
    assert!(r.sure);
    assert_eq!(r.fresh, "We confirm.");
    let r = read(&message(Some(" \n"), Some("<p>We confirm.</p>")), &[]);
    assert!(r.sure && r.fresh == "We confirm.");
}

#[test]
fn defects_of_the_parser_are_doubts() {
    for (defect, code) in [
        (Defect::TornPart("x".into()), "torn_part"),
        (Defect::AmbiguousMime("x".into()), "ambiguous_mime"),
        (Defect::OverLimit("x".into()), "over_limit"),
        (Defect::Unreadable("x".into()), "unreadable"),
    ] {
        let mut m = message(Some("We confirm."), None);
        m.defects.push(defect);
        let r = read(&m, &[]);
        assert!(!r.sure && r.doubts[0].code == code);
    }
    let mut m = message(Some("We confirm."), None);
    m.defects.push(Defect::SeveralAuthors);
    assert!(read(&m, &[]).sure);
}

#[test]
fn the_body_as_its_reader_sees_it() {
    assert_eq!(body_text(&message(Some("a\n> b\n"), Some("<p>c"))), "a\n> b\n");
    assert_eq!(body_text(&message(None, Some("<p>c<span hidden>x</span>"))).trim(), "c");
    assert_eq!(body_text(&message(None, None)), "");
}

#[test]
fn a_no_in_one_part_and_a_yes_in_the_other_are_never_sure() {
    for (plain, html) in [
        ("We cannot take this, the trial broke.", "<p>Confirmed, all of it was met.</p>"),
        ("Confirmed, all of it was met.", "<p>We cannot take this, the trial broke.</p>"),
        ("Confirmed, all of it was met.", "<p>Confirmed, all of it was not met.</p>"),
        (
            "Confirmed, all of it was met.\n\n-- \nDana\n",
            "<p>Confirmed, all of it was met</p><p>except one.</p>-- <br>Dana",
        ),
    ] {
        let r = read(&message(Some(plain), Some(html)), &[DECLARED]);
        assert!(!r.sure, "{plain} {html} {r:?}");
    }
}
