//! The journal: the truth. One append-only file of frames, in batches that count whole or not at all.
//!
//! A batch starts with a frame flagged [`frame::FIRST`] and ends with one flagged [`frame::LAST`]. On open, what
//! follows the last whole batch is a torn write that nobody was told about, and is cut off. Damage *before* a whole
//! batch, or before the length that we know to have been acknowledged, is corruption and never skipped.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{StoreError, spot};
use super::frame::{self, Ahead, Found, Frame};
use super::segments::Placed;
use crate::model::Digest;
use crate::record::log::{ERASED, Leaf, PLAIN, Record, SALT_BYTES, SALTED};
use crate::record::{Entry, record_leaf};

/// First bytes of the file; the digit is the version of the file.
const TITLE: [u8; 16] = *b"endorsed-log  1\n";
/// Version of the bodies that we write, other than those of entries.
const BODY_VERSION: u8 = 1;
/// Bytes read at once while looking for a frame after damage.
const LOOK_BYTES: usize = 1 << 20;

/// Where the first frame lies.
pub const START: u64 = TITLE.len() as u64;

/// What one frame of the journal says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// An entry of the log.
    Entry(Entry),
    /// Raw copies were stored.
    Stored(Vec<Placed>),
    /// These copies must be considered.
    Consider(Vec<Digest>),
}

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// Length with the header, in bytes.
    pub length: u32,
    /// Its checksum.
    pub crc: u32,
    /// The hash of its leaf, when it is an entry.
    pub leaf: Option<Digest>,
}

impl Span {
    /// The byte after it.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// The open journal. Reads may run while the one writer appends.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    pub(super) file: File,
}

impl Journal {
    /// Makes an empty journal unless there is one; a title that was torn while it was made is written again.
    pub fn create(path: &Path) -> Result<(), StoreError> {
        let file = options().create(true).open(path).map_err(StoreError::io("create", path))?;
        let length = file.metadata().map_err(StoreError::io("stat", path))?.len();
        if length < START {
            file.write_all_at(&TITLE, 0).map_err(StoreError::io("write", path))?;
        }
        file.sync_all().map_err(StoreError::io("fsync", path))
    }

