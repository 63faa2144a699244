//! Letters as their readers see them: golden files of every template, headers that nobody can inject into, and the law
//! that nothing of the seller's ever goes to a buyer. `UPDATE_GOLDENS=1 cargo test --test it prompts_text` writes the
//! golden files anew; then look at them as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use endorsed::model::{
    Address, Criterion, DeclaredResult, Digest, MessageId, OpportunityId, Outcome, Reason, Seller,
};
use endorsed::parse::parse;
use endorsed::prompt::{
    Calendar, Case, Draft, Due, People, Person, PromptRules, Record, Sender, Situation, Subject, Texts, When,
    compose, declare, schedule, token,
};
use endorsed::record::Side;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::conversations::{Bench, mails_of};
use crate::fixtures_make::{conversations, northwind};

const NOW: &str = "2026-11-23T09:00:00Z";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn texts() -> Texts {
    let mut files = Vec::new();
    for language in std::fs::read_dir(root().join("rules/letters")).unwrap() {
        let language = language.unwrap().path();
        for file in std::fs::read_dir(&language).unwrap() {
            let file = file.unwrap().path();
            let name = file.strip_prefix(root().join("rules")).unwrap().display().to_string();
            files.push((name, std::fs::read_to_string(&file).unwrap()));
        }
    }
    Texts::new(&files)
}

fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn person(name: &str, at: &str) -> Person {
    Person { name: Some(name.into()), address: address(at) }
}

fn criteria() -> Vec<Criterion> {
    let line = |n, text: &str, result| Criterion { n, text: text.into(), result };
    vec![
        line(
            1,
            "Nightly restore of the ledger in under 40 minutes (measured: 31 minutes)",
            DeclaredResult::Pass,
        ),
        line(2, "Sign-on through your own identity provider", DeclaredResult::Pass),
        line(3, "Audit export to your SIEM", DeclaredResult::Partial),
    ]
}

fn subject(language: &str) -> Subject {
    Subject {
        title: "Cascade evaluation at Larkspur Bank: readout [OPP-20417]".into(),
        references: vec![MessageId::new("declared@northwind-labs.example").unwrap()],
        platform: Some("Cascade".into()),
        account: Some("Larkspur Bank".into()),
        criteria: criteria(),
        stated: BTreeMap::new(),
        declared_in: language.into(),
        se: person("Kim Sorel", "kim@northwind-labs.example"),
        ae: Some("Lee Park".into()),
        champions: vec![person("Dana Ruiz", "dana@larkspur-bank.example")],
        language: language.into(),
    }
}

fn sender() -> Sender {
    Sender {
        from: address("evidence@northwind-labs.example"),
        evidence: address("evidence@northwind-labs.example"),
        pages: Some("https://deals.northwind-labs.example".into()),
    }
}

