//! Classified lines to a [`Reading`] of one part.

use std::ops::Range;

use super::closing;
use super::lines::Line;
use super::original::{self, Originals};
use super::split::{self, Class, is_fresh};
use crate::model::{InlineAnswer, Reading, Reason, Segment, SegmentKind};

/// A quoted line is wrapped over no more lines than this.
const WRAPPED_LINES_MAX: usize = 6;
/// A line that a program wrapped is about full.
const WRAPPED_BYTES_MIN: usize = 50;

/// Reads one part: `text` cut into `lines`.
pub(super) fn assemble(text: &str, lines: &[Line<'_>], originals: &Originals) -> Reading {
    let mut classes = split::classify(lines);
    original::align(lines, &mut classes, originals);
    inline_below_quotes(lines, &mut classes);
    let runs = runs(lines, &classes);
    let mut reading = Reading { sure: true, doubts: indented(lines, &classes), ..Reading::default() };
    let mut above = String::new();
    for run in &runs {
        let Some(piece) = text.get(run.at.clone()) else { continue };
        let body = || unmarked(lines.get(run.lines.clone()).unwrap_or_default());
        match run.class.kind {
            SegmentKind::Fresh | SegmentKind::FreshInline => {
                let span = append(&mut reading.fresh, piece);
                if run.class.kind == SegmentKind::FreshInline && !span.is_empty() && !above.is_empty() {
                    let quoted = std::mem::take(&mut above);
                    reading.inline.push(InlineAnswer { span, quoted });
                }
            }
            SegmentKind::Unsure => {
                append(&mut reading.unsure, piece);
            }
            SegmentKind::Hidden if run.class.evidence == split::HIDDEN_QUOTE => {}
            SegmentKind::Hidden => {
                append(&mut reading.unsure, piece);
                if piece.chars().any(char::is_alphanumeric) && !has_code(&reading, "hidden_text") {
                    reading
                        .doubts
                        .push(Reason::new("hidden_text", "The mail holds words that its reader cannot see."));
                }
            }
            SegmentKind::EditedQuote => {
                let body = body();
                append(&mut reading.unsure, &body);
                has_more_below(&mut reading, &body);
                above = last_line(lines.get(run.lines.clone()).unwrap_or_default());
            }
            SegmentKind::Quoted | SegmentKind::Forwarded => {
                let body = body();
                append(&mut reading.quoted, &body);
                has_more_below(&mut reading, &body);
                above = last_line(lines.get(run.lines.clone()).unwrap_or_default());
            }
            SegmentKind::Signature => {
                let kept = without_delimiter(piece);
                append(&mut reading.signature, kept);
            }
            SegmentKind::Disclaimer | SegmentKind::Banner => {
                append(&mut reading.unsure, &closing::typed_in_notice(piece));
            }
            SegmentKind::Attribution
            | SegmentKind::HeaderBlock
            | SegmentKind::Divider
            | SegmentKind::Tagline => {}
        }
        reading.segments.push(Segment {
            kind: run.class.kind,
            text: piece.to_owned(),
            span: run.at.clone(),
            evidence: run.class.evidence,
        });
    }
    reading
}

/// Words that are indented like a quote may be somebody else's, though nobody is named.
fn indented(lines: &[Line<'_>], classes: &[Class]) -> Vec<Reason> {
    let own = |(line, class): (&Line<'_>, &Class)| {
        is_fresh(class.kind) && class.evidence == split::INDENTED && !line.is_blank()
    };
    let text = "A part of the text is indented like a quote, and nobody is named as its author.";
    let found = lines.iter().zip(classes).any(own);
    found.then(|| Reason::new("indented_text", text)).into_iter().collect()
}

/// Quoted words below an answer bind it to the line above it.
fn has_more_below(reading: &mut Reading, quoted: &str) {
    if quoted.chars().any(char::is_alphanumeric) {
        reading.fresh_above_quote = reading.fresh.len();
    }
}

fn has_code(reading: &Reading, code: &str) -> bool {
    reading.doubts.iter().any(|d| d.code == code)
}

struct Run {
    class: Class,
    lines: Range<usize>,
    at: Range<usize>,
}

/// Neighbouring lines of one class.
fn runs(lines: &[Line<'_>], classes: &[Class]) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    for (i, (line, class)) in lines.iter().zip(classes).enumerate() {
        match out.last_mut() {
            Some(last) if last.class.kind == class.kind && !hides_apart(last.class, *class) => {
                last.lines.end = i + 1;
                last.at.end = line.at.end;
            }
            _ => out.push(Run { class: *class, lines: i..i + 1, at: line.at.clone() }),
        }
    }
    out
}

/// Text hidden in a quote says nothing; text hidden elsewhere is a doubt.
fn hides_apart(a: Class, b: Class) -> bool {
    (a.evidence == split::HIDDEN_QUOTE) != (b.evidence == split::HIDDEN_QUOTE)
}

/// Text typed below quoted lines answers them, also where only an original showed that they are quoted.
fn inline_below_quotes(lines: &[Line<'_>], classes: &mut [Class]) {
    let mut quoted = false;
    for (class, line) in classes.iter_mut().zip(lines) {
        quoted |= matches!(class.kind, SegmentKind::Quoted | SegmentKind::EditedQuote) && !line.is_blank();
        if quoted && class.kind == SegmentKind::Fresh {
            class.kind = SegmentKind::FreshInline;
        } else if !quoted && is_fresh(class.kind) {
            class.kind = SegmentKind::Fresh;
        }
    }
}

/// Appends a piece with an empty line between it and what is there; returns its span.
fn append(to: &mut String, piece: &str) -> Range<usize> {
    let piece = trim_blank_lines(piece);
    if piece.is_empty() {
        return to.len()..to.len();
    }
    if !to.is_empty() {
        to.push_str("\n\n");
    }
    let start = to.len();
    to.push_str(piece);
    start..to.len()
}

/// Cuts empty lines at both ends and white space at the very end; the first line keeps its indentation.
fn trim_blank_lines(text: &str) -> &str {
    let text = text.trim_end();
    let lead = text.len() - text.trim_start().len();
    let head = text.get(..lead).unwrap_or_default();
    let from = head.rfind('\n').map_or(0, |at| at + 1);
    text.get(from..).unwrap_or(text)
}

fn unmarked(lines: &[Line<'_>]) -> String {
    lines.iter().map(|l| l.body.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The last quoted line with what was wrapped off it: up to the item of a list that it belongs to, or over lines
/// that are about full.
fn last_line(lines: &[Line<'_>]) -> String {
    let end = lines.iter().rposition(|l| !l.is_blank()).map_or(0, |at| at + 1);
    let from = end.saturating_sub(WRAPPED_LINES_MAX);
    let filled = |k: &usize| lines.get(*k).is_some_and(|l| !l.is_blank());
    let start = (from..end).rev().find(|k| !filled(k)).map_or(from, |k| k + 1);
    let item = (start..end).rev().find(|k| lines.get(*k).is_some_and(original::begins_item));
    let full = |k: usize| lines.get(k).is_some_and(|l| l.body.len() >= WRAPPED_BYTES_MIN);
    let indented = |k: usize| lines.get(k).is_some_and(|l| l.body.starts_with("  "));
    let mut first = end.saturating_sub(1);
    while first > start && Some(first) != item && (item.is_some() || full(first - 1) || indented(first)) {
        first -= 1;
    }
    let kept: Vec<&str> = lines.get(first..end).unwrap_or_default().iter().map(|l| l.body.trim()).collect();
    kept.join(" ")
}

fn without_delimiter(piece: &str) -> &str {
    let text = piece.trim_start();
    match text.split_once('\n') {
        Some((first, rest)) if matches!(first.trim_end(), "--" | "---" | "\u{2014}") => rest,
        None if matches!(text.trim_end(), "--" | "---" | "\u{2014}") => "",
        _ => piece,
    }
}
