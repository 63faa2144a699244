//! What the store says of its signed log: head, proofs, and entries as they were hashed.

use std::collections::BTreeSet;

use super::error::StoreError;
use super::seal::KEY;
use super::{Store, check, frame, journal};
use crate::model::Digest;
use crate::record::log::{
    Audit, Checkpoint, Proof, Record, Scope, SeenHead, prove_consistency, prove_inclusion, sign_claims,
};

impl Store {
    /// Entries in the signed log, and the root over them (RFC 6962 §2.1).
    pub fn log_head(&self) -> (u64, Digest) {
        self.tree.head()
    }

    /// The root over the first `size` entries.
    ///
    /// # Errors
    /// Those of reading.
    pub fn log_root_at(&self, size: u64) -> Result<Digest, StoreError> {
        self.tree.root_at(size.min(self.log_head().0))
    }

    /// What checks the log's signatures: `NAME+ID+BASE64` (C2SP signed-note).
    pub fn verifier(&self) -> &str {
        self.seal.verifier()
    }

    /// Signs claims with the log's key: a JWT ([`sign_claims`]).
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign_claims(&self, claims: &serde_json::Value) -> Result<String, StoreError> {
        self.alive()?;
        sign_claims(self.seal.signer(), claims)
            .map_err(|error| StoreError::Key { path: self.folder.join(KEY), why: error.to_string() })
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        self.seal.signer().origin()
    }

    /// The signed head of everything acknowledged so far, and the note; durable before it is returned.
    ///
    /// # Errors
    /// When the log is not what was signed before: the store stops then.
    pub fn checkpoint(&self) -> Result<(Checkpoint, String), StoreError> {
        self.alive()?;
        self.seal.sign(&self.tree).map_err(|error| self.stop(error))
    }

    /// The proof that an entry is in the log of the newest signed head; `None` when there is no such entry.
    ///
    /// # Errors
    /// Those of [`Self::checkpoint`], and of reading.
    pub fn prove(&self, seq: u64) -> Result<Option<Proof>, StoreError> {
        if seq >= self.size() {
            return Ok(None);
        }
        Ok(self.prove_all(&[seq])?.1.pop())
    }

    /// The newest signed head, and the proofs that these entries are in its log.
    ///
    /// # Errors
    /// Those of [`Self::checkpoint`] and of reading; [`StoreError::Unwritable`] when there is no such entry.
    pub fn prove_all(&self, numbers: &[u64]) -> Result<(String, Vec<Proof>), StoreError> {
        let (head, note) = self.checkpoint()?;
        let mut proofs = Vec::with_capacity(numbers.len());
        for seq in numbers {
            let path = prove_inclusion(head.size, *seq, |hashes| self.tree.hashes(hashes))?;
            let none = || StoreError::Unwritable { why: format!("there is no entry {seq} to prove") };
            proofs.push(Proof { index: *seq, path: path.ok_or_else(none)?, note: note.clone() });
        }
        Ok((note, proofs))
    }

    /// Hashes of the log by their number (`record::log`).
    ///
    /// # Errors
    /// Those of reading.
    pub fn log_hashes(&self, numbers: &[u64]) -> Result<Vec<Digest>, StoreError> {
        self.alive()?;
        self.tree.hashes(numbers)
    }

    /// The path which proves that the log of `old` entries is the start of that of `size`; `None` when it cannot be.
    ///
    /// # Errors
    /// Those of reading.
    pub fn prove_growth(&self, old: u64, size: u64) -> Result<Option<Vec<Digest>>, StoreError> {
        self.alive()?;
        if size > self.log_head().0 {
            return Ok(None);
        }
        prove_consistency(size, old, |numbers| self.tree.hashes(numbers))
    }

    /// Recomputes everything that was acknowledged when this was called, from the files. Blocks writers only while the
    /// index is compared with one made anew.
    ///
    /// # Errors
    /// Those of the operating system; damage is a finding.
    pub fn audit(&self, scope: Scope, seen: Option<SeenHead>) -> Result<Audit, StoreError> {
        self.alive()?;
        check::live(self, scope, seen)
    }

    /// An entry as it stands in the journal: what its leaf commits to.
    ///
    /// # Errors
    /// Those of reading.
    pub fn record(&self, seq: u64) -> Result<Option<Record>, StoreError> {
        if seq >= self.size() {
            return Ok(None);
        }
        self.read(|| match self.locate(seq)? {
            Some((offset, length)) => self.journal.record(offset, length).map(Some),
            None => Ok(None),
        })
    }

    /// For each of these sets of texts all entries in whose JSON one of them occurs, in order. Reads the whole journal, once.
    ///
    /// # Errors
    /// Those of reading.
    pub fn records_with(&self, sets: &[Vec<String>]) -> Result<Vec<Vec<Record>>, StoreError> {
        self.alive()?;
        let end = self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?.journal;
        let set_of: Vec<usize> =
            sets.iter().enumerate().flat_map(|(n, set)| std::iter::repeat_n(n, set.len())).collect();
        let needles = aho_corasick::AhoCorasick::new(sets.iter().flatten());
        let needles = needles.map_err(|error| StoreError::Unwritable { why: error.to_string() })?;
        let mut found = vec![Vec::new(); sets.len()];
        self.journal.frames(journal::START, end, |_, frame| {
            let record = Record { seq: frame.seq, version: frame.version, body: frame.body };
            if frame.kind != frame::ENTRY {
                return Ok(());
            }
            let hits = needles.find_overlapping_iter(record.json());
            let named: BTreeSet<usize> =
                hits.filter_map(|hit| set_of.get(hit.pattern().as_usize()).copied()).collect();
            for set in named {
                found.get_mut(set).into_iter().for_each(|found| found.push(record.clone()));
            }
            Ok(())
        })?;
        Ok(found)
    }
}
