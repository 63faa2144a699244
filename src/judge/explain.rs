//! Why a reply was judged so: what fired where, what stopped what, and why no other verdict came out.

use std::ops::Range;

use serde::Serialize;

use super::guess::{Scans, speaks_for};
use super::language::Says;
use super::rules::Rules;
use super::scan::{Hit, Scan, overlap};
use super::tongue::bit;
use super::units::Sentence;
use super::{Question, hear};
use crate::model::{Judgement, Reading, Source, Verdict};

/// The whole way from words to verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The texts that have words, sentence by sentence.
    pub texts: Vec<TextExplained>,
    /// Why no other verdict came out.
    pub neighbours: Vec<Neighbour>,
    /// What came out.
    #[serde(skip)]
    pub judgement: Judgement,
}

/// One of the three texts of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextExplained {
    /// Which.
    #[serde(rename = "in")]
    pub source: Source,
    /// Its sentences.
    pub sentences: Vec<SentenceExplained>,
}

/// A sentence with everything that was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentenceExplained {
    /// As typed.
    pub text: String,
    /// Byte span in the text.
    pub span: [usize; 2],
    /// Packs that read it.
    pub languages: Vec<String>,
    /// No pack knows its language.
    pub unknown_language: bool,
    /// It is a question.
    pub asks: bool,
    /// Its clauses, byte spans in the text.
    pub clauses: Vec<[usize; 2]>,
    /// Rules that fired in it.
    pub fired: Vec<Fired>,
}

/// A rule that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fired {
    /// The rule's id.
    pub rule: String,
    /// What it says.
    pub says: &'static str,
    /// Its sentence for the trail.
    pub why: String,
    /// The words, as typed.
    pub words: String,
    /// Byte span in the text.
    pub span: [usize; 2],
    /// Harmless rules: what they blank out.
    pub blanks: Option<[usize; 2]>,
    /// What stopped it.
    pub stopped: Option<Stopped>,
}

/// What stopped a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The blocker: `negation`, `question` …
    pub by: &'static str,
    /// The rule behind it; none for question marks and strangers' names.
    pub rule: Option<String>,
    /// Its words.
    pub words: Option<String>,
}

/// A verdict that did not come out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Which.
    pub verdict: Verdict,
    /// One plain sentence.
    pub why_not: String,
}

/// Explains the judgement of a reply.
pub fn explain(reading: &Reading, question: &Question<'_>, rules: &Rules) -> Explanation {
    let (judgement, scans) = hear(reading, question, rules);
    let text = |(source, scan, typed): (Source, &Scan, &str)| TextExplained {
        source,
        sentences: View { rules, scan, typed }.sentences(),
    };
    let texts: Vec<TextExplained> =
        scans.each(reading).into_iter().map(text).filter(|text| !text.sentences.is_empty()).collect();
    let neighbours = neighbours(rules, reading, &scans, judgement.verdict);
    Explanation { texts, neighbours, judgement }
}

struct View<'a> {
    rules: &'a Rules,
    scan: &'a Scan,
    typed: &'a str,
}

impl View<'_> {
    fn sentences(&self) -> Vec<SentenceExplained> {
        self.scan.sentences.iter().enumerate().map(|(i, sentence)| self.sentence(i, sentence)).collect()
    }

    fn sentence(&self, at: usize, sentence: &Sentence) -> SentenceExplained {
        let packs = self.rules.packs.iter().enumerate();
        let readers = sentence.readers.full | sentence.readers.veto;
        let mut fired: Vec<Fired> =
            self.scan.hits.iter().filter(|hit| hit.sentence == at).map(|hit| self.fired(hit)).collect();
        fired.extend(
            self.scan
                .harmless
                .iter()
                .zip(&self.scan.licensed)
                .filter(|(hit, _)| hit.sentence == at)
                .map(|(hit, blanks)| Fired { blanks: Some(self.span(blanks)), ..self.fired(hit) }),
        );
        fired.sort_by_key(|fired| fired.span);
        SentenceExplained {
            text: self.words(&sentence.span),
            span: self.span(&sentence.span),
            languages: packs.filter(|(p, _)| readers & bit(*p) != 0).map(|(_, p)| p.tag.clone()).collect(),
            unknown_language: sentence.readers.unknown,
            asks: sentence.asks,
            clauses: sentence.clauses.iter().map(|clause| self.span(clause)).collect(),
            fired,
        }
    }

    fn fired(&self, hit: &Hit) -> Fired {
        let rule = self.rules.rules.get(hit.rule);
        Fired {
            rule: rule.map(|rule| rule.id.clone()).unwrap_or_default(),
            says: hit.says.as_str(),
            why: rule.map(|rule| rule.why.clone()).unwrap_or_default(),
            words: self.words(&hit.span),
            span: self.span(&hit.span),
            blanks: None,
            stopped: hit.blocked.map(|blocker| self.stopped(hit, blocker)),
        }
    }

    /// The blocker within whose reach the hit stands.
    fn stopped(&self, hit: &Hit, blocker: Says) -> Stopped {
        let mut blockers = self.scan.hits.iter().filter(|other| other.says == blocker);
        let found = blockers.find(|other| overlap(&other.unit, &hit.span));
        Stopped {
            by: blocker.as_str(),
            rule: found.and_then(|found| self.rules.rules.get(found.rule)).map(|rule| rule.id.clone()),
            words: found.map(|found| self.words(&found.span)),
        }
    }

    fn span(&self, folded: &Range<usize>) -> [usize; 2] {
        let span = self.scan.folded.original(folded.clone());
        [span.start, span.end]
    }

    fn words(&self, folded: &Range<usize>) -> String {
        let span = self.scan.folded.original(folded.clone());
        self.typed.get(span).unwrap_or_default().to_owned()
    }
}

/// Verdicts in the order of veto.
const ORDER: [Verdict; 6] = [
    Verdict::Retracted,
    Verdict::Declined,
    Verdict::Conditional,
    Verdict::Deferred,
    Verdict::Confirmed,
    Verdict::Inconclusive,
];

fn neighbours(rules: &Rules, reading: &Reading, scans: &Scans, came_out: Verdict) -> Vec<Neighbour> {
    let others = ORDER.into_iter().filter(|verdict| *verdict != came_out);
    others
        .map(|verdict| Neighbour { verdict, why_not: why_not(rules, reading, scans, verdict, came_out) })
        .collect()
}

fn why_not(rules: &Rules, reading: &Reading, scans: &Scans, verdict: Verdict, came_out: Verdict) -> String {
    let mut stopped = None;
    for (_, scan, typed) in scans.each(reading) {
        let view = View { rules, scan, typed };
        for hit in scan.hits.iter().filter(|hit| speaks_for(hit.says) == Some(verdict)) {
            let fired = view.fired(hit);
            let Some(by) = &fired.stopped else {
                return format!(
                    "\"{}\" says so ({}), but what speaks for {} weighs more",
                    fired.words,
                    fired.rule,
                    came_out.as_str()
                );
            };
            let words = by.words.as_ref().map(|words| format!(" \"{words}\"")).unwrap_or_default();
            let by = by.by.replace('_', " ");
            stopped.get_or_insert(format!(
                "\"{}\" would say so ({}), but {by}{words} stops it",
                fired.words, fired.rule
            ));
        }
    }
    stopped.unwrap_or_else(|| "no words say so".to_owned())
}
