//! `[retention]`: how long mail is kept.

use serde::Deserialize;

/// `[retention]`; what is not set is kept for ever.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// A deal's mail is erased when nothing happened to the deal for so many days.
    pub deal_days: Option<u32>,
    /// Mail that belongs to no deal is erased after so many days.
    pub other_days: Option<u32>,
}

impl RetentionSection {
    /// What the types can not say. `evidence_days`: for so long a yes counts.
    pub(super) fn problems(self, evidence_days: Option<u32>) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (key, days) in [("deal_days", self.deal_days), ("other_days", self.other_days)] {
            if days == Some(0) {
                problems.push((key, "at least 1; leave the key out to keep mail for ever".to_owned()));
            }
        }
        if let (Some(kept), Some(counts)) = (self.deal_days, evidence_days)
            && kept < counts
        {
            let text = format!("evidence counts for {counts} days (evidence_days_max), so keep it as long");
            problems.push(("deal_days", text));
        }
        problems
    }
}
