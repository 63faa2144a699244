//! The durable record: what [`Store::append`] acknowledged is on disk and stays there.
//!
//! ```text
//! format          "endorsed store 1": the version of the folder
//! lock            held while a process has the store open
//! segments/*.seg  raw mail, append-only, addressed by sha256
//! journal         the truth: entries, places of raw mail, marks; append-only
//! tree            hashes of the log over the entries (`record::log`); rebuilt from the journal
//! checkpoint      the signed head of that log; only moves forward
//! log.key         the key that signs, unless the configuration names one; log.vkey checks its signatures
//! journal.head    a length of the journal that was acknowledged, for the case that the index is lost
//! index/          sled: a pure function of the journal, moved aside and rebuilt when it does not open
//! ```
//! One batch is written in this order, and acknowledged at the end: segments, fdatasync; journal, fdatasync; one sled
//! transaction, flush, fdatasync. The hashes of the tree go between the journal and sled, without a sync of their own: a head
//! is signed only after one. An error on the way stops the store for good, since what reached the disk is unknown
//! then (after a failed fsync the page cache claims what the disk does not hold): the program ends, and opening again
//! runs the same code as writing does. Whatever sled may do, `guard` has an answer, measured under kills and
//! simulated power cuts.
//!
//! Backup of a store in use: copy `checkpoint`, `log.key`, `log.vkey`, `format`, `journal.head`, `journal`, `segments/`
//! in this order, without `index/` and `tree`.

mod acts;
mod audit;
mod backup;
mod check;
mod erase;
mod error;
mod frame;
mod guard;
mod index;
mod journal;
mod letters;
mod opening;
mod portable;
mod rows;
mod seal;
mod segments;
mod settled;
mod signed;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::edge::metrics::{Timer, observe};
use crate::model::{Address, Digest, KeyRecord, MessageId, OpportunityId, Outcome};
use crate::record::{Cursor, Entry, Governing, Place, Seen};

pub use check::audit_folder;
pub use error::StoreError;
use index::{Draft, Index};
use journal::{Bodies, Fact, Journal};
use rows::Head;
pub use seal::LogKey;
use seal::Seal;
pub(crate) use seal::{hand_over, replace as replace_file};
use segments::Segments;
pub use settled::Moment;
use tree::Tree;

/// Bytes after which a segment of raw mail is followed by the next one: large enough to keep a year's mail in a few
/// files, small enough to copy.
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// A head is signed at least every so many entries: that many are hashed anew after a crash.
const SIGN_EVERY: u64 = 10_000;
/// How long [`Store::open`] waits for a dying predecessor.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How to open a store.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Make the store when there is none.
    pub create: bool,
    /// How long to wait for another process to let go of it.
    pub lock_wait: Duration,
    /// Where segments end, in bytes.
    pub segment_bytes_max: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { create: false, lock_wait: LOCK_WAIT, segment_bytes_max: SEGMENT_BYTES_MAX }
    }
}

/// What is stored together: all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Raw copies; one that is already stored is not written again.
    pub raw: Vec<Vec<u8>>,
    /// Entries in order. They get the next sequence numbers.
    pub entries: Vec<Entry>,
    /// Copies that must be considered (again). An [`Entry::Considered`] of a later batch takes the mark back; in one
    /// batch the mark comes after the entries and stays. All marks of a batch are one transaction in memory: mark many
    /// thousands in several batches.
    pub consider: Vec<Digest>,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.entries.is_empty() && self.consider.is_empty()
    }
}

/// What [`Store::verify`] read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub entries: u64,
    /// Raw copies.
    pub raw: u64,
    /// Their octets.
    pub raw_bytes: u64,
    /// Raw copies whose octets were erased.
    pub erased: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
}

/// The open store. One process holds it; in it, any thread may read while one writes.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    writer: Mutex<Head>,
    size: AtomicU64,
    todo: AtomicU64,
    /// Twice for each erasure of this process: odd while one goes on.
    erasures: AtomicU64,
    /// The first error of a write, after which nothing is answered any more.
    dead: OnceLock<String>,
    /// Told of it.
    died: Notify,
    journal: Journal,
    segments: Segments,
    tree: Tree,
    seal: Seal,
    mark: File,
    // Fields drop in order: the index closes before the lock goes.
    index: Index,
    _lock: File,
}

