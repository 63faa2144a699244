//! What was said about each criterion: by number, ordinal, name, or typed below its quoted line.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Question;
use super::language::{Language, Says};
use super::scan::{Scan, overlap};
use super::units::Sentence;
use crate::model::{Criterion, CriterionAnswer, DeclaredResult, Reading, Spoken};
use crate::text::squeeze;

/// Letters that a word must have to tell criteria apart.
const WORD_LETTERS_MIN: usize = 3;
/// Of 10 content words of a criterion, how many a quoted line must share to be that criterion.
const SHARED_OF_TEN: usize = 6;

/// What was said about the criteria.
#[derive(Debug, Default)]
pub(super) struct Answers {
    spoken: Vec<(u32, Spoken, bool)>,
    /// Every criterion was answered "pass", by number or below its quoted line.
    pub all_pass: bool,
    /// Every criterion that was declared open is said to have passed.
    pub open_items_done: bool,
}

impl Answers {
    /// Results that were given by number or inline.
    pub(super) fn numbered(&self) -> Vec<Spoken> {
        self.spoken.iter().filter(|(_, _, numbered)| *numbered).map(|(_, spoken, _)| *spoken).collect()
    }

    /// One answer for each criterion; an overall yes passes all that nothing else was said about.
    pub(super) fn list(&self, overall_yes: bool) -> Vec<CriterionAnswer> {
        let fill = |spoken: Spoken| match spoken {
            Spoken::Unspoken if overall_yes => Spoken::Pass,
            other => other,
        };
        self.spoken.iter().map(|(n, spoken, _)| CriterionAnswer { n: *n, result: fill(*spoken) }).collect()
    }

    fn set(&mut self, n: u32, result: Spoken, numbered: bool) {
        for (own, spoken, by_number) in &mut self.spoken {
            // The less favourable one stays: a criterion that was once called failed is not passed by a
            // second mention.
            if *own == n && (*spoken == Spoken::Unspoken || rank(result) > rank(*spoken)) {
                *spoken = result;
                *by_number |= numbered;
            }
        }
    }
}

fn rank(spoken: Spoken) -> u8 {
    match spoken {
        Spoken::Unspoken => 0,
        Spoken::Pass => 1,
        Spoken::Partial => 2,
        Spoken::Unproven => 3,
        Spoken::Fail => 4,
    }
}

/// The declared criteria as a reply may name them.
#[derive(Debug)]
pub(super) struct Topics<'a> {
    language: &'a Language,
    /// Number and content words of each.
    named: Vec<(u32, BTreeSet<String>)>,
}

impl<'a> Topics<'a> {
    /// Of these criteria, in a reply in this language.
    pub(super) fn new(criteria: &[Criterion], language: &'a Language) -> Self {
        let named = criteria.iter().map(|c| (c.n, content_words(&c.text, language))).collect();
        Self { language, named }
    }

    /// Whether a clause names one.
    pub(super) fn any_named(&self, clause: &str) -> bool {
        !self.in_clause(clause, &mut false).is_empty()
    }

    /// The criteria that a clause names, and whether by number. `numbering` says whether numbers stood for criteria
    /// in the clauses before.
    fn in_clause(&self, clause: &str, numbering: &mut bool) -> Vec<(u32, bool)> {
        let total = u32::try_from(self.named.len()).unwrap_or(u32::MAX);
        let numbers = numbers(clause, total, self.language, numbering);
        if numbers.is_empty() {
            self.by_name(clause)
        } else {
            numbers.into_iter().map(|n| (n, true)).collect()
        }
    }

    /// Criteria named by a word that no other criterion has.
    fn by_name(&self, clause: &str) -> Vec<(u32, bool)> {
        let said = content_words(clause, self.language);
        let alone = |own: u32, word: &String| {
            self.named.iter().all(|(other, words)| *other == own || !words.contains(word))
        };
        let named = self.named.iter().filter(|(n, own)| own.intersection(&said).any(|word| alone(*n, word)));
        named.map(|(n, _)| (*n, false)).collect()
    }
}

/// Reads the answers.
pub(super) fn answers(
    reading: &Reading,
    question: &Question<'_>,
    scan: &Scan,
    topics: &Topics<'_>,
) -> Answers {
    let mut answers = Answers {
        spoken: question.criteria.iter().map(|c| (c.n, Spoken::Unspoken, false)).collect(),
        ..Answers::default()
    };
    inline(reading, scan, topics, &mut answers);
    let total = topics.named.len();
    let passed = answers.numbered();
    answers.all_pass =
        !passed.is_empty() && passed.len() == total && passed.iter().all(|s| *s == Spoken::Pass);
    for sentence in &scan.sentences {
        in_sentence(sentence, scan, topics, &mut answers);
    }
    // "1 ok, 2 ok, 3 ok" is a yes to all of them too.
    let passed = answers.numbered();
    answers.all_pass |=
        passed.len() == total && !passed.is_empty() && passed.iter().all(|s| *s == Spoken::Pass);
    let open =
        |result| matches!(result, DeclaredResult::Open | DeclaredResult::Fail | DeclaredResult::Partial);
    let said = |n: u32| answers.spoken.iter().any(|(own, spoken, _)| *own == n && *spoken == Spoken::Pass);
    let mut opens = question.criteria.iter().filter(|c| open(c.result)).peekable();
    answers.open_items_done = opens.peek().is_some() && opens.all(|c| said(c.n));
    answers
}

