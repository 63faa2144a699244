//! Rule files as written: TOML into tables with lines; unknown keys and wrong types are errors, all of them.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::language::{Case, Example, Language, Reads, Says};
use super::rules::RuleError;
use super::tongue::SCRIPTS;
use crate::model::{Form, Verdict};
use crate::text::{nearest, squeeze};

/// Everything that the files say, before patterns are compiled.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Word lists by language and name.
    pub lists: BTreeMap<(String, String), List>,
    pub rules: Vec<RuleSource>,
    pub cases: Vec<Case>,
    pub languages: BTreeMap<String, Language>,
}

/// A named word list.
#[derive(Debug)]
pub(super) struct List {
    pub path: String,
    pub line: usize,
    pub words: Vec<Example>,
}

/// A rule as written.
#[derive(Debug)]
pub(super) struct RuleSource {
    pub id: String,
    pub path: String,
    pub line: usize,
    pub language: String,
    pub says: Says,
    pub reads: Reads,
    pub matches: Vec<Example>,
    pub unless: Vec<Example>,
    pub when: Vec<Example>,
    pub near: Option<Reads>,
    pub about_criteria: bool,
    pub despite: Vec<Says>,
    pub whole: bool,
    pub settles: bool,
    pub soft: bool,
    pub plain: bool,
    pub covers: Option<Reads>,
    pub code: Option<String>,
    pub why: String,
    pub hits: Vec<Example>,
    pub misses: Vec<Example>,
}

/// Reads one file into `source`; reports what is wrong and goes on.
pub(super) fn read(path: &str, tag: &str, text: &str, source: &mut Source, errors: &mut Vec<RuleError>) {
    let lines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
    let mut file = File { path, lines, errors };
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in broken {
        file.error(error.span().unwrap_or(0..0), format!("{}, expected TOML", error.message()));
    }
    file.keys(root.get_ref(), &["lists", "language", "rule", "case"]);
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "lists" => file.lists(tag, value, source),
            "language" => {
                let language = file.language(value);
                source.languages.insert(tag.to_owned(), language);
            }
            "rule" => {
                for table in file.tables(value) {
                    source.rules.extend(file.rule(tag, table));
                }
            }
            "case" => {
                for table in file.tables(value) {
                    source.cases.extend(file.case(table));
                }
            }
            _ => {}
        }
    }
}

/// Keys of `[language]`.
const LANGUAGE_KEYS: &[&str] = &[
    "words",
    "capitals",
    "script",
    "splits",
    "abbreviations",
    "common",
    "asks",
    "asks_last",
    "fronts",
    "undone",
    "generic",
    "places",
    "recipients",
    "idle",
    "criterion",
    "numbers",
    "ordinals",
    "leading",
    "last",
    "to",
    "except",
    "rest",
    "us",
    "endings",
    "of",
    "all",
    "ones",
    "at_most",
    "at_least",
    "more_is_better",
    "less_is_better",
    "reduces",
    "down_to",
    "units",
    "decimal",
];

type Value<'t> = Spanned<DeValue<'t>>;
type Table<'t> = Spanned<&'t DeTable<'t>>;

struct File<'a> {
    path: &'a str,
    /// Where lines end.
    lines: Vec<usize>,
    errors: &'a mut Vec<RuleError>,
}

