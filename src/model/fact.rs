//! Facts about an opportunity that somebody stated: the yes-or-no questions of gates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest name of a fact, in bytes: names are words of policy files, not sentences.
pub const FACT_NAME_BYTES_MAX: usize = 64;

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YesNo {
    /// No; less than yes, so that the least of several is the careful one.
    No,
    /// Yes.
    Yes,
}

impl YesNo {
    /// `yes` or `no`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
        }
    }

    /// Reads `yes`, `no`, `true`, `false`, `y`, `n` in any case: what spreadsheets write.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => Some(Self::Yes),
            "no" | "n" | "false" => Some(Self::No),
            _ => None,
        }
    }
}

/// What one person stated of a fact last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedFact {
    /// Which fact.
    pub id: String,
    /// When it was stated.
    pub at: Timestamp,
    /// What was stated.
    pub value: YesNo,
    /// Who stated it: a name as given, or the proven author of a mail.
    pub by: String,
    /// Why, or the words of the mail.
    pub reason: String,
    /// The mail that states it is doubtful: it counts as no yes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubtful: bool,
    /// Name of the act, for an undo; none for a fact that came by mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Message-ID of the mail, in angle brackets; none for a fact that was typed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// Whether `text` may name a fact: lower-case letters, digits and `_`.
pub fn is_fact_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= FACT_NAME_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
