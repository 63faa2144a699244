//! Which acts count for an opportunity: what was undone, who may decide, whether a second person is needed, and which
//! decision on a mail is the newest. All of it follows from the set of acts; their order in the log does not matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::act::{Act, CONFLICT, Decision, Deed, may_be_same};
use crate::decide::is_statement;
use crate::model::{Address, Automatic, Claim, Digest, Kind, OpportunityId, Outcome, Verdict};

/// A decision that was made about a mail, by everybody who made the same one last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What was decided.
    pub decision: Decision,
    /// Who did, the first one first.
    pub by: Vec<String>,
    /// When the newest of them did.
    pub at: Timestamp,
    /// Why, in the words of the newest.
    pub reason: String,
    /// The acts, for an undo.
    pub acts: Vec<Digest>,
}

/// How far a mail is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// Nobody has decided, or the mail is not any more what was decided.
    Open,
    /// Somebody wants to hear the SE first.
    Asked(Ruling),
    /// A second person must decide the same.
    Waiting(Ruling),
    /// Decided.
    Decided(Ruling),
}

/// The acts that count for one opportunity.
#[derive(Debug)]
pub struct Rulings<'a> {
    opportunity: &'a OpportunityId,
    sellers: BTreeSet<&'a Address>,
    in_force: BTreeMap<Digest, &'a Act>,
    taken_back: Vec<&'a Act>,
    decisions: BTreeMap<Digest, Vec<(Digest, &'a Act)>>,
    needed: usize,
}

impl<'a> Rulings<'a> {
    /// Sorts the acts. `outcomes` are everything known of the opportunity; whoever declared there is its SE.
    pub fn new(
        opportunity: &'a OpportunityId,
        acts: &'a [Act],
        outcomes: &'a [Outcome],
        second_person_above: Option<u64>,
    ) -> Self {
        let sellers = outcomes.iter().filter_map(|o| o.declaration.as_ref()).map(|d| &d.seller).collect();
        let mut rulings = Self {
            opportunity,
            sellers,
            in_force: in_force(acts),
            taken_back: Vec::new(),
            decisions: BTreeMap::new(),
            needed: 1,
        };
        rulings.undo();
        for (id, act) in &rulings.in_force {
            if let Deed::Decide { message, opportunity: of, .. } = &act.deed
                && of.as_ref().is_none_or(|of| of == opportunity)
            {
                rulings.decisions.entry(message.identity).or_default().push((*id, act));
            }
        }
        let decided = |(id, act): &(Digest, &Act)| (act.at, Reverse(rank(act)), *id);
        rulings.decisions.values_mut().for_each(|list| list.sort_by_key(decided));
        let amount = rulings.amount();
        let above = |max| amount.is_none_or(|amount| amount > max);
        rulings.needed = if second_person_above.is_some_and(above) { 2 } else { 1 };
        rulings
    }

    /// Takes out what was undone.
    fn undo(&mut self) {
        let mut undone: BTreeMap<Digest, Vec<&str>> = BTreeMap::new();
        for act in self.in_force.values() {
            if let Deed::Undo { act: undone_act, .. } = &act.deed
                && self.may_decide(&act.by)
            {
                undone.entry(*undone_act).or_default().push(&act.by);
            }
        }
        for (id, by) in undone {
            let Some(act) = self.in_force.remove(&id) else { continue };
            if is_word(&act.deed) && !by.iter().any(|by| is_same_name(by, &act.by)) {
                self.taken_back.push(act);
            }
        }
    }

