//! Threats of the authenticity study, on really signed mail: bytes → parse → DKIM facts → policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use endorsed::edge::dkim;
use endorsed::model::{
    Address, Authorship, Binding, Body, Claim, CriteriaSeen, Criterion, Declaration, DeclaredResult, Form,
    KeyRecord, KeyState, Message, Policy, Reading, Reason, Sighting, Witnessed,
};
use endorsed::parse::parse;
use endorsed::verify::{Case, authenticate_declaration, key_names, verify};
use jiff::Timestamp;

use crate::fixtures_make::northwind;
use crate::sign::{FULL, GMAIL, Key, M365, keys, sign};

pub const DECLARATION: &str = "From: Sam Ito <sam@northwind-labs.example>\n\
To: Dana Reyes <dana@acme.example>\n\
Cc: evidence+OPP-1@northwind-labs.example\n\
Subject: Technical Win Confirmed - Northwind + Acme\n\
Date: Fri, 20 Nov 2026 10:00:00 +0000\n\
Message-ID: <d1@northwind-labs.example>\n\
MIME-Version: 1.0\n\
Content-Type: text/plain; charset=utf-8\n\
\n\
Hi Dana,\n\
\n\
thank you for confirming today that the platform met all criteria:\n\
\n\
- Single sign-on through Entra ID: Passed\n\
- Failover under 30 seconds: Passed\n\
\n\
Please reply to confirm.\n";

pub const QUOTE: &str = "\n\
On Fri, 20 Nov 2026 Sam Ito wrote:\n\
> - Single sign-on through Entra ID: Passed\n\
> - Failover under 30 seconds: Passed\n";

pub const REPLY: &str = "From: Dana Reyes <dana@acme.example>\n\
To: Sam Ito <sam@northwind-labs.example>\n\
Cc: evidence+OPP-1@northwind-labs.example\n\
Subject: Re: Technical Win Confirmed - Northwind + Acme\n\
Date: Fri, 20 Nov 2026 11:00:00 +0000\n\
Message-ID: <r1@acme.example>\n\
In-Reply-To: <d1@northwind-labs.example>\n\
References: <d1@northwind-labs.example>\n\
MIME-Version: 1.0\n\
Content-Type: text/plain; charset=utf-8\n\
\n\
Yes, confirmed on both.\n";

const SEEN_AT: &str = "2026-11-20T11:01:00Z";

/// A world with one key that every domain publishes as `s1`.
pub struct World {
    pub key: Key,
    pub keys: BTreeMap<String, KeyRecord>,
    pub policy: Policy,
    pub declared: Witnessed,
    pub declaration: Declaration,
    pub seen_at: Timestamp,
}

impl World {
    pub fn new() -> Self {
        Self::with(Key::rsa())
    }

    pub fn with(key: Key) -> Self {
        let domains =
            ["acme.example", "northwind-labs.example", "evil.example", "acrne.example", "mailer.example"];
        let keys = keys(&domains, &key.record());
        let signed = sign(DECLARATION.as_bytes(), &key, "northwind-labs.example", FULL, "");
        let declared = witness(&signed, &keys, "2026-11-20T10:00:10Z".parse().unwrap());
        let criterion = |n, text: &str| Criterion { n, text: text.into(), result: DeclaredResult::Pass };
        let declaration = Declaration {
            form: Form::Request,
            platform: None,
            account: None,
            champions: vec![Address::new("dana@acme.example").unwrap()],
            seller: Address::new("sam@northwind-labs.example").unwrap(),
            ae: None,
            asks: true,
            criteria: vec![
                criterion(1, "Single sign-on through Entra ID"),
                criterion(2, "Failover under 30 seconds"),
            ],
            lints: vec![],
        };
        Self { key, keys, policy: northwind(), declared, declaration, seen_at: SEEN_AT.parse().unwrap() }
    }

    pub fn sign(&self, raw: &str) -> Vec<u8> {
        self.sign_as(raw, "acme.example", FULL, "")
    }

    pub fn sign_as(&self, raw: &str, domain: &str, h: &str, extra: &str) -> Vec<u8> {
        sign(raw.as_bytes(), &self.key, domain, h, extra)
    }

    pub fn verify(&self, raw: &[u8]) -> Authorship {
        self.verify_parsed(witness(raw, &self.keys, self.seen_at))
    }

    pub fn verify_parsed(&self, witnessed: Witnessed) -> Authorship {
        let case = Case { declared: &self.declared, declaration: &self.declaration, prompts: &[] };
        let reading = Reading { quoted: quoted(&witnessed.message), ..Reading::default() };
        verify(&witnessed, &case, &reading, &self.policy)
    }

