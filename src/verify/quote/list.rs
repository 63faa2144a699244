//! Lines in the quote that stand where the declaration's criteria stand and are not the declaration's: a criterion
//! that was replaced, added or softened leaves such a line, whatever else of the quote is equal.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{CRITERION_LINE, Found, Item, Text, is_mark};
use crate::text::fixed;

/// So many lines of the declaration on either side of its criteria show where they stand.
const ANCHOR_LINES: usize = 2;
/// So many lines with results that nobody declared are a list of their own, wherever they stand.
const LIST_LINES_MIN: usize = 2;
/// A quote of fewer words is too short to be told from another mail's.
const OTHER_WORDS_MIN: usize = 12;
/// A direct answer quotes the declaration: at least this share of the words must be the declaration's, in percent.
const OTHER_PERCENT_MIN: usize = 50;

/// The start of a list line.
static LIST_MARK: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^[\s>|]*(?:[-*+•·‣▪●◦–—o]\s+|\(?\d{1,2}\s?[.):]\s*\D|\(?[a-h][.)]\s|\[[x✓ ]?\]|[✅✔✓☑❌✗✘✖☒⚠]|â[œ˜][^\s]*\s)",
    )
});
/// What programs put into a quote: attributions, header fields, notes about what was cut.
static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"^[\s>|]*(?:[\[(<{][^\n]*[\])>}]\W*|[^\n]*@[^\n]*|[^\n]*:)$|^[\s>*|]*[A-Z][\w-]{1,12}\*?: ")
});

/// What a line of the quote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No words on it.
    Blank,
    /// A criterion, or a part of one.
    Criterion,
    /// Another line of the declaration, by its side of the criteria if it stands next to them.
    Stated(Option<Side>),
    /// Made by a program.
    Frame,
    /// Neither.
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// The declaration's texts: what it states, and all that its parts show.
pub(super) struct Known<'a> {
    pub stated: &'a Text,
    /// Further texts whose lines are the declaration's too.
    pub others: &'a [Text],
}

impl Known<'_> {
    fn holds(&self, bare: &[String]) -> bool {
        self.stated.holds(bare) || self.others.iter().any(|text| text.holds(bare))
    }
}

/// Whether the quote holds a foreign line in the place of the criteria. `direct`: the mail answers the declaration
/// itself, so that all of the quote ought to be the declaration's.
pub(super) fn is_foreign(
    known: &Known<'_>,
    items: &[Item],
    found: &[Found],
    quoted: &Text,
    direct: bool,
) -> bool {
    let kinds = kinds(known, items, found, quoted);
    let raw = |n: usize| quoted.raw.get(n).map_or("", String::as_str);
    let is_listed = |n: usize| LIST_MARK.is_match(raw(n)) || CRITERION_LINE.is_match(raw(n));
    let foreign: Vec<usize> = (0..kinds.len()).filter(|n| kinds.get(*n) == Some(&Kind::Foreign)).collect();
    let own: Vec<usize> = heads(found, quoted).collect();
    let unlisted = !own.iter().any(|n| is_listed(*n));
    let with_result = foreign.iter().filter(|n| CRITERION_LINE.is_match(raw(**n))).count();
    if with_result >= LIST_LINES_MIN || direct && is_other(known, &kinds, quoted) {
        return true;
    }
    foreign.into_iter().any(|n| {
        if is_listed(n) {
            return direct || is_in_place(&kinds, n);
        }
        is_note(&kinds, quoted, n) || unlisted && is_in_place(&kinds, n)
    })
}

/// The lines on which criteria begin.
fn heads<'a>(found: &'a [Found], quoted: &'a Text) -> impl Iterator<Item = usize> + 'a {
    found.iter().filter_map(|f| match f {
        Found::Same(at) | Found::Changed(at) => quoted.lines.get(*at).copied(),
        Found::Missing => None,
    })
}

