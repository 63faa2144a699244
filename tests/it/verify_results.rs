//! The receiving server's Authentication-Results (RFC 8601) as second witness: threats 18, 26, 27, 31 and 32.

use endorsed::model::{Border, Claim, KeyState, Receiver, Sighting};

use crate::sign::{FULL, M365};
use crate::verify::{QUOTE, REPLY, World, edit};

const ID: &str = "mx.northwind-labs.example";
const BORDER: &str = "Received: from mail.acme.example (mail.acme.example [10.0.0.1])\r\n\tby mx.northwind-labs.example (Postfix) with ESMTPS id 4B1;\r\n\tFri, 20 Nov 2026 11:00:30 +0000\r\n";
const LOCAL: &str = "Received: from mx.northwind-labs.example ([127.0.0.1])\r\n\tby mx.northwind-labs.example with LMTP id o8;\r\n\tFri, 20 Nov 2026 11:00:31 +0000\r\n";
const DKIM: &str =
    "dkim=pass (2048-bit key; unprotected) header.d=acme.example header.s=s1 header.b=dKO/DHcx";
const DMARC: &str = "dmarc=pass (p=reject dis=none) header.from=acme.example";

fn receiver() -> Receiver {
    Receiver {
        authserv_id: Some(ID.into()),
        border: vec![ID.into()],
        hops: vec![],
        place: Border::Above,
        alone: false,
        internal_mark: false,
    }
}

fn world(receiver: Receiver) -> World {
    let mut world = World::new();
    world.policy.receiver = Some(receiver);
    world
}

fn field(results: &str) -> String {
    format!("Authentication-Results: {ID};\r\n\t{results}\r\n")
}

fn good() -> String {
    field(&format!("{DKIM};\r\n\t{DMARC}"))
}

fn with(top: &str, raw: &[u8]) -> Vec<u8> {
    [top.as_bytes(), raw].concat()
}

#[test]
fn an_agreeing_server_changes_nothing() {
    let world = world(receiver());
    let raw = world.sign(REPLY);
    for top in [
        String::new(),
        format!("{}{BORDER}", good()),
        format!("{LOCAL}{}{}{BORDER}", field(DMARC), field(DKIM)),
        format!("{}{BORDER}", field("none")),
        format!(
            "{}{BORDER}",
            field(
                "spf=softfail smtp.mailfrom=acme.example; dkim=neutral; dmarc=none header.from=acme.example"
            )
        ),
        // Another server's field, and our own below the border, are nobody's word.
        format!("{BORDER}{}", field("dmarc=fail header.from=acme.example")),
        format!("Authentication-Results: mx.other.example; dmarc=fail header.from=acme.example\r\n{BORDER}"),
    ] {
        let found = world.verify(&with(&top, &raw));
        assert_eq!(found.claim, Claim::Verified, "{top} {found:#?}");
    }
    // What it says for an unsigned mail does not make it signed.
    world.is(
        &with(&format!("{}{BORDER}", good()), REPLY.as_bytes()),
        Claim::Unverified,
        "identity_unverified",
    );
}

#[test]
fn a_server_that_says_no_is_heard() {
    let world = world(receiver());
    let raw = world.sign(REPLY);
    let fails = field("dmarc=fail (p=none) header.from=acme.example");
    world.is(&with(&format!("{fails}{BORDER}"), REPLY.as_bytes()), Claim::Forged, "results_failed");
    world.is(&with(&format!("{fails}{BORDER}"), &raw), Claim::Unverified, "results_failed");
    let broken = field("dkim=fail header.d=acme.example");
    world.is(&with(&format!("{broken}{BORDER}"), &raw), Claim::Unverified, "results_failed");
    let other = field("dkim=fail header.d=list.example");
    assert_eq!(world.verify(&with(&format!("{other}{BORDER}"), &raw)).claim, Claim::Verified);
}

/// A made-up mail with everything that the border writes, put straight into the folder.
#[test]
fn threat_18_appended_to_the_folder() {
    for alone in [false, true] {
        let mut world = world(Receiver { alone, ..receiver() });
        let top = format!("{LOCAL}{}{BORDER}", good());
        world.is(&with(&top, REPLY.as_bytes()), Claim::Unverified, "identity_unverified");
        let forged = world.sign_as(REPLY, "evil.example", FULL, "");
        world.is(&with(&top, &forged), Claim::Unverified, "identity_unverified");
        // A signature that somebody else's key made: the header hash fails.
        let key = crate::sign::Key::ed25519();
        world.set_key("evil.example", KeyState::Found(key.record()));
        let made = crate::sign::sign(REPLY.as_bytes(), &key, "acme.example", FULL, "");
        assert_ne!(world.verify(&with(&top, &made)).claim, Claim::Verified);
    }
}

