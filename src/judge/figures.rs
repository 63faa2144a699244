//! Figures in a reply against the declared ones: "38 %" under a declared "43 %" is no sure yes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Question;
use super::language::Language;
use super::scan::Scan;
use super::topics::content_words;
use crate::text::squeeze;

/// Units of durations: they are told of many things, so one counts only beside the criterion's own words.
const DURATIONS: &[&str] = &["h", "d", "min", "s", "k"];

/// A declared share that is at least this is a goal to reach ("90 % of the tickets"): nobody agrees on 90 % of errors.
const GOAL_PERCENT_MIN: f64 = 75.0;

/// On which side of a declared figure a measured one may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    AtMost,
    AtLeast,
    Unknown,
}

/// A number with a unit, or a decimal without one ("came in at 3.4").
#[derive(Debug)]
struct Figure<'a> {
    /// Signs and words of the language bound it.
    side: Side,
    /// What it may be: `1,500` is two numbers until the language says which.
    values: Vec<f64>,
    /// Its short name; empty for a decimal without one.
    unit: &'a str,
    start: usize,
    end: usize,
}

/// A declared figure with the words by which its criterion is known.
struct Declared<'a> {
    figure: Figure<'a>,
    words: BTreeSet<String>,
}

/// A figure of the reply that contradicts a declared one: its span in the folded text. "Under 5 %" admits every figure
/// below; without a bound the words of the criterion tell the better side ("error rate 2 %", "saved 12 %").
pub(super) fn differs(question: &Question<'_>, scan: &Scan, language: &Language) -> Option<Range<usize>> {
    let said = figures(&scan.folded.text, language, language.decimal);
    if said.is_empty() {
        return None;
    }
    let declared: Vec<Declared<'_>> =
        question.criteria.iter().flat_map(|c| declared(&squeeze(&c.text), language)).collect();
    // Figures come in order: the words of a sentence or clause are collected once.
    let mut sentence_words = (0..0, BTreeSet::new());
    let mut clause_words = (0..0, BTreeSet::new());
    let collect = |words: &mut (Range<usize>, BTreeSet<String>), span: &Range<usize>| {
        if words.0 != *span {
            *words = (span.clone(), content_words(text_of(scan, span), language));
        }
    };
    let wrong = said.into_iter().filter(|figure| !is_emphasis(figure)).find(|figure| {
        let at = scan.sentences.partition_point(|s| s.span.end <= figure.start);
        let Some(sentence) = scan.sentences.get(at).filter(|s| s.span.contains(&figure.start)) else {
            return false;
        };
        // "Recall 88 %, false alarms 0.7 %": each clause speaks of its own criterion.
        let at = sentence.clauses.partition_point(|clause| clause.end <= figure.start);
        if let Some(clause) = sentence.clauses.get(at).filter(|clause| clause.contains(&figure.start)) {
            collect(&mut clause_words, clause);
            if declared.iter().any(|d| !d.words.is_disjoint(&clause_words.1)) {
                return is_wrong(figure, &clause_words.1, &declared);
            }
        }
        collect(&mut sentence_words, &sentence.span);
        is_wrong(figure, &sentence_words.1, &declared)
    });
    wrong.map(|figure| figure.start..figure.end)
}

fn text_of<'a>(scan: &'a Scan, span: &Range<usize>) -> &'a str {
    scan.folded.text.get(span.clone()).unwrap_or_default()
}

fn declared<'a>(text: &str, language: &'a Language) -> Vec<Declared<'a>> {
    let words = content_words(text, language);
    // The declaration may be in another language, with the other sign before the decimals.
    let mut found = figures(text, language, None);
    for figure in found.iter_mut().filter(|f| f.side == Side::Unknown) {
        let side = if figure.unit.is_empty() {
            // "Predict churn, AUC 0.8": it measures what stands right before it.
            let measure = text.get(..figure.start).unwrap_or_default().trim_end();
            let measure = measure.rsplit(' ').next().unwrap_or_default();
            better_side(measure, measure.len(), language)
        } else {
            better_side(text, figure.start, language)
        };
        figure.side = match side {
            Side::Unknown => usual_side(figure),
            known => known,
        };
    }
    found.into_iter().map(|figure| Declared { figure, words: words.clone() }).collect()
}

/// "Uptime": more is better. "Errors": less is. "Errors reduced by 20 %": more is better again, "reduced to 2 %": less.
fn better_side(text: &str, figure: usize, language: &Language) -> Side {
    let says = |words: &BTreeSet<String>| {
        if language.words {
            text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(word))
        } else {
            words.iter().any(|word| text.contains(word.as_str()))
        }
    };
    let before = text.get(..figure).unwrap_or_default().trim_end();
    if says(&language.reduces) {
        let word = before.rsplit(' ').next().unwrap_or_default();
        return if language.down_to.contains(word) { Side::AtMost } else { Side::AtLeast };
    }
    match (says(&language.more_is_better), says(&language.less_is_better)) {
        (true, false) => Side::AtLeast,
        (false, true) => Side::AtMost,
        _ => Side::Unknown,
    }
}

