mod hostile;

use proptest::prelude::*;

use super::*;

fn mail(lines: &[&str]) -> Vec<u8> {
    lines.join("\r\n").into_bytes()
}

fn alternative() -> Vec<u8> {
    mail(&[
        "Received: from a by b with ESMTP id 1; Wed, 04 Nov 2026 08:00:05 +0000",
        "From: Dana Ruiz <dana@acme.example>",
        "To: Kim <kim@seller.example>, evidence+OPP-1@seller.example",
        "Cc: lee@seller.example",
        "Subject: =?utf-8?Q?Re=3A_Result_=E2=80=94_done?=",
        "Date: Wed, 04 Nov 2026 09:00:00 +0100",
        "Message-ID: <r1@acme.example>",
        "In-Reply-To: <d1@seller.example>",
        "References: <d0@seller.example>",
        " <d1@seller.example>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative; boundary=\"=_x\"",
        "",
        "--=_x",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "All criteria are met =E2=80=94 we recommend it.",
        "--=_x",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        "PHA+QWxsIGNyaXRlcmlhIGFyZSBtZXQuPC9wPg==",
        "--=_x--",
        "",
    ])
}

#[test]
fn fills_every_field() {
    let m = parse(&alternative());
    assert_eq!(m.defects, []);
    assert_eq!(m.author().unwrap().address.as_str(), "dana@acme.example");
    assert_eq!(m.author().unwrap().name.as_deref(), Some("Dana Ruiz"));
    assert_eq!((m.to.len(), m.cc.len()), (2, 1));
    assert_eq!(m.subject, "Re: Result — done");
    assert_eq!(m.date.unwrap().to_string(), "2026-11-04T08:00:00Z");
    assert_eq!(m.received.unwrap().to_string(), "2026-11-04T08:00:05Z");
    assert_eq!(m.message_id.as_ref().unwrap().as_str(), "r1@acme.example");
    assert_eq!(
        m.parents().iter().map(|i| i.as_str()).collect::<Vec<_>>(),
        ["d1@seller.example", "d0@seller.example"]
    );
    assert_eq!(m.plain.as_deref(), Some("All criteria are met — we recommend it."));
    assert_eq!(m.html.as_deref(), Some("<p>All criteria are met.</p>"));
    assert_eq!(m.parts.len(), 2);
    assert_eq!(m.header("references").next(), Some("<d0@seller.example> <d1@seller.example>"));
}

#[test]
fn lf_only_mail_is_the_same_message() {
    let crlf = parse(&alternative());
    let lf = parse(String::from_utf8(alternative()).unwrap().replace("\r\n", "\n").as_bytes());
    assert_eq!(lf.defects, []);
    assert_eq!(lf.identity, crlf.identity);
    assert_ne!(lf.digest, crlf.digest);
}

#[test]
fn copies_differ_in_relays_and_encoding_only() {
    let base = "From: dana@acme.example\nMessage-ID: <1@acme.example>\nSubject: x\nDate: Wed, 04 Nov 2026 09:00:00 +0100\n";
    let a = parse(format!("{base}Content-Type: text/plain; charset=utf-8\n\nJa, erf\u{fc}llt.\n").as_bytes());
    let b = parse(
        format!("Received: by z; Wed, 04 Nov 2026 10:00:00 +0100\n{base}Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nJa, erf=FCllt.  \n\n")
            .as_bytes(),
    );
    assert_eq!(a.identity, b.identity);
    let other = parse(format!("{base}Content-Type: text/plain; charset=utf-8\n\nNein.\n").as_bytes());
    assert_ne!(a.identity, other.identity);
}

#[test]
fn repeated_fields_are_defects() {
    let m = parse(b"From: a@b.example\nSubject: x\nSubject: y\nMessage-ID: <1@b.example> <2@b.example>\n\nx");
    assert!(m.defects.contains(&Defect::HeaderSyntax("repeated Subject".into())));
    assert_eq!(m.message_id, None);
    let two = parse(b"From: a@b.example\nContent-Type: text/plain\nContent-Type: text/html\n\nx");
    assert!(two.defects.contains(&Defect::AmbiguousMime("repeated Content-Type".into())));
}

