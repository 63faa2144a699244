//! From rules as written to compiled patterns: word lists and gaps are spelled out, limits held.

use std::collections::{BTreeMap, BTreeSet};

use super::language::{Example, Language, Pack, Pattern, Reads, Rule};
use super::rules::RuleError;
use super::source::{RuleSource, Source};
use super::tongue::PACKS_MAX;
use crate::text::fold_pattern;

/// Bytes of a pattern with its lists spelled out.
const EXPANDED_LEN_MAX: usize = 64 << 10;
/// Lists within lists.
const LIST_DEPTH_MAX: usize = 8;
/// Words that a gap `<N>` may span.
const GAP_WORDS_MAX: usize = 12;

/// Compiles all rules; what does not compile is an error with its line and leaves the rest standing.
pub(super) fn compile(source: &Source, errors: &mut Vec<RuleError>) -> (Vec<Rule>, Vec<Pack>) {
    let mut packs = packs(source, errors);
    let mut rules: Vec<Rule> = Vec::new();
    let mut seen: BTreeMap<&str, &RuleSource> = BTreeMap::new();
    for written in &source.rules {
        if let Some(first) = seen.insert(&written.id, written) {
            let message = format!(
                "rule id `{}` twice, expected it once: see {}:{}",
                written.id, first.path, first.line
            );
            errors.push(RuleError { path: written.path.clone(), line: written.line, message });
        }
        let Some(at) = packs.iter().position(|pack| pack.tag == written.language) else { continue };
        let Some(pack) = packs.get_mut(at) else { continue };
        pack.rules.push(rules.len());
        let spell = Spell { source, rule: written, language: &pack.language };
        let matches = spell.patterns(&written.matches, errors);
        let unless = spell.patterns(&written.unless, errors);
        rules.push(Rule {
            id: written.id.clone(),
            path: written.path.clone(),
            line: written.line,
            pack: at,
            says: written.says,
            reads: written.reads,
            written: written.matches.iter().map(|pattern| fold_pattern(&pattern.text)).collect(),
            matches,
            unless,
            despite: written.despite.iter().copied().collect(),
            whole: written.whole,
            settles: written.settles || written.whole,
            soft: written.soft,
            covers: written.covers,
            code: written.code.clone().unwrap_or_else(|| written.says.code().to_owned()),
            why: written.why.clone(),
            hits: written.hits.clone(),
            misses: written.misses.clone(),
        });
    }
    (rules, packs)
}

/// One pack for each language that has rules or a `[language]` table.
fn packs(source: &Source, errors: &mut Vec<RuleError>) -> Vec<Pack> {
    let mut tags: BTreeSet<&str> = source.languages.keys().map(String::as_str).collect();
    tags.extend(source.rules.iter().map(|rule| rule.language.as_str()));
    if tags.len() > PACKS_MAX {
        let message = format!("{} languages, expected at most {PACKS_MAX}", tags.len());
        errors.push(RuleError { path: "rules".to_owned(), line: 1, message });
    }
    let mut packs = Vec::new();
    for tag in tags {
        let mut language = source.languages.get(tag).cloned().unwrap_or_default();
        let lists = source.lists.iter().filter(|((own, _), _)| own == tag);
        for entry in lists.flat_map(|(_, list)| &list.words) {
            let folded = fold_pattern(&entry.text);
            let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            language.vocabulary.extend(words.map(str::to_owned));
        }
        packs.push(Pack { tag: tag.to_owned(), language, rules: Vec::new() });
    }
    packs
}

struct Spell<'a> {
    source: &'a Source,
    rule: &'a RuleSource,
    language: &'a Language,
}

