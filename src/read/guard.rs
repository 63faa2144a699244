//! Doubts about our own cut, and about text that reads otherwise than it looks.
//!
//! A rule sees code points, a person sees shapes. Where the two part – look-alike letters of another script,
//! strokes laid over letters, controls that turn the order – the reading is never sure.

use std::sync::LazyLock;

use regex::Regex;

use super::assemble;
use super::lines;
use super::original::{self, Originals};
use super::pasted;
use super::split;
use crate::model::{Reading, Reason, SegmentKind};
use crate::text::fixed;

/// Adds the doubts about a reading of one part.
pub(super) fn guard(reading: &mut Reading, originals: &Originals) {
    if original::is_inverted(&reading.fresh, originals) {
        doubt(reading, "inversion", "The text that seems typed is a piece of the original.");
    }
    let again =
        assemble::assemble(&reading.fresh, &lines::plain_lines(&reading.fresh), &Originals::default());
    if !again.segments.iter().all(|s| is_own(s.kind)) {
        doubt(reading, "attribution_left", "Something in the typed text looks like the head of a quote.");
    }
    let unsure = reading.segments.iter().any(|s| s.kind == SegmentKind::Unsure);
    let unmarked = reading.segments.iter().any(|s| s.evidence == split::UNMARKED);
    if reading.fresh.is_empty() && unsure && !reading.unsure.trim().is_empty()
        || unmarked && !reading.fresh.is_empty()
    {
        doubt(reading, "unsure_cut", "What was typed could not be told from what was quoted.");
    }
    if pasted::is_chat(&reading.fresh) {
        doubt(reading, "pasted_chat", "Lines of a chat stand in the text: whose words they are is not sure.");
    }
    if pasted::has_footnote(&reading.fresh) {
        doubt(reading, "footnote", "A mark in the text points to a note that may change it.");
    }
    for (code, text) in disguises(reading) {
        doubt(reading, code, text);
    }
    reading.sure = reading.doubts.is_empty();
}

fn doubt(reading: &mut Reading, code: &str, text: &str) {
    if !reading.doubts.iter().any(|d| d.code == code) {
        reading.doubts.push(Reason::new(code, text));
    }
}

/// What may turn up when fresh text is read a second time; anything else means that the first cut missed it.
fn is_own(kind: SegmentKind) -> bool {
    use SegmentKind::{Disclaimer, Divider, Fresh, Signature, Tagline};
    matches!(kind, Fresh | Signature | Tagline | Disclaimer | Divider)
}

/// How the texts that affirm or veto may look other than they read.
fn disguises(reading: &Reading) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for text in [&reading.fresh, &reading.unsure, &reading.signature] {
        if text.is_ascii() {
            continue;
        }
        if turns(text) {
            found.push(("bidi_override", "Control characters change the order of the text."));
        }
        if text.contains(is_stroke) {
            found.push(("struck_text", "Letters are struck through with combining strokes."));
        }
        if is_mixed(text) {
            found.push(("mixed_script", "Letters of another script stand for Latin ones."));
        }
        if text.contains(is_invisible) {
            found.push(("invisible_characters", "The text holds characters that nobody sees."));
        }
    }
    found
}

/// Whether the text is shown in another order than it stands in (UAX #9). Marks and embeddings that go from right to
/// left are at home in Hebrew and Arabic text only; overrides are at home nowhere.
fn turns(text: &str) -> bool {
    static RIGHT_TO_LEFT: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"[\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}]"));
    let overrides = ['\u{202d}', '\u{202e}'];
    let leftward = ['\u{200f}', '\u{061c}', '\u{202b}', '\u{2067}'];
    text.contains(overrides) || text.contains(leftward) && !RIGHT_TO_LEFT.is_match(text)
}

/// Combining strokes and slashes: folding takes them off, the reader sees a word struck out.
fn is_stroke(c: char) -> bool {
    matches!(c, '\u{0335}'..='\u{0338}' | '\u{20d2}' | '\u{20d3}' | '\u{20e5}' | '\u{20e6}' | '\u{20eb}')
}

/// Fillers, tags and the like that folding does not know; they could part a word in two.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}' | '\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Look-alike letters: another script inside a Latin word, whole words of look-alikes in Latin text, and the
/// phonetic and boxed letters with which words are drawn (UTS #39 §4).
fn is_mixed(text: &str) -> bool {
    // Units and formulas (µs, kΩ, Δt, πr²) mix Greek letters in; none of these looks like a Latin one.
    static MIXED: LazyLock<Regex> = LazyLock::new(|| {
        let other = r"[\p{Cyrillic}\p{Armenian}\p{Cherokee}\p{Coptic}\p{Lisu}\p{Deseret}\p{Osage}\p{Greek}&&[^ΩΔΣΠΘΛΦΨμσπλθδφψωβγε]]";
        fixed(&format!(r"\p{{Latin}}\p{{M}}*{other}|{other}\p{{M}}*\p{{Latin}}"))
    });
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"[АВЕЅІЈКМНОРСТУХаеорсухѕіјһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧονικρυ]+"));
    let drawn = |c: char| {
        matches!(c, '\u{0250}'..='\u{02af}' | '\u{1d00}'..='\u{1d7f}' | '\u{a730}' | '\u{a731}'
            | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}')
            && !matches!(c, '🅰' | '🅱' | '🅾' | '🅿')
    };
    if MIXED.is_match(text) || text.contains(drawn) {
        return true;
    }
    let latin = text.chars().filter(char::is_ascii_alphabetic).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let whole_word = |m: regex::Match<'_>| {
        let before = text.get(..m.start()).and_then(|t| t.chars().next_back());
        let after = text.get(m.end()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
    };
    latin * 2 > letters && WORD.find_iter(text).any(whole_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        let reading = Reading { fresh: text.into(), ..Reading::default() };
        disguises(&reading).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn disguised_words_are_found() {
        for (text, code) in [
            ("We do n\u{043e}t confirm.", "mixed_script"),
            ("We confirm, \u{0412}\u{0415}\u{0421}\u{0410}U\u{0405}E it works.", "mixed_script"),
            ("\u{0406} confirm.", "mixed_script"),
            ("We \u{1d05}\u{1d0f} \u{0274}\u{1d0f}\u{1d1b} confirm.", "mixed_script"),
            ("N\u{039f} problem.", "mixed_script"),
            ("We \u{202e}ton\u{202c} confirm.", "bidi_override"),
            ("not \u{200f}confirmed", "bidi_override"),
            ("W\u{0336}e\u{0336} confirm.", "struck_text"),
            ("We con\u{3164}firm.", "invisible_characters"),
        ] {
            assert_eq!(codes(text), [code], "{text}");
        }
    }

    #[test]
    fn honest_text_is_left_alone() {
        for text in [
            "Latency is 40 μs at 5 kΩ, Δt = 3 ms — fine for us.",
            "Подтверждаем: SSO работает, API v2 тоже.",
            "Επιβεβαιώνουμε ότι το SSO δουλεύει.",
            "אנחנו מאשרים \u{200f}SSO\u{200f} עובד",
            "Übereinstimmung, naïve café, Đặng Thị, İstanbul, Łódź",
            "Call me: \u{202a}+1 555 0100\u{202c} \u{1f44d}\u{1f3fb} 👨\u{200d}👩\u{200d}👧 ✅",
            "Yes, Андрей and I confirm.",
            "確認しました。SSO は OK です。",
        ] {
            assert!(codes(text).is_empty(), "{text} {:?}", codes(text));
        }
    }
}
