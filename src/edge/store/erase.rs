//! Erasure: octets go, the tree stays. Frames keep their place and their length; an entry's becomes a tombstone with
//! its commitment, raw mail becomes zeros.
//!
//! In this order, so that a crash anywhere leaves either nothing or all of it:
//! 1. the new frames are written to the file `erasing`, whole and durable;
//! 2. they are written over the old ones, fdatasync;
//! 3. the index is made anew beside the old one, takes its place, and the old one is deleted;
//! 4. `erasing` is deleted. Where a start finds it, it does 2 again, deletes the index, and goes on.
//!
//! The caller appends the entry that says who erased what, and why: erasing itself leaves no trace but the tombstones.
//! Backups made before keep what is erased here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::frame::{self, Found, Frame, take_u32, take_u64};
use super::guard::sync_folder;
use super::journal::leaf_of;
use super::{LOCK_WAIT, Store, opening, seal, segments};
use crate::model::Digest;
use crate::record::Tombstone;
use crate::record::log::ERASED;

/// File of frames that are about to be written.
const REDO: &str = "erasing";
/// Its first bytes; the digit is its version.
const MARK: [u8; 4] = *b"eje1";
/// Stands for the journal where a segment's number would stand.
const JOURNAL: u32 = u32::MAX;

/// A frame that takes another's place.
pub(super) struct Rewrite {
    /// [`JOURNAL`], or the number of a segment.
    file: u32,
    offset: u64,
    bytes: Vec<u8>,
}

impl Store {
    /// Erases entries and raw copies; what is erased already stays so. Blocks writers, and readers for a moment.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when a copy still waits to be considered, or when there is no such entry or copy:
    /// nothing is erased then. Other errors stop the store; the next start finishes what was begun.
    pub fn erase(&self, entries: &BTreeSet<u64>, raw: &BTreeSet<Digest>) -> Result<(), StoreError> {
        self.alive()?;
        let mut head = self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?;
        let known = head.journal;
        let mut rewrites = Vec::new();
        for seq in entries {
            rewrites.extend(self.tombstone(*seq)?);
        }
        for sha256 in raw {
            rewrites.extend(self.blank(sha256)?);
        }
        if rewrites.is_empty() {
            return Ok(());
        }
        let run = || {
            seal::replace(&self.folder.join(REDO), &encode(&rewrites))?;
            apply(&self.folder, &rewrites)?;
            let beside = self.folder.join("index.new");
            remove(&beside)?;
            let (fresh, at) = opening::catch_up(&beside, &self.journal, known, LOCK_WAIT)?;
            self.index.replace_by(fresh)?;
            finish(&self.folder)?;
            Ok(at)
        };
        // The marks of erased copies may be gone: the counts are those of the fresh index.
        self.erasures.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        let ran = run();
        self.erasures.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        match ran {
            Ok(at) => {
                *head = at;
                self.todo.store(at.todo, std::sync::atomic::Ordering::Release);
                Ok(())
            }
            Err(error) => Err(self.stop(error)),
        }
    }

    /// The tombstone for an entry; `None` when it is one.
    pub(super) fn tombstone(&self, seq: u64) -> Result<Option<Rewrite>, StoreError> {
        let refused = |why: String| StoreError::Unwritable { why };
        let place = if seq < self.size() { self.locate(seq)? } else { None };
        let (offset, length) = place.ok_or_else(|| refused(format!("there is no entry {seq} to erase")))?;
        let frame = read(&self.journal.file, self.journal.path(), offset, length)?;
        if frame.version == ERASED {
            return Ok(None);
        }
        let leaf = leaf_of(&frame).ok_or_else(|| refused(format!("entry {seq} cannot be read")))?;
        let tombstone = Tombstone::new(&self.entry(seq)?, &leaf);
        if let Some(sha256) = tombstone.sha256.filter(|_| leaf.kind == "seen") {
            self.refuse_waiting(&sha256)?;
        }
        let mut body = serde_json::to_vec(&tombstone).map_err(|e| refused(e.to_string()))?;
        if body.len() > frame.body.len() {
            return Err(refused(format!("entry {seq} is shorter than its tombstone")));
        }
        body.resize(frame.body.len(), b' ');
        let mut bytes = Vec::new();
        frame::write(&mut bytes, (frame.kind, ERASED, frame.flags, frame.seq), &[&body]);
        Ok(Some(Rewrite { file: JOURNAL, offset, bytes }))
    }

