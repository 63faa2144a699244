//! Joins what was said with who said it: the only place that can make an [`Endorsement`].

use crate::model::{Address, Binding, Claim, CriteriaSeen, Digest, Kind, Outcome, Reason, Verdict};

/// A verified written endorsement of declared criteria. Its fields are private: only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    champion: Address,
    message: Digest,
    criteria: Digest,
    quote: String,
}

impl Endorsement {
    /// Who endorsed.
    pub fn champion(&self) -> &Address {
        &self.champion
    }

    /// Identity of the message that endorses.
    pub fn message(&self) -> Digest {
        self.message
    }

    /// Digest of the criteria that are endorsed.
    pub fn criteria(&self) -> Digest {
        self.criteria
    }

    /// The sentence that endorses, verbatim.
    pub fn quote(&self) -> &str {
        &self.quote
    }
}

/// The endorsement that `outcome` is: verdict `confirmed`, sure, authorship `verified`, bound to a declaration
/// whose criteria the author saw or was led to. Anything unknown, missing or temporary is not one.
pub fn endorsement(outcome: &Outcome) -> Option<Endorsement> {
    if outcome.kind != Kind::Reply || outcome.verdict != Some(Verdict::Confirmed) || !is_statement(outcome) {
        return None;
    }
    Some(Endorsement {
        champion: outcome.from.clone()?,
        message: outcome.identity,
        criteria: outcome.criteria_digest?,
        quote: outcome.quote.clone(),
    })
}

/// Whether `outcome` is a statement that counts: sure, by the verified champion, bound to its declaration.
pub fn is_statement(outcome: &Outcome) -> bool {
    outcome.sure && is_authentic(outcome)
}

/// Whether the verified champion wrote it in answer to its declaration.
pub fn is_authentic(outcome: &Outcome) -> bool {
    outcome.answers_identity.is_some()
        && outcome.authorship.as_ref().is_some_and(|a| {
            a.claim == Claim::Verified && a.binding == Binding::Signed && a.seen != CriteriaSeen::Differ
        })
}

/// Marks `outcome` as endorsed or not and says why not where the words alone would have done.
#[must_use]
pub fn decide(mut outcome: Outcome) -> Outcome {
    outcome.endorsed = endorsement(&outcome).is_some();
    if outcome.verdict == Some(Verdict::Confirmed) && !outcome.endorsed {
        let why = if outcome.sure {
            "The words confirm, but they do not count: who wrote them is not proven."
        } else {
            "The words may confirm, but a person must look."
        };
        outcome.reasons.push(Reason::new("not_endorsed", why));
    }
    outcome
}
