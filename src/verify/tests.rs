mod attacks;
mod quotes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::model::{
    Account, Accounts, Address, Body, Criterion, DeclaredResult, Digest, Form, Header, KeyState, Mailbox,
    MessageId, Seller, Sighting, Signature,
};

const LIST: &str = "✅ Single sign-on through Entra ID — Passed\n✅ Failover under 30 seconds — Passed";
const INTRO: &str = "Hi Dana,\n\nthank you for confirming today that the platform met all criteria\nof the evaluation agreement:\n\n";
const OUTRO: &str = "\n\nTomas Keller will reach out about the commercial framework next week.\n";

fn declared_body() -> String {
    format!("{INTRO}{LIST}{OUTRO}")
}

fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A message of the given fields; headers that the policy counts are made from them.
fn message(from: &[(&str, &str)], date: &str, fields: &[(&str, &str)]) -> Message {
    let mut message = crate::parse::parse(b"");
    let mailbox = |(name, a): &(&str, &str)| Mailbox { name: Some((*name).into()), address: address(a) };
    message.defects.clear();
    message.from = from.iter().map(mailbox).collect();
    message.date = Some(time(date));
    let shown: Vec<String> = from.iter().map(|(name, a)| format!("{name} <{a}>")).collect();
    let mut all = vec![("From", shown.join(", ")), ("Date", date.to_owned()), ("Subject", "Re: Win".into())];
    all.extend(fields.iter().map(|(n, v)| (*n, (*v).to_owned())));
    message.subject = "Re: Win".into();
    for (name, value) in all {
        let ids = || value.split_whitespace().filter_map(MessageId::new).collect();
        match name {
            "In-Reply-To" => message.in_reply_to = ids(),
            "References" => message.references = ids(),
            "Sender" => {
                message.sender = Some(Mailbox { name: None, address: address(&value) });
            }
            _ => {}
        }
        message.headers.push(Header { name: name.to_owned(), value });
    }
    message
}

fn good(domain: &str, headers: &str) -> Signature {
    Signature {
        domain: domain.into(),
        selector: "s1".into(),
        algorithm: "rsa-sha256".into(),
        signed_headers: headers.split(':').map(str::to_owned).collect(),
        has_length: false,
        signed_at: None,
        expires_at: None,
        key_bits: Some(2048),
        test_key: false,
        key: KeyState::Found("v=DKIM1; p=x".into()),
        headers_hold: true,
        headers_broken: false,
        body: Body::Fits,
        failure: None,
    }
}

const FULL: &str = "from:to:subject:date:message-id:in-reply-to:references";
const M365: &str = "from:date:subject:message-id:content-type:mime-version";

/// One scene: who declared, who replied, what the operator knows. Starts as an honest one.
struct Scene {
    declared: Witnessed,
    declaration: Declaration,
    reply: Message,
    signatures: Vec<Signature>,
    seen_at: Timestamp,
    quoted: String,
    policy: Policy,
}

impl Scene {
    fn honest() -> Self {
        let mut declared = message(&[("Sam", "sam@northwind.example")], "2026-11-20T10:00:00Z", &[]);
        declared.message_id = MessageId::new("d1@northwind.example");
        declared.plain = Some(declared_body());
        declared.to =
            vec![Mailbox { name: Some("Dana Reyes".into()), address: address("dana@acme.example") }];
        let criterion = |n, text: &str| Criterion { n, text: text.into(), result: DeclaredResult::Pass };
        let seen_at = time("2026-11-20T12:00:00Z");
        Self {
            declared: Witnessed {
                message: Arc::new(declared),
                signatures: vec![good("northwind.example", FULL)],
                seen_at: time("2026-11-20T10:00:05Z"),
                sighting: Sighting::Delivered,
                carried_by: None,
            },
            declaration: Declaration {
                form: Form::Recap,
                platform: None,
                account: None,
                champions: vec![address("dana@acme.example")],
                seller: address("sam@northwind.example"),
                ae: None,
                asks: true,
                criteria: vec![
                    criterion(1, "Single sign-on through Entra ID"),
                    criterion(2, "Failover under 30 seconds"),
                ],
                lints: vec![],
            },
            reply: message(
                &[("Dana Reyes", "dana@acme.example")],
                "2026-11-20T11:59:00Z",
                &[("In-Reply-To", "<d1@northwind.example>"), ("References", "<d1@northwind.example>")],
            ),
            signatures: vec![good("acme.example", FULL)],
            seen_at,
            quoted: String::new(),
            policy: Policy {
                trust_declared_champions: true,
                ..Policy::of(Seller {
                    domains: vec!["northwind.example".into()],
                    names: vec![],
                    evidence: address("evidence@northwind.example"),
                })
            },
        }
    }

