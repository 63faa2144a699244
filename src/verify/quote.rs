//! Whether the champion had the recorded criteria before her eyes. A seller could show the champion a softer
//! text than the evidence copy; the quote in the reply brings that to light (AUTHENTICITY §2.6, threat 21).
//!
//! Both texts are compared word by word, so that wrapping, quote marks and HTML do not matter. Marks such as ✅
//! and ❌ are words.

mod list;

use std::sync::LazyLock;

use regex::Regex;

use crate::model::{CriteriaSeen, DeclaredResult, Message, Reading, Reason};
use crate::read::{body_text, body_texts, quoted_texts};
use crate::text::{fixed, fold};

use super::Case;

/// Longest text that is compared, in words: a declaration has a few hundred, a long thread some thousands.
const WORDS_MAX: usize = 20_000;
/// Words after a criterion on its line that tell its result and note.
const TAIL_WORDS_MAX: usize = 8;
/// Words before a criterion on its line that may tell its result.
const HEAD_WORDS_MAX: usize = 4;
/// Words of the next line by which lines that were run together are known.
const AFTER_WORDS: usize = 3;
/// Share of a criterion's words that a changed line still holds, in percent.
const ALIKE_PERCENT_MIN: usize = 60;
/// Share of the declaration's other lines whose presence shows that nothing was trimmed, in percent.
const WHOLE_PERCENT_MIN: usize = 80;
/// So many of the declaration's lines make a quote of it even without a criterion.
const LINES_MIN: usize = 2;

/// A line that looks like a criterion with its result, in the forms of DOMAIN "The declaration".
static CRITERION_LINE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^[\s>|*•-]*(?:[✅✔✓☑❌✗✘✖☒⚠]|\[[x✓ ]\])|[:|–—-]\s*(?:not\s+|partially\s+)?(?:pass(?:ed)?|fail(?:ed)?|partial|open|pending|met|bestanden|validated)\W{0,3}$",
    )
});

/// Compares what the reply quotes with what the declaration states. Every part of either mail is a witness: what
/// one shows must not differ from what another says.
pub(super) fn seen(message: &Message, reading: &Reading, case: &Case<'_>) -> CriteriaSeen {
    let declared = &case.declared.message;
    let body = body_text(declared);
    let stated = Text::new(&body);
    let shown: Vec<String> = body_texts(declared).into_iter().filter(|text| *text != body).collect();
    let others: Vec<Text> = shown.iter().map(|text| Text::new(text)).collect();
    let items = items(&stated, case);
    let prompts = || case.prompts.iter().filter_map(|prompt| prompt.message_id.as_ref());
    let direct = declared.message_id.iter().chain(prompts()).any(|id| message.in_reply_to.contains(id));
    let recorded = Side { stated: &stated, others: &[], items: &items, direct: false };
    if others.iter().any(|text| recorded.compare(text) == CriteriaSeen::Differ) {
        return CriteriaSeen::Differ;
    }
    // What a letter of ours says around the criteria is known too: it is no foreign line in a quote.
    let ours = case.prompts.iter().flat_map(|prompt| body_texts(prompt));
    let others: Vec<Text> = others.into_iter().chain(ours.map(|text| Text::new(&text))).collect();
    let side = Side { others: &others, direct, ..recorded };
    let mut quotes = quoted_texts(message, &body);
    if quotes.iter().all(|quote| quote.trim().is_empty()) {
        quotes.push(reading.quoted.clone());
    }
    let all: Vec<CriteriaSeen> = quotes.iter().map(|quote| side.compare_decoded(quote)).collect();
    let any = |seen: CriteriaSeen| all.contains(&seen);
    if any(CriteriaSeen::Differ) {
        CriteriaSeen::Differ
    } else if any(CriteriaSeen::Quoted) {
        CriteriaSeen::Quoted
    } else {
        CriteriaSeen::Threaded
    }
}

