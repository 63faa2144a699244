//! Letters on record. A letter is planned before anybody speaks to a mail server and its end is recorded after: whatever
//! happens in between, it is never sent twice and never lost in silence.
//!
//! ```text
//! Letter (planned) ─► Posting (a server is about to be spoken to) ─► Posted: sent | refused | uncertain | withdrawn
//!                          ▲                                             │
//!                          └──────────────── deferred (4xx) ◄────────────┘
//! ```
//! A letter with a `Posting` that nothing follows was under way when the program died: it is uncertain, and uncertain
//! letters are shown and never sent again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Address, Digest, MessageId, OpportunityId, Reason};

/// Which side a letter goes to. Internal letters never leave the seller's domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The buyer's champion.
    Champion,
    /// The seller's own people.
    Seller,
    /// Who keeps the log's heads, wherever that is: these letters hold nothing about anybody.
    Auditor,
}

/// A letter as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Names it: each key is sent at most once.
    pub key: Digest,
    /// What it is about, without how often it was planned: a withdrawn letter may be planned anew under the same base.
    pub base: Digest,
    /// Id of the rule that wanted it, e.g. `remind_1`; `warn.remind_1` for the warning before it.
    pub rule: String,
    /// Why it is written, one sentence.
    pub why: String,
    /// To whom.
    pub to: Address,
    /// Which side that is.
    pub side: Side,
    /// About which opportunity.
    pub opportunity: Option<OpportunityId>,
    /// About which declaration.
    pub declaration: Option<MessageId>,
    /// Criteria that it restates: a prompt's answer is read against these.
    pub criteria: Option<Digest>,
    /// Whether it asks for a verdict.
    pub asks: bool,
    /// Its Message-ID: `t.TOKEN@domain`.
    pub message_id: MessageId,
    /// Names the stored octets.
    pub sha256: Digest,
    /// When it was planned.
    pub planned_at: Timestamp,
}

/// How an attempt to post a letter ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum Posted {
    /// A server took it.
    Sent {
        /// What it said.
        text: String,
    },
    /// Not now (RFC 5321 §4.2.1: 4yz, or no connection): nothing was taken, try again.
    Deferred {
        /// What went wrong.
        text: String,
        /// Not before.
        retry_at: Timestamp,
    },
    /// Never (5yz).
    Refused {
        /// What the server said.
        text: String,
    },
    /// Nobody knows whether the server took it. It is not sent again.
    Uncertain {
        /// What went wrong.
        text: String,
    },
    /// It was not sent because its reason went away.
    Withdrawn {
        /// Why.
        text: String,
    },
}

impl Posted {
    /// Whether nothing more happens to the letter.
    pub fn is_end(&self) -> bool {
        !matches!(self, Self::Deferred { .. })
    }

    /// The word that tools show.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Deferred { .. } => "deferred",
            Self::Refused { .. } => "refused",
            Self::Uncertain { .. } => "uncertain",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }

    /// What is said about it.
    pub fn text(&self) -> &str {
        match self {
            Self::Sent { text }
            | Self::Deferred { text, .. }
            | Self::Refused { text }
            | Self::Uncertain { text }
            | Self::Withdrawn { text } => text,
        }
    }
}

/// What a person of the seller orders about the letters of an opportunity. No order ever says a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Command {
    /// No letter to the champion until further notice.
    Hold,
    /// Letters to the champion may go again.
    Resume,
    /// The next letter to the champion goes now.
    SendNow,
    /// A declaration belongs to this opportunity: done by the act of linking, or not at all.
    Link {
        /// The opportunity.
        opportunity: OpportunityId,
    },
    /// Somebody else is the champion: done by an act, or not at all. Who may endorse is for the accounts file, never for
    /// an order.
    Champion {
        /// The address.
        address: Address,
    },
}

/// An order on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// About which opportunity.
    pub opportunity: OpportunityId,
    /// What.
    pub command: Command,
    /// Who: an authenticated address of the seller, or `operator`.
    pub by: String,
    /// The mail that gave it; none from the command line.
    pub mail: Option<Digest>,
    /// When.
    pub at: Timestamp,
    /// What its author is told: `order_done` or `order_refused`, and why. Of HOLD and RESUME nobody is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<Reason>>,
}

/// A letter with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The letter.
    pub letter: Letter,
    /// Attempts that began.
    pub attempts: u32,
    /// When the last attempt began.
    pub began_at: Option<Timestamp>,
    /// How the last attempt ended, and when; `None` while one is under way or none was made.
    pub end: Option<(Timestamp, Posted)>,
}

impl Posting {
    /// A letter that was only planned so far.
    pub fn planned(letter: Letter) -> Self {
        Self { letter, attempts: 0, began_at: None, end: None }
    }

    /// Whether an attempt began that has no end on record.
    pub fn is_under_way(&self) -> bool {
        self.attempts > 0 && self.end.is_none()
    }

    /// When it went out or may have gone out.
    pub fn left_at(&self) -> Option<Timestamp> {
        match &self.end {
            Some((at, Posted::Sent { .. } | Posted::Uncertain { .. })) => Some(*at),
            None if self.attempts > 0 => self.began_at,
            _ => None,
        }
    }

    /// Whether its reason went away before it was sent.
    pub fn is_withdrawn(&self) -> bool {
        matches!(&self.end, Some((_, Posted::Withdrawn { .. })))
    }

    /// The word that tools show.
    pub fn state(&self) -> &'static str {
        match &self.end {
            Some((_, end)) => end.as_str(),
            None if self.attempts > 0 => "under_way",
            None => "planned",
        }
    }
}
