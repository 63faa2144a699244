//! The queue of the day: which deals need somebody now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ReviewItem;
use crate::gate::GateAnswer;
use crate::model::{Address, OpportunityId, Outcome, Standing, StandingReport, Verdict};

/// Standings in which somebody said no, or what they said is in dispute.
const OBJECTIONS: &[&str] = &["new_objection", "stray_objection", "retracted"];

/// What the queue shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardAnswer {
    /// When this was computed.
    pub as_of: Timestamp,
    /// Whether every mailbox was read lately.
    pub fresh: bool,
    /// When the newest mail was seen.
    pub last_mail: Option<Timestamp>,
    /// Mails that wait to be considered.
    pub waiting: u64,
    /// Entries of the record, and how many of them the queue has read: a large record is read step by step.
    pub size: u64,
    /// Entries that the queue rests on.
    pub read: u64,
    /// Opportunities by standing; `accepted` where it rests on a decision.
    pub standings: BTreeMap<String, usize>,
    /// Asked to move and still not allowed, the newest question first.
    pub blocked: Listed<Blocked>,
    /// Mails that wait for a person, oldest first.
    pub review: Listed<ReviewItem>,
    /// Somebody took a yes back, said no, or objects to a yes; newest first.
    pub objections: Listed<Brief>,
    /// Conditions, the next due first; those without a day last.
    pub conditions: Listed<Brief>,
    /// Verified endorsements, newest first.
    pub verified: Listed<Brief>,
}

/// The first of a list, and how many it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The first ones.
    pub rows: Vec<T>,
    /// All of them.
    pub total: usize,
}

/// A question that was recorded with its answer, and what the gate answers now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// The answer now.
    pub gate: GateAnswer,
    /// The deal.
    pub brief: Brief,
}

/// A deal in one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Which one.
    pub opportunity: OpportunityId,
    /// The buyer's name as declared.
    pub account: Option<String>,
    /// Who declared.
    pub seller: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// Who decided what that rests on, when it is more than the verified one.
    pub accepted_by: Vec<String>,
    /// The weightiest reason.
    pub reason: Option<String>,
    /// The words that count.
    pub quote: Option<String>,
    /// Whether their author is verified.
    pub verified: bool,
    /// Confirmed of declared criteria.
    pub confirmed: usize,
    /// Declared criteria.
    pub total: usize,
    /// When its first mail was written.
    pub first_at: Timestamp,
    /// When its newest mail was written.
    pub at: Timestamp,
    /// The next day on which a condition is due.
    pub due: Option<Date>,
    /// A condition is overdue.
    pub overdue: bool,
    /// When the newest mail was seen that is an endorsement and counts as one.
    pub verified_at: Option<Timestamp>,
    /// Somebody took a yes back, said no, or objects to a yes.
    pub objection: bool,
    /// Who was asked.
    pub champions: Vec<Address>,
}

impl Brief {
    pub(super) fn new(report: &StandingReport, outcomes: &[Outcome]) -> Self {
        let declarations = || outcomes.iter().filter_map(|o| o.declaration.as_ref());
        let evidence = report.evidence.first();
        let counts =
            |o: &&Outcome| o.endorsed && report.evidence.iter().any(|e| e.sha256 == o.sha256 && e.verified);
        let is_won = matches!(report.verified_standing, Standing::Confirmed);
        let first = outcomes.iter().map(|o| o.written()).min();
        let newest = outcomes.iter().map(|o| o.written()).max();
        let said_no = |o: &Outcome| matches!(o.verdict, Some(Verdict::Declined | Verdict::Retracted));
        Self {
            opportunity: report.opportunity.clone(),
            account: declarations().find_map(|d| d.account.clone()),
            seller: declarations().next_back().map(|d| d.seller.to_string()),
            standing: report.standing,
            accepted_by: report.accepted_by.iter().map(|a| a.by.clone()).collect(),
            reason: report.reasons.first().map(|r| r.text.clone()),
            quote: evidence.map(|e| e.quote.clone()),
            verified: evidence.is_some_and(|e| e.verified),
            confirmed: report.criteria.confirmed,
            total: report.criteria.total,
            first_at: first.unwrap_or(Timestamp::UNIX_EPOCH),
            at: newest.unwrap_or(Timestamp::UNIX_EPOCH),
            due: report.conditions.iter().filter_map(|c| c.due).min(),
            overdue: report.conditions.iter().any(|c| c.overdue),
            verified_at: outcomes.iter().filter(counts).map(|o| o.seen_at).max().filter(|_| is_won),
            objection: matches!(report.standing, Standing::Retracted | Standing::Declined)
                || (report.standing == Standing::NeedsReview && outcomes.iter().any(said_no))
                || report.reasons.iter().any(|r| OBJECTIONS.contains(&r.code.as_str())),
            champions: declarations().flat_map(|d| d.champions.iter().cloned()).collect(),
        }
    }
}
