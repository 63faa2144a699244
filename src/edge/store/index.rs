//! The index: what sled holds. It is a pure function of the journal and may be thrown away at any time.
//!
//! One sled tree; the first byte of a key names the table. Numbers are big-endian and of fixed width, so that keys sort
//! as numbers do; texts that strangers chose are hashed to 16 bytes. Values stay far below 4 KiB: sled 0.34.7 puts large
//! log items into files that it never fsyncs, so entries themselves stay in the journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use sled::transaction::{ConflictableTransactionError, TransactionError};

use super::error::StoreError;
use super::frame::{take, take_u32, take_u64};
use super::guard;
use super::journal::{self, Fact, Span};
use super::segments::{Placed, Tail};
use crate::model::{Digest, Kind, MessageId, OpportunityId, Outcome};
use crate::record::{Cursor, Entry, Place, Seen};

/// Version of the tables; an index of another version is moved aside and rebuilt.
const TABLES_VERSION: u8 = 1;

/// The tables by the first byte of their keys.
mod table {
    /// One row: [`super::Head`].
    pub const HEAD: u8 = b'h';
    /// Sequence number: offset and length in the journal.
    pub const ENTRY: u8 = b'e';
    /// Digest: where the raw copy lies.
    pub const RAW: u8 = b'r';
    /// Digest: sequence number of the first `Seen`.
    pub const SEEN: u8 = b's';
    /// Message-ID and digest.
    pub const COPY: u8 = b'i';
    /// Message-ID of a parent and digest of the child.
    pub const CHILD: u8 = b'c';
    /// Digest: [`super::Newest`].
    pub const OUTCOME: u8 = b'o';
    /// Opportunity, zero byte, digest.
    pub const OPPORTUNITY: u8 = b'p';
    /// Digest of a declaration without an opportunity.
    pub const UNLINKED: u8 = b'u';
    /// Order and digest of a copy that must be considered.
    pub const TODO: u8 = b't';
    /// Digest of such a copy: its order.
    pub const TODO_AT: u8 = b'a';
    /// Name of a key record: sequence number of the newest.
    pub const KEY: u8 = b'k';
    /// Mailbox: cursor.
    pub const CURSOR: u8 = b'm';
    /// Place.
    pub const PLACE: u8 = b'l';
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

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![TABLES_VERSION];
        for number in [self.size, self.todo, self.journal, self.last.map_or(0, |l| l.0), self.tail.end] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.last.map_or(0, |l| l.1).to_be_bytes());
        out.extend_from_slice(&self.tail.segment.to_be_bytes());
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let [version] = take(bytes)?;
        let (size, todo, journal) = (take_u64(bytes)?, take_u64(bytes)?, take_u64(bytes)?);
        let (last, end) = (take_u64(bytes)?, take_u64(bytes)?);
        let (crc, segment) = (take_u32(bytes)?, take_u32(bytes)?);
        let last = (last != 0).then_some((last, crc));
        (version == TABLES_VERSION).then_some(Self { size, todo, journal, last, tail: Tail { segment, end } })
    }
}

/// The open index.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    db: sled::Db,
    /// Our own handle on sled's file: its `flush()` does not fsync.
    file: File,
}