impl File<'_> {
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|end| *end < at) + 1
    }

    fn error(&mut self, span: Range<usize>, message: String) {
        let line = self.line(span.start);
        self.errors.push(RuleError { path: self.path.to_owned(), line, message });
    }

    fn keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("expected `{near}`"),
                None => format!("expected one of {}", known.join(", ")),
            };
            self.error(key.span(), format!("unknown key `{name}`, {hint}"));
        }
    }

    fn tables<'t>(&mut self, value: &'t Value<'t>) -> Vec<Table<'t>> {
        let mut tables = Vec::new();
        for item in value.get_ref().as_array().into_iter().flatten() {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Spanned::new(item.span(), table)),
                None => self.error(item.span(), "wrong type, expected a table".to_owned()),
            }
        }
        if value.get_ref().as_array().is_none() {
            self.error(value.span(), "wrong type, expected `[[…]]` tables".to_owned());
        }
        tables
    }

    fn strings(&mut self, value: &Value<'_>) -> Vec<Example> {
        let Some(items) = value.get_ref().as_array() else {
            self.error(value.span(), "wrong type, expected a list of strings".to_owned());
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => {
                    strings.push(Example { text: text.to_owned(), line: self.line(item.span().start) });
                }
                None => self.error(item.span(), "wrong type, expected a string".to_owned()),
            }
        }
        strings
    }

    fn lists(&mut self, tag: &str, value: &Value<'_>, source: &mut Source) {
        let Some(table) = value.get_ref().as_table() else {
            self.error(value.span(), "wrong type, expected a table of word lists".to_owned());
            return;
        };
        for (key, words) in table {
            let line = self.line(key.span().start);
            let list = List { path: self.path.to_owned(), line, words: self.strings(words) };
            let name = (tag.to_owned(), key.get_ref().to_string());
            if let Some(other) = source.lists.get(&name) {
                let message = format!(
                    "word list `{}` twice, expected it once: see {}:{}",
                    name.1, other.path, other.line
                );
                self.error(key.span(), message);
            }
            source.lists.insert(name, list);
        }
    }

    fn language(&mut self, value: &Value<'_>) -> Language {
        let mut language = Language::default();
        let Some(table) = value.get_ref().as_table() else {
            self.error(value.span(), "wrong type, expected a table".to_owned());
            return language;
        };
        self.keys(table, LANGUAGE_KEYS);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "words" => language.words = self.yes_or_no(value),
                "capitals" => language.capitals = self.yes_or_no(value),
                "decimal" => language.decimal = self.decimal(value),
                "numbers" => language.numbers = self.numbers(value),
                "ordinals" => language.ordinals = self.numbers(value),
                "units" => language.units = self.units(value),
                "script" => language.script = self.scripts(value),
                "undone" => language.undone = self.frames(value),
                name if LANGUAGE_KEYS.contains(&name) => self.words(name, value, &mut language),
                _ => {}
            }
        }
        language
    }

    fn frames(&mut self, value: &Value<'_>) -> Vec<String> {
        let frames = self.strings(value);
        for frame in frames.iter().filter(|frame| frame.text.matches("{}").count() != 1) {
            let message = format!("frame `{}`, expected one `{{}}` in it", frame.text);
            self.errors.push(RuleError { path: self.path.to_owned(), line: frame.line, message });
        }
        frames.into_iter().map(|frame| frame.text).collect()
    }

    fn words(&mut self, name: &str, value: &Value<'_>, language: &mut Language) {
        let words = self.strings(value).into_iter().map(|word| squeeze(&word.text));
        match name {
            "splits" => language.splits = words.collect(),
            "asks_last" => language.asks_last = words.collect(),
            "fronts" => language.fronts = words.collect(),
            "at_most" => language.at_most = words.collect(),
            "at_least" => language.at_least = words.collect(),
            "more_is_better" => language.more_is_better = words.collect(),
            "less_is_better" => language.less_is_better = words.collect(),
            "reduces" => language.reduces = words.collect(),
            "down_to" => language.down_to = words.collect(),
            "abbreviations" => language.abbreviations = words.collect(),
            "common" => language.common = words.collect(),
            "asks" => language.asks = words.collect(),
            "generic" => language.generic = words.collect(),
            "places" => language.places = words.collect(),
            "recipients" => language.recipients = words.collect(),
            "idle" => language.idle = words.collect(),
            "leading" => language.leading = words.collect(),
            "endings" => language.endings = words.collect(),
            "last" => language.last = words.collect(),
            "to" => language.to = words.collect(),
            "except" => language.except = words.collect(),
            "rest" => language.rest = words.collect(),
            "us" => language.us = words.collect(),
            "of" => language.of = words.collect(),
            "all" => language.all = words.collect(),
            "ones" => language.ones = words.collect(),
            _ => language.criterion = words.collect(),
        }
    }

    fn scripts(&mut self, value: &Value<'_>) -> Vec<String> {
        let mut scripts = Vec::new();
        for name in self.strings(value) {
            if SCRIPTS.contains(&name.text.as_str()) {
                scripts.push(name.text);
            } else {
                let message =
                    format!("unknown script `{}`, expected one of {}", name.text, SCRIPTS.join(", "));
                self.errors.push(RuleError { path: self.path.to_owned(), line: name.line, message });
            }
        }
        scripts
    }

    fn decimal(&mut self, value: &Value<'_>) -> Option<char> {
        let sign = match value.get_ref().as_str() {
            Some(".") => Some('.'),
            Some(",") => Some(','),
            _ => None,
        };
        if sign.is_none() {
            self.error(value.span(), "wrong `decimal`, expected \".\" or \",\"".to_owned());
        }
        sign
    }

    fn units(&mut self, value: &Value<'_>) -> BTreeMap<String, String> {
        let Some(table) = value.get_ref().as_table() else {
            self.error(value.span(), "wrong type, expected words with units".to_owned());
            return BTreeMap::new();
        };
        let mut units = BTreeMap::new();
        for (word, unit) in table {
            match unit.get_ref().as_str() {
                Some(unit) => {
                    units.insert(squeeze(word.get_ref()), unit.to_owned());
                }
                None => self.error(unit.span(), "wrong type, expected a unit".to_owned()),
            }
        }
        units
    }

    fn yes_or_no(&mut self, value: &Value<'_>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.error(value.span(), "wrong type, expected true or false".to_owned());
            true
        })
    }

    fn numbers(&mut self, value: &Value<'_>) -> BTreeMap<String, u32> {
        let Some(table) = value.get_ref().as_table() else {
            self.error(value.span(), "wrong type, expected words with numbers".to_owned());
            return BTreeMap::new();
        };
        let mut numbers = BTreeMap::new();
        for (word, number) in table {
            match number.get_ref().as_integer().and_then(|n| n.as_str().parse().ok()) {
                Some(n) => {
                    numbers.insert(squeeze(word.get_ref()), n);
                }
                None => self.error(number.span(), "wrong type, expected a number".to_owned()),
            }
        }
        numbers
    }

    fn rule(&mut self, tag: &str, table: Table<'_>) -> Option<RuleSource> {
        const KEYS: &[&str] = &[
            "id", "says", "reads", "match", "unless", "when", "near", "about", "despite", "whole", "settles",
            "soft", "plain", "covers", "code", "why", "hits", "misses",
        ];
        let at = table.span();
        let keys = *table.get_ref();
        self.keys(keys, KEYS);
        let id = self.string(keys, "id", &at, true)?;
        let says = self.word(keys, "says", &at, Says::ALL, true);
        let reads = self.word(keys, "reads", &at, Reads::ALL, false).unwrap_or(Reads::Sentence);
        let why = self.string(keys, "why", &at, true).unwrap_or_default();
        let mut list = |name: &str| keys.get(name).map(|v| self.strings(v)).unwrap_or_default();
        let (matches, unless, hits, misses) = (list("match"), list("unless"), list("hits"), list("misses"));
        let (despite, when) = (list("despite"), list("when"));
        let near = self.near(keys, &at, reads, unless.is_empty() && when.is_empty());
        let about = self.word(keys, "about", &at, &[("criteria", true)], false);
        for (name, empty, expected) in [
            ("match", matches.is_empty(), "at least one pattern"),
            ("hits", hits.is_empty(), "at least one example that the rule hits"),
            ("misses", misses.is_empty(), "at least one example that the rule must not hit"),
        ] {
            if empty {
                self.error(at.clone(), format!("rule `{id}` has no `{name}`, expected {expected}"));
            }
        }
        let despite = despite.iter().filter_map(|word| self.blocker(word)).collect();
        let covers = match self.string(keys, "covers", &at, false).as_deref() {
            None | Some("match") => None,
            Some(_) => self.word(keys, "covers", &at, Reads::ALL, false),
        };
        Some(RuleSource {
            id: format!("{tag}/{id}"),
            path: self.path.to_owned(),
            line: self.line(at.start),
            language: tag.to_owned(),
            says: says?,
            reads,
            matches,
            unless,
            when,
            near,
            about_criteria: about.is_some(),
            despite,
            whole: self.flag(keys, "whole"),
            settles: self.flag(keys, "settles"),
            soft: self.flag(keys, "soft"),
            plain: self.flag(keys, "plain"),
            covers,
            code: self.string(keys, "code", &at, false),
            why,
            hits,
            misses,
        })
    }

    /// How far `unless` and `when` see: further than the match, or it would say nothing.
    fn near(&mut self, keys: &DeTable<'_>, at: &Range<usize>, reads: Reads, unused: bool) -> Option<Reads> {
        let near = self.word(keys, "near", at, Reads::ALL, false)?;
        let span = keys.get("near").map_or(at.clone(), Spanned::span);
        if unused {
            self.error(span, "`near` without `unless` or `when`, expected one of them".to_owned());
        } else if near <= reads {
            self.error(span, "`near` sees no further than `reads`, expected a wider stretch".to_owned());
        }
        Some(near)
    }

    fn blocker(&mut self, word: &Example) -> Option<Says> {
        let may_stop = |says: Says| says.blocks() || says == Says::Harmless;
        let found = Says::ALL.iter().find(|(name, says)| *name == word.text && may_stop(*says));
        if found.is_none() {
            let names: Vec<&str> = Says::ALL.iter().filter(|(_, s)| may_stop(*s)).map(|(n, _)| *n).collect();
            let message = format!("`{}` is no blocker, expected one of {}", word.text, names.join(", "));
            self.errors.push(RuleError { path: self.path.to_owned(), line: word.line, message });
        }
        found.map(|(_, says)| *says)
    }

    fn case(&mut self, table: Table<'_>) -> Option<Case> {
        const FORMS: &[(&str, Form)] =
            &[("recap", Form::Recap), ("request", Form::Request), ("conditional", Form::Conditional)];
        const VERDICTS: &[(&str, Verdict)] = &[
            ("confirmed", Verdict::Confirmed),
            ("conditional", Verdict::Conditional),
            ("deferred", Verdict::Deferred),
            ("declined", Verdict::Declined),
            ("retracted", Verdict::Retracted),
            ("inconclusive", Verdict::Inconclusive),
        ];
        let at = table.span();
        let keys = *table.get_ref();
        self.keys(keys, &["text", "form", "criteria", "verdict", "never", "sure", "names", "account"]);
        let text = self.string(keys, "text", &at, true)?;
        let form = self.word(keys, "form", &at, FORMS, false).unwrap_or(Form::Request);
        let never = self.word(keys, "never", &at, VERDICTS, false);
        let verdict = match never {
            Some(never) => never,
            None => self.word(keys, "verdict", &at, VERDICTS, true)?,
        };
        let criteria = self.criteria(keys.get("criteria"))?;
        let names = keys.get("names").map(|v| self.strings(v)).unwrap_or_default();
        Some(Case {
            path: self.path.to_owned(),
            line: self.line(at.start),
            text,
            form,
            criteria,
            verdict,
            never: never.is_some(),
            sure: keys.get("sure").is_none() || self.flag(keys, "sure"),
            names: names.into_iter().map(|name| name.text).collect(),
            account: self.string(keys, "account", &at, false),
        })
    }

    /// A number of criteria, or their texts.
    fn criteria(&mut self, value: Option<&Value<'_>>) -> Option<Vec<String>> {
        let Some(value) = value else { return Some(numbered(3)) };
        if value.get_ref().as_array().is_some() {
            return Some(self.strings(value).into_iter().map(|text| text.text).collect());
        }
        let number = value.get_ref().as_integer().and_then(|n| n.as_str().parse().ok());
        if number.is_none() {
            self.error(value.span(), "wrong type, expected a number of criteria or their texts".to_owned());
        }
        number.map(numbered)
    }

    fn string(&mut self, keys: &DeTable<'_>, name: &str, at: &Range<usize>, needed: bool) -> Option<String> {
        match keys.get(name) {
            Some(value) => match value.get_ref().as_str() {
                Some(text) => return Some(text.to_owned()),
                None => self.error(value.span(), format!("`{name}` has the wrong type, expected a string")),
            },
            None if needed => {
                self.error(at.clone(), format!("missing key `{name}`, expected a string"));
            }
            None => {}
        }
        None
    }

    fn flag(&mut self, keys: &DeTable<'_>, name: &str) -> bool {
        let Some(value) = keys.get(name) else { return false };
        match value.get_ref().as_bool() {
            Some(flag) => flag,
            None => {
                self.error(value.span(), format!("`{name}` has the wrong type, expected true or false"));
                false
            }
        }
    }

    fn word<T: Copy>(
        &mut self,
        keys: &DeTable<'_>,
        name: &str,
        at: &Range<usize>,
        words: &[(&str, T)],
        needed: bool,
    ) -> Option<T> {
        let text = self.string(keys, name, at, needed)?;
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*found);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let span = keys.get(name).map_or(at.clone(), Spanned::span);
        let hint = match nearest(&text, known.iter().copied()) {
            Some(near) => format!("`{near}`"),
            None => format!("one of {}", known.join(", ")),
        };
        self.error(span, format!("`{name}` is `{text}`, expected {hint}"));
        None
    }
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("criterion {n}")).collect()
}
