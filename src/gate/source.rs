//! The policy file: TOML into gates, with every mistake at once and its line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::policy::{Above, Coverage, Example, ExampleFact, Fact, Gate, Needs, Party, Question};
use crate::model::{Standing, YesNo, is_fact_name};
use crate::text::nearest;

/// A mistake of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateProblem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

/// What a policy file says.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub gates: BTreeMap<String, Gate>,
    pub facts: BTreeMap<String, Fact>,
}

const NEEDS_KEYS: &[&str] =
    &["standing", "accepted", "roles", "waivers", "criteria", "age_days_max", "questions"];
const GATE_KEYS: &[&str] = &["same_as", "after", "above", "example"];
const EXAMPLE_KEYS: &[&str] = &[
    "why", "standing", "accepted", "facts", "roles", "criteria", "amount", "age_days", "stale", "allowed",
    "reason",
];

/// Reads a policy file.
pub(super) fn read(text: &str) -> (Policy, Vec<GateProblem>) {
    let lines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
    let mut file = File { lines, problems: Vec::new(), groups: BTreeMap::new(), policy: Policy::default() };
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in broken {
        file.problem(error.span().unwrap_or(0..0), format!("{}, expected TOML", error.message()));
    }
    let root = root.get_ref();
    file.keys(root, &["gate", "fact", "groups"]);
    file.each(root, "groups", |file, name, value| {
        let parties = file.strings(value).iter().filter_map(|(text, at)| file.party(text, at)).collect();
        file.groups.insert(name.to_owned(), parties);
    });
    file.each(root, "fact", |file, name, value| file.fact(name, value));
    file.each(root, "gate", |file, name, value| file.gate(name, value));
    (file.policy, file.problems)
}

type Value<'t> = Spanned<DeValue<'t>>;

struct File {
    /// Where lines end.
    lines: Vec<usize>,
    problems: Vec<GateProblem>,
    groups: BTreeMap<String, BTreeSet<Party>>,
    policy: Policy,
}

