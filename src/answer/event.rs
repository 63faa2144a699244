//! The record as a stream of events, for machines that keep up with it. An event is an entry that somebody else may want
//! to know of, flat; its id is the entry's place in the log, from 1.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DecisionAnswer;
use crate::model::{OpportunityId, Outcome};
use crate::record::{Act, Deed, Entry};

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the log, from 1.
    pub id: u64,
    /// What happened: `message.considered`, `act.recorded`, `gate.recorded`, `message.set_aside`, `message.released`,
    /// `letter.planned`, `policy.changed`.
    #[serde(rename = "type")]
    pub kind_of: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The opportunity: the one that it names, or else the first of `opportunities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity: Option<OpportunityId>,
    /// All opportunities that it bears on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub opportunities: BTreeSet<OpportunityId>,
    /// Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The stored copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What the mail is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Whether the rules stand behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure: Option<bool>,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorship: Option<String>,
    /// Whether it is a verified written endorsement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsed: Option<bool>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
    /// Which gate was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
}

impl Event {
    /// All types, for whoever subscribes to some.
    pub const TYPES: [&'static str; 7] = [
        "message.considered",
        "message.set_aside",
        "message.released",
        "act.recorded",
        "gate.recorded",
        "letter.planned",
        "policy.changed",
    ];

    /// The same, with the opportunities that it bears on.
    #[must_use]
    pub fn about(mut self, opportunities: BTreeSet<OpportunityId>) -> Self {
        self.opportunity = self.opportunity.or_else(|| opportunities.first().cloned());
        self.opportunities = opportunities;
        self
    }

    /// The event of the entry with this number, when it is one for others: keys and the steps of a delivery are not.
    pub fn of(seq: u64, entry: &Entry) -> Option<Self> {
        let id = seq + 1;
        let event = |kind_of: &str| Self { id, kind_of: kind_of.into(), ..Self::default() };
        match entry {
            Entry::Considered(outcome) => Some(considered(event("message.considered"), outcome)),
            Entry::Act(act) => Some(done(event("act.recorded"), act)),
            Entry::Gate { at, answer } => {
                let text = |key: &str| answer.get(key).and_then(|v| v.as_str());
                Some(Self {
                    at: Some(*at),
                    opportunity: text("opportunity").and_then(OpportunityId::new),
                    to: text("to").map(str::to_owned),
                    allowed: answer.get("allowed").and_then(serde_json::Value::as_bool),
                    by: text("asked_by").map(str::to_owned),
                    ..event("gate.recorded")
                })
            }
            Entry::SetAside(aside) => Some(Self { at: Some(aside.at), ..event("message.set_aside") }),
            Entry::Released(release) => Some(Self { at: Some(release.at), ..event("message.released") }),
            Entry::Letter(letter) => Some(Self {
                at: Some(letter.planned_at),
                opportunity: letter.opportunity.clone(),
                did: Some(letter.rule.clone()),
                ..event("letter.planned")
            }),
            Entry::Governed { at, what, .. } => {
                Some(Self { at: Some(*at), did: Some(what.as_str().into()), ..event("policy.changed") })
            }
            _ => None,
        }
    }
}

fn considered(event: Event, outcome: &Outcome) -> Event {
    let word = |value: serde_json::Result<serde_json::Value>| value.ok()?.as_str().map(str::to_owned);
    Event {
        at: Some(outcome.seen_at),
        opportunity: outcome.opportunity.clone(),
        message_id: outcome.message_id.as_ref().map(ToString::to_string),
        sha256: Some(outcome.sha256.to_string()),
        kind: word(serde_json::to_value(outcome.kind)),
        verdict: outcome.verdict.map(|v| v.as_str().to_owned()),
        sure: Some(outcome.sure),
        authorship: outcome.authorship.as_ref().map(|a| a.claim.as_str().to_owned()),
        endorsed: Some(outcome.endorsed),
        ..event
    }
}

fn done(event: Event, act: &Act) -> Event {
    let sha256 = match &act.deed {
        Deed::Decide { message, .. } | Deed::Link { message, .. } | Deed::Champion { message, .. } => {
            Some(message.sha256.to_string())
        }
        Deed::Access { sha256, .. } => Some(sha256.to_string()),
        _ => None,
    };
    let did = DecisionAnswer::all(std::slice::from_ref(act)).pop().map(|d| d.did);
    Event {
        at: Some(act.at),
        opportunity: act.opportunities().pop_first(),
        sha256,
        by: Some(act.by.clone()),
        did,
        ..event
    }
}
