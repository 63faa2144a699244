//! Facts of an opportunity: what the gates ask for and what people stated.

use serde::{Deserialize, Serialize};

use super::{Case, Context, Register, Response, failed};
use crate::model::{OpportunityId, StatedFact};

/// A fact with everything that was stated of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRow {
    /// Its name.
    pub id: String,
    /// The question.
    pub text: String,
    /// Who may state it, in words; nothing when everybody may.
    pub stated_by: Option<String>,
    /// The gates that ask for it.
    pub gates: Vec<String>,
    /// The word that counts; nothing while nobody who may has said one.
    pub stated: Option<StatedFact>,
    /// What others stated, and what was stated before by others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<StatedFact>,
}

/// The facts of an opportunity, in the order of their names.
pub fn facts(opportunity: &OpportunityId, register: &dyn Register, context: Context<'_>) -> Response {
    let report = match Case::open(opportunity, register) {
        Ok(case) => case.report(context),
        Err(error) => return failed(&error),
    };
    let rows = context.gates.facts().into_iter().map(|known| {
        let stated = context.gates.word_on(&known.id, &report).cloned();
        let others = report.facts.iter().filter(|f| f.id == known.id && Some(*f) != stated.as_ref());
        FactRow {
            others: others.cloned().collect(),
            stated,
            id: known.id,
            text: known.text,
            stated_by: known.stated_by,
            gates: known.gates,
        }
    });
    Response::Facts { opportunity: opportunity.clone(), facts: rows.collect() }
}

/// Whether the gates know a fact; else what to write instead.
pub(super) fn is_known(fact: &str, context: Context<'_>) -> Result<(), String> {
    let names: Vec<&str> = context.gates.fact_names().collect();
    if names.contains(&fact) || context.clocks.asks_for(fact) {
        return Ok(());
    }
    let hint = match crate::text::nearest(fact, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names.join(", ")),
    };
    Err(format!("No gate asks for a fact `{fact}`; {hint}"))
}