/// The declaration's side of the comparison.
#[derive(Clone, Copy)]
struct Side<'a> {
    stated: &'a Text,
    /// What other parts of the declaration show.
    others: &'a [Text],
    items: &'a [Item],
    /// The reply answers the declaration itself and not a later mail of the thread.
    direct: bool,
}

impl Side<'_> {
    fn compare_decoded(&self, quote: &str) -> CriteriaSeen {
        let seen = self.compare(&Text::new(quote));
        // BSD mail and some scripts quote the raw bytes. What they garbled may clear a difference, never make one.
        match undecoded(quote) {
            Some(text) if seen == CriteriaSeen::Differ => self.compare(&Text::new(&text)),
            _ => seen,
        }
    }

    fn compare(&self, quoted: &Text) -> CriteriaSeen {
        let Self { stated, items, .. } = *self;
        if items.is_empty() || quoted.words.is_empty() {
            return CriteriaSeen::Threaded;
        }
        let found: Vec<Found> = items.iter().map(|item| find(item, stated, quoted)).collect();
        let comparison = Comparison { stated, quoted, items, found: &found };
        let known = list::Known { stated, others: self.others };
        if list::is_foreign(&known, items, &found, quoted, self.direct) {
            return CriteriaSeen::Differ;
        }
        if found.iter().all(|f| matches!(f, Found::Same(_))) {
            return CriteriaSeen::Quoted;
        }
        if comparison.is_of_declaration() && (comparison.has_change() || comparison.has_gap()) {
            return CriteriaSeen::Differ;
        }
        CriteriaSeen::Threaded
    }
}

/// Why a quote that differs keeps the reply from counting.
pub(super) fn differ() -> Reason {
    Reason::new("criteria_differ", "The reply quotes criteria that differ from the recorded ones.").fix(
        "Compare the quote with the declaration, and send the champion the recorded criteria to confirm.",
    )
}

/// The text decoded, if it looks like quoted-printable (RFC 2045 §6.7) that a client quoted undecoded.
fn undecoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut decoded = false;
    loop {
        let (byte, tail) = match rest {
            [b'=', b'\n', tail @ ..] | [b'=', b'\r', b'\n', tail @ ..] => {
                (rest, decoded) = (tail, true);
                continue;
            }
            [b'=', high, low, tail @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded = true;
                    (high << 4 | low, tail)
                }
                _ => (b'=', rest.get(1..).unwrap_or_default()),
            },
            [byte, tail @ ..] => (*byte, tail),
            [] => break,
        };
        out.push(byte);
        rest = tail;
    }
    decoded.then(|| String::from_utf8_lossy(&out).into_owned())
}

/// An upper-case hexadecimal digit, as encoders write them; lower case is more likely text.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A text as words, each with the number of its line.
#[derive(Default)]
struct Text {
    words: Vec<String>,
    lines: Vec<usize>,
    /// The lines without space around them, by number.
    raw: Vec<String>,
    /// How far each line is set in.
    indents: Vec<usize>,
    /// The words without what comes and goes with the layout: marks, list numbers, leftovers of a wrong charset.
    bare: Vec<String>,
    /// Where each line begins in `bare`.
    bare_starts: Vec<usize>,
}

impl Text {
    fn new(text: &str) -> Self {
        let mut out = Self::default();
        for line in text.lines() {
            if out.words.len() >= WORDS_MAX {
                break;
            }
            out.raw.push(line.trim().to_owned());
            out.indents.push(line.len() - line.trim_start().len());
            let words = words(line);
            out.bare_starts.push(out.bare.len());
            out.bare.extend(bare(&words, line));
            out.lines.resize(out.lines.len() + words.len(), out.raw.len() - 1);
            out.words.extend(words);
        }
        out
    }

    /// The words of a line by number, with the place of the first.
    fn line(&self, number: usize) -> &[String] {
        let start = self.lines.partition_point(|n| *n < number);
        let end = self.lines.partition_point(|n| *n <= number);
        self.words.get(start..end).unwrap_or_default()
    }

    /// The bare words of a line by number.
    fn bare_line(&self, number: usize) -> &[String] {
        let at = |n: usize| self.bare_starts.get(n).copied().unwrap_or(self.bare.len());
        self.bare.get(at(number)..at(number + 1)).unwrap_or_default()
    }