    fn from(mut self, name: &str, from: &str) -> Self {
        let fields = [("In-Reply-To", "<d1@northwind.example>"), ("References", "<d1@northwind.example>")];
        self.reply = message(&[(name, from)], "2026-11-20T11:59:00Z", &fields);
        self.signatures = vec![good(from.rsplit_once('@').unwrap().1, FULL)];
        self
    }

    fn accounts(mut self, domains: &[&str], endorsers: &[&str]) -> Self {
        let account = Account {
            required: BTreeSet::new(),
            domains: domains.iter().map(|d| (*d).to_owned()).collect(),
            endorsers: endorsers.iter().map(|e| ((*e).to_owned(), "technical".to_owned())).collect(),
            waivers: BTreeMap::new(),
        };
        let accounts = BTreeMap::from([("Acme".to_owned(), account)]);
        self.policy.accounts = Some(Accounts { accounts, digest: Digest::of(b"") });
        self.policy.trust_declared_champions = false;
        self
    }

    fn signature(mut self, change: impl FnOnce(&mut Signature)) -> Self {
        change(&mut self.signatures[0]);
        self
    }

    fn verify(&self) -> Authorship {
        let witnessed = Witnessed {
            message: Arc::new(self.reply.clone()),
            signatures: self.signatures.clone(),
            seen_at: self.seen_at,
            sighting: Sighting::Delivered,
            carried_by: None,
        };
        let case = Case { declared: &self.declared, declaration: &self.declaration, prompts: &[] };
        let reading = Reading { quoted: self.quoted.clone(), ..Reading::default() };
        verify(&witnessed, &case, &reading, &self.policy)
    }

    fn is(&self, claim: Claim, code: &str) {
        let found = self.verify();
        assert_eq!(found.claim, claim, "{found:#?}");
        assert!(found.reasons.iter().any(|r| r.code == code), "no {code} in {found:#?}");
        let complete =
            |r: &Reason| r.text.ends_with('.') && r.fix.as_deref().is_none_or(|f| f.ends_with('.'));
        assert!(found.reasons.iter().all(complete), "{found:#?}");
    }
}

#[test]
fn an_honest_reply_is_verified() {
    let found = Scene::honest().verify();
    assert_eq!(found.claim, Claim::Verified, "{found:#?}");
    assert_eq!(found.binding, Binding::Signed);
    assert_eq!(found.seen, CriteriaSeen::Threaded);
    assert_eq!(found.signed_by.as_deref(), Some("acme.example"));
    assert_eq!(found.reasons.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(), ["no_accounts"]);
    let listed = Scene::honest().accounts(&["acme.example"], &["Dana@acme.example"]).verify();
    assert_eq!(listed.claim, Claim::Verified);
    assert!(listed.reasons.is_empty());
}

#[test]
fn only_a_whole_signature_of_the_own_domain_counts() {
    let unverified = |change: fn(&mut Signature), code: &str| {
        Scene::honest().signature(change).is(Claim::Unverified, code);
    };
    unverified(|s| s.domain = "mailer.example".into(), "identity_unverified");
    unverified(|s| s.domain = "mail.acme.example".into(), "identity_unverified");
    unverified(|s| s.domain = "example".into(), "identity_unverified");
    unverified(|s| s.algorithm = "rsa-sha1".into(), "identity_unverified");
    unverified(|s| s.key_bits = Some(768), "identity_unverified");
    unverified(|s| s.test_key = true, "identity_unverified");
    unverified(|s| s.has_length = true, "identity_unverified");
    unverified(|s| s.signed_headers.retain(|h| h != "from"), "identity_unverified");
    unverified(|s| s.signed_headers.retain(|h| h != "subject"), "identity_unverified");
    unverified(|s| s.signed_headers.retain(|h| h != "date"), "identity_unverified");
    unverified(|s| s.body = Body::Differs, "body_changed");
    unverified(|s| s.expires_at = Some(s.expires_at.unwrap_or(1)), "stale_evidence");
    unverified(|s| s.signed_at = Some(1_700_000_000), "stale_evidence");
    unverified(|s| s.signed_at = Some(i64::MAX), "stale_evidence");
    let absent: fn(&mut Signature) = |s| {
        (s.key, s.key_bits, s.headers_hold) = (KeyState::Absent, None, false);
    };
    unverified(absent, "identity_unverified");
    let mut bare = Scene::honest();
    bare.signatures.clear();
    bare.is(Claim::Unverified, "identity_unverified");
}