/// On which side a figure of this kind is better where no word tells: a high share is a goal, milliseconds are waited for.
fn usual_side(figure: &Figure<'_>) -> Side {
    match figure.unit {
        "%" if figure.values.iter().all(|value| *value >= GOAL_PERCENT_MIN) => Side::AtLeast,
        "ms" => Side::AtMost,
        _ => Side::Unknown,
    }
}

/// Whether it fits none of the declared figures that it may be about.
fn is_wrong(figure: &Figure<'_>, words: &BTreeSet<String>, declared: &[Declared<'_>]) -> bool {
    if figure.unit.is_empty() {
        // Of the one criterion that the words name, in its unit.
        let mut named = declared.iter().filter(|d| !d.words.is_disjoint(words));
        return match (named.next(), named.next()) {
            (Some(d), None) => d.figure.side != Side::Unknown && contradicts(figure, &d.figure),
            _ => false,
        };
    }
    let same: Vec<&Declared<'_>> = declared.iter().filter(|d| d.figure.unit == figure.unit).collect();
    // Whoever names a declared figure speaks of it: "reduced by 20 % (measured: 26 %)" declares two.
    if same.iter().any(|d| equal(&d.figure, figure)) {
        return false;
    }
    let mut named = same.iter().filter(|d| !d.words.is_disjoint(words)).peekable();
    if named.peek().is_some() {
        return named.all(|d| contradicts(figure, &d.figure));
    }
    !same.is_empty()
        && !DURATIONS.contains(&figure.unit)
        && same.iter().all(|d| contradicts(figure, &d.figure))
}

fn contradicts(figure: &Figure<'_>, declared: &Figure<'_>) -> bool {
    let all = |wrong: fn(f64, f64) -> bool| {
        figure.values.iter().all(|said| declared.values.iter().all(|own| wrong(*said, *own)))
    };
    match declared.side {
        Side::AtMost => all(|said, own| said > own),
        Side::AtLeast => all(|said, own| said < own),
        // Most things are waited for; of thousands nobody knows.
        Side::Unknown if figure.unit == "k" => false,
        Side::Unknown if DURATIONS.contains(&figure.unit) => all(|said, own| said > own),
        Side::Unknown => true,
    }
}

/// "100 % yes" counts nothing.
fn is_emphasis(figure: &Figure<'_>) -> bool {
    figure.unit == "%" && figure.values.iter().any(|value| (value - 100.0).abs() < 1e-9)
}

fn equal(a: &Figure<'_>, b: &Figure<'_>) -> bool {
    a.values.iter().any(|a| b.values.iter().any(|b| (a - b).abs() < 1e-9))
}

fn figures<'a>(text: &str, language: &'a Language, decimal: Option<char>) -> Vec<Figure<'a>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes.iter().skip(at).position(u8::is_ascii_digit).map(|next| at + next) {
        let number = bytes.iter().skip(start).take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
        let number = text.get(start..start + number.count()).unwrap_or_default();
        let number = number.trim_end_matches(['.', ',']);
        let end = start + number.len();
        at = end.max(start + 1);
        let before = text.get(..start).unwrap_or_default();
        if before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ',')) {
            continue;
        }
        let after = text.get(end..).unwrap_or_default();
        let Some((unit, len)) = unit(after, language).or(is_decimal(number).then_some(("", 0))) else {
            continue;
        };
        let behind = after.get(len..).unwrap_or_default();
        found.push(Figure {
            side: bound(before, behind, language),
            values: values(number, decimal),
            unit,
            start,
            end: end + len,
        });
    }
    found
}

/// "3.4", but neither "2,400" nor a date.
fn is_decimal(number: &str) -> bool {
    let mut parts = number.split(['.', ',']).skip(1);
    matches!((parts.next(), parts.next()), (Some(decimals), None) if matches!(decimals.len(), 1 | 2))
}

