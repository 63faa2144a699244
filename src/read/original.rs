//! The known originals: lines that align with one are quoted whatever their marks, and a quoted line that does
//! not align, inside a quote that clearly is the original, was typed into it.
//!
//! Words are compared, never lines or bytes: mail programs wrap, indent and bullet what they quote anew.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::attribution;
use super::closing;
use super::header;
use super::lines::Line;
use super::split::{Class, is_fresh};
use crate::model::SegmentKind;
use crate::text::{fixed, fold, squeeze};

/// Words of an original that are looked at: longer mails than this are threads.
const WORDS_MAX: usize = 40_000;
/// A paragraph is the original's when at least this share of its words stands there in the same order.
const ALIGNED_PERCENT: usize = 90;
/// Shorter paragraphs prove nothing: people repeat short phrases of a question in their answer.
const PARAGRAPH_WORDS_MIN: usize = 7;
/// A quote is taken for the original when at least this share of its words stands there.
const SAME_PERCENT: usize = 70;
/// A quote of fewer words is too short to tell an edit from another mail.
const SAME_WORDS_MIN: usize = 8;
/// In a short quote so many words of a line must be the original's before the others count as typed into it.
const EDITED_WORDS_MIN: usize = 3;
/// So many words in the original's order, left in fresh text, are a quote that escaped us.
const INVERSION_WORDS: usize = 14;

/// The originals, indexed by word sequences.
#[derive(Debug, Default)]
pub(super) struct Originals {
    words: HashSet<u64>,
    pairs: HashSet<(u64, u64)>,
    fours: HashSet<[u64; 4]>,
    lines: HashSet<String>,
    sequences: HashSet<Vec<u64>>,
}