#[test]
fn a_parent_domain_signs_for_its_child_unless_the_account_says_otherwise() {
    let mut scene = Scene::honest().from("Dana", "dana@eng.acme.example");
    scene.declaration.champions = vec![address("dana@eng.acme.example")];
    scene.signatures = vec![good("acme.example", FULL)];
    assert_eq!(scene.verify().claim, Claim::Verified);
    let other = scene.accounts(&["eng.acme.example"], &["dana@eng.acme.example"]);
    other.is(Claim::Unverified, "identity_unverified");
    let both = other.accounts(&["eng.acme.example", "acme.example"], &["dana@eng.acme.example"]);
    assert_eq!(both.verify().claim, Claim::Verified);
}

#[test]
fn a_field_put_on_top_of_a_signed_one_is_seen() {
    let mut scene = Scene::honest();
    scene.reply.headers.insert(0, Header { name: "from".into(), value: "Eve <eve@acme.example>".into() });
    scene.is(Claim::Unverified, "identity_unverified");
    let mut subject = Scene::honest();
    subject.reply.headers.insert(0, Header { name: "Subject".into(), value: "Re: Yes".into() });
    subject.is(Claim::Unverified, "identity_unverified");
}

#[test]
fn one_good_signature_is_enough() {
    let mut scene = Scene::honest();
    let mut broken = good("acme.example", FULL);
    (broken.headers_hold, broken.headers_broken) = (false, true);
    let waiting = Signature { key: KeyState::Temporary, headers_broken: false, ..broken.clone() };
    scene.signatures = vec![good("mailer.example", FULL), broken, waiting, good("acme.example", FULL)];
    assert_eq!(scene.verify().claim, Claim::Verified);
    scene.signatures.pop();
    scene.is(Claim::Pending, "identity_pending");
}

#[test]
fn a_missing_answer_of_dns_neither_raises_nor_lowers() {
    let waits: fn(&mut Signature) = |s| {
        (s.key, s.key_bits, s.headers_hold, s.body) = (KeyState::Temporary, None, false, Body::Fits);
    };
    Scene::honest().signature(waits).is(Claim::Pending, "identity_pending");
    let mut delegate = Scene::honest().signature(waits);
    delegate.reply.sender = Some(Mailbox { name: None, address: address("pa@acme.example") });
    delegate.is(Claim::Unverified, "delegate");
    let mut declaration = Scene::honest();
    waits(&mut declaration.declared.signatures[0]);
    declaration.is(Claim::Pending, "declaration_unauthenticated");
}

#[test]
fn a_changed_header_is_a_forgery_only_on_a_direct_path() {
    let breaks: fn(&mut Signature) = |s| (s.headers_hold, s.headers_broken) = (false, true);
    Scene::honest().signature(breaks).is(Claim::Forged, "identity_failed");
    let mut list = Scene::honest().signature(breaks);
    list.reply.headers.push(Header { name: "List-Id".into(), value: "<x.acme.example>".into() });
    list.is(Claim::Unverified, "identity_failed");
    let mut banner = Scene::honest().signature(breaks);
    banner.reply.subject = "[EXTERNAL] Re: Win".into();
    banner.is(Claim::Unverified, "identity_failed");
    let both: fn(&mut Signature) =
        |s| (s.headers_hold, s.headers_broken, s.body) = (false, true, Body::Differs);
    Scene::honest().signature(both).is(Claim::Unverified, "identity_failed");
    Scene::honest().signature(|s| s.headers_hold = false).is(Claim::Unverified, "identity_unverified");
}

#[test]
fn the_statement_must_be_fresh_and_later_than_the_declaration() {
    let dated = |date: &str| {
        let mut scene = Scene::honest();
        scene.reply.date = Some(time(date));
        scene
    };
    dated("2026-11-20T09:50:00Z").is(Claim::Unverified, "before_declaration");
    assert_eq!(dated("2026-11-20T09:56:00Z").verify().claim, Claim::Verified);
    dated("2026-11-20T12:16:00Z").is(Claim::Unverified, "stale_evidence");
    let mut late = Scene::honest();
    late.seen_at += SignedDuration::from_hours(24 * 8);
    late.is(Claim::Unverified, "stale_evidence");
    let mut undated = Scene::honest();
    undated.reply.date = None;
    undated.is(Claim::Unverified, "stale_evidence");
    // A declaration that is dated back does not make an older statement an answer to it.
    let mut back = dated("2026-11-20T09:56:00Z");
    back.declared.signatures[0].signed_at = Some(time("2026-11-20T10:02:00Z").as_second());
    back.is(Claim::Unverified, "before_declaration");
    let old = Scene::honest().signature(|s| s.signed_at = Some(time("2026-11-20T09:00:00Z").as_second()));
    old.is(Claim::Unverified, "before_declaration");
    // Passed since, but not when we saw the mail.
    let x = time("2026-11-20T12:00:01Z").as_second();
    assert_eq!(Scene::honest().signature(|s| s.expires_at = Some(x)).verify().claim, Claim::Verified);
}

