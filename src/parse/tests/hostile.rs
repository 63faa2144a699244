//! Broken and hostile mail, kind by kind: never a panic, never long, never sure in silence.

use std::time::Instant;

use super::*;
use crate::read::read;

const HEAD: &str = "From: Dana <dana@acme.example>\nSubject: Re: x\n";

fn doubtful(raw: &[u8]) -> Vec<String> {
    let message = parse(raw);
    read(&message, &[]).doubts.into_iter().map(|d| d.code).collect()
}

fn with_type(kind: &str, body: &[u8]) -> Vec<u8> {
    [HEAD.as_bytes(), b"Content-Type: ", kind.as_bytes(), b"\n\n", body].concat()
}

#[test]
fn charsets_that_are_wrong_missing_or_unknown() {
    let text = |kind: &str, body: &[u8]| parse(&with_type(kind, body)).plain.unwrap();
    assert_eq!(text("text/plain", "Größe passt".as_bytes()), "Größe passt");
    assert_eq!(text("text/plain", b"Gr\xf6\xdfe passt"), "Größe passt");
    assert_eq!(text("text/plain; charset=iso-8859-1", b"Gr\xf6\xdfe"), "Größe");
    assert_eq!(text("text/plain; charset=utf-8", b"Gr\xf6\xdfe"), "Größe");
    assert_eq!(doubtful(&with_type("text/plain; charset=utf-8", b"Gr\xf6\xdfe")), ["ambiguous_mime"]);
    assert_eq!(doubtful(&with_type("text/plain; charset=klingon", b"Yes")), ["ambiguous_mime"]);
    assert_eq!(doubtful(&with_type("text/plain; charset=utf-7", b"+AGE-")), ["ambiguous_mime"]);
    assert_eq!(text("text/plain; charset=gb18030", b"\xc8\xb7\xc8\xcf"), "确认");
    assert_eq!(text("text/plain; charset=koi8-r", b"\xc4\xc1"), "да");
    assert_eq!(text("text/plain; charset=iso-2022-jp", b"\x1b$B3NG'\x1b(B"), "確認");
}

#[test]
fn eight_bit_headers() {
    let m = parse("From: Dána <dana@acme.example>\nSubject: Re: Größe\n\nYes".as_bytes());
    assert_eq!(m.subject, "Re: Größe");
    assert_eq!(m.from.len(), 1);
    parse(b"From: D\xe1na <dana@acme.example>\nSubject: Gr\xf6\xdfe\n\nYes");
}

#[test]
fn line_ends_and_controls() {
    let unix = parse(format!("{HEAD}\nYes,\nconfirmed.\n").as_bytes());
    let dos = parse(format!("{HEAD}\nYes,\nconfirmed.\n").replace('\n', "\r\n").as_bytes());
    assert_eq!(unix.plain, dos.plain);
    for (body, text) in [
        ("> a\rYes.", "> a\nYes."),
        ("Yes\0 but no", "Yes\0 but no"),
        ("not\u{8}\u{8}\u{8}", "not\u{8}\u{8}\u{8}"),
    ] {
        let raw = format!("{HEAD}\n{body}");
        assert_eq!(parse(raw.as_bytes()).plain.as_deref(), Some(text));
        assert_eq!(doubtful(raw.as_bytes()), ["ambiguous_mime"], "{body:?}");
    }
    assert!(!parse(b"From: a@b.example\rSubject: x\r\rYes").defects.is_empty());
    assert!(!parse(b"From: a@b.example\nX: a\0b\n\nYes").defects.is_empty());
}

#[test]
fn boundaries_that_are_missing_or_inside_a_line() {
    for (kind, body) in [
        ("multipart/mixed", "--b\n\nYes\n--b--\n"),
        ("multipart/mixed; boundary=b", "Yes\n"),
        ("multipart/mixed; boundary=b", "--b\n\nYes\n"),
        ("multipart/mixed; boundary=b", "--b\n\nYes, confirmed --b but only if SSO ships.\n--b--\n"),
        ("multipart/mixed; boundary=b", "--b\n\nYes\n--b--\nbut no\n"),
        ("multipart/mixed; boundary=b", "No.\n--b\n\nYes\n--b--\n"),
        ("multipart/mixed; boundary=b; boundary=c", "--b\n\nYes\n--b--\n"),
        ("multipart/alternative; boundary=b", "--b\n\nYes\n--b\n\nNo\n--b--\n"),
    ] {
        let codes = doubtful(&with_type(kind, body.as_bytes()));
        assert!(codes.iter().any(|c| c == "torn_part" || c == "ambiguous_mime"), "{body:?} {codes:?}");
    }
    for (encoding, body) in
        [("base64", "WWVzLCBidXQgbm8"), ("quoted-printable", "yes == no"), ("x-rot13", "Lrf")]
    {
        let raw = format!("{HEAD}Content-Transfer-Encoding: {encoding}\n\n{body}\n");
        assert!(!doubtful(raw.as_bytes()).is_empty(), "{encoding}");
    }
}