impl Store {
    /// Opens the store in `folder`, replays what the index has not seen, and cuts off torn writes.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NotFound`], [`StoreError::Format`], [`StoreError::Corrupt`] (also when the
    /// journal is shorter than what was acknowledged) and [`StoreError::Io`].
    pub fn open(folder: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        Self::open_with(folder, options, LogKey::default())
    }

    /// The same, with the key that signs the log.
    ///
    /// # Errors
    /// Those of [`Self::open`], and [`StoreError::Key`].
    pub fn open_with(folder: &Path, options: OpenOptions, key: LogKey) -> Result<Self, StoreError> {
        if options.create {
            guard::make_folder(folder)?;
        } else if !folder.join("format").exists() && !folder.join("journal").exists() {
            return Err(StoreError::NotFound { path: folder.to_owned() });
        }
        let lock = guard::lock(folder, options.lock_wait)?;
        opening::check_format(folder, options.create)?;
        // A copy of the store may have left out an empty folder.
        guard::make_folder(&folder.join("segments"))?;
        erase::recover(folder)?;
        let journal = Journal::open(&folder.join("journal"))?;
        let segments = Segments::new(folder.join("segments"), options.segment_bytes_max);
        let mark = opening::open_mark(folder)?;
        let known = opening::read_mark(&mark);
        let (index, head) = opening::open_index(folder, &journal, known, options.lock_wait)?;
        segments.recover(head.tail)?;
        let seal = Seal::open(folder, key)?;
        let tree = Tree::open(folder, &journal, head, seal.last().as_ref(), |seq| {
            let near = index.near(seq)?.unwrap_or(journal::START);
            Ok(journal.find(near, seq)?.0)
        })?;
        if seal.last().is_none_or(|signed| head.size - signed.size >= SIGN_EVERY) {
            seal.sign(&tree)?;
        }
        opening::write_mark(&mark, folder, head.journal)?;
        Ok(Self {
            folder: folder.to_owned(),
            writer: Mutex::new(head),
            size: AtomicU64::new(head.size),
            todo: AtomicU64::new(head.todo),
            erasures: AtomicU64::new(0),
            dead: OnceLock::new(),
            died: Notify::new(),
            journal,
            segments,
            tree,
            seal,
            mark,
            index,
            _lock: lock,
        })
    }

    /// Stores a batch; when this returns it is on disk. Returns the number of entries in the log.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] and [`StoreError::Unwritable`] refuse the batch and change nothing. Any other error
    /// stops the store: every later call answers [`StoreError::Poisoned`].
    pub fn append(&self, batch: Batch) -> Result<u64, StoreError> {
        self.alive()?;
        if batch.is_empty() {
            return Ok(self.size());
        }
        let Batch { raw, entries, consider } = batch;
        let copies = name(&raw)?;
        let mut bodies = Bodies::default();
        entries.into_iter().try_for_each(|entry| bodies.entry(entry))?;
        bodies.consider(consider)?;
        self.store(copies, bodies)
    }

    fn store(&self, copies: Vec<(Digest, &[u8])>, bodies: Bodies) -> Result<u64, StoreError> {
        let mut head = self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?;
        self.alive()?;
        let begun = Instant::now();
        match self.commit(*head, copies, bodies) {
            Ok(next) => {
                observe(Timer::StoreFlush, begun.elapsed());
                *head = next;
                self.size.store(next.size, Ordering::Release);
                self.todo.store(next.todo, Ordering::Release);
                if self.seal.last().is_none_or(|signed| next.size - signed.size >= SIGN_EVERY) {
                    self.seal.sign(&self.tree).map_err(|error| self.stop(error))?;
                }
                Ok(next.size)
            }
            Err(error) => Err(self.stop(error)),
        }
    }

    /// Entries in the log; the next one gets this number.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Changes whenever octets or entries were erased: what was read before may be gone.
    pub fn erasures(&self) -> u64 {
        self.erasures.load(Ordering::Acquire)
    }

