//! Takes a body apart into segments: what the person typed, what was quoted, what we are unsure of.

use crate::model::{Message, Reading, Reason};

/// Reads the body of `message`. `originals` are the texts of the mails it may quote (see [`body_text`]): lines
/// that align with them are quoted whatever their marks.
pub fn read(message: &Message, originals: &[&str]) -> Reading {
    let _ = originals;
    Reading {
        unsure: body_text(message),
        doubts: vec![Reason::new("not_split", "The body was not taken apart.")],
        ..Reading::default()
    }
}

/// The whole body as its reader sees it: the plain part, else the HTML part laid out as text.
pub fn body_text(message: &Message) -> String {
    message.plain.clone().unwrap_or_default()
}
