//! Letters of the house that are about no deal: put together in one way.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::message::MultiPart;

use super::compose::{ComposeError, Sender, Written, mailbox, raw};
use crate::model::{Address, Digest, MessageId};
use crate::record::{Letter, Side};

/// What a letter says.
pub(super) struct Notice<'a> {
    pub key: Digest,
    pub rule: &'a str,
    pub why: String,
    pub to: &'a Address,
    pub side: Side,
    pub subject: String,
    pub text: String,
    /// Empty where there is none.
    pub html: String,
}

/// Writes it with these parts; the letter as it goes on record, and its octets.
pub(super) fn write(
    notice: Notice<'_>,
    parts: MultiPart,
    sender: &Sender,
    token: &str,
    now: Timestamp,
) -> Result<(Letter, Written), ComposeError> {
    let failed = |e: String| ComposeError::Message(e);
    let Notice { key, rule, why, to, side, subject, text, html } = notice;
    let message_id = MessageId::new(&format!("t.{token}@{}", sender.evidence.domain()))
        .ok_or_else(|| failed("no Message-ID".into()))?;
    let date =
        jiff::fmt::rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).map_err(|e| failed(e.to_string()))?;
    let mut builder = lettre::Message::builder()
        .from(mailbox(Some("endorsed"), &sender.from)?)
        .to(mailbox(None, to)?)
        .subject(&subject);
    for (name, value) in [
        ("Date", date.as_str()),
        // RFC 3834 §5.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("x-ms-reactions", "disallow"),
        ("X-Endorsed-Letter", if side == Side::Auditor { "auditor" } else { "seller" }),
    ] {
        builder = raw(builder, name, value)?;
    }
    let message = builder
        .message_id(Some(format!("<{message_id}>")))
        .multipart(parts)
        .map_err(|e| failed(e.to_string()))?;
    let octets = message.formatted();
    let letter = Letter {
        key,
        base: key,
        rule: rule.into(),
        why,
        to: to.clone(),
        side,
        opportunity: None,
        declaration: None,
        criteria: None,
        asks: false,
        message_id: message_id.clone(),
        sha256: Digest::of(&octets),
        planned_at: now,
    };
    Ok((letter, Written { message_id, subject, text, html, raw: octets }))
}

/// The boundary of a letter's parts: the same letter has the same octets.
pub(super) fn boundary(key: &Digest) -> String {
    format!("=_{}", key.short())
}
