//! Structured fields (RFC 5322 §3.3, §3.4, §3.6.4; RFC 2045 §5; RFC 2047): the calls into mail-parser.
//!
//! It gets one unfolded value at a time, never a whole message, so none of its recoveries can move text between
//! parts. Each call is fenced against a panic in it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, DateTime, HeaderValue};

use super::limits::{ADDRESSES_BYTES_MAX, FIELD_BYTES_MAX};
use crate::model::{Address, Mailbox, MessageId};

/// A media type with its parameters, or a disposition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// Lower-case `type/subtype` (a disposition has no subtype).
    pub name: String,
    /// Parameters in order, names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Media {
    /// The first parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// The mailboxes of an address field; groups are opened. Entries without an address are left out.
pub(super) fn mailboxes(value: &str) -> Vec<Mailbox> {
    let value = parsed(value, ADDRESSES_BYTES_MAX, |s| s.parse_address());
    let Some(HeaderValue::Address(list)) = value else { return Vec::new() };
    list.iter().filter_map(mailbox).collect()
}

/// An unstructured value with its encoded words decoded.
pub(super) fn text(value: &str) -> String {
    match parsed(value, FIELD_BYTES_MAX, |s| s.parse_unstructured()) {
        Some(HeaderValue::Text(text)) => text.trim().to_owned(),
        _ => String::new(),
    }
}

/// A Content-Type or Content-Disposition value.
pub(super) fn media(value: &str) -> Option<Media> {
    let Some(HeaderValue::ContentType(c)) = parsed(value, FIELD_BYTES_MAX, |s| s.parse_content_type()) else {
        return None;
    };
    let kind = c.c_type.trim().to_ascii_lowercase();
    let name = match &c.c_subtype {
        Some(subtype) => format!("{kind}/{}", subtype.trim().to_ascii_lowercase()),
        None => kind,
    };
    let parameter = |a: &mail_parser::Attribute<'_>| (a.name.to_ascii_lowercase(), a.value.to_string());
    let parameters = c.attributes.iter().flatten().map(parameter).collect();
    (!name.is_empty()).then_some(Media { name, parameters })
}

/// A date-time (RFC 5322 §3.3).
pub(super) fn date(value: &str) -> Option<Timestamp> {
    let value = cut(value, FIELD_BYTES_MAX);
    let date = catch_unwind(|| DateTime::parse_rfc822(&format!("{value}\n"))).ok().flatten()?;
    date.is_valid().then(|| Timestamp::from_second(date.to_timestamp()).ok()).flatten()
}

/// The identifiers of a Message-ID, In-Reply-To or References value: what stands in angle brackets, else bare
/// words that hold an `@` (old clients leave the brackets out).
pub(super) fn identifiers(value: &str) -> Vec<MessageId> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((inner, tail)) = after.split_once('>') else { break };
        let inner: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
        found.extend(MessageId::new(&inner));
        rest = tail;
    }
    if found.is_empty() && !value.contains('<') {
        found.extend(value.split_whitespace().filter(|w| w.contains('@')).filter_map(MessageId::new));
    }
    found
}

/// `text` cut to at most `max` bytes at a character.
pub(super) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn mailbox(addr: &Addr<'_>) -> Option<Mailbox> {
    let address = Address::new(addr.address.as_deref()?)?;
    let name = addr.name.as_deref().map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned);
    Some(Mailbox { name, address })
}

fn parsed(
    value: &str,
    max: usize,
    parse: impl for<'x> Fn(&mut MessageStream<'x>) -> HeaderValue<'x>,
) -> Option<HeaderValue<'static>> {
    let line = format!("{}\n", cut(value, max).replace(['\n', '\r'], " "));
    catch_unwind(AssertUnwindSafe(|| parse(&mut MessageStream::new(line.as_bytes())).into_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_identifiers_in_every_form() {
        let ids = |v: &str| identifiers(v).iter().map(|i| i.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids("<a@x> <b@y>"), ["a@x", "b@y"]);
        assert_eq!(ids("a@x b@y"), ["a@x", "b@y"]);
        assert_eq!(ids("Your message of Monday <a@\tx>"), ["a@x"]);
        assert!(ids("<a@x").is_empty());
    }

    #[test]
    fn reads_dates_and_refuses_impossible_ones() {
        let date = |v: &str| date(v).map(|t| t.to_string());
        assert_eq!(date("Tue, 03 Nov 2026 10:12:00 +0100"), Some("2026-11-03T09:12:00Z".into()));
        assert_eq!(date("soon"), None);
    }

    #[test]
    fn decodes_words_and_lists() {
        assert_eq!(text("=?utf-8?Q?Re=3A_=E2=80=94?= done"), "Re: — done");
        let list = mailboxes("\"Ruiz, Dana\" <Dana@Acme.example>, team: lee@x.example;");
        assert_eq!(list.len(), 2, "{list:?}");
        assert_eq!(media("Text/Plain; Charset=\"UTF-8\"; format=flowed").unwrap().name, "text/plain");
    }
}
