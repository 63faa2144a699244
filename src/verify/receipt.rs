//! The receipt: what the daemon tells a champion once for each declaration, so that a softer text than the recorded one,
//! or a champion who was never asked, comes to light (AUTHENTICITY threats 21, 33 and 34).
//!
//! This is the plan only: which receipts are due, to whom, with which criteria, and the key under which an outbox sends
//! each of them once. Nothing sends them yet.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Address, Criterion, Digest, Kind, MessageId, OpportunityId, Outcome};

/// Most champions that one declaration has told: more recipients are a mailing, not an evaluation.
const CHAMPIONS_MAX: usize = 10;

/// One receipt that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Names it: an outbox sends each key once, whatever restarts in between.
    pub key: Digest,
    /// The champion.
    pub to: Address,
    /// Who declared.
    pub seller: Address,
    /// The opportunity.
    pub opportunity: OpportunityId,
    /// The declaration.
    pub declaration: MessageId,
    /// Digest of the criteria as recorded: an answer to the receipt is bound to these.
    pub criteria_digest: Digest,
    /// The criteria as recorded.
    pub criteria: Vec<Criterion>,
}

/// The receipts that are due after `outcomes`, in the order of their keys; `sent` are the keys of those that went out.
/// Only a declaration that is proven to be the seller's gets one: nobody else makes the daemon write to strangers.
pub fn receipts(outcomes: &[Outcome], sent: &BTreeSet<Digest>) -> Vec<Receipt> {
    let mut due: Vec<Receipt> = outcomes.iter().filter(|o| is_due(o)).flat_map(of_declaration).collect();
    due.retain(|r| !sent.contains(&r.key));
    due.sort_by_key(|r| r.key);
    due.dedup_by_key(|r| r.key);
    due
}

fn is_due(outcome: &Outcome) -> bool {
    let doubtful = ["declaration_unauthenticated", "message_conflict", "identity_pending"];
    outcome.kind == Kind::Declaration && !doubtful.iter().any(|code| outcome.has(code))
}

fn of_declaration(outcome: &Outcome) -> Vec<Receipt> {
    let (Some(declared), Some(id), Some(opportunity), Some(criteria)) =
        (&outcome.declaration, &outcome.message_id, &outcome.opportunity, outcome.criteria_digest)
    else {
        return Vec::new();
    };
    let receipt = |to: &Address| Receipt {
        key: Digest::of_fields([
            b"receipt".as_slice(),
            id.as_str().as_bytes(),
            &criteria.0,
            to.as_str().as_bytes(),
        ]),
        to: to.clone(),
        seller: declared.seller.clone(),
        opportunity: opportunity.clone(),
        declaration: id.clone(),
        criteria_digest: criteria,
        criteria: declared.criteria.clone(),
    };
    declared.champions.iter().take(CHAMPIONS_MAX).map(receipt).collect()
}
