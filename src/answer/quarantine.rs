//! What was set aside, as it is shown and acted upon.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Digest;
use crate::record::{Place, SetAside, Trouble};

/// What somebody wants with the quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum QuarantineAct {
    /// See it.
    List,
    /// Try again: all, or one.
    Retry {
        /// The row's id.
        id: Option<String>,
    },
    /// Stop trying, and stop showing it. The entry stays in the log.
    Drop {
        /// The row's id.
        id: String,
        /// The person who decided it.
        by: String,
        /// Why.
        reason: String,
    },
}

/// One message that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRow {
    /// Names the row: from the place of the message.
    pub id: String,
    /// Its digest, if its octets are on record.
    pub sha256: Option<Digest>,
    /// What is wrong.
    pub why: Trouble,
    /// Where the message is.
    pub place: Place,
    /// What the server or the program said.
    pub text: String,
    /// Size in bytes, if known.
    pub bytes: Option<u64>,
    /// Tries in vain.
    pub attempts: u32,
    /// Time of the last try.
    pub at: Timestamp,
    /// One plain sentence: what a person can do.
    pub fix: String,
}

impl QuarantineRow {
    /// A row of the record.
    pub fn new(id: String, aside: SetAside) -> Self {
        let fix = match aside.why {
            Trouble::Unfetchable => "Look at the message on the mail server; it is tried again every hour.",
            Trouble::Oversize => {
                "Read it in the mailbox, and ask the sender for the words without the attachments."
            }
            Trouble::Vanished => {
                "Ask the people of the thread what it said: somebody may be hiding a \"no\"."
            }
            Trouble::Unconsidered => "Read the message yourself and report the defect with its sha256.",
        };
        let SetAside { place, sha256, why, text, bytes, attempts, at } = aside;
        Self { id, sha256, why, place, text, bytes, attempts, at, fix: fix.into() }
    }
}
