//! Entries. Every fact is one; everything else is a fold over them. Names and numbers are never reused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::aside::{Release, SetAside};
use super::letter::{Letter, Order, Posted};
use super::log::{ERASED, Leaf, PLAIN, SALTED};
use crate::model::{Digest, KeyRecord, Message, MessageId, Outcome, Sighting};

/// Where a copy of a message was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// In an IMAP folder (RFC 3501 §2.3.1.1: UIDVALIDITY and UID name it for ever).
    Imap {
        /// The mailbox's key in the record: `imap://user@host/folder`, behind [`JUNK`] when it is one for junk.
        mailbox: String,
        /// UIDVALIDITY.
        uid_validity: u32,
        /// UID.
        uid: u32,
    },
    /// In a Maildir.
    Maildir {
        /// The mailbox's key in the record: `maildir:path`, behind [`JUNK`] when it is one for junk.
        mailbox: String,
        /// Unique name without the info part (`:2,…`).
        name: String,
    },
    /// Handed over by a local mail server (RFC 2033).
    Lmtp {
        /// Where we listened.
        listener: String,
        /// The copy: handed over again it is at the same place.
        sha256: Digest,
    },
    /// In a file given to `ingest`.
    File {
        /// Path as given; `#n` is added for messages of an mbox.
        path: String,
    },
    /// Attached to another message.
    Attached {
        /// Digest of the outer copy.
        to: Digest,
        /// Number among its attached messages, from 1.
        n: u32,
    },
    /// We wrote it ourselves.
    Letter {
        /// The letter's key.
        key: Digest,
    },
}

/// How far an IMAP folder was read. Moved only together with the durable commit of the raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// UIDVALIDITY of the epoch.
    pub uid_validity: u32,
    /// Highest UID that was stored in it.
    pub uid: u32,
}

/// Begins the key of a mailbox for junk. A folder that is declared to be none any more is another mailbox to us: all of
/// it is seen again.
pub const JUNK: &str = "junk+";

impl Place {
    /// What a copy at this place is worth.
    pub fn sighting(&self) -> Sighting {
        match self {
            Self::Attached { .. } => Sighting::Attached,
            Self::Imap { mailbox, .. } | Self::Maildir { mailbox, .. } if mailbox.starts_with(JUNK) => {
                Sighting::Junk
            }
            _ => Sighting::Delivered,
        }
    }
}

/// What the index needs to know of a message before anybody has judged it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// What it says it answers.
    pub parents: Vec<MessageId>,
}

impl Links {
    /// The links of a parsed message.
    pub fn of(message: &Message) -> Self {
        Self {
            message_id: message.message_id.clone(),
            parents: message.parents().into_iter().cloned().collect(),
        }
    }
}

/// A copy of a message was seen at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Names the copy.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Where.
    pub place: Place,
    /// When.
    pub seen_at: Timestamp,
    /// Its links.
    pub links: Links,
}

/// What stays of an entry whose octets were erased: enough for the tree to stand, for the mailbox to be read on where
/// it was, and for the message not to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The kind of the erased entry.
    pub of: String,
    /// Version of its body: how the commitment was made.
    pub v: u8,
    /// Its commitment.
    pub commitment: Digest,
    /// The copy that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Where the copy was seen; only places in mailboxes, whose names are ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Tombstone {
    /// What stays of `entry`, whose leaf is `leaf`.
    pub fn new(entry: &Entry, leaf: &Leaf) -> Self {
        let (sha256, place) = match entry {
            Entry::Seen(seen) => (Some(seen.sha256), Some(seen.place.clone())),
            Entry::Considered(outcome) => (Some(outcome.sha256), None),
            Entry::Erased(earlier) => (earlier.sha256, earlier.place.clone()),
            _ => (None, None),
        };
        let place = place
            .filter(|place| matches!(place, Place::Imap { .. } | Place::Maildir { .. } | Place::Lmtp { .. }));
        Self { of: leaf.kind.clone(), v: leaf.version, commitment: leaf.commitment, sha256, place }
    }

    /// The leaf of the erased entry, which had this number.
    pub fn leaf(&self, seq: u64) -> Leaf {
        Leaf { seq, version: self.v, kind: self.of.clone(), commitment: self.commitment }
    }
}

/// The leaf of an entry from the body of its frame, also when its octets were erased; `None` when the body cannot be
/// read.
pub fn record_leaf(seq: u64, version: u8, body: &[u8]) -> Option<Leaf> {
    match version {
        ERASED => serde_json::from_slice::<Tombstone>(body).ok().map(|tombstone| tombstone.leaf(seq)),
        PLAIN | SALTED => Leaf::of_body(seq, version, body),
        _ => None,
    }
}

/// The files of the operator that govern what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Governing {
    /// The rule set.
    Rules,
    /// The accounts file.
    Accounts,
    /// The gates file.
    Gates,
}

impl Governing {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Accounts => "accounts",
            Self::Gates => "gates",
        }
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// A copy was seen.
    Seen(Seen),
    /// A DKIM key record was looked up.
    Key(KeyRecord),
    /// A message was considered; the newest such entry of a copy counts.
    Considered(Box<Outcome>),
    /// A message was set aside.
    SetAside(SetAside),
    /// A message is no longer set aside.
    Released(Release),
    /// A letter was planned.
    Letter(Box<Letter>),
    /// A mail server is about to be spoken to about a letter.
    Posting {
        /// The letter.
        key: Digest,
        /// When.
        at: Timestamp,
    },
    /// How that ended.
    Posted {
        /// The letter.
        key: Digest,
        /// When.
        at: Timestamp,
        /// The end.
        posted: Posted,
    },
    /// A person of the seller ordered something about the letters.
    Order(Order),
    /// A gate answered and the asker wanted that recorded.
    Gate {
        /// When.
        at: Timestamp,
        /// The answer as given (CONTRACT "HTTP").
        answer: serde_json::Value,
    },
    /// The octets of an entry were erased. Never appended: it takes an entry's place.
    Erased(Tombstone),
    /// A person did something: decided, linked, registered.
    Act(Box<Act>),
    /// What governs the judging or the gates was read and is another than before.
    Governed {
        /// When.
        at: Timestamp,
        /// What.
        what: Governing,
        /// Its digest; none when there is none any more.
        digest: Option<Digest>,
    },
}
