//! What was said: rule files decide. Blind to who said it.

mod rules;

pub use rules::{RuleError, Rules};

use crate::model::{Criterion, Form, Judgement, Reading, Verdict};

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
}

/// Judges the words of a reply.
pub fn judge(reading: &Reading, question: &Question<'_>, rules: &Rules) -> Judgement {
    let _ = (reading, question, rules);
    Judgement {
        verdict: Verdict::Inconclusive,
        sure: false,
        quote: String::new(),
        criteria: Vec::new(),
        reasons: Vec::new(),
    }
}
