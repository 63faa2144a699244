//! Reports over all opportunities: pure tables of what the record says beside what the CRM claims.

mod days;
mod metrics;
mod plain;
mod risk;
mod week;

pub use days::BusinessYear;
pub use metrics::metrics;
pub use plain::plain;
pub use risk::{inflation, zombies};
pub use week::{Week, week};

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::{DealEnd, DealField, OpportunityId, Standing, YesNo, sales_stage};

/// What reports know of one opportunity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// Which one.
    pub opportunity: OpportunityId,
    /// Where it stands.
    pub standing: Standing,
    /// Where it stands by verified words alone.
    pub verified: Standing,
    /// The weightiest reason's sentence.
    pub reason: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The champion's words.
    pub quote: Option<String>,
    /// Who declared, or the CRM's SE.
    pub seller: Option<String>,
    /// When it was first declared.
    pub declared_at: Option<Timestamp>,
    /// When the last of the words that count was written.
    pub decided_at: Option<Timestamp>,
    /// When the buyer last wrote.
    pub heard_at: Option<Timestamp>,
    /// A condition is overdue.
    pub overdue: bool,
    /// Clocks that ran out.
    pub breaches: Vec<Breach>,
    /// The registered amount.
    pub amount: Option<u64>,
    /// What the CRM says.
    pub details: BTreeMap<DealField, String>,
    /// How it ended.
    pub ended: Option<DealEnd>,
}

/// A clock that ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Its reason code.
    pub code: String,
    /// When that was due.
    pub due: Timestamp,
    /// What to do.
    pub fix: Option<String>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// What the reader must know to read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Table {
    fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        Self { title: title.to_owned(), columns, ..Self::default() }
    }
}

impl Deal {
    /// Whether the champions verifiably confirmed.
    pub fn is_proven(&self) -> bool {
        self.verified == Standing::Confirmed
    }

    /// Whether nobody has recorded an end.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// A field of the CRM.
    pub fn detail(&self, field: DealField) -> &str {
        self.details.get(&field).map_or("", String::as_str)
    }

    /// The sales stage as the CRM has it, where its text begins with one.
    pub fn stage(&self) -> Option<u32> {
        sales_stage(self.detail(DealField::SalesStage))
    }

    /// Whether the CRM claims the technical win: by its field, or by a stage behind it.
    pub fn is_claimed(&self) -> bool {
        let said = YesNo::parse(self.detail(DealField::TechWinAchieved)) == Some(YesNo::Yes);
        said || self.stage().is_some_and(|stage| stage >= WON_STAGE)
    }

    fn date(&self, field: DealField) -> Option<Date> {
        self.detail(field).parse().ok()
    }

    fn amount_text(&self) -> String {
        self.amount.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string())
    }
}

/// The first sales stage behind the technical win (post-trial, stages 5 to 7).
pub const WON_STAGE: u32 = 5;

/// The sum of the known amounts, and how many are unknown.
fn total(deals: &[&Deal]) -> String {
    let sum: u64 = deals.iter().filter_map(|d| d.amount).fold(0, u64::saturating_add);
    match deals.iter().filter(|d| d.amount.is_none()).count() {
        0 => sum.to_string(),
        unknown => format!("{sum} and {unknown} of unknown amount"),
    }
}

#[cfg(test)]
mod tests;
