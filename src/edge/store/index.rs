//! The index: what sled holds. It is a pure function of the journal and may be thrown away at any time.
//!
//! One sled tree; the first byte of a key names the table. Numbers are big-endian and of fixed width, so that keys sort
//! as numbers do; texts that strangers chose are hashed to 16 bytes. Values stay far below 4 KiB: sled 0.34.7 puts large
//! log items into files that it never fsyncs, so entries themselves stay in the journal.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sled::transaction::{ConflictableTransactionError, TransactionError};

use super::error::StoreError;
use super::frame::take_u64;
use super::guard;
use super::journal::{Fact, Span};
use super::rows::{CopyRow, Head, act_key, aside_key, decode_cursor, key, place_key, read_id, short, table};
use super::segments::{Placed, Tail};
use crate::model::{Address, Digest, Kind, MessageId, OpportunityId, Outcome};
use crate::record::{Act, Cursor, Deed, Entry, Governing, Place, Seen, Tombstone, needs_person};

/// Of so many entries one has a row: each row costs memory for ever, and the journal's frames lead on from it.
pub const STRIDE: u64 = 8;

/// The open index.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    /// Empty only while one index takes another's place.
    open: RwLock<Option<Arc<Open>>>,
}

#[derive(Debug)]
struct Open {
    db: sled::Db,
    /// Our own handle on sled's file: its `flush()` does not fsync.
    file: File,
}

impl Open {
    fn new(folder: &Path, lock_wait: Duration) -> Result<Self, StoreError> {
        let db = guard::open_sled(folder, lock_wait)?;
        let path = folder.join("db");
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Self { db, file })
    }
}

impl Index {
    /// Opens or makes the index of a folder.
    pub fn open(folder: &Path, lock_wait: Duration) -> Result<Self, StoreError> {
        let open = Open::new(folder, lock_wait)?;
        Ok(Self { folder: folder.to_owned(), open: RwLock::new(Some(Arc::new(open))) })
    }

