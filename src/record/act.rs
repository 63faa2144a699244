//! What people do to the record: decisions, links, plans, evidence of other kinds. Each act names who did it and why,
//! and is known by a digest of its content, never by its place in the log: two logs that hold the same acts in another
//! order tell the same story.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::{
    Address, DealField, Digest, Ended, EvidenceKind, FileHash, MessageId, OpportunityId, Outcome,
    PlanCriterion, Verdict, YesNo,
};

/// Something that a named person did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Act {
    /// When, by the clock of the daemon.
    pub at: Timestamp,
    /// Who: a name or an address, as given.
    pub by: String,
    /// Why; never empty.
    pub reason: String,
    /// What.
    pub deed: Deed,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// Decided what a mail means for an opportunity.
    Decide {
        /// The mail as it was reviewed.
        message: Reviewed,
        /// The opportunity for which it was decided; none for mail that belongs to no opportunity.
        opportunity: Option<OpportunityId>,
        /// What was decided.
        decision: Decision,
    },
    /// Said to which opportunity a declaration belongs that names none.
    Link {
        /// The declaration.
        message: Reviewed,
        /// The opportunity.
        opportunity: OpportunityId,
    },
    /// Named another champion than the declaration does. Nothing that was written before counts as a yes any more.
    Champion {
        /// The declaration.
        message: Reviewed,
        /// The opportunity.
        opportunity: OpportunityId,
        /// Who is the champion.
        champion: Address,
    },
    /// Took an act back. An undo cannot be undone: do the act again.
    Undo {
        /// Digest of the act ([`Act::id`]).
        act: Digest,
        /// What that act is about.
        subjects: Vec<Subject>,
    },
    /// Registered the criteria that a technical win needs, before the evaluation.
    Plan {
        /// The opportunity.
        opportunity: OpportunityId,
        /// The Mutual Success Plan's criteria.
        criteria: Vec<PlanCriterion>,
        /// Digest of the file that they came from.
        file: Digest,
    },
    /// Recorded evidence that is no mail.
    Evidence {
        /// The opportunity.
        opportunity: OpportunityId,
        /// What it is; the act's reason is the note about it.
        kind: EvidenceKind,
        /// Where it is.
        link: Option<String>,
        /// The file.
        file: Option<FileHash>,
    },
    /// Had mail erased: its octets, and the entries that tell of it. It cannot be undone.
    Erase {
        /// The opportunities that it bore on: none of them is what it was.
        opportunities: BTreeSet<OpportunityId>,
        /// The copies.
        copies: BTreeSet<Digest>,
    },
    /// Was shown the raw octets of a mail.
    Access {
        /// Identity of the mail.
        message: Digest,
        /// The copy.
        sha256: Digest,
    },
    /// Registered the opportunity's amount.
    Amount {
        /// The opportunity.
        opportunity: OpportunityId,
        /// Whole units of the CRM's currency.
        amount: u64,
    },
    /// Stated a fact that a gate asks for.
    Fact {
        /// The opportunity.
        opportunity: OpportunityId,
        /// The fact's name.
        fact: String,
        /// What was stated.
        value: YesNo,
    },
    /// Registered what the CRM says: only the fields that changed.
    Details {
        /// The opportunity.
        opportunity: OpportunityId,
        /// Their new values.
        fields: BTreeMap<DealField, String>,
    },
    /// Recorded how the opportunity ended.
    Closed {
        /// The opportunity.
        opportunity: OpportunityId,
        /// How.
        ended: Ended,
        /// When.
        on: Date,
        /// Of an evaluation that we declined: whether we could have competed.
        could_have_competed: bool,
    },
}

/// What a person decided about a mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Decision {
    /// It says this. Shown as `accepted by NAME`, never as verified.
    Accept {
        /// What it says.
        verdict: Verdict,
        /// The champion for whom it speaks, when that is not its author.
        speaks_for: Option<Address>,
    },
    /// It gives no verdict.
    Reject,
    /// It is not about this opportunity.
    NotAbout,
    /// The SE must say more first; the mail stays in the queue.
    AskSe,
    /// The alarm that its author is forged is dealt with; the mail counts as nothing.
    Clear,
}

/// A mail as it was when somebody reviewed it. Under the same Message-ID with other content it is another mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reviewed {
    /// Message-ID.
    pub message_id: Option<MessageId>,
    /// Identity of its content.
    pub identity: Digest,
    /// The stored copy that was shown.
    pub sha256: Digest,
    /// Identities of everything that was known under its Message-ID.
    pub known: BTreeSet<Digest>,
    /// It was known to contradict another mail of its Message-ID.
    pub conflict: bool,
}

/// What an act is about: under these it is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An opportunity.
    Opportunity(OpportunityId),
    /// A mail, by its identity.
    Message(Digest),
}

