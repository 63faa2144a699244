//! What the CRM said of an opportunity last, field by field, and how it ended.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::act::Deed;
use super::rulings::Rulings;
use crate::model::{DealEnd, DealField};

/// The newest value of each field; of two of one moment the lesser one, whatever the order in the log.
pub(super) fn details(rulings: &Rulings<'_>) -> BTreeMap<DealField, String> {
    let mut newest = BTreeMap::new();
    for act in rulings.acts() {
        let Deed::Details { opportunity, fields } = &act.deed else { continue };
        if opportunity != rulings.opportunity() {
            continue;
        }
        for (field, value) in fields {
            let rank = (act.at, Reverse(value.clone()));
            let slot = newest.entry(*field).or_insert_with(|| rank.clone());
            if rank > *slot {
                *slot = rank;
            }
        }
    }
    newest.into_iter().map(|(field, (_, Reverse(value)))| (field, value)).collect()
}

/// How it ended by the newest word; in a tie the one that counts for less.
pub(super) fn end(rulings: &Rulings<'_>) -> Option<DealEnd> {
    let ends = rulings.acts().filter_map(|act| match &act.deed {
        Deed::Closed { opportunity, ended, on, could_have_competed }
            if opportunity == rulings.opportunity() =>
        {
            Some(DealEnd {
                ended: *ended,
                on: *on,
                could_have_competed: *could_have_competed,
                by: act.by.clone(),
                at: act.at,
                reason: act.reason.clone(),
            })
        }
        _ => None,
    });
    ends.max_by_key(|end| {
        (end.at, end.ended != crate::model::Ended::Won, end.could_have_competed, end.reason.clone())
    })
}
