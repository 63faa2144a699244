//! Who is the champion, where the seller named another one since the declaration. That only ever closes: the gate waits for
//! the words of the new one, a no of the former one stays ([`super::freeze`]), and no yes from before counts.

use super::act::Deed;
use super::rulings::Rulings;
use crate::model::{ChampionChange, Declaration, Outcome, Reason};

/// The last change about the declaration that gates, by acts in force. A newer declaration names its own champions.
pub(super) fn change(rulings: &Rulings<'_>, gating: &Outcome) -> Option<ChampionChange> {
    let named = rulings.acts().filter_map(|act| match &act.deed {
        Deed::Champion { message, opportunity, champion }
            if opportunity == rulings.opportunity() && message.identity == gating.identity =>
        {
            Some((act.at, act.id(), act, champion))
        }
        _ => None,
    });
    let (at, _, act, who) = named.max_by_key(|(at, id, ..)| (*at, *id))?;
    Some(ChampionChange { who: who.clone(), by: act.by.clone(), at })
}

/// The declaration with the champion who is one now.
pub(super) fn renamed(declaration: &Declaration, change: Option<&ChampionChange>) -> Declaration {
    let mut declaration = declaration.clone();
    if let Some(change) = change {
        declaration.champions = vec![change.who.clone()];
    }
    declaration
}

/// Whether a mail was written before the change. Its Date is the author's word, so what we saw earlier is earlier.
pub(super) fn precedes(change: Option<&ChampionChange>, mail: &Outcome) -> bool {
    let written = mail.written();
    change.is_some_and(|change| written <= change.at)
}

/// That there was a change.
pub(super) fn reason(change: &ChampionChange) -> Reason {
    let text = format!(
        "{} named {} the champion on {}; a yes from before does not count.",
        change.by,
        change.who,
        change.at.strftime("%F")
    );
    Reason::new("champion_changed", text)
        .fix(format!("Ask {} to answer the declaration in writing.", change.who))
}