impl Spell<'_> {
    fn patterns(&self, written: &[Example], errors: &mut Vec<RuleError>) -> Vec<Pattern> {
        let mut compiled = Vec::new();
        for pattern in written {
            match self.pattern(&pattern.text) {
                Ok(regex) => compiled.push(regex),
                Err(what) => {
                    let message = format!("pattern `{}`: {what}", pattern.text);
                    errors.push(RuleError { path: self.rule.path.clone(), line: pattern.line, message });
                }
            }
        }
        compiled
    }

    fn pattern(&self, written: &str) -> Result<Pattern, String> {
        let mut bare = written.replace("\\W", "").replace("\\S", "").replace("\\B", "").replace("\\D", "");
        bare.retain(char::is_uppercase);
        if !bare.is_empty() {
            return Err("has capitals, expected lower case: rules run on folded text".to_owned());
        }
        if !self.language.words && (written.contains("\\b") || written.contains("\\w")) {
            return Err("`\\b` or `\\w` in a language without words, expected neither".to_owned());
        }
        let mut spelled = String::new();
        self.spell(&fold_pattern(written), 0, &mut spelled)?;
        let mut whole =
            if self.language.words { bounded(written, &spelled) } else { format!("(?:{spelled})") };
        if self.rule.reads != Reads::Clause && self.language.words {
            whole = over_commas(&whole);
        }
        let latin = self.language.script.iter().all(|script| script == "latin");
        Pattern::new(whole, !latin).map_err(|error| regex_error(&error))
    }

    /// Spells out `{list}` and `<N>`.
    fn spell(&self, written: &str, depth: usize, out: &mut String) -> Result<(), String> {
        if depth > LIST_DEPTH_MAX {
            return Err(format!("lists nest deeper than {LIST_DEPTH_MAX}, expected no list inside itself"));
        }
        let mut rest = written;
        while let Some(at) = rest.find(['{', '<']) {
            let (before, tail) = rest.split_at(at);
            out.push_str(before);
            let named = tail.starts_with('{');
            let close = if named { '}' } else { '>' };
            let inner = tail.get(1..).and_then(|t| t.split_once(close));
            match inner {
                Some((name, after)) if named && name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    self.list(name, depth, out)?;
                    rest = after;
                }
                Some((words, after))
                    if !named && words.parse::<usize>().is_ok() && !before.ends_with("(?") =>
                {
                    let words = words.parse().unwrap_or(0).min(GAP_WORDS_MAX);
                    out.push_str(&self.gap(words));
                    rest = after;
                }
                _ => {
                    out.push_str(tail.get(..1).unwrap_or_default());
                    rest = tail.get(1..).unwrap_or_default();
                }
            }
            if out.len() > EXPANDED_LEN_MAX {
                return Err(format!(
                    "longer than {EXPANDED_LEN_MAX} bytes spelled out, expected shorter lists"
                ));
            }
        }
        out.push_str(rest);
        Ok(())
    }

    /// Up to so many words in between; characters in a language without words.
    fn gap(&self, count: usize) -> String {
        if self.language.words { format!("(?:[^ ]+ ){{0,{count}}}") } else { format!(".{{0,{count}}}") }
    }

    fn list(&self, name: &str, depth: usize, out: &mut String) -> Result<(), String> {
        let key = (self.rule.language.clone(), name.to_owned());
        let Some(list) = self.source.lists.get(&key) else {
            let known = self.source.lists.keys().filter(|k| k.0 == self.rule.language).map(|k| k.1.as_str());
            return Err(match crate::text::nearest(name, known) {
                Some(near) => format!("unknown word list `{{{name}}}`, expected `{{{near}}}`"),
                None => format!("unknown word list `{{{name}}}`, expected one of [lists]"),
            });
        };
        out.push_str("(?:");
        for (i, word) in list.words.iter().enumerate() {
            if i > 0 {
                out.push('|');
            }
            self.spell(&fold_pattern(&word.text), depth + 1, out)?;
        }
        out.push(')');
        Ok(())
    }
}

/// Lets a space match a space with a comma before it: sentences have them between any two words.
fn over_commas(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            ' ' if !in_class => out.push_str("[,:]?"),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// Holds a pattern to whole words where it starts or ends with a word.
fn bounded(written: &str, spelled: &str) -> String {
    let word = |c: char, marks: &str| c.is_alphanumeric() || marks.contains(c);
    let starts = written.starts_with(|c| word(c, "({[")) || written.starts_with("\\d");
    let ends = written.ends_with(|c| word(c, ")}]?*+")) && !written.ends_with("\\b");
    let edge = |on: bool| if on { "\\b" } else { "" };
    format!("{}(?:{spelled}){}", edge(starts), edge(ends))
}

/// The last line of a regex error, with the piece of the pattern that it points at.
fn regex_error(error: &regex::Error) -> String {
    match error {
        regex::Error::Syntax(text) => {
            let mut lines = text.lines();
            let pattern = lines.find(|line| line.starts_with("    ")).unwrap_or_default();
            let at = text.lines().find(|l| l.trim_start().starts_with('^')).map_or(0, |l| l.len() - 1);
            let near: String = pattern.chars().skip(at).take(20).collect();
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("{what} at `{}`, expected a regular expression", near.trim_end())
        }
        regex::Error::CompiledTooBig(limit) => {
            format!("larger than {limit} bytes compiled, expected a simpler pattern")
        }
        other => format!("{other}, expected a regular expression"),
    }
}
