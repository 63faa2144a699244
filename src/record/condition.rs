//! What a conditional yes is tied to: the stipulation verbatim, and who must do what until when, where that is said
//! beyond doubt. A day that could be two days is none.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use regex::{Captures, Regex};

use crate::model::{Condition, Outcome, Source};
use crate::text::fixed;

/// Reason codes of words that tie a yes to something, or leave something open beside it.
const TIES: &[&str] = &["conditional_open", "concern"];

/// The conditions of a conditional statement, in the order in which they were written.
pub(super) fn conditions(outcome: &Outcome, now: Timestamp) -> Vec<Condition> {
    let mut stretches: Vec<&str> = Vec::new();
    for reason in outcome.reasons.iter().filter(|r| TIES.contains(&r.code.as_str())) {
        let text = match reason.source {
            Source::Fresh => &outcome.fresh_text,
            Source::Unsure => &outcome.unsure_text,
            Source::Signature => &outcome.signature_text,
        };
        let stretch = reason.span.map(|[from, to]| sentence(text, from..to)).unwrap_or_default();
        if !stretch.is_empty() && !stretches.contains(&stretch) {
            stretches.push(stretch);
        }
    }
    if stretches.is_empty() && !outcome.quote.is_empty() {
        stretches.push(&outcome.quote);
    }
    let written = day(outcome.written());
    let who = outcome.from.as_ref().map(ToString::to_string).unwrap_or_default();
    stretches
        .into_iter()
        .map(|text| {
            let due = due(text, written);
            let overdue = due.is_some_and(|due| due < day(now));
            Condition { who: who.clone(), text: text.to_owned(), owner: owner(text), due, overdue }
        })
        .collect()
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The sentence around a span, as typed.
fn sentence(text: &str, span: Range<usize>) -> &str {
    static END: LazyLock<Regex> = LazyLock::new(|| fixed(r"[.!?]+[\x22')\]]*(?:\s|$)|\n[ \t\r]*\n"));
    let (mut from, mut to) = (0, text.len());
    for end in END.find_iter(text) {
        if end.end() <= span.start {
            from = end.end();
        } else if end.end() >= span.end {
            to = end.end();
            break;
        }
    }
    text.get(from..to).unwrap_or_default().trim()
}

const MONTHS: &str = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|\
                      oct(?:ober)?|nov(?:ember)?|dec(?:ember)?";

/// The day until which something must be done, if the text names exactly one.
fn due(text: &str, written: Date) -> Option<Date> {
    static DAYS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
        let until = r"(?i)\b(?:by|until|till|before|due|latest|no later than|on)(?: on| by| the| this)* ";
        [
            fixed(&format!(r"{until}(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b")),
            fixed(&format!(
                r"{until}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<name>{MONTHS})\b\.?(?:,? (?P<year>20\d\d))?"
            )),
            fixed(&format!(
                r"{until}(?P<name>{MONTHS})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>20\d\d))?"
            )),
            fixed(&format!(r"{until}(?P<weekday>mon|tues|wednes|thurs|fri|satur|sun)day\b")),
        ]
    });
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for pattern in DAYS.iter() {
        for captures in pattern.captures_iter(&line) {
            // A day that there is not makes all of it doubtful.
            found.insert(named_day(&captures, written)?);
        }
    }
    let only = found.pop_first()?;
    found.is_empty().then_some(only)
}

