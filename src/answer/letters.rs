//! Letters as tools see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::OpportunityId;
use crate::record::{Posting, Side};

/// What somebody asks about letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "letters", rename_all = "snake_case")]
pub enum LettersAsk {
    /// Letters on record, and what comes.
    List {
        /// Of one deal only.
        opportunity: Option<OpportunityId>,
    },
    /// The next letters of a deal as they would be written.
    Preview {
        /// Which deal.
        opportunity: OpportunityId,
    },
    /// No letter to the champions until further notice.
    Hold {
        /// Which deal.
        opportunity: OpportunityId,
    },
    /// Letters to the champions may go again.
    Resume {
        /// Which deal.
        opportunity: OpportunityId,
    },
    /// The next letter to a champion goes now.
    SendNow {
        /// Which deal.
        opportunity: OpportunityId,
    },
}

/// A letter on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterRow {
    /// The deal.
    pub opportunity: Option<OpportunityId>,
    /// The rule.
    pub rule: String,
    /// To whom.
    pub to: String,
    /// `champion` or `seller`.
    pub side: Side,
    /// `planned`, `under_way`, `sent`, `deferred`, `refused`, `uncertain` or `withdrawn`.
    pub state: String,
    /// What was said about it last.
    pub text: String,
    /// Why it was written.
    pub why: String,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When its state began.
    pub since: Timestamp,
    /// Its Message-ID.
    pub message_id: String,
}

/// Something that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeRow {
    /// The deal.
    pub opportunity: OpportunityId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// A letter as it would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterText {
    /// The rule.
    pub rule: String,
    /// To whom.
    pub to: String,
    /// Why.
    pub why: String,
    /// Subject.
    pub subject: String,
    /// Text body.
    pub text: String,
}

impl LetterRow {
    /// The row of a letter.
    pub fn new(posting: &Posting) -> Self {
        let letter = &posting.letter;
        let end = posting.end.as_ref();
        Self {
            opportunity: letter.opportunity.clone(),
            rule: letter.rule.clone(),
            to: letter.to.to_string(),
            side: letter.side,
            state: posting.state().to_owned(),
            text: end.map_or_else(String::new, |(_, posted)| posted.text().to_owned()),
            why: letter.why.clone(),
            planned_at: letter.planned_at,
            since: end.map(|(at, _)| *at).or(posting.began_at).unwrap_or(letter.planned_at),
            message_id: letter.message_id.to_string(),
        }
    }
}