    /// Facts and amounts that somebody else took back than who stated them. What was stated before them does not come back:
    /// nobody knows what holds until somebody states it anew.
    pub fn taken_back(&self) -> impl Iterator<Item = &'a Act> {
        self.taken_back.iter().copied()
    }

    /// Whether no act says anything about the opportunity.
    pub fn is_empty(&self) -> bool {
        self.in_force.is_empty()
    }

    /// Whether this person may decide about the opportunity: its SEs may not.
    pub fn may_decide(&self, by: &str) -> bool {
        !self.sellers.iter().any(|seller| may_be_same(by, seller.as_str()))
    }

    /// The opportunity.
    pub fn opportunity(&self) -> &OpportunityId {
        self.opportunity
    }

    /// Acts in force, whoever did them.
    pub fn acts(&self) -> impl Iterator<Item = &'a Act> {
        self.in_force.values().copied()
    }

    /// The opportunity's amount as registered last; of several at the same moment the largest. One that somebody else took
    /// back can not make it less.
    pub fn amount(&self) -> Option<u64> {
        let amount = |act: &Act| match &act.deed {
            Deed::Amount { opportunity, amount } if opportunity == self.opportunity => {
                Some((act.at, *amount))
            }
            _ => None,
        };
        let known = self.eligible().filter_map(|(_, act)| amount(act)).max();
        let taken_back = self.taken_back().filter(|act| self.may_decide(&act.by)).filter_map(amount);
        let later = taken_back.filter(|(at, _)| known.is_none_or(|(newest, _)| *at >= newest));
        known.into_iter().chain(later).map(|(_, amount)| amount).max()
    }

    /// Acts in force of persons who may decide.
    pub fn eligible(&self) -> impl Iterator<Item = (&Digest, &'a Act)> {
        self.in_force.iter().map(|(id, act)| (id, *act)).filter(|(_, act)| self.may_decide(&act.by))
    }

    /// How far `message` is decided, among the `messages` that are known.
    pub fn of(&self, message: &Outcome, messages: &[&Outcome]) -> Review {
        let Some(list) = self.decisions.get(&message.identity) else { return Review::Open };
        let holds = |act: &Act| match &act.deed {
            // What was decided of a mail without an opportunity says nothing about one that it belongs to by now.
            Deed::Decide { opportunity: None, .. } if !message.has("stray_objection") => false,
            Deed::Decide { message: reviewed, .. } => reviewed.holds(message, messages),
            _ => false,
        };
        let list: Vec<(Digest, &Act, &Decision)> = list
            .iter()
            .filter(|(_, act)| self.may_decide(&act.by) && holds(act))
            .filter_map(|(id, act)| Some((*id, *act, decision(act)?)))
            .collect();
        let Some((_, newest, decided)) = list.last() else { return Review::Open };
        let same: Vec<_> = list.iter().rev().take_while(|(_, _, other)| other == decided).collect();
        let ruling = Ruling {
            decision: (*decided).clone(),
            by: same.iter().rev().map(|(_, act, _)| act.by.clone()).fold(Vec::new(), |mut names, name| {
                if !names.contains(&name) {
                    names.push(name);
                }
                names
            }),
            at: newest.at,
            reason: newest.reason.clone(),
            acts: same.iter().rev().map(|(id, _, _)| *id).collect(),
        };
        if **decided == Decision::AskSe {
            Review::Asked(ruling)
        } else if self.needed > 1 && !several(&ruling.by) {
            Review::Waiting(ruling)
        } else {
            Review::Decided(ruling)
        }
    }

    /// Whether somebody whom nobody has overruled by an undo decided otherwise than `verdict` about a mail: then the
    /// machine's own yes to it does not count by itself any more. Whoever it was: a doubt needs no second person.
    pub fn is_doubted(&self, message: &Outcome) -> bool {
        let otherwise = |act: &Act| match decision(act) {
            Some(Decision::Accept { verdict, .. }) => {
                openness(*verdict) < message.verdict.map_or(0, openness)
            }
            Some(Decision::Reject | Decision::NotAbout) => true,
            Some(Decision::AskSe | Decision::Clear) | None => false,
        };
        let list = self.decisions.get(&message.identity);
        list.is_some_and(|list| list.iter().any(|(_, act)| otherwise(act)))
    }

    /// Whether the alarm about a forged mail was dealt with.
    pub fn is_cleared(&self, message: &Outcome, messages: &[&Outcome]) -> bool {
        let forged = message.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged);
        forged && matches!(self.of(message, messages), Review::Decided(r) if r.decision == Decision::Clear)
    }

    /// Whether an outcome belongs to the opportunity: by its own words, or because a person linked it or the
    /// declaration that it answers. What a champion objects without naming a deal belongs to all of them.
    pub fn belongs(&self, outcome: &Outcome, outcomes: &[Outcome]) -> bool {
        if let Some(own) = &outcome.opportunity {
            return own == self.opportunity;
        }
        let linked = |identity: &Digest| self.linked(identity).is_some_and(|to| to == self.opportunity);
        if outcome.has("stray_objection") || linked(&outcome.identity) {
            return true;
        }
        let is_parent = |o: &Outcome| {
            o.declaration.is_some() && o.message_id.as_ref().is_some_and(|id| outcome.parents.contains(id))
        };
        outcome.answers_identity.as_ref().is_some_and(linked)
            || outcomes.iter().filter(|o| is_parent(o)).any(|o| linked(&o.identity))
    }

    /// The opportunity that a declaration was linked to last; none if two links of one moment disagree.
    fn linked(&self, identity: &Digest) -> Option<&'a OpportunityId> {
        let links: Vec<(Timestamp, &'a OpportunityId, &str)> = self
            .eligible()
            .filter_map(|(_, act)| match &act.deed {
                Deed::Link { message, opportunity } if message.identity == *identity => {
                    Some((act.at, opportunity, act.by.as_str()))
                }
                _ => None,
            })
            .collect();
        let newest = links.iter().map(|(at, ..)| *at).max()?;
        let mut at_last = links.iter().filter(|(at, ..)| *at == newest).map(|(_, to, _)| *to);
        let to = at_last.next()?;
        let names: Vec<String> =
            links.iter().filter(|(_, other, _)| *other == to).map(|(.., by)| (*by).to_owned()).collect();
        (at_last.all(|other| other == to) && (self.needed < 2 || several(&names))).then_some(to)
    }
}