    /// Whether bare words stand here one after the other.
    fn holds(&self, bare: &[String]) -> bool {
        !bare.is_empty() && self.bare.windows(bare.len()).any(|run| run == bare)
    }

    /// Where `words` stand one after the other, from `from` on.
    fn position(&self, words: &[String], from: usize) -> Option<usize> {
        let first = words.first()?;
        (from..self.words.len()).find(|at| {
            self.words.get(*at) == Some(first) && self.words.get(*at..at + words.len()) == Some(words)
        })
    }
}

/// Words that do not depend on the layout.
fn bare(words: &[String], line: &str) -> Vec<String> {
    static NUMBERED: LazyLock<Regex> = LazyLock::new(|| fixed(r"^[\s>|]*\(?\d{1,2}\s?[.):]\s"));
    let lead = usize::from(NUMBERED.is_match(line));
    let leftover = |w: &str| w.strip_prefix('a').unwrap_or(w).chars().all(|c| matches!(c, 'œ' | 'ž' | '˜'));
    let letter = |w: &str| w.chars().count() == 1 && w.chars().all(|c| c.is_ascii_alphabetic());
    words.iter().skip(lead).filter(|w| !is_mark(w) && !leftover(w) && !letter(w)).cloned().collect()
}

/// Words and result marks; everything else separates. Links are no words: programs and gateways add and rewrite them.
fn words(line: &str) -> Vec<String> {
    static LINKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"<?\b(?:https?://|mailto:)[^\s<>]+>?"));
    let mut out = Vec::new();
    let mut word = String::new();
    for c in fold(&LINKS.replace_all(line, " ")).text.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '%' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        match c {
            '✅' | '✔' | '✓' | '☑' => out.push("✓".to_owned()),
            '❌' | '✗' | '✘' | '✖' | '☒' => out.push("✗".to_owned()),
            _ => {}
        }
    }
    out
}

/// A criterion as the declaration states it.
#[derive(Default)]
struct Item {
    words: Vec<String>,
    /// What stands before it on its line, for lists of the form "Passed: …".
    head: Vec<String>,
    /// Its result and note: the words after it on its line, or alone on the next.
    tail: Vec<String>,
    /// What follows then: a client may run the lines of a list together.
    after: Vec<String>,
    /// Its mark, when one stands directly before it.
    mark: Option<String>,
    /// The lines of the declaration that it stands on.
    lines: Option<std::ops::RangeInclusive<usize>>,
}

fn items(stated: &Text, case: &Case<'_>) -> Vec<Item> {
    let mut from = 0;
    let mut items = Vec::new();
    for criterion in &case.declaration.criteria {
        let words = words(&criterion.text);
        if words.is_empty() {
            continue;
        }
        let Some(at) = place(stated, &words, from) else {
            // The record does not show the criterion in these words: it must at least be quoted whole.
            items.push(Item { words, ..Item::default() });
            continue;
        };
        let end = at + words.len();
        from = end;
        let tail = tail(stated, end, criterion.result);
        let after = stated.words.get(end + tail.len()..).unwrap_or_default();
        let line = |at: usize| stated.lines.get(at).copied().unwrap_or_default();
        items.push(Item {
            head: head(stated, at),
            after: after.iter().filter(|w| is_word(w)).take(AFTER_WORDS).cloned().collect(),
            mark: mark_before(stated, at).cloned(),
            lines: Some(line(at)..=line(end - 1)),
            words,
            tail,
        });
    }
    items
}

/// Where a criterion stands in its list: at the start of a line if it does so anywhere (prose may name it too),
/// and after the one before it if it can.
fn place(stated: &Text, words: &[String], from: usize) -> Option<usize> {
    let mut places = Vec::new();
    let mut next = 0;
    while let Some(at) = stated.position(words, next) {
        places.push(at);
        next = at + 1;
    }
    let leads = |at: usize| {
        let line = stated.lines.get(at);
        let before = (0..at).rev().take_while(|b| stated.lines.get(*b) == line);
        before.filter_map(|b| stated.words.get(b)).all(|w| is_mark(w) || w.chars().count() <= 2)
    };
    places.into_iter().min_by_key(|at| (!leads(*at), *at < from, *at))
}