impl Act {
    /// Names the act by its content.
    pub fn id(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The first digits of an act's id: what people call it.
    pub fn name(id: &Digest) -> String {
        id.to_string().chars().take(12).collect()
    }

    /// What it is about.
    pub fn subjects(&self) -> Vec<Subject> {
        match &self.deed {
            Deed::Decide { message, .. } => vec![Subject::Message(message.identity)],
            Deed::Link { message, opportunity } | Deed::Champion { message, opportunity, .. } => {
                vec![Subject::Message(message.identity), Subject::Opportunity(opportunity.clone())]
            }
            Deed::Undo { subjects, .. } => subjects.clone(),
            Deed::Amount { .. }
            | Deed::Fact { .. }
            | Deed::Details { .. }
            | Deed::Closed { .. }
            | Deed::Plan { .. }
            | Deed::Evidence { .. } => {
                self.deed.opportunity().cloned().map(Subject::Opportunity).into_iter().collect()
            }
            Deed::Access { message, .. } => vec![Subject::Message(*message)],
            Deed::Erase { opportunities, .. } => {
                opportunities.iter().cloned().map(Subject::Opportunity).collect()
            }
        }
    }

    /// The opportunities that it names. What an undo is about is told by the act that it took back.
    pub fn opportunities(&self) -> BTreeSet<OpportunityId> {
        let named = self.subjects().into_iter().filter_map(|subject| match subject {
            Subject::Opportunity(id) => Some(id),
            Subject::Message(_) => None,
        });
        named.chain(self.deed.opportunity().cloned()).collect()
    }
}

impl Deed {
    /// The one opportunity that it is about.
    pub fn opportunity(&self) -> Option<&OpportunityId> {
        match self {
            Self::Decide { opportunity, .. } => opportunity.as_ref(),
            Self::Link { opportunity, .. }
            | Self::Champion { opportunity, .. }
            | Self::Amount { opportunity, .. }
            | Self::Fact { opportunity, .. }
            | Self::Details { opportunity, .. }
            | Self::Closed { opportunity, .. }
            | Self::Plan { opportunity, .. }
            | Self::Evidence { opportunity, .. } => Some(opportunity),
            Self::Undo { .. } | Self::Access { .. } | Self::Erase { .. } => None,
        }
    }
}

impl Reviewed {
    /// The mail of `outcome` as it is now; `copies` are the outcomes of all copies under its Message-ID.
    pub fn now(outcome: &Outcome, copies: &[Outcome]) -> Self {
        let mut known: BTreeSet<Digest> = copies.iter().map(|o| o.identity).collect();
        known.insert(outcome.identity);
        Self {
            message_id: outcome.message_id.clone(),
            identity: outcome.identity,
            sha256: outcome.sha256,
            known,
            conflict: outcome.has(CONFLICT),
        }
    }

    /// Whether `outcome` still is what was reviewed, among the `messages` that are known now.
    pub fn holds(&self, outcome: &Outcome, messages: &[&Outcome]) -> bool {
        let same_id = |m: &&&Outcome| m.message_id.is_some() && m.message_id == outcome.message_id;
        self.identity == outcome.identity
            && self.message_id == outcome.message_id
            && (self.conflict || !outcome.has(CONFLICT))
            && messages.iter().filter(same_id).all(|m| self.known.contains(&m.identity))
    }
}

/// Reason code of contents that contradict each other under one Message-ID.
pub(super) const CONFLICT: &str = "message_conflict";

/// Whether two names may be one person: equal addresses, or a name whose words are those of the other's name or of its
/// address before the `@` ("Kim Lee", "K. Lee" and "kim.lee@…"). Two addresses are one person only when they are equal.
pub fn may_be_same(a: &str, b: &str) -> bool {
    let (one, other) = (Address::new(a), Address::new(b));
    if let (Some(one), Some(other)) = (&one, &other) {
        return one == other;
    }
    let words = |address: &Option<Address>, text: &str| -> Vec<String> {
        let text = address.as_ref().map_or(text, |a| a.local());
        let folded = crate::text::squeeze(text);
        folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let (one, other) = (words(&one, a), words(&other, b));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let initial = |a: &str, b: &str| a.chars().count() == 1 && b.starts_with(a);
    let alike = |a: &str, b: &str| a == b || initial(a, b) || initial(b, a);
    !short.is_empty() && short.iter().all(|word| long.iter().any(|other| alike(word, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_under_several_names() {
        for (a, b) in [
            ("Kim", "kim@seller.example"),
            ("Kim Lee", "kim.lee@seller.example"),
            ("K. Lee", "kim.lee@seller.example"),
            ("kim lee", "Kim Lee"),
            ("kim@seller.example", "KIM@seller.example"),
        ] {
            assert!(may_be_same(a, b) && may_be_same(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("Ana", "kim@seller.example"),
            ("kim@seller.example", "kim@other.example"),
            ("Ana Lee", "Kim Lee"),
            ("", "kim@seller.example"),
        ] {
            assert!(!may_be_same(a, b) && !may_be_same(b, a), "{a} {b}");
        }
    }

    #[test]
    fn an_act_is_named_by_its_content() {
        let act = |reason: &str| Act {
            at: Timestamp::UNIX_EPOCH,
            by: "Ana".into(),
            reason: reason.into(),
            deed: Deed::Amount { opportunity: OpportunityId::new("OPP-1").unwrap(), amount: 5 },
        };
        assert_eq!(act("a").id(), act("a").id());
        assert_ne!(act("a").id(), act("b").id());
        let text = serde_json::to_string(&act("a")).unwrap();
        assert_eq!(serde_json::from_str::<Act>(&text).unwrap(), act("a"));
    }
}
