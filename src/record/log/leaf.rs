//! A leaf: what the tree holds of an entry. No personal data in clear: a commitment that can be opened only with the
//! entry's octets and its salt, so that both may be erased and the tree still stands.

use crate::model::Digest;
use sha2::{Digest as _, Sha256};

/// Body version of an entry's frame without a salt, as of the first release: read for ever, written no more.
pub const PLAIN: u8 = 1;
/// Body version of an entry's frame that starts with a salt.
pub const SALTED: u8 = 2;
/// Body version of an entry's frame whose octets were erased.
pub const ERASED: u8 = 3;
/// Length of a salt: as much as the hash can hide.
pub const SALT_BYTES: usize = 32;

/// What the tree holds of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Number of the entry, from 0.
    pub seq: u64,
    /// How the commitment was made: [`PLAIN`] or [`SALTED`]; of an erased entry as it was before.
    pub version: u8,
    /// The entry's kind: the value of its field `entry`.
    pub kind: String,
    /// [`commitment`] of the body.
    pub commitment: Digest,
}

impl Leaf {
    /// The leaf of an entry's body as it stands in its frame; `None` when its kind cannot be read.
    pub fn of_body(seq: u64, version: u8, body: &[u8]) -> Option<Self> {
        let json = if version == SALTED { body.get(SALT_BYTES..)? } else { body };
        Some(Self { seq, version, kind: kind_of(json)?, commitment: commitment(body) })
    }

    /// The octets that are hashed: canonical JSON (RFC 8785), names in order and no white space.
    pub fn text(&self) -> String {
        let Self { seq, version, kind, commitment } = self;
        format!(r#"{{"commitment":"{commitment}","entry":"{kind}","seq":{seq},"v":{version}}}"#)
    }

    /// RFC 6962 §2.1: the hash of a leaf is `SHA-256(0x00 || octets)`.
    pub fn hash(&self) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update([0]);
        hasher.update(self.text());
        Digest(hasher.finalize().into())
    }
}

/// An entry as it stands in its frame: what its leaf commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the entry.
    pub seq: u64,
    /// Version of the body.
    pub version: u8,
    /// The body.
    pub body: Vec<u8>,
}

impl Record {
    /// The salt; none in a body of version 1.
    pub fn salt(&self) -> Option<&[u8]> {
        if self.version == SALTED { self.body.get(..SALT_BYTES) } else { None }
    }

    /// The entry's JSON, octet by octet; of an erased one what stays of it.
    pub fn json(&self) -> &[u8] {
        let start = if self.version == SALTED { SALT_BYTES } else { 0 };
        self.body.get(start..).unwrap_or_default()
    }
}

/// What a leaf says of an entry: the SHA-256 of its frame's body. That is `SHA-256(salt || JSON)` in version 2 and
/// `SHA-256(JSON)` in version 1.
pub fn commitment(body: &[u8]) -> Digest {
    Digest::of(body)
}

/// The value of the field `entry`, which comes first in everything that we write. Letters and `_` only, so that it may
/// stand in a leaf without escapes.
pub fn kind_of(json: &[u8]) -> Option<String> {
    let rest = json.strip_prefix(br#"{"entry":""#)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let kind = rest.get(..end)?;
    let plain = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    (!kind.is_empty() && kind.iter().all(plain)).then(|| String::from_utf8_lossy(kind).into_owned())
}