/// The unit that follows a number, with its length and that of the space before it.
fn unit<'a>(after: &str, language: &'a Language) -> Option<(&'a str, usize)> {
    let rest = after.strip_prefix([' ', '\n']).unwrap_or(after);
    let space = after.len() - rest.len();
    let fits = |word: &&String| {
        let tail = rest.strip_prefix(word.as_str());
        tail.is_some_and(|tail| !language.words || !tail.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    let word = language.units.keys().filter(fits).max_by_key(|word| word.len())?;
    Some((language.units.get(word)?.as_str(), space + word.len()))
}

/// "under 5 s", "< 5 s", "5 s or less".
fn bound(before: &str, behind: &str, language: &Language) -> Side {
    let (before, behind) = (before.trim_end(), behind.trim_start());
    let whole = |rest: &str, edge: Option<char>| {
        !language.words || rest.is_empty() || edge.is_some_and(|c| !c.is_alphanumeric())
    };
    let beside = |word: &&String| {
        before.strip_suffix(word.as_str()).is_some_and(|rest| whole(rest, rest.chars().next_back()))
            || behind.strip_prefix(word.as_str()).is_some_and(|rest| whole(rest, rest.chars().next()))
    };
    let longest = |words: &[String]| words.iter().filter(beside).map(String::len).max();
    let sign = before.trim_end_matches('=');
    // "Less than" bounds from above, and "not less than" from below.
    let (most, least) = (longest(&language.at_most), longest(&language.at_least));
    if sign.ends_with(['<', '\u{2264}']) || most > least {
        Side::AtMost
    } else if sign.ends_with(['>', '\u{2265}']) || least > most {
        Side::AtLeast
    } else {
        Side::Unknown
    }
}

/// The numbers that the digits may spell. One sign is the decimal one; with three digits behind it, it may be that of
/// the thousands too.
fn values(number: &str, decimal: Option<char>) -> Vec<f64> {
    let read = |sign: char| {
        let plain: String = number.chars().filter(|c| c.is_ascii_digit() || *c == sign).collect();
        plain.replace(sign, ".").parse::<f64>().ok()
    };
    let thousands = |sign: char| {
        let groups: Vec<&str> = number.split(sign).skip(1).collect();
        !groups.is_empty()
            && groups.iter().all(|group| group.chars().filter(char::is_ascii_digit).count() == 3)
    };
    match decimal {
        // "43.5 %" in a German mail: without three digits behind it the other sign is no thousands' sign.
        Some(',') if number.contains('.') && !thousands('.') => read('.').into_iter().collect(),
        Some('.') if number.contains(',') && !thousands(',') => read(',').into_iter().collect(),
        Some(sign) => read(sign).into_iter().collect(),
        // "0.8" has no thousands: only what can be read both ways is.
        None => [('.', ','), (',', '.')]
            .into_iter()
            .filter(|(_, other)| !number.contains(*other) || thousands(*other))
            .filter_map(|(decimal, _)| read(decimal))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_language() {
        assert_eq!(values("1,5", Some(',')), [1.5]);
        assert_eq!(values("1.500", Some(',')), [1500.0]);
        assert_eq!(values("1.5", Some(',')), [1.5]);
        assert_eq!(values("1,500", Some('.')), [1500.0]);
        assert!(values("1,500", None).contains(&1.5) && values("1,500", None).contains(&1500.0));
        assert_eq!(values("0.8", None), [0.8]);
    }

    #[test]
    fn the_words_of_a_criterion_tell_the_better_side() {
        let set = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let language = Language {
            reduces: set(&["reduced", "saved"]),
            down_to: set(&["to"]),
            more_is_better: set(&["uptime", "detection"]),
            less_is_better: set(&["errors", "defects"]),
            ..Language::default()
        };
        let side = |text: &str| better_side(text, text.find(char::is_numeric).unwrap(), &language);
        assert_eq!(side("uptime 99 %"), Side::AtLeast);
        assert_eq!(side("errors 2 %"), Side::AtMost);
        assert_eq!(side("errors reduced by 20 %"), Side::AtLeast);
        assert_eq!(side("errors reduced to 2 %"), Side::AtMost);
        assert_eq!(side("detection of defects 98 %"), Side::Unknown);
        assert_eq!(side("lanes 98 %"), Side::Unknown);
    }

    #[test]
    fn figures_have_units_and_bounds() {
        let mut language = Language { at_most: vec!["under".into()], ..Language::default() };
        language.units.insert("%".into(), "%".into());
        language.units.insert("s".into(), "s".into());
        language.units.insert("seconds".into(), "s".into());
        let found = figures("under 30 seconds, 43% and 5 spins, 12.", &language, Some('.'));
        let short: Vec<_> = found.iter().map(|f| (f.unit, f.values.clone(), f.side)).collect();
        assert_eq!(short, [("s", vec![30.0], Side::AtMost), ("%", vec![43.0], Side::Unknown)]);
    }

    #[test]
    fn the_longest_bound_counts_and_a_bare_decimal_is_a_figure() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
        let mut language = Language {
            at_most: words(&["less than", "no more than"]),
            at_least: words(&["more than", "not less than"]),
            ..Language::default()
        };
        language.units.insert("%".into(), "%".into());
        let side = |text: &str| figures(text, &language, Some('.')).first().map(|f| f.side);
        assert_eq!(side("less than 3 %"), Some(Side::AtMost));
        assert_eq!(side("not less than 3 %"), Some(Side::AtLeast));
        assert_eq!(side("no more than 3 %"), Some(Side::AtMost));
        let units: Vec<_> =
            figures("3.4, 2,400 and 3.11.2026", &language, Some('.')).iter().map(|f| f.end).collect();
        assert_eq!(units, [3]);
    }
}
