//! Messages that were set aside, so that everything else goes on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Place;
use crate::model::Digest;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The server lists it and cannot serve it.
    Unfetchable,
    /// It is larger than what is taken.
    Oversize,
    /// It was listed, and removed before we read it: somebody may be hiding a "no".
    Vanished,
    /// It is on record, and our own code could not handle it.
    Unconsidered,
}

impl Trouble {
    /// The name as JSON and metrics show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unfetchable => "unfetchable",
            Self::Oversize => "oversize",
            Self::Vanished => "vanished",
            Self::Unconsidered => "unconsidered",
        }
    }
}

/// A message at a place was set aside; the newest such entry of a place counts, until the message is seen there or a
/// [`Release`] follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Where it is.
    pub place: Place,
    /// Its digest, if its octets are on record.
    pub sha256: Option<Digest>,
    /// What is wrong.
    pub why: Trouble,
    /// What the server or the program said.
    pub text: String,
    /// Its size in bytes, if known.
    pub bytes: Option<u64>,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
}

/// A message is no longer set aside although it was not seen at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Where it is, or was.
    pub place: Place,
    /// The person who dropped it; nobody when it healed.
    pub by: Option<String>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}
