//! Whether a mail passes on somebody else's words.

use std::sync::LazyLock;

use regex::Regex;

use super::{declaration, subject};
use crate::model::{Message, Reading, SegmentKind};
use crate::read::body_text;
use crate::text::{fixed, squeeze};

/// How a mail passes on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forward {
    /// Pasted into the body: whoever sends it could have changed it.
    Inline,
    /// As an attached message, with its own bytes.
    Attached,
}

/// Whether and how `message` is a forward.
pub(super) fn forward(message: &Message, reading: &Reading) -> Option<Forward> {
    let named = subject::is_forward(&message.subject);
    let answer = declaration::is_answer(message);
    if !message.attached.is_empty() && (named || !answer) {
        return Some(Forward::Attached);
    }
    let body = body_text(message);
    let block = |kind: SegmentKind| reading.segments.iter().any(|s| s.kind == kind);
    let marked = block(SegmentKind::Forwarded) || is_marked(&body);
    let headed = || block(SegmentKind::HeaderBlock) || has_header_block(&body);
    // Some programs forward like they answer, with an attribution and quote marks, and without threading fields.
    let quoting = || !answer && block(SegmentKind::Quoted);
    let passed_on = (named && (marked || headed() || quoting())) || (marked && !answer);
    passed_on.then_some(Forward::Inline)
}

/// Whether a line of the body says that a forwarded mail follows.
fn is_marked(body: &str) -> bool {
    static MARK: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"^[-_ ]*(?:begin forwarded message|forwarded (?:message|by)|weitergeleitete nachricht|original-nachricht weitergeleitet|message transfere|mensaje reenviado|messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|vidarebefordrat (?:mail|meddelande)|videresendt (?:melding|meddelelse|besked)|wiadomosc przekazana|przekazana wiadomosc",
            r"|anfang der weitergeleiteten (?:nachricht|e-mail)|debut du message (?:transfere|reexpedie)|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht|転送メッセーシ|転送されたメッセーシ|转发的邮件|转发邮件)"
        ))
    });
    // Only rules and short lines that end with a colon can be such a line.
    let candidate =
        |l: &str| l.starts_with("--") || l.starts_with("__") || (l.ends_with([':', '：']) && l.len() < 100);
    body.lines().map(str::trim).any(|l| candidate(l) && MARK.is_match(&squeeze(l)))
}

/// Header lines of a mail inside the body, as Outlook puts them above what it forwards.
fn has_header_block(body: &str) -> bool {
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"(?im)^[ \t>*]*(?:from|von|de|da|van|från|fra|od|差出人|发件人)\s*[:：].*\n(?:.*\n){0,3}?",
            r"[ \t>*]*(?:sent|date|gesendet|datum|envoyé|enviado|fecha|data|inviato|verzonden|skickat|sendt|wysłano|送信日時|发送时间|to|an|à|para|a|aan|till|til)\s*[:：]"
        ))
    });
    BLOCK.is_match(body)
}
