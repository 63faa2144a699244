//! Folded text cut into sentences and clauses: how far a word reaches.

use std::ops::Range;

use super::language::Language;
use super::tongue::Readers;

/// Lines shorter than this were broken by the writer, longer ones perhaps by the mail program.
const WRAPPED_LINE_MIN: usize = 45;

/// The full stop `。`; its question mark and exclamation mark fold to ASCII.
const IDEOGRAPHIC_STOP: [u8; 3] = [0xe3, 0x80, 0x82];

/// A sentence of the folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub span: Range<usize>,
    /// Ends with a question mark.
    pub asks: bool,
    pub clauses: Vec<Range<usize>>,
    /// Which packs read it.
    pub readers: Readers,
}

/// Cuts folded text. Spans leave out list marks in front and punctuation behind.
pub(super) fn sentences(text: &str, language: &Language) -> Vec<Sentence> {
    let bytes = text.as_bytes();
    let mut cut = Vec::new();
    let (mut start, mut line) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        if at < start {
            continue;
        }
        if *byte == IDEOGRAPHIC_STOP[0] && bytes.get(at..at + 3) == Some(&IDEOGRAPHIC_STOP) {
            push(text, start..at + 3, language, &mut cut);
            start = at + 3;
            continue;
        }
        let ends = match byte {
            b'\n' => {
                let breaks = ends_line(bytes, line, at);
                line = at + 1;
                breaks
            }
            b'.' | b'!' | b'?' | b';' => ends_sentence(text, start, at, language),
            _ => false,
        };
        if ends {
            push(text, start..at + 1, language, &mut cut);
            start = at + 1;
        }
    }
    push(text, start..text.len(), language, &mut cut);
    cut
}

fn push(text: &str, span: Range<usize>, language: &Language, cut: &mut Vec<Sentence>) {
    let ends = text.get(span.clone()).unwrap_or_default().trim_end();
    let asks = ends.ends_with('?')
        || language.asks_last.iter().any(|word| ends.trim_end_matches(['.', '。']).ends_with(word.as_str()));
    let span = trim(text, span);
    if span.is_empty() {
        // "?!" and "!!" end the sentence before them.
        if let (true, Some(last)) = (asks, cut.last_mut()) {
            last.asks = true;
        }
        return;
    }
    let clauses = clauses(text, &span, language);
    cut.push(Sentence { span, asks, clauses, readers: Readers::default() });
}

fn ends_line(bytes: &[u8], line: usize, at: usize) -> bool {
    let next = bytes.get(at + 1).copied().unwrap_or(b'\n');
    let digits = bytes.iter().skip(at + 1).take_while(|b| b.is_ascii_digit()).count();
    let listed = matches!(next, b'\n' | b'-' | b'*' | b'>' | b'#')
        || (digits > 0 && matches!(bytes.get(at + 1 + digits), Some(b'.' | b')' | b':')));
    let last = bytes.get(at.wrapping_sub(1)).copied().unwrap_or(b'\n');
    listed || at - line < WRAPPED_LINE_MIN || matches!(last, b'\n' | b'.' | b'!' | b'?' | b':')
}

fn ends_sentence(text: &str, start: usize, at: usize, language: &Language) -> bool {
    let after = text.as_bytes().get(at + 1).copied().unwrap_or(b' ');
    if !matches!(after, b' ' | b'\n' | b'"' | b')' | b'\'') && after.is_ascii() {
        return false;
    }
    if text.as_bytes().get(at) != Some(&b'.') {
        return true;
    }
    let before = text.get(start..at).unwrap_or_default();
    let word = before.rsplit([' ', '\n', '(']).next().unwrap_or_default();
    let letter = word.len() == 1 && word.bytes().all(|b| b.is_ascii_alphabetic() && b != b'i');
    let mark = before.trim().bytes().all(|b| b.is_ascii_digit());
    !(letter || mark || language.abbreviations.contains(word))
}

pub(super) fn clauses(text: &str, sentence: &Range<usize>, language: &Language) -> Vec<Range<usize>> {
    let mut cut = Vec::new();
    let mut start = sentence.start;
    let inner = text.get(sentence.clone()).unwrap_or_default();
    for (offset, c) in inner.char_indices() {
        let at = sentence.start + offset;
        if at < start {
            continue;
        }
        let rest = text.get(at..sentence.end).unwrap_or_default();
        let skip = match c {
            ',' | ';' | ':' if !language.words || rest.get(1..2).is_none_or(|n| n == " " || n == "\n") => 1,
            '、' => c.len_utf8(),
            '(' | ')' | '"' => 1,
            '-' if rest.starts_with("- ") && text.get(..at).is_some_and(|b| b.ends_with([' ', '\n'])) => 1,
            ' ' | '\n' if splits(rest, language) => 0,
            _ if !language.words && at > start && language.splits.iter().any(|w| rest.starts_with(w)) => {
                cut.push(start..at);
                start = at;
                continue;
            }
            _ => continue,
        };
        cut.push(start..at);
        start = at + skip.max(usize::from(skip == 0));
    }
    cut.push(start..sentence.end);
    cut.into_iter().map(|span| trim(text, span)).filter(|span| !span.is_empty()).collect()
}

/// Whether a word that starts a clause of its own follows the space.
fn splits(rest: &str, language: &Language) -> bool {
    let Some(rest) = rest.get(1..) else { return false };
    language
        .splits
        .iter()
        .any(|word| rest.strip_prefix(word.as_str()).is_some_and(|after| after.starts_with([' ', '\n', ','])))
}

/// Without white space, list marks in front and punctuation behind.
fn trim(text: &str, span: Range<usize>) -> Range<usize> {
    let Some(piece) = text.get(span.clone()) else { return span.start..span.start };
    let front = piece.trim_start_matches(|c: char| c.is_whitespace() || "-*>\"'.,;:!?()。、「」".contains(c));
    let start = span.end - front.len();
    let back = front.trim_end_matches(|c: char| c.is_whitespace() || "-\".,;:!?()。、「」".contains(c));
    start..start + back.len()
}