impl Index {
    /// Opens or makes the index of a folder.
    pub fn open(folder: &Path, lock_wait: Duration) -> Result<Self, StoreError> {
        let db = guard::open_sled(folder, lock_wait)?;
        let path = folder.join("db");
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Self { folder: folder.to_owned(), db, file })
    }

    /// What the index knows of the files.
    pub fn head(&self) -> Result<Head, StoreError> {
        let Some(row) = self.get(&[table::HEAD])? else {
            return Ok(Head::EMPTY);
        };
        Head::decode(&row).ok_or_else(|| self.unreadable("its head is of another version"))
    }

    /// Commits a draft in one transaction. With `durable` it is on disk afterwards.
    pub fn commit(&self, draft: Draft<'_>, durable: bool) -> Result<(), StoreError> {
        let mut rows = draft.rows;
        rows.insert(vec![table::HEAD], Some(draft.head.encode()));
        guard::calm("commit to it", &self.folder, || {
            // sled 0.34.7 deadlocks when anything but the closure's argument is asked inside: keep the closure pure.
            let done = self.db.transaction(|tree| {
                for (key, value) in &rows {
                    match value {
                        Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                        None => tree.remove(key.as_slice())?,
                    };
                }
                Ok::<(), ConflictableTransactionError<()>>(())
            });
            match done {
                Err(TransactionError::Storage(error)) => Err(error),
                Ok(()) | Err(TransactionError::Abort(())) => Ok(()),
            }
        })?;
        if durable { self.sync() } else { Ok(()) }
    }

    /// Makes everything committed durable. sled 0.34.7: `flush()` is no fsync, hence our own fdatasync.
    pub fn sync(&self) -> Result<(), StoreError> {
        guard::calm("flush it", &self.folder, || self.db.flush())?;
        self.file.sync_data().map_err(StoreError::io("fdatasync", &self.folder))
    }

    /// Where an entry lies in the journal: offset and length.
    pub fn entry(&self, seq: u64) -> Result<Option<(u64, u32)>, StoreError> {
        self.row(&key(table::ENTRY, &[&seq.to_be_bytes()]), |row| Some((take_u64(row)?, take_u32(row)?)))
    }

    /// Where a raw copy lies.
    pub fn raw(&self, sha256: &Digest) -> Result<Option<Placed>, StoreError> {
        self.row(&key(table::RAW, &[&sha256.0]), Placed::decode)
    }

    /// Sequence number of the first `Seen` of a copy.
    pub fn seen(&self, sha256: &Digest) -> Result<Option<u64>, StoreError> {
        self.row(&key(table::SEEN, &[&sha256.0]), take_u64)
    }

    /// Sequence number of the newest outcome of a copy.
    pub fn outcome(&self, sha256: &Digest) -> Result<Option<u64>, StoreError> {
        Ok(self.row(&key(table::OUTCOME, &[&sha256.0]), Newest::decode)?.map(|newest| newest.seq))
    }

    /// Sequence numbers of all key records of a name, in the order of the log.
    pub fn key_records(&self, name: &str) -> Result<Vec<u64>, StoreError> {
        let prefix = key(table::KEY, &[&short(name)]);
        let rows = guard::calm("read it", &self.folder, || {
            self.db.scan_prefix(prefix).keys().collect::<sled::Result<Vec<_>>>()
        })?;
        let seq = |row: &sled::IVec| row.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
        let all = rows.iter().map(seq).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a key is too short"))
    }

    /// How far a mailbox was read.
    pub fn cursor(&self, mailbox: &str) -> Result<Option<Cursor>, StoreError> {
        self.row(&key(table::CURSOR, &[&short(mailbox)]), decode_cursor)
    }

    /// Whether a copy was seen at a place.
    pub fn knows_place(&self, place: &Place) -> Result<bool, StoreError> {
        Ok(self.get(&place_key(place))?.is_some())
    }

    /// Copies that carry a Message-ID, by digest.
    pub fn copies(&self, id: &MessageId) -> Result<Vec<Digest>, StoreError> {
        self.digests(&key(table::COPY, &[&short(id.as_str())]), usize::MAX)
    }

    /// Copies that name a Message-ID as their parent, by digest.
    pub fn children(&self, id: &MessageId) -> Result<Vec<Digest>, StoreError> {
        self.digests(&key(table::CHILD, &[&short(id.as_str())]), usize::MAX)
    }

    /// Copies whose newest outcome names an opportunity, by digest.
    pub fn of_opportunity(&self, id: &OpportunityId) -> Result<Vec<Digest>, StoreError> {
        self.digests(&key(table::OPPORTUNITY, &[id.as_str().as_bytes(), &[0]]), usize::MAX)
    }

    /// Declarations without an opportunity, by digest.
    pub fn unlinked(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.digests(&[table::UNLINKED], limit)
    }

    /// Copies that must be considered, first seen first.
    pub fn todo(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.digests(&[table::TODO], limit)
    }

    /// Opportunities in order, behind `after`.
    pub fn opportunities(
        &self,
        after: Option<&OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, StoreError> {
        let mut found = Vec::new();
        // The zero byte ends an id; one seek leads from one id to the next.
        let mut from = match after {
            Some(id) => key(table::OPPORTUNITY, &[id.as_str().as_bytes(), &[1]]),
            None => vec![table::OPPORTUNITY],
        };
        while found.len() < limit {
            let next =
                guard::calm("read it", &self.folder, || self.db.range(from.as_slice()..).next().transpose())?;
            let Some((row, _)) = next.filter(|(row, _)| row.first() == Some(&table::OPPORTUNITY)) else {
                break;
            };
            let id = row.get(1..row.len().saturating_sub(33)).unwrap_or_default();
            found.push(read_id(id).ok_or_else(|| self.unreadable("an opportunity's row"))?);
            from = key(table::OPPORTUNITY, &[id, &[1]]);
        }
        Ok(found)
    }

    /// Every row, for comparisons.
    #[cfg(test)]
    pub fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.db.iter().map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect()
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        guard::calm("read it", &self.folder, || self.db.get(key))
    }

    fn row<T>(
        &self,
        key: &[u8],
        read: impl FnOnce(&mut &[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(row) = self.get(key)? else {
            return Ok(None);
        };
        let mut bytes: &[u8] = &row;
        read(&mut bytes).map(Some).ok_or_else(|| self.unreadable("a row is too short"))
    }

    /// The digests that end the keys below `prefix`.
    fn digests(&self, prefix: &[u8], limit: usize) -> Result<Vec<Digest>, StoreError> {
        let rows = guard::calm("read it", &self.folder, || {
            self.db.scan_prefix(prefix).keys().take(limit).collect::<sled::Result<Vec<_>>>()
        })?;
        let digest = |row: &sled::IVec| row.last_chunk::<32>().map(|bytes| Digest(*bytes));
        let all = rows.iter().map(digest).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a key is too short"))
    }

    fn unreadable(&self, why: &str) -> StoreError {
        StoreError::Index { what: "read it", path: self.folder.clone(), why: why.to_owned() }
    }
}

/// Rows that are about to be committed. Reads see them before what the index holds.
#[derive(Debug)]
pub struct Draft<'a> {
    index: &'a Index,
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The head as it will be.
    pub head: Head,
}

