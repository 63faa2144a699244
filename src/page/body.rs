//! A mail's body: what was typed stands out, what was quoted steps back, what nobody could tell apart is hatched.

use maud::{Markup, html};

use super::text::{Mark, Shown, marked};
use super::words;
use crate::answer::{MailAnswer, Piece};
use crate::model::Source;

/// The body with marks; `marks` count bytes of the recorded texts, as reasons do.
pub fn body(mail: &MailAnswer, marks: &[(Source, Mark)]) -> Markup {
    let of = |source: Source| -> Vec<Mark> {
        marks.iter().filter(|(s, _)| *s == source).map(|(_, m)| m.clone()).collect()
    };
    let message = &mail.message;
    if mail.pieces.is_empty() {
        // Erased, or cut by an older version: what was recorded when it was judged.
        let recorded = [
            ("fresh", "Typed by the author", &message.fresh_text, Source::Fresh),
            ("unsure", "Typed or quoted? Unsure", &message.unsure_text, Source::Unsure),
            ("faint", "Signature", &message.signature_text, Source::Signature),
        ];
        return html! {
            div.mailbody {
                @for (class, label, text, source) in recorded {
                    @if !text.trim().is_empty() { (piece(class, label, &marked(text, &of(source)))) }
                }
            }
        };
    }
    let placed = placed(&mail.pieces, &message.fresh_text, &message.unsure_text, &message.signature_text);
    html! {
        div.mailbody {
            @for block in blocks(&placed) {
                (piece(block.class, block.label, &html! {
                    @for (n, part) in (1..).zip(&block.parts) {
                        @let text = if n == block.parts.len() { part.text.trim_end() } else { part.text };
                        (marked(text, &within(part, &of(part.source))))
                    }
                }))
            }
        }
    }
}

/// Quoted text of more lines is folded.
const QUOTED_LINES_MAX: usize = 8;

fn piece(class: &str, label: &str, text: &Markup) -> Markup {
    let lines = text.0.lines().count();
    if class == "quoted" && lines > QUOTED_LINES_MAX {
        return html! {
            details.piece.quoted {
                summary.label { (label) ", " (lines) " lines" }
                div.text dir="auto" { (text) }
            }
        };
    }
    html! {
        div.piece.(class) {
            p.label { (label) }
            div.text dir="auto" { (text) }
        }
    }
}

/// A piece, and where the recorded text that its words stand in begins in it.
struct Placed<'a> {
    class: &'static str,
    label: &'static str,
    text: &'a str,
    source: Source,
    /// Byte of `text` and byte of the recorded text that are the same one, and for how many bytes.
    anchor: Option<(usize, usize, usize)>,
}

struct Block<'a> {
    class: &'static str,
    label: &'static str,
    parts: Vec<&'a Placed<'a>>,
}

fn placed<'a>(pieces: &'a [Piece], fresh: &str, unsure: &str, signature: &str) -> Vec<Placed<'a>> {
    let mut cursors = [0_usize; 3];
    let mut out = Vec::new();
    for piece in pieces {
        let (class, label) = words::piece(piece.kind);
        let (source, recorded) = match class {
            "fresh" => (Source::Fresh, fresh),
            "unsure" => (Source::Unsure, unsure),
            _ => (Source::Signature, signature),
        };
        let cursor = match source {
            Source::Fresh => &mut cursors[0],
            Source::Unsure => &mut cursors[1],
            Source::Signature => &mut cursors[2],
        };
        let words = piece.text.trim();
        let lead = piece.text.len() - piece.text.trim_start().len();
        let rest = recorded.get(*cursor..).unwrap_or_default();
        let anchor = rest.find(words).filter(|_| !words.is_empty() && class != "quoted").map(|at| {
            let start = *cursor + at;
            *cursor = start + words.len();
            (lead, start, words.len())
        });
        out.push(Placed { class, label, text: &piece.text, source, anchor });
    }
    out
}

/// Neighbours of one look become one block; pieces without words are left out.
fn blocks<'a>(placed: &'a [Placed<'a>]) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let with_words = |part: &&Placed<'_>| !part.text.trim().is_empty();
    for part in placed.iter().filter(with_words) {
        match blocks.last_mut() {
            Some(last) if last.class == part.class && last.label == part.label => last.parts.push(part),
            _ => blocks.push(Block { class: part.class, label: part.label, parts: vec![part] }),
        }
    }
    blocks
}

/// The marks of the recorded text that lie in a piece, counted from the piece's own start.
fn within(part: &Placed<'_>, marks: &[Mark]) -> Vec<Mark> {
    let Some((own, recorded, length)) = part.anchor else { return Vec::new() };
    let inside = |m: &&Mark| recorded <= m.span.start && m.span.start < recorded + length;
    let shifted = |m: &Mark| {
        let start = m.span.start - recorded + own;
        let end = (m.span.end - recorded + own).min(own + length);
        Mark { span: start..end, number: m.number }
    };
    marks.iter().filter(inside).map(shifted).collect()
}

/// The words that carry the verdict, as a mark in the recorded fresh text.
pub fn quote_mark(mail: &MailAnswer) -> Vec<(Source, Mark)> {
    let message = &mail.message;
    let at = message.fresh_text.find(&message.quote).filter(|_| !message.quote.trim().is_empty());
    at.map(|at| (Source::Fresh, Mark { span: at..at + message.quote.len(), number: None }))
        .into_iter()
        .collect()
}

/// What was typed, with the words marked that carry the verdict.
pub fn typed(mail: &MailAnswer) -> Markup {
    let marks: Vec<Mark> = quote_mark(mail).into_iter().map(|(_, m)| m).collect();
    let text = &mail.message.fresh_text;
    html! {
        @if text.trim().is_empty() { p.quiet { "Nothing was typed." } }
        @else { div.text dir="auto" { (marked(text, &marks)) } }
        @if !mail.message.unsure_text.trim().is_empty() {
            div.piece.unsure {
                p.label { "Typed or quoted? Unsure" }
                div.text dir="auto" { (Shown(&mail.message.unsure_text)) }
            }
        }
    }
}
