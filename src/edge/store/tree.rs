//! The tree's hashes: one dense file of 32 bytes a hash, in the order of their numbers. Derived from the journal and
//! rebuilt from it at will; only what the signed head covers is trusted on open, the rest is computed anew.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::StoreError;
use super::journal::{self, Journal, leaf_of};
use super::{frame, rows::Head};
use crate::model::Digest;
use crate::record::log::{Checkpoint, Frontier, root_at, stored_count};

/// Bytes of a hash.
const HASH: u64 = 32;
/// Bytes written at once while the file is rebuilt.
const CHUNK_BYTES: usize = 1 << 20;

/// The open file, and the right edge of the tree.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    file: File,
    edge: Mutex<Frontier>,
}

impl Tree {
    /// Opens the file and brings it up to the journal, which has `head.size` entries. `signed` is the last signed head,
    /// and `offset` finds the frame of an entry.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the journal is behind the signed head, or is not what was signed.
    pub fn open(
        folder: &Path,
        journal: &Journal,
        head: Head,
        signed: Option<&Checkpoint>,
        offset: impl FnOnce(u64) -> Result<u64, StoreError>,
    ) -> Result<Self, StoreError> {
        let path = folder.join("tree");
        if let Some(signed) = signed.filter(|signed| signed.size > head.size) {
            return Err(behind(journal, head.size, signed.size));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(StoreError::io("open", &path))?;
        let tree = Self { path, file, edge: Mutex::default() };
        let trusted = signed.filter(|signed| tree.root_at(signed.size).is_ok_and(|root| root == signed.root));
        if trusted.is_none() && tree.length()? > 0 {
            tracing::warn!(tree = %tree.path.display(), "the hashes of the log are computed anew");
        }
        let size = trusted.map_or(0, |signed| signed.size);
        let from = match size {
            0 => journal::START,
            size if size == head.size => head.journal,
            size => offset(size)?,
        };
        tree.grow(journal, from..head.journal, size)?;
        if let Some(signed) = signed
            && tree.root_at(signed.size)? != signed.root
        {
            return Err(StoreError::corrupt(not_signed(signed.size), journal.path(), journal::START));
        }
        Ok(tree)
    }

    /// Appends the leaves of a batch. Not durable: [`Self::sync`] is, before a head is signed.
    pub fn append(&self, leaves: impl IntoIterator<Item = Digest>) -> Result<(), StoreError> {
        let mut edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner);
        let at = stored_count(edge.size()) * HASH;
        let mut next = edge.clone();
        let hashes: Vec<u8> = leaves.into_iter().flat_map(|leaf| next.push(leaf)).flat_map(|d| d.0).collect();
        self.write(&hashes, at)?;
        *edge = next;
        Ok(())
    }

    /// Entries, and the root over them.
    pub fn head(&self) -> (u64, Digest) {
        let edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner);
        (edge.size(), edge.root())
    }

    /// Hashes by number.
    pub fn hashes(&self, numbers: &[u64]) -> Result<Vec<Digest>, StoreError> {
        let mut hashes = Vec::with_capacity(numbers.len());
        for number in numbers {
            let mut hash = [0; 32];
            let read = self.file.read_exact_at(&mut hash, number.saturating_mul(HASH));
            read.map_err(StoreError::io("read", &self.path))?;
            hashes.push(Digest(hash));
        }
        Ok(hashes)
    }

    /// The root over the first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        root_at(size, |numbers| self.hashes(numbers))
    }

    /// Makes all hashes durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io("fdatasync", &self.path))
    }

    /// Appends the leaves of a part of the journal behind the first `size`; what lies behind those is thrown away.
    fn grow(&self, journal: &Journal, part: std::ops::Range<u64>, size: u64) -> Result<(), StoreError> {
        let mut at = stored_count(size) * HASH;
        self.file.set_len(at).map_err(StoreError::io("truncate", &self.path))?;
        let mut edge = Frontier::read(size, |numbers| self.hashes(numbers))?;
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        journal.frames(part.start, part.end, |offset, frame| {
            if frame.kind != frame::ENTRY {
                return Ok(());
            }
            let unread = || StoreError::corrupt("a frame's body cannot be read", journal.path(), offset);
            let leaf = leaf_of(&frame).ok_or_else(unread)?;
            bytes.extend(edge.push(leaf.hash()).iter().flat_map(|d| d.0));
            if bytes.len() >= CHUNK_BYTES {
                self.write(&bytes, at)?;
                at += bytes.len() as u64;
                bytes.clear();
            }
            Ok(())
        })?;
        self.write(&bytes, at)?;
        *self.edge.lock().unwrap_or_else(PoisonError::into_inner) = edge;
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), StoreError> {
        self.file.write_all_at(bytes, at).map_err(StoreError::io("append to", &self.path))
    }

    fn length(&self) -> Result<u64, StoreError> {
        Ok(self.file.metadata().map_err(StoreError::io("stat", &self.path))?.len())
    }
}

/// The journal lost entries that were signed for.
fn behind(journal: &Journal, size: u64, signed: u64) -> StoreError {
    let what = format!("the journal has {size} entries, but {signed} were signed for: it was set back");
    StoreError::corrupt(what, journal.path(), journal.length().unwrap_or_default())
}

/// What is wrong when the root over the first entries is not the signed one.
pub fn not_signed(size: u64) -> String {
    format!("the first {size} entries are not those that the signed head in `checkpoint` stands for")
}
