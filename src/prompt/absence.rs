//! When somebody who is away comes back, as the automatic answer names it.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use crate::text::{fixed, squeeze};

/// Longest absence that moves a date, in days: who names a later one left for good.
const DAYS_MAX: i64 = 90;

/// The day of the return that `text` names, if it names one after `sent`. Of several dates the last one counts: people
/// write "from the 2nd until the 13th".
pub fn return_day(text: &str, sent: Date) -> Option<Date> {
    let folded = squeeze(text);
    let mut found: Vec<Date> = dates(&folded, sent);
    found.retain(|day| *day > sent && (*day - sent).get_days() as i64 <= DAYS_MAX);
    found.into_iter().max()
}

/// Month names by their first letters in English, German, French, Spanish, Italian and Portuguese.
const MONTHS: &[(&str, i8)] = &[
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fev", 2),
    ("fevr", 2),
    ("mar", 3),
    ("maer", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("may", 5),
    ("mai", 5),
    ("mag", 5),
    ("jun", 6),
    ("juin", 6),
    ("giu", 6),
    ("juil", 7),
    ("jul", 7),
    ("lug", 7),
    ("aug", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("out", 10),
    ("ott", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("dic", 12),
];

fn dates(folded: &str, sent: Date) -> Vec<Date> {
    static ISO: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b(20\d\d)-(\d\d)-(\d\d)\b"));
    // Any other digit behind the second dot makes it a version number.
    static DOTTED: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(?:20)?(\d\d)\b|(\d))?"));
    static SLASHED: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b(\d{1,2})/(\d{1,2})(?:/(20\d\d))?\b"));
    static DAY_MONTH: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(\d{1,2})(?:st|nd|rd|th|er|\.)?\s+(?:of\s+|de\s+)?([a-z]{3,10})\.?(?:,?\s+(?:de\s+)?(20\d\d))?\b",
        )
    });
    static MONTH_DAY: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b([a-z]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b(?:,?\s+(20\d\d)\b)?"));
    let mut found = Vec::new();
    let number = |m: Option<regex::Match<'_>>| m.and_then(|m| m.as_str().parse::<i16>().ok());
    for c in ISO.captures_iter(folded) {
        if let (Some(y), Some(m), Some(d)) = (number(c.get(1)), number(c.get(2)), number(c.get(3))) {
            found.extend(date(Some(y), m, d, sent));
        }
    }
    for c in DOTTED.captures_iter(folded) {
        if let (Some(d), Some(m), None) = (number(c.get(1)), number(c.get(2)), c.get(4)) {
            found.extend(date(number(c.get(3)).map(|year| 2_000 + year), m, d, sent));
        }
    }
    for c in SLASHED.captures_iter(folded) {
        if let (Some(a), Some(b)) = (number(c.get(1)), number(c.get(2))) {
            let year = number(c.get(3));
            // 11/30 and 30/11 leave no choice; of 11/12 the later reading keeps a person in peace for longer.
            let readings = [date(year, a, b, sent), date(year, b, a, sent)];
            found.extend(readings.into_iter().flatten().max());
        }
    }
    for c in DAY_MONTH.captures_iter(folded) {
        if let (Some(d), Some(m)) = (number(c.get(1)), month(c.get(2).map_or("", |m| m.as_str()))) {
            found.extend(date(number(c.get(3)), i16::from(m), d, sent));
        }
    }
    for c in MONTH_DAY.captures_iter(folded) {
        if let (Some(m), Some(d)) = (month(c.get(1).map_or("", |m| m.as_str())), number(c.get(2))) {
            found.extend(date(number(c.get(3)), i16::from(m), d, sent));
        }
    }
    found
}

fn month(word: &str) -> Option<i8> {
    let of = |(start, n): &(&str, i8)| word.starts_with(start).then_some((start.len(), *n));
    MONTHS.iter().filter_map(of).max().map(|(_, n)| n)
}

/// A date; without a year the first one after `sent`.
fn date(year: Option<i16>, month: i16, day: i16, sent: Date) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    match year {
        Some(year) => Date::new(year, month, day).ok(),
        None => [sent.year(), sent.year() + 1]
            .into_iter()
            .filter_map(|year| Date::new(year, month, day).ok())
            .find(|day| *day > sent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_date_named_is_the_return() {
        let sent = Date::constant(2026, 11, 20);
        let back = Some(Date::constant(2026, 11, 30));
        for text in [
            "I am out of office until 30 November.",
            "I will be back on November 30th, 2026.",
            "Away from 23 Nov to 30 Nov, please call Lee.",
            "Ich bin bis 30.11.2026 nicht im Büro.",
            "Ich bin ab dem 30. November wieder erreichbar.",
            "Je serai de retour le 30 novembre 2026.",
            "Estaré de vuelta el 30 de noviembre.",
            "Back 2026-11-30.",
            "Back on 11/30.",
        ] {
            assert_eq!(return_day(text, sent), back, "{text}");
        }
        assert_eq!(return_day("Back on January 4.", sent), Some(Date::constant(2027, 1, 4)));
    }

    #[test]
    fn no_date_is_no_date() {
        let sent = Date::constant(2026, 11, 20);
        for text in
            ["I am away. Call +1 555 0100.", "I left the company in 2024.", "Version 1.2.3, ticket 4711"]
        {
            assert_eq!(return_day(text, sent), None, "{text}");
        }
    }
}
