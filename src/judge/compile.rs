//! From files to rules and packs. Patterns are compiled at their first use (`spell`); [`check`] compiles them all.

use std::collections::{BTreeMap, BTreeSet};

use super::language::{AnyPattern, Example, Language, Pack, Pattern, Rule};
use super::rules::RuleError;
use super::source::{RuleSource, Source};
use super::spell;
use super::tongue::PACKS_MAX;
use crate::text::fold_pattern;

/// All rules by pack.
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
        if let Some(pack) = packs.get_mut(at) {
            pack.rules.push(rules.len());
        }
        rules.push(rule(written, at));
    }
    (rules, packs)
}

fn rule(written: &RuleSource, pack: usize) -> Rule {
    let pattern = |example: &Example| Pattern::new(fold_pattern(&example.text), example.line);
    Rule {
        id: written.id.clone(),
        path: written.path.clone(),
        pack,
        says: written.says,
        reads: written.reads,
        matches: written.matches.iter().map(pattern).collect(),
        unless: AnyPattern::new(written.unless.iter().map(pattern).collect()),
        when: AnyPattern::new(written.when.iter().map(pattern).collect()),
        near: written.near.unwrap_or(written.reads),
        about_criteria: written.about_criteria,
        despite: written.despite.iter().copied().collect(),
        whole: written.whole,
        settles: written.settles || written.whole,
        soft: written.soft,
        plain: written.plain,
        covers: written.covers,
        code: written.code.clone().unwrap_or_else(|| written.says.code().to_owned()),
        why: written.why.clone(),
        hits: written.hits.clone(),
        misses: written.misses.clone(),
    }
}

/// One pack for each language that has rules or a `[language]` table.
fn packs(source: &Source, errors: &mut Vec<RuleError>) -> Vec<Pack> {
    let mut tags: BTreeSet<&str> = source.languages.keys().map(String::as_str).collect();
    tags.extend(source.rules.iter().map(|rule| rule.language.as_str()));
    if tags.len() > PACKS_MAX {
        let message = format!("{} languages, expected at most {PACKS_MAX}", tags.len());
        errors.push(RuleError { path: "rules".to_owned(), line: 1, message });
    }
    tags.into_iter().map(|tag| pack(tag, source)).collect()
}

fn pack(tag: &str, source: &Source) -> Pack {
    let mut language: Language = source.languages.get(tag).cloned().unwrap_or_default();
    let mut lists = BTreeMap::new();
    for ((_, name), list) in source.lists.iter().filter(|((own, _), _)| own == tag) {
        let words: Vec<String> = list.words.iter().map(|word| fold_pattern(&word.text)).collect();
        for word in &words {
            let words = word.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            language.vocabulary.extend(words.map(str::to_owned));
        }
        lists.insert(name.clone(), words);
    }
    language.collect_counting();
    Pack { tag: tag.to_owned(), language, lists, rules: Vec::new() }
}

/// Compiles every pattern; what does not compile is an error with its line.
pub(super) fn check(rules: &[Rule], packs: &[Pack]) -> Vec<RuleError> {
    let mut errors = Vec::new();
    for rule in rules {
        let Some(pack) = packs.get(rule.pack) else { continue };
        let matches = rule.matches.iter().map(|pattern| (pattern, rule.reads));
        let beside = rule.unless.patterns().iter().chain(rule.when.patterns());
        for (pattern, reads) in matches.chain(beside.map(|pattern| (pattern, rule.near))) {
            if let Err(what) = spell::compile(pack, reads, pattern.as_str()) {
                let message = format!("pattern `{}`: {what}", pattern.as_str());
                errors.push(RuleError { path: rule.path.clone(), line: pattern.line, message });
            }
        }
    }
    errors
}