/// A letter of a template in the situation that it is made for.
fn due(template: &str) -> Due {
    let (when, champion) = match template {
        "remind" => (When::Silent, true),
        "words" => (When::WordsWanted, true),
        "receipt" => (When::Declared, true),
        "warn" | "zombie" => (When::Silent, false),
        "conditional" | "overdue" => (When::Conditional, false),
        "deferred" => (When::Deferred, false),
        "confirmed" => (When::Confirmed, false),
        "alert" => (When::Retracted, false),
        "declared" => (When::Declared, false),
        "unverified" => (When::Unverified, false),
        "review" => (When::Review, false),
        "forwarded" => (When::ForwardedInline, false),
        "bounced" => (When::Bounced, false),
        "order_done" => (When::OrderDone, false),
        "order_refused" => (When::OrderRefused, false),
        other => panic!("no situation is known for the template {other}"),
    };
    let quote = match when {
        When::Silent | When::Declared => "",
        When::WordsWanted => "Great work by everybody, thank you!",
        When::Conditional => "Yes overall, but sign-on with our Okta tenant was not part of the test.",
        When::Deferred => "We need two more weeks.",
        When::Confirmed => "Yes, confirmed. All three criteria are met and we recommend it.",
        When::Retracted => "I have to take back my confirmation.",
        When::Bounced => "<dana@larkspur-bank.example>: user unknown",
        _ => "Looks fine to us I think, <b>mostly</b>.",
    };
    let dana = address("dana@larkspur-bank.example");
    let reason = Reason::new("no_ask", "The declaration asks for nothing, so a bare yes answers nothing.")
        .fix("Ask the champion to reply and confirm that the criteria are met.");
    let told =
        matches!(template, "declared" | "unverified" | "review" | "order_done" | "order_refused" | "bounced");
    Due {
        rule: template.into(),
        template: template.into(),
        base: Digest::of(template.as_bytes()),
        key: Digest::of(format!("key {template}").as_bytes()),
        to: if champion { subject("en").champions[0].clone() } else { subject("en").se },
        side: if champion { Side::Champion } else { Side::Seller },
        asks: champion,
        situation: Situation {
            when,
            subject: Digest::of(b"subject"),
            since: NOW.parse().unwrap(),
            champion: Some(dana.clone()),
            who: Some(dana),
            quote: quote.into(),
            reasons: if told { vec![reason] } else { vec![] },
        },
        why: "because".into(),
        until: Some("2026-11-25T09:00:00Z".parse().unwrap()),
        opportunity: OpportunityId::new("OPP-20417"),
        declaration: MessageId::new("declared@northwind-labs.example"),
    }
}

fn shown(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a %-d %b %Y %H:%M %Z").to_string()
}

#[test]
fn every_template_reads_as_its_golden_file() {
    let texts = texts();
    let update = std::env::var_os("UPDATE_GOLDENS").is_some_and(|v| v == "1");
    let folder = root().join("fixtures/letters");
    std::fs::create_dir_all(&folder).unwrap();
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for name in texts.names() {
        let (language, template) = name.split_once('/').unwrap();
        let (head, text, html) = if template == "declare" {
            let draft = Draft {
                opportunity: OpportunityId::new("OPP-20417").unwrap(),
                platform: "Cascade".into(),
                account: "Larkspur Bank".into(),
                champions: subject("en").champions,
                seller: subject("en").se,
                ae: Some("Lee Park".into()),
                criteria: criteria(),
                language: language.into(),
                evidence: sender().evidence,
            };
            let written = declare(&draft, &texts, NOW.parse().unwrap()).unwrap();
            (head(&written.raw), written.text, written.html)
        } else {
            let due = due(template);
            let token = token(b"secret", &due.key);
            let written =
                compose(&due, &subject(language), &sender(), &texts, &token, NOW.parse().unwrap(), &shown)
                    .unwrap();
            (head(&written.raw), written.text, written.html)
        };
        assert!(text.lines().all(|l| l.chars().count() <= 72), "{name}: a line is too long\n{text}");
        for (ending, got) in [("txt", format!("{head}\n{text}")), ("html", html)] {
            let file = format!("{language}-{template}.{ending}");
            let path = folder.join(&file);
            seen.insert(file.clone());
            if update {
                std::fs::write(&path, &got).unwrap();
            } else if std::fs::read_to_string(&path).unwrap_or_default() != got {
                let _ = writeln!(wrong, "--- {file}\n{got}");
            }
        }
    }
    assert!(seen.len() > 40, "the templates were not found");
    for file in std::fs::read_dir(&folder).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        assert!(seen.contains(&name), "fixtures/letters/{name} belongs to no template");
    }
    assert!(wrong.is_empty(), "{wrong}UPDATE_GOLDENS=1 accepts these letters");
}

/// The header section with line ends as files have them.
fn head(raw: &[u8]) -> String {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    text.split("\r\n\r\n").next().unwrap().replace("\r\n", "\n") + "\n"
}

/// Names of the header fields of a letter, in order.
fn fields(raw: &[u8]) -> Vec<String> {
    parse(raw).headers.iter().map(|h| h.name.clone()).collect()
}

