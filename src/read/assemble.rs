//! Classified lines to a [`Reading`] of one part.

use std::ops::Range;

use super::closing;
use super::lines::Line;
use super::original::{self, Originals};
use super::split::{self, Class, is_fresh};
use crate::model::{InlineAnswer, Reading, Reason, Segment, SegmentKind};

/// Reads one part: `text` cut into `lines`.
pub(super) fn assemble(text: &str, lines: &[Line<'_>], originals: &Originals) -> Reading {
    let mut classes = split::classify(lines);
    original::align(lines, &mut classes, originals);
    inline_below_quotes(lines, &mut classes);
    let runs = runs(lines, &classes);
    let mut reading = Reading { sure: true, ..Reading::default() };
    let mut above = String::new();
    for run in &runs {
        let Some(piece) = text.get(run.at.clone()) else { continue };
        let body = || unmarked(lines.get(run.lines.clone()).unwrap_or_default());
        match run.class.kind {
            SegmentKind::Fresh | SegmentKind::FreshInline => {
                let span = append(&mut reading.fresh, piece);
                if run.class.kind == SegmentKind::FreshInline && !span.is_empty() && !above.is_empty() {
                    reading.inline.push(InlineAnswer { span, quoted: std::mem::take(&mut above) });
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
                above = last_line(lines.get(run.lines.clone()).unwrap_or_default());
            }
            SegmentKind::Quoted | SegmentKind::Forwarded => {
                let body = body();
                append(&mut reading.quoted, &body);
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

/// The last quoted line with what was wrapped off it (a continuation is indented).
fn last_line(lines: &[Line<'_>]) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in lines.iter().rev().skip_while(|l| l.is_blank()).take(4) {
        if line.is_blank() {
            break;
        }
        kept.push(line.body.trim());
        if !line.body.starts_with("  ") {
            break;
        }
    }
    kept.reverse();
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
