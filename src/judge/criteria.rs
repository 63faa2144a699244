//! What was said about each criterion: by number, ordinal, name, or typed below its quoted line.

use std::ops::Range;

use super::Question;
use super::language::Says;
use super::scan::{Scan, overlap};
use super::topics::{Mention, Topics};
use super::units::Sentence;
use crate::model::{CriterionAnswer, DeclaredResult, Reading, Spoken};

/// Of 10 content words of a criterion, how many a quoted line must share to be that criterion.
const SHARED_OF_TEN: usize = 6;

/// What was said about the criteria.
#[derive(Debug, Default)]
pub(super) struct Answers {
    spoken: Vec<(u32, Spoken, bool)>,
    /// Where in the typed text a quoted criterion is answered right below its line.
    pub lines: Vec<Range<usize>>,
    /// Every criterion was answered "pass", by number or below its quoted line.
    pub all_pass: bool,
    /// Some criteria were excepted from a yes.
    pub exceptions: bool,
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

    /// "3 is pending, the rest passed": what nothing was said about passed, if something was said about others.
    fn rest_passed(&mut self, scan: &Scan, topics: &Topics<'_>) {
        if self.spoken.iter().all(|(_, spoken, _)| *spoken == Spoken::Unspoken) {
            return;
        }
        let clauses = scan.sentences.iter().flat_map(|sentence| &sentence.clauses);
        let passed = clauses.into_iter().any(|clause| {
            let text = scan.folded.text.get(clause.clone()).unwrap_or_default();
            let inside = |span: &Range<usize>| clause.start <= span.start && span.end <= clause.end;
            topics.language.rest.iter().any(|word| find_word(text, word).is_some())
                && says_in(scan, &inside, &[Says::Pass, Says::Affirm, Says::Bare])
                && !says_in(scan, &inside, &[Says::Fail, Says::Unproven, Says::Partial])
        });
        for (_, spoken, numbered) in &mut self.spoken {
            if passed && *spoken == Spoken::Unspoken {
                (*spoken, *numbered) = (Spoken::Pass, true);
            }
        }
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
    let total = topics.len();
    let passed = answers.numbered();
    answers.all_pass =
        !passed.is_empty() && passed.len() == total && passed.iter().all(|s| *s == Spoken::Pass);
    for sentence in &scan.sentences {
        if !excepted(sentence, scan, topics, &mut answers) {
            in_sentence(sentence, scan, topics, &mut answers);
        }
    }
    answers.rest_passed(scan, topics);
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
        let Some(n) = topics.quoted(&answer.quoted, SHARED_OF_TEN) else { continue };
        answers.lines.push(answer.span.clone());
        let typed = |span: &Range<usize>| overlap(&scan.folded.original(span.clone()), &answer.span);
        if let Some(result) = result_in(scan, &typed) {
            answers.set(n, result, true);
        }
    }
}

/// "Everything except 3 passed", "all but the SSO one": the named ones are excepted from the yes to all others.
fn excepted(sentence: &Sentence, scan: &Scan, topics: &Topics<'_>, answers: &mut Answers) -> bool {
    let within = |span: &Range<usize>| sentence.span.start <= span.start && span.end <= sentence.span.end;
    let passes = scan.hits.iter().any(|hit| {
        within(&hit.span)
            && hit.blocked.is_none()
            && matches!(hit.says, Says::Pass | Says::Affirm | Says::Count)
    });
    if !passes {
        return false;
    }
    let text = scan.folded.text.get(sentence.span.clone()).unwrap_or_default();
    let language = topics.language;
    let first = |words: &mut dyn Iterator<Item = &String>, text: &str| {
        words.filter_map(|word| find_word(text, word)).min_by_key(|found| found.start)
    };
    let Some(all) = first(&mut language.all.iter(), text) else { return false };
    let behind = text.get(all.end..).unwrap_or_default();
    let Some(except) = first(&mut language.except.iter(), behind) else { return false };
    let but = behind.get(except.end..).unwrap_or_default();
    let but = but.split([',', ';', '(']).next().unwrap_or_default();
    // Behind "except" a number stands for a criterion.
    let named = topics.mentions(but, &mut true);
    let at = sentence.span.start + all.end + except.end;
    if named.is_empty() {
        return false;
    }
    // The yes to the others may stand behind the exception: it is no result of the excepted ones.
    let told = scan.hits.iter().any(|hit| {
        within(&hit.span) && hit.span.start >= at && hit.blocked.is_none() && hit.says == Says::Fail
    });
    let result = if told { Spoken::Fail } else { Spoken::Unproven };
    for n in topics.numbers() {
        let result = if named.iter().any(|m| m.n == n) { result } else { Spoken::Pass };
        answers.set(n, result, true);
    }
    answers.exceptions = true;
    true
}

/// A word or phrase of the language, as a whole.
fn find_word(text: &str, word: &str) -> Option<Range<usize>> {
    let edge = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    text.match_indices(word).map(|(at, found)| at..at + found.len()).find(|span| {
        edge(text.get(..span.start).and_then(|t| t.chars().next_back()))
            && edge(text.get(span.end..).and_then(|t| t.chars().next()))
    })
}

/// Whether one of these is said in a place and not stopped.
fn says_in(scan: &Scan, place: &dyn Fn(&Range<usize>) -> bool, says: &[Says]) -> bool {
    scan.hits.iter().any(|hit| hit.blocked.is_none() && says.contains(&hit.says) && place(&hit.span))
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
    let within = |span: &Range<usize>| sentence.span.start <= span.start && span.end <= sentence.span.end;
    if result_in(scan, &within).is_none() {
        return;
    }
    let mut numbering = false;
    let mut waiting: Vec<Mention> = Vec::new();
    for clause in &sentence.clauses {
        let text = scan.folded.text.get(clause.clone()).unwrap_or_default();
        let named = topics.mentions(text, &mut numbering);
        let result = result_in(scan, &|span| clause.start <= span.start && span.end <= clause.end);
        match (named.is_empty(), result) {
            (false, Some(result)) => {
                for mention in waiting.drain(..).chain(named) {
                    answers.set(mention.n, result, mention.by_number);
                }
            }
            // "SSO, audit log and export: passed" - the result follows in a later clause.
            (false, None) => waiting.extend(named),
            (true, Some(result)) => {
                for mention in waiting.drain(..) {
                    answers.set(mention.n, result, mention.by_number);
                }
            }
            (true, None) => {}
        }
    }
}
