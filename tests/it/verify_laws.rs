//! Laws of the verifier: bombs cost little, and no change of a signed mail is ever verified with other words.

use endorsed::edge::dkim;
use endorsed::model::{Claim, Message, Witnessed};
use endorsed::parse::parse;

use crate::sign::{FULL, GMAIL, M365};
use crate::verify::{QUOTE, REPLY, World, text, witness};

#[test]
fn a_flood_of_signatures_is_cut() {
    let world = World::new();
    let raw = world.sign(REPLY);
    let one = "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n";
    let flood = [one.repeat(5_000).as_bytes(), &raw[..]].concat();
    assert_eq!(dkim::check(&parse(&flood), &world.keys).len(), Witnessed::SIGNATURES_MAX);
    // Only the first ones are looked at, so the good one below them is not.
    world.is(&flood, Claim::Unverified, "identity_unverified");
}

#[test]
fn bombs_cost_little() {
    let world = World::new();
    let raw = world.sign(REPLY);
    let names: String = (0..100_000).map(|n| format!("x{n}:")).collect();
    let tags: String = (0..100_000).map(|n| format!("x{n}=;")).collect();
    let head = "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; bh=AAAA; b=AAAA;";
    for bomb in [
        format!("{head} h={names}from\r\n"),
        format!("{head} h=from; {tags}\r\n"),
        "a:\r\n".repeat(150_000),
        format!("{head} h=from\r\n{}", "a:\r\n".repeat(150_000)),
    ] {
        let start = std::time::Instant::now();
        world.verify(&[bomb.as_bytes(), &raw[..]].concat());
        // Without the limits these take minutes.
        assert!(start.elapsed().as_secs() < 10, "{}", &bomb[..100]);
    }
}

/// The law of the hostile corpus: no change of one byte of a signed mail is verified with another author,
/// subject, date or body.
#[test]
fn no_changed_byte_is_verified_with_other_words() {
    let world = World::new();
    for (headers, quote) in [(FULL, ""), (M365, QUOTE), (GMAIL, "")] {
        let raw = world.sign_as(&format!("{REPLY}{quote}"), "acme.example", headers, "");
        let original = witness(&raw, &world.keys, world.seen_at);
        assert_eq!(world.verify_parsed(original.clone()).claim, Claim::Verified);
        // Relaxed canonicalisation leaves runs of white space and the end of the body open (RFC 6376 §3.4.4).
        let relaxed = |body: &Option<String>| {
            let line = |l: &str| l.split_whitespace().collect::<Vec<_>>().join(" ");
            body.as_ref().map(|b| b.trim_end().lines().map(line).collect::<Vec<_>>())
        };
        let words =
            |m: &Message| (m.from.clone(), m.subject.clone(), m.date, relaxed(&m.plain), relaxed(&m.html));
        let expected = words(&original.message);
        for at in 0..raw.len() {
            // One bit, and bytes that have a meaning of their own.
            for byte in [raw[at] ^ 1, b'\n', b':', b'7'] {
                let mut changed = raw.clone();
                changed[at] = byte;
                let changed = witness(&changed, &world.keys, world.seen_at);
                let shown = words(&changed.message);
                let found = world.verify_parsed(changed);
                // A body that is no text any more holds no words at all.
                let silent = shown.3.is_none() && shown.4.is_none();
                let same = shown == expected
                    || (silent && (&shown.0, &shown.1, &shown.2) == (&expected.0, &expected.1, &expected.2));
                assert!(
                    found.claim != Claim::Verified || same,
                    "byte {at} of {headers} to {byte:#x}: {shown:?} {found:#?}"
                );
            }
        }
    }
}

/// Nor does any line that somebody adds to the header, at any place.
#[test]
fn no_added_field_is_verified_with_other_words() {
    let world = World::new();
    let bare = REPLY.replace("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n", "");
    let signed = "from:subject:date:in-reply-to";
    let raw = text(&world.sign_as(&bare, "acme.example", signed, ""));
    assert_eq!(world.verify(raw.as_bytes()).claim, Claim::Verified);
    let (header, body) = raw.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = header.split("\r\n").collect();
    for added in [
        "From: Eve <eve@evil.example>",
        "From : Eve <eve@evil.example>",
        "Subject: Re: Another win",
        "Date: Fri, 20 Nov 2026 11:00:30 +0000",
        "In-Reply-To: <other@northwind-labs.example>",
        "Sender: eve@evil.example",
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: base64",
        "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; bh=AAAA; b=AAAA",
        "no colon",
        " folded",
        "X: y\r\n\r\nConfirmed by all.",
        "X: y\n \nConfirmed by all.",
        "X: y\r \rConfirmed by all.",
    ] {
        for at in 0..=lines.len() {
            let mut changed = lines.clone();
            changed.insert(at, added);
            let changed = format!("{}\r\n\r\n{body}", changed.join("\r\n"));
            let changed = witness(changed.as_bytes(), &world.keys, world.seen_at);
            let message = changed.message.clone();
            let found = world.verify_parsed(changed);
            if found.claim == Claim::Verified {
                let shown = message.plain.as_deref().unwrap_or_default();
                assert!(
                    shown.is_empty() || shown.trim_end() == body.trim_end().replace('\r', ""),
                    "{added:?} {shown}"
                );
                assert_eq!(message.author().unwrap().address.as_str(), "dana@acme.example", "{added:?}");
                assert_eq!(message.subject, "Re: Technical Win Confirmed - Northwind + Acme", "{added:?}");
                assert_eq!(message.in_reply_to.len(), 1, "{added:?}");
            }
        }
    }
}

/// docs/THREATS.md has a line for each of the 41 threats, and every test that it names is there.
#[test]
fn the_threats_are_listed_and_their_tests_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("docs/THREATS.md")).unwrap();
    for n in 1..=41 {
        assert!(list.lines().any(|l| l.starts_with(&format!("| {n} | "))), "threat {n} is not listed");
    }
    let named = regex::Regex::new(r"`([a-z_]+)::(?:tests::)?([a-z0-9_]{12,})`").unwrap();
    let mut names = 0;
    for found in named.captures_iter(&list) {
        let (module, name) = (&found[1], &found[2]);
        let files = [root.join(format!("tests/it/{module}.rs")), root.join(format!("src/{module}/tests.rs"))];
        let text: String = files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect();
        assert!(text.contains(&format!("fn {name}(")), "{module}::{name} does not exist");
        names += 1;
    }
    assert!(names >= 40, "only {names} tests are named");
}
