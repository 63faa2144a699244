//! An opportunity for people and machines: row in a list, and whole.

use serde::{Deserialize, Serialize};

use super::{Case, Context, DecisionAnswer, MessageAnswer};
use crate::model::{OpportunityId, Outcome, Reason, Standing, StandingReport};

/// An opportunity as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpportunityRow {
    /// Which one.
    pub opportunity: OpportunityId,
    /// Where it stands.
    pub standing: Standing,
    /// The weightiest reason's code.
    pub reason: Option<String>,
    /// The champion's words.
    pub quote: Option<String>,
    /// Confirmed of declared criteria.
    pub confirmed: usize,
    /// Declared criteria.
    pub total: usize,
    /// Who decided what the standing rests on, when it is more than the verified one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<String>,
}

impl OpportunityRow {
    /// The row of a report.
    pub fn new(report: &StandingReport) -> Self {
        Self {
            opportunity: report.opportunity.clone(),
            standing: report.standing,
            reason: report.reasons.first().map(|r| r.code.clone()),
            quote: report.evidence.first().map(|e| e.quote.clone()),
            confirmed: report.criteria.confirmed,
            total: report.criteria.total,
            accepted_by: names(report),
        }
    }
}

/// The names of those on whose decisions a standing rests.
fn names(report: &StandingReport) -> Option<String> {
    let mut names: Vec<&str> = report.accepted_by.iter().map(|a| a.by.as_str()).collect();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Everything about an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpportunityAnswer {
    /// Standing, reasons, endorsers, evidence.
    #[serde(flatten)]
    pub report: StandingReport,
    /// Whether each gate would open, by name.
    pub gates: std::collections::BTreeMap<String, bool>,
    /// Every message, oldest first.
    pub messages: Vec<MessageAnswer>,
    /// What people did, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<DecisionAnswer>,
}

impl OpportunityAnswer {
    /// Joins the report with the messages behind it.
    pub(crate) fn new(case: &Case, context: Context<'_>) -> Self {
        let mut report = case.report(context);
        let gates = context
            .gates
            .names()
            .filter_map(|name| {
                let answer = context.gates.answer(&report, name, context.freshness, context.now)?;
                Some((name.to_owned(), answer.allowed))
            })
            .collect();
        let mut sorted: Vec<&Outcome> = case.outcomes.iter().collect();
        sorted.sort_by_key(|o| (o.written(), o.sha256));
        sorted.dedup();
        let messages = sorted.into_iter().map(MessageAnswer::new).collect();
        // A clock that ran out opens and closes no gate: it is told beside what does.
        let clocks = context.clocks.of(&report, &case.outcomes, &case.acts, context.now);
        let told = |code: &str| report.reasons.iter().any(|r| r.code == code);
        let late = context.clocks.reasons(&clocks).into_iter().filter(|r| !told(&r.code));
        let late: Vec<Reason> = late.collect();
        report.reasons.extend(late);
        Self { report, gates, messages, acts: DecisionAnswer::all(&case.acts) }
    }
}
