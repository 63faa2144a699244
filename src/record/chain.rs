//! Which statement is newer: later in the reply chain, then the signed Date. Arrival never orders.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{MessageId, Outcome};

/// The reply chains of an opportunity's messages.
#[derive(Debug, Default)]
pub struct Chain<'a> {
    parents: BTreeMap<&'a MessageId, BTreeSet<&'a MessageId>>,
}

impl<'a> Chain<'a> {
    /// Reads who answers whom.
    pub fn new(outcomes: &[&'a Outcome]) -> Self {
        let mut chain = Self::default();
        for outcome in outcomes {
            if let Some(id) = &outcome.message_id {
                chain.parents.entry(id).or_default().extend(&outcome.parents);
            }
        }
        chain
    }

    /// Whether `a` was written later than `b`; `None` when nobody can tell.
    pub fn order(&self, a: &Outcome, b: &Outcome) -> Option<Ordering> {
        match (self.answers(a, b), self.answers(b, a)) {
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            _ => match a.date?.cmp(&b.date?) {
                Ordering::Equal => None,
                order => Some(order),
            },
        }
    }

    /// The outcomes that no other one is newer than; all of them if the chain bites its tail.
    pub fn newest(&self, outcomes: &[&'a Outcome]) -> Vec<&'a Outcome> {
        let superseded = |a: &Outcome| outcomes.iter().any(|b| self.order(b, a) == Some(Ordering::Greater));
        let newest: Vec<&Outcome> = outcomes.iter().copied().filter(|a| !superseded(a)).collect();
        if newest.is_empty() { outcomes.to_vec() } else { newest }
    }

    /// Whether `a` answers `b`, directly or through others.
    fn answers(&self, a: &Outcome, b: &Outcome) -> bool {
        let Some(target) = &b.message_id else { return false };
        let mut queue: Vec<&MessageId> = a.parents.iter().collect();
        let mut known = BTreeSet::new();
        while let Some(id) = queue.pop() {
            if id == target {
                return true;
            }
            if known.insert(id) {
                queue.extend(self.parents.get(id).into_iter().flatten());
            }
        }
        false
    }
}
