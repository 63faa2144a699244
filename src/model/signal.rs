//! Evidence of other kinds than the answer to a declaration, as read from a mail.

use serde::{Deserialize, Serialize};

/// What a mail says of a kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is so, and nothing in the mail speaks against it.
    Yes,
    /// It is not so.
    No,
    /// It may be either: it counts as nothing, and a later mail must say it better.
    Doubtful,
}

/// One kind of evidence in one mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The kind, by `rules/evidence/kinds.toml`.
    pub kind: String,
    /// What was said.
    pub said: Said,
    /// Who wrote it is proven, and is somebody whose word it must be.
    pub proven: bool,
    /// The role for which it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// It waives the role instead of filling it.
    #[serde(default)]
    pub waiver: bool,
    /// The fact that it states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// The sentence that says it.
    pub quote: String,
}