    /// The empty frame for a raw copy; `None` when it is empty.
    fn blank(&self, sha256: &Digest) -> Result<Option<Rewrite>, StoreError> {
        let refused = |why: String| StoreError::Unwritable { why };
        self.refuse_waiting(sha256)?;
        let placed =
            self.index.raw(sha256)?.ok_or_else(|| refused(format!("there is no mail {sha256} to erase")))?;
        let path = self.segments.path(placed.segment);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let frame = read(&file, &path, placed.offset, placed.length)?;
        if frame.version == segments::ERASED {
            return Ok(None);
        }
        let zeros = vec![0; frame.body.len().saturating_sub(sha256.0.len())];
        let mut bytes = Vec::new();
        let head = (frame.kind, segments::ERASED, frame.flags, frame.seq);
        frame::write(&mut bytes, head, &[&sha256.0, &zeros]);
        Ok(Some(Rewrite { file: placed.segment, offset: placed.offset, bytes }))
    }

    /// Nobody could consider it any more, and it would wait for ever.
    fn refuse_waiting(&self, sha256: &Digest) -> Result<(), StoreError> {
        if self.index.copy(sha256)?.is_some_and(|copy| copy.todo.is_some()) {
            return Err(StoreError::Unwritable {
                why: format!("mail {sha256} still waits to be considered"),
            });
        }
        Ok(())
    }
}

/// Finishes an erasure that a crash interrupted. Runs before anything else is read.
pub fn recover(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(REDO);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let rewrites = decode(&bytes).ok_or_else(|| StoreError::corrupt("this file cannot be read", &path, 0))?;
    tracing::warn!(event = "erasure.resumed", frames = rewrites.len());
    apply(folder, &rewrites)?;
    remove(&folder.join("index"))?;
    remove(&folder.join("index.new"))?;
    finish(folder)
}

fn finish(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(REDO);
    fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
    sync_folder(folder)
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Writes the frames over the old ones: as long, at the same places.
fn apply(folder: &Path, rewrites: &[Rewrite]) -> Result<(), StoreError> {
    let mut files: BTreeMap<u32, (PathBuf, File)> = BTreeMap::new();
    for rewrite in rewrites {
        let path = match rewrite.file {
            JOURNAL => folder.join("journal"),
            segment => folder.join("segments").join(format!("{segment:08}.seg")),
        };
        let (path, file) = match files.entry(rewrite.file) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(free) => {
                let file = File::options().write(true).open(&path).map_err(StoreError::io("open", &path))?;
                free.insert((path, file))
            }
        };
        file.write_all_at(&rewrite.bytes, rewrite.offset).map_err(StoreError::io("write", path))?;
    }
    for (path, file) in files.values() {
        file.sync_data().map_err(StoreError::io("fdatasync", path))?;
    }
    Ok(())
}

pub(super) fn encode(rewrites: &[Rewrite]) -> Vec<u8> {
    let mut out = MARK.to_vec();
    for Rewrite { file, offset, bytes } in rewrites {
        out.extend_from_slice(&file.to_be_bytes());
        out.extend_from_slice(&offset.to_be_bytes());
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    }
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Vec<Rewrite>> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let mut rest = content.strip_prefix(&MARK)?;
    if crc32fast::hash(content) != u32::from_be_bytes(*crc) {
        return None;
    }
    let mut rewrites = Vec::new();
    while !rest.is_empty() {
        let (file, offset) = (take_u32(&mut rest)?, take_u64(&mut rest)?);
        let length = usize::try_from(take_u32(&mut rest)?).ok()?;
        let (frame, after) = rest.split_at_checked(length)?;
        rewrites.push(Rewrite { file, offset, bytes: frame.to_vec() });
        rest = after;
    }
    Some(rewrites)
}

fn read(file: &File, path: &Path, offset: u64, length: u32) -> Result<Frame, StoreError> {
    let found = frame::read(&mut &*file, offset, offset + u64::from(length));
    match found.map_err(StoreError::io("read", path))? {
        Found::Whole(frame, _) => Ok(frame),
        Found::Damaged(why) => Err(StoreError::corrupt(why, path, offset)),
    }
}
