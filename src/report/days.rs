//! Days between moments, in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Longest stretch that is counted day by day: ten years.
const DAYS_MAX: i32 = 3_660;

/// When the seller's people work, and when their year begins.
#[derive(Clone, Copy)]
pub struct BusinessYear<'a> {
    /// The month with which the fiscal year begins, 1 to 12.
    pub first_month: i8,
    /// Whether people work on that day: neither weekend nor holiday.
    pub is_working: &'a dyn Fn(Date) -> bool,
}

/// The day of a moment.
pub(super) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Days from one day to another; negative when the other is earlier.
pub(super) fn between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// Working days after `from` up to `to`.
pub(super) fn business_days(from: Date, to: Date, year: BusinessYear<'_>) -> i32 {
    let all = between(from, to).clamp(0, DAYS_MAX);
    let mut count = 0;
    let mut next = from;
    for _ in 0..all {
        let Ok(day) = next.tomorrow() else { break };
        next = day;
        if (year.is_working)(next) {
            count += 1;
        }
    }
    count
}

/// The quarter of a day in a fiscal year that begins with `first_month`, counted from year 0: neighbours differ by one.
pub(super) fn quarter(day: Date, first_month: i8) -> i32 {
    let months = i32::from(day.year()) * 12 + i32::from(day.month()) - i32::from(first_month);
    months.div_euclid(3)
}