#[test]
fn others_are_not_the_champion() {
    Scene::honest().from("Sam", "sam@northwind.example").is(Claim::Seller, "vendor_sender");
    Scene::honest().from("E", "evidence+OPP-1@northwind.example").is(Claim::Seller, "vendor_sender");
    let colleague = Scene::honest().from("Eve", "eve@acme.example");
    colleague.is(Claim::NotChampion, "wrong_sender");
    assert_eq!(colleague.verify().reasons.len(), 1);
    Scene::honest()
        .from("Dana Reyes", "dana.reyes@gmail.com")
        .is(Claim::NotChampion, "same_name_other_address");
    Scene::honest().from("Reyes, Dana", "d@x.example").is(Claim::NotChampion, "same_name_other_address");
    Scene::honest().from("Dana", "dana+x@acme.example").is(Claim::NotChampion, "wrong_sender");
    Scene::honest().from("dana@acme.example", "x@evil.example").is(Claim::Forged, "identity_failed");
    Scene::honest().from("Dana Reyes", "dana@acrne.example").is(Claim::Forged, "lookalike");
    Scene::honest().from("Eve", "eve@acme.net").is(Claim::NotChampion, "lookalike");
    Scene::honest().from("Dana Reyes", "dana@acme.net").is(Claim::Forged, "lookalike");
    let unlisted = Scene::honest().accounts(&["acme.example"], &["bob@acme.example"]);
    unlisted.is(Claim::NotChampion, "wrong_sender");
}

#[test]
fn several_authors_are_a_forgery_when_the_champion_is_among_them() {
    let several = |one: &str, two: &str| {
        let mut scene = Scene::honest();
        scene.reply = message(&[("A", one), ("B", two)], "2026-11-20T11:59:00Z", &[]);
        scene
    };
    several("eve@acme.example", "dana@acme.example").is(Claim::Forged, "identity_failed");
    several("eve@acme.example", "bob@acme.example").is(Claim::NotChampion, "wrong_sender");
    let mut hidden = Scene::honest();
    hidden.reply.defects.push(Defect::SeveralAuthors);
    hidden.is(Claim::Forged, "identity_failed");
    let mut unreadable = Scene::honest();
    unreadable.reply.from.clear();
    unreadable.is(Claim::Unverified, "header_syntax");
}

#[test]
fn who_may_speak_must_be_known() {
    let mut untrusted = Scene::honest();
    untrusted.policy.trust_declared_champions = false;
    untrusted.is(Claim::Unverified, "no_accounts");
    Scene::honest().accounts(&["other.example"], &["x@other.example"]).is(Claim::Unverified, "no_accounts");
    let mut forged = Scene::honest();
    forged.declared.signatures.clear();
    forged.is(Claim::Unverified, "declaration_unauthenticated");
    // Deal desk's word does not hang on who declared; the gate remarks it.
    assert_eq!(forged.accounts(&["acme.example"], &["dana@acme.example"]).verify().claim, Claim::Verified);
    let mut free = Scene::honest().from("Dana", "dana@gmail.com");
    free.declaration.champions = vec![address("dana@gmail.com")];
    free.is(Claim::Unverified, "free_mail");
    let mut waived = free.accounts(&["acme.example"], &["dana@gmail.com"]);
    waived.is(Claim::Unverified, "free_mail");
    for account in waived.policy.accounts.iter_mut().flat_map(|a| a.accounts.values_mut()) {
        account.waivers.insert("dana@gmail.com".into(), "approved by deal desk, 2026-11-01".into());
    }
    assert_eq!(waived.verify().claim, Claim::Verified);
    // The account executive in To, or a private address beside hers, does not spoil the champion's own words.
    let mut own = Scene::honest();
    own.declaration.champions =
        ["tom@northwind.example", "x@gmail.com", "dana@acme.example"].map(address).into();
    assert_eq!(own.verify().claim, Claim::Verified);
    own.from("Tom", "tom@northwind.example").is(Claim::Seller, "vendor_sender");
    for (champion, code) in [
        ("dana@northwind-demo.example", "lookalike"),
        ("dana@n0rthwind.example", "lookalike"),
        ("dana@äcme.example", "lookalike"),
        ("dana@xn--cme-pla.example", "lookalike"),
    ] {
        let mut tenant = Scene::honest().from("Dana", champion);
        tenant.declaration.champions = vec![address(champion)];
        tenant.is(Claim::Unverified, code);
    }
}

