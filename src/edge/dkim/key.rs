//! DKIM key records (RFC 6376 §3.6.1).

use std::sync::Arc;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::{DnsError, Error, Txt};

use crate::model::KeyState;
use crate::verify::Tags;

/// Size of an Ed25519 public key in bits (RFC 8463); the checker has no figure for it.
const ED25519_BITS: u32 = 256;

/// What a key record says about itself.
#[derive(Debug, Default)]
pub(super) struct KeyFacts {
    /// Size of the key in bits.
    pub bits: Option<u32>,
    /// Whether it carries `t=y`.
    pub test: bool,
    /// Why nothing can be verified with it.
    pub failure: Option<String>,
}

/// Reads a key record. A missing or unreadable key is a failure.
pub(super) fn facts(state: &KeyState) -> KeyFacts {
    let failed = |why: &str| KeyFacts { failure: Some(why.to_owned()), ..KeyFacts::default() };
    let text = match state {
        KeyState::Found(text) => text,
        KeyState::Absent => return failed("the key record does not exist"),
        KeyState::Temporary => return failed("the key record could not be looked up yet"),
        KeyState::Unreachable => return failed("the key record could not be looked up for two days"),
    };
    let Some(tags) = Tags::parse(text) else {
        return failed("the key record breaks the syntax (RFC 6376 §3.6.1)");
    };
    let key = match DomainKey::parse(text.as_bytes()) {
        Ok(key) => key,
        Err(error) => return failed(&error.to_string()),
    };
    let allows = |tag: &str, words: &[&str]| {
        tags.items(tag).is_none_or(|items| items.iter().any(|item| words.contains(&item.as_str())))
    };
    let failure = if !allows("h", &["sha256"]) {
        Some("the key record does not allow sha256".to_owned())
    } else if !allows("s", &["*", "email"]) {
        Some("the key is not meant for email".to_owned())
    } else {
        None
    };
    let ed25519 = tags.get("k").is_some_and(|k| k.eq_ignore_ascii_case("ed25519"));
    let bits = if ed25519 { Some(ED25519_BITS) } else { u32::try_from(key.p.public_key_bits()).ok() };
    KeyFacts { bits, test: tags.items("t").is_some_and(|flags| flags.iter().any(|f| f == "y")), failure }
}

/// The record as the checker's cache holds it.
pub(super) fn answer(state: &KeyState) -> Txt {
    match state {
        KeyState::Found(text) => match DomainKey::parse(text.as_bytes()) {
            Ok(key) => Txt::DomainKey(Arc::new(key)),
            Err(error) => Txt::Error(error),
        },
        KeyState::Absent => Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain))),
        KeyState::Temporary | KeyState::Unreachable => {
            Txt::Error(Error::Dns(DnsError::Resolver("not answered yet".into())))
        }
    }
}