#[test]
fn a_prompt_has_no_link_and_says_that_a_machine_sent_it() {
    let texts = texts();
    for language in ["en", "de", "fr", "es"] {
        for template in ["remind", "words"] {
            let due = due(template);
            let written =
                compose(&due, &subject(language), &sender(), &texts, "tok", NOW.parse().unwrap(), &shown)
                    .unwrap();
            for body in [&written.text, &written.html] {
                assert!(!body.contains("http") && !body.contains("<a ") && !body.contains("<img"), "{body}");
                for criterion in criteria() {
                    let flat = body.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert!(flat.contains(&criterion.text), "{body}");
                }
            }
            let mail = parse(&written.raw);
            let value = |name| mail.header(name).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(value("Auto-Submitted"), ["auto-generated"]);
            assert_eq!(value("x-ms-reactions"), ["disallow"]);
            assert_eq!(value("X-Auto-Response-Suppress").len(), 1);
            assert_eq!(value("In-Reply-To"), ["<declared@northwind-labs.example>"]);
            assert_eq!(mail.subject, "Re: Cascade evaluation at Larkspur Bank: readout [OPP-20417]");
            assert_eq!(mail.from[0].name.as_deref(), Some("Kim Sorel"));
            assert_eq!(mail.reply_to[0].address, address("evidence+t.tok@northwind-labs.example"));
            assert_eq!(mail.message_id, MessageId::new("t.tok@northwind-labs.example"));
            assert!(mail.defects.is_empty(), "{:?}", mail.defects);
        }
    }
}

#[test]
fn tokens_differ_and_stay() {
    let of = |secret: &[u8], key: &[u8]| token(secret, &Digest::of(key));
    assert_eq!(of(b"a", b"k"), of(b"a", b"k"));
    assert_ne!(of(b"a", b"k"), of(b"b", b"k"));
    assert_ne!(of(b"a", b"k"), of(b"a", b"l"));
    assert!(of(b"a", b"k").len() >= 26);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever strangers put into subjects, names, criteria, words and Message-IDs: the header stays ours.
    #[test]
    fn nobody_injects_a_header(
        title in r"(?s).{0,60}(\r\n|\n|\r)?(Bcc: a@b\.example)?.{0,300}",
        name in r"(?s).{0,30}[\r\n]{0,2}.{0,30}",
        words in r"(?s).{0,80}\r\n\r\n.{0,80}",
        id in r"(?s)[^ ]{1,20}[\r\n<>]{0,2}.{0,20}",
        template in prop::sample::select(vec!["remind", "words", "warn", "conditional", "alert", "unverified"]),
    ) {
        let texts = texts();
        let mut subject = subject("en");
        let mut due = due(template);
        let plain = compose(&due, &subject, &sender(), &texts, "tok", NOW.parse().unwrap(), &shown).unwrap();
        subject.title.clone_from(&title);
        subject.se.name = Some(name.clone());
        subject.champions[0].name = Some(name.clone());
        subject.platform = Some(words.clone());
        subject.criteria[0].text.clone_from(&words);
        subject.references = MessageId::new(&id).into_iter().collect();
        due.to.name = Some(name);
        due.situation.quote.clone_from(&words);
        let written = compose(&due, &subject, &sender(), &texts, "tok", NOW.parse().unwrap(), &shown).unwrap();
        let mut wanted = fields(&plain.raw);
        if subject.references.is_empty() {
            wanted.retain(|n| n != "In-Reply-To" && n != "References");
        }
        prop_assert_eq!(fields(&written.raw), wanted);
        let mail = parse(&written.raw);
        prop_assert_eq!(mail.to.len(), 1);
        prop_assert_eq!(&mail.to[0].address, &due.to.address);
        prop_assert_eq!(mail.from.len(), 1);
        prop_assert_eq!(&mail.from[0].address, &sender().from);
        prop_assert!(written.raw.split(|b| *b == b'\n').all(|line| line.len() < 1000));
    }
}

