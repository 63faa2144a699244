//! Whole conversations: every order of their mails gives what `facts.toml` says, and the trail in file order is
//! the golden one. `UPDATE_GOLDENS=1 cargo test --test it conversations` writes the trails anew.
//!
//! The hostile set has one law: nothing in it is ever endorsed, in no order and in no company.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use endorsed::answer::MessageAnswer;
use endorsed::config::{load_rules, shipped_gates};
use endorsed::edge::dkim;
use endorsed::gate::{Freshness, GateAnswer, Gates};
use endorsed::judge::Rules;
use endorsed::model::{
    KeyRecord, KeyState, Message, OpportunityId, Outcome, Policy, Standing, StandingReport, Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::{Corpus, needs, unfold_all, witness_all};
use endorsed::record::standing;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fixtures_make::{Facts, Mail, OneOf, conversations, dns, manifest, northwind, root};

/// Up to this many mails every order is tried.
const ALL_ORDERS_MAX: usize = 4;
/// With more mails, so many seeded orders.
const SEEDED_ORDERS: u64 = 16;
/// The day on which the gates are asked: a day after the last mail.
const NOW: &str = "2026-11-21T09:00:00Z";

// ---------------------------------------------------------------------------------------------------------
// The glue: the only place that knows how `endorsed judge` goes about a set of mails

/// A mail: its file name and its bytes.
pub type Raw = (String, Vec<u8>);

/// What everything is judged by.
pub struct Bench {
    rules: Rules,
    gates: Gates,
    policy: Policy,
    keys: BTreeMap<String, String>,
}

impl Bench {
    /// Compiled once for all tests.
    pub fn get() -> &'static Self {
        static BENCH: LazyLock<Bench> = LazyLock::new(Bench::new);
        &BENCH
    }

    fn new() -> Self {
        Self {
            rules: load_rules(None).unwrap(),
            gates: shipped_gates().unwrap(),
            policy: northwind(),
            keys: dns(),
        }
    }

    /// Considers the mails as one mailbox, in this order; attached mails stand before their outer one.
    pub fn judge(&self, mails: &[Raw]) -> Vec<(String, Outcome)> {
        self.consider(mails.iter().flat_map(|mail| self.witness(mail)).collect())
    }

    /// A mail and what it carries, with their signatures checked. It must say when it came.
    pub fn witness(&self, raw: &Raw) -> Vec<(String, Witnessed)> {
        let arrived = parse(&raw.1).own_time().unwrap();
        self.witness_by(raw, |message| message.own_time().unwrap_or(arrived))
    }

    /// The same, with a clock that says when each was first seen.
    pub fn witness_by(
        &self,
        (file, raw): &Raw,
        clock: impl Fn(&Message) -> Timestamp,
    ) -> Vec<(String, Witnessed)> {
        let seller = &self.policy.seller;
        let messages = unfold_all(parse(raw), seller);
        let witness = |message: Message, sighting| {
            let seen_at = clock(&message);
            let keys = needs(&message).keys.into_iter().map(|name| self.key(name, seen_at)).collect();
            let signatures = dkim::check(&message, &keys);
            Witnessed { signatures, seen_at, sighting, message: message.into(), carried_by: None }
        };
        let all = witness_all(messages, seller, witness).into_iter();
        all.map(|(place, witnessed)| (format!("{file}{place}"), witnessed)).collect()
    }

    /// Considers them together.
    pub fn consider(&self, mails: Vec<(String, Witnessed)>) -> Vec<(String, Outcome)> {
        let (labels, witnessed): (Vec<String>, Vec<Witnessed>) = mails.into_iter().unzip();
        let outcomes = Corpus::new(witnessed, &self.policy.seller).consider_all(&self.rules, &self.policy);
        labels.into_iter().zip(outcomes).collect()
    }

    fn key(&self, name: String, seen_at: Timestamp) -> (String, KeyRecord) {
        let found = self.keys.get(&name).cloned();
        let state = found.map_or(KeyState::Absent, KeyState::Found);
        (name.clone(), KeyRecord { name, state, seen_at })
    }

    pub fn standing(&self, opportunity: &str, judged: &[(String, Outcome)]) -> StandingReport {
        let id = OpportunityId::new(opportunity).unwrap();
        let stray = |o: &Outcome| o.opportunity.is_none() && o.has("stray_objection");
        let own = |o: &Outcome| o.opportunity.as_ref() == Some(&id) || stray(o);
        let outcomes: Vec<Outcome> = judged.iter().map(|(_, o)| o).filter(|o| own(o)).cloned().collect();
        standing(&id, &outcomes)
    }

    fn gate(&self, report: &StandingReport, to: &str) -> GateAnswer {
        self.gates.answer(report, to, Freshness::Fresh, NOW.parse().unwrap()).unwrap()
    }
}

