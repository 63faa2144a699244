//! The weekly review: proven against claimed, what to decide, zombies, claims without proof, what is new.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;

use super::days::{BusinessYear, day, quarter};
use super::risk::standing;
use super::{Deal, Table, inflation, total, zombies};
use crate::model::{DealField, Standing};

/// Sales stages from which a deal of this and of the next quarter is reviewed.
const STAGE_NOW_MIN: u32 = 2;
const STAGE_NEXT_MIN: u32 = 3;

/// A week from Monday to Sunday, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub monday: Date,
}

impl Week {
    /// The week of a moment.
    pub fn of(at: Timestamp) -> Option<Self> {
        let date = day(at).iso_week_date();
        ISOWeekDate::new(date.year(), date.week(), Weekday::Monday).ok().map(|d| Self { monday: d.date() })
    }

    /// Reads `2026-W48` (ISO 8601).
    pub fn parse(text: &str) -> Option<Self> {
        let (year, week) = text.split_once("-W")?;
        let date = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
        Some(Self { monday: date.date() })
    }

    /// The week before.
    pub fn before(self) -> Option<Self> {
        self.monday.checked_sub(jiff::Span::new().days(7)).ok().map(|monday| Self { monday })
    }

    /// The week after.
    pub fn after(self) -> Option<Self> {
        self.monday.checked_add(jiff::Span::new().days(7)).ok().map(|monday| Self { monday })
    }

    /// When it ends.
    fn end(self) -> Option<Timestamp> {
        let monday = self.monday.checked_add(jiff::Span::new().days(7)).ok()?;
        monday.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
    }

    fn holds(self, at: Timestamp) -> bool {
        Self::of(at) == Some(self)
    }
}

/// As ISO 8601 writes it.
impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.monday.iso_week_date();
        write!(f, "{}-W{:02}", date.year(), date.week())
    }
}

/// The review of a week, as things stand at `now`.
pub fn week(deals: &[Deal], week: Week, year: BusinessYear<'_>, now: Timestamp) -> Vec<Table> {
    let in_scope = |d: &&Deal| is_in_scope(d, week, year.first_month);
    let reviewed: Vec<Deal> = deals.iter().filter(in_scope).cloned().collect();
    let now = week.end().map_or(now, |end| end.min(now));
    vec![
        headline(&reviewed, deals, week),
        decide(&reviewed),
        zombies(&reviewed, year, now),
        inflation(&reviewed),
        newly_verified(deals, week),
        clocks(&reviewed, now),
    ]
}

/// Open deals of this quarter from stage 2 and of the next from stage 3; a deal without a date or a stage is reviewed,
/// for nobody knows that it need not be.
fn is_in_scope(deal: &Deal, week: Week, fiscal_month: i8) -> bool {
    let Some(due) = deal.date(DealField::OpportunityDueDate) else { return deal.is_open() };
    let stage = deal.stage().unwrap_or(STAGE_NEXT_MIN);
    deal.is_open()
        && match quarter(due, fiscal_month) - quarter(week.monday, fiscal_month) {
            ..=0 => stage >= STAGE_NOW_MIN,
            1 => stage >= STAGE_NEXT_MIN,
            _ => false,
        }
}

fn headline(reviewed: &[Deal], all: &[Deal], week: Week) -> Table {
    let title = format!("Week {week}");
    let mut table = Table::new(&title, &["what", "deals", "amount"]);
    let mut row = |what: &str, is: &dyn Fn(&Deal) -> bool| {
        let of: Vec<&Deal> = reviewed.iter().filter(|d| is(d)).collect();
        table.rows.push(vec![what.to_owned(), of.len().to_string(), total(&of)]);
    };
    row("proven", &Deal::is_proven);
    row("claimed in the CRM", &Deal::is_claimed);
    for standing in [
        Standing::Conditional,
        Standing::Partial,
        Standing::AwaitingReply,
        Standing::Deferred,
        Standing::NeedsReview,
        Standing::Declined,
        Standing::Retracted,
        Standing::NoDeclaration,
    ] {
        row(standing.as_str(), &|d| d.verified == standing);
    }
    table.notes.push(format!("scope: {} of {} deals", reviewed.len(), all.len()));
    table
}

/// Deals that wait for somebody's decision.
fn decide(deals: &[Deal]) -> Table {
    let columns = ["opportunity", "amount", "stage", "standing", "words", "next"];
    let mut table = Table::new("Decide this week", &columns);
    let open = [Standing::NeedsReview, Standing::Retracted, Standing::Declined, Standing::Conditional];
    for deal in deals.iter().filter(|d| open.contains(&d.verified)) {
        let next = Some(deal.detail(DealField::TechWinNextStep).to_owned()).filter(|n| !n.is_empty());
        table.rows.push(vec![
            deal.opportunity.to_string(),
            deal.amount_text(),
            deal.detail(DealField::SalesStage).to_owned(),
            standing(deal),
            deal.quote.clone().unwrap_or_default(),
            next.or_else(|| deal.fix.clone()).unwrap_or_default(),
        ]);
    }
    table
}

/// Clocks that had run out by then, the oldest first.
fn clocks(deals: &[Deal], now: Timestamp) -> Table {
    let mut table = Table::new("Clocks that ran out", &["opportunity", "clock", "due", "se", "next"]);
    let over = deals.iter().flat_map(|d| d.breaches.iter().map(move |b| (b.due, d, b)));
    let mut over: Vec<_> = over.filter(|(due, ..)| *due <= now).collect();
    over.sort_by_key(|(due, deal, breach)| (*due, deal.opportunity.clone(), breach.code.clone()));
    for (due, deal, breach) in over {
        table.rows.push(vec![
            deal.opportunity.to_string(),
            breach.code.clone(),
            due.strftime("%F").to_string(),
            deal.seller.clone().unwrap_or_default(),
            breach.fix.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn newly_verified(deals: &[Deal], week: Week) -> Table {
    let mut table = Table::new("Newly verified", &["opportunity", "amount", "words"]);
    for deal in deals.iter().filter(|d| d.is_proven() && d.decided_at.is_some_and(|at| week.holds(at))) {
        table.rows.push(vec![
            deal.opportunity.to_string(),
            deal.amount_text(),
            deal.quote.clone().unwrap_or_default(),
        ]);
    }
    table
}
