//! How many opportunities stand where.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::shape::{Sign, state};
use super::words;
use crate::model::Standing;

/// The numbers in the order of the words' weight. What rests on a decision is counted apart.
pub fn tally(standings: &BTreeMap<String, usize>) -> Markup {
    const ORDER: [Standing; 9] = [
        Standing::Confirmed,
        Standing::Conditional,
        Standing::Partial,
        Standing::NeedsReview,
        Standing::AwaitingReply,
        Standing::Deferred,
        Standing::Declined,
        Standing::Retracted,
        Standing::NoDeclaration,
    ];
    let accepted = standings.get("accepted");
    html! {
        @if !standings.is_empty() {
            ul.tally aria-label="Opportunities by standing" {
                @for standing in ORDER {
                    @if let Some(n) = standings.get(standing.as_str()) {
                        @let (sign, word) = words::standing(standing);
                        li { strong { (n) } " " (state(sign, word)) }
                    }
                }
                @if let Some(n) = accepted { li { strong { (n) } " " (state(Sign::Look, "Accepted by a person, not verified")) } }
            }
        }
    }
}
