//! What was said: rule files decide. Blind to who said it.
//!
//! A reply is folded, cut into sentences and clauses (`units`), and read with all rules at once (`scan`):
//! first the harmless ones, which blank out what only looks like a veto, then everything else. Blockers stop
//! affirmations within their reach. `weigh` turns the hits into a verdict by order of veto; `doubts` tells what keeps
//! a yes from being sure: it is only when no word beside it is left unexplained. docs/RULES.md tells the language.

mod compile;
mod criteria;
mod cutter;
mod doubts;
mod evidence;
mod examples;
mod explain;
mod figures;
mod guess;
mod index;
mod language;
mod names;
mod rules;
mod scan;
mod signs;
mod skeleton;
mod source;
mod spell;
mod tongue;
mod topics;
mod tree;
mod units;
mod weigh;

#[cfg(test)]
mod tests;

pub use evidence::{EvidenceRule, Side};
pub use examples::{Failure, TestReport};
pub use explain::{Explanation, Fired, Neighbour, SentenceExplained, Stopped, TextExplained, explain};
pub use rules::{RuleError, Rules};
pub use signs::{Around, Sign, signs, unread};

use crate::model::{Criterion, Form, Judgement, Reading, Reason, Source, Verdict};
use crate::text::fold;
use guess::Scans;
use language::{Language, Says};
use scan::{Context, Scan, Speech};
use topics::Topics;
use weigh::{Heard, Opinion};

/// What the reply answers: the context that decides what a bare "Yes." means.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Form of the declaration.
    pub form: Form,
    /// Whether it asked for a confirmation.
    pub asks: bool,
    /// Its criteria.
    pub criteria: &'a [Criterion],
    /// Names that "we recommend …" may name: the seller's names and the declared platform.
    pub own_names: Vec<&'a str>,
    /// The buyer's name, as the declaration has it: "Linden considers it a success" is no stranger's word.
    pub account: Option<&'a str>,
}

/// Judges the words of a reply.
pub fn judge(reading: &Reading, question: &Question<'_>, rules: &Rules) -> Judgement {
    hear(reading, question, rules).0
}

/// Judges, and hands out what was read.
fn hear(reading: &Reading, question: &Question<'_>, rules: &Rules) -> (Judgement, Scans) {
    let folded = fold(&reading.fresh);
    let heard = rules.lexicon.listen(&folded.text);
    let main = rules.lexicon.main(&heard, question.criteria.iter().map(|c| c.text.as_str()));
    let language = rules.language(main);
    let topics = Topics::new(question.criteria, language);
    let account: Vec<String> = question.account.map(words).unwrap_or_default();
    let context = Context {
        own: &|name| is_own(name, &question.own_names),
        buyer: &|word| account.iter().any(|own| own == word),
        about_criteria: &|text| topics.any_named(text),
    };
    let speech = Speech::Main(main);
    let fresh = scan::scan_heard(rules, speech, &reading.fresh, (folded, &heard), &context);
    let unsure = scan::scan(rules, speech, &reading.unsure, &context);
    let signature = scan::scan(rules, speech, &reading.signature, &context);
    let answers = criteria::answers(reading, question, &fresh, &topics);

    let mut opinion = if fresh.sentences.is_empty() && reading.fresh.trim().is_empty() {
        said_nothing(reading)
    } else {
        let heard = Heard {
            rules,
            question,
            fresh: &fresh,
            unsure: &unsure,
            signature: &signature,
            answers: &answers,
            reading,
        };
        let mut opinion = weigh::weigh(&heard);
        check_counts(question, &fresh, rules, &mut opinion);
        check_figures(question, &fresh, language, &mut opinion);
        if !fresh.known {
            doubt(&mut opinion, Reason::new("unknown_language", "no rules for the language of this reply"));
        }
        opinion
    };
    // Where nobody can tell who wrote the words, they are not even a sure no.
    let whose = reading.doubts.iter().any(|d| d.code == "unsure_cut");
    if !reading.sure && (whose || opens_a_gate(opinion.verdict)) {
        opinion.sure = false;
        opinion.reasons.extend(reading.doubts.iter().cloned());
    }
    let overall = opinion.verdict == Verdict::Confirmed;
    let quote = opinion.sentence.map(|s| quote(&reading.fresh, &fresh, s)).unwrap_or_default();
    let scans = Scans { fresh, unsure, signature };
    let readings =
        if opinion.sure { Vec::new() } else { guess::guesses(rules, reading, &scans, opinion.verdict) };
    let judgement = Judgement {
        verdict: opinion.verdict,
        sure: opinion.sure,
        quote,
        criteria: answers.list(overall),
        readings,
        reasons: opinion.reasons,
    };
    (judgement, scans)
}