    /// The entries of a range, in order; what lies behind the end of the log is left out.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Entry>, StoreError> {
        let range = range.start..range.end.min(self.size());
        self.read(|| range.map(|seq| self.entry(seq)).collect())
    }

    /// The octets of a copy, checked against its sha256; `None` when it was never stored, or erased.
    pub fn raw(&self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|| match self.index.raw(sha256)? {
            Some(placed) => self.segments.read(&placed),
            None => Ok(None),
        })
    }

    /// Whether a copy's octets were stored. Erased mail counts: it is not taken in again.
    pub fn contains(&self, sha256: &Digest) -> Result<bool, StoreError> {
        self.read(|| Ok(self.index.raw(sha256)?.is_some()))
    }

    /// Where and when a copy was first delivered, or else first seen in junk, or attached to another message.
    pub fn seen(&self, sha256: &Digest) -> Result<Option<Seen>, StoreError> {
        self.read(|| {
            self.pick(self.index.copy(sha256)?.and_then(|copy| copy.seen).map(|(seq, _)| seq), |entry| {
                match entry {
                    Entry::Seen(seen) if seen.sha256 == *sha256 => Some(seen),
                    _ => None,
                }
            })
        })
    }

    /// Copies that carry a Message-ID, by digest.
    pub fn copies(&self, id: &MessageId) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.copies(id))
    }

    /// Copies that name a Message-ID among their parents, by digest.
    pub fn children(&self, id: &MessageId) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.children(id))
    }

    /// The newest outcome of a copy.
    pub fn outcome(&self, sha256: &Digest) -> Result<Option<Outcome>, StoreError> {
        self.read(|| {
            self.pick(self.index.copy(sha256)?.and_then(|copy| copy.outcome), |entry| match entry {
                Entry::Considered(outcome) if outcome.sha256 == *sha256 => Some(*outcome),
                _ => None,
            })
        })
    }

    /// Copies whose newest outcome belongs to an opportunity, by digest.
    pub fn of_opportunity(&self, id: &OpportunityId) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.of_opportunity(id))
    }

    /// At most `limit` opportunities that some newest outcome belongs to, in order, behind `after`.
    pub fn opportunities(
        &self,
        after: Option<&OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, StoreError> {
        self.read(|| self.index.opportunities(after, limit))
    }

    /// At most `limit` copies whose newest outcome is a declaration without an opportunity, by digest.
    pub fn unlinked(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.unlinked(limit))
    }

    /// Copies whose newest outcome is an objection of `author` that belongs to no opportunity, by digest.
    pub fn strays(&self, author: &Address) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.strays(author))
    }

    /// The digest of a governing file as recorded last; nothing when none was recorded, or there is none any more.
    pub fn governed(&self, what: Governing) -> Result<Option<Digest>, StoreError> {
        self.read(|| {
            let recorded = self.pick(self.index.governed(what)?, |entry| match entry {
                Entry::Governed { digest, .. } => Some(digest),
                _ => None,
            })?;
            Ok(recorded.flatten())
        })
    }

    /// All key records of a name (`selector._domainkey.domain`), in the order in which they were recorded: keys
    /// rotate, and each message verifies for ever with the record of its time.
    pub fn keys(&self, name: &str) -> Result<Vec<KeyRecord>, StoreError> {
        self.read(|| {
            let mut records = Vec::new();
            for seq in self.index.key_records(name)? {
                records.extend(self.pick(Some(seq), |entry| match entry {
                    Entry::Key(record) if record.name == name => Some(record),
                    _ => None,
                })?);
            }
            Ok(records)
        })
    }

    /// How far an IMAP folder was read: the highest UID of the UIDVALIDITY that was recorded last.
    pub fn cursor(&self, mailbox: &str) -> Result<Option<Cursor>, StoreError> {
        self.read(|| self.index.cursor(mailbox))
    }

    /// Whether something was seen at exactly this place.
    pub fn knows_place(&self, place: &Place) -> Result<bool, StoreError> {
        self.read(|| self.index.knows_place(place))
    }

    /// At most `limit` copies that must be considered, in the order in which they were first seen.
    pub fn todo(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.todo(limit))
    }

    /// How many copies must be considered.
    pub fn todo_len(&self) -> u64 {
        self.todo.load(Ordering::Acquire)
    }

    /// Reads everything that was acknowledged when this was called: every frame of the journal and every raw copy.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the first byte range that is not what was written.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        self.alive()?;
        let head = *self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?;
        let mut verified = Verified::default();
        let end = self.journal.scan(journal::START, head.journal, head.journal, 0, |batch| {
            for (fact, _) in batch {
                match fact {
                    Fact::Entry(_) => verified.entries += 1,
                    Fact::Stored(placed) => {
                        for place in placed {
                            verified.raw += 1;
                            match self.segments.read(&place)? {
                                Some(octets) => verified.raw_bytes += octets.len() as u64,
                                None => verified.erased += 1,
                            }
                        }
                    }
                    Fact::Consider(_) => {}
                }
            }
            Ok(())
        })?;
        verified.journal_bytes = end;
        Ok(verified)
    }

    /// The store's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn commit(
        &self,
        head: Head,
        copies: Vec<(Digest, &[u8])>,
        mut bodies: Bodies,
    ) -> Result<Head, StoreError> {
        let mut fresh = Vec::with_capacity(copies.len());
        for copy in copies {
            if self.index.raw(&copy.0)?.is_none() {
                fresh.push(copy);
            }
        }
        let placed = self.segments.append(head.tail, &fresh, head.size)?;
        bodies.stored(placed);
        if bodies.is_empty() {
            return Ok(head);
        }
        let (bytes, facts) = bodies.frames(head.journal, head.size);
        self.journal.append(head.journal, &bytes)?;
        self.tree.append(facts.iter().filter_map(|(_, span)| span.leaf))?;
        let mut draft = Draft::new(&self.index, head);
        facts.iter().try_for_each(|(fact, span)| draft.add(fact, *span))?;
        let next = draft.head;
        self.index.commit(draft, true)?;
        opening::write_mark(&self.mark, &self.folder, next.journal)?;
        Ok(next)
    }

    fn entry(&self, seq: u64) -> Result<Entry, StoreError> {
        let (offset, length) = self.locate(seq)?.ok_or_else(|| self.astray("an entry has no row"))?;
        match self.journal.read(offset, length)? {
            Fact::Entry(entry) => Ok(entry),
            Fact::Stored(_) | Fact::Consider(_) => Err(self.astray("a row leads to no entry")),
        }
    }

    /// Offset and length of the frame of an entry that is in the log.
    fn locate(&self, seq: u64) -> Result<Option<(u64, u32)>, StoreError> {
        let near = self.index.near(seq)?;
        near.map(|near| self.journal.find(near, seq)).transpose()
    }

    fn pick<T>(
        &self,
        seq: Option<u64>,
        of: impl FnOnce(Entry) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(seq) = seq else {
            return Ok(None);
        };
        of(self.entry(seq)?).map(Some).ok_or_else(|| self.astray("a row leads to another entry"))
    }

    /// Runs a read. An index that fails is rebuilt by the next start; until then nothing is answered.
    fn read<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.alive()?;
        read().map_err(|error| match error {
            StoreError::Index { .. } => self.stop(error),
            error => error,
        })
    }

    /// Whether a write never failed.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] after the first error of a write.
    pub fn alive(&self) -> Result<(), StoreError> {
        self.dead.get().map_or(Ok(()), |why| Err(StoreError::Poisoned { why: why.clone() }))
    }

    fn stop(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Index { .. }) {
            // Without the note the next start would trust an index that opens but does not answer.
            let _best_effort = File::create(self.folder.join("rebuild"));
        }
        self.dead(error.to_string());
        error
    }

    fn dead(&self, why: String) -> StoreError {
        let why = self.dead.get_or_init(|| why).clone();
        self.died.notify_waiters();
        StoreError::Poisoned { why }
    }

    /// Waits until the store is dead, and says why. The program ends then.
    pub async fn died(&self) -> StoreError {
        loop {
            let told = self.died.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if let Err(error) = self.alive() {
                return error;
            }
            told.await;
        }
    }

    fn astray(&self, why: &str) -> StoreError {
        let (path, why) = (self.folder.join("index"), why.to_owned());
        StoreError::Index { what: "follow it", path, why }
    }
}

impl Drop for Store {
    /// Signs what was not signed yet, so that the next start has nothing to hash anew.
    fn drop(&mut self) {
        if self.dead.get().is_none()
            && let Err(error) = self.seal.sign(&self.tree)
        {
            tracing::warn!(event = "log.unsigned", %error);
        }
    }
}

/// Names the copies, each once.
fn name(raw: &[Vec<u8>]) -> Result<Vec<(Digest, &[u8])>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut copies = Vec::with_capacity(raw.len());
    for octets in raw {
        let max = frame::BODY_MAX - 32;
        if octets.len() > max {
            return Err(StoreError::TooLarge { what: "a message".into(), bytes: octets.len(), max });
        }
        let sha256 = Digest::of(octets);
        if seen.insert(sha256) {
            copies.push((sha256, octets.as_slice()));
        }
    }
    Ok(copies)
}
