//! The numbers that people watch, each with how many it rests on and what it means. Nothing is computed from what the
//! CRM claims but ends, amounts and names.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::days::{between, day};
use super::{Deal, Table};
use crate::model::{Ended, Standing};

/// The numbers of a period, `from` and `to` inclusive; without them of all time. One table for all, one by SE.
pub fn metrics(deals: &[Deal], from: Option<Date>, to: Option<Date>) -> Vec<Table> {
    let within = |on: Date| from.is_none_or(|from| on >= from) && to.is_none_or(|to| on <= to);
    let all: Vec<&Deal> = deals.iter().collect();
    let mut table = Table::new("Metrics", &["metric", "value", "n", "definition"]);
    table.notes.push(format!(
        "period: {} to {}, by the day of the decision, UTC",
        from.map_or_else(|| "the beginning".to_owned(), |d| d.to_string()),
        to.map_or_else(|| "today".to_owned(), |d| d.to_string())
    ));
    let count = Count::of(&all, &within);
    table.rows = count.rows();
    table.rows.extend(durations(&all, &within));
    table.rows.extend(shares(&all));
    table.notes.push(count.diagnosis());
    vec![table, by_seller(deals, &within)]
}

/// Decisions of a period.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    wins: usize,
    losses: usize,
    opted_out: usize,
    won: usize,
    lost: usize,
}

impl Count {
    fn of(deals: &[&Deal], within: &dyn Fn(Date) -> bool) -> Self {
        let mut count = Self::default();
        for deal in deals {
            match (decision(deal), &deal.ended) {
                (Some((true, on)), _) if within(on) => count.wins += 1,
                (Some((false, on)), _) if within(on) => count.losses += 1,
                (None, Some(end))
                    if end.ended == Ended::OptedOut && end.could_have_competed && within(end.on) =>
                {
                    count.opted_out += 1;
                }
                _ => {}
            }
            match &deal.ended {
                Some(end) if end.ended == Ended::Won && within(end.on) => count.won += 1,
                Some(end) if end.ended == Ended::Lost && within(end.on) => count.lost += 1,
                _ => {}
            }
        }
        count
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let decided = self.wins + self.losses;
        let row = |metric: &str, part: usize, whole: usize, definition: &str| {
            vec![metric.to_owned(), percent(part, whole), format!("{part}/{whole}"), definition.to_owned()]
        };
        vec![
            row(
                "technical_win_rate",
                self.wins,
                decided,
                "verified wins / (verified wins + losses); a loss is a verified no, or a deal lost without a verified win",
            ),
            row(
                "honest_technical_win_rate",
                self.wins,
                decided + self.opted_out,
                "verified wins / (verified wins + losses + evaluations declined that could have been competed for)",
            ),
            row("close_rate", self.won, self.won + self.lost, "closed won / (closed won + closed lost)"),
        ]
    }

    /// Where deals are lost, by which of the two rates is low.
    fn diagnosis(&self) -> String {
        let low = |part: usize, whole: usize| part * 2 < whole;
        let (wins, decided) = (self.wins, self.wins + self.losses);
        let closed = self.won + self.lost;
        if decided == 0 || closed == 0 {
            return "Too few decisions to say where deals are lost.".to_owned();
        }
        match (low(wins, decided), low(self.won, closed)) {
            (false, true) => "Won technically and lost later: look at negotiation and price.",
            (true, false) => "Closed without winning technically: look at what is recorded as a win.",
            (true, true) => "Lost technically: look at product and qualification.",
            (false, false) => "Neither rate is below a half.",
        }
        .to_owned()
    }
}

/// Whether the technical decision was a win, and its day.
fn decision(deal: &Deal) -> Option<(bool, Date)> {
    let decided = deal.decided_at.map(day);
    let refused = matches!(deal.verified, Standing::Declined | Standing::Retracted);
    match decided {
        _ if deal.is_proven() => decided.map(|on| (true, on)),
        Some(on) if refused => Some((false, on)),
        // A no that a person read has no verified day.
        _ => deal.ended.as_ref().filter(|e| e.ended == Ended::Lost).map(|end| (false, end.on)),
    }
}

fn durations(deals: &[&Deal], within: &dyn Fn(Date) -> bool) -> Vec<Vec<String>> {
    let proven = || deals.iter().filter(|d| d.is_proven());
    let to_close = proven().filter_map(|d| {
        let end = d.ended.as_ref().filter(|e| e.ended == Ended::Won && within(e.on))?;
        Some(between(day(d.decided_at?), end.on))
    });
    let to_confirm = proven().filter_map(|d| {
        let confirmed = day(d.decided_at?);
        within(confirmed).then_some(between(day(d.declared_at?), confirmed))
    });
    let row = |metric: &str, mut days: Vec<i32>, definition: &str| {
        days.sort_unstable();
        let at = |share: usize| days.get((days.len().saturating_sub(1) * share).div_ceil(100)).copied();
        let value = match (at(50), at(90)) {
            (Some(median), Some(p90)) => format!("median {median}, p90 {p90}"),
            _ => "-".to_owned(),
        };
        vec![metric.to_owned(), value, days.len().to_string(), definition.to_owned()]
    };
    vec![
        row(
            "days_win_to_close",
            to_close.collect(),
            "days from the last verified word of the win to closed won; the CRM's win date does not count",
        ),
        row(
            "days_declared_to_confirmed",
            to_confirm.collect(),
            "days from the first declaration to the last verified word",
        ),
    ]
}

fn shares(deals: &[&Deal]) -> Vec<Vec<String>> {
    let count = |of: &dyn Fn(&Deal) -> bool| deals.iter().filter(|d| of(d)).count();
    let row = |metric: &str, part: usize, whole: usize, definition: &str| {
        vec![metric.to_owned(), percent(part, whole), format!("{part}/{whole}"), definition.to_owned()]
    };
    let declared = count(&|d| d.declared_at.is_some());
    let confirmed = count(&|d| d.standing == Standing::Confirmed);
    vec![
        row(
            "override_share",
            count(&|d| d.standing == Standing::Confirmed && !d.is_proven()),
            confirmed,
            "deals that stand at confirmed by a person's decision alone / deals that stand at confirmed; of all time",
        ),
        row(
            "retracted_share",
            count(&|d| d.verified == Standing::Retracted),
            declared,
            "deals whose yes was taken back / declared deals; of all time",
        ),
        row(
            "unproven_claims",
            count(&|d| d.is_open() && d.is_claimed() && !d.is_proven()),
            count(&|d| d.is_open() && d.is_claimed()),
            "open deals that the CRM calls won without a verified endorsement / open deals that it calls won",
        ),
    ]
}

fn by_seller(deals: &[Deal], within: &dyn Fn(Date) -> bool) -> Table {
    let mut by: BTreeMap<&str, Vec<&Deal>> = BTreeMap::new();
    for deal in deals {
        by.entry(deal.seller.as_deref().unwrap_or("unknown")).or_default().push(deal);
    }
    let columns = ["se", "technical_win_rate", "n", "honest", "n", "close_rate", "n"];
    let mut table = Table::new("By SE", &columns);
    for (seller, deals) in by {
        let mut row = vec![seller.to_owned()];
        for rate in Count::of(&deals, within).rows() {
            row.extend(rate.into_iter().skip(1).take(2));
        }
        table.rows.push(row);
    }
    table
}

/// One decimal; `-` when there is nothing to divide by.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = (part * 2000 + whole) / (whole * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
