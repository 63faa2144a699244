//! Doubts that close every gate until a person has looked, or the champion has answered.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::act::{CONFLICT, Decision};
use super::fold::{Case, Seen, Vote, Word, lower};
use crate::model::{
    Address, Automatic, Claim, Digest, Kind, MessageId, Outcome, Reason, Standing, StandingReport, Verdict,
};

/// Reason of mail that says no and is no answer to a declaration.
const STRAY: &str = "stray_objection";

/// Adds the doubts about the whole case: conflicts, forgeries, a colleague's objection. Freezing only ever closes: a
/// "no" on record stays a "no".
pub(super) fn freeze(
    report: &mut StandingReport,
    case: &Case<'_>,
    votes: &[Vote<'_>],
    newest_declarations: &[&Outcome],
) {
    let mut reasons: Vec<Reason> = conflicts(case, newest_declarations).into_iter().collect();
    let mut waiting: BTreeSet<Digest> = BTreeSet::new();
    for seen in case.seen {
        let message = seen.message;
        let doubts = [forged(message), recall(seen), objects(seen, case)];
        for reason in doubts.into_iter().flatten() {
            waiting.insert(message.sha256);
            reasons.push(reason);
        }
        if message.has(CONFLICT) && seen.ruling.is_none() {
            waiting.insert(message.sha256);
        }
    }
    for (reason, mail) in replaced(case, votes) {
        waiting.extend(mail);
        reasons.push(reason);
    }
    if !reasons.is_empty() {
        lower(&mut report.standing, Standing::NeedsReview);
    }
    report.review.extend(waiting);
    report.reasons.append(&mut reasons);
}

fn conflicts(case: &Case<'_>, newest_declarations: &[&Outcome]) -> Option<Reason> {
    if has_open_conflict(case.seen) {
        return Some(
            Reason::new(CONFLICT, "Different messages came under one Message-ID.")
                .fix("A person must find out which of them was sent."),
        );
    }
    let digests: BTreeSet<_> = newest_declarations.iter().map(|d| d.criteria_digest).collect();
    (digests.len() > 1).then(|| {
        Reason::new(CONFLICT, "Two declarations of the same moment list different criteria.")
            .fix("Send one declaration that replaces both.")
    })
}

/// Whether a message contradicts another of its Message-ID and nobody has decided which one counts: who has decided all
/// but one of them has said that it is this one.
fn has_open_conflict(seen: &[Seen<'_>]) -> bool {
    let mut by_id: BTreeMap<Option<&MessageId>, (usize, usize)> = BTreeMap::new();
    for seen in seen.iter().filter(|s| s.message.has(CONFLICT)) {
        let (open, decided) = by_id.entry(seen.message.message_id.as_ref()).or_default();
        *if seen.ruling.is_some() { decided } else { open } += 1;
    }
    by_id.values().any(|(open, decided)| *open > 1 || (*open == 1 && *decided == 0))
}

fn forged(message: &Outcome) -> Option<Reason> {
    let forged = message.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged);
    forged.then(|| {
        let text = format!("A mail that claims to come from {} contradicts itself.", name(message));
        Reason::new("identity_failed", text).fix("A person must look at the mail and clear it.")
    })
}

fn recall(seen: &Seen<'_>) -> Option<Reason> {
    let recall = seen.message.automatic == Some(Automatic::Recall) && seen.ruling.is_none();
    recall.then(|| {
        let text = format!("{} tried to recall a mail: an answer may be taken back.", name(seen.message));
        Reason::new("recall", text).fix("Ask the champion whether the answer still stands.")
    })
}

/// Somebody speaks against the deal outside of the champions' answers, and no champion has answered that since: a
/// colleague or a listed person in answer to the declaration, or in a mail that names the deal; a champion or a listed
/// person in a mail that names none. Nothing proves who wrote it: unproven mail may freeze, never confirm.
fn objects(seen: &Seen<'_>, case: &Case<'_>) -> Option<Reason> {
    let message = seen.message;
    let from = message.from.as_ref()?;
    let champions = &case.declaration.champions;
    let champion = champions.contains(from);
    let listed = champion || case.gating.roles.contains_key(from);
    let colleague = listed || champions.iter().any(|c| same_company(c, from));
    let replies = message.kind == Kind::Reply;
    let names_deal = replies || message.opportunity.is_some();
    // Block wide: a doubtful mail that names something failed may be a no. A champion's answer is a vote by itself.
    let may_say_no =
        !message.sure && ["declined", "retracted", "concern"].iter().any(|code| message.has(code));
    let refuses = replies && !champion && (may_say_no || is_no(message.verdict) || is_no(seen.accepted()));
    let speaks = if names_deal { colleague } else { listed };
    let objects =
        speaks && (refuses || message.has(STRAY)) && !is_dismissed(seen) && !is_answered(message, case);
    objects.then(|| if champion || !names_deal { stray(message) } else { objection(message, listed) })
}

fn objection(message: &Outcome, listed: bool) -> Reason {
    let side = if listed { "who is listed for the account" } else { "of the champion's domain" };
    let text = format!("{}, {side}, objects: \"{}\"", name(message), message.quote);
    Reason::new("new_objection", text).fix("Ask the champion to answer the objection in writing.")
}

fn stray(message: &Outcome) -> Reason {
    let text =
        format!("{} objects in a mail that answers no declaration: \"{}\"", name(message), message.quote);
    Reason::new(STRAY, text)
        .fix("Ask the champion whether this deal is meant, and to answer its declaration.")
}

fn is_no(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Declined | Verdict::Retracted))
}

