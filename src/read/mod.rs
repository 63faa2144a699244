//! Takes a body apart into segments: what the person typed, what was quoted, what we are unsure of.
//!
//! Both parts of a mail are witnesses. Each is cut into `lines`, classified by `split` with the tables of
//! `markers`, corrected by the known originals (`original`) and put together again (`assemble`); then
//! `witness` compares the two. Text affirms only when it is surely fresh; what we were unsure how to cut is
//! kept apart, so that it may still veto.

mod assemble;
mod attribution;
mod closing;
mod fence;
mod forward;
mod guard;
mod header;
mod html;
mod lines;
mod markers;
mod original;
mod pasted;
mod split;
mod witness;

#[cfg(test)]
mod tests;

pub use forward::{InlineForward, inline_forward};
use original::Originals;

use crate::model::{Defect, Message, Reading, Reason, Segment, SegmentKind};

/// Bytes of a plain part that are read: 1 MiB, as many as the parser keeps. Reading is linear.
const PLAIN_BYTES_MAX: usize = 1 << 20;
/// Lines of a plain part that are read: a line costs some hundred bytes of memory, and a thread of years has fewer.
const PLAIN_LINES_MAX: usize = 40_000;

/// Reads the body of `message`. `originals` are the texts of the mails it may quote (see [`body_text`]): lines
/// that align with them are quoted whatever their marks.
pub fn read(message: &Message, originals: &[&str]) -> Reading {
    let originals = Originals::new(originals);
    let plain = message.plain.as_deref().map(|text| split_plain(text, &originals));
    let html = message.html.as_deref().map(|text| split_html(text, &originals));
    let mut reading = witness::join(plain, html);
    for defect in &message.defects {
        if let Some(doubt) = doubt(defect) {
            reading.doubts.push(doubt);
        }
    }
    reading.sure = reading.doubts.is_empty();
    reading
}

/// The whole body as its reader sees it: the plain part, else the HTML part laid out as text.
pub fn body_text(message: &Message) -> String {
    match (&message.plain, &message.html) {
        (Some(plain), Some(_)) if !witness::says_nothing(plain) => plain.clone(),
        (_, Some(html)) => html::lay_out(html).visible(),
        (Some(plain), None) => plain.clone(),
        (None, None) => String::new(),
    }
}

/// What each part shows to its reader. A part that only says that there is another is none.
pub fn body_texts(message: &Message) -> Vec<String> {
    let plain = message.plain.as_ref().filter(|text| !witness::says_nothing(text)).cloned();
    plain.into_iter().chain(message.html.as_deref().map(|text| html::lay_out(text).visible())).collect()
}

/// What each part quotes or may quote, in its order, with what seems typed into the quote. `original` is the text
/// that is answered.
pub fn quoted_texts(message: &Message, original: &str) -> Vec<String> {
    use SegmentKind::{EditedQuote, Forwarded, Quoted, Unsure};
    let originals = Originals::new(&[original]);
    let plain = message.plain.as_deref().map(|text| split_plain(text, &originals));
    let html = message.html.as_deref().map(|text| split_html(text, &originals));
    let quoted = |reading: Reading| {
        // Between lines that only the original shows to be quoted, what is not its own may be quoted as well.
        let unmarked = |s: &Segment| s.evidence.starts_with("original.");
        let first = reading.segments.iter().position(unmarked).unwrap_or(usize::MAX);
        let last = reading.segments.iter().rposition(unmarked).unwrap_or_default();
        let kept = |(n, s): &(usize, &Segment)| {
            matches!(s.kind, Quoted | EditedQuote | Forwarded | Unsure) || (first..last).contains(n)
        };
        let lines = reading.segments.iter().enumerate().filter(kept).flat_map(|(_, s)| s.text.lines());
        lines.map(|line| lines::quote_marks(line).1).collect::<Vec<_>>().join("\n")
    };
    plain.into_iter().chain(html).map(quoted).collect()
}

/// Reads a plain part by itself.
fn split_plain(text: &str, originals: &Originals) -> Reading {
    let lines_end = text.match_indices('\n').nth(PLAIN_LINES_MAX).map_or(text.len(), |(at, _)| at);
    let (head, tail) = split_at_floor(text, PLAIN_BYTES_MAX.min(lines_end));
    let mut reading = assemble::assemble(head, &lines::plain_lines(head), originals);
    if !tail.is_empty() {
        reading.doubts.push(Reason::new("over_limit", "The text is too long to be read whole."));
        reading.unsure.push_str(tail);
    }
    guard::guard(&mut reading, originals);
    reading
}

/// Reads an HTML part by itself.
fn split_html(text: &str, originals: &Originals) -> Reading {
    let layout = html::lay_out(text);
    let mut reading =
        assemble::assemble(&layout.text, &lines::lines(&layout.text, &layout.stretches), originals);
    if layout.over_limit {
        reading.doubts.push(Reason::new("over_limit", "The HTML is too large or too deep to be read whole."));
        let fresh = std::mem::take(&mut reading.fresh);
        reading.inline.clear();
        reading.unsure = [reading.unsure, fresh].join("\n\n").trim().to_owned();
    }
    reading.doubts.extend(layout.doubts.iter().map(|(code, text)| Reason::new(code, *text)));
    guard::guard(&mut reading, originals);
    reading
}

fn doubt(defect: &Defect) -> Option<Reason> {
    let (code, what) = match defect {
        Defect::TornPart(what) => ("torn_part", what),
        Defect::AmbiguousMime(what) => ("ambiguous_mime", what),
        Defect::OverLimit(what) => ("over_limit", what),
        Defect::Unreadable(what) => ("unreadable", what),
        Defect::HeaderSyntax(_) | Defect::SeveralAuthors => return None,
    };
    Some(Reason::new(code, format!("The body may not be what was sent: {what}.")))
}

fn split_at_floor(text: &str, mut at: usize) -> (&str, &str) {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}
