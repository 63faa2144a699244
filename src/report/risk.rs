//! Deals that lie: zombies, about which nobody has decided, and stages that run ahead of the proof.

use jiff::Timestamp;
use jiff::civil::Date;

use super::days::{BusinessYear, between, business_days, day};
use super::{Deal, Table, total};
use crate::model::{DealField, Standing};

/// Silence after a declaration that makes a zombie, in business days (the reminders' window, docs/PROMPTS.md).
const SILENT_DAYS_MAX: i32 = 10;
/// A "we need more time" that nobody has answered since, in business days (DOMAIN).
const DEFERRED_DAYS_MAX: i32 = 5;

/// Open deals about which nobody has decided and the time for it is over, the longest silence first. A deal is listed
/// once, under its worst reason.
pub fn zombies(deals: &[Deal], year: BusinessYear<'_>, now: Timestamp) -> Table {
    let mut table = Table::new("Zombies", &["opportunity", "days", "amount", "se", "why", "next"]);
    let today = day(now);
    let mut found: Vec<(i32, &Deal, String)> = deals
        .iter()
        .filter(|d| d.is_open())
        .filter_map(|d| zombie(d, today, year).map(|(days, why)| (days, d, why)))
        .collect();
    found.sort_by_key(|(days, deal, _)| (-days, deal.opportunity.clone()));
    let all: Vec<&Deal> = found.iter().map(|(_, deal, _)| *deal).collect();
    table.notes.push(format!("{} deals, amount {}", all.len(), total(&all)));
    table.rows = found
        .into_iter()
        .map(|(days, deal, why)| {
            vec![
                deal.opportunity.to_string(),
                days.to_string(),
                deal.amount_text(),
                deal.seller.clone().unwrap_or_default(),
                why,
                deal.fix.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table
}

fn zombie(deal: &Deal, today: Date, year: BusinessYear<'_>) -> Option<(i32, String)> {
    let silent = deal.heard_at.max(deal.declared_at).map(|at| business_days(day(at), today, year));
    match deal.verified {
        Standing::NoDeclaration => {
            let due = deal.date(DealField::TechWinDueDate)?;
            let days = between(due, today);
            (days > 0).then(|| (days, format!("the technical win was due on {due}, and nothing is declared")))
        }
        Standing::AwaitingReply | Standing::Partial => {
            let days = silent.filter(|days| *days >= SILENT_DAYS_MAX)?;
            Some((days, format!("declared, and silent for {days} business days")))
        }
        Standing::Deferred => {
            let days = silent.filter(|days| *days > DEFERRED_DAYS_MAX)?;
            Some((days, format!("put off, and silent for {days} business days")))
        }
        Standing::Conditional if deal.overdue => {
            Some((silent.unwrap_or(0), "the day for the condition has passed".to_owned()))
        }
        _ => None,
    }
}

/// Open deals whose stage or win field in the CRM says more than the record proves, the largest amount first.
pub fn inflation(deals: &[Deal]) -> Table {
    let columns = ["opportunity", "stage", "amount", "claimed", "standing", "se", "ae", "why"];
    let mut table = Table::new("Stages ahead of the proof", &columns);
    let claimed: Vec<&Deal> = deals.iter().filter(|d| d.is_open() && d.is_claimed()).collect();
    let mut inflated: Vec<&Deal> = claimed.iter().copied().filter(|d| !d.is_proven()).collect();
    inflated.sort_by_key(|d| (std::cmp::Reverse(d.amount), d.opportunity.clone()));
    table.notes.push(format!(
        "{} of {} claimed wins have no verified endorsement, amount {} of {}",
        inflated.len(),
        claimed.len(),
        total(&inflated),
        total(&claimed)
    ));
    table.rows = inflated
        .into_iter()
        .map(|deal| {
            vec![
                deal.opportunity.to_string(),
                deal.detail(DealField::SalesStage).to_owned(),
                deal.amount_text(),
                deal.detail(DealField::TechWinAchieved).to_owned(),
                standing(deal),
                deal.seller.clone().unwrap_or_default(),
                deal.detail(DealField::AccountExecutive).to_owned(),
                deal.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table
}

/// The standing in words that never take an accepted one for a verified one.
pub(super) fn standing(deal: &Deal) -> String {
    if deal.standing == deal.verified {
        deal.standing.as_str().to_owned()
    } else {
        format!("{} (accepted; verified: {})", deal.standing.as_str(), deal.verified.as_str())
    }
}