fn is_mark(word: &str) -> bool {
    matches!(word, "✓" | "✗")
}

/// Neither a mark nor a list number: those come and go with the layout.
fn is_word(word: &str) -> bool {
    !is_mark(word) && (word.chars().count() > 2 || word.chars().any(|c| !c.is_ascii_digit()))
}

fn mark_before(text: &Text, at: usize) -> Option<&String> {
    at.checked_sub(1).and_then(|before| text.words.get(before)).filter(|word| is_mark(word))
}

/// The last words before place `at` on its line, without list letters.
fn head(text: &Text, at: usize) -> Vec<String> {
    let start = text.lines.get(at).map_or(at, |line| text.lines.partition_point(|n| n < line));
    let mut head: Vec<String> = before(text, start..at).take(HEAD_WORDS_MAX).cloned().collect();
    head.reverse();
    head
}

/// The words of a range from its end, without list letters and marks.
fn before(text: &Text, range: std::ops::Range<usize>) -> impl Iterator<Item = &String> {
    let words = text.words.get(range).unwrap_or_default();
    words.iter().rev().filter(|w| is_word(w) && w.chars().count() > 2)
}

/// The words that follow place `end - 1` on its line; when none do although a result was read, those of a next
/// line of at most two words.
fn tail(text: &Text, end: usize, result: DeclaredResult) -> Vec<String> {
    let rest = rest_of_line(text, end);
    if !rest.is_empty() || result == DeclaredResult::Unstated {
        return rest.iter().take(TAIL_WORDS_MAX).cloned().collect();
    }
    let next = text.lines.get(end).map(|line| text.line(*line)).unwrap_or_default();
    if next.len() <= 2 { next.to_vec() } else { Vec::new() }
}

fn rest_of_line(text: &Text, end: usize) -> &[String] {
    let line = end.checked_sub(1).and_then(|last| text.lines.get(last));
    let Some(line) = line else { return &[] };
    let stop = text.lines.partition_point(|n| n <= line);
    text.words.get(end..stop).unwrap_or_default()
}

/// How a criterion stands in the quote.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// With the same result, at this place.
    Same(usize),
    /// With another result, at this place.
    Changed(usize),
    /// Not in these words.
    Missing,
}

fn find(item: &Item, stated: &Text, quoted: &Text) -> Found {
    let mut from = 0;
    let mut other = None;
    while let Some(at) = quoted.position(&item.words, from) {
        let end = at + item.words.len();
        // Wrapping may have moved the head to the line above.
        let same_head = before(quoted, 0..at).take(item.head.len()).eq(item.head.iter().rev());
        let mark = mark_before(quoted, at);
        let same_mark = mark.is_none() || item.mark.is_none() || mark == item.mark.as_ref();
        let follows = quoted.words.get(end..).unwrap_or_default();
        // A dash in a wrong charset leaves a stray word between text and result ("â€”").
        let stray =
            usize::from(!follows.starts_with(&item.tail) && follows.first().is_some_and(|w| w == "a"));
        let same_tail = follows.get(stray..).is_some_and(|f| f.starts_with(&item.tail));
        if same_head && same_mark && same_tail && ends_alike(item, quoted, end + stray + item.tail.len()) {
            return Found::Same(at);
        }
        // Without anything before or behind it, the result was cut off rather than changed; and a line of the
        // declaration's prose that names the criterion is no change either.
        let behind = result_behind(item, quoted, end);
        let cut = (same_head || head(quoted, at).is_empty()) && behind.is_empty();
        let start = quoted.lines.get(at).map_or(at, |line| quoted.lines.partition_point(|n| n < line));
        let line = quoted.words.get(start..end + behind.len()).unwrap_or_default();
        if (!same_mark || !cut) && stated.position(line, 0).is_none() {
            other = other.or(Some(at));
        }
        from = at + 1;
    }
    other.map_or(Found::Missing, Found::Changed)
}

