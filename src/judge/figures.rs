//! Figures in a reply against the declared ones: "38 %" under a declared "43 %" is no sure yes.

use super::Question;
use super::language::Language;
use super::scan::Scan;
use crate::text::squeeze;

/// A number with a unit. Signs and words of the language bound it.
#[derive(Debug)]
struct Figure<'a> {
    bounded: bool,
    /// What it may be: `1,500` is two numbers until the language says which.
    values: Vec<f64>,
    unit: &'a str,
    start: usize,
    end: usize,
}

/// A figure of the reply that contradicts a declared one: its span in the folded text.
pub(super) fn differs(
    question: &Question<'_>,
    scan: &Scan,
    language: &Language,
) -> Option<std::ops::Range<usize>> {
    let said = figures(&scan.folded.text, language, language.decimal);
    if said.is_empty() {
        return None;
    }
    let texts: Vec<String> = question.criteria.iter().map(|c| squeeze(&c.text)).collect();
    // The declaration may be in another language, with the other sign before the decimals.
    let all: Vec<Figure<'_>> = texts.iter().flat_map(|text| figures(text, language, None)).collect();
    for declared in &all {
        // A bound holds for every figure on its side, and durations are told of many things.
        let loose = declared.bounded || matches!(declared.unit, "h" | "d" | "min" | "s" | "k");
        let mut same = said.iter().filter(|figure| figure.unit == declared.unit && !is_emphasis(figure));
        // Whoever names a declared figure speaks of it: "reduced by 20 % (measured: 26 %)" declares two.
        let known = |figure: &Figure<'_>| all.iter().any(|own| own.unit == figure.unit && equal(own, figure));
        let mut rest = same.clone().peekable();
        if loose || rest.peek().is_none() || same.any(known) {
            continue;
        }
        return rest.next().map(|figure| figure.start..figure.end);
    }
    None
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
        let Some((unit, len)) = unit(after, language) else { continue };
        let behind = after.get(len..).unwrap_or_default();
        found.push(Figure {
            bounded: is_bounded(before, behind, language),
            values: values(number, decimal),
            unit,
            start,
            end: end + len,
        });
    }
    found
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
fn is_bounded(before: &str, behind: &str, language: &Language) -> bool {
    let before = before.trim_end();
    let behind = behind.trim_start();
    let mut words = language.at_most.iter().chain(&language.at_least);
    before.ends_with(['<', '>', '='])
        || words.any(|word| {
            let whole = |rest: &str, edge: Option<char>| {
                !language.words || rest.is_empty() || edge.is_some_and(|c| !c.is_alphanumeric())
            };
            before.strip_suffix(word.as_str()).is_some_and(|rest| whole(rest, rest.chars().next_back()))
                || behind.strip_prefix(word.as_str()).is_some_and(|rest| whole(rest, rest.chars().next()))
        })
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
        None => read('.').into_iter().chain(read(',')).collect(),
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
    }

    #[test]
    fn figures_have_units_and_bounds() {
        let mut language = Language { at_most: vec!["under".into()], ..Language::default() };
        language.units.insert("%".into(), "%".into());
        language.units.insert("s".into(), "s".into());
        language.units.insert("seconds".into(), "s".into());
        let found = figures("under 30 seconds, 43% and 5 spins, 12.", &language, Some('.'));
        let short: Vec<_> = found.iter().map(|f| (f.unit, f.values.clone(), f.bounded)).collect();
        assert_eq!(short, [("s", vec![30.0], true), ("%", vec![43.0], false)]);
    }
}
