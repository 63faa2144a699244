//! One mail as a person reads it: header, body in pieces, and what its author is known by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MessageAnswer;
use crate::model::{Authorship, Digest, Mailbox, Message, OpportunityId, Outcome, SegmentKind};
#[cfg(doc)]
use crate::read::body_text;
use crate::read::{body_texts, read};

/// Most header fields that are handed out: mail that went through many servers has about a hundred.
const HEADERS_MAX: usize = 200;

/// A mail with its pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAnswer {
    /// What is decided about it.
    pub message: MessageAnswer,
    /// The opportunity on record for it.
    pub opportunity: Option<OpportunityId>,
    /// Decoded subject.
    pub subject: String,
    /// Authors as the mail names them.
    pub from: Vec<String>,
    /// To.
    pub to: Vec<String>,
    /// Cc.
    pub cc: Vec<String>,
    /// The Date field.
    pub date: Option<Timestamp>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// It was only ever seen attached to another mail.
    pub attached: bool,
    /// Octets of the stored copy; `None` when they were erased.
    pub bytes: Option<u64>,
    /// Header fields in order, unfolded.
    pub headers: Vec<HeaderField>,
    /// The body in order. Empty when it cannot be cut again as it was when it was judged.
    pub pieces: Vec<Piece>,
    /// The plain and the HTML part as their readers see them, when they say different things.
    pub parts: Vec<String>,
    /// Who wrote it, and how that is known.
    pub author: Option<Authorship>,
    /// Names the content: copies that agree share it.
    pub identity: Digest,
    /// The rule set that judged it.
    pub rules: Digest,
    /// The accounts file that said who may speak.
    pub accounts: Option<Digest>,
    /// Key records that the signatures were checked with: name, and digest of the text.
    pub keys: Vec<(String, Option<Digest>)>,
}

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    /// Its name as written.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What it is.
    pub kind: SegmentKind,
    /// Its text.
    pub text: String,
}

impl MailAnswer {
    /// The mail of an outcome, with the texts of the mails that it may quote ([`body_text`]).
    pub fn new(outcome: &Outcome, message: Option<&Message>, originals: &[&str]) -> Self {
        let names = |of: fn(&Message) -> &Vec<Mailbox>| -> Vec<String> {
            message.map(|m| of(m).iter().map(named).collect()).unwrap_or_default()
        };
        let headers = message.map(|m| m.headers.as_slice()).unwrap_or_default();
        Self {
            message: MessageAnswer::new(outcome),
            opportunity: outcome.opportunity.clone(),
            subject: message.map(|m| m.subject.clone()).unwrap_or_default(),
            from: names(|m| &m.from),
            to: names(|m| &m.to),
            cc: names(|m| &m.cc),
            date: outcome.date,
            seen_at: outcome.seen_at,
            attached: outcome.attached,
            bytes: message.map(|m| m.raw.len() as u64),
            headers: headers
                .iter()
                .take(HEADERS_MAX)
                .map(|h| HeaderField { name: h.name.clone(), value: h.value.clone() })
                .collect(),
            pieces: message.map(|m| pieces(m, outcome, originals)).unwrap_or_default(),
            parts: message.filter(|_| says_two_things(outcome)).map(body_texts).unwrap_or_default(),
            author: outcome.authorship.clone(),
            identity: outcome.identity,
            rules: outcome.rules,
            accounts: outcome.accounts,
            keys: outcome.keys.clone(),
        }
    }

    /// When it was written, or else seen.
    pub fn at(&self) -> Timestamp {
        self.date.unwrap_or(self.seen_at)
    }
}

/// The body, cut as it was when it was judged: with the mails that it may quote, or alone (the seller's own mail is read
/// without its thread). A cut that gives other words than the recorded ones would lie about what was judged.
fn pieces(message: &Message, outcome: &Outcome, originals: &[&str]) -> Vec<Piece> {
    for originals in [originals, &[]] {
        let reading = read(message, originals);
        if reading.fresh == outcome.fresh_text && reading.unsure == outcome.unsure_text {
            let piece = |s: crate::model::Segment| Piece { kind: s.kind, text: s.text };
            return reading.segments.into_iter().map(piece).collect();
        }
    }
    Vec::new()
}

/// Whether the reading found that whoever reads the one part reads other words than whoever reads the other.
fn says_two_things(outcome: &Outcome) -> bool {
    ["parts_differ", "hidden_text", "over_limit"].iter().any(|code| outcome.has(code))
}

/// A mailbox as the mail writes it.
fn named(mailbox: &Mailbox) -> String {
    match mailbox.name.as_deref().filter(|name| !name.trim().is_empty()) {
        Some(name) => format!("{name} <{}>", mailbox.address),
        None => mailbox.address.to_string(),
    }
}