fn kinds(known: &Known<'_>, items: &[Item], found: &[Found], quoted: &Text) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = (0..quoted.raw.len()).map(|n| kind(known, items, quoted, n)).collect();
    for (item, found) in items.iter().zip(found) {
        let (Found::Same(at) | Found::Changed(at)) = found else { continue };
        let line = |at: usize| quoted.lines.get(at).copied().unwrap_or_default();
        let last = at + (item.words.len() + item.tail.len()).saturating_sub(1);
        for kind in kinds.iter_mut().take(line(last) + 1).skip(line(*at)) {
            *kind = Kind::Criterion;
        }
    }
    kinds
}

fn kind(known: &Known<'_>, items: &[Item], quoted: &Text, number: usize) -> Kind {
    let bare = quoted.bare_line(number);
    if !bare.iter().any(|w| w.chars().any(char::is_alphabetic)) {
        return Kind::Blank;
    }
    if known.holds(bare) {
        return Kind::Stated(side(known.stated, items, bare));
    }
    let framed = quoted.raw.get(number).is_some_and(|raw| FRAME.is_match(raw) && !LIST_MARK.is_match(raw));
    if framed { Kind::Frame } else { Kind::Foreign }
}

/// On which side of the criteria a line of the declaration stands, when it stands near.
fn side(stated: &Text, items: &[Item], bare: &[String]) -> Option<Side> {
    let lines = || items.iter().filter_map(|item| item.lines.as_ref());
    let (first, last) = (lines().map(|l| *l.start()).min()?, lines().map(|l| *l.end()).max()?);
    let filled = |n: &usize| !stated.bare_line(*n).is_empty();
    let above = (0..first).rev().filter(filled).take(ANCHOR_LINES);
    let below = (last + 1..stated.raw.len()).filter(filled).take(ANCHOR_LINES);
    // The quote may be wrapped at other places than the declaration: any common run of two words will do.
    let near = |n: usize| {
        let line = stated.bare_line(n);
        let shorter = line.len().min(bare.len());
        shorter > 1
            && bare.windows(shorter.min(3)).any(|run| line.windows(run.len()).any(|other| other == run))
    };
    if above.into_iter().any(near) {
        Some(Side::Above)
    } else if below.into_iter().any(near) {
        Some(Side::Below)
    } else {
        None
    }
}

/// Whether the line stands beside a criterion, directly below what leads to the list, or directly above what
/// follows it; other foreign lines and empty ones do not separate.
fn is_in_place(kinds: &[Kind], number: usize) -> bool {
    let solid = |kind: &&Kind| !matches!(kind, Kind::Blank | Kind::Foreign);
    let above = kinds.iter().take(number).rev().find(solid);
    let below = kinds.iter().skip(number + 1).find(solid);
    matches!(above, Some(Kind::Criterion | Kind::Stated(Some(Side::Above))))
        || matches!(below, Some(Kind::Criterion | Kind::Stated(Some(Side::Below))))
}

/// Whether the line goes on with the criterion above it: set in from it, or in brackets.
fn is_note(kinds: &[Kind], quoted: &Text, number: usize) -> bool {
    let Some(above) = number.checked_sub(1) else { return false };
    let indent = |n: usize| quoted.indents.get(n).copied().unwrap_or_default();
    let bracketed = quoted.raw.get(number).is_some_and(|l| l.starts_with(['(', '[']));
    kinds.get(above) == Some(&Kind::Criterion) && (bracketed || indent(number) > indent(above))
}

/// Whether most of the quote is not the declaration's.
fn is_other(known: &Known<'_>, kinds: &[Kind], quoted: &Text) -> bool {
    let own: HashSet<&String> =
        known.stated.bare.iter().chain(known.others.iter().flat_map(|t| &t.bare)).collect();
    let words: Vec<&String> = (0..kinds.len())
        .filter(|n| kinds.get(*n) != Some(&Kind::Frame))
        .flat_map(|n| quoted.bare_line(n))
        .filter(|w| !is_mark(w))
        .collect();
    let same = words.iter().filter(|w| own.contains(**w)).count();
    words.len() >= OTHER_WORDS_MIN && same * 100 < words.len() * OTHER_PERCENT_MIN
}
