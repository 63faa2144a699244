//! What became of criteria: between two declarations, between the plan and the declaration, and what a yes still
//! waits for.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Address, Criterion, Digest, Reason};

/// A criterion that says it in other words, or states another result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reworded {
    /// How it was.
    pub from: String,
    /// How it is.
    pub to: String,
    /// Its figures are others, or its declared result is.
    pub weightier: bool,
}

/// What one list of criteria changes about another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriteriaDiff {
    /// Not there before.
    pub added: Vec<String>,
    /// Not there any more.
    pub dropped: Vec<String>,
    /// There in other words.
    pub reworded: Vec<Reworded>,
}

impl CriteriaDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.dropped.is_empty() && self.reworded.is_empty()
    }
}

impl std::fmt::Display for CriteriaDiff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.added.iter().map(|text| format!("added \"{text}\"")));
        parts.extend(self.dropped.iter().map(|text| format!("dropped \"{text}\"")));
        parts.extend(self.reworded.iter().map(|r| format!("\"{}\" became \"{}\"", r.from, r.to)));
        f.write_str(&parts.join("; "))
    }
}

/// One declared list of criteria; the newest gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriteriaVersion {
    /// Number, from 1.
    pub n: usize,
    /// Message-ID of its declaration, in angle brackets.
    pub message_id: Option<String>,
    /// When it was declared.
    pub at: Timestamp,
    /// Digest of the criteria, to which a statement is bound.
    pub digest: Option<Digest>,
    /// Who was asked.
    pub champions: Vec<Address>,
    /// The criteria.
    pub criteria: Vec<Criterion>,
    /// What it changes about the version before.
    pub changes: CriteriaDiff,
}

/// A criterion of the Mutual Success Plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCriterion {
    /// Number in the plan.
    pub n: u32,
    /// The criterion.
    pub text: String,
    /// Whether a technical win needs it.
    pub mandatory: bool,
}

/// The plan beside the declaration that gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// What was registered.
    pub criteria: Vec<PlanCriterion>,
    /// Mandatory criteria that the declaration does not state, or with other figures.
    pub missing: Vec<String>,
    /// What the declaration changes about the plan.
    pub changes: CriteriaDiff,
}

impl PlanReport {
    /// What is told of each criterion that is missing.
    pub fn dropped(&self) -> impl Iterator<Item = Reason> {
        self.missing.iter().map(|text| {
            let text = format!("The plan's mandatory criterion \"{text}\" is not declared as agreed.");
            Reason::new("criteria_dropped", text).fix(
                "Declare all mandatory criteria of the plan with their results, or have a person undo the plan and \
                 register the new one.",
            )
        })
    }
}

/// What a champion's yes is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Whose yes.
    pub who: String,
    /// The stipulation, verbatim.
    pub text: String,
    /// Who must do it, in the champion's words, when exactly one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when, when exactly one day is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// That day has passed.
    #[serde(default)]
    pub overdue: bool,
}

/// What evidence of another kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// A scorecard that the buyer filled in or signed.
    Scorecard,
    /// A recorded call.
    Call,
    /// A meeting.
    Meeting,
}

impl EvidenceKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scorecard => "scorecard",
            Self::Call => "call",
            Self::Meeting => "meeting",
        }
    }
}

/// A file by its hash: somebody keeps it, we can tell whether it is the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileHash {
    /// File name as given.
    pub name: Option<String>,
    /// Media type, when one was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Digest of the octets.
    pub sha256: Digest,
    /// How many.
    pub bytes: u64,
}

/// Evidence that a named person recorded: shown, never verified, never read by a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualEvidence {
    /// Name of the act, for an undo.
    pub name: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// Who recorded it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they say of it.
    pub note: String,
    /// Where it is.
    pub link: Option<String>,
    /// The file.
    pub file: Option<FileHash>,
    /// Always false.
    pub verified: bool,
}