impl Originals {
    /// Indexes the texts of the mails that a body may quote.
    pub fn new(texts: &[&str]) -> Self {
        let mut out = Self::default();
        for text in texts {
            let words: Vec<u64> = words(text).into_iter().take(WORDS_MAX).collect();
            out.words.extend(&words);
            for pair in words.windows(2) {
                if let [a, b] = pair {
                    out.pairs.insert((*a, *b));
                }
            }
            for four in words.windows(4) {
                if let [a, b, c, d] = four {
                    out.fours.insert([*a, *b, *c, *d]);
                }
            }
            for line in text.lines().take(WORDS_MAX) {
                let (_, body) = super::lines::quote_marks(line);
                out.lines.insert(squeeze(body));
                out.sequences.insert(self::words(body));
            }
        }
        out
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Which words stand in the original in a run of four.
    fn aligned(&self, words: &[u64]) -> Vec<bool> {
        let mut out = vec![false; words.len()];
        for (i, four) in words.windows(4).enumerate() {
            if let [a, b, c, d] = four
                && self.fours.contains(&[*a, *b, *c, *d])
            {
                out.iter_mut().skip(i).take(4).for_each(|hit| *hit = true);
            }
        }
        out
    }

    /// Which words stand in the original next to their neighbour.
    fn neighboured(&self, words: &[u64]) -> Vec<bool> {
        let mut out = vec![false; words.len()];
        for (i, pair) in words.windows(2).enumerate() {
            if let [a, b] = pair
                && self.pairs.contains(&(*a, *b))
            {
                out.iter_mut().skip(i).take(2).for_each(|hit| *hit = true);
            }
        }
        out
    }
}

/// Corrects the classes by the originals.
pub(super) fn align(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    if originals.is_empty() {
        return;
    }
    let typed = classes.iter().zip(lines).any(|(c, l)| is_fresh(c.kind) && !l.is_blank());
    stragglers(lines, classes, originals);
    quoted_without_marks(lines, classes, originals);
    if typed && !classes.iter().zip(lines).any(|(c, l)| is_fresh(c.kind) && !l.is_blank()) {
        // The whole mail repeats an earlier one: pasted, or said again. We cannot tell which.
        for class in classes.iter_mut().filter(|c| c.evidence.starts_with("original.")) {
            *class = Class::new(SegmentKind::Unsure, "original.only");
        }
    }
    unknown_quotes(lines, classes, originals);
    edited_quotes(lines, classes, originals);
    unclaimed_quotes(lines, classes, originals);
}

/// Whether fresh text still holds a long piece of an original.
pub(super) fn is_inverted(fresh: &str, originals: &Originals) -> bool {
    let mut run = 0;
    originals.aligned(&words(fresh)).into_iter().any(|hit| {
        run = if hit { run + 1 } else { 0 };
        run >= INVERSION_WORDS
    })
}

fn is_typed(kind: SegmentKind) -> bool {
    matches!(kind, SegmentKind::Fresh | SegmentKind::FreshInline | SegmentKind::Unsure)
}

/// Text without marks below an attribution of which no original holds anything: the author may have cited somebody
/// and gone on, so it may veto.
fn unknown_quotes(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    let below = |c: &Class| c.kind == SegmentKind::Quoted && c.evidence == "attribution.below";
    let all: Vec<u64> =
        lines.iter().zip(&*classes).filter(|(_, c)| below(c)).flat_map(|(l, _)| words(l.body)).collect();
    if originals.aligned(&all).contains(&true) {
        return;
    }
    for class in classes.iter_mut().filter(|c| below(c)) {
        *class = Class::new(SegmentKind::Unsure, "quote.unknown");
    }
}

/// A short unmarked line inside a marked quote: what the original goes on with was wrapped out of it, and what
/// parts two words that are neighbours there was typed in between.
fn stragglers(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    for k in 1..classes.len() {
        if classes.get(k).is_none_or(|c| c.evidence != "quote.straggler") {
            continue;
        }
        let at = |n: usize| lines.get(n).map(|l| words(l.body)).unwrap_or_default();
        let (above, own, below) = (at(k - 1), at(k), at(k + 1));
        let (Some(last), Some(first), Some(next)) = (above.last(), own.first(), below.first()) else {
            continue;
        };
        let wrapped = originals.pairs.contains(&(*last, *first));
        let parted = originals.pairs.contains(&(*last, *next));
        let own_is_known = own.windows(2).all(|pair| match pair {
            [a, b] => originals.pairs.contains(&(*a, *b)),
            _ => true,
        });
        let class = match (wrapped && own_is_known, parted) {
            (true, false) => Class::new(SegmentKind::Quoted, "quote.wrapped"),
            (false, true) if !wrapped => Class::new(SegmentKind::FreshInline, "typed.parted"),
            _ => continue,
        };
        if let Some(kept) = classes.get_mut(k) {
            *kept = class;
        }
    }
}

fn quoted_without_marks(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    let mut i = 0;
    while i < lines.len() {
        let typed = |k: usize| {
            lines.get(k).is_some_and(|l| !l.is_blank()) && classes.get(k).is_some_and(|c| is_typed(c.kind))
        };
        let end = (i..lines.len()).find(|k| !typed(*k)).unwrap_or(lines.len());
        if end == i {
            i += 1;
            continue;
        }
        let paragraph: Vec<u64> = lines.iter().take(end).skip(i).flat_map(|l| words(l.body)).collect();
        let hits = originals.aligned(&paragraph).into_iter().filter(|h| *h).count();
        let whole = paragraph.len() >= PARAGRAPH_WORDS_MIN && hits * 100 >= paragraph.len() * ALIGNED_PERCENT;
        if whole {
            for class in classes.iter_mut().take(end).skip(i) {
                *class = Class::new(SegmentKind::Quoted, "original.paragraph");
            }
        } else {
            for k in original_lines(lines, i..end, originals) {
                if let Some(class) = classes.get_mut(k) {
                    *class = Class::new(SegmentKind::Quoted, "original.line");
                }
            }
        }
        i = end;
    }
    beside_quoted(lines, classes, originals);
}

/// The lines of a typed paragraph that are the original's. Wrapped prose may happen to break where the original
/// does: nothing is cut out of the middle of a sentence.
fn original_lines(lines: &[Line<'_>], paragraph: Range<usize>, originals: &Originals) -> Vec<usize> {
    let known = |k: &usize| lines.get(*k).is_some_and(|l| is_original_line(l, originals));
    let mut out = Vec::new();
    let mut k = paragraph.start;
    while k < paragraph.end {
        let end = (k..paragraph.end).find(|n| !known(n)).unwrap_or(paragraph.end);
        let ends = |n: usize| n == paragraph.end || lines.get(n).is_some_and(|l| is_listed(l));
        let stops = |n: usize| {
            lines.get(n).is_some_and(|l| l.folded.trim_end_matches(['*', '_', ')', '"']).ends_with(STOPS))
        };
        let head = k == paragraph.start || lines.get(k).is_some_and(is_listed) || stops(k - 1);
        let last = end.saturating_sub(1);
        // A list line may be followed by an answer, which begins like a sentence of its own.
        let tail = ends(end)
            || stops(last)
            || lines.get(last).is_some_and(is_listed)
                && lines.get(end).is_some_and(|l| !l.body.trim_start().starts_with(char::is_lowercase));
        if head && tail {
            out.extend(k..end);
        }
        k = end.max(k + 1);
    }
    out
}

/// What ends a sentence or leads to a list.
const STOPS: [char; 7] = ['.', '!', '?', ':', '。', '！', '？'];

/// Whether a line is an item of a list: by its mark, or by the result at its end.
fn is_listed(line: &Line<'_>) -> bool {
    static RESULT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?:[:|–—-]|â€”)\s*(?:not\s+)?(?:pass(?:ed)?|fail(?:ed)?|partial|open|pending|met|validated)\W{0,3}$",
        )
    });
    begins_item(line) || RESULT.is_match(&line.folded)
}

