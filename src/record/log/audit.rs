//! What somebody finds who recomputes everything.

use serde::{Deserialize, Serialize};

use crate::model::Digest;

/// How much is recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Journal, tree and signed head.
    Log,
    /// Those, every raw copy, and the index against a fold made anew.
    Everything,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// File and byte offset.
    pub place: String,
    /// The entry that is hit, where one can be named.
    pub entry: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// A head that somebody was told earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    /// Entries: `log_size` of the answer.
    pub size: u64,
    /// Root: `log_root` of the answer.
    pub root: Digest,
}

impl std::str::FromStr for SeenHead {
    type Err = String;

    /// Reads `SIZE:ROOT`, the root as 64 hexadecimal digits or, as checkpoints have it, in base64.
    fn from_str(text: &str) -> Result<Self, String> {
        use base64::Engine as _;
        let bad = || format!("`{text}` is no SIZE:ROOT, as `log_size` and `log_root` of an answer");
        let (size, root) = text.split_once(':').ok_or_else(bad)?;
        let size = size.parse().map_err(|_| bad())?;
        let base64 =
            || base64::engine::general_purpose::STANDARD.decode(root).ok()?.try_into().ok().map(Digest);
        let root = Digest::from_hex(root).or_else(base64).ok_or_else(bad)?;
        Ok(Self { size, root })
    }
}

/// What was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// How much was recomputed.
    pub scope: Scope,
    /// Entries.
    pub log_size: u64,
    /// The root over them.
    pub log_root: Digest,
    /// Entries that the signed head stands for.
    pub signed: Option<u64>,
    /// The key that the signature was checked with.
    pub verifier: Option<String>,
    /// Entries whose octets were erased.
    pub erased_entries: u64,
    /// Raw copies.
    pub raw: u64,
    /// Their octets.
    pub raw_bytes: u64,
    /// Raw copies whose octets were erased.
    pub erased_raw: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Whether the log still starts with the head that somebody was told earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_holds: Option<bool>,
    /// What was left out or is worth knowing, in sentences.
    pub notes: Vec<String>,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Whether everything is as it was written.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}
