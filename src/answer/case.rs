//! Everything on record about one opportunity, and which one a mail belongs to.

use std::collections::BTreeSet;

use super::{Context, Register, Unavailable};
use crate::model::{Address, Digest, OpportunityId, Outcome, StandingReport};
use crate::record::{Act, Deed, Dossier, Rulings, Subject, fold};

/// Everything on record about one opportunity.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub opportunity: OpportunityId,
    pub outcomes: Vec<Outcome>,
    pub acts: Vec<Act>,
}

impl Case {
    /// Collects it.
    pub fn open(opportunity: &OpportunityId, register: &dyn Register) -> Result<Self, Unavailable> {
        let outcomes = outcomes(opportunity, register)?;
        let acts = acts_about(Some(opportunity), &outcomes, register)?;
        Ok(Self { opportunity: opportunity.clone(), outcomes, acts })
    }

    /// Where it stands.
    pub fn report(&self, context: Context<'_>) -> StandingReport {
        fold(&self.opportunity, self.dossier(), context.terms, context.now)
    }

    fn dossier(&self) -> Dossier<'_> {
        Dossier { outcomes: &self.outcomes, acts: &self.acts }
    }

    /// The acts that count.
    pub fn rulings(&self, context: Context<'_>) -> Rulings<'_> {
        Rulings::new(&self.opportunity, &self.acts, &self.outcomes, context.terms.second_person_above)
    }
}

/// The acts about an opportunity and about these mails.
pub(super) fn acts_about(
    opportunity: Option<&OpportunityId>,
    outcomes: &[Outcome],
    register: &dyn Register,
) -> Result<Vec<Act>, Unavailable> {
    let mails: BTreeSet<Digest> = outcomes.iter().map(|o| o.identity).collect();
    let subjects = opportunity.cloned().map(Subject::Opportunity);
    let mut acts = Vec::new();
    for subject in subjects.into_iter().chain(mails.into_iter().map(Subject::Message)) {
        acts.extend(register.acts(&subject)?);
    }
    // A link is found under both.
    acts.sort();
    acts.dedup();
    Ok(acts)
}

/// The case that a mail belongs to, by its own words or by a link.
pub(crate) fn home(
    outcome: &Outcome,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<Option<Case>, Unavailable> {
    if let Some(own) = &outcome.opportunity {
        return Case::open(own, register).map(Some);
    }
    let mut linked = Vec::new();
    for identity in [Some(outcome.identity), outcome.answers_identity].into_iter().flatten() {
        for act in register.acts(&Subject::Message(identity))? {
            if let Deed::Link { opportunity, .. } = act.deed {
                linked.push(opportunity);
            }
        }
    }
    linked.sort();
    linked.dedup();
    for opportunity in linked {
        let case = Case::open(&opportunity, register)?;
        if case.rulings(context).belongs(outcome, &case.outcomes) {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// The outcomes that bear on an opportunity: its own, and what its champions and the account's listed people object
/// without naming a deal.
///
/// # Errors
/// When the record can not be read.
pub fn outcomes(opportunity: &OpportunityId, register: &dyn Register) -> Result<Vec<Outcome>, Unavailable> {
    let mut outcomes = register.outcomes(opportunity)?;
    for declared in register.linked(opportunity)? {
        match &declared.message_id {
            Some(id) => outcomes.extend(register.thread(id)?),
            None => outcomes.push(declared),
        }
    }
    let declared = outcomes.iter().filter_map(|o| Some((o, o.declaration.as_ref()?)));
    let heard: BTreeSet<Address> =
        declared.flat_map(|(o, d)| d.champions.iter().chain(o.roles.keys()).cloned()).collect();
    for person in &heard {
        outcomes.extend(register.strays(person)?);
    }
    Ok(outcomes)
}