/// Whether a line begins with the mark of a list item.
pub(super) fn begins_item(line: &Line<'_>) -> bool {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^\s*(?:[-*+•·–—|]\s|\(?\d{1,2}[.)]\s|\(?[a-h][.)]\s|#\d|\[[x✓ ]?\]|[✅✔✓☑❌✗✘✖☒⚠])")
    });
    ITEM.is_match(&line.folded)
}

/// Greetings and names are too short to align by themselves; beside aligned lines they are the original's.
fn beside_quoted(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    let filled: Vec<usize> =
        (0..lines.len()).filter(|i| lines.get(*i).is_some_and(|l| !l.is_blank())).collect();
    let aligned = |classes: &[Class], i: usize| {
        classes.get(i).is_some_and(|c| c.kind == SegmentKind::Quoted && c.evidence.starts_with("original."))
    };
    let mut settle = |i: usize, beside: usize| {
        let own = classes.get(i).is_some_and(|c| is_typed(c.kind));
        let same = lines.get(i).is_some_and(|l| originals.lines.contains(&squeeze(l.body)));
        if own
            && same
            && aligned(classes, beside)
            && let Some(class) = classes.get_mut(i)
        {
            *class = Class::new(SegmentKind::Quoted, "original.beside");
        }
    };
    for pair in filled.windows(2) {
        if let [above, below] = pair {
            settle(*below, *above);
        }
    }
    for pair in filled.windows(2).rev() {
        if let [above, below] = pair {
            settle(*above, *below);
        }
    }
}

/// A line that is a whole line of the original: by letter when short, by words when longer.
fn is_original_line(line: &Line<'_>, originals: &Originals) -> bool {
    let own = words(line.body);
    own.len() >= 3 && !closing::is_sign_off(line) && originals.lines.contains(&squeeze(line.body))
        || own.len() >= 6 && originals.sequences.contains(&own)
}

fn edited_quotes(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    // A quote of a quote is another mail: each depth is weighed by itself.
    let mut depths: BTreeMap<u16, Vec<(usize, u64)>> = BTreeMap::new();
    let added = added_by_gateways(lines);
    for (i, line) in lines.iter().enumerate() {
        let quoted = classes.get(i).is_some_and(|c| c.kind == SegmentKind::Quoted);
        if quoted && !added.contains(&i) && !is_frame(lines, i) {
            depths.entry(line.depth).or_default().extend(words(line.body).into_iter().map(|w| (i, w)));
        }
    }
    for numbered in depths.into_values() {
        let words: Vec<u64> = numbered.iter().map(|(_, w)| *w).collect();
        let hits = originals.neighboured(&words);
        let same = hits.iter().filter(|h| **h).count();
        if words.len() < SAME_WORDS_MIN || same * 100 < words.len() * SAME_PERCENT {
            edited_lines(&numbered, &hits, classes);
            continue;
        }
        for line in numbered.iter().zip(&hits).collect::<Vec<_>>().chunk_by(|a, b| a.0.0 == b.0.0) {
            let lone = line.len() == 1;
            let edited =
                line.iter().any(|((_, word), hit)| !(**hit || lone && originals.words.contains(word)));
            if let Some(((i, _), _)) = line.first()
                && edited
                && let Some(class) = classes.get_mut(*i)
            {
                *class = Class::new(SegmentKind::EditedQuote, "original.edited");
            }
        }
    }
}

/// A quote cut down to few lines: a line of which half stands in the original in one piece, and the rest does not.
fn edited_lines(numbered: &[(usize, u64)], hits: &[bool], classes: &mut [Class]) {
    let paired: Vec<_> = numbered.iter().zip(hits).collect();
    for line in paired.chunk_by(|a, b| a.0.0 == b.0.0) {
        let same = line.iter().filter(|(_, hit)| **hit).count();
        let edited = same >= EDITED_WORDS_MIN && same < line.len() && same * 2 >= line.len();
        if let Some(((i, _), _)) = line.first()
            && edited
            && let Some(class) = classes.get_mut(*i)
        {
            *class = Class::new(SegmentKind::EditedQuote, "original.edited");
        }
    }
}