impl File {
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|end| *end < at) + 1
    }

    fn problem(&mut self, span: Range<usize>, message: String) {
        let line = self.line(span.start);
        self.problems.push(GateProblem { line, message });
    }

    fn keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            self.problem(key.span(), format!("unknown key `{name}`; {hint}"));
        }
    }

    /// Reads each table or list below `key`.
    fn each<'t>(&mut self, root: &'t DeTable<'t>, key: &str, read: impl Fn(&mut Self, &str, &'t Value<'t>)) {
        let Some(value) = root.get(key) else { return };
        match value.get_ref().as_table() {
            Some(table) => table.iter().for_each(|(name, value)| read(self, name.get_ref(), value)),
            None => {
                self.problem(value.span(), format!("`{key}` has the wrong type, expected `[{key}.NAME]`"))
            }
        }
    }

    fn table<'t>(&mut self, value: &'t Value<'t>, known: &[&[&str]]) -> Option<&'t DeTable<'t>> {
        let table = value.get_ref().as_table();
        match table {
            Some(table) => self.keys(table, &known.concat()),
            None => self.problem(value.span(), "wrong type, expected a table".into()),
        }
        table
    }

    fn fact(&mut self, name: &str, value: &Value<'_>) {
        let Some(table) = self.table(value, &[&["text", "by"]]) else { return };
        if !is_fact_name(name) {
            let message = format!("`{name}` is no name of a fact: lower-case letters, digits and `_`");
            self.problem(value.span(), message);
        }
        let text = table.get("text").and_then(|v| self.string(v)).unwrap_or_default();
        let by = table.get("by").map(|v| self.parties(v));
        self.policy.facts.insert(name.to_owned(), Fact { text, by });
    }

    /// Who is meant by a list of addresses, domains, names, and groups.
    fn parties(&mut self, value: &Value<'_>) -> BTreeSet<Party> {
        let mut parties = BTreeSet::new();
        for (text, at) in self.strings(value) {
            match self.groups.get(&text).cloned() {
                Some(group) => parties.extend(group),
                None => parties.extend(self.party(&text, &at)),
            }
        }
        parties
    }

    fn party(&mut self, text: &str, at: &Range<usize>) -> Option<Party> {
        let party = Party::new(text);
        if party.is_none() {
            let message =
                format!("`{text}` is nobody: give an address, `@domain`, a name, or a name of [groups]");
            self.problem(at.clone(), message);
        }
        party
    }

    fn gate(&mut self, name: &str, value: &Value<'_>) {
        let Some(table) = self.table(value, &[GATE_KEYS, NEEDS_KEYS]) else { return };
        let word = |file: &mut Self, key| table.get(key).and_then(|v| file.string(v));
        let mut gate = Gate {
            needs: self.needs(table),
            same_as: word(self, "same_as"),
            after: word(self, "after"),
            line: self.line(value.span().start),
            ..Gate::default()
        };
        for (above, span) in self.tables(table, "above") {
            self.keys(above, &[NEEDS_KEYS, &["amount"]].concat());
            let amount = above.get("amount").and_then(|v| self.number(v));
            if amount.is_none() {
                self.problem(span, "`above` needs `amount = …`, in whole units of the CRM's currency".into());
            }
            gate.above.push(Above { amount: amount.unwrap_or(0), needs: self.needs(above) });
        }
        for (example, span) in self.tables(table, "example") {
            let example = self.example(example, span);
            gate.examples.push(example);
        }
        if gate.same_as.is_some() && table.len() > 1 {
            self.problem(
                value.span(),
                format!("gate.{name} is `same_as` another gate and needs nothing else"),
            );
        }
        self.policy.gates.insert(name.to_owned(), gate);
    }

    fn needs(&mut self, table: &DeTable<'_>) -> Needs {
        let mut needs = Needs { waivers: true, ..Needs::default() };
        if let Some(value) = table.get("standing") {
            let words = self.strings(value);
            needs.standing = words.iter().filter_map(|(word, at)| self.standing(word, at)).collect();
            if words.is_empty() {
                self.problem(
                    value.span(),
                    "`standing` is empty: leave it out where the win is not asked for".into(),
                );
            }
        }
        needs.accepted = self.flag(table, "accepted", false);
        needs.waivers = self.flag(table, "waivers", true);
        needs.age_days_max = table
            .get("age_days_max")
            .and_then(|v| self.number(v))
            .map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        needs.criteria = table.get("criteria").and_then(|v| self.coverage(v));
        if let Some(value) = table.get("roles") {
            needs.roles = self.quorums(value);
        }
        if let Some(value) = table.get("questions") {
            needs.questions = self.questions(value);
        }
        needs
    }

    fn quorums(&mut self, value: &Value<'_>) -> BTreeMap<String, u32> {
        let mut quorums = BTreeMap::new();
        let Some(table) = value.get_ref().as_table() else {
            self.problem(value.span(), "`roles` has the wrong type, expected `{ security = 1 }`".into());
            return quorums;
        };
        for (role, number) in table {
            match self.number(number).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) {
                Some(n) => drop(quorums.insert(role.get_ref().to_string(), n)),
                None => self.problem(number.span(), format!("`{}` needs a number of people", role.get_ref())),
            }
        }
        quorums
    }

    fn questions(&mut self, value: &Value<'_>) -> Vec<Question> {
        let mut questions = Vec::new();
        let Some(items) = value.get_ref().as_array() else {
            self.problem(value.span(), "`questions` has the wrong type, expected a list".into());
            return Vec::new();
        };
        for item in items.iter() {
            if let Some(name) = item.get_ref().as_str() {
                questions.push((Question { fact: name.to_owned(), only_if: None }, item.span()));
                continue;
            }
            let Some(table) = self.table(item, &[&["id", "text", "by", "only_if"]]) else { continue };
            let word = |file: &mut Self, key| table.get(key).and_then(|v| file.string(v));
            let (id, text, only_if) = (word(self, "id"), word(self, "text"), word(self, "only_if"));
            let Some(fact) = id else {
                self.problem(item.span(), "a question needs an `id`".into());
                continue;
            };
            let by = table.get("by").map(|v| self.parties(v));
            self.define(&fact, text.unwrap_or_default(), by, item.span());
            questions.push((Question { fact, only_if }, item.span()));
        }
        for (question, span) in &questions {
            for name in [Some(&question.fact), question.only_if.as_ref()].into_iter().flatten() {
                if !is_fact_name(name) {
                    let message =
                        format!("`{name}` is no name of a fact: lower-case letters, digits and `_`");
                    self.problem(span.clone(), message);
                }
            }
        }
        questions.into_iter().map(|(question, _)| question).collect()
    }

    /// A fact is one thing, however many gates ask for it.
    fn define(&mut self, id: &str, text: String, by: Option<BTreeSet<Party>>, span: Range<usize>) {
        let fact = self.policy.facts.entry(id.to_owned()).or_default();
        if fact.text.is_empty() {
            fact.text = text;
        }
        match (&fact.by, by) {
            (Some(known), Some(other)) if *known != other => {
                let message = format!("who may state `{id}` is said twice: say it once, under [fact.{id}]");
                self.problem(span, message);
            }
            (None, Some(by)) => fact.by = Some(by),
            _ => {}
        }
    }

    fn example(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Example {
        self.keys(table, EXAMPLE_KEYS);
        let word = |file: &mut Self, key| table.get(key).and_then(|v| file.string(v));
        let (why, reason) = (word(self, "why"), word(self, "reason"));
        let mut example = Example { why: why.unwrap_or_default(), reason, ..Example::default() };
        example.line = self.line(span.start);
        for (key, slot) in [("standing", &mut example.standing), ("accepted", &mut example.accepted)] {
            if let Some(value) = table.get(key) {
                *slot = self.string(value).and_then(|word| self.standing(&word, &value.span()));
            }
        }
        if table.get("allowed").is_none() {
            self.problem(span, "an example needs `allowed = true` or `allowed = false`".into());
        }
        example.allowed = self.flag(table, "allowed", false);
        example.stale = self.flag(table, "stale", false);
        example.amount = table.get("amount").and_then(|v| self.number(v));
        let age = table.get("age_days").and_then(|v| self.number(v));
        example.age_days = age.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        example.facts = table.get("facts").map_or_else(|| Some(Vec::new()), |v| self.example_facts(v));
        if let Some(value) = table.get("roles") {
            let words = self.strings(value);
            example.roles = words.iter().filter_map(|(text, at)| self.example_role(text, at)).collect();
        }
        example.criteria = table.get("criteria").and_then(|v| {
            let text = self.string(v)?;
            let pair = text
                .split_once('/')
                .and_then(|(n, m)| Some((n.trim().parse().ok()?, m.trim().parse().ok()?)));
            if pair.is_none() {
                self.problem(v.span(), format!("`{text}` is no share of criteria, expected \"3/5\""));
            }
            pair
        });
        example
    }

    /// `"yes"` for all, or `{ fact = "yes", other = "no by pat@seller.example" }`; `None` is all.
    fn example_facts(&mut self, value: &Value<'_>) -> Option<Vec<ExampleFact>> {
        if value.get_ref().as_str() == Some("yes") {
            return None;
        }
        let Some(table) = value.get_ref().as_table() else {
            self.problem(value.span(), "`facts` is \"yes\" for all of them, or a table".into());
            return Some(Vec::new());
        };
        let mut facts = Vec::new();
        for (id, value) in table {
            let Some(text) = self.string(value) else { continue };
            let (word, by) = text.split_once(" by ").map_or((text.as_str(), None), |(w, by)| (w, Some(by)));
            match YesNo::parse(word) {
                Some(value) => facts.push(ExampleFact {
                    id: id.get_ref().to_string(),
                    value,
                    by: by.map(|by| by.trim().to_owned()),
                }),
                None => self.problem(value.span(), format!("`{text}` is neither yes nor no")),
            }
        }
        Some(facts)
    }

    /// `security`, `security:waived`, `security:declined`.
    fn example_role(&mut self, text: &str, at: &Range<usize>) -> Option<(String, Standing, bool)> {
        let (role, word) = text.split_once(':').unwrap_or((text, "confirmed"));
        let waived = word.trim() == "waived";
        let standing = if waived { Some(Standing::Confirmed) } else { self.standing(word.trim(), at) };
        standing.map(|standing| (role.trim().to_owned(), standing, waived))
    }

    fn standing(&mut self, word: &str, at: &Range<usize>) -> Option<Standing> {
        let found = Standing::ALL.iter().copied().find(|s| s.as_str() == word);
        if found.is_none() {
            let known: Vec<&str> = Standing::ALL.iter().map(|s| s.as_str()).collect();
            let hint = match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            self.problem(at.clone(), format!("`{word}` is no standing; {hint}"));
        }
        found
    }

    fn coverage(&mut self, value: &Value<'_>) -> Option<Coverage> {
        match self.string(value)?.as_str() {
            "all" => Some(Coverage::All),
            "mandatory" => Some(Coverage::Mandatory),
            other => {
                let message =
                    format!("`criteria = \"{other}\"` is unknown, expected \"mandatory\" or \"all\"");
                self.problem(value.span(), message);
                // A need that nobody can read must not fall away.
                Some(Coverage::All)
            }
        }
    }

    fn tables<'t>(&mut self, table: &'t DeTable<'t>, key: &str) -> Vec<(&'t DeTable<'t>, Range<usize>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.problem(value.span(), format!("`{key}` has the wrong type, expected `[[gate.NAME.{key}]]`"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((table, item.span())),
                None => self.problem(item.span(), "wrong type, expected a table".into()),
            }
        }
        tables
    }

    fn strings(&mut self, value: &Value<'_>) -> Vec<(String, Range<usize>)> {
        let Some(items) = value.get_ref().as_array() else {
            self.problem(value.span(), "wrong type, expected a list of strings".into());
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => strings.push((text.to_owned(), item.span())),
                None => self.problem(item.span(), "wrong type, expected a string".into()),
            }
        }
        strings
    }

    fn string(&mut self, value: &Value<'_>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.problem(value.span(), "wrong type, expected a string".into());
        }
        text
    }

    fn number(&mut self, value: &Value<'_>) -> Option<u64> {
        let number = value.get_ref().as_integer().and_then(|n| n.as_str().replace('_', "").parse().ok());
        if number.is_none() {
            self.problem(value.span(), "wrong type, expected a whole number".into());
        }
        number
    }

    fn flag(&mut self, table: &DeTable<'_>, key: &str, default: bool) -> bool {
        let Some(value) = table.get(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.problem(value.span(), format!("`{key}` has the wrong type, expected true or false"));
            default
        })
    }
}