impl<'a> Draft<'a> {
    /// An empty draft on top of an index whose head is `head`.
    pub fn new(index: &'a Index, head: Head) -> Self {
        Self { index, rows: BTreeMap::new(), head }
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds what one frame of the journal says. Writing and rebuilding both come through here.
    pub fn add(&mut self, fact: &Fact, span: Span) -> Result<(), StoreError> {
        match fact {
            Fact::Entry(entry) => self.add_entry(entry, span)?,
            Fact::Stored(placed) => placed.iter().for_each(|p| self.add_raw(p)),
            Fact::Consider(digests) => digests.iter().try_for_each(|d| self.mark(d))?,
        }
        self.head.journal = span.end();
        self.head.last = Some((span.offset, span.crc));
        Ok(())
    }

    fn add_raw(&mut self, placed: &Placed) {
        self.put(key(table::RAW, &[&placed.sha256.0]), placed.encode());
        self.head.tail = Tail { segment: placed.segment, end: placed.end() };
    }

    fn add_entry(&mut self, entry: &Entry, span: Span) -> Result<(), StoreError> {
        let seq = self.head.size;
        let mut row = span.offset.to_be_bytes().to_vec();
        row.extend_from_slice(&span.length.to_be_bytes());
        self.put(key(table::ENTRY, &[&seq.to_be_bytes()]), row);
        self.head.size += 1;
        match entry {
            Entry::Seen(seen) => self.add_seen(seen, seq),
            Entry::Key(record) => {
                self.put(key(table::KEY, &[&short(&record.name), &seq.to_be_bytes()]), Vec::new());
                Ok(())
            }
            Entry::Considered(outcome) => self.add_outcome(outcome, seq),
            Entry::Gate { .. } => Ok(()),
        }
    }

    fn add_seen(&mut self, seen: &Seen, seq: u64) -> Result<(), StoreError> {
        let first = key(table::SEEN, &[&seen.sha256.0]);
        if self.get(&first)?.is_none() {
            self.put(first, seq.to_be_bytes().to_vec());
        }
        if let Some(id) = &seen.links.message_id {
            self.put(key(table::COPY, &[&short(id.as_str()), &seen.sha256.0]), Vec::new());
        }
        for parent in &seen.links.parents {
            self.put(key(table::CHILD, &[&short(parent.as_str()), &seen.sha256.0]), Vec::new());
        }
        self.put(place_key(&seen.place), Vec::new());
        if let Place::Imap { mailbox, uid_validity, uid } = &seen.place {
            self.move_cursor(mailbox, Cursor { uid_validity: *uid_validity, uid: *uid })?;
        }
        Ok(())
    }

    /// RFC 3501 §2.3.1.1: within one UIDVALIDITY only the highest UID counts; another UIDVALIDITY starts anew.
    fn move_cursor(&mut self, mailbox: &str, to: Cursor) -> Result<(), StoreError> {
        let at = key(table::CURSOR, &[&short(mailbox)]);
        let now = self.get(&at)?.and_then(|row| decode_cursor(&mut row.as_slice()));
        if now.is_none_or(|now| now.uid_validity != to.uid_validity || now.uid < to.uid) {
            let mut row = to.uid_validity.to_be_bytes().to_vec();
            row.extend_from_slice(&to.uid.to_be_bytes());
            self.put(at, row);
        }
        Ok(())
    }

    fn add_outcome(&mut self, outcome: &Outcome, seq: u64) -> Result<(), StoreError> {
        let at = key(table::OUTCOME, &[&outcome.sha256.0]);
        if let Some(old) = self.get(&at)?.and_then(|row| Newest::decode(&mut row.as_slice())) {
            for row in old.rows(&outcome.sha256) {
                self.rows.insert(row, None);
            }
        }
        let new = Newest::of(outcome, seq);
        for row in new.rows(&outcome.sha256) {
            self.put(row, Vec::new());
        }
        self.put(at, new.encode());
        self.clear(&outcome.sha256)
    }

    fn mark(&mut self, sha256: &Digest) -> Result<(), StoreError> {
        let at = key(table::TODO_AT, &[&sha256.0]);
        if self.get(&at)?.is_some() {
            return Ok(());
        }
        // A copy that was never seen queues behind everything that was.
        let seen = self.get(&key(table::SEEN, &[&sha256.0]))?;
        let order = seen.unwrap_or_else(|| self.head.size.to_be_bytes().to_vec());
        self.put(key(table::TODO, &[&order, &sha256.0]), Vec::new());
        self.put(at, order);
        self.head.todo += 1;
        Ok(())
    }

    fn clear(&mut self, sha256: &Digest) -> Result<(), StoreError> {
        let at = key(table::TODO_AT, &[&sha256.0]);
        if let Some(order) = self.get(&at)? {
            self.rows.insert(key(table::TODO, &[&order, &sha256.0]), None);
            self.rows.insert(at, None);
            self.head.todo = self.head.todo.saturating_sub(1);
        }
        Ok(())
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.insert(key, Some(value));
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.rows.get(key) {
            Some(row) => Ok(row.clone()),
            None => Ok(self.index.get(key)?.map(|row| row.to_vec())),
        }
    }
}

/// What must be known of the newest outcome of a copy to take its rows back when a newer one comes.
struct Newest {
    seq: u64,
    unlinked: bool,
    opportunity: Vec<u8>,
}

impl Newest {
    fn of(outcome: &Outcome, seq: u64) -> Self {
        let unlinked = outcome.kind == Kind::Declaration && outcome.opportunity.is_none();
        let opportunity =
            outcome.opportunity.as_ref().map_or_else(Vec::new, |id| id.as_str().as_bytes().to_vec());
        Self { seq, unlinked, opportunity }
    }

