//! Whether a mail passes on somebody else's words.

use std::sync::LazyLock;

use regex::Regex;

use super::{declaration, subject};
use crate::model::{Message, Reading, SegmentKind};
use crate::read::body_text;
use crate::text::fixed;

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
    let passed_on = (named && (marked || block(SegmentKind::HeaderBlock) || has_header_block(&body)))
        || (marked && !answer);
    passed_on.then_some(Forward::Inline)
}

fn is_marked(body: &str) -> bool {
    static MARK: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"(?im)^[-_ ]*(?:begin forwarded message:?|(?:-{2,}|_{2,}) ?(?:forwarded message|forwarded by|original-nachricht weitergeleitet|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|vidarebefordrat (?:mail|meddelande)|videresendt (?:melding|meddelelse|besked)|wiadomość przekazana|転送メッセージ|転送されたメッセージ|转发的邮件|转发邮件)\b.*",
            r"|anfang der weitergeleiteten (?:nachricht|e-mail):?|début du message (?:transféré|réexpédié) ?:?|inicio del mensaje reenviado:?|inizio messaggio inoltrato:?|begin doorgestuurd bericht:?)\s*$"
        ))
    });
    MARK.is_match(body)
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