#[test]
fn attachments_are_no_body_and_attached_mail_is_parsed() {
    let inner = mail(&[
        "From: dana@acme.example",
        "Subject: inner",
        "Message-ID: <i@acme.example>",
        "",
        "Inner text.",
    ]);
    let raw = mail(&[
        "From: kim@seller.example",
        "Content-Type: multipart/mixed; boundary=m",
        "",
        "--m",
        "",
        "See below.",
        "--m",
        "Content-Type: text/plain; name=notes.txt",
        "Content-Disposition: attachment; filename=notes.txt",
        "",
        "Not typed.",
        "--m",
        "Content-Type: message/rfc822",
        "",
        std::str::from_utf8(&inner).unwrap(),
        "--m",
        "Content-Type: application/octet-stream; name=\"again.EML\"",
        "",
        std::str::from_utf8(&inner).unwrap(),
        "--m--",
    ]);
    let m = parse(&raw);
    assert_eq!(m.defects, []);
    assert_eq!(m.plain.as_deref(), Some("See below."));
    assert_eq!(m.attached.len(), 2);
    assert_eq!(m.attached[0].raw.as_ref(), inner.as_slice());
    assert_eq!(m.attached[0].digest, m.attached[1].digest);
    assert_eq!(m.attached[0].plain.as_deref(), Some("Inner text."));
}

#[test]
fn sealed_and_picture_mail_is_unreadable() {
    let why = |kind: &str| {
        parse(
            format!("From: a@b.example\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n\nAAAA\n")
                .as_bytes(),
        )
        .defects
    };
    assert_eq!(
        why("application/pkcs7-mime; smime-type=enveloped-data"),
        [Defect::Unreadable("encrypted".into())]
    );
    assert_eq!(why("image/png"), [Defect::Unreadable("pictures only".into())]);
    assert_eq!(why("application/ms-tnef"), [Defect::Unreadable("TNEF only".into())]);
}

#[test]
fn hidden_parts_in_text_are_seen() {
    let m = parse(b"From: a@b.example\n\nNo.\n--zzz\nContent-Type: text/plain\n\nYes.\n--zzz--\n");
    assert_eq!(m.defects, [Defect::AmbiguousMime("text that another boundary would cut".into())]);
}

#[test]
fn hostile_sizes_end_soon() {
    let nested: String =
        (0..1000).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n")).collect();
    assert!(!parse(format!("From: a@b.example\n{nested}").as_bytes()).defects.is_empty());
    let long = format!("From: a@b.example\nX: {}\n\nbody", "y".repeat(10 << 20));
    assert!(
        parse(long.as_bytes())
            .defects
            .contains(&Defect::OverLimit("a header section longer than 1 MiB".into()))
    );
    let words = format!("From: {0}\nTo: {0}\nSubject: {0}\n\nbody", "=?aa?q?".repeat(20_000));
    assert!(!parse(words.as_bytes()).defects.is_empty());
    let mut chain = "From: a@b.example\n\nend".to_owned();
    for _ in 0..30 {
        chain = format!("From: a@b.example\nContent-Type: message/rfc822\n\n{chain}");
    }
    let mut depth = 0;
    let mut m = &parse(chain.as_bytes());
    while let Some(inner) = m.attached.first() {
        depth += 1;
        m = inner;
    }
    assert_eq!(depth, 5);
}

#[test]
fn empty_and_headless_input_is_a_message() {
    assert!(parse(b"").from.is_empty());
    assert!(!parse(b"just text, no header\n").defects.is_empty());
}

proptest! {
    #[test]
    fn never_panics_on_bytes(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        parse(&raw);
    }

    #[test]
    fn never_panics_on_changed_mail(at in 0usize..900, byte in any::<u8>(), cut in 0usize..900) {
        let mut raw = alternative();
        if let Some(b) = raw.get_mut(at) {
            *b = byte;
        }
        parse(&raw);
        raw.truncate(cut);
        parse(&raw);
    }

    #[test]
    fn the_text_never_shrinks_in_silence(words in "[a-zA-Z=.,\\- ]{1,80}") {
        // Whatever is typed between the delimiters is read whole, or a defect says that it is not.
        let raw = format!("From: a@b.example\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\n{words}\n--bb--\n");
        let m = parse(raw.as_bytes());
        prop_assert!(m.plain.as_deref() == Some(words.as_str()) || !m.defects.is_empty());
    }
}
