//! A sent declaration that its own author hands in later, in the body of another mail: whoever forgot the evidence
//! address in Cc. The author says again what he said, so the copy is his; that the champion was sent these words, only
//! the champion's quote can show.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;

use super::forward::{Forward, forward};
use super::{declaration, opportunity, written};
use crate::model::{Address, Message, Seller};
use crate::parse::parse;
use crate::read::{InlineForward, inline_forward, read};
use crate::text::{fixed, squeeze};

/// Bytes of text in one encoded word (RFC 2047 §2 allows 75 characters with its frame).
const WORD_BYTES_MAX: usize = 42;
/// Recipients that are read from the forwarded header lines: declarations go to a few people.
const RECIPIENTS_MAX: usize = 50;

/// The declaration that the author of `message` hands in by forwarding it inline, as a message of its own, with the
/// original date, and the original Message-ID where the block or the threading fields name it.
pub fn handed_in(message: &Message, seller: &Seller) -> Option<Message> {
    let author = message.author()?;
    if !author.address.is_at(&seller.domains) || !message.attached.is_empty() {
        return None;
    }
    let reading = read(message, &[]);
    if forward(message, &reading) != Some(Forward::Inline) {
        return None;
    }
    let found = inline_forward(message)?;
    let own = match addresses(&found.from).as_slice() {
        [only] => *only == author.address,
        // Outlook shows colleagues by name alone.
        [] => author.name.as_ref().is_some_and(|n| !n.is_empty() && squeeze(n) == squeeze(&found.from)),
        _ => false,
    };
    if !own {
        return None;
    }
    let copy = parse(copy(message, &author.address, &found, &reading.fresh, seller).as_bytes());
    declaration::declaration(&copy, &read(&copy, &[]), seller).is_some().then_some(copy)
}

/// The forwarded mail written out. The mail that carried it is named, so that nobody takes this for what was sent.
fn copy(message: &Message, author: &Address, found: &InlineForward, remark: &str, seller: &Seller) -> String {
    let mut out = String::new();
    let to: Vec<Address> = addresses(&found.to);
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    };
    field("From", author.as_str());
    field("To", &list(&to));
    field("Cc", &list(&evidence(message, remark, seller)));
    field("Subject", &words(&found.subject));
    let date = message.header("Date").next().map_or(jiff::tz::Offset::UTC, written::offset);
    let date =
        written::time(&found.date, date).map(|t| t.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    field("Date", &date.unwrap_or_default());
    field("Message-ID", &original_id(message, found).unwrap_or_default());
    field("Handed-In-With", &format!("sha256:{}", message.digest));
    out.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
    out.push_str("Content-Transfer-Encoding: 8bit\r\n\r\n");
    out.push_str(&found.text.replace('\n', "\r\n"));
    out.push_str("\r\n");
    out
}

/// The addresses in a line of recipients.
fn addresses(text: &str) -> Vec<Address> {
    static MAIL: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+[A-Za-z0-9]"));
    let mut found = Vec::new();
    for address in MAIL.find_iter(text).take(RECIPIENTS_MAX).filter_map(|m| Address::new(m.as_str())) {
        // "dana@acme.example<mailto:dana@acme.example>" names one person.
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
}

/// The evidence addresses to which it was handed in: they name the opportunity, which the sent mail may not.
fn evidence(message: &Message, remark: &str, seller: &Seller) -> Vec<Address> {
    let mut found: Vec<Address> = message
        .recipients()
        .map(|m| m.address.clone())
        .filter(|a| declaration::is_evidence(a, seller))
        .collect();
    if let Some(id) = opportunity::opportunity(message, remark, seller).0 {
        let tagged = format!("{}+{id}@{}", seller.evidence.local(), seller.evidence.domain());
        found.extend(Address::new(&tagged).filter(|a| !found.contains(a)));
    }
    found
}

/// The Message-ID of the forwarded mail: from the block, from Thunderbird's field, or from what the forward answers.
fn original_id(message: &Message, found: &InlineForward) -> Option<String> {
    static ID: LazyLock<Regex> = LazyLock::new(|| fixed(r"^<?[^\s<>@]{1,250}@[^\s<>@]{1,250}>?$"));
    let threaded = || {
        let answered = message.in_reply_to.first().filter(|_| message.in_reply_to.len() == 1);
        answered.or(message.references.last()).map(|id| id.as_str().to_owned())
    };
    let named = Some(found.message_id.clone()).filter(|id| !id.is_empty());
    let marked = || message.header("X-Forwarded-Message-Id").next().map(str::to_owned);
    let id = named.or_else(marked).or_else(threaded)?;
    ID.is_match(id.trim()).then(|| format!("<{}>", id.trim().trim_matches(['<', '>'])))
}

/// A subject for a header field: as it is, or in encoded words (RFC 2047).
fn words(subject: &str) -> String {
    if subject.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
        return subject.to_owned();
    }
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in subject.chars().filter(|c| !c.is_control()) {
        if piece.len() + c.len_utf8() > WORD_BYTES_MAX {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    let encoded: Vec<String> =
        words.iter().map(|w| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(w))).collect();
    encoded.join("\r\n ")
}
