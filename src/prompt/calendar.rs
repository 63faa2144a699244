//! Business time: working hours, weekends and holidays in the reader's own time zone. Pure: the calendar is data.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

/// Days that are looked at in search of a working day: no calendar closes for longer.
const DAYS_MAX: usize = 400;

/// When people work.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The reader's time zone; its rules know the clock changes.
    pub zone: TimeZone,
    /// Working hours begin at.
    pub from: Time,
    /// … and end before.
    pub until: Time,
    /// Days on which nobody works.
    pub weekend: Vec<Weekday>,
    /// Days on which nobody works this year.
    pub holidays: BTreeSet<Date>,
}

/// A stretch of time as the rules write it: `"2 business days"`, `"48 hours"`, `"0 hours"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Working days: the same time of day, so many working days later.
    BusinessDays(u32),
    /// Hours on the clock, weekends and nights included.
    Hours(u32),
    /// Seconds on the clock. For rehearsals and tests.
    Seconds(u32),
}

impl Wait {
    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.trim().split_once(' ')?;
        let number = number.parse().ok()?;
        match unit.trim().trim_end_matches('s') {
            "business day" => Some(Self::BusinessDays(number)),
            "hour" => Some(Self::Hours(number)),
            "second" => Some(Self::Seconds(number)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, unit) = match self {
            Self::BusinessDays(n) => (n, "business day"),
            Self::Hours(n) => (n, "hour"),
            Self::Seconds(n) => (n, "second"),
        };
        write!(f, "{number} {unit}{}", if *number == 1 { "" } else { "s" })
    }
}

impl Calendar {
    /// Whether people work on that day.
    pub fn is_working(&self, day: Date) -> bool {
        !self.weekend.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// Whether people work at that moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = self.local(at);
        self.is_working(local.date()) && self.from <= local.time() && local.time() < self.until
    }

    /// `at` if people work then, else the beginning of the next working hours.
    pub fn open(&self, at: Timestamp) -> Timestamp {
        if self.is_open(at) {
            return at;
        }
        let local = self.local(at);
        let today = self.is_working(local.date()) && local.time() < self.from;
        let day = if today { Some(local.date()) } else { self.next_working(local.date(), 1) };
        day.and_then(|day| self.at(day, self.from)).unwrap_or(at)
    }

    /// So much later; working days keep the time of day of the reader's clock. What starts outside working hours counts
    /// from when they begin.
    pub fn after(&self, at: Timestamp, wait: Wait) -> Timestamp {
        match wait {
            Wait::Hours(hours) => add(at, SignedDuration::from_hours(i64::from(hours))),
            Wait::Seconds(seconds) => add(at, SignedDuration::from_secs(i64::from(seconds))),
            Wait::BusinessDays(0) => self.open(at),
            Wait::BusinessDays(days) => {
                let start = self.local(self.open(at));
                let day = self.next_working(start.date(), days);
                day.and_then(|day| self.at(day, start.time())).unwrap_or(at)
            }
        }
    }

    /// So much earlier; for working days the same time of day.
    pub fn before(&self, at: Timestamp, wait: Wait) -> Timestamp {
        match wait {
            Wait::Hours(hours) => add(at, SignedDuration::from_hours(-i64::from(hours))),
            Wait::Seconds(seconds) => add(at, SignedDuration::from_secs(-i64::from(seconds))),
            Wait::BusinessDays(days) => {
                let local = self.local(at);
                let mut day = local.date();
                let mut left = days;
                for _ in 0..DAYS_MAX {
                    if left == 0 {
                        break;
                    }
                    let Ok(earlier) = day.yesterday() else { break };
                    day = earlier;
                    if self.is_working(day) {
                        left -= 1;
                    }
                }
                self.at(day, local.time()).unwrap_or(at)
            }
        }
    }