fn inline(reading: &Reading, scan: &Scan, topics: &Topics<'_>, answers: &mut Answers) {
    for answer in &reading.inline {
        let quoted = content_words(&answer.quoted, topics.language);
        let shared = |own: &BTreeSet<String>| own.intersection(&quoted).count() * 10 / own.len().max(1);
        let best = topics.named.iter().max_by_key(|(_, own)| shared(own));
        let Some((n, own)) = best else { continue };
        if shared(own) < SHARED_OF_TEN {
            continue;
        }
        let typed = |span: &Range<usize>| overlap(&scan.folded.original(span.clone()), &answer.span);
        if let Some(result) = result_in(scan, &typed) {
            answers.set(*n, result, true);
        }
    }
}

/// The least favourable result that the hits in a place give.
fn result_in(scan: &Scan, place: &dyn Fn(&Range<usize>) -> bool) -> Option<Spoken> {
    let results = scan.hits.iter().filter(|hit| hit.blocked.is_none() && place(&hit.span));
    results
        .filter_map(|hit| match hit.says {
            Says::Pass | Says::Affirm | Says::Bare => Some(Spoken::Pass),
            Says::Partial => Some(Spoken::Partial),
            Says::Fail | Says::Decline => Some(Spoken::Fail),
            Says::Unproven | Says::Concern | Says::Stipulate | Says::Defer => Some(Spoken::Unproven),
            _ => None,
        })
        .max_by_key(|spoken| rank(*spoken))
}

fn in_sentence(sentence: &Sentence, scan: &Scan, topics: &Topics<'_>, answers: &mut Answers) {
    let mut numbering = false;
    let mut waiting: Vec<(u32, bool)> = Vec::new();
    for clause in &sentence.clauses {
        let text = scan.folded.text.get(clause.clone()).unwrap_or_default();
        let named = topics.in_clause(text, &mut numbering);
        let result = result_in(scan, &|span| clause.start <= span.start && span.end <= clause.end);
        match (named.is_empty(), result) {
            (false, Some(result)) => {
                for (n, numbered) in waiting.drain(..).chain(named) {
                    answers.set(n, result, numbered);
                }
            }
            // "SSO, audit log and export: passed" - the result follows in a later clause.
            (false, None) => waiting.extend(named),
            (true, Some(result)) => {
                for (n, numbered) in waiting.drain(..) {
                    answers.set(n, result, numbered);
                }
            }
            (true, None) => {}
        }
    }
}

/// Criteria named by number: "criteria 1 and 2", "1-3 and 5", "#4", "the first four", "the third one".
fn numbers(clause: &str, total: u32, language: &Language, numbering: &mut bool) -> Vec<u32> {
    let words: Vec<&str> = clause
        .split([' ', '\n', ',', '&', '+'])
        .map(|word| word.trim_matches(|c: char| "().:;".contains(c)))
        .filter(|word| !word.is_empty())
        .collect();
    let listed = words.first().is_some_and(|word| range(word, total).is_some());
    let spoken = words.iter().any(|word| language.criterion.contains(*word) || word.starts_with('#'));
    *numbering |= spoken || listed;
    let mut found = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let after = words.get(i + 1).copied().unwrap_or_default();
        let number = |w: &str| language.number(w).filter(|n| *n >= 1 && *n <= total);
        if let Some((from, to)) = range(word.trim_start_matches('#'), total) {
            let of = |w: &str| language.of.contains(w);
            let counted = of(after) || of(before) || after == "%" || language.all.contains(before);
            if *numbering && !counted {
                found.extend(from..=to);
            }
        } else if language.ordinals.contains_key(*word) {
            match (language.leading.contains(*word), number(after)) {
                (true, Some(n)) => found.extend(1..=n),
                _ if language.criterion.contains(after) || language.ones.contains(after) => {
                    found.extend(number(word));
                }
                _ => {}
            }
        } else if language.criterion.contains(before) {
            found.extend(number(word));
        }
    }
    found
}

/// `4`, `1-3`; nothing above the number of criteria.
fn range(word: &str, total: u32) -> Option<(u32, u32)> {
    let (from, to) = word.split_once('-').unwrap_or((word, word));
    let (from, to) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
    (from >= 1 && from <= to && to <= total).then_some((from, to))
}

/// The words by which a text is told from others: no small words, no figures.
pub(super) fn content_words(text: &str, language: &Language) -> BTreeSet<String> {
    squeeze(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= WORD_LETTERS_MIN && word.chars().any(char::is_alphabetic))
        .filter(|word| !language.idle.contains(*word) && !language.common.contains(*word))
        .map(str::to_owned)
        .collect()
}
