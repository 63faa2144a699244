//! What an auditor looks at: a window of days, what people overrode and which rules changed in it, its opportunities, and a
//! sample of them that anybody can draw again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Brief, DecisionAnswer};
use crate::model::{Digest, OpportunityId};

/// Opportunities of a sample when nobody says how many.
pub const SAMPLE: usize = 10;
/// Most opportunities of a sample: each pack reads the whole journal.
pub const SAMPLE_MAX: usize = 25;

/// Which window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First day (UTC).
    pub from: Date,
    /// Last day (UTC), itself included.
    pub to: Date,
    /// What the sample is drawn with; without it the start of the log's root at the end of the window.
    pub seed: Option<String>,
    /// Opportunities of the sample.
    pub sample: usize,
}

/// What is on record about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowAnswer {
    /// The window, with the seed that was used.
    pub window: Window,
    /// When this was computed.
    pub as_of: Timestamp,
    /// Entries of the record, and how many of them this rests on: a large record is read step by step.
    pub size: u64,
    /// Entries that this rests on.
    pub read: u64,
    /// The log at the start of the window, at its end, and now.
    pub heads: [Head; 3],
    /// The key that checks the log's signatures.
    pub verifier: String,
    /// Rule, account and gate files that came into force in the window, oldest first.
    pub governed: Vec<Governance>,
    /// What people did in the window, oldest first.
    pub acts: Vec<ActRow>,
    /// There were more acts than are listed.
    pub acts_left_out: usize,
    /// Opportunities with mail in the window, by where they stand now; `accepted` where that rests on a decision.
    pub population: BTreeMap<String, usize>,
    /// The sample, in the order in which it was drawn.
    pub sample: Vec<Brief>,
}

/// The log at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// A file that governs what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Governance {
    /// Number of the entry.
    pub seq: u64,
    /// When it came into force.
    pub at: Timestamp,
    /// `rules`, `accounts` or `gates`.
    pub what: String,
    /// Its digest; none when there is no such file any more.
    pub digest: Option<Digest>,
}

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRow {
    /// Number of the entry.
    pub seq: u64,
    /// What was done.
    pub act: DecisionAnswer,
    /// About which opportunities.
    pub opportunities: Vec<OpportunityId>,
    /// Whether it overrides what the rules and signatures say: decisions, links, undoings, erasures.
    pub overrides: bool,
}

/// The place of an opportunity in a sample drawn with this seed: the smallest come first. Anybody can recompute it as the
/// SHA-256 of `SEED:OPPORTUNITY`.
pub fn rank(seed: &str, opportunity: &OpportunityId) -> Digest {
    Digest::of(format!("{seed}:{opportunity}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_can_be_drawn_again_elsewhere() {
        let id = OpportunityId::new("OPP-1").unwrap();
        // printf 'abc:OPP-1' | sha256sum
        assert_eq!(rank("abc", &id), Digest::of(b"abc:OPP-1"));
        assert_ne!(rank("abd", &id), rank("abc", &id));
    }
}