/// One domain, or one below the other: offices write from `eu.acme.example` too.
fn same_company(a: &Address, b: &Address) -> bool {
    let below = |child: &str, parent: &str| child.strip_suffix(parent).is_some_and(|r| r.ends_with('.'));
    let (a, b) = (a.domain(), b.domain());
    a == b || below(a, b) || below(b, a)
}

/// Whether a person decided that it is no objection.
fn is_dismissed(seen: &Seen<'_>) -> bool {
    match seen.ruling.as_ref().map(|r| &r.decision) {
        None | Some(Decision::AskSe) => false,
        Some(Decision::Accept { verdict, .. }) => !is_no(Some(*verdict)),
        Some(Decision::Reject | Decision::NotAbout | Decision::Clear) => true,
    }
}

/// Whether a champion's statement that counts came after `message`.
fn is_answered(message: &Outcome, case: &Case<'_>) -> bool {
    let champions = &case.declaration.champions;
    case.seen.iter().any(|s| {
        case.opens_a_gate(s)
            && champions.iter().any(|c| s.message.from.as_ref() == Some(c))
            && case.chain.order(s.message, message) == Some(Ordering::Greater)
    })
}

/// Champions of earlier declarations who are not asked any more. Whoever answered with something else than a yes was
/// perhaps replaced for it; whoever was dropped without an answer, while the yes that counts answers an older
/// declaration, was dropped after the reply: a seller must not go on asking until somebody agrees.
fn replaced(case: &Case<'_>, votes: &[Vote<'_>]) -> Vec<(Reason, Vec<Digest>)> {
    let current = &case.declaration.champions;
    let declared = case.seen.iter().filter_map(|s| s.message.declaration.as_ref());
    let earlier: BTreeSet<&Address> =
        declared.flat_map(|d| &d.champions).filter(|c| !current.contains(c)).collect();
    let answers_older = |s: &Seen<'_>| {
        case.opens_a_gate(s) && s.message.answers_identity.is_some_and(|id| id != case.gating.identity)
    };
    let older = votes.iter().flat_map(|v| &v.statements).any(|s| answers_older(s));
    let mut reasons = Vec::new();
    for champion in earlier {
        let newest = case.newest(&case.said_by(champion, |_| true));
        let yes = |s: &&&Seen<'_>| {
            matches!(case.word(s), Word::Said(Standing::Confirmed) | Word::Accepted(Standing::Confirmed))
        };
        if let Some(other) = newest.iter().find(|s| !yes(s)) {
            let text = format!(
                "{champion} was the champion and answered: \"{}\". Now others are asked.",
                other.message.quote
            );
            let reason = Reason::new("champion_changed_after_reply", text)
                .fix("A person must find out whether the new champion speaks for the company.");
            reasons.push((reason, vec![other.message.sha256]));
        } else if newest.is_empty() && older {
            let text = format!("{champion} was asked too, never answered, and was dropped after the yes.");
            let reason = Reason::new("champion_changed_after_reply", text)
                .fix("Ask the champions who are left to answer the newest declaration.");
            reasons.push((reason, Vec::new()));
        }
    }
    reasons
}

/// A champion who said yes was replaced by another, who has not: the yes was somebody else's.
pub(super) fn succeeded(case: &Case<'_>) -> Option<Reason> {
    let current = &case.declaration.champions;
    let declared = || case.seen.iter().filter_map(|s| s.message.declaration.as_ref());
    let is_former = |who: &Address| !current.contains(who) && declared().any(|d| d.champions.contains(who));
    let yes = case.seen.iter().find(|s| {
        matches!(case.word(s), Word::Said(Standing::Confirmed))
            && s.message.from.as_ref().is_some_and(is_former)
    })?;
    let text = format!("{} said yes and is not the champion any more.", name(yes.message));
    Some(
        Reason::new("champion_changed_after_reply", text)
            .fix("The champion of the newest declaration must answer it."),
    )
}

fn name(outcome: &Outcome) -> String {
    outcome.from.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string)
}