/// Lines behind `>` that no head announces and no original holds: anybody can type a `>` before his own words.
fn unclaimed_quotes(lines: &[Line<'_>], classes: &mut [Class], originals: &Originals) {
    let mut announced = false;
    let mut i = 0;
    while let Some(kind) = classes.get(i).map(|c| c.kind) {
        let marked = |k: usize| {
            classes.get(k).is_some_and(|c| c.kind == SegmentKind::Quoted && c.evidence == "quote.mark")
        };
        let end = (i..classes.len()).find(|k| !marked(*k)).unwrap_or(classes.len()).max(i + 1);
        match kind {
            SegmentKind::Attribution | SegmentKind::HeaderBlock | SegmentKind::Divider => announced = true,
            // Between the pieces of one quote the head still holds.
            SegmentKind::Fresh | SegmentKind::Unsure => {
                announced &= lines.get(i).is_some_and(Line::is_blank);
            }
            // Some programs write the head of the mail into the quote, too.
            SegmentKind::Quoted if marked(i) => {
                announced |= (i..end).any(|k| is_frame(lines, k));
                if !announced {
                    let unknown: Vec<usize> =
                        (i..end).filter(|k| lines.get(*k).is_some_and(|l| !is_known(l, originals))).collect();
                    for k in unknown {
                        if let Some(class) = classes.get_mut(k) {
                            *class = Class::new(SegmentKind::EditedQuote, "quote.unclaimed");
                        }
                    }
                }
            }
            _ => {}
        }
        i = end;
    }
}

/// Whether half of a line's words stand in an original.
fn is_known(line: &Line<'_>, originals: &Originals) -> bool {
    let own = words(line.body);
    match own.as_slice() {
        [] => true,
        [word] => originals.words.contains(word),
        _ => originals.neighboured(&own).into_iter().filter(|hit| *hit).count() * 2 >= own.len(),
    }
}

/// Banners and notices that gateways put into a mail on its way stand in the quote and not in the original.
fn added_by_gateways(lines: &[Line<'_>]) -> HashSet<usize> {
    let mut added = HashSet::new();
    let mut from = 0;
    for paragraph in lines.chunk_by(|a, b| a.is_blank() == b.is_blank() && a.depth == b.depth) {
        let text = paragraph.iter().map(|l| l.folded.as_str()).collect::<Vec<_>>().join(" ");
        if closing::is_banner(&text) || closing::is_disclaimer(&text) {
            added.extend(from..from + paragraph.len());
        }
        from += paragraph.len();
    }
    added
}

/// Attributions, labels and taglines inside a quote belong to the program, not to the original.
fn is_frame(lines: &[Line<'_>], i: usize) -> bool {
    lines
        .get(i)
        .is_some_and(|l| header::label(l).is_some() || header::divider(l).is_some() || closing::is_tagline(l))
        || attribution::find(lines, i).is_some()
        || (1..4)
            .any(|k| i.checked_sub(k).and_then(|j| attribution::find(lines, j)).is_some_and(|f| f.lines > k))
        || (1..5).any(|k| {
            let above = i.checked_sub(k);
            above.is_some_and(|j| lines.get(j).is_some_and(|l| header::divider(l).is_some()))
                && header::bare_block(lines, i + 1 - k) >= k
        })
}

/// Words as numbers: letters and digits of the folded text; links and addresses are left out, because
/// programs add them when they lay out text. Lone letters are left out as well: they remain where a sign went
/// through the wrong charset.
fn words(text: &str) -> Vec<u64> {
    let folded = fold(&unescaped(text)).text;
    let mut out = Vec::new();
    for token in folded.split_whitespace() {
        if token.contains('@') || token.contains("://") || token.contains("www.") || token.contains("cid:") {
            continue;
        }
        let letter = |w: &str| matches!(w, "aoe" | "") || w.len() == 1 && !w.chars().all(char::is_numeric);
        for word in token.split(|c: char| !c.is_alphanumeric()).filter(|w| !letter(w)) {
            let mut hasher = DefaultHasher::new();
            word.hash(&mut hasher);
            out.push(hasher.finish());
        }
    }
    out
}

/// Terminal programs quote the body as it travelled: quoted-printable undone where text holds it (RFC 2045 §6.7).
fn unescaped(text: &str) -> Cow<'_, str> {
    static BYTES: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?:=[89A-F][0-9A-F]){2,}"));
    if !text.contains('=') {
        return Cow::Borrowed(text);
    }
    BYTES.replace_all(text, |found: &regex::Captures<'_>| {
        let digits = found.get(0).map_or("", |m| m.as_str());
        let bytes: Vec<u8> = digits.split('=').filter_map(|d| u8::from_str_radix(d, 16).ok()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