#[test]
fn threat_26_the_own_name_in_the_wrong_place() {
    // With `alone`, a yes of the server would count: these are none.
    let world = world(Receiver { alone: true, ..receiver() });
    let changed = edit(&world.sign(REPLY), "Yes, confirmed on both.", "Yes, confirmed on both!");
    let results = format!("{DKIM}; {DMARC}");
    let right = with(&format!("{}{BORDER}", good()), &changed);
    world.is(&right, Claim::Verified, "results_alone");
    for top in [
        // below the border
        format!("{BORDER}{}", good()),
        // no border at all
        good(),
        format!("{LOCAL}{}", good()),
        // a strange hop above the border: this is not our way
        format!(
            "Received: from a by mx2.other.example with ESMTP id 1; Fri, 20 Nov 2026 11:00:30 +0000\r\n{}{BORDER}",
            good()
        ),
        // a border in a comment
        format!(
            "{}Received: from a (by {ID} with ESMTP) by mx.evil.example with ESMTP id 1; Fri, 20 Nov 2026 11:00:30 +0000\r\n",
            good()
        ),
        // the name in a comment, in a reason, look-alike, longer, with another version
        format!("Authentication-Results: mx.evil.example ({ID}; {DKIM}; {DMARC}); none\r\n{BORDER}"),
        format!(
            "Authentication-Results: mx.evil.example; dkim=fail reason=\"{ID}; {DKIM}; {DMARC}\"\r\n{BORDER}"
        ),
        format!("Authentication-Results: mx.northw\u{131}nd-labs.example; {results}\r\n{BORDER}"),
        format!("Authentication-Results: {ID}.evil.example; {results}\r\n{BORDER}"),
        format!("Authentication-Results: evil.{ID}; {results}\r\n{BORDER}"),
        format!("Authentication-Results: {ID} 2; {results}\r\n{BORDER}"),
        // other fields that only look like it
        format!("X-Authentication-Results: {ID}; {results}\r\n{BORDER}"),
        format!("Authentication-Results-Original: {ID}; {results}\r\n{BORDER}"),
        format!("ARC-Authentication-Results: i=1; {ID}; {results}\r\n{BORDER}"),
        // softer words, and words about another domain
        format!(
            "{}{BORDER}",
            field("spf=pass smtp.mailfrom=acme.example; dmarc=pass header.from=acme.example")
        ),
        format!("{}{BORDER}", field(&format!("{DKIM}; dmarc=bestguesspass header.from=acme.example"))),
        format!("{}{BORDER}", field(&format!("dkim=pass header.d=mail.acme.example; {DMARC}"))),
        format!("{}{BORDER}", field(&format!("{DKIM}; dmarc=pass"))),
        format!("{}{BORDER}", field(&format!("dkim=fail (dkim=pass header.d=acme.example); {DMARC}"))),
    ] {
        let found = world.verify(&with(&top, &changed));
        assert_ne!(found.claim, Claim::Verified, "{top} {found:#?}");
    }
}

#[test]
fn threat_27_injected_results() {
    let world = world(Receiver { alone: true, ..receiver() });
    let raw = world.sign(REPLY);
    for results in [
        format!("spf=pass smtp.mailfrom=\"x\\\"; {DKIM}; {DMARC}"),
        format!("spf=pass (open smtp.mailfrom=x; {DKIM}; {DMARC}"),
        format!("spf=pass ) smtp.mailfrom=x; {DKIM}; {DMARC}"),
        format!("{DKIM}; {DMARC}; dmarc=pass header.from=acme.example"),
        format!("{DKIM}; dmarc=pass header.from=acme.example'a.evil.example"),
        format!("{DKIM}; dmarc=pass header.from=acme.example header.from=evil.example"),
        "dkim=pass header.d=acme.example dmarc=pass header.from=acme.example".to_owned(),
    ] {
        world.is(&with(&format!("{}{BORDER}", field(&results)), &raw), Claim::Forged, "results_conflict");
    }
    let twice = format!("{}{}{BORDER}", field(DMARC), field("dmarc=fail header.from=acme.example"));
    world.is(&with(&twice, &raw), Claim::Forged, "results_conflict");
    let changed = edit(&raw, "Yes, confirmed on both.", "Yes, confirmed on both!");
    for signer in [
        "acme.example'a.evil.example",
        "acme.example.",
        "acme.example header.i=@evil.example",
        "\"acme.example \"",
    ] {
        let top = format!("{}{BORDER}", field(&format!("dkim=pass header.d={signer}; {DMARC}")));
        assert_ne!(world.verify(&with(&top, &changed)).claim, Claim::Verified, "{signer}");
    }
}

