//! The rows of the index: keys and values as bytes.

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;

use super::frame::{take, take_u32, take_u64};
use super::journal;
use super::segments::Tail;
use crate::model::{Digest, OpportunityId, Sighting};
use crate::record::{Cursor, Place, Subject};

/// Version of the tables; an index of another version is moved aside and rebuilt.
const TABLES_VERSION: u8 = 4;

/// The tables by the first byte of their keys.
pub mod table {
    /// One row: [`super::Head`].
    pub const HEAD: u8 = b'h';
    /// Sequence number of one entry in [`super::super::index::STRIDE`]: its offset in the journal.
    pub const ENTRY: u8 = b'e';
    /// Digest: [`super::CopyRow`].
    pub const COPY: u8 = b'd';
    /// Message-ID and digest.
    pub const MESSAGE_ID: u8 = b'i';
    /// Message-ID of a parent and digest of the child.
    pub const CHILD: u8 = b'c';
    /// Opportunity, zero byte, digest.
    pub const OPPORTUNITY: u8 = b'p';
    /// Digest of a declaration without an opportunity.
    pub const UNLINKED: u8 = b'u';
    /// Order and digest of a copy that must be considered.
    pub const TODO: u8 = b't';
    /// Name of a key record: sequence number of the newest.
    pub const KEY: u8 = b'k';
    /// Mailbox: cursor.
    pub const CURSOR: u8 = b'm';
    /// Place.
    pub const PLACE: u8 = b'l';
    /// Place: sequence number of the newest `SetAside`, while it holds.
    pub const ASIDE: u8 = b'x';
    /// Digest of an author's address and of a copy: an objection that belongs to no opportunity.
    pub const STRAY: u8 = b's';
    /// Subject of an act and sequence number.
    pub const ACT: u8 = b'a';
    /// Name of an act: sequence number.
    pub const ACT_NAME: u8 = b'n';
    /// Opportunity, zero byte, digest of a declaration that a person linked to it.
    pub const LINK: u8 = b'j';
    /// Opportunities of which the CRM told, in the form of a link to nothing.
    pub const DEAL: u8 = b'D';
    /// Name of a governing file: sequence number of the newest entry about it.
    pub const GOVERNED: u8 = b'v';
    /// Digest of a copy that a person may have to look at.
    pub const REVIEW: u8 = b'r';
    /// Opportunity, zero byte, sequence number of a letter or an order.
    pub const LETTERS: u8 = b'g';
    /// Key of a letter, sequence number of what happened to it.
    pub const POST: u8 = b'o';
    /// Key of a letter whose end is not on record.
    pub const OPEN: u8 = b'q';
    /// Digest of an address, sequence number of a letter to it.
    pub const ADDRESSEE: u8 = b'w';
}

/// What the index knows of the files, and the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// Copies that must be considered.
    pub todo: u64,
    /// Length of the journal that is indexed.
    pub journal: u64,
    /// First byte of its last frame, and that frame's checksum: tells whether it is this journal.
    pub last: Option<(u64, u32)>,
    /// End of the raw mail that the journal names.
    pub tail: Tail,
}

impl Head {
    /// The head of an empty store.
    pub const EMPTY: Self =
        Self { size: 0, todo: 0, journal: journal::START, last: None, tail: Tail { segment: 0, end: 0 } };

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![TABLES_VERSION];
        for number in [self.size, self.todo, self.journal, self.last.map_or(0, |l| l.0), self.tail.end] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.last.map_or(0, |l| l.1).to_be_bytes());
        out.extend_from_slice(&self.tail.segment.to_be_bytes());
        out
    }

    /// Reads the row; `None` when it is of another version.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let [version] = take(bytes)?;
        let (size, todo, journal) = (take_u64(bytes)?, take_u64(bytes)?, take_u64(bytes)?);
        let (last, end) = (take_u64(bytes)?, take_u64(bytes)?);
        let (crc, segment) = (take_u32(bytes)?, take_u32(bytes)?);
        let last = (last != 0).then_some((last, crc));
        (version == TABLES_VERSION).then_some(Self { size, todo, journal, last, tail: Tail { segment, end } })
    }
}

/// What the index knows of one copy: one row, because a row costs more than its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyRow {
    /// Where its octets lie: segment, offset and length of the frame.
    pub raw: Option<(u32, u64, u32)>,
    /// Its best sighting, and the sequence number of the first `Seen` of that kind.
    pub seen: Option<(u64, Sighting)>,
    /// Sequence number of its newest `Considered`.
    pub outcome: Option<u64>,
    /// Its order among the copies that must be considered.
    pub todo: Option<u64>,
    /// Whether its newest outcome is a declaration without an opportunity.
    pub unlinked: bool,
    /// Whether its newest outcome is an objection without an opportunity.
    pub stray: bool,
    /// Whether its newest outcome may need a person.
    pub review: bool,
    /// The opportunity of its newest outcome, or the digest of a stray's author; empty when there is none.
    pub opportunity: Vec<u8>,
}

