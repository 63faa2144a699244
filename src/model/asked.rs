//! A letter of our own to a champion: what it asked, as the record knows it.

use serde::{Deserialize, Serialize};

use super::{Digest, MessageId};

/// What one of our letters put before its reader. Only the record says so: no mail from outside can claim it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its Message-ID.
    pub message_id: MessageId,
    /// The declaration that it is about.
    pub declaration: MessageId,
    /// Digest of the criteria that it restates.
    pub criteria: Digest,
    /// Whether it asks for a verdict.
    pub asks: bool,
}
