//! What is older than it may be kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::OpportunityId;

/// Asks what is older than it may be kept, or has it erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionAsk {
    /// Days for which a deal's mail is kept after the last thing that happened to the deal; for ever without.
    pub deal_days: Option<u32>,
    /// Days for which mail that belongs to no deal is kept; for ever without.
    pub other_days: Option<u32>,
    /// Erase it. Otherwise nothing is changed.
    pub apply: bool,
}

/// What may not be kept any longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRow {
    /// The deal; none for mail that belongs to none.
    pub opportunity: Option<OpportunityId>,
    /// How many copies of mail.
    pub copies: usize,
    /// When the last thing happened to it.
    pub last: Timestamp,
}
