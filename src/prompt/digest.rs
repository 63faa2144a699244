//! The weekly digest: what `endorsed report week` says, as a letter to the people whom the configuration names.

use jiff::Timestamp;
use jiff::civil::Date;
use lettre::message::header::ContentType;
use lettre::message::{MultiPart, SinglePart};

use super::calendar::Calendar;
use super::compose::{ComposeError, Sender, Written};
use super::notice::{self, Notice};
use super::text;
use crate::model::{Address, Digest};
use crate::record::{Letter, Side};

/// Id of the rule under which these letters stand on record.
pub const DIGEST_RULE: &str = "week";

/// A digest that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week<'a> {
    /// Its name, `2026-W48`.
    pub name: &'a str,
    /// What the report says, line by line.
    pub report: &'a str,
}

/// The Monday of the week of which a digest is due: from the first working morning of a week on the week before it. A
/// program that did not run all week makes up for none: the next week has its own.
pub fn digest_due(calendar: &Calendar, now: Timestamp) -> Option<Date> {
    let today = calendar.day(now);
    let monday =
        today.checked_sub(jiff::Span::new().days(i64::from(today.weekday().to_monday_zero_offset()))).ok()?;
    let opens = calendar.morning(monday)?;
    (opens <= now).then(|| monday.checked_sub(jiff::Span::new().days(7)).ok()).flatten()
}

/// The key of the digest of a week to an address: it is written once.
pub fn digest_key(monday: Date, to: &Address) -> Digest {
    Digest::of_fields([b"week".as_slice(), monday.to_string().as_bytes(), to.as_str().as_bytes()])
}

/// Writes the digest of a week; the letter as it goes on record, and its octets.
///
/// # Errors
/// When the message cannot be put together.
pub fn compose_digest(
    key: Digest,
    to: &Address,
    week: &Week<'_>,
    sender: &Sender,
    token: &str,
    now: Timestamp,
) -> Result<(Letter, Written), ComposeError> {
    let text = body(week, sender);
    // Columns line up only in letters of one width.
    let html = text::preformatted(&text);
    let parts = MultiPart::alternative()
        .boundary(notice::boundary(&key))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.clone()))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html.clone()));
    let notice = Notice {
        key,
        rule: DIGEST_RULE,
        why: format!("Week {} is over.", week.name),
        to,
        side: Side::Seller,
        subject: format!("Technical wins: week {}", week.name),
        text,
        html,
    };
    notice::write(notice, parts, sender, token, now)
}

fn body(week: &Week<'_>, sender: &Sender) -> String {
    let place = match &sender.pages {
        Some(pages) => format!("{pages}/week/{}", week.name),
        None => format!("endorsed report week {}", week.name),
    };
    format!("{}\nThe same with every deal: {place}\nA machine wrote this; it needs no answer.\n", week.report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::prompt::Clocks;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_week_is_told_from_its_first_working_morning_on() {
        let mut calendar = Clocks::default().seller;
        let monday = jiff::civil::date(2026, 11, 16);
        let due = |calendar: &Calendar, text: &str| digest_due(calendar, at(text));
        assert_eq!(due(&calendar, "2026-11-22T23:00:00Z"), Some(jiff::civil::date(2026, 11, 9)));
        assert_eq!(due(&calendar, "2026-11-23T08:59:59Z"), None);
        assert_eq!(due(&calendar, "2026-11-23T09:00:00Z"), Some(monday));
        assert_eq!(due(&calendar, "2026-11-27T16:00:00Z"), Some(monday));
        calendar.holidays.insert(jiff::civil::date(2026, 11, 23));
        assert_eq!(due(&calendar, "2026-11-23T12:00:00Z"), None, "nobody works");
        assert_eq!(due(&calendar, "2026-11-24T09:00:00Z"), Some(monday));
    }

    #[test]
    fn the_digest_says_what_the_report_says() {
        let address = |text: &str| Address::new(text).unwrap();
        let sender = Sender {
            from: address("evidence@seller.example"),
            evidence: address("evidence@seller.example"),
            pages: None,
        };
        let to = address("boss@seller.example");
        let monday = jiff::civil::date(2026, 11, 16);
        let key = digest_key(monday, &to);
        assert_ne!(key, digest_key(monday.tomorrow().unwrap(), &to));
        let report = "Week 2026-W47\n  what    deals\n  proven  1\n  a <b> & \"c\"\n";
        let week = Week { name: "2026-W47", report };
        let write = || compose_digest(key, &to, &week, &sender, "token", Timestamp::UNIX_EPOCH).unwrap();
        let (letter, written) = write();
        assert_eq!(write().1, written, "the same letter has the same octets");
        assert_eq!((letter.side, letter.opportunity), (Side::Seller, None));
        let message = parse(&written.raw);
        assert_eq!(message.header("Auto-Submitted").next(), Some("auto-generated"));
        assert!(message.plain.unwrap().replace("\r\n", "\n").starts_with(report));
        assert!(written.html.contains("a &lt;b&gt; &amp; &quot;c&quot;"), "{}", written.html);
        assert!(!written.html.contains("<a"));
    }
}
