//! The Mutual Success Plan beside the declaration: a criterion that was agreed before the evaluation may not get lost on
//! the way to the champion.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::act::Deed;
use super::rulings::Rulings;
use super::versions::{against_plan, same};
use crate::model::{Declaration, PlanCriterion, PlanReport, Reason};

/// The plan of an opportunity.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is needed or wished.
    pub criteria: Vec<PlanCriterion>,
    /// Texts that were optional before anything was declared: only these can be missing from a yes.
    optional: Vec<String>,
}

impl Plan {
    /// The plan that holds when the first declaration is of `declared`. What was registered last before that is the
    /// plan; what is registered later can only add to it, since by then somebody knows what failed.
    pub fn of(rulings: &Rulings<'_>, declared: Option<Timestamp>) -> Self {
        let mut plans: Vec<(Timestamp, &Vec<PlanCriterion>)> = rulings
            .acts()
            .filter_map(|act| match &act.deed {
                Deed::Plan { opportunity, criteria, .. } if opportunity == rulings.opportunity() => {
                    Some((act.at, criteria))
                }
                _ => None,
            })
            .collect();
        plans.sort();
        let is_early = |at: &Timestamp| declared.is_none_or(|declared| *at <= declared);
        // Of plans of one moment all count.
        let base = plans.iter().map(|(at, _)| *at).filter(is_early).max();
        let mut plan = Self::default();
        for (at, criteria) in plans.into_iter().filter(|(at, _)| base.is_none_or(|base| *at >= base)) {
            for criterion in criteria {
                plan.add(criterion, Some(at) == base);
            }
        }
        plan
    }

    fn add(&mut self, criterion: &PlanCriterion, early: bool) {
        match self.criteria.iter_mut().find(|c| same(&c.text, &criterion.text)) {
            Some(known) => known.mandatory |= criterion.mandatory,
            None => self.criteria.push(criterion.clone()),
        }
        if early && !criterion.mandatory {
            self.optional.push(criterion.text.clone());
        }
        if criterion.mandatory {
            self.optional.retain(|text| !same(text, &criterion.text));
        }
    }

    /// Numbers of declared criteria that a technical win does not need.
    pub fn optional(&self, declaration: &Declaration) -> BTreeSet<u32> {
        let wished = |text: &str| self.optional.iter().any(|o| same(o, text));
        declaration.criteria.iter().filter(|c| wished(&c.text)).map(|c| c.n).collect()
    }

    /// Numbers of declared criteria that a technical win needs.
    pub fn mandatory(&self, declaration: &Declaration) -> BTreeSet<u32> {
        let needed = |text: &str| self.criteria.iter().any(|c| c.mandatory && same(&c.text, text));
        declaration.criteria.iter().filter(|c| needed(&c.text)).map(|c| c.n).collect()
    }

    /// The plan beside a declaration; nothing without a plan.
    pub fn beside(&self, declaration: &Declaration) -> Option<PlanReport> {
        if self.criteria.is_empty() {
            return None;
        }
        let changes = against_plan(&self.criteria, declaration);
        // With other figures it is another criterion.
        let weightier = changes.reworded.iter().filter(|r| r.weightier).map(|r| &r.from);
        let lost: Vec<&String> = changes.dropped.iter().chain(weightier).collect();
        let mandatory = self.criteria.iter().filter(|c| c.mandatory).map(|c| &c.text);
        let missing = mandatory.filter(|text| lost.contains(text)).cloned().collect();
        Some(PlanReport { criteria: self.criteria.clone(), missing, changes })
    }
}

/// What there is to say about a plan beside the declaration.
pub(super) fn reasons(report: &PlanReport) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = report.dropped().collect();
    for change in &report.changes.reworded {
        let text = format!("The plan says \"{}\", the declaration \"{}\".", change.from, change.to);
        reasons.push(Reason::new("criteria_reworded", text));
    }
    for text in &report.changes.added {
        reasons.push(Reason::new("criteria_added", format!("\"{text}\" is declared and not in the plan.")));
    }
    reasons
}