/// Whether a person may have to look at a mail, by its outcome alone: doubtful words, a no, a doubtful author, contents
/// that contradict each other, a question that leads to no opportunity.
pub fn needs_person(outcome: &Outcome) -> bool {
    let silent = outcome.sure && matches!(outcome.verdict, Some(Verdict::Inconclusive | Verdict::Automatic));
    let no = matches!(outcome.verdict, Some(Verdict::Declined | Verdict::Retracted));
    let forged = outcome.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged);
    match outcome.kind {
        Kind::Reply if !silent && (no || !is_statement(outcome)) => true,
        Kind::Declaration if outcome.opportunity.is_none() => true,
        Kind::Orphan => true,
        _ => {
            forged
                || outcome.has(CONFLICT)
                || outcome.has("stray_objection")
                || outcome.automatic == Some(Automatic::Recall)
        }
    }
}

/// Whether somebody decided that a mail which belongs to no opportunity needs nobody any more.
pub fn is_put_aside(outcome: &Outcome, acts: &[Act]) -> bool {
    let acts = in_force(acts);
    let is_undone =
        |id: &Digest| acts.values().any(|a| matches!(&a.deed, Deed::Undo { act, .. } if act == id));
    acts.iter().any(|(id, act)| match &act.deed {
        Deed::Decide { message, opportunity: None, decision: Decision::Reject | Decision::NotAbout } => {
            message.identity == outcome.identity && !is_undone(id)
        }
        _ => false,
    })
}

/// Acts by what names them: the same act twice is one act.
fn in_force(acts: &[Act]) -> BTreeMap<Digest, &Act> {
    acts.iter().map(|act| (act.id(), act)).collect()
}

fn decision(act: &Act) -> Option<&Decision> {
    match &act.deed {
        Deed::Decide { decision, .. } => Some(decision),
        _ => None,
    }
}

/// Whether a deed is somebody's word on something that only counts until it is said anew.
fn is_word(deed: &Deed) -> bool {
    matches!(deed, Deed::Fact { .. } | Deed::Amount { .. })
}

/// Whether two names are one as written, but for case: a namesake is not enough to take a word back.
fn is_same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Whether two of these names are surely two persons.
fn several(names: &[String]) -> bool {
    names.iter().any(|a| names.iter().any(|b| !may_be_same(a, b)))
}

/// How far a verdict opens gates; of those that open none, how far it is from a no.
fn openness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Retracted => 0,
        Verdict::Declined => 1,
        Verdict::Deferred => 2,
        Verdict::Inconclusive | Verdict::Automatic => 3,
        Verdict::Conditional => 4,
        Verdict::Confirmed => 5,
    }
}

/// Of decisions of one moment the least favourable is taken for the newest.
fn rank(act: &Act) -> u8 {
    match decision(act) {
        Some(Decision::AskSe) | None => 0,
        Some(Decision::Accept { verdict, .. }) if openness(*verdict) < 3 => 1 + openness(*verdict),
        Some(Decision::Reject) => 4,
        Some(Decision::NotAbout) => 5,
        Some(Decision::Clear) => 6,
        Some(Decision::Accept { verdict, .. }) => 7 + openness(*verdict),
    }
}