    /// Opens the journal.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let journal = Self::check_title(path, options().open(path))?;
        // A killed writer may have left frames in the page cache only. The index must never know more than the disk
        // holds, so they become durable before anybody replays them.
        journal.file.sync_all().map_err(StoreError::io("fsync", path))?;
        Ok(journal)
    }

    /// Opens the journal only to read it.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        Self::check_title(path, File::open(path))
    }

    fn check_title(path: &Path, file: std::io::Result<File>) -> Result<Self, StoreError> {
        let file = file.map_err(StoreError::io("open", path))?;
        let mut title = [0; TITLE.len()];
        if file.read_exact_at(&mut title, 0).is_err() {
            return Err(StoreError::corrupt("the journal is shorter than its title", path, 0));
        }
        if title != TITLE {
            let known = String::from_utf8_lossy(&TITLE).trim_end().to_owned();
            let found = String::from_utf8_lossy(&title).trim_end().to_owned();
            return Err(if title.starts_with(b"endorsed-log") {
                StoreError::Format { at: path.display().to_string(), found, known }
            } else {
                StoreError::corrupt("the journal does not start with its title", path, 0)
            });
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length of the file in bytes.
    pub fn length(&self) -> Result<u64, StoreError> {
        Ok(self.file.metadata().map_err(StoreError::io("stat", &self.path))?.len())
    }

    /// Writes a batch at `offset`, the end of the last one, and makes it durable.
    pub fn append(&self, offset: u64, batch: &[u8]) -> Result<(), StoreError> {
        self.file.write_all_at(batch, offset).map_err(StoreError::io("append to", &self.path))?;
        self.file.sync_data().map_err(StoreError::io("fdatasync", &self.path))
    }

    /// Reads the fact at `span`, which an index row named.
    pub fn read(&self, offset: u64, length: u32) -> Result<Fact, StoreError> {
        let found = frame::read(&mut &self.file, offset, offset + u64::from(length));
        match found.map_err(StoreError::io("read", &self.path))? {
            Found::Whole(frame, _) => Ok(self.decode(&frame, offset)?.0),
            Found::Damaged(why) => Err(StoreError::corrupt(why, &self.path, offset)),
        }
    }

    /// The checksum of the frame at `offset`.
    pub fn checksum(&self, offset: u64, end: u64) -> Result<u32, StoreError> {
        match frame::read(&mut &self.file, offset, end).map_err(StoreError::io("read", &self.path))? {
            Found::Whole(_, crc) => Ok(crc),
            Found::Damaged(why) => Err(StoreError::corrupt(why, &self.path, offset)),
        }
    }

    /// Hands every whole batch from `from` to `to`, or to the end of the file, to `each`; returns the end of the last
    /// one. `known` is the length that was acknowledged for sure, `seq` the number of entries before `from`.
    pub fn scan(
        &self,
        from: u64,
        to: u64,
        known: u64,
        seq: u64,
        mut each: impl FnMut(Vec<(Fact, Span)>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let end = self.length()?.min(to);
        let (mut start, mut at, mut seq) = (from, from, seq);
        let mut batch = Vec::new();
        let mut ahead = Ahead::new(&self.file);
        while at < end {
            let (frame, crc) = match frame::read(&mut ahead, at, end) {
                Ok(Found::Whole(frame, crc)) => (frame, crc),
                Ok(Found::Damaged(why)) => return self.torn_or_corrupt(start, at, known, why),
                Err(error) => return Err(StoreError::io("read", &self.path)(error)),
            };
            if (frame.flags & frame::FIRST != 0) != batch.is_empty() || frame.seq != seq {
                return Err(StoreError::corrupt("a frame stands out of order", &self.path, at));
            }
            let (fact, leaf) = self.decode(&frame, at)?;
            seq += u64::from(matches!(fact, Fact::Entry(_)));
            let length = u32::try_from(frame::HEADER + frame.body.len()).unwrap_or(u32::MAX);
            let span = Span { offset: at, length, crc, leaf };
            batch.push((fact, span));
            at = span.end();
            if frame.flags & frame::LAST != 0 {
                each(std::mem::take(&mut batch))?;
                start = at;
            }
        }
        if !batch.is_empty() {
            return self.torn_or_corrupt(start, at, known, "a batch has no end");
        }
        Ok(start)
    }

    /// An entry as it stands in its frame at `offset`.
    pub fn record(&self, offset: u64, length: u32) -> Result<Record, StoreError> {
        let found = frame::read(&mut &self.file, offset, offset + u64::from(length));
        match found.map_err(StoreError::io("read", &self.path))? {
            Found::Whole(Frame { seq, version, body, .. }, _) => Ok(Record { seq, version, body }),
            Found::Damaged(why) => Err(StoreError::corrupt(why, &self.path, offset)),
        }
    }

    /// Offset and length of the frame of entry `seq`, looked for from the frame at `from` on: only headers are read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the frames do not lead there.
    pub fn find(&self, from: u64, seq: u64) -> Result<(u64, u32), StoreError> {
        let mut at = from;
        loop {
            let found = frame::skim(&mut &self.file, at).map_err(StoreError::io("read", &self.path))?;
            match found.filter(|found| found.seq <= seq) {
                Some(found) if found.seq == seq && found.kind == frame::ENTRY => {
                    return Ok((at, found.length));
                }
                Some(found) => at += u64::from(found.length),
                None => {
                    let what = format!("the frames lead to no entry {seq}");
                    return Err(StoreError::corrupt(what, &self.path, at));
                }
            }
        }
    }

    /// Hands every frame from `from` to `to` to `each`, with its offset. `from` may lie in the middle of a batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the first frame that is not what was written.
    pub fn frames(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, Frame) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut ahead = Ahead::new(&self.file);
        let mut at = from;
        while at < to {
            match frame::read(&mut ahead, at, to).map_err(StoreError::io("read", &self.path))? {
                Found::Damaged(why) => return Err(StoreError::corrupt(why, &self.path, at)),
                Found::Whole(frame, _) => {
                    let length = (frame::HEADER + frame.body.len()) as u64;
                    each(at, frame)?;
                    at += length;
                }
            }
        }
        Ok(())
    }

    /// Cuts off what follows `end`: a torn write that was never acknowledged.
    pub fn cut(&self, end: u64) -> Result<(), StoreError> {
        let length = self.length()?;
        if length > end {
            let bytes = length - end;
            tracing::warn!(journal = %self.path.display(), bytes, "cut off a write that was never acknowledged");
            self.file.set_len(end).map_err(StoreError::io("truncate", &self.path))?;
            self.file.sync_all().map_err(StoreError::io("fsync", &self.path))?;
        }
        Ok(())
    }

    /// Decides what damage at `at`, in the batch that starts at `start`, means.
    pub(super) fn torn_or_corrupt(
        &self,
        start: u64,
        at: u64,
        known: u64,
        why: &str,
    ) -> Result<u64, StoreError> {
        if start < known {
            return Err(StoreError::corrupt(why, &self.path, at));
        }
        match self.next_batch(at + 1)? {
            None => Ok(start),
            Some(next) => {
                let what = format!("{why}, and a whole batch follows at byte {next}");
                Err(StoreError::corrupt(what, &self.path, at))
            }
        }
    }

    /// The first frame at or after `from` that starts a batch.
    fn next_batch(&self, from: u64) -> Result<Option<u64>, StoreError> {
        let end = self.length()?;
        let mut at = from;
        while at < end {
            let size = usize::try_from(end - at).unwrap_or(LOOK_BYTES).min(LOOK_BYTES);
            let mut piece = vec![0; size];
            self.file.read_exact_at(&mut piece, at).map_err(StoreError::io("read", &self.path))?;
            for (n, _) in piece.windows(frame::MARK.len()).enumerate().filter(|(_, w)| **w == frame::MARK) {
                let offset = at + n as u64;
                let found =
                    frame::read(&mut &self.file, offset, end).map_err(StoreError::io("read", &self.path))?;
                if matches!(found, Found::Whole(frame, _) if frame.flags & frame::FIRST != 0) {
                    return Ok(Some(offset));
                }
            }
            // Pieces overlap so that a mark on the seam is not missed.
            let seam = frame::MARK.len() - 1;
            at += if size > seam { (size - seam) as u64 } else { size as u64 };
            if size <= seam || at + seam as u64 >= end {
                break;
            }
        }
        Ok(None)
    }

    /// What a frame says, and the hash of its leaf when it is an entry.
    pub(super) fn decode(&self, frame: &Frame, offset: u64) -> Result<(Fact, Option<Digest>), StoreError> {
        let known = match frame.kind {
            frame::ENTRY => matches!(frame.version, PLAIN..=ERASED),
            frame::STORED | frame::CONSIDER => frame.version == BODY_VERSION,
            _ => false,
        };
        if !known {
            return Err(StoreError::Format {
                at: spot(&self.path, offset),
                found: format!("frame kind {} version {}", frame.kind, frame.version),
                known: format!("kind 1 up to version {ERASED}, kinds 2 and 3 version {BODY_VERSION}"),
            });
        }
        let fact = match frame.kind {
            frame::ENTRY => decode_entry(frame).map(|(entry, leaf)| (Fact::Entry(entry), Some(leaf.hash()))),
            frame::STORED => rows(&frame.body, Placed::SIZE, Placed::decode).map(|p| (Fact::Stored(p), None)),
            _ => rows(&frame.body, 32, |row| frame::take(row).map(Digest)).map(|d| (Fact::Consider(d), None)),
        };
        let unread = || StoreError::corrupt("a frame's body cannot be read", &self.path, offset);
        fact.ok_or_else(unread)
    }
}

/// The leaf of an entry's frame; `None` when its body cannot be read.
pub fn leaf_of(frame: &Frame) -> Option<Leaf> {
    record_leaf(frame.seq, frame.version, &frame.body)
}

fn decode_entry(frame: &Frame) -> Option<(Entry, Leaf)> {
    let leaf = leaf_of(frame)?;
    let entry = match frame.version {
        ERASED => Entry::Erased(serde_json::from_slice(&frame.body).ok()?),
        SALTED => serde_json::from_slice(frame.body.get(SALT_BYTES..)?).ok()?,
        _ => serde_json::from_slice(&frame.body).ok()?,
    };
    Some((entry, leaf))
}

/// A batch on its way into the journal.
#[derive(Debug, Default)]
pub struct Bodies(Vec<(u8, u8, Vec<u8>, Fact)>);

impl Bodies {
    /// Adds an entry, with a salt of its own: its leaf says nothing to whoever does not have the entry.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] and [`StoreError::Unwritable`]; nothing is written then.
    pub fn entry(&mut self, entry: Entry) -> Result<(), StoreError> {
        let unwritable = |why: String| StoreError::Unwritable { why };
        if matches!(entry, Entry::Erased(_)) {
            return Err(unwritable("a tombstone only ever takes the place of an entry".into()));
        }
        let mut body = vec![0; SALT_BYTES];
        getrandom::fill(&mut body).map_err(|e| unwritable(format!("no random salt: {e}")))?;
        serde_json::to_writer(&mut body, &entry).map_err(|e| unwritable(e.to_string()))?;
        if body.len() > frame::BODY_MAX {
            let (what, bytes, max) = ("an entry".to_owned(), body.len(), frame::BODY_MAX);
            return Err(StoreError::TooLarge { what, bytes, max });
        }
        self.0.push((frame::ENTRY, SALTED, body, Fact::Entry(entry)));
        Ok(())
    }

    /// Adds an entry as it stood in another store, with its salt.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when it cannot be read; nothing is written then.
    pub fn record(&mut self, record: Record) -> Result<(), StoreError> {
        let Record { seq, version, body } = record;
        let flags = frame::FIRST;
        let frame = Frame { kind: frame::ENTRY, version, flags, seq, body };
        let unread = || StoreError::Unwritable { why: format!("entry {seq} cannot be read") };
        let (entry, _) = decode_entry(&frame).ok_or_else(unread)?;
        self.0.push((frame::ENTRY, version, frame.body, Fact::Entry(entry)));
        Ok(())
    }

    /// Puts the places of raw copies in front: whoever reads the log forwards knows a copy before its entries.
    pub fn stored(&mut self, placed: Vec<Placed>) {
        if !placed.is_empty() {
            let body = placed.iter().flat_map(Placed::encode).collect();
            self.0.insert(0, (frame::STORED, BODY_VERSION, body, Fact::Stored(placed)));
        }
    }

    /// Adds marks.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; nothing is written then.
    pub fn consider(&mut self, digests: Vec<Digest>) -> Result<(), StoreError> {
        if digests.is_empty() {
            return Ok(());
        }
        let body: Vec<u8> = digests.iter().flat_map(|d| d.0).collect();
        if body.len() > frame::BODY_MAX {
            let (what, bytes, max) = ("a list of marks".to_owned(), body.len(), frame::BODY_MAX);
            return Err(StoreError::TooLarge { what, bytes, max });
        }
        self.0.push((frame::CONSIDER, BODY_VERSION, body, Fact::Consider(digests)));
        Ok(())
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The batch as bytes that will lie at `offset`, with `seq` entries before it, and its facts.
    pub fn frames(self, offset: u64, mut seq: u64) -> (Vec<u8>, Vec<(Fact, Span)>) {
        let mut bytes = Vec::new();
        let mut facts = Vec::with_capacity(self.0.len());
        let count = self.0.len();
        for (n, (kind, version, body, fact)) in self.0.into_iter().enumerate() {
            let first = if n == 0 { frame::FIRST } else { 0 };
            let last = if n + 1 == count { frame::LAST } else { 0 };
            let start = offset + bytes.len() as u64;
            let crc = frame::write(&mut bytes, (kind, version, first | last, seq), &[&body]);
            let length = u32::try_from(frame::HEADER + body.len()).unwrap_or(u32::MAX);
            let is_entry = kind == frame::ENTRY;
            let leaf = if is_entry { record_leaf(seq, version, &body).map(|leaf| leaf.hash()) } else { None };
            seq += u64::from(is_entry);
            facts.push((fact, Span { offset: start, length, crc, leaf }));
        }
        (bytes, facts)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Mail is nobody else's business.
    options.read(true).write(true).mode(0o600);
    options
}

fn rows<T>(mut body: &[u8], size: usize, read: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    if !body.len().is_multiple_of(size) {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() / size);
    while !body.is_empty() {
        out.push(read(&mut body)?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gate(n: u64, answer: &str) -> Entry {
        let at = jiff::Timestamp::from_second(i64::try_from(n).unwrap()).unwrap();
        Entry::Gate { at, answer: answer.into() }
    }

    /// A journal file of three batches: its bytes and where the batches start and end.
    fn three_batches(path: &Path) -> (Vec<u8>, Vec<u64>) {
        Journal::create(path).unwrap();
        let journal = Journal::open(path).unwrap();
        let (mut ends, mut seq) = (vec![START], 0);
        for n in 0..3 {
            let mut bodies = Bodies::default();
            bodies.entry(gate(n, "yes")).unwrap();
            bodies.entry(gate(n, "")).unwrap();
            bodies.consider(vec![Digest::of(&n.to_be_bytes())]).unwrap();
            let offset = *ends.last().unwrap();
            let (bytes, facts) = bodies.frames(offset, seq);
            journal.append(offset, &bytes).unwrap();
            seq += 2;
            ends.push(facts.last().unwrap().1.end());
        }
        (fs::read(path).unwrap(), ends)
    }

    /// Scans a journal with these bytes: the end that it finds and the number of facts.
    fn scan(path: &Path, bytes: &[u8], known: u64) -> Result<(u64, usize), StoreError> {
        fs::write(path, bytes).unwrap();
        let journal = Journal::open(path)?;
        let mut facts = 0;
        let end = journal.scan(START, u64::MAX, known, 0, |batch| {
            facts += batch.len();
            Ok(())
        })?;
        Ok((end, facts))
    }

    #[test]
    fn a_torn_tail_is_cut_off_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (whole, ends) = three_batches(&path);
        assert_eq!(scan(&path, &whole, 0).unwrap(), (ends[3], 9));
        for length in ends[2]..ends[3] {
            let torn = &whole[..usize::try_from(length).unwrap()];
            assert_eq!(scan(&path, torn, ends[2]).unwrap(), (ends[2], 6), "cut at {length}");
            // A power cut may leave zeros where the file had grown already.
            let mut zeros = torn.to_vec();
            zeros.resize(whole.len(), 0);
            let end = scan(&path, &zeros, ends[2]).unwrap().0;
            assert!(end == ends[2] || zeros == whole, "zeros from {length}");
        }
        let journal = Journal::open(&path).unwrap();
        journal.cut(ends[2]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole[..usize::try_from(ends[2]).unwrap()]);
    }

    #[test]
    fn a_flipped_byte_is_found_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (whole, ends) = three_batches(&path);
        for n in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut bytes = whole.clone();
                bytes[n] ^= bit;
                let error = scan(&path, &bytes, ends[3]).unwrap_err();
                let place = error.to_string();
                let offset = match &error {
                    StoreError::Corrupt { at, .. } | StoreError::Format { at, .. } => at.rsplit_once(' '),
                    other => panic!("{other}"),
                };
                // A title of another version is named without an offset.
                let offset: u64 = offset.map_or(0, |(_, offset)| offset.parse().unwrap());
                let start = ends.iter().rev().find(|end| **end <= n as u64).copied().unwrap_or(0);
                assert!((start..=n as u64).contains(&offset), "byte {n}: {place}");
                // Without knowledge of what was acknowledged only the last batch may pass as torn.
                match scan(&path, &bytes, 0) {
                    Ok((end, facts)) => {
                        assert!(n as u64 >= ends[2] && (end, facts) == (ends[2], 6), "byte {n}")
                    }
                    Err(_) => assert!((n as u64) < ends[2], "byte {n}"),
                }
            }
        }
    }
}
