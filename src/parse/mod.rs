//! Octets to [`Message`] (RFC 5322, RFC 2045-2047). The only module that calls the MIME parser.
//!
//! Header section and MIME tree are scanned here from the raw bytes; mail-parser decodes single fields and
//! charsets. Bad mail is never an error: whatever can be read in two ways becomes a [`Defect`].

mod author;
mod body;
mod decode;
mod field;
mod flowed;
mod header;
mod limits;
mod mime;

use std::sync::Arc;

use crate::model::{Defect, Digest, Mailbox, Message, MessageId};
use header::Scan;
use limits::{ADDRESSES_BYTES_MAX, ATTACHED_MAX, HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, REFERENCES_MAX};

/// Fields that may stand once at most (RFC 5322 §3.6, RFC 2045 §3, RFC 3834 §5); two of them have two readings.
const SINGLE: &[&str] = &[
    "Sender",
    "Subject",
    "Date",
    "In-Reply-To",
    "References",
    "Message-ID",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
];

/// Parses one message. Never fails: what is odd becomes a [`crate::model::Defect`].
///
/// Bodies come with LF line ends. Attached messages are parsed in turn, down to five levels and twenty in all.
pub fn parse(raw: &[u8]) -> Message {
    message(raw, 0, &mut ATTACHED_MAX.clone())
}

/// A message of which only the bytes are known: what is left when parsing itself failed on a defect of ours.
pub fn unparsed(raw: &[u8]) -> Message {
    Message {
        raw: Arc::from(raw),
        digest: Digest::of(raw),
        identity: Digest::of(raw),
        message_id: None,
        in_reply_to: Vec::new(),
        references: Vec::new(),
        from: Vec::new(),
        sender: None,
        reply_to: Vec::new(),
        to: Vec::new(),
        cc: Vec::new(),
        subject: String::new(),
        date: None,
        received: None,
        headers: Vec::new(),
        parts: Vec::new(),
        plain: None,
        html: None,
        attached: Vec::new(),
        defects: vec![Defect::Unreadable("the parser failed".into())],
    }
}

fn message(raw: &[u8], depth: usize, attached_left: &mut usize) -> Message {
    let section = raw.get(..HEADER_BYTES_MAX.min(raw.len())).unwrap_or_default();
    let scan = header::scan(section, true);
    let mut defects = header_defects(&scan);
    if scan.body == section.len() && section.len() < raw.len() {
        defects.push(Defect::OverLimit("a header section longer than 1 MiB".into()));
    }
    let (from, author_defect) = author::authors(&scan);
    defects.extend(author_defect);
    let mut message = Message {
        message_id: message_id(&scan, &mut defects),
        in_reply_to: identifiers(&scan, "In-Reply-To"),
        references: identifiers(&scan, "References"),
        from,
        sender: mailboxes(&scan, "Sender", &mut defects).into_iter().next(),
        reply_to: mailboxes(&scan, "Reply-To", &mut defects),
        to: mailboxes(&scan, "To", &mut defects),
        cc: mailboxes(&scan, "Cc", &mut defects),
        subject: scan.first("Subject").map(field::text).unwrap_or_default(),
        date: scan.first("Date").and_then(field::date),
        // RFC 5321 §4.4: the date stands behind the last semicolon.
        received: scan.first("Received").and_then(|v| field::date(v.rsplit_once(';')?.1)),
        ..unparsed(raw)
    };
    message.defects = defects;
    if raw.len() > MESSAGE_BYTES_MAX {
        message.defects.push(Defect::OverLimit("a message larger than 25 MiB".into()));
    } else {
        body::fill(&mut message, &scan, raw.get(scan.body..).unwrap_or_default(), depth, attached_left);
    }
    message.headers = scan.fields;
    message.identity = identity(&message);
    let mut seen = Vec::new();
    message.defects.retain(|d| {
        !seen.contains(d) && {
            seen.push(d.clone());
            true
        }
    });
    message
}

fn header_defects(scan: &Scan) -> Vec<Defect> {
    let mut defects: Vec<Defect> =
        scan.oddities.iter().map(|o| Defect::HeaderSyntax((*o).to_owned())).collect();
    for name in SINGLE {
        if scan.count(name) > 1 {
            defects.push(Defect::HeaderSyntax(format!("repeated {name}")));
        }
    }
    defects
}

fn message_id(scan: &Scan, defects: &mut Vec<Defect>) -> Option<MessageId> {
    let mut ids: Vec<MessageId> = scan.all("Message-ID").flat_map(field::identifiers).collect();
    ids.dedup();
    if ids.len() > 1 {
        defects.push(Defect::HeaderSyntax("more than one identifier in Message-ID".into()));
        return None;
    }
    ids.pop()
}

fn identifiers(scan: &Scan, name: &str) -> Vec<MessageId> {
    let all: Vec<MessageId> = scan.all(name).flat_map(field::identifiers).collect();
    let skip = all.len().saturating_sub(REFERENCES_MAX);
    all.into_iter().skip(skip).collect()
}

fn mailboxes(scan: &Scan, name: &str, defects: &mut Vec<Defect>) -> Vec<Mailbox> {
    let all: Vec<&str> = scan.all(name).collect();
    let value = all.join(", ");
    if value.len() > ADDRESSES_BYTES_MAX {
        defects.push(Defect::OverLimit(format!("more than 32 KiB of addresses in {name}")));
    }
    field::mailboxes(&value)
}

/// What makes two copies one message (CONTRACT "one message"): white space at line ends and at the end of the
/// body may differ, relays add it and take it away.
fn identity(message: &Message) -> Digest {
    let id = message.message_id.as_ref().map(MessageId::as_str).unwrap_or_default();
    let from: Vec<&str> = message.from.iter().map(|m| m.address.as_str()).collect();
    let date = message.date.map(|d| d.as_second().to_string()).unwrap_or_default();
    let subject = message.subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let body = |text: &Option<String>| match text {
        Some(text) => {
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            format!("+{}", lines.join("\n").trim_end())
        }
        None => String::new(),
    };
    let (plain, html) = (body(&message.plain), body(&message.html));
    let fields = [id, &from.join(","), &date, &subject, &plain, &html];
    Digest::of_fields(fields.map(str::as_bytes))
}

#[cfg(test)]
mod tests;