// ---------------------------------------------------------------------------------------------------------
// The tests

#[test]
fn conversations_end_as_their_facts_say() {
    let bench = Bench::get();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (folder, facts) in conversations() {
        let mails = mails_of(&folder, &facts);
        let straight = bench.judge(&mails);
        wrong.extend(against_facts(bench, &facts, &straight).into_iter().map(|w| format!("{folder}: {w}")));
        seen += mails.len();
    }
    assert!(seen > 60, "the conversations were not found");
    assert!(wrong.is_empty(), "{} expectations are not met:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_order_gives_the_same() {
    let bench = Bench::get();
    let mut wrong = Vec::new();
    for (folder, facts) in conversations() {
        let mails = mails_of(&folder, &facts);
        let straight = bench.judge(&mails);
        let report = bench.standing(&facts.opportunity, &straight);
        let by_label: BTreeMap<&str, &Outcome> = straight.iter().map(|(l, o)| (l.as_str(), o)).collect();
        for order in orders(mails.len()) {
            let shuffled: Vec<Raw> = order.iter().map(|i| mails[*i].clone()).collect();
            let judged = bench.judge(&shuffled);
            for (label, outcome) in &judged {
                if by_label[label.as_str()] != outcome {
                    wrong.push(format!("{folder}, order {order:?}: another outcome for {label}"));
                }
            }
            if bench.standing(&facts.opportunity, &judged) != report {
                wrong.push(format!("{folder}, order {order:?}: another standing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn conversations_do_not_touch_each_other() {
    let bench = Bench::get();
    let mut alone = BTreeMap::new();
    let mut together = Vec::new();
    for (folder, facts) in conversations() {
        let mails = mails_of(&folder, &facts);
        alone.extend(bench.judge(&mails).into_iter().map(|(l, o)| (format!("{folder}/{l}"), o)));
        together.extend(mails.into_iter().map(|(file, raw)| (format!("{folder}/{file}"), raw)));
    }
    together.reverse();
    let differs = |(label, outcome): &(String, Outcome)| alone[label] != *outcome;
    let wrong: Vec<String> =
        bench.judge(&together).into_iter().filter(differs).map(|(label, _)| label).collect();
    assert!(wrong.is_empty(), "judged otherwise in one mailbox with all others: {wrong:?}");
}

#[test]
fn trails_are_the_golden_ones() {
    let bench = Bench::get();
    let update = std::env::var_os("UPDATE_GOLDENS").is_some_and(|v| v == "1");
    let mut wrong = String::new();
    for (folder, facts) in conversations() {
        let judged = bench.judge(&mails_of(&folder, &facts));
        let got = serde_json::to_string_pretty(&trail(bench, &facts, &judged)).unwrap() + "\n";
        let path = root().join("conversations").join(&folder).join("expected.json");
        if update {
            std::fs::write(&path, got).unwrap();
            continue;
        }
        let want = std::fs::read_to_string(&path).unwrap_or_default();
        if got != want {
            let _ = writeln!(wrong, "--- {folder}/expected.json\n+++ judged now\n{}", diff(&want, &got));
        }
    }
    assert!(wrong.is_empty(), "{wrong}UPDATE_GOLDENS=1 accepts these trails");
}

#[test]
fn hostile_mail_is_never_endorsed() {
    let bench = Bench::get();
    let all: BTreeMap<String, Facts> = conversations().into_iter().collect();
    let mut wrong = Vec::new();
    let manifest = manifest().mail;
    assert!(manifest.len() >= 20, "the hostile set was not found");
    // What is attached comes with its outer mail.
    for hostile in manifest.iter().filter(|h| !h.file.contains('#')) {
        let folder = hostile.answers.split('/').next().unwrap();
        let facts = &all[folder];
        let mut mails = mails_of(folder, facts);
        mails.push((hostile.file.clone(), read(&root().join("hostile").join(&hostile.file))));
        for _ in 0..mails.len() {
            mails.rotate_left(1);
            let judged = bench.judge(&mails);
            let report = bench.standing(&facts.opportunity, &judged);
            let mut own = judged.iter().filter(|(label, _)| label.starts_with(&hostile.file));
            if own.any(|(_, outcome)| outcome.endorsed) {
                wrong.push(format!("{} is endorsed: {}", hostile.file, hostile.why));
            }
            if matches!(report.standing, Standing::Confirmed | Standing::Conditional | Standing::Partial) {
                wrong.push(format!("{} makes the deal {}", hostile.file, report.standing.as_str()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---------------------------------------------------------------------------------------------------------
// Comparing

/// What differs from `facts.toml`.
fn against_facts(bench: &Bench, facts: &Facts, judged: &[(String, Outcome)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let labels: Vec<&str> = judged.iter().map(|(label, _)| label.as_str()).collect();
    let expected: Vec<&str> = facts.mail.iter().map(|m| m.file.as_str()).collect();
    if labels != expected {
        wrong.push(format!("the mails are {labels:?}, expected {expected:?}"));
        return wrong;
    }
    for (mail, (_, outcome)) in facts.mail.iter().zip(judged) {
        let found = mail_against_facts(mail, outcome);
        wrong.extend(found.into_iter().map(|w| format!("{}: {w}", mail.file)));
    }
    let report = bench.standing(&facts.opportunity, judged);
    if !facts.standing.allows(Some(report.standing.as_str())) {
        let codes: Vec<&str> = report.reasons.iter().map(|r| r.code.as_str()).collect();
        wrong.push(format!(
            "standing {}, expected {:?}; {codes:?}",
            report.standing.as_str(),
            facts.standing
        ));
    }
    for (to, want) in
        [("commercial_review", facts.commercial_review), ("contract_signature", facts.contract_signature)]
    {
        let answer = bench.gate(&report, to);
        if want.is_some_and(|want| want != answer.allowed) {
            wrong.push(format!("gate {to}: allowed is {}", answer.allowed));
        }
    }
    let shut = bench.gate(&report, "contract_signature");
    let codes: Vec<&str> = shut.reasons.iter().map(|r| r.code.as_str()).collect();
    wrong.extend(
        missing(&facts.gate_reasons, &codes).map(|code| format!("gate reason {code} is missing: {codes:?}")),
    );
    wrong
}

fn mail_against_facts(mail: &Mail, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut word = |what: &str, want: Option<&OneOf>, got: Option<String>| {
        if want.is_some_and(|want| !want.allows(got.as_deref())) {
            wrong.push(format!("{what} is {got:?}, expected {want:?}"));
        }
    };
    let one = |text: &Option<String>| text.clone().map(OneOf::One);
    word("kind", Some(&mail.kind), name(&outcome.kind));
    word("automatic", one(&mail.automatic).as_ref(), outcome.automatic.as_ref().and_then(name));
    word("form", one(&mail.form).as_ref(), outcome.declaration.as_ref().and_then(|d| name(&d.form)));
    word("verdict", mail.verdict.as_ref(), outcome.verdict.as_ref().and_then(name));
    word("authorship", mail.authorship.as_ref(), outcome.authorship.as_ref().and_then(|a| name(&a.claim)));
    if mail.sure.is_some_and(|sure| sure != outcome.sure) {
        wrong.push(format!("sure is {}", outcome.sure));
    }
    if mail.endorsed != outcome.endorsed {
        wrong.push(format!("endorsed is {}", outcome.endorsed));
    }
    if let Some(want) = &mail.criteria {
        let got: Vec<String> = outcome.criteria.iter().filter_map(|c| name(&c.result)).collect();
        if want.len() != got.len() || want.iter().zip(&got).any(|(w, g)| w != "?" && w != g) {
            wrong.push(format!("criteria are {got:?}, expected {want:?}"));
        }
    }
    let codes: Vec<&str> = outcome.reasons.iter().map(|r| r.code.as_str()).collect();
    wrong.extend(missing(&mail.reasons, &codes).map(|code| format!("reason {code} is missing: {codes:?}")));
    if !wrong.is_empty() {
        let fresh: String = outcome.fresh_text.chars().take(90).collect();
        wrong.push(format!("  (fresh text {fresh:?}, reasons {codes:?})"));
    }
    wrong
}

/// The wanted codes that are not there; `a|b` is met by either.
fn missing<'a>(wanted: &'a [String], codes: &'a [&str]) -> impl Iterator<Item = &'a str> {
    wanted.iter().map(String::as_str).filter(|w| !w.split('|').any(|code| codes.contains(&code)))
}

/// The word that JSON uses for an enum's value.
fn name(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// The golden trail: every mail as `judge --json` prints it, and both gates' answers. What changes with every
/// remake (digests of the bytes) or with the machine's day is left out.
fn trail(bench: &Bench, facts: &Facts, judged: &[(String, Outcome)]) -> Value {
    let messages: Vec<Value> = judged
        .iter()
        .map(|(label, outcome)| stripped(json!(MessageAnswer::new(outcome).in_file(label.as_str()))))
        .collect();
    let report = bench.standing(&facts.opportunity, judged);
    let gate = |to: &str| stripped(json!(bench.gate(&report, to)));
    json!({
        "messages": messages,
        "gates": [gate("commercial_review"), gate("contract_signature")],
    })
}

fn stripped(mut value: Value) -> Value {
    const LEFT_OUT: &[&str] = &["sha256", "id", "as_of", "policy", "fresh", "url"];
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            fields.values_mut().for_each(|v| *v = stripped(v.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| *v = stripped(v.take())),
        _ => {}
    }
    value
}

/// Changed lines with two lines of company, the longest common part kept.
fn diff(want: &str, got: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (want.lines().collect(), got.lines().collect());
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push((' ', a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', a[i]));
            i += 1;
        } else {
            lines.push(('+', b[j]));
            j += 1;
        }
    }
    let near = |k: usize| lines[k.saturating_sub(2)..(k + 3).min(lines.len())].iter().any(|(m, _)| *m != ' ');
    let mut out = String::new();
    for (k, (mark, line)) in lines.iter().enumerate().filter(|(k, _)| near(*k)) {
        if k > 0 && !near(k - 1) {
            out.push_str("  …\n");
        }
        let _ = writeln!(out, "{mark} {line}");
    }
    out
}

// ---------------------------------------------------------------------------------------------------------
// Reading and ordering

/// The mails of a conversation in file order.
pub fn mails_of(folder: &str, facts: &Facts) -> Vec<Raw> {
    let outer = facts.mail.iter().map(|m| m.file.as_str()).filter(|f| !f.contains('#'));
    outer.map(|f| (f.to_owned(), read(&root().join("conversations").join(folder).join(f)))).collect()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every order of `n` things, or a seeded choice of them.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n > ALL_ORDERS_MAX {
        return (1..=SEEDED_ORDERS).map(|seed| shuffled(n, seed)).collect();
    }
    let mut all = vec![Vec::new()];
    for _ in 0..n {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let rest: Vec<usize> = (0..n).filter(|i| !order.contains(i)).collect();
                rest.into_iter().map(move |i| [order.as_slice(), &[i]].concat())
            })
            .collect();
    }
    all
}

/// Fisher and Yates with a linear congruence: the same orders on every machine.
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, (state >> 33) as usize % (last + 1));
    }
    order
}
