//! What people put on record by hand: of facts each person's last word, and evidence that is no mail.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::act::{Act, Deed};
use super::heard::Heard;
use super::rulings::Rulings;
use crate::model::{ManualEvidence, Said, StatedFact, YesNo};

/// The facts that people stated of the opportunity, and those that their mails state, newest first. Whose word counts is
/// the gate's to say. What was stated by mail up to `limit` is doubtful.
pub(super) fn stated(
    rulings: &Rulings<'_>,
    heard: &[Heard<'_>],
    limit: Option<Timestamp>,
) -> Vec<StatedFact> {
    let typed = |act: &Act, doubtful: bool| match &act.deed {
        Deed::Fact { opportunity, fact, value } if opportunity == rulings.opportunity() => Some(StatedFact {
            id: fact.clone(),
            at: act.at,
            value: if doubtful { YesNo::No } else { *value },
            by: act.by.clone(),
            reason: act.reason.clone(),
            doubtful,
            act: Some(Act::name(&act.id())),
            message_id: None,
        }),
        _ => None,
    };
    let in_force = rulings.acts().filter_map(|act| typed(act, false));
    let taken_back = rulings.taken_back().filter_map(|act| typed(act, true));
    last_words(in_force.chain(taken_back).chain(heard.iter().filter_map(|h| mailed(h, rulings, limit))))
}

/// The fact that a mail states. The SE of the deal states none by mail: a review is somebody else's.
fn mailed(heard: &Heard<'_>, rulings: &Rulings<'_>, limit: Option<Timestamp>) -> Option<StatedFact> {
    let Heard { mail, signal, .. } = heard;
    let from = mail.from.as_ref().filter(|from| rulings.may_decide(from.as_str()))?;
    let at = mail.written();
    let said = if limit.is_some_and(|limit| at <= limit) { Said::Doubtful } else { heard.said };
    Some(StatedFact {
        id: signal.fact.clone()?,
        at,
        value: if said == Said::Yes { YesNo::Yes } else { YesNo::No },
        by: from.to_string(),
        reason: signal.quote.clone(),
        doubtful: said == Said::Doubtful,
        act: None,
        message_id: mail.message_id.as_ref().map(|id| format!("<{id}>")),
    })
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
