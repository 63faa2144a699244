//! Dates as mail programs write them for people, in the header lines above a forwarded mail.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::Offset;
use regex::Regex;

use crate::text::{fixed, squeeze};

/// Months by the beginnings of their names in the languages whose mail programs write them out.
const MONTHS: [&[&str]; 12] = [
    &["jan", "gen", "ene", "sty", "janv"],
    &["feb", "fev", "lut"],
    &["mar", "mrt", "maa", "mrz"],
    &["apr", "avr", "abr", "kwi"],
    &["may", "mai", "mag", "mei", "maj"],
    &["jun", "juin", "giu", "cze"],
    &["jul", "juil", "lug", "lip"],
    &["aug", "aou", "ago", "sie"],
    &["sep", "set", "wrz"],
    &["oct", "okt", "ott", "out", "paz"],
    &["nov", "lis"],
    &["dec", "dez", "dic", "gru"],
];

/// The time that `text` gives. Such lines seldom name their zone: they are in the zone of whoever forwards, `offset`
/// from UTC. `None` when day or time is missing, or when nobody can tell day from month.
pub(super) fn time(text: &str, offset: Offset) -> Option<Timestamp> {
    let text = squeeze(text);
    let (year, month, day) = day(&text)?;
    let (hour, minute, second) = clock(&text)?;
    let civil = date(1970, 1, 1).with().year(year).month(month).day(day).build().ok()?;
    let at = civil.at(0, 0, 0, 0).with().hour(hour).minute(minute).second(second).build().ok()?;
    zone(&text).unwrap_or(offset).to_timestamp(at).ok()
}

/// The offset of a Date field (RFC 5322 §3.3).
pub(super) fn offset(field: &str) -> Offset {
    zone(&squeeze(field)).unwrap_or(Offset::UTC)
}

fn day(text: &str) -> Option<(i16, i8, i8)> {
    static BY_YEAR: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b((?:19|20)\d\d)\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})"));
    static BY_DAY: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b(\d{1,2})([./-])(\d{1,2})[./-]((?:19|20)\d\d)\b"));
    static DAY_MONTH: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"\b(?P<day>\d{1,2})(?:\.|st|nd|rd|th|er)?\s+(?:de\s+|of\s+)?(?P<month>\p{L}{3,12})")
    });
    static MONTH_DAY: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b(?P<month>\p{L}{3,12})\.?\s+(?P<day>\d{1,2})\b"));
    static YEAR: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b((?:19|20)\d\d)\b"));
    if let Some(found) = BY_YEAR.captures(text) {
        return Some((number(&found, 1)?, number(&found, 2)?, number(&found, 3)?));
    }
    if let Some(found) = BY_DAY.captures(text) {
        let (first, second, year): (i8, i8, i16) =
            (number(&found, 1)?, number(&found, 3)?, number(&found, 4)?);
        let dotted = found.get(2).is_some_and(|m| m.as_str() == ".");
        return match (first, second) {
            _ if dotted || first > 12 || first == second => Some((year, second, first)),
            _ if second > 12 => Some((year, first, second)),
            _ => None,
        };
    }
    let year = number(&YEAR.captures(text)?, 1)?;
    let named = |found: regex::Captures<'_>| {
        let day = found.name("day")?.as_str().parse().ok()?;
        Some((year, month(found.name("month")?.as_str())?, day))
    };
    let first = DAY_MONTH.captures_iter(text).find_map(named);
    first.or_else(|| MONTH_DAY.captures_iter(text).find_map(named))
}

/// The month whose name begins the word; the longest beginning decides ("juin" is no "jui…").
fn month(word: &str) -> Option<i8> {
    let fits = |names: &[&str]| names.iter().filter(|n| word.starts_with(*n)).map(|n| n.len()).max();
    let all = (1_i8..).zip(MONTHS).filter_map(|(month, names)| Some((month, fits(names)?)));
    all.max_by_key(|(_, length)| *length).map(|(month, _)| month)
}

fn clock(text: &str) -> Option<(i8, i8, i8)> {
    static CLOCK: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b(\d{1,2})[:h](\d\d)(?::(\d\d))?\s?([ap]\.?\s?m\b)?"));
    let found = CLOCK.captures(text)?;
    let hour: i8 = number(&found, 1)?;
    let hour = match found.get(4).map(|m| m.as_str().starts_with('p')) {
        None => hour,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Some((hour, number(&found, 2)?, number(&found, 3).unwrap_or(0)))
}

fn zone(text: &str) -> Option<Offset> {
    static ZONE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r":\d\d(?:\s?[ap]m)?\s\(?(?:(?:gmt|utc)?([+-])(\d{1,2}):?(\d\d)?|(gmt|utc|cest|mesz|cet|mez)\b)",
        )
    });
    let found = ZONE.captures(text)?;
    let Some(hours) = number::<i32>(&found, 2) else {
        let name = found.get(4).map_or("", |m| m.as_str());
        let hours = match name {
            "cest" | "mesz" => 2,
            "cet" | "mez" => 1,
            _ => 0,
        };
        return Offset::from_seconds(hours * 3600).ok();
    };
    let seconds = hours * 3600 + number::<i32>(&found, 3).unwrap_or(0) * 60;
    let west = found.get(1).is_some_and(|m| m.as_str() == "-");
    Offset::from_seconds(if west { -seconds } else { seconds }).ok()
}

fn number<T: std::str::FromStr>(found: &regex::Captures<'_>, group: usize) -> Option<T> {
    found.get(group)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_programs() {
        let home = offset("Fri, 20 Nov 2026 14:00:00 +0100");
        for text in [
            "Fri, Nov 20, 2026 at 10:05 AM",
            "Friday, November 20, 2026 10:05 AM",
            "Freitag, 20. November 2026 10:05",
            "vendredi 20 novembre 2026 10:05",
            "viernes, 20 de noviembre de 2026 10:05",
            "venerdì 20 novembre 2026 10:05",
            "vrijdag 20 november 2026 10:05",
            "November 20, 2026 at 10:05:00 AM GMT+1",
            "20. November 2026 um 10:05:00 MEZ",
            "Fri, 20 Nov 2026 09:05:00 +0000",
            "20.11.2026 10:05",
            "2026-11-20 10:05",
            "11/20/2026 10:05 AM",
            "2026年11月20日 10:05",
        ] {
            let found = time(text, home).map(|t| t.to_string());
            assert_eq!(found.as_deref(), Some("2026-11-20T09:05:00Z"), "{text}");
        }
        for text in ["11/10/2026 10:05", "Friday 10:05", "20 November 2026", "40 November 2026 10:05", ""] {
            assert_eq!(time(text, home), None, "{text}");
        }
        let may = time("mardi 5 mai 2026 12:30 PM", Offset::UTC).map(|t| t.to_string());
        assert_eq!(may.as_deref(), Some("2026-05-05T12:30:00Z"));
        let june = time("5 juin 2026 12:30 AM", Offset::UTC).map(|t| t.to_string());
        assert_eq!(june.as_deref(), Some("2026-06-05T00:30:00Z"));
    }
}
