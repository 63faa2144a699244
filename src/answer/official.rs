//! A gate's answer that somebody wants more of than to read it: on record, or as a signed receipt.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gate::GateAnswer;
use crate::model::OpportunityId;

/// How long a receipt is good at most: long enough to be carried to the tool that checks it, too short to outlive a retraction.
pub const RECEIPT_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// What somebody wants of a gate's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateOrder {
    /// Which opportunity.
    pub opportunity: OpportunityId,
    /// To which gate.
    pub to: String,
    /// Who asks.
    pub by: String,
    /// Whether the answer becomes an entry, which names who asked.
    pub record: bool,
    /// Whether a receipt is wanted.
    pub receipt: bool,
}

/// What a receipt states until `end` (RFC 7519 §4.1); `issuer` is the name of the log.
pub fn claims(answer: &GateAnswer, issuer: &str, by: &str, end: Timestamp) -> Value {
    let codes: Vec<&str> = answer.reasons.iter().map(|r| r.code.as_str()).collect();
    json!({
        "iss": issuer,
        "sub": answer.opportunity,
        "iat": answer.as_of.as_second(),
        "exp": end.as_second(),
        "to": answer.to,
        "allowed": answer.allowed,
        "standing": answer.standing,
        "as_of": answer.as_of,
        "fresh": answer.fresh,
        "reasons": codes,
        "policy": answer.policy,
        "log_size": answer.log_size,
        "log_root": answer.log_root,
        "asked_by": by,
    })
}