/// A gateway behind the border added a banner, or the key is gone: the server's word may do for the signature, if the
/// operator says so.
#[test]
fn threats_31_and_32_the_word_alone_counts_only_by_the_operators_switch() {
    let mut world = world(receiver());
    let raw = with(&format!("{}{BORDER}", good()), &world.sign(REPLY));
    let banner = edit(&raw, "Yes, confirmed", "[EXTERNAL]\r\n\r\nYes, confirmed");
    world.is(&banner, Claim::Unverified, "body_changed");
    world.policy.receiver = Some(Receiver { alone: true, ..receiver() });
    world.is(&banner, Claim::Verified, "results_alone");
    // The rest of the policy holds all the same.
    let late = world.sign_as(REPLY, "acme.example", FULL, "x=1; ");
    let late = with(&format!("{}{BORDER}", good()), &late);
    world.is(&edit(&late, "Yes, c", "Yes; c"), Claim::Unverified, "stale_evidence");
    let unbound = world.sign_as(REPLY, "acme.example", M365, "");
    let unbound = with(&format!("{}{BORDER}", good()), &unbound);
    world.is(&edit(&unbound, "Yes, c", "Yes; c"), Claim::Unverified, "not_bound");
    let header = edit(&raw, "Subject: Re:", "Subject: Aw:");
    assert_ne!(world.verify(&header).claim, Claim::Verified);
    world.set_key("acme.example", KeyState::Temporary);
    world.is(&raw, Claim::Pending, "identity_pending");
    world.set_key("acme.example", KeyState::Absent);
    world.is(&raw, Claim::Verified, "results_alone");
    world.policy.receiver = Some(receiver());
    world.is(&raw, Claim::Unverified, "identity_unverified");
    let mut attached = crate::verify::witness(&raw, &world.keys, world.seen_at);
    attached.sighting = Sighting::Attached;
    world.policy.receiver = Some(Receiver { alone: true, ..receiver() });
    assert_ne!(world.verify_parsed(attached).claim, Claim::Verified);
}

#[test]
fn gmail_writes_below_its_border() {
    let world = world(Receiver { alone: true, ..Receiver::gmail() });
    let changed =
        edit(&world.sign_as(&format!("{REPLY}{QUOTE}"), "acme.example", FULL, ""), "Yes, c", "Yes; c");
    let inner = "Delivered-To: evidence@northwind-labs.example\r\nReceived: by 2002:a05:6402:2709:b0:42b:3ec:3c9f with SMTP id k13csp1; Fri, 20 Nov 2026 03:00:31 -0800 (PST)\r\nX-Received: by 2002:a17:902:e54f:b0:158:9877:6c2c with SMTP id d9; Fri, 20 Nov 2026 03:00:31 -0800\r\nReturn-Path: <dana@acme.example>\r\n";
    let border = "Received: from mail.acme.example (mail.acme.example. [10.0.0.1])\r\n        by mx.google.com with ESMTPS id x9 for <evidence@northwind-labs.example>;\r\n        Fri, 20 Nov 2026 03:00:31 -0800 (PST)\r\n";
    let spf = "Received-SPF: pass (google.com: domain of dana@acme.example designates 10.0.0.1 as permitted sender) client-ip=10.0.0.1;\r\n";
    let results = "Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@acme.example header.s=s1 header.b=dKO/DHcx;\r\n       spf=pass (google.com: ok) smtp.mailfrom=dana@acme.example;\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=acme.example\r\n";
    let honest = with(&format!("{inner}{border}{spf}{results}"), &changed);
    world.is(&honest, Claim::Verified, "results_alone");
    for top in [
        // The sender's own copy, with the server's missing, above, or behind another field.
        format!("{inner}{border}X-Mailer: x\r\n{results}"),
        format!("{results}{inner}{border}"),
        format!("{inner}{results}{border}{spf}"),
        format!("{inner}{}{spf}{results}", border.replace("mx.google.com", "mx.evil.example")),
    ] {
        assert_ne!(world.verify(&with(&top, &changed)).claim, Claim::Verified, "{top}");
    }
    let two = format!("{inner}{border}{spf}{results}{results}");
    world.is(&with(&two, &changed), Claim::Forged, "results_conflict");
}

