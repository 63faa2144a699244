//! A verdict that other rules give.

use serde::{Deserialize, Serialize};

use crate::model::{OpportunityId, Verdict};

/// One message of which other rules say something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Names the stored copy.
    pub sha256: String,
    /// The opportunity.
    pub opportunity: Option<OpportunityId>,
    /// Author's address.
    pub from: Option<String>,
    /// What was said of it.
    pub was: Option<Verdict>,
    /// Whether the rules stood behind that.
    pub was_sure: bool,
    /// What is said of it now.
    pub is: Option<Verdict>,
    /// Whether the rules stand behind that.
    pub is_sure: bool,
    /// The change leads towards a yes, so only a person can make it.
    pub needs_person: bool,
    /// The words.
    pub quote: String,
}
