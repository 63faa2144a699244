//! The seller's email that states criteria and (should) ask for confirmation.

use serde::{Deserialize, Serialize};

use super::{Address, Digest};

/// The usual forms of a win email (DOMAIN "The declaration").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A: recaps that all criteria passed; asks nothing.
    Recap,
    /// B: asks to reply and confirm.
    Request,
    /// C: proposes a Conditional Technical Win.
    Conditional,
}

/// What a declaration says about a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredResult {
    /// Passed.
    Pass,
    /// Passed in part.
    Partial,
    /// Failed.
    Fail,
    /// Not decided, a fix is promised.
    Open,
    /// The line names no result.
    Unstated,
}

/// One line of the declaration's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// Number in the list, from 1.
    pub n: u32,
    /// The criterion's text without list mark and result.
    pub text: String,
    /// The declared result.
    pub result: DeclaredResult,
}

/// Something that the seller should have written otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lint {
    /// It asks for nothing, so a bare "yes" answers nothing.
    NoAsk,
    /// No buyer address in To.
    NoChampion,
    /// No criteria were found.
    NoCriteria,
    /// No opportunity id in the mail.
    NoOpportunity,
    /// A criterion is not declared passed.
    CriteriaNotAllPassed,
    /// The evidence address is neither in To nor in Cc.
    NoEvidenceAddress,
}

/// A declaration as recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Recap, request or conditional proposal.
    pub form: Form,
    /// The seller's product, when the subject or the text names it.
    pub platform: Option<String>,
    /// The buyer's name, when the subject or the text names it.
    pub account: Option<String>,
    /// The buyer's people in To.
    pub champions: Vec<Address>,
    /// Who declared.
    pub seller: Address,
    /// The account executive, when named.
    pub ae: Option<String>,
    /// Whether it asks for a confirmation.
    pub asks: bool,
    /// The criteria in order.
    pub criteria: Vec<Criterion>,
    /// What the seller should have written otherwise.
    pub lints: Vec<Lint>,
}

impl Declaration {
    /// Digest of the criteria and their results: an endorsement holds only for these.
    pub fn criteria_digest(&self) -> Digest {
        criteria_digest(&self.criteria)
    }
}

/// Digest of criteria and their results.
pub fn criteria_digest(criteria: &[Criterion]) -> Digest {
    let lines: Vec<String> =
        criteria.iter().map(|c| format!("{} {:?}", crate::text::squeeze(&c.text), c.result)).collect();
    Digest::of_fields(lines.iter().map(String::as_bytes))
}