/// The letters that the whole life of a deal makes, looked at every twelve hours for a month.
fn letters_of(outcomes: &[Outcome], seller: &Seller, calendar: &Calendar, rules: &PromptRules) -> Vec<Due> {
    let Some(id) = outcomes.iter().find_map(|o| o.opportunity.clone()) else { return Vec::new() };
    let own: Vec<Outcome> =
        outcomes.iter().filter(|o| o.opportunity.as_ref() == Some(&id)).cloned().collect();
    let report = endorsed::record::standing(&id, &own);
    let live = own.iter().map(|o| o.sha256).collect();
    let Some(declaration) = own.iter().find_map(|o| o.declaration.clone()) else { return Vec::new() };
    let person = |address: &Address| Person { name: None, address: address.clone() };
    let people = People {
        se: Some(person(&declaration.seller)),
        ae: Some(person(&address("lee@northwind-labs.example"))),
        deal_desk: Some(person(&address("desk@northwind-labs.example"))),
        champions: declaration.champions.iter().map(person).collect(),
    };
    let sent_to = BTreeMap::new();
    let record = Record {
        report: &report,
        outcomes: &own,
        live: &live,
        history: &[],
        orders: &[],
        lints: &[],
        first_use: true,
        seller,
    };
    let case = Case {
        record,
        people: &people,
        buyer: calendar,
        seller: calendar,
        sent_to: &sent_to,
        sent_today: 0,
        opted_out: false,
        receipts: true,
    };
    let start = own.iter().map(|o| o.seen_at).min().unwrap();
    let at = |n: i64| start.checked_add(jiff::SignedDuration::from_hours(12 * n)).unwrap();
    (0..60).flat_map(|n| schedule(&case, rules, at(n)).due).collect()
}

#[test]
fn nothing_of_the_sellers_goes_to_a_buyer_and_no_champion_is_nagged_who_answered() {
    let bench = Bench::get();
    let rules = PromptRules::load(include_str!("../../rules/prompts.toml")).unwrap();
    let seller = northwind().seller;
    let calendar = rules.hours.clone();
    let mut all = 0;
    let mut asked = BTreeSet::new();
    for (folder, facts) in conversations() {
        let judged: Vec<Outcome> =
            bench.judge(&mails_of(&folder, &facts)).into_iter().map(|(_, outcome)| outcome).collect();
        for due in letters_of(&judged, &seller, &calendar, &rules) {
            all += 1;
            let inside = due.to.address.is_at(&seller.domains);
            assert_eq!(inside, due.side == Side::Seller, "{folder}: {} to {}", due.rule, due.to.address);
            if due.side == Side::Champion && due.asks {
                asked.insert(folder.clone());
            }
        }
    }
    assert!(all > 100, "only {all} letters");
    // A warning was never sent in this test, so nobody may have been asked at all.
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn what_declare_writes_is_a_declaration_without_remarks() {
    for language in ["en", "de", "fr", "es"] {
        let mut draft = Draft {
            opportunity: OpportunityId::new("OPP-20417").unwrap(),
            platform: "Cascade".into(),
            account: "Larkspur Bank".into(),
            champions: subject("en").champions,
            seller: subject("en").se,
            ae: Some("Lee Park".into()),
            criteria: criteria(),
            language: language.into(),
            evidence: sender().evidence,
        };
        draft.criteria.iter_mut().for_each(|c| c.result = DeclaredResult::Pass);
        let written = declare(&draft, &texts(), NOW.parse().unwrap()).unwrap();
        let judged = Bench::get().judge(&[("win.eml".into(), written.raw)]);
        let outcome = &judged[0].1;
        let declaration = outcome.declaration.as_ref().unwrap_or_else(|| panic!("{language}: {outcome:?}"));
        assert!(declaration.lints.is_empty() && outcome.sure, "{language}: {:?}", outcome.reasons);
        assert_eq!(declaration.criteria, draft.criteria, "{language}");
        assert_eq!(outcome.opportunity, Some(draft.opportunity), "{language}");
    }
}
