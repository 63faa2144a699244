//! Where an opportunity stands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Address, Condition, CriteriaSeen, CriteriaVersion, DealEnd, DealField, Digest, ManualEvidence, MessageId,
    OpportunityId, Outcome, PlanReport, Reason, RoleWord, StatedFact,
};

/// CONTRACT "standing".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing was declared.
    NoDeclaration,
    /// Declared; no verdict yet.
    AwaitingReply,
    /// Endorsed by everybody who must.
    Confirmed,
    /// Endorsed with an open condition.
    Conditional,
    /// A required endorser or a mandatory criterion is still missing.
    Partial,
    /// They need more time.
    Deferred,
    /// They said no.
    Declined,
    /// They took it back.
    Retracted,
    /// A person must look.
    NeedsReview,
}

impl Standing {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::NoDeclaration,
        Self::AwaitingReply,
        Self::Confirmed,
        Self::Conditional,
        Self::Partial,
        Self::Deferred,
        Self::Declined,
        Self::Retracted,
        Self::NeedsReview,
    ];

    /// Less is less favourable to the seller.
    pub fn favour(self) -> u8 {
        match self {
            Self::Retracted => 0,
            Self::Declined => 1,
            Self::NeedsReview => 2,
            Self::Deferred => 3,
            Self::NoDeclaration => 4,
            Self::AwaitingReply => 5,
            Self::Partial => 6,
            Self::Conditional => 7,
            Self::Confirmed => 8,
        }
    }

    /// The one of the two that is less favourable to the seller.
    #[must_use]
    pub fn less_favourable(self, other: Self) -> Self {
        if other.favour() < self.favour() { other } else { self }
    }

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoDeclaration => "no_declaration",
            Self::AwaitingReply => "awaiting_reply",
            Self::Confirmed => "confirmed",
            Self::Conditional => "conditional",
            Self::Partial => "partial",
            Self::Deferred => "deferred",
            Self::Declined => "declined",
            Self::Retracted => "retracted",
            Self::NeedsReview => "needs_review",
        }
    }
}

/// Where one endorser stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorser {
    /// Role in the evaluation; `technical` for declared champions.
    pub role: String,
    /// Address.
    pub who: String,
    /// Where this person stands.
    pub standing: Standing,
}

/// A message that counts, in the champion's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Short id: the first twelve digits of the digest.
    pub id: String,
    /// Message-ID in angle brackets.
    pub message_id: Option<String>,
    /// Names the stored copy.
    pub sha256: Digest,
    /// Whether the author is verified.
    pub verified: bool,
    /// The sentence that carries the verdict.
    pub quote: String,
    /// Who read it so, when it does not count by the machine's reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<String>,
    /// When it was written, or seen when it claims to be written later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Evidence {
    /// The mail of `outcome`, by its sentence `quote`.
    pub fn of(outcome: &Outcome, quote: &str, verified: bool) -> Self {
        Self {
            id: outcome.sha256.to_string().chars().take(12).collect(),
            message_id: outcome.message_id.as_ref().map(|id| format!("<{id}>")),
            sha256: outcome.sha256,
            verified,
            quote: quote.to_owned(),
            accepted_by: None,
            at: Some(outcome.written()),
        }
    }
}

/// A person's decision that a standing rests on: shown as `accepted by NAME`, never as verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What: a verdict, `no verdict`, `not about this opportunity`.
    pub decided: String,
    /// Why, in their words.
    pub reason: String,
    /// Message-ID of the mail, in angle brackets.
    pub message_id: Option<String>,
    /// Names of the decisions, for an undo.
    pub decisions: Vec<String>,
}

/// What the operator's configuration lets count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Above this amount two persons must decide the same; so they must when no amount is registered.
    pub second_person_above: Option<u64>,
    /// A yes older than this counts as nothing until it is given again, in days; without it a yes does not age.
    pub evidence_days_max: Option<u32>,
}

/// Criteria in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Declared criteria.
    pub total: usize,
    /// Declared as passed.
    pub declared_passed: usize,
    /// Confirmed in writing by every required endorser.
    pub confirmed: usize,
    /// Declared criteria that the plan calls mandatory, when a plan is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandatory: Option<usize>,
    /// Of the mandatory ones those confirmed in writing by every required endorser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandatory_confirmed: Option<usize>,
    /// Whether the criteria were quoted or only threaded.
    pub seen: Option<CriteriaSeen>,
}

impl Tally {
    /// Brings the confirmed criteria down to what they are by `other`, never up.
    pub fn lower_to(&mut self, other: &Self) {
        self.total = self.total.max(other.total);
        self.confirmed = self.confirmed.min(other.confirmed);
        self.mandatory = self.mandatory.max(other.mandatory);
        let mandatory = self.mandatory_confirmed.zip(other.mandatory_confirmed);
        self.mandatory_confirmed = mandatory.map(|(one, other)| one.min(other));
    }
}

/// The fold over all outcomes of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingReport {
    /// Which opportunity.
    pub opportunity: OpportunityId,
    /// Where it stands.
    pub standing: Standing,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Criteria in numbers.
    pub criteria: Tally,
    /// Who must endorse, and where each stands.
    pub endorsers: Vec<Endorser>,
    /// The messages that count.
    pub evidence: Vec<Evidence>,
    /// Who wrote the declaration that gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// When it was first declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<Timestamp>,
    /// When the buyer's side last wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// Message-ID of the declaration that gates.
    pub declaration: Option<MessageId>,
    /// Where it stands without what people decided: only this opens a gate that wants verified words.
    pub verified_standing: Standing,
    /// Why it stands there, when that is less than `standing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified_reasons: Vec<Reason>,
    /// The decisions that `standing` rests on, when it is more than the verified one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_by: Vec<Acceptance>,
    /// The declared lists of criteria, oldest first; the last one gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<CriteriaVersion>,
    /// The plan beside the declaration, when one is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanReport>,
    /// What a conditional yes is tied to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Evidence that people recorded: never verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual: Vec<ManualEvidence>,
    /// Who speaks in which role for the buyer, champions included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleWord>,
    /// What people stated of facts, newest first; of each person the last word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<StatedFact>,
    /// What the CRM says, newest word of each field: claims, never proof.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DealField, String>,
    /// How the opportunity ended, when somebody recorded that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DealEnd>,
    /// The registered amount, in whole units of the CRM's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Whom the seller named champion since the declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionChange>,
    /// Copies that a person must look at.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub review: BTreeSet<Digest>,
}

/// Somebody of the seller named another champion than the declaration does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChampionChange {
    /// Who is the champion now.
    pub who: Address,
    /// Who said so.
    pub by: String,
    /// When: only a yes that was written later counts.
    pub at: Timestamp,
}

impl StandingReport {
    /// The report of an opportunity of which nothing is known.
    pub fn nothing(opportunity: &OpportunityId) -> Self {
        Self {
            opportunity: opportunity.clone(),
            standing: Standing::NoDeclaration,
            reasons: Vec::new(),
            criteria: Tally::default(),
            endorsers: Vec::new(),
            evidence: Vec::new(),
            seller: None,
            declared_at: None,
            heard_at: None,
            declaration: None,
            verified_standing: Standing::NoDeclaration,
            verified_reasons: Vec::new(),
            accepted_by: Vec::new(),
            versions: Vec::new(),
            plan: None,
            conditions: Vec::new(),
            manual: Vec::new(),
            roles: Vec::new(),
            facts: Vec::new(),
            details: BTreeMap::new(),
            ended: None,
            amount: None,
            champion: None,
            review: BTreeSet::new(),
        }
    }
}
