//! What the edge found out about a message's signatures (RFC 6376): facts, no policy.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Message};

/// What DNS said about a key name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// The TXT record as seen.
    Found(String),
    /// The name does not exist or has no TXT record.
    Absent,
    /// The look-up did not end; ask again.
    Temporary,
    /// No look-up ended for so long that nobody asks any more (AUTHENTICITY §2.2: 48 hours).
    Unreachable,
}

/// A DKIM key record as seen at a time (RFC 6376 §3.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `selector._domainkey.domain`, lower case, without the trailing dot.
    pub name: String,
    /// What was found.
    pub state: KeyState,
    /// When.
    pub seen_at: Timestamp,
}

impl KeyRecord {
    /// Digest of the record's text, when there is one.
    pub fn digest(&self) -> Option<Digest> {
        match &self.state {
            KeyState::Found(text) => Some(Digest::of(text.as_bytes())),
            KeyState::Absent | KeyState::Temporary | KeyState::Unreachable => None,
        }
    }
}

/// Whether the signed body is the body that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The body hash fits.
    Fits,
    /// The body hash fits after white-space-only lines at the end were dropped (a defect of mail-auth 0.13).
    FitsTrimmed,
    /// It does not.
    Differs,
}

/// The facts of one DKIM-Signature field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `d=`, lower case.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `a=`, e.g. `rsa-sha256`.
    pub algorithm: String,
    /// `h=` in order, lower case, repetitions kept.
    pub signed_headers: Vec<String>,
    /// Whether `l=` limits the signed body.
    pub has_length: bool,
    /// `t=`, seconds since 1970.
    pub signed_at: Option<i64>,
    /// `x=`, seconds since 1970.
    pub expires_at: Option<i64>,
    /// Key size in bits, when the key could be read.
    pub key_bits: Option<u32>,
    /// Whether the key record carries `t=y`.
    pub test_key: bool,
    /// Whether the key is missing for good, or only for now.
    pub key: KeyState,
    /// Whether the cryptographic check of the header hash held.
    pub headers_hold: bool,
    /// Whether that check was made with a readable key and failed: the header was changed, or another key
    /// signed it. Neither this nor `headers_hold`: the check could not be made.
    pub headers_broken: bool,
    /// Whether the body hash fits.
    pub body: Body,
    /// The checker's own word for what failed, for people.
    pub failure: Option<String>,
}

/// How a copy of a message reached us, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sighting {
    /// Attached to another message: whoever attached it may have changed it.
    Attached,
    /// In a folder for junk: the receiving server took it for unwanted, maybe because it is forged.
    Junk,
    /// Delivered.
    Delivered,
}

/// A message together with what the edge found out about it.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// The message.
    pub message: Arc<Message>,
    /// Its signatures in order, at most [`Witnessed::SIGNATURES_MAX`].
    pub signatures: Vec<Signature>,
    /// When we first saw it (CONTRACT "seen at").
    pub seen_at: Timestamp,
    /// How it reached us, at best.
    pub sighting: Sighting,
    /// The mail of its own author that carried it, when one of the seller's people handed in what he had sent.
    pub carried_by: Option<Arc<Witnessed>>,
}

impl Witnessed {
    /// More signatures than this are not looked at: honest mail has one to three.
    pub const SIGNATURES_MAX: usize = 10;

    /// Whether it was only ever seen attached to another message.
    pub fn is_attached(&self) -> bool {
        self.sighting == Sighting::Attached
    }
}