impl CopyRow {
    /// The row: a byte of flags, then what they announce, then the opportunity.
    pub fn encode(&self) -> Vec<u8> {
        // Two bits for what has four values.
        let (delivered, other) = match self.seen {
            None => (false, false),
            Some((_, Sighting::Delivered)) => (true, false),
            Some((_, Sighting::Attached)) => (true, true),
            Some((_, Sighting::Junk)) => (false, true),
        };
        let flags = [
            self.raw.is_some(),
            delivered,
            self.outcome.is_some(),
            self.todo.is_some(),
            self.unlinked,
            other,
            self.stray,
            self.review,
        ];
        let mut out = vec![flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag))];
        if let Some((segment, offset, length)) = self.raw {
            out.extend_from_slice(&segment.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
        }
        for number in [self.seen.map(|(seq, _)| seq), self.outcome, self.todo].into_iter().flatten() {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.opportunity);
        out
    }

    /// Reads the row.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let [flags] = take(bytes)?;
        let mut copy = Self {
            unlinked: flags & 16 != 0,
            stray: flags & 64 != 0,
            review: flags & 128 != 0,
            ..Self::default()
        };
        if flags & 1 != 0 {
            copy.raw = Some((take_u32(bytes)?, take_u64(bytes)?, take_u32(bytes)?));
        }
        let sighting = match (flags & 2 != 0, flags & 32 != 0) {
            (false, false) => None,
            (true, false) => Some(Sighting::Delivered),
            (true, true) => Some(Sighting::Attached),
            (false, true) => Some(Sighting::Junk),
        };
        if let Some(sighting) = sighting {
            copy.seen = Some((take_u64(bytes)?, sighting));
        }
        for (flag, field) in [(4, &mut copy.outcome), (8, &mut copy.todo)] {
            if flags & flag != 0 {
                *field = Some(take_u64(bytes)?);
            }
        }
        copy.opportunity = bytes.to_vec();
        Some(copy)
    }

    /// The keys of the rows that follow from its newest outcome.
    pub fn outcome_keys(&self, sha256: &Digest) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if self.unlinked {
            keys.push(key(table::UNLINKED, &[&sha256.0]));
        }
        if self.review {
            keys.push(key(table::REVIEW, &[&sha256.0]));
        }
        if self.stray {
            keys.push(key(table::STRAY, &[&self.opportunity, &sha256.0]));
        } else if !self.opportunity.is_empty() {
            keys.push(key(table::OPPORTUNITY, &[&self.opportunity, &[0], &sha256.0]));
        }
        keys
    }
}

/// An id as it was recorded: not `OpportunityId::new`, whose rules for mail may change.
pub fn read_id(bytes: &[u8]) -> Option<OpportunityId> {
    let text: StrDeserializer<'_, serde::de::value::Error> =
        std::str::from_utf8(bytes).ok()?.into_deserializer();
    OpportunityId::deserialize(text).ok()
}

/// Reads the row of a mailbox.
pub fn decode_cursor(bytes: &mut &[u8]) -> Option<Cursor> {
    Some(Cursor { uid_validity: take_u32(bytes)?, uid: take_u32(bytes)? })
}

/// The key of a place.
pub fn place_key(place: &Place) -> Vec<u8> {
    key(table::PLACE, &[&place_name(place)])
}

/// The key of a message that was set aside.
pub fn aside_key(place: &Place) -> Vec<u8> {
    key(table::ASIDE, &[&place_name(place)])
}

/// 16 bytes that stand for a place.
fn place_name(place: &Place) -> [u8; 16] {
    let digest = match place {
        Place::Imap { mailbox, uid_validity, uid } => {
            let (epoch, uid) = (uid_validity.to_be_bytes(), uid.to_be_bytes());
            Digest::of_fields([&b"imap"[..], mailbox.as_bytes(), &epoch, &uid])
        }
        Place::Maildir { mailbox, name } => {
            Digest::of_fields([&b"maildir"[..], mailbox.as_bytes(), name.as_bytes()])
        }
        Place::Lmtp { listener, sha256 } => Digest::of_fields([&b"lmtp"[..], listener.as_bytes(), &sha256.0]),
        Place::File { path } => Digest::of_fields([&b"file"[..], path.as_bytes()]),
        Place::Letter { key } => Digest::of_fields([&b"letter"[..], &key.0]),
        Place::Attached { to, n } => Digest::of_fields([&b"attached"[..], &to.0, &n.to_be_bytes()]),
    };
    digest.0.first_chunk::<16>().copied().unwrap_or_default()
}

/// Where the acts about a subject begin.
pub fn act_key(subject: &Subject) -> Vec<u8> {
    let digest = match subject {
        Subject::Opportunity(id) => Digest::of_fields([&b"opportunity"[..], id.as_str().as_bytes()]),
        Subject::Message(identity) => Digest::of_fields([&b"message"[..], &identity.0]),
    };
    key(table::ACT, &[digest.0.first_chunk::<16>().map_or(&[][..], |half| half)])
}

/// The first 16 bytes of a text's sha256.
pub fn short(text: &str) -> [u8; 16] {
    let digest = Digest::of(text.as_bytes());
    digest.0.first_chunk::<16>().copied().unwrap_or_default()
}

/// The key of a row.
pub fn key(table: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![table];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_two_tables_share_a_letter() {
        let letters: Vec<&str> = include_str!("rows.rs")
            .lines()
            .filter_map(|line| line.split_once(": u8 = b'"))
            .map(|l| l.1)
            .collect();
        let distinct: BTreeSet<&str> = letters.iter().copied().collect();
        assert!(letters.len() > 20 && distinct.len() == letters.len(), "{letters:?}");
    }
}
