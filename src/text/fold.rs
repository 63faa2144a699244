//! One fold for rules and for mail: NFKD, marks off, lower case, plain quotes and dashes, single spaces.
//!
//! Patterns run on folded ASCII-leaning text, which keeps them inside the fast automaton; the map leads each
//! hit back to the bytes that the person typed. What becomes of letters: `ä ö ü é ç ñ` lose their marks, `ß æ œ ø ł`
//! become `ss ae oe o l`, full-width forms become ASCII, half-width kana become full kana. Kana keep their voice marks
//! and Hangul its syllables, since without them they are other words.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose, is_combining_mark};

/// Folded text with the way back to the original bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// For each byte of `text`, the byte offset in the original of the character it came from.
    map: Vec<u32>,
    /// Length of the original in bytes.
    original_len: u32,
}

impl Folded {
    /// The span of the original that a span of the folded text came from.
    pub fn original(&self, span: Range<usize>) -> Range<usize> {
        let at = |i: usize| self.map.get(i).copied().unwrap_or(self.original_len) as usize;
        let start = at(span.start);
        start..at(span.end).max(start)
    }
}

/// Folds `text` and keeps the map back. Runs of white space become one space, except that a run with a line
/// break becomes one `\n` and a run with an empty line two, so that sentences can still end at paragraphs.
pub fn fold(text: &str) -> Folded {
    let mut out = Folded { original_len: u32::try_from(text.len()).unwrap_or(u32::MAX), ..Folded::default() };
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if c.is_whitespace() {
            let mut breaks = usize::from(c == '\n');
            while let Some((_, next)) = chars.next_if(|(_, next)| next.is_whitespace()) {
                breaks += usize::from(next == '\n');
            }
            out.push(at, if breaks == 0 { " " } else { "\n\n".get(..breaks.min(2)).unwrap_or("\n") });
        } else {
            out.push_folded(at, c);
        }
    }
    out
}

/// Folded text on one line, for comparing two texts: white space runs become one space, ends trimmed.
pub fn squeeze(text: &str) -> String {
    fold(text).text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Folded {
    fn push(&mut self, at: u32, piece: &str) {
        self.text.push_str(piece);
        self.map.resize(self.text.len(), at);
    }

    fn push_folded(&mut self, at: u32, c: char) {
        if c.is_ascii() {
            self.text.push(c.to_ascii_lowercase());
            self.map.resize(self.text.len(), at);
            return;
        }
        match c {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{00b4}' => self.push(at, "'"),
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{00ab}' | '\u{00bb}' => self.push(at, "\""),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => self.push(at, "-"),
            // Zero-width and bidi controls, variation selectors: they carry no words.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' => {}
            '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{00ad}' | '\u{fe00}'..='\u{fe0f}' => {}
            'ß' | 'ẞ' => self.push(at, "ss"),
            'æ' | 'Æ' => self.push(at, "ae"),
            'œ' | 'Œ' => self.push(at, "oe"),
            'ø' | 'Ø' => self.push(at, "o"),
            'ł' | 'Ł' => self.push(at, "l"),
            'đ' | 'Đ' | 'ð' | 'Ð' => self.push(at, "d"),
            'ı' => self.push(at, "i"),
            'þ' | 'Þ' => self.push(at, "th"),
            '\u{ac00}'..='\u{d7a3}' => self.push(at, c.encode_utf8(&mut [0; 4])),
            _ => {
                for d in std::iter::once(c).nfkd() {
                    self.push_plain(d);
                }
                self.map.resize(self.text.len(), at);
            }
        }
    }

    /// A character out of a decomposition: marks are dropped, but a kana gets its voice mark back.
    fn push_plain(&mut self, c: char) {
        if matches!(c, VOICED | HALF_VOICED) {
            if let Some(voiced) = self.text.chars().next_back().and_then(|kana| compose(kana, c)) {
                self.text.pop();
                self.text.push(voiced);
            }
        } else if c.is_whitespace() {
            self.text.push(' ');
        } else if !is_combining_mark(c) {
            self.text.extend(c.to_lowercase());
        }
    }
}

/// The marks that make `ga` of `ka` and `pa` of `ha`.
const VOICED: char = '\u{3099}';
const HALF_VOICED: char = '\u{309a}';

/// Folds what is not ASCII in a pattern, so that rule writers may spell words as they are written. Punctuation that
/// folds to ASCII is escaped: it must not become a sign of the pattern language.
pub fn fold_pattern(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
        let (ascii, tail) = rest.split_at(at);
        out.push_str(ascii);
        let end = tail.find(|c: char| c.is_ascii()).unwrap_or(tail.len());
        let (foreign, after) = tail.split_at(end);
        for c in fold(foreign).text.chars() {
            if c.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(c);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_quotes_marks_and_spaces() {
        assert_eq!(fold("Don\u{2019}t  WAIT \u{2014} Säo").text, "don't wait - sao");
        assert_eq!(fold("a \n\n\n b\nc").text, "a\n\nb\nc");
    }

    #[test]
    fn letters_fold_predictably() {
        assert_eq!(
            fold("Größe ÄÖÜ façade Niño Œuvre Łódź Søren").text,
            "grosse aou facade nino oeuvre lodz soren"
        );
        assert_eq!(fold("ＳＳＯ１２３！？").text, "sso123!?");
        assert_eq!(fold("ｶﾞｲﾄﾞ で ぱ ヴ").text, "ガイド で ぱ ヴ");
        assert_eq!(fold("확인").text, "확인");
        assert_eq!(fold("Ёлка").text, "елка");
    }

    #[test]
    fn patterns_fold_without_new_signs() {
        assert_eq!(fold_pattern("erfüllt(?:ｅ)?（?"), "erfullt(?:e)?\\(?");
        assert_eq!(fold_pattern(r"\bmet\b"), r"\bmet\b");
        assert_eq!(fold_pattern("確認しました。"), "確認しました。");
    }

    #[test]
    fn maps_back_to_the_typed_bytes() {
        let original = "Wir sind  zufriedén — ja";
        let folded = fold(original);
        let at = folded.text.find("zufrieden").unwrap();
        assert_eq!(&original[folded.original(at..at + 9)], "zufriedén");
    }

    proptest! {
        #[test]
        fn every_folded_span_lies_in_the_original(text in "\\PC{0,60}") {
            let folded = fold(&text);
            let all = folded.original(0..folded.text.len());
            prop_assert!(all.end <= text.len());
            prop_assert!(text.get(all).is_some());
        }
    }
}