    /// The reader's day of a moment.
    pub fn day(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// The beginning of the working hours of the first working day from `day` on.
    pub fn morning(&self, day: Date) -> Option<Timestamp> {
        let day = if self.is_working(day) { day } else { self.next_working(day, 1)? };
        self.at(day, self.from)
    }

    /// The moment as the reader's clock shows it: `Tue 24 Nov 2026 10:00 CET`.
    pub fn shown(&self, at: Timestamp) -> String {
        self.local(at).strftime("%a %-d %b %Y %H:%M %Z").to_string()
    }

    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// A time of day that the clock change leaves out is moved to the next one that exists.
    fn at(&self, day: Date, time: Time) -> Option<Timestamp> {
        day.to_datetime(time).to_zoned(self.zone.clone()).ok().map(|zoned| zoned.timestamp())
    }

    fn next_working(&self, day: Date, count: u32) -> Option<Date> {
        let mut left = count;
        let mut next = day;
        for _ in 0..DAYS_MAX {
            next = next.checked_add(1.day()).ok()?;
            if self.is_working(next) {
                left -= 1;
                if left == 0 {
                    return Some(next);
                }
            }
        }
        None
    }
}

fn add(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Calendar {
        Calendar {
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(17, 0, 0, 0),
            weekend: vec![Weekday::Saturday, Weekday::Sunday],
            holidays: BTreeSet::from([Date::constant(2026, 12, 25)]),
        }
    }

    fn at(text: &str) -> Timestamp {
        format!("{text}[Europe/Berlin]").parse::<Zoned>().unwrap().timestamp()
    }

    #[test]
    fn business_days_skip_weekends_and_holidays() {
        let calendar = berlin();
        // Friday to Tuesday.
        assert_eq!(
            calendar.after(at("2026-11-20T15:00:00"), Wait::BusinessDays(2)),
            at("2026-11-24T15:00:00")
        );
        // Christmas is a Friday.
        assert_eq!(
            calendar.after(at("2026-12-24T10:00:00"), Wait::BusinessDays(1)),
            at("2026-12-28T10:00:00")
        );
        assert_eq!(
            calendar.before(at("2026-12-28T10:00:00"), Wait::BusinessDays(1)),
            at("2026-12-24T10:00:00")
        );
        // Written at night: counts from the morning.
        assert_eq!(
            calendar.after(at("2026-11-23T23:30:00"), Wait::BusinessDays(1)),
            at("2026-11-25T09:00:00")
        );
    }

    #[test]
    fn the_time_of_day_survives_a_clock_change() {
        let calendar = berlin();
        // Summer time ends on 25 October 2026.
        let due = calendar.after(at("2026-10-23T10:00:00"), Wait::BusinessDays(1));
        assert_eq!(due, at("2026-10-26T10:00:00"));
        assert_eq!(due.duration_since(at("2026-10-23T10:00:00")), SignedDuration::from_hours(73));
        // Hours are hours: 48 of them over the change end an hour earlier on the clock.
        assert_eq!(calendar.after(at("2026-10-24T10:00:00"), Wait::Hours(48)), at("2026-10-26T09:00:00"));
    }

    #[test]
    fn nobody_is_written_to_outside_hours() {
        let calendar = berlin();
        assert_eq!(calendar.open(at("2026-11-23T08:59:59")), at("2026-11-23T09:00:00"));
        assert_eq!(calendar.open(at("2026-11-23T17:00:00")), at("2026-11-24T09:00:00"));
        assert_eq!(calendar.open(at("2026-11-21T12:00:00")), at("2026-11-23T09:00:00"));
        assert_eq!(calendar.open(at("2026-11-23T12:00:00")), at("2026-11-23T12:00:00"));
    }

    #[test]
    fn waits_are_written_as_people_write_them() {
        assert_eq!(Wait::parse("2 business days"), Some(Wait::BusinessDays(2)));
        assert_eq!(Wait::parse("1 business day"), Some(Wait::BusinessDays(1)));
        assert_eq!(Wait::parse("48 hours"), Some(Wait::Hours(48)));
        assert_eq!(Wait::parse("soon"), None);
        assert_eq!(Wait::BusinessDays(1).to_string(), "1 business day");
    }
}
