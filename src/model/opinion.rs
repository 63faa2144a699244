//! What was said: the judge's opinion.

use serde::{Deserialize, Serialize};

use super::{Reason, Source};

/// What a reply says (DOMAIN "What a reply says").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Explicit, unconditional, affirmative.
    Confirmed,
    /// Affirmative with a stipulation, a concern or only part of the criteria; or accepts form C.
    Conditional,
    /// No verdict yet.
    Deferred,
    /// Says no.
    Declined,
    /// Takes back an earlier confirmation.
    Retracted,
    /// Human, without a verdict.
    Inconclusive,
    /// Written by a machine.
    Automatic,
}

impl Verdict {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Conditional => "conditional",
            Self::Deferred => "deferred",
            Self::Declined => "declined",
            Self::Retracted => "retracted",
            Self::Inconclusive => "inconclusive",
            Self::Automatic => "automatic",
        }
    }
}

/// What a reply says about one criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// Met.
    Pass,
    /// Met in part.
    Partial,
    /// Not met.
    Fail,
    /// Not shown yet.
    Unproven,
    /// Not mentioned.
    Unspoken,
}

/// What a reply says about the criterion with number `n`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionAnswer {
    /// Number in the declaration, from 1.
    pub n: u32,
    /// What was said.
    pub result: Spoken,
}

/// A way to read a reply, for the person who must decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// The verdict of this reading.
    pub verdict: Verdict,
    /// The words that speak for it most, verbatim.
    pub words: String,
    /// The rule that reads them so.
    pub rule: Option<String>,
    /// What stops the rule, when something does: `negation`, `question` …
    pub stopped_by: Option<String>,
    /// Byte span of the words in the text that `in` names.
    pub span: [usize; 2],
    /// Which text; left out of JSON when it is `fresh_text`.
    #[serde(rename = "in", default, skip_serializing_if = "Source::is_fresh")]
    pub source: Source,
}

/// The judge's opinion of a reply. It knows nothing of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was said; when not `sure`, the best guess.
    pub verdict: Verdict,
    /// Whether the rules stand behind it.
    pub sure: bool,
    /// The sentence that carries the verdict, byte for byte out of the fresh text; empty when none does.
    pub quote: String,
    /// One answer for each declared criterion.
    pub criteria: Vec<CriterionAnswer>,
    /// When not sure, the strongest readings, best first.
    pub readings: Vec<Guess>,
    /// Which rules fired where, and why the opinion is not sure.
    pub reasons: Vec<Reason>,
}