    /// Puts another index, which lies beside this one on the same disk, in this one's place; this one is deleted.
    /// Readers wait meanwhile. On an error nothing is answered any more.
    pub fn replace_by(&self, other: Self) -> Result<(), StoreError> {
        let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever still reads has a handle of the old one; new readers wait for the lock.
        while slot.as_ref().is_some_and(|open| Arc::strong_count(open) > 1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        close(slot.take(), &self.folder);
        let from = other.folder.clone();
        drop(other);
        fs::remove_dir_all(&self.folder).map_err(StoreError::io("remove", &self.folder))?;
        fs::rename(&from, &self.folder).map_err(StoreError::io("rename", &from))?;
        guard::sync_parent(&self.folder)?;
        *slot = Some(Arc::new(Open::new(&self.folder, Duration::from_secs(10))?));
        Ok(())
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
        self.calm("commit to it", |db| {
            // sled 0.34.7 deadlocks when anything but the closure's argument is asked inside: keep the closure pure.
            let done = db.transaction(|tree| {
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
        self.calm("flush it", |db| db.flush())?;
        self.handle()?.file.sync_data().map_err(StoreError::io("fdatasync", &self.folder))
    }

    /// Where to start looking for an entry in the journal: the offset of one of the [`STRIDE`] entries up to it.
    pub fn near(&self, seq: u64) -> Result<Option<u64>, StoreError> {
        self.row(&key(table::ENTRY, &[&(seq / STRIDE * STRIDE).to_be_bytes()]), take_u64)
    }

    /// What is known of a copy.
    pub fn copy(&self, sha256: &Digest) -> Result<Option<CopyRow>, StoreError> {
        self.row(&key(table::COPY, &[&sha256.0]), CopyRow::decode)
    }

    /// Where a raw copy lies.
    pub fn raw(&self, sha256: &Digest) -> Result<Option<Placed>, StoreError> {
        let raw = self.copy(sha256)?.and_then(|copy| copy.raw);
        Ok(raw.map(|(segment, offset, length)| Placed { sha256: *sha256, segment, offset, length }))
    }

    /// Sequence numbers of all key records of a name, in the order of the log.
    pub fn key_records(&self, name: &str) -> Result<Vec<u64>, StoreError> {
        self.sequences(&key(table::KEY, &[&short(name)]))
    }

    /// Sequence number of the newest entry about a governing file.
    pub fn governed(&self, what: Governing) -> Result<Option<u64>, StoreError> {
        self.row(&key(table::GOVERNED, &[what.as_str().as_bytes()]), take_u64)
    }

    /// The sequence numbers that end the keys below `prefix`.
    pub(super) fn sequences(&self, prefix: &[u8]) -> Result<Vec<u64>, StoreError> {
        let rows =
            self.calm("read it", |db| db.scan_prefix(prefix).keys().collect::<sled::Result<Vec<_>>>())?;
        let seq = |row: &sled::IVec| row.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
        let all = rows.iter().map(seq).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a key is too short"))
    }

    /// Sequence numbers of the letters and orders of an opportunity (or of none), in the order of the log.
    pub fn letters(&self, opportunity: Option<&OpportunityId>) -> Result<Vec<u64>, StoreError> {
        let id = opportunity.map_or("", OpportunityId::as_str);
        self.sequences(&key(table::LETTERS, &[id.as_bytes(), &[0]]))
    }

    /// Sequence numbers of what happened to a letter.
    pub fn post(&self, letter: &Digest) -> Result<Vec<u64>, StoreError> {
        self.sequences(&key(table::POST, &[&letter.0]))
    }

    /// Sequence numbers of the letters to an address.
    pub fn letters_to(&self, address: &Address) -> Result<Vec<u64>, StoreError> {
        self.sequences(&key(table::ADDRESSEE, &[&short(address.as_str())]))
    }

    /// Keys of letters whose end is not on record.
    pub fn open_letters(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.digests(&[table::OPEN], limit)
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
        self.digests(&key(table::MESSAGE_ID, &[&short(id.as_str())]), usize::MAX)
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

    /// Objections of an author that belong to no opportunity, by digest.
    pub fn strays(&self, author: &Address) -> Result<Vec<Digest>, StoreError> {
        self.digests(&key(table::STRAY, &[&Digest::of(author.as_str().as_bytes()).0]), usize::MAX)
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
        let mut last = after.map(|id| id.as_str().as_bytes().to_vec());
        while found.len() < limit {
            // Some are known only because a person linked a declaration to them, or by what the CRM says.
            let own = self.opportunity_behind(table::OPPORTUNITY, last.as_deref())?;
            let linked = self.opportunity_behind(table::LINK, last.as_deref())?;
            let imported = self.opportunity_behind(table::DEAL, last.as_deref())?;
            let Some(id) = own.into_iter().chain(linked).chain(imported).min() else { break };
            found.push(read_id(&id).ok_or_else(|| self.unreadable("an opportunity's row"))?);
            last = Some(id);
        }
        Ok(found)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The table of the first row that `other` does not have just so, and the entry that the row is about if it names
    /// one.
    pub fn first_difference(&self, other: &Self) -> Result<Option<(char, Option<u64>)>, StoreError> {
        let theirs = other.handle()?;
        let row = self.calm("compare it", |db| {
            let (mut ours, mut theirs) = (db.iter(), theirs.db.iter());
            loop {
                match (ours.next().transpose()?, theirs.next().transpose()?) {
                    (None, None) => return Ok(None),
                    (ours, theirs) if ours == theirs => {}
                    (ours, theirs) => return Ok(ours.into_iter().chain(theirs).map(|(key, _)| key).min()),
                }
            }
        })?;
        Ok(row.map(|key| {
            let table = key.first().copied().unwrap_or_default();
            let entry = key.get(1..).and_then(|rest| Some(u64::from_be_bytes(rest.try_into().ok()?)));
            (char::from(table), entry.filter(|_| table == table::ENTRY))
        }))
    }

    /// Writes a row past every draft.
    #[cfg(test)]
    pub fn put_raw(&self, key: &[u8], value: &[u8]) {
        self.handle().unwrap().db.insert(key, value).unwrap();
    }

    /// The first id behind `last` in a table whose keys are id, zero byte, digest: one seek.
    fn opportunity_behind(&self, table: u8, last: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        // The zero byte ends an id.
        let from = last.map_or_else(|| vec![table], |id| key(table, &[id, &[1]]));
        let next = self.calm("read it", |db| db.range(from.as_slice()..).next().transpose())?;
        let row = next.map(|(row, _)| row).filter(|row| row.first() == Some(&table));
        Ok(row.map(|row| row.get(1..row.len().saturating_sub(33)).unwrap_or_default().to_vec()))
    }

    fn handle(&self) -> Result<Arc<Open>, StoreError> {
        let slot = self.open.read().unwrap_or_else(PoisonError::into_inner);
        slot.clone().ok_or_else(|| self.unreadable("another index could not take its place"))
    }

    pub(super) fn calm<T>(
        &self,
        what: &'static str,
        call: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        let open = self.handle()?;
        guard::calm(what, &self.folder, || call(&open.db))
    }

    /// Every row, for comparisons.
    #[cfg(test)]
    pub fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.handle()
            .unwrap()
            .db
            .iter()
            .map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap())
            .collect()
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.calm("read it", |db| db.get(key))
    }

    pub(super) fn row<T>(
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
    pub(super) fn digests(&self, prefix: &[u8], limit: usize) -> Result<Vec<Digest>, StoreError> {
        let rows = self.calm("read it", |db| {
            db.scan_prefix(prefix).keys().take(limit).collect::<sled::Result<Vec<_>>>()
        })?;
        let digest = |row: &sled::IVec| row.last_chunk::<32>().map(|bytes| Digest(*bytes));
        let all = rows.iter().map(digest).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a key is too short"))
    }

    pub(super) fn unreadable(&self, why: &str) -> StoreError {
        StoreError::Index { what: "read it", path: self.folder.clone(), why: why.to_owned() }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        close(self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take(), &self.folder);
    }
}

/// sled panics when its disk fails while it closes; nothing is lost by it.
fn close(open: Option<Arc<Open>>, folder: &Path) {
    let closed = guard::calm("close it", folder, move || {
        drop(open);
        Ok(())
    });
    if let Err(error) = closed {
        tracing::warn!(event = "index.close", %error);
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
            Fact::Stored(placed) => placed.iter().try_for_each(|p| self.add_raw(p))?,
            Fact::Consider(digests) => digests.iter().try_for_each(|d| self.mark(d))?,
        }
        self.head.journal = span.end();
        self.head.last = Some((span.offset, span.crc));
        Ok(())
    }

    fn add_raw(&mut self, placed: &Placed) -> Result<(), StoreError> {
        self.head.tail = Tail { segment: placed.segment, end: placed.end() };
        let mut copy = self.copy(&placed.sha256)?;
        copy.raw = Some((placed.segment, placed.offset, placed.length));
        self.put_copy(&placed.sha256, &copy);
        Ok(())
    }

    fn add_entry(&mut self, entry: &Entry, span: Span) -> Result<(), StoreError> {
        let seq = self.head.size;
        if seq.is_multiple_of(STRIDE) {
            self.put(key(table::ENTRY, &[&seq.to_be_bytes()]), span.offset.to_be_bytes().to_vec());
        }
        self.head.size += 1;
        match entry {
            Entry::Seen(seen) => self.add_seen(seen, seq),
            Entry::Key(record) => {
                self.put(key(table::KEY, &[&short(&record.name), &seq.to_be_bytes()]), Vec::new());
                Ok(())
            }
            Entry::Considered(outcome) => self.add_outcome(outcome, seq),
            Entry::SetAside(aside) => {
                self.put(aside_key(&aside.place), seq.to_be_bytes().to_vec());
                self.pass(&aside.place)
            }
            Entry::Released(release) => {
                self.rows.insert(aside_key(&release.place), None);
                Ok(())
            }
            Entry::Erased(tombstone) => self.add_tombstone(tombstone),
            Entry::Act(act) => {
                self.add_act(act, seq);
                Ok(())
            }
            Entry::Governed { what, .. } => {
                self.put(key(table::GOVERNED, &[what.as_str().as_bytes()]), seq.to_be_bytes().to_vec());
                Ok(())
            }
            Entry::Letter(letter) => {
                self.put(letters_key(letter.opportunity.as_ref(), seq), Vec::new());
                self.put(
                    key(table::ADDRESSEE, &[&short(letter.to.as_str()), &seq.to_be_bytes()]),
                    Vec::new(),
                );
                self.put(key(table::OPEN, &[&letter.key.0]), Vec::new());
                self.put(key(table::POST, &[&letter.key.0, &seq.to_be_bytes()]), Vec::new());
                Ok(())
            }
            Entry::Posting { key: letter, .. } => {
                self.put(key(table::POST, &[&letter.0, &seq.to_be_bytes()]), Vec::new());
                Ok(())
            }
            Entry::Posted { key: letter, posted, .. } => {
                self.put(key(table::POST, &[&letter.0, &seq.to_be_bytes()]), Vec::new());
                if posted.is_end() {
                    self.rows.insert(key(table::OPEN, &[&letter.0]), None);
                }
                Ok(())
            }
            Entry::Order(order) => {
                self.put(letters_key(Some(&order.opportunity), seq), Vec::new());
                Ok(())
            }
            Entry::Gate { .. } => Ok(()),
        }
    }

    /// A place stays known, so that erased mail is not fetched again, and what was considered stays considered.
    fn add_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), StoreError> {
        if let Some(place) = &tombstone.place {
            self.add_place(place)?;
        }
        if let Some(sha256) = tombstone.sha256.filter(|_| tombstone.of == "considered") {
            let mut copy = self.copy(&sha256)?;
            if self.unmark(&sha256, &mut copy) {
                self.put_copy(&sha256, &copy);
            }
        }
        Ok(())
    }

    fn add_act(&mut self, act: &Act, seq: u64) {
        for subject in act.subjects() {
            let mut row = act_key(&subject);
            row.extend_from_slice(&seq.to_be_bytes());
            self.put(row, Vec::new());
        }
        let name = Act::name(&act.id());
        self.put(key(table::ACT_NAME, &[&short(&name)]), seq.to_be_bytes().to_vec());
        if let Deed::Details { opportunity, .. } | Deed::Closed { opportunity, .. } = &act.deed {
            self.put(key(table::DEAL, &[opportunity.as_str().as_bytes(), &[0], &[0; 32]]), Vec::new());
        }
        if let Deed::Link { message, opportunity } = &act.deed {
            let row = key(table::LINK, &[opportunity.as_str().as_bytes(), &[0], &message.sha256.0]);
            self.put(row, Vec::new());
        }
    }

    fn add_seen(&mut self, seen: &Seen, seq: u64) -> Result<(), StoreError> {
        let mut copy = self.copy(&seen.sha256)?;
        let sighting = seen.place.sighting();
        if copy.seen.is_none_or(|(_, best)| best < sighting) {
            copy.seen = Some((seq, sighting));
            self.put_copy(&seen.sha256, &copy);
        }
        if let Some(id) = &seen.links.message_id {
            self.put(key(table::MESSAGE_ID, &[&short(id.as_str()), &seen.sha256.0]), Vec::new());
        }
        for parent in &seen.links.parents {
            self.put(key(table::CHILD, &[&short(parent.as_str()), &seen.sha256.0]), Vec::new());
        }
        self.add_place(&seen.place)
    }

    fn add_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.put(place_key(place), Vec::new());
        let aside = aside_key(place);
        if self.get(&aside)?.is_some() {
            self.rows.insert(aside, None);
        }
        self.pass(place)
    }

    /// Moves a folder's cursor over a message that needs no more reading.
    fn pass(&mut self, place: &Place) -> Result<(), StoreError> {
        let Place::Imap { mailbox, uid_validity, uid } = place else { return Ok(()) };
        self.move_cursor(mailbox, Cursor { uid_validity: *uid_validity, uid: *uid })
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
        let sha256 = &outcome.sha256;
        let mut copy = self.copy(sha256)?;
        for row in copy.outcome_keys(sha256) {
            self.rows.insert(row, None);
        }
        self.unmark(sha256, &mut copy);
        copy.outcome = Some(seq);
        copy.unlinked = outcome.kind == Kind::Declaration && outcome.opportunity.is_none();
        copy.review = needs_person(outcome);
        let opportunity = outcome.opportunity.as_ref();
        copy.opportunity = opportunity.map_or_else(Vec::new, |id| id.as_str().as_bytes().to_vec());
        let author =
            outcome.from.as_ref().filter(|_| opportunity.is_none() && outcome.has("stray_objection"));
        copy.stray = author.is_some();
        if let Some(author) = author {
            copy.opportunity = Digest::of(author.as_str().as_bytes()).0.to_vec();
        }
        for row in copy.outcome_keys(sha256) {
            self.put(row, Vec::new());
        }
        self.put_copy(sha256, &copy);
        Ok(())
    }

    /// Takes the mark off a copy; says whether there was one.
    fn unmark(&mut self, sha256: &Digest, copy: &mut CopyRow) -> bool {
        let Some(order) = copy.todo.take() else { return false };
        self.rows.insert(key(table::TODO, &[&order.to_be_bytes(), &sha256.0]), None);
        self.head.todo = self.head.todo.saturating_sub(1);
        true
    }

    fn mark(&mut self, sha256: &Digest) -> Result<(), StoreError> {
        let mut copy = self.copy(sha256)?;
        if copy.todo.is_none() {
            // A copy that was never seen queues behind everything that was.
            let order = copy.seen.map_or(self.head.size, |(seq, _)| seq);
            self.put(key(table::TODO, &[&order.to_be_bytes(), &sha256.0]), Vec::new());
            copy.todo = Some(order);
            self.put_copy(sha256, &copy);
            self.head.todo += 1;
        }
        Ok(())
    }

    fn copy(&self, sha256: &Digest) -> Result<CopyRow, StoreError> {
        let Some(row) = self.get(&key(table::COPY, &[&sha256.0]))? else {
            return Ok(CopyRow::default());
        };
        CopyRow::decode(&mut row.as_slice()).ok_or_else(|| self.index.unreadable("a copy's row is too short"))
    }

    fn put_copy(&mut self, sha256: &Digest, copy: &CopyRow) {
        self.put(key(table::COPY, &[&sha256.0]), copy.encode());
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

/// The row of a letter or an order below its opportunity.
fn letters_key(opportunity: Option<&OpportunityId>, seq: u64) -> Vec<u8> {
    let id = opportunity.map_or("", OpportunityId::as_str);
    key(table::LETTERS, &[id.as_bytes(), &[0], &seq.to_be_bytes()])
}