fn opens_a_gate(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Confirmed | Verdict::Conditional)
}

fn doubt(opinion: &mut Opinion, reason: Reason) {
    opinion.sure = false;
    opinion.reasons.push(reason);
}

fn said_nothing(reading: &Reading) -> Opinion {
    let mut reasons = vec![Reason::new("nothing_said", "the reply has no words of its own")];
    reasons.extend(reading.doubts.iter().cloned());
    // With text that we could not cut, "nothing" would be a guess.
    let sure = reading.unsure.trim().is_empty() && reading.sure;
    Opinion { verdict: Verdict::Inconclusive, sure, sentence: None, reasons }
}

/// "All four" under five declared criteria is a yes to something else.
fn check_counts(question: &Question<'_>, fresh: &Scan, rules: &Rules, opinion: &mut Opinion) {
    let total = u32::try_from(question.criteria.len()).unwrap_or(u32::MAX);
    if total == 0 || opinion.verdict != Verdict::Confirmed {
        return;
    }
    let wrong = fresh.of(Says::Count).find(|hit| match hit.count {
        Some((n, of)) => n != total || of.is_some_and(|of| of != total),
        None => false,
    });
    if let Some(hit) = wrong {
        let id = rules.rules.get(hit.rule).map_or("", |rule| rule.id.as_str());
        let text = format!("names another number of criteria than the {total} that were declared");
        let reason = Reason::new("partial_criteria", text);
        doubt(opinion, reason.by(id, Source::Fresh, fresh.folded.original(hit.span.clone())));
    }
}

fn check_figures(question: &Question<'_>, fresh: &Scan, language: &Language, opinion: &mut Opinion) {
    let Some(span) = figures::differs(question, fresh, language) else { return };
    let mut reason = Reason::new("number_differs", "a figure in the reply differs from the declared one");
    let span = fresh.folded.original(span);
    reason.span = Some([span.start, span.end]);
    // A clear no stays one, whatever it measured, and a condition is often a figure.
    opinion.sure &= opinion.verdict != Verdict::Confirmed;
    if !opinion.sure {
        opinion.reasons.push(reason);
    }
}

/// Whether a typed name is the seller's or the product's: every word of it must be one of theirs.
fn is_own(name: &str, own_names: &[&str]) -> bool {
    let said = words(name);
    !said.is_empty()
        && own_names.iter().any(|own| {
            let own = words(own);
            said.iter().all(|word| own.contains(word))
        })
}

/// The words of a name.
fn words(name: &str) -> Vec<String> {
    crate::text::squeeze(name)
        .trim_end_matches("'s")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The sentence as typed, with the punctuation that ends it.
fn quote(typed: &str, scan: &Scan, sentence: usize) -> String {
    let Some(sentence) = scan.sentences.get(sentence) else { return String::new() };
    let span = scan.folded.original(sentence.span.clone());
    let rest = typed.get(span.end..).unwrap_or_default();
    let tail = rest.len() - rest.trim_start_matches(['.', '!', '?', '"', '\u{201d}', ')']).len();
    typed.get(span.start..span.end + tail).unwrap_or_default().to_owned()
}