    fn rows(&self, sha256: &Digest) -> Vec<Vec<u8>> {
        let mut rows = Vec::new();
        if self.unlinked {
            rows.push(key(table::UNLINKED, &[&sha256.0]));
        }
        if !self.opportunity.is_empty() {
            rows.push(key(table::OPPORTUNITY, &[&self.opportunity, &[0], &sha256.0]));
        }
        rows
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = self.seq.to_be_bytes().to_vec();
        out.push(u8::from(self.unlinked));
        out.extend_from_slice(&self.opportunity);
        out
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let seq = take_u64(bytes)?;
        let [unlinked] = take(bytes)?;
        Some(Self { seq, unlinked: unlinked != 0, opportunity: bytes.to_vec() })
    }
}

/// An id as it was recorded: not `OpportunityId::new`, whose rules for mail may change.
fn read_id(bytes: &[u8]) -> Option<OpportunityId> {
    let text: StrDeserializer<'_, serde::de::value::Error> =
        std::str::from_utf8(bytes).ok()?.into_deserializer();
    OpportunityId::deserialize(text).ok()
}

fn decode_cursor(bytes: &mut &[u8]) -> Option<Cursor> {
    Some(Cursor { uid_validity: take_u32(bytes)?, uid: take_u32(bytes)? })
}

fn place_key(place: &Place) -> Vec<u8> {
    let digest = match place {
        Place::Imap { mailbox, uid_validity, uid } => {
            let (epoch, uid) = (uid_validity.to_be_bytes(), uid.to_be_bytes());
            Digest::of_fields([&b"imap"[..], mailbox.as_bytes(), &epoch, &uid])
        }
        Place::Maildir { mailbox, name } => {
            Digest::of_fields([&b"maildir"[..], mailbox.as_bytes(), name.as_bytes()])
        }
        Place::File { path } => Digest::of_fields([&b"file"[..], path.as_bytes()]),
        Place::Attached { to, n } => Digest::of_fields([&b"attached"[..], &to.0, &n.to_be_bytes()]),
    };
    key(table::PLACE, &[digest.0.first_chunk::<16>().map_or(&[][..], |half| half)])
}

/// The first 16 bytes of a text's sha256.
fn short(text: &str) -> [u8; 16] {
    let digest = Digest::of(text.as_bytes());
    digest.0.first_chunk::<16>().copied().unwrap_or_default()
}

fn key(table: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![table];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}
