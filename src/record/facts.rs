//! What people put on record by hand: of facts each person's last word, and evidence that is no mail.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::act::{Act, Deed};
use super::rulings::Rulings;
use crate::model::{ManualEvidence, Outcome, Said, Signal, StatedFact, YesNo};

/// The facts that people stated of the opportunity, and those that `mails` state, newest first. Whose word counts is the gate's to say.
pub(super) fn stated(rulings: &Rulings<'_>, mails: &[&Outcome]) -> Vec<StatedFact> {
    let typed = rulings.acts().filter_map(|act| match &act.deed {
        Deed::Fact { opportunity, fact, value } if opportunity == rulings.opportunity() => Some(StatedFact {
            id: fact.clone(),
            at: act.at,
            value: *value,
            by: act.by.clone(),
            reason: act.reason.clone(),
            doubtful: false,
            act: Some(Act::name(&act.id())),
            message_id: None,
        }),
        _ => None,
    });
    last_words(typed.chain(mails.iter().flat_map(|mail| mailed(mail, rulings))))
}

/// The facts that a mail states. The SE of the deal states none by mail: a review is somebody else's.
fn mailed(mail: &Outcome, rulings: &Rulings<'_>) -> Vec<StatedFact> {
    let Some(from) = mail.from.as_ref().filter(|from| rulings.may_decide(from.as_str())) else {
        return Vec::new();
    };
    let stated = |signal: &Signal| {
        Some(StatedFact {
            // What closes needs no proof.
            id: signal.fact.clone().filter(|_| signal.proven || signal.said != Said::Yes)?,
            at: mail.date.map_or(mail.seen_at, |date| date.min(mail.seen_at)),
            value: if signal.said == Said::Yes { YesNo::Yes } else { YesNo::No },
            by: from.to_string(),
            reason: signal.quote.clone(),
            doubtful: signal.said == Said::Doubtful || !signal.proven,
            act: None,
            message_id: mail.message_id.as_ref().map(|id| format!("<{id}>")),
        })
    };
    mail.signals.iter().filter_map(stated).collect()
}

/// What people recorded besides mail, oldest first.
pub(super) fn manual(rulings: &Rulings<'_>) -> Vec<ManualEvidence> {
    let mut manual: Vec<ManualEvidence> = rulings
        .acts()
        .filter_map(|act| match &act.deed {
            Deed::Evidence { opportunity, kind, link, file } if opportunity == rulings.opportunity() => {
                Some(ManualEvidence {
                    name: Act::name(&act.id()),
                    kind: *kind,
                    by: act.by.clone(),
                    at: act.at,
                    note: act.reason.clone(),
                    link: link.clone(),
                    file: file.clone(),
                    verified: false,
                })
            }
            _ => None,
        })
        .collect();
    manual.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    manual
}

/// Of each person what was said last. Two words of one moment both stay: which of them closes is not known here.
fn last_words(stated: impl Iterator<Item = StatedFact>) -> Vec<StatedFact> {
    let mut last: BTreeMap<(String, String), Vec<StatedFact>> = BTreeMap::new();
    for fact in stated {
        let known = last.entry((fact.id.clone(), fact.by.to_lowercase())).or_default();
        match known.first().map(|k| k.at) {
            Some(at) if at > fact.at => continue,
            Some(at) if at < fact.at => known.clear(),
            _ => {}
        }
        known.push(fact);
    }
    let mut all: Vec<StatedFact> = last.into_values().flatten().collect();
    all.sort();
    all.sort_by_key(|f| Reverse(f.at));
    all
}
