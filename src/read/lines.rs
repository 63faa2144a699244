//! A body as lines: each with its place, its quote depth and its folded text. Plain text and laid-out HTML
//! become the same thing here, so one classifier serves both.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::text::{fixed, fold};

/// A line is classified by its first bytes only: no attribution or label is longer.
const CLASSIFIED_BYTES_MAX: usize = 600;

/// What the markup said about a line before any text was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    /// Nothing.
    #[default]
    None,
    /// A client's attribution element.
    Attribution,
    /// A client's signature element.
    Signature,
    /// Not shown to the reader of the mail.
    Hidden,
    /// Behind a client's "the quoted mail begins here".
    Cut,
    /// In the frame that a client puts around a quote, with no quote in it.
    Framed,
    /// Struck out: the reader sees that it does not hold.
    Struck,
    /// Shown in another order or place than it stands.
    Moved,
    /// Not typed as text: in a form field, a picture's text, a style sheet.
    Form,
    /// Inside a bare `blockquote`, which people also use to indent their own words.
    Indented,
}

/// A line of a body.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// Byte span in the part, line break included.
    pub at: Range<usize>,
    /// The line without quote marks and line break.
    pub body: &'a str,
    /// The beginning of `body`, folded and on one line.
    pub folded: String,
    /// How deep it is quoted.
    pub depth: u16,
    /// What the markup said.
    pub mark: Mark,
}

impl Line<'_> {
    /// Whether nothing is on the line.
    pub fn is_blank(&self) -> bool {
        self.folded.is_empty()
    }
}

/// Depth and mark of a stretch of laid-out text; the stretches tile the text from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where it ends (byte offset).
    pub end: usize,
    /// Quote depth by markup.
    pub depth: u16,
    /// What the markup said.
    pub mark: Mark,
}

/// Cuts a plain part into lines.
pub(super) fn plain_lines(text: &str) -> Vec<Line<'_>> {
    lines(text, &[])
}

/// Cuts laid-out text into lines; `stretches` carry what the markup said. A quote mark typed into HTML counts
/// on top of the depth by markup.
pub(super) fn lines<'a>(text: &'a str, stretches: &[Stretch]) -> Vec<Line<'a>> {
    let mut out: Vec<Line<'a>> = Vec::new();
    let mut start = 0;
    let mut stretches = stretches.iter().peekable();
    for whole in text.split_inclusive('\n') {
        while stretches.next_if(|s| s.end <= start).is_some() {}
        let (depth, mark) = stretches.peek().map_or((0, Mark::None), |s| (s.depth, s.mark));
        let mut rest = whole;
        while let Some(cut) = glued(rest) {
            let Some((head, tail)) = rest.split_at_checked(cut) else { break };
            push(&mut out, head, start, depth, mark);
            start += head.len();
            rest = tail;
        }
        push(&mut out, rest, start, depth, mark);
        start += rest.len();
    }
    out
}

fn push<'a>(out: &mut Vec<Line<'a>>, raw: &'a str, start: usize, depth: u16, mark: Mark) {
    let text = raw.trim_end_matches(['\n', '\r']);
    let (marks, body) = quote_marks(text);
    // mbox writers put `>` before a typed "From "; it is a quote only inside a quote.
    let munged = marks == 1 && body.starts_with("From ") && text.starts_with(">From ");
    let inside = out.last().is_some_and(|l| l.depth > depth);
    let (marks, body) = if munged && !inside { (0, text) } else { (marks, body) };
    out.push(Line {
        at: start..start + raw.len(),
        body,
        folded: folded_start(body),
        depth: depth.saturating_add(marks),
        mark,
    });
}

/// Counts `>` marks at the start of a line; the body is what stands behind them and one space.
pub(super) fn quote_marks(line: &str) -> (u16, &str) {
    let lead = line.trim_start_matches([' ', '\u{a0}']);
    // Four spaces and more indent code or a list, not a quote.
    if line.len() - lead.len() > 3 || lead.starts_with(">>>") && lead.trim_end().ends_with("<<<") {
        return (0, line);
    }
    let (mut depth, mut rest) = (0_u16, lead);
    while let Some(after) = rest.strip_prefix(['>', '›']) {
        depth = depth.saturating_add(1);
        rest = after;
        let spaced = rest.strip_prefix(' ').unwrap_or(rest);
        if spaced.starts_with('>') {
            rest = spaced;
        }
    }
    if depth == 0 { (0, line) } else { (depth, rest.strip_prefix(' ').unwrap_or(rest)) }
}

fn folded_start(body: &str) -> String {
    let mut end = body.len().min(CLASSIFIED_BYTES_MAX);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let folded = fold(body.get(..end).unwrap_or(body)).text;
    let mut out = String::with_capacity(folded.len());
    for word in folded.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    // U+FFFC stands for an inline image and carries no words.
    if out.contains('\u{fffc}') { out.replace('\u{fffc}', "").trim().to_owned() } else { out }
}

/// An attribution or divider glued to typed text: the byte at which the line must be cut.
fn glued(line: &str) -> Option<usize> {
    static DIVIDER: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"(?i)[^\s>*_|\-]\s*(-{2,}\s*(?:original message|urspr(?:ü|u)ngliche nachricht|message d.origine",
            r"|mensaje original|mensagem original|messaggio originale)\s*-{2,})"
        ))
    });
    static WROTE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"^[^>\n]{1,400}?[^\s>,(\-](?:\s*-{2,}\s*|\s+)(On (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ",
            r"|\d{1,2} |(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d)[^\n]{8,160}",
            r"(?:wrote:|@[^\s>]+>))\s*$"
        ))
    });
    if line.len() > 2000 || line.starts_with('>') {
        return None;
    }
    let cut = |re: &Regex| re.captures(line).and_then(|c| c.get(1)).map(|m| m.start());
    if line.contains("--")
        && let Some(at) = cut(&DIVIDER)
    {
        return Some(at);
    }
    let closed = line.trim_end();
    if line.contains("On ") && (closed.ends_with("wrote:") || closed.ends_with('>')) {
        cut(&WROTE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_with_and_without_spaces() {
        assert_eq!(quote_marks("> > a"), (2, "a"));
        assert_eq!(quote_marks(">>  b"), (2, " b"));
        assert_eq!(quote_marks(" > c"), (1, "c"));
        assert_eq!(quote_marks("a > b"), (0, "a > b"));
        assert_eq!(quote_marks(">>> look here <<<").0, 0);
    }

    #[test]
    fn a_munged_from_is_typed_text() {
        let lines = plain_lines("Hello\n>From our side it is fine.\n");
        assert_eq!(lines[1].depth, 0);
        let lines = plain_lines("> Hello\n>From our side it is fine.\n");
        assert_eq!(lines[1].depth, 1);
    }

    #[test]
    fn glued_attributions_become_lines() {
        let text = "Works for us. On Mon, Nov 2, 2026 at 9:01 AM Kim <kim@seller.example> wrote:\n> x\n";
        let lines = plain_lines(text);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].body, "Works for us. ");
        let lines = plain_lines("Fine.-----Original Message-----\nFrom: x\n");
        assert_eq!(lines[0].body, "Fine.");
    }

    #[test]
    fn lines_tile_the_text() {
        let text = "a\r\n> b\n\nc";
        let mut at = 0;
        for line in plain_lines(text) {
            assert_eq!(line.at.start, at);
            at = line.at.end;
        }
        assert_eq!(at, text.len());
    }
}
