//! The tree over the leaves (RFC 6962 §2.1, RFC 9162 §2.1): its head, and proofs. Hashes are numbered in the dense
//! order of Crosby and Wallach, in which a log that only grows only ever appends hashes.

use std::cell::RefCell;

use sha2::{Digest as _, Sha256};
use tlog_tiles::{Hash, HashReader};

use crate::model::Digest;

/// The root of a log without entries: the SHA-256 of nothing.
pub const EMPTY_ROOT: Digest = Digest(tlog_tiles::EMPTY_HASH.0);

/// The right edge of a tree: all that is needed to append to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, the largest first.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The edge of the tree of the first `size` entries, whose hashes `read` gets by number.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<E>(size: u64, read: impl FnOnce(&[u64]) -> Result<Vec<Digest>, E>) -> Result<Self, E> {
        let peaks = read(&tlog_tiles::sub_tree_index(0, size, Vec::new()))?;
        Ok(Self { size, peaks })
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; returns the hashes to store, in order: the leaf's own, and those of the subtrees it completes.
    pub fn push(&mut self, leaf: Digest) -> Vec<Digest> {
        let mut hash = leaf;
        let mut stored = vec![hash];
        let mut rest = self.size;
        while rest & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node(&left, &hash);
            stored.push(hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
        stored
    }

    /// The root.
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return EMPTY_ROOT };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// RFC 6962 §2.1: the hash of a node is `SHA-256(0x01 || left || right)`.
fn node(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.0);
    hasher.update(right.0);
    Digest(hasher.finalize().into())
}

/// The number of an entry's leaf hash among all hashes.
pub fn leaf_index(seq: u64) -> u64 {
    tlog_tiles::stored_hash_index(0, seq)
}

/// How many hashes a tree of `size` entries has.
pub fn stored_count(size: u64) -> u64 {
    tlog_tiles::stored_hash_count(size)
}

/// The root of the tree of the first `size` entries.
///
/// # Errors
/// Those of `read`.
pub fn root_at<E>(size: u64, read: impl FnOnce(&[u64]) -> Result<Vec<Digest>, E>) -> Result<Digest, E> {
    Ok(Frontier::read(size, read)?.root())
}

/// The path that proves entry `index` to be in the tree of `size` entries (RFC 6962 §2.1.1); `None` when it is not.
///
/// # Errors
/// Those of `read`.
pub fn prove_inclusion<E>(
    size: u64,
    index: u64,
    read: impl Fn(&[u64]) -> Result<Vec<Digest>, E>,
) -> Result<Option<Vec<Digest>>, E> {
    let reader = Reader { read, error: RefCell::new(None) };
    let path = if index < size { tlog_tiles::prove_record(size, index, &reader).ok() } else { None };
    reader.finish(path)
}

/// The path that proves the tree of `old` entries to be the start of that of `size` entries (RFC 6962 §2.1.2); `None`
/// when `old` is larger. Every log starts with the empty one, which needs no proof.
///
/// # Errors
/// Those of `read`.
pub fn prove_consistency<E>(
    size: u64,
    old: u64,
    read: impl Fn(&[u64]) -> Result<Vec<Digest>, E>,
) -> Result<Option<Vec<Digest>>, E> {
    let reader = Reader { read, error: RefCell::new(None) };
    let path = match old {
        0 => Some(Vec::new()),
        old if old <= size => tlog_tiles::prove_tree(size, old, &reader).ok(),
        _ => None,
    };
    reader.finish(path)
}

/// Whether `path` proves that the tree with this root holds a leaf at `index`.
pub fn check_inclusion(leaf: &Digest, index: u64, size: u64, root: &Digest, path: &[Digest]) -> bool {
    let path: Vec<Hash> = path.iter().map(|d| Hash(d.0)).collect();
    index < size && tlog_tiles::check_record(&path, size, Hash(root.0), index, Hash(leaf.0)).is_ok()
}

/// Whether `path` proves that the tree of `old` entries is the start of that of `size` entries.
pub fn check_consistency(old: (u64, &Digest), new: (u64, &Digest), path: &[Digest]) -> bool {
    if old.0 == 0 {
        return *old.1 == EMPTY_ROOT && path.is_empty();
    }
    let path: Vec<Hash> = path.iter().map(|d| Hash(d.0)).collect();
    old.0 <= new.0 && tlog_tiles::check_tree(&path, new.0, Hash(new.1.0), old.0, Hash(old.1.0)).is_ok()
}

/// Lets the library read hashes through a closure, whose error it keeps.
struct Reader<F, E> {
    read: F,
    error: RefCell<Option<E>>,
}

impl<F, E> Reader<F, E> {
    fn finish(self, path: Option<Vec<Hash>>) -> Result<Option<Vec<Digest>>, E> {
        match self.error.into_inner() {
            Some(error) => Err(error),
            None => Ok(path.map(|path| path.into_iter().map(|hash| Digest(hash.0)).collect())),
        }
    }
}

impl<F: Fn(&[u64]) -> Result<Vec<Digest>, E>, E> HashReader for Reader<F, E> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        match (self.read)(indexes) {
            // The library counts on as many hashes as it asked for.
            Ok(hashes) if hashes.len() == indexes.len() => Ok(hashes.iter().map(|d| Hash(d.0)).collect()),
            Ok(_) => Err(tlog_tiles::Error::IndexesNotInTree),
            Err(error) => {
                self.error.replace(Some(error));
                Err(tlog_tiles::Error::IndexesNotInTree)
            }
        }
    }
}
