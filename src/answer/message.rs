//! One message as `judge --json` prints it (CONTRACT "Command line").

use serde::{Deserialize, Serialize};

use crate::model::{
    Automatic, CriterionAnswer, Declaration, FileHash, Guess, Kind, OpportunityId, Outcome, Reason, Verdict,
};

/// The contract's object for one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAnswer {
    /// The file, when it was given as one; attached messages as `outer.eml#1`.
    pub file: Option<String>,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Which machine wrote it.
    pub automatic: Option<Automatic>,
    /// The opportunity.
    pub opportunity: Option<OpportunityId>,
    /// Message-ID of the declaration it answers.
    pub answers: Option<String>,
    /// The declaration it is.
    pub declaration: Option<Declaration>,
    /// What the person typed.
    pub fresh_text: String,
    /// What we were unsure how to cut.
    pub unsure_text: String,
    /// The contact block.
    pub signature_text: String,
    /// Its attachments by their hashes; nobody has read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileHash>,
    /// What was said.
    pub verdict: Option<Verdict>,
    /// Whether the rules stand behind it.
    pub sure: bool,
    /// The sentence that carries the verdict.
    pub quote: String,
    /// What was said about each criterion.
    pub criteria: Vec<CriterionAnswer>,
    /// When not sure, the strongest readings, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Guess>,
    /// Who said it.
    pub authorship: Option<String>,
    /// Whether it is a verified written endorsement.
    pub endorsed: bool,
    /// The trail.
    pub reasons: Vec<Reason>,
    /// Author's address.
    pub from: Option<String>,
    /// Names the stored copy.
    pub sha256: String,
}

impl MessageAnswer {
    /// The answer for a message on record.
    pub fn new(outcome: &Outcome) -> Self {
        Self {
            file: None,
            message_id: outcome.message_id.as_ref().map(ToString::to_string),
            kind: outcome.kind,
            automatic: outcome.automatic,
            opportunity: outcome.opportunity.clone(),
            answers: outcome.answers.as_ref().map(ToString::to_string),
            declaration: outcome.declaration.clone(),
            fresh_text: outcome.fresh_text.clone(),
            unsure_text: outcome.unsure_text.clone(),
            signature_text: outcome.signature_text.clone(),
            attachments: outcome.attachments.clone(),
            verdict: outcome.verdict,
            sure: outcome.sure,
            quote: outcome.quote.clone(),
            criteria: outcome.criteria.clone(),
            readings: outcome.readings.clone(),
            authorship: outcome.authorship.as_ref().map(|a| a.claim.as_str().to_owned()),
            endorsed: outcome.endorsed,
            reasons: outcome.reasons.clone(),
            from: outcome.from.as_ref().map(ToString::to_string),
            sha256: outcome.sha256.to_string(),
        }
    }

    /// The same, with the file it came from.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }
}