    pub fn is(&self, raw: &[u8], claim: Claim, code: &str) {
        let found = self.verify(raw);
        assert_eq!(found.claim, claim, "{found:#?}");
        assert!(found.reasons.iter().any(|r| r.code == code), "no {code} in {found:#?}");
    }

    pub fn set_key(&mut self, domain: &str, state: KeyState) {
        self.keys.get_mut(&format!("s1._domainkey.{domain}")).unwrap().state = state;
    }
}

pub fn witness(raw: &[u8], keys: &BTreeMap<String, KeyRecord>, seen_at: Timestamp) -> Witnessed {
    let message = parse(raw);
    let signatures = dkim::check(&message, keys);
    Witnessed {
        message: Arc::new(message),
        signatures,
        seen_at,
        sighting: Sighting::Delivered,
        carried_by: None,
    }
}

fn quoted(message: &Message) -> String {
    let plain = message.plain.as_deref().unwrap_or_default();
    let lines: Vec<&str> = plain.lines().filter_map(|l| l.strip_prefix("> ")).collect();
    lines.join("\n")
}

pub fn text(raw: &[u8]) -> String {
    String::from_utf8(raw.to_vec()).unwrap()
}

pub fn edit(raw: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = text(raw);
    assert!(text.contains(from), "{from:?} is not in the mail");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn honest_mail_is_verified_with_both_kinds_of_key() {
    for world in [World::new(), World::with(Key::ed25519())] {
        let found = world.verify(&world.sign(REPLY));
        assert_eq!(found.claim, Claim::Verified, "{found:#?}");
        assert_eq!((found.binding, found.seen), (Binding::Signed, CriteriaSeen::Threaded));
        let quoting = world.verify(&world.sign_as(&format!("{REPLY}{QUOTE}"), "acme.example", M365, ""));
        assert_eq!(quoting.claim, Claim::Verified, "{quoting:#?}");
        assert_eq!(quoting.seen, CriteriaSeen::Quoted);
        assert!(authenticate_declaration(&world.declared, &world.policy).holds);
    }
}

#[test]
fn gmail_signs_absent_fields_and_expires_after_a_week() {
    let mut world = World::new();
    let x = "2026-11-27T11:00:00Z".parse::<Timestamp>().unwrap().as_second();
    let t = "2026-11-20T11:00:01Z".parse::<Timestamp>().unwrap().as_second();
    let raw = world.sign_as(REPLY, "acme.example", GMAIL, &format!("t={t}; x={x}; "));
    assert_eq!(world.verify(&raw).claim, Claim::Verified);
    // The clock of the machine that runs this is long past x=: only the time of first sight counts.
    let raw = world.sign_as(REPLY, "acme.example", GMAIL, &format!("t={}; x={}; ", t - 60, t + 600));
    assert_eq!(world.verify(&raw).claim, Claim::Verified);
    world.seen_at = "2026-11-20T11:30:00Z".parse().unwrap();
    world.is(&raw, Claim::Unverified, "stale_evidence");
}

#[test]
fn threat_1_plain_spoof() {
    let world = World::new();
    world.is(REPLY.as_bytes(), Claim::Unverified, "identity_unverified");
    let raw = world.sign_as(REPLY, "evil.example", FULL, "");
    world.is(&raw, Claim::Unverified, "identity_unverified");
    let appended = format!(
        "Authentication-Results: mx.northwind-labs.example; dkim=pass header.d=acme.example\n{REPLY}"
    );
    world.is(appended.as_bytes(), Claim::Unverified, "identity_unverified");
}

#[test]
fn threat_2_look_alike_domain_with_a_good_signature() {
    let world = World::new();
    let raw = world.sign_as(&REPLY.replace("acme.example", "acrne.example"), "acrne.example", FULL, "");
    world.is(&raw, Claim::Forged, "lookalike");
}

#[test]
fn threat_4_address_as_display_name() {
    let world = World::new();
    for name in ["\"dana@acme.example\"", "\"Dana (dana@acme.example)\"", "=?utf-8?q?dana=40acme=2Eexample?="]
    {
        let raw = REPLY.replace("Dana Reyes <dana@acme.example>", &format!("{name} <x@evil.example>"));
        let raw = world.sign_as(&raw, "evil.example", FULL, "");
        world.is(&raw, Claim::Forged, "wrong_sender");
    }
}

#[test]
fn threats_5_and_8_another_author_on_top() {
    let world = World::new();
    let eve = REPLY.replace("Dana Reyes <dana@", "Eve <eve@");
    let signed = world.sign_as(&eve, "acme.example", "from:subject:date:in-reply-to", "");
    for top in [
        "From: Dana Reyes <dana@acme.example>",
        "From : Dana Reyes <dana@acme.example>",
        "From\r\n : Dana Reyes <dana@acme.example>",
        " From: Dana Reyes <dana@acme.example>",
        "FROM: dana@acme.example",
    ] {
        let found = world.verify(&[top.as_bytes(), b"\r\n", &signed].concat());
        assert_ne!(found.claim, Claim::Verified, "{top:?}");
    }
    world.is(
        &[b"From: Dana <dana@acme.example>\r\n", &signed[..]].concat(),
        Claim::Forged,
        "identity_failed",
    );
}

#[test]
fn threat_6_ambiguous_from() {
    const CODES: &[&str] = &["header_syntax", "identity_failed", "lookalike", "wrong_sender"];
    let world = World::new();
    for from in [
        "Dana Reyes <dana@acme.example>, Eve <eve@evil.example>",
        "team: dana@acme.example;",
        "<@evil.example:dana@acme.example>",
        "dana@acme.example (Eve) <eve@evil.example>",
        "=?utf-8?q?dana=40acme.example?=",
        "<dana@acme.example\0>",
        "Dana <dana@acme.example> <eve@evil.example>",
        "dana@acme.example.",
        "dana@pr\u{200b}acme.example",
    ] {
        let raw = world.sign(&REPLY.replace("Dana Reyes <dana@acme.example>", from));
        let found = world.verify(&raw);
        assert_ne!(found.claim, Claim::Verified, "{from:?}");
        let refused = |r: &Reason| CODES.contains(&r.code.as_str());
        assert!(found.reasons.iter().any(refused), "{from:?} {found:#?}");
    }
}

#[test]
fn threat_7_champion_only_in_other_fields() {
    let world = World::new();
    let raw = REPLY.replace("From: Dana Reyes <dana@acme.example>", "From: Eve <eve@acme.example>");
    for field in ["Sender", "Resent-From", "Reply-To", "X-From"] {
        let raw = world.sign(&format!("{field}: Dana Reyes <dana@acme.example>\n{raw}"));
        world.is(&raw, Claim::NotChampion, "wrong_sender");
    }
    let delegate = world.sign(&format!("Sender: Pat <pa@acme.example>\n{REPLY}"));
    world.is(&delegate, Claim::Unverified, "delegate");
}

#[test]
fn threat_9_signature_without_from() {
    let world = World::new();
    let raw = world.sign_as(REPLY, "acme.example", "subject:date:in-reply-to", "");
    let facts = dkim::check(&parse(&raw), &world.keys);
    assert!(facts[0].headers_hold, "the crypto alone is content");
    world.is(&raw, Claim::Unverified, "identity_unverified");
}

#[test]
fn threat_10_body_length_tag() {
    let world = World::new();
    for tag in ["l=23; ", "l=0; ", "L=23; "] {
        let raw = world.sign_as(REPLY, "acme.example", FULL, tag);
        let raw = [&raw[..], b"And we confirm everything else.\r\n"].concat();
        let facts = dkim::check(&parse(&raw), &world.keys);
        assert!(facts[0].has_length && !facts[0].headers_hold, "{facts:#?}");
        world.is(&raw, Claim::Unverified, "identity_unverified");
    }
}

#[test]
fn threat_11_an_old_yes_threaded_anew() {
    let world = World::new();
    let old = REPLY.replace("d1@northwind-labs", "old@northwind-labs");
    let raw = world.sign_as(&old, "acme.example", M365, "");
    let swapped = text(&raw).replace("old@northwind-labs", "d1@northwind-labs").into_bytes();
    world.is(&swapped, Claim::Unverified, "not_bound");
    let earlier = world.sign(&REPLY.replace("20 Nov 2026 11:00", "18 Nov 2026 11:00"));
    world.is(&earlier, Claim::Unverified, "before_declaration");
}

#[test]
fn threats_13_and_16_changed_mail() {
    let world = World::new();
    let raw = world.sign(REPLY);
    world.is(
        &edit(&raw, "Yes, confirmed on both.", "Yes, confirmed on all."),
        Claim::Unverified,
        "body_changed",
    );
    world.is(&edit(&raw, "Subject: Re: Tech", "Subject: Re: A Tech"), Claim::Forged, "identity_failed");
    world.is(&edit(&raw, "20 Nov 2026 11:00", "20 Nov 2026 11:01"), Claim::Forged, "identity_failed");
    let colleague = world.sign(&REPLY.replace("Dana Reyes <dana@", "Eve <eve@"));
    world.is(&edit(&colleague, "Eve <eve@", "Dana Reyes <dana@"), Claim::Forged, "identity_failed");
}

/// Gmail leaves Content-Type unsigned: whoever holds the mail can give its bytes another reading.
#[test]
fn threat_13_another_reading_of_the_same_bytes() {
    let world = World::new();
    let body = "No, we can not confirm.\n\n\
        On Fri, 20 Nov 2026 Sam Ito wrote:\n\
        > - Single sign-on through Entra ID: Passed\n\
        > - Failover under 30 seconds: Passed\n\
        --zzz\n\
        Content-Type: text/plain\n\
        \n\
        Yes, confirmed.\n\
        --zzz--\n";
    let no = REPLY.replace("Yes, confirmed on both.\n", body);
    let raw = world.sign_as(&no, "acme.example", GMAIL, "");
    let plain = "Content-Type: text/plain; charset=utf-8";
    for other in [
        "Content-Type: multipart/alternative; boundary=zzz",
        "Content-Type: multipart/mixed; boundary=\"zzz\"",
        "Content-Type: text/plain; charset=utf-7",
        "Content-Type: text/plain; charset=utf-16",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: x-uuencode",
        "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=zzz",
        "Content-Type: message/rfc822",
        "Content-Type: text/html; charset=utf-8",
    ] {
        let changed = witness(&edit(&raw, plain, other), &world.keys, world.seen_at);
        assert!(changed.signatures[0].headers_hold && changed.signatures[0].body == Body::Fits, "{other}");
        let shown = changed.message.plain.clone().unwrap_or_default();
        let found = world.verify_parsed(changed);
        assert!(
            found.claim != Claim::Verified || !shown.contains("Yes") || shown.contains("No, we"),
            "{other}: {shown} {found:#?}"
        );
    }
    world.is(&edit(&raw, "text/plain", "text/html"), Claim::Unverified, "ambiguous_mime");
}

#[test]
fn threat_21_the_champion_saw_another_text() {
    let world = World::new();
    let other = QUOTE.replace("30 seconds", "90 seconds");
    let raw = world.sign(&format!("{REPLY}{other}"));
    world.is(&raw, Claim::Unverified, "criteria_differ");
    assert_eq!(world.verify(&raw).seen, CriteriaSeen::Differ);
}

#[test]
fn threat_23_a_declaration_in_another_name() {
    let mut world = World::new();
    world.declared = witness(DECLARATION.as_bytes(), &world.keys, world.declared.seen_at);
    world.is(&world.sign(REPLY), Claim::Unverified, "declaration_unauthenticated");
    let check = authenticate_declaration(&world.declared, &world.policy);
    assert!(!check.holds && check.reasons[0].code == "declaration_unauthenticated");
}

#[test]
fn threat_28_names_that_steer_dns() {
    let world = World::new();
    let raw = world.sign(REPLY);
    for bad in ["s=s1\0.evil", "s=s1..x", "s=*"] {
        let raw = edit(&raw, "s=s1", bad);
        assert!(key_names(&parse(&raw)).is_empty(), "{bad:?}");
        world.is(
            &raw,
            Claim::Unverified,
            if bad.contains('\0') { "header_syntax" } else { "identity_unverified" },
        );
    }
}

#[test]
fn threat_29_weak_and_revoked_keys() {
    let mut world = World::new();
    let raw = world.sign(REPLY);
    let record = world.key.record();
    for bad in [
        format!("{record}; t=y"),
        format!("{record}; t=s:y"),
        format!("{record}; h=sha1"),
        format!("{record}; s=tlsrpt"),
        format!("{record}; p=AAAA"),
        "v=DKIM1; k=rsa; p=".to_owned(),
        record.replace("k=rsa", "k=ed25519"),
        record.replace("k=rsa", "k=dsa"),
        record.replace("DKIM1", "DKIM2"),
        "v=spf1 -all".to_owned(),
        Key::ed25519().record(),
    ] {
        world.set_key("acme.example", KeyState::Found(bad.clone()));
        world.is(&raw, Claim::Unverified, "identity_unverified");
    }
    let strict = format!("{record}; t=s; s=email; h=sha256:sha1");
    world.set_key("acme.example", KeyState::Found(strict));
    assert_eq!(world.verify(&raw).claim, Claim::Verified);
    let facts = dkim::check(&parse(&edit(&raw, "a=rsa-sha256", "a=rsa-sha1")), &world.keys);
    assert!(!facts[0].headers_hold);
}

#[test]
fn threat_31_a_key_that_is_gone_or_not_yet_there() {
    let mut world = World::new();
    let raw = world.sign(REPLY);
    world.set_key("acme.example", KeyState::Absent);
    world.is(&raw, Claim::Unverified, "identity_unverified");
    world.set_key("acme.example", KeyState::Temporary);
    world.is(&raw, Claim::Pending, "identity_pending");
    world.is(&edit(&raw, "Yes, confirmed", "Yes; confirmed"), Claim::Pending, "identity_pending");
    world.keys.clear();
    world.is(&raw, Claim::Unverified, "identity_unverified");
}

#[test]
fn a_second_signature_neither_helps_nor_harms() {
    let world = World::new();
    let raw = world.sign(REPLY);
    let both = sign(&raw, &world.key, "mailer.example", FULL, "");
    assert_eq!(world.verify(&both).signed_by.as_deref(), Some("acme.example"));
    let junk = [b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; junk\r\n", &raw[..]].concat();
    let facts = dkim::check(&parse(&junk), &world.keys);
    assert_eq!(facts.iter().map(|f| f.headers_hold).collect::<Vec<_>>(), [false, true]);
    assert_eq!(world.verify(&junk).claim, Claim::Verified);
}

#[test]
fn tags_as_other_signers_write_them() {
    let world = World::new();
    for tags in
        ["c=simple/simple; ", "i=@acme.example; ", "i=dana@Mail.Acme.Example; ", "q=dns/txt; z=From:x|To:y; "]
    {
        let raw = world.sign_as(REPLY, "acme.example", FULL, tags);
        assert_eq!(world.verify(&raw).claim, Claim::Verified, "{tags}");
    }
    let loud = world.sign_as(REPLY, "ACME.Example", &FULL.to_uppercase(), "");
    assert_eq!(world.verify(&loud).signed_by.as_deref(), Some("acme.example"));
    for tags in ["i=@evil.example; ", "i=@notacme.example; ", "x=soon; ", "t=-1; ", "d=evil.example; "] {
        let raw = world.sign_as(REPLY, "acme.example", FULL, tags);
        world.is(&raw, Claim::Unverified, "identity_unverified");
    }
    // Simple canonicalisation forgives nothing.
    let raw = world.sign_as(REPLY, "acme.example", FULL, "c=simple/simple; ");
    world.is(&edit(&raw, "Subject: Re:", "Subject:  Re:"), Claim::Forged, "identity_failed");
    world.is(&[&raw[..], b" \r\n"].concat(), Claim::Unverified, "body_changed");
}

#[test]
fn the_facts_tell_a_changed_body_from_a_changed_header() {
    let world = World::new();
    let raw = world.sign(REPLY);
    let fact = |raw: &[u8]| dkim::check(&parse(raw), &world.keys).remove(0);
    let good = fact(&raw);
    assert_eq!((good.headers_hold, good.body, good.key_bits), (true, Body::Fits, Some(2048)));
    assert_eq!((good.domain.as_str(), good.selector.as_str()), ("acme.example", "s1"));
    assert_eq!(good.failure, None);
    let body = fact(&edit(&raw, "Yes", "No"));
    assert_eq!((body.headers_hold, body.headers_broken, body.body), (true, false, Body::Differs));
    let header = fact(&edit(&raw, "Subject: Re:", "Subject: Fw:"));
    assert_eq!((header.headers_hold, header.headers_broken, header.body), (false, true, Body::Fits));
    assert!(header.failure.is_some());
}

#[test]
fn white_space_lines_at_the_end_do_not_matter() {
    let world = World::new();
    let raw = world.sign(REPLY);
    for tail in ["\r\n\r\n", " \r\n", "\t \r\n \r\n", "\r\n  \r\n"] {
        let raw = [&raw[..], tail.as_bytes()].concat();
        let facts = dkim::check(&parse(&raw), &world.keys);
        assert_ne!(facts[0].body, Body::Differs, "{tail:?}");
        assert_eq!(world.verify(&raw).claim, Claim::Verified, "{tail:?}");
    }
    let trimmed = [&raw[..], b" \r\n"].concat();
    assert_eq!(dkim::check(&parse(&trimmed), &world.keys)[0].body, Body::FitsTrimmed);
    // Line ends are the transport's business: LF mail verifies as well (Maildir).
    let unix = text(&raw).replace("\r\n", "\n").into_bytes();
    assert_eq!(world.verify(&unix).claim, Claim::Verified);
    // An mbox separator in front is no part of the message.
    let mbox = [b"From dana@acme.example Fri Nov 20 11:00:00 2026\n", &unix[..]].concat();
    assert_eq!(world.verify(&mbox).claim, Claim::Verified);
}