fn named_day(captures: &Captures<'_>, written: Date) -> Option<Date> {
    let number = |name: &str| captures.name(name).and_then(|m| m.as_str().parse::<i16>().ok());
    if let Some(weekday) = captures.name("weekday") {
        let weekday = match weekday.as_str().to_ascii_lowercase().as_str() {
            "mon" => Weekday::Monday,
            "tues" => Weekday::Tuesday,
            "wednes" => Weekday::Wednesday,
            "thurs" => Weekday::Thursday,
            "fri" => Weekday::Friday,
            "satur" => Weekday::Saturday,
            _ => Weekday::Sunday,
        };
        return written.nth_weekday(1, weekday).ok();
    }
    let month = match captures.name("name") {
        Some(name) => month(name.as_str())?,
        None => i8::try_from(number("month")?).ok()?,
    };
    let day = i8::try_from(number("day")?).ok()?;
    match number("year") {
        Some(year) => Date::new(year, month, day).ok(),
        None => {
            // Without a year it is the next such day.
            let date = Date::new(written.year(), month, day).ok()?;
            if date < written { date.checked_add(1.year()).ok() } else { Some(date) }
        }
    }
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = name.to_ascii_lowercase();
    let at = NAMES.iter().position(|n| name.starts_with(n))?;
    i8::try_from(at + 1).ok()
}

/// Who must do it, in the champion's words, if the text names exactly one.
fn owner(text: &str) -> Option<String> {
    static OWNER: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?:\b(?i:once|if|until|unless|when|after|provided(?: that)?|as long as) |^|[,;:] )(?P<who>(?i:you|we|your team|our team|(?:your|our) [a-z]+ (?:team|group|department|engineers?))|[A-Z][a-z]+) (?i:will|must|needs? to|ha(?:s|ve) to|shall|can|ha(?:s|ve)|fix(?:es)?|deliver(?:s)?|deploy(?:s)?|ship(?:s)?|provide(?:s)?|validate(?:s)?|complete(?:s)?|finish(?:es)?|sign(?:s)?(?: off)?) ",
        )
    });
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ") + " ";
    let mut found: BTreeSet<String> = OWNER
        .captures_iter(&line)
        .filter_map(|c| c.name("who"))
        .map(|m| m.as_str().to_owned())
        .filter(|who| !NO_NAMES.contains(&who.as_str()))
        .collect();
    let only = found.pop_first()?;
    found.is_empty().then_some(only)
}

/// Capitalised words at the start of a sentence that name nobody.
const NO_NAMES: &[&str] = &[
    "It",
    "This",
    "That",
    "They",
    "He",
    "She",
    "There",
    "Everything",
    "All",
    "Yes",
    "Legal",
    "Which",
    "What",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_read_only_when_it_can_be_no_other() {
        // A Monday.
        let written = date("2026-11-02");
        for (text, expected) in [
            ("Yes, once the patch is live by 30 November.", Some("2026-11-30")),
            ("The parser fix must be in by Nov 30th, 2026", Some("2026-11-30")),
            ("provided it is done until 2026-12-01", Some("2026-12-01")),
            ("We need it by Friday.", Some("2026-11-06")),
            ("by Monday at the latest", Some("2026-11-09")),
            ("before the 15th of January", Some("2027-01-15")),
            ("We need it by next Friday.", None),
            ("by 11/12/2026", None),
            ("by Friday, or by 1 December", None),
            ("by 31 February", None),
            ("we tested it on our own cluster", None),
            ("as soon as possible", None),
        ] {
            assert_eq!(due(text, written), expected.map(date), "{text}");
        }
    }

    #[test]
    fn an_owner_is_named_once_or_not_at_all() {
        for (text, expected) in [
            ("Confirmed, provided that you fix the export.", Some("you")),
            ("Yes, once Northwind delivers the parser patch.", Some("Northwind")),
            ("Fine, as long as your security team signs off on it.", Some("your security team")),
            ("Yes, once you fix it and if Kim deploys it.", None),
            ("Yes, subject to the SSO test.", None),
            ("It must hold for a week.", None),
        ] {
            assert_eq!(owner(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn the_stipulation_is_the_whole_sentence_as_typed() {
        let text = "Hi Kim,\n\nyes for 3.5 of it. We go ahead once the\npatch is in. Thanks!";
        let at = text.find("once").unwrap();
        assert_eq!(sentence(text, at..at + 4), "We go ahead once the\npatch is in.");
        assert_eq!(sentence("subject to X", 0..7), "subject to X");
    }
}