#[test]
fn a_declaration_to_two_accounts_is_ambiguous() {
    let mut scene = Scene::honest().accounts(&["acme.example"], &["dana@acme.example"]);
    let accounts = &mut scene.policy.accounts.as_mut().unwrap().accounts;
    let other = Account {
        required: BTreeSet::new(),
        domains: vec!["partner.example".into()],
        endorsers: BTreeMap::from([("pat@partner.example".to_owned(), "technical".to_owned())]),
        waivers: BTreeMap::new(),
    };
    accounts.insert("Partner".into(), other);
    assert_eq!(scene.verify().claim, Claim::Verified);
    scene.declaration.champions.push(address("pat@partner.example"));
    scene.is(Claim::Unverified, "accounts_conflict");
}

#[test]
fn oddities_need_a_person() {
    for (defect, code) in [
        (Defect::HeaderSyntax("two Date fields".into()), "header_syntax"),
        (Defect::AmbiguousMime("text after the last boundary".into()), "ambiguous_mime"),
        (Defect::TornPart("bad base64".into()), "ambiguous_mime"),
        (Defect::OverLimit("more than 100 parts".into()), "over_limit"),
    ] {
        let mut scene = Scene::honest();
        scene.reply.defects.push(defect);
        scene.is(Claim::Unverified, code);
    }
    let mut sender = Scene::honest();
    sender.reply.sender = Some(Mailbox { name: None, address: address("dana@acme.example") });
    assert_eq!(sender.verify().claim, Claim::Verified);
}

#[test]
fn unsigned_threading_binds_nothing() {
    let swapped = Scene::honest().signature(|s| *s = good("acme.example", M365));
    swapped.is(Claim::Unverified, "not_bound");
    assert_eq!(swapped.verify().binding, Binding::Unsigned);
    let mut quoted = swapped;
    quoted.quoted = declared_body();
    assert_eq!(quoted.verify().binding, Binding::Signed);
    assert_eq!(quoted.verify().claim, Claim::Verified);
    let mut elsewhere = Scene::honest();
    (elsewhere.reply.in_reply_to, elsewhere.reply.references) = (vec![], vec![]);
    elsewhere.is(Claim::Unverified, "not_bound");
    assert_eq!(elsewhere.verify().binding, Binding::Unbound);
    // A reply to a reply: only References leads to the declaration.
    let mut chain = Scene::honest();
    chain.reply.in_reply_to = vec![MessageId::new("r1@acme.example").unwrap()];
    assert_eq!(chain.verify().binding, Binding::Signed);
    // One more field on top of the signed one.
    let mut topped = Scene::honest();
    for name in ["In-Reply-To", "References"] {
        topped.reply.headers.insert(0, Header { name: name.into(), value: "<d1@northwind.example>".into() });
    }
    topped.is(Claim::Unverified, "not_bound");
}

#[test]
fn one_more_bad_fact_never_raises_the_claim() {
    let bad: [fn(&mut Scene); 9] = [
        |s| s.reply.defects.push(Defect::HeaderSyntax("x".into())),
        |s| s.reply.defects.push(Defect::SeveralAuthors),
        |s| s.reply.sender = Some(Mailbox { name: None, address: address("pa@acme.example") }),
        |s| s.signatures[0].body = Body::Differs,
        |s| s.signatures[0].key = KeyState::Temporary,
        |s| s.reply.date = None,
        |s| s.declared.signatures.clear(),
        |s| s.reply.in_reply_to.clear(),
        |s| s.quoted = declared_body().replace("30", "90"),
    ];
    let counts = |claim| u8::from(claim == Claim::Verified);
    for set in 0_u32..1 << bad.len() {
        let mut scene = Scene::honest();
        let mut before = counts(scene.verify().claim);
        for (n, make_worse) in bad.iter().enumerate().filter(|(n, _)| set & (1 << n) != 0) {
            make_worse(&mut scene);
            let after = counts(scene.verify().claim);
            assert!(after <= before, "fact {n} of {set:b}");
            before = after;
        }
    }
}