/// What the quote has in place of the result: the rest of the line, or a next line as short as a table's cell.
fn result_behind<'a>(item: &Item, quoted: &'a Text, end: usize) -> &'a [String] {
    let rest = rest_of_line(quoted, end);
    if !rest.is_empty() || item.tail.is_empty() {
        return rest;
    }
    let next = quoted.lines.get(end).map(|line| quoted.line(*line)).unwrap_or_default();
    let goes_on = next.iter().filter(|word| is_word(word)).zip(&item.after).all(|(a, b)| a == b);
    if next.len() <= 2 && !goes_on { next } else { &[] }
}

/// Whether nothing was added to the line after the result. When a client ran lines together, the next line of the
/// declaration follows.
fn ends_alike(item: &Item, quoted: &Text, end: usize) -> bool {
    let added = rest_of_line(quoted, end).iter().filter(|word| is_word(word)).take(AFTER_WORDS);
    let added: Vec<&String> = added.collect();
    item.after.iter().take(added.len()).eq(added.iter().copied())
}

struct Comparison<'a> {
    stated: &'a Text,
    quoted: &'a Text,
    items: &'a [Item],
    found: &'a [Found],
}

impl Comparison<'_> {
    /// Whether the quote is one of this declaration at all. A short criterion can turn up in any mail.
    fn is_of_declaration(&self) -> bool {
        let known = self.items.iter().zip(self.found).any(|(item, found)| match found {
            Found::Same(_) => true,
            Found::Changed(_) => item.words.len() >= 3,
            Found::Missing => false,
        });
        known || self.other_lines().filter(|line| self.is_quoted(line)).take(LINES_MIN).count() == LINES_MIN
    }

    /// Whether a criterion has another result, or a line holds most of its words and is not the declaration's.
    fn has_change(&self) -> bool {
        let foreign: Vec<&[String]> =
            (0..self.quoted.raw.len()).map(|n| self.quoted.line(n)).filter(|l| self.is_foreign(l)).collect();
        self.items.iter().zip(self.found).any(|(item, found)| match found {
            Found::Same(_) => false,
            Found::Changed(_) => true,
            Found::Missing => {
                foreign.iter().any(|line| is_alike(&item.words, line))
                    || list::is_cut(self.stated, item, self.quoted)
            }
        })
    }

    /// Whether a criterion is missing although everything else of the declaration was quoted.
    fn has_gap(&self) -> bool {
        let others: Vec<&[String]> = self.other_lines().collect();
        let kept = others.iter().filter(|line| self.is_quoted(line)).count();
        others.len() > LINES_MIN && kept * 100 >= others.len() * WHOLE_PERCENT_MIN
    }

    /// The declaration's lines of three words and more that are no criteria.
    fn other_lines(&self) -> impl Iterator<Item = &[String]> {
        (0..self.stated.raw.len())
            .filter(|n| !self.items.iter().any(|item| item.lines.as_ref().is_some_and(|l| l.contains(n))))
            .map(|n| self.stated.line(n))
            .filter(|line| line.len() >= 3)
    }

    fn is_quoted(&self, line: &[String]) -> bool {
        self.quoted.position(line, 0).is_some()
    }

    /// Whether a quoted line has words of its own. Mojibake and list numbers are no words.
    fn is_foreign(&self, line: &[String]) -> bool {
        let plain = |w: &&String| !is_mark(w) && w.is_ascii() && w.chars().any(char::is_alphabetic);
        line.iter().filter(plain).count() >= 2 && !line.is_empty() && self.stated.position(line, 0).is_none()
    }
}

/// Whether a line holds most of a criterion's words.
fn is_alike(criterion: &[String], line: &[String]) -> bool {
    let held = criterion.iter().filter(|word| line.contains(word)).count();
    held >= 2 && held * 100 >= criterion.len() * ALIKE_PERCENT_MIN
}
