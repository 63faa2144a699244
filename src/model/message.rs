//! A parsed message, and everything odd about it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Mailbox, MessageId};

/// One stored copy of a message, parsed. Bad mail is never an error: oddities are [`Defect`]s.
#[derive(Debug, Clone)]
pub struct Message {
    /// The bytes as they came.
    pub raw: Arc<[u8]>,
    /// SHA-256 of [`Message::raw`]: names this copy.
    pub digest: Digest,
    /// Digest over Message-ID, From, Date, Subject and decoded bodies: copies that agree are one message.
    pub identity: Digest,
    /// Message-ID, if there is exactly one readable.
    pub message_id: Option<MessageId>,
    /// In-Reply-To, in order.
    pub in_reply_to: Vec<MessageId>,
    /// References, oldest first.
    pub references: Vec<MessageId>,
    /// All mailboxes of all From fields (RFC 5322 wants one field; an honest mail has one mailbox).
    pub from: Vec<Mailbox>,
    /// Sender.
    pub sender: Option<Mailbox>,
    /// Reply-To.
    pub reply_to: Vec<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Decoded subject.
    pub subject: String,
    /// Date field.
    pub date: Option<Timestamp>,
    /// Date of the topmost Received field: when the receiving server took it.
    pub received: Option<Timestamp>,
    /// All header fields in order, as scanned from the raw bytes (not by the MIME parser).
    pub headers: Vec<Header>,
    /// Leaf parts in order, attached messages and attachments included.
    pub parts: Vec<Part>,
    /// The decoded text/plain body, if any (several inline ones are joined by an empty line).
    pub plain: Option<String>,
    /// The decoded text/html body, if any.
    pub html: Option<String>,
    /// Messages attached as message/rfc822 or `.eml`, parsed in turn down to a limit.
    pub attached: Vec<Message>,
    /// What is odd.
    pub defects: Vec<Defect>,
}

impl Message {
    /// The only author, if the message names exactly one.
    pub fn author(&self) -> Option<&Mailbox> {
        match self.from.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Values of a header field by case-insensitive name, unfolded and trimmed, in order of appearance.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// Every Message-ID that this message says it answers: In-Reply-To first, then References newest first.
    pub fn parents(&self) -> Vec<&MessageId> {
        let mut seen = Vec::new();
        for id in self.in_reply_to.iter().chain(self.references.iter().rev()) {
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        seen
    }

    /// To and Cc together.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc)
    }

    /// When the copy was first seen if nobody watched it arrive: Received, else Date (CONTRACT "seen at").
    pub fn own_time(&self) -> Option<Timestamp> {
        self.received.or(self.date)
    }
}

/// A header field as it stands in the raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Field name as written, without white space.
    pub name: String,
    /// Unfolded value, trimmed, decoded as UTF-8 with replacement; encoded words stay encoded.
    pub value: String,
}

/// A leaf part of the MIME tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Lower-case media type, e.g. `text/calendar`.
    pub media_type: String,
    /// Lower-case content-type parameters in order, e.g. `("method", "REPLY")`; values keep their case.
    pub parameters: Vec<(String, String)>,
    /// Lower-case disposition (`attachment`, `inline`, `reaction`), if given.
    pub disposition: Option<String>,
    /// File name, if given.
    pub file_name: Option<String>,
    /// Decoded text for text parts.
    pub text: Option<String>,
    /// Decoded length in bytes.
    pub length: usize,
    /// Digest of the decoded octets of what is no text of the message itself: an attachment.
    pub attached: Option<Digest>,
}

impl Part {
    /// A content-type parameter by lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether it is read as the mail itself: plain or HTML text that is no file.
    pub fn is_body(&self) -> bool {
        let shown = self.disposition.as_deref().is_none_or(|d| d != "attachment");
        shown && self.file_name.is_none() && matches!(self.media_type.as_str(), "text/plain" | "text/html")
    }
}

/// Something odd about a message. Codes are lower-case words; they never stop the flow, but most of them keep
/// a reading from being sure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Defect {
    /// The header section breaks the syntax or repeats a field that may occur once; the text says how.
    HeaderSyntax(String),
    /// More than one From field or mailbox.
    SeveralAuthors,
    /// The MIME parser cut or could not decode a part; the text says which guard found it.
    TornPart(String),
    /// Text in preamble or epilogue, duplicate Content-Type, unknown transfer encoding: two readings possible.
    AmbiguousMime(String),
    /// A size, nesting or count limit was reached; what lies beyond was not read.
    OverLimit(String),
    /// Nothing readable: encrypted, TNEF, image only.
    Unreadable(String),
}