#[test]
fn microsoft_has_no_name() {
    let world = world(Receiver { alone: true, ..Receiver::microsoft365() });
    let changed = edit(&world.sign(REPLY), "Yes, c", "Yes; c");
    let hops = "Received: from DM6PR02CA0101.namprd02.prod.outlook.com (2603:10b6::42) by\r\n MN2PR17MB3486.namprd17.prod.outlook.com (2603:10b6::23) with Microsoft SMTP Server (version=TLS1_2) id 15.20; Fri, 20 Nov 2026 11:00:32 +0000\r\n\
        Received: from DM3NAM03FT036.eop-NAM03.prod.protection.outlook.com (2603:10b6::5b) by DM6PR02CA0101.outlook.office365.com (2603:10b6::42) with Microsoft SMTP Server via Frontend Transport; Fri, 20 Nov 2026 11:00:31 +0000\r\n";
    let results = "Authentication-Results: spf=pass (sender IP is 10.0.0.1)\r\n smtp.mailfrom=acme.example; dkim=pass (signature was verified)\r\n header.d=acme.example;dmarc=pass action=none header.from=acme.example;compauth=pass reason=100\r\n";
    let spf = "Received-SPF: Pass (protection.outlook.com: domain of acme.example designates 10.0.0.1 as permitted sender) receiver=protection.outlook.com;\r\n";
    let border = "Received: from mail.acme.example (10.0.0.1) by DM3NAM03FT036.mail.protection.outlook.com (10.152.82.194) with Microsoft SMTP Server (version=TLS1_2) id 15.20; Fri, 20 Nov 2026 11:00:30 +0000\r\n";
    world.is(&with(&format!("{hops}{results}{spf}{border}"), &changed), Claim::Verified, "results_alone");
    let old = results.replace("; dkim", "; tenant.example; dkim");
    for top in [
        format!("{hops}{spf}{border}{results}"),
        format!("{results}{border}").replace("protection.outlook.com", "protection.evil.example"),
        format!("{hops}{old}{spf}{border}"),
        format!("{hops}{}{spf}{border}", results.replace("dmarc=pass", "dmarc=bestguesspass")),
        format!(
            "{hops}{}{spf}{border}",
            results.replace("Authentication-Results:", "X-MS-Exchange-Authentication-Results:")
        ),
    ] {
        assert_ne!(world.verify(&with(&top, &changed)).claim, Claim::Verified, "{top}");
    }
    let fail = results.replace("dmarc=pass", "dmarc=fail").replace("dkim=pass", "dkim=none");
    world.is(&with(&format!("{hops}{fail}{spf}{border}"), REPLY.as_bytes()), Claim::Forged, "results_failed");
}

#[test]
fn the_tenants_mark_authenticates_declarations_only() {
    use endorsed::verify::authenticate_declaration;
    let mut world = world(Receiver { internal_mark: true, ..Receiver::microsoft365() });
    let unsigned = |mark: &str| with(mark, crate::verify::DECLARATION.as_bytes());
    let internal = "X-MS-Exchange-Organization-AuthAs: Internal\r\n";
    let declared = |world: &World, raw: &[u8]| {
        let witnessed = crate::verify::witness(raw, &world.keys, world.seen_at);
        authenticate_declaration(&witnessed, &world.policy).holds
    };
    assert!(declared(&world, &unsigned(internal)));
    for mark in ["", "X-MS-Exchange-Organization-AuthAs: Anonymous\r\n", &internal.repeat(2)] {
        assert!(!declared(&world, &unsigned(mark)), "{mark}");
    }
    // It says nothing about a buyer's mail.
    world.is(&with(internal, REPLY.as_bytes()), Claim::Unverified, "identity_unverified");
    world.policy.receiver = Some(Receiver::microsoft365());
    assert!(!declared(&world, &unsigned(internal)), "only by the operator's switch");
}

/// Every set of bad facts, one after the other: a mail that is not verified stays so.
#[test]
fn one_more_bad_fact_never_makes_it_verified() {
    type Fact = fn(&mut World, &mut Vec<u8>);
    let bad: [Fact; 8] = [
        |_, raw| *raw = with(&format!("{}{BORDER}", field("dmarc=fail header.from=acme.example")), raw),
        |_, raw| *raw = with(&format!("{}{BORDER}", field("dkim=fail header.d=acme.example")), raw),
        |_, raw| *raw = with(&format!("{}{BORDER}", field("dkim=pass (open")), raw),
        |_, raw| *raw = with("Sender: pat@acme.example\r\n", raw),
        |_, raw| *raw = with("From: Eve <eve@evil.example>\r\n", raw),
        |_, raw| raw.extend_from_slice(b"PS: one more word.\r\n"),
        |world, _| world.set_key("acme.example", KeyState::Temporary),
        |world, _| world.seen_at = "2026-12-20T11:00:00Z".parse().unwrap(),
    ];
    for set in 0_u32..1 << bad.len() {
        let mut world = world(receiver());
        let mut raw = world.sign(REPLY);
        let mut verified = world.verify(&raw).claim == Claim::Verified;
        assert!(verified);
        for (n, make_worse) in bad.iter().enumerate().filter(|(n, _)| set & (1 << n) != 0) {
            make_worse(&mut world, &mut raw);
            let now = world.verify(&raw).claim == Claim::Verified;
            assert!(!now || verified, "fact {n} of {set:b}");
            verified = now;
        }
        assert_eq!(verified, set == 0, "{set:b}");
    }
}
