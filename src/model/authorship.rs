//! Who said it: the verifier's opinion.

use serde::{Deserialize, Serialize};

use super::Reason;

/// Who wrote a message (CONTRACT "authorship").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The declared champion, proven.
    Verified,
    /// Claims the champion; nothing proves it.
    Unverified,
    /// Claims the champion and contradicts itself.
    Forged,
    /// Somebody else.
    NotChampion,
    /// One of the seller's people.
    Seller,
    /// A machine.
    Machine,
    /// The key could not be asked for yet.
    Pending,
}

impl Claim {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Forged => "forged",
            Self::NotChampion => "not_champion",
            Self::Seller => "seller",
            Self::Machine => "machine",
            Self::Pending => "pending",
        }
    }
}

/// What ties a reply to its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// Signed threading headers, or the declared criteria quoted in the signed body.
    Signed,
    /// Only headers that no signature covers.
    Unsigned,
    /// Nothing.
    Unbound,
}

/// How much of the criteria the author had before her eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriteriaSeen {
    /// The reply quotes the recorded criteria.
    Quoted,
    /// Only the thread leads to them.
    Threaded,
    /// The reply quotes criteria that differ from the recorded ones.
    Differ,
}

/// The verifier's opinion of a message. It knows nothing of what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorship {
    /// Who wrote it.
    pub claim: Claim,
    /// What ties it to its declaration.
    pub binding: Binding,
    /// Whether the recorded criteria were before the author's eyes.
    pub seen: CriteriaSeen,
    /// The signing domain that proves the author (RFC 6376 `d=`), when one does.
    pub signed_by: Option<String>,
    /// Why.
    pub reasons: Vec<Reason>,
}