#[test]
fn repeated_fields() {
    for field in
        ["From: eve@evil.example", "Subject: y", "Date: x", "Content-Type: text/html", "Message-ID: <b@x>"]
    {
        let raw = format!("{HEAD}Date: x\nContent-Type: text/plain\nMessage-ID: <a@x>\n{field}\n\nYes");
        assert!(!parse(raw.as_bytes()).defects.is_empty(), "{field}");
    }
}

#[test]
fn what_nobody_can_read() {
    for kind in [
        "application/ms-tnef; name=winmail.dat",
        "application/pkcs7-mime; smime-type=enveloped-data",
        "multipart/encrypted; boundary=b",
        "application/x-microsoft-rpmsg-message",
        "image/png",
    ] {
        let codes = doubtful(&with_type(kind, b"--b\n\nx\n--b--\n"));
        assert!(codes.iter().any(|c| c == "unreadable"), "{kind} {codes:?}");
    }
    assert_eq!(doubtful(format!("{HEAD}\n-----BEGIN PGP MESSAGE-----\n\nabc\n").as_bytes()), ["unreadable"]);
    for raw in ["", "\n", "\n\n\n", "From: a@b.example\n\n", "From: a@b.example"] {
        assert_eq!(read(&parse(raw.as_bytes()), &[]).fresh, "");
    }
}

#[test]
fn sizes_and_depths() {
    let begun = Instant::now();
    let yes = "Yes, confirmed, we recommend it.\n";
    let long = format!("{HEAD}\n{}", yes.repeat((25 << 20) / yes.len() - 100));
    assert!(doubtful(long.as_bytes()).contains(&"over_limit".to_owned()));
    assert!(
        doubtful(format!("{HEAD}X: {}\n\n{yes}", "y".repeat(10 << 20)).as_bytes())
            .contains(&"over_limit".to_owned())
    );
    assert!(!doubtful(format!("{}\n{yes}", "X: y\n".repeat(300_000)).as_bytes()).is_empty());
    let nested: String =
        (0..1000).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n")).collect();
    assert!(!doubtful(format!("{HEAD}{nested}").as_bytes()).is_empty());
    let many = format!("{}--b--\n", "--b\n\nYes\n".repeat(2000));
    assert!(
        doubtful(&with_type("multipart/mixed; boundary=b", many.as_bytes()))
            .contains(&"over_limit".to_owned())
    );
    for html in ["<div>".repeat(50_000), "<b>".repeat(80_000), "<table><tr><td>".repeat(20_000)] {
        assert!(doubtful(&with_type("text/html", html.as_bytes())).contains(&"over_limit".to_owned()));
    }
    let wide = format!("<p {}>Yes</p>", (0..20_000).map(|i| format!("a{i}=1 ")).collect::<String>());
    assert!(doubtful(&with_type("text/html", wide.as_bytes())).contains(&"over_limit".to_owned()));
    // A debug build on a busy machine; what this guards against takes minutes.
    assert!(begun.elapsed().as_secs() < 100, "{:?}", begun.elapsed());
}

#[test]
fn mojibake_is_read_as_it_stands() {
    let m =
        parse(format!("{HEAD}Content-Type: text/plain; charset=utf-8\n\nâœ… SSO â€” Passed\n").as_bytes());
    assert_eq!(read(&m, &[]).fresh, "âœ… SSO â€” Passed");
    // …and counts as the same words when it is quoted.
    let raw = format!(
        "{HEAD}Content-Type: text/plain; charset=utf-8\n\nFine.\n\nKim <k@s.example> wrote:\n> âœ… SSO works for all tenants â€” Passed\n> âœ… Restore below forty minutes â€” Passed\n"
    );
    let original = "✅ SSO works for all tenants — Passed\n✅ Restore below forty minutes — Passed\n";
    let r = read(&parse(raw.as_bytes()), &[original]);
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("Fine.", ""));
}

#[test]
fn attached_messages_are_messages_of_their_own() {
    let inner = "From: Ann <ann@acme.example>\nMessage-ID: <a@acme.example>\nSubject: Re: x\n\nWe confirm.\n";
    let eml = base64(inner);
    let raw = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee attached.\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b\nContent-Type: application/octet-stream; name=\"Re x.EML\"\nContent-Transfer-Encoding: base64\n\n{eml}\n--b--\n"
    );
    let m = parse(raw.as_bytes());
    assert_eq!(m.plain.as_deref(), Some("See attached."));
    assert_eq!(m.attached.len(), 2);
    for inner in &m.attached {
        assert_eq!(inner.plain.as_deref().map(str::trim), Some("We confirm."));
        assert_eq!(inner.author().unwrap().address.as_str(), "ann@acme.example");
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
