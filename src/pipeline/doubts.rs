//! What keeps a reading of the words from being sure, whatever the judge says: copies, threads, deals, unread parts.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Facts, Known};
use crate::judge::{Rules, Sign};
use crate::model::{
    CriteriaSeen, Kind, Message, OpportunityId, Outcome, Part, Reason, Recognition, Said, Verdict,
};
use crate::read::read;
use crate::recognise;

/// What keeps a reading of the words from being sure whatever the judge says. Also says whether anything does: then no
/// other yes of the mail, such as those of `signs`, is sure either.
pub(super) fn add_doubts(
    outcome: &mut Outcome,
    facts: &Facts,
    recognition: &Recognition,
    subject: &Known,
    signs: &[Sign],
    rules: &Rules,
) -> bool {
    let told = outcome.reasons.len();
    let answered = recognition.answers.and_then(|a| facts.ancestors.iter().find(|k| k.message().digest == a));
    let mut others = facts.ancestors.iter().chain(&facts.claimed);
    let declared_twice = answered.is_some_and(|declaring| {
        let same_id = |k: &&Arc<Known>| k.message().message_id == declaring.message().message_id;
        others.any(|k| same_id(&k) && contradict(declaring, k))
    });
    if declared_twice || facts.copies.iter().any(|copy| contradict(subject, copy)) {
        outcome.reasons.push(
            Reason::new("message_conflict", "Different messages came under one Message-ID.")
                .fix("A person must find out which of them was sent."),
        );
    }
    let affirms_other = signs.iter().any(|sign| sign.said == Said::Yes);
    add_doubtful_question(outcome, facts, recognition);
    if outcome.kind == Kind::Reply || affirms_other {
        add_other_deal(outcome, &subject.message().subject);
    }
    add_other_question(outcome, facts, answered, rules);
    if affirms(outcome) || affirms_other {
        add_unread_parts(outcome, subject.message());
    }
    // The mail leads to two deals: which of them is meant, nobody can tell.
    let deals: BTreeSet<&OpportunityId> =
        facts.ancestors.iter().filter(|k| k.declaration.is_some()).flat_map(|k| &k.opportunities).collect();
    if deals.len() > 1 && recognition.kind == Kind::Reply {
        outcome.reasons.push(
            Reason::new("answers_conflict", "The mail answers declarations of several opportunities.")
                .fix("Ask the champion which evaluation the answer is about."),
        );
    }
    let doubtful = |r: &Reason| matches!(r.code.as_str(), "answers_conflict" | "opportunity_conflict");
    let doubted =
        outcome.reasons.len() > told || recognition.weak_machine || recognition.reasons.iter().any(doubtful);
    if doubted {
        outcome.sure = false;
    }
    doubted
}

/// The declaration may have asked something else than we read: a yes to it is for a person.
fn add_doubtful_question(outcome: &mut Outcome, facts: &Facts, recognition: &Recognition) {
    let relatives = facts.ancestors.iter().chain(&facts.siblings);
    let asked = recognition.answers.and_then(|a| relatives.into_iter().find(|k| k.message().digest == a));
    if let Some(asked) = asked.filter(|k| affirms(outcome) && !k.doubts.is_empty()) {
        outcome.reasons.extend(asked.doubts.iter().cloned());
    }
}

/// "Confirmed for OPP-40000" in the thread of another deal says nothing about this one.
fn add_other_deal(outcome: &mut Outcome, title: &str) {
    let Some(own) = outcome.opportunity.clone() else { return };
    let said = [outcome.fresh_text.as_str(), outcome.unsure_text.as_str(), title];
    let mut others: Vec<OpportunityId> = said.iter().flat_map(|t| recognise::other_named(t, &own)).collect();
    others.dedup();
    if others.is_empty() {
        return;
    }
    let list: Vec<&str> = others.iter().map(OpportunityId::as_str).collect();
    outcome.reasons.push(
        Reason::new(
            "opportunity_conflict",
            format!("The words name {}, but the thread belongs to {own}.", list.join(", ")),
        )
        .fix("Ask the champion which evaluation the answer is about."),
    );
}

pub(super) fn affirms(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Some(Verdict::Confirmed | Verdict::Conditional))
}

/// A yes to another mail than the declaration may answer another question: whoever wrote that mail may have asked
/// for less. It counts only when the author had the recorded criteria before her eyes and the other mail is hers,
/// or is on record and states no figure and no criterion.
fn add_other_question(outcome: &mut Outcome, facts: &Facts, answered: Option<&Arc<Known>>, rules: &Rules) {
    let Some(declared) = answered.filter(|_| affirms(outcome)) else { return };
    let Some(parent) =
        outcome.parents.first().filter(|id| declared.message().message_id.as_ref() != Some(id))
    else {
        return;
    };
    // Our own letter asked for the same criteria in the same words, and it is on record as ours.
    let restates = |k: &Arc<Known>| {
        k.message().message_id.as_ref() == Some(parent)
            && declared.declaration.as_ref().is_some_and(|d| k.restates(declared.message(), d))
    };
    if facts.ancestors.iter().any(restates) {
        return;
    }
    let quoted = outcome.authorship.as_ref().is_some_and(|a| a.seen == CriteriaSeen::Quoted);
    let mails: Vec<&Arc<Known>> =
        facts.ancestors.iter().filter(|k| k.message().message_id.as_ref() == Some(parent)).collect();
    let own = |k: &&Arc<Known>| k.message().author().map(|a| &a.address) == outcome.from.as_ref();
    // "All criteria are met" says what it answers; a bare yes does not.
    let names_all = |r: &Reason| r.rule.as_deref().is_some_and(|rule| rules.speaks_of_all(rule));
    let whole = outcome.reasons.iter().any(names_all);
    let harmless = |k: &&Arc<Known>| own(k) || (quoted && asks_nothing_new(k, whole));
    let (code, text) = if mails.is_empty() && !quoted {
        ("parent_unknown", "It answers a mail that is not on record, and quotes no criteria.")
    } else if !mails.iter().all(harmless) {
        ("parent_other", "It answers a later mail, not the declaration itself.")
    } else {
        return;
    };
    outcome.reasons.push(
        Reason::new(code, text)
            .fix("Ask the champion to answer the declaration itself, with its criteria quoted."),
    );
}

/// Whether a later mail, without what it quotes, changes nothing about the criteria; for an answer that does not
/// name them (`whole`), whether it asks nothing and states no figure either.
pub(super) fn asks_nothing_new(known: &Known, whole: bool) -> bool {
    const CHANGES: &[&str] = &["criteri", "require", "instead", "forget", "ignore", "disregard", "drop", "%"];
    let folded = crate::text::squeeze(&read(known.message(), &[]).fresh);
    let neutral = !folded.contains('?') && !folded.bytes().any(|b| b.is_ascii_digit());
    (whole || neutral) && !CHANGES.iter().any(|w| folded.contains(w))
}

/// Texts and documents beside the body are not read: a condition may stand in them.
fn add_unread_parts(outcome: &mut Outcome, message: &Message) {
    if message.parts.iter().any(may_say_more) {
        outcome.reasons.push(
            Reason::new(
                "attachment_unread",
                "A text is attached, and nobody has read whether it changes the answer.",
            )
            .fix("Read the attachment."),
        );
    }
}

/// Texts and documents; pictures and signatures say nothing more.
fn may_say_more(part: &Part) -> bool {
    match part.media_type.split_once('/') {
        Some(("text", _)) => !part.is_body(),
        Some(("application", kind)) => !kind.ends_with("-signature") && !kind.ends_with("ms-tnef"),
        _ => false,
    }
}

/// Whether two copies under one Message-ID say different things. Clients lay out anew what they attach, so an
/// attached declaration contradicts a delivered one only if it states other criteria.
fn contradict(a: &Known, b: &Known) -> bool {
    if a.message().identity == b.message().identity {
        // One genuine yes under two threads: somebody led a copy of it to another declaration (AUTHENTICITY threat 12).
        let (a, b) = (&a.message().in_reply_to, &b.message().in_reply_to);
        return !a.is_empty() && !b.is_empty() && a != b;
    }
    if !a.witnessed.is_attached() && !b.witnessed.is_attached() {
        return true;
    }
    match (&a.declaration, &b.declaration) {
        (Some(a), Some(b)) => a.criteria_digest() != b.criteria_digest() || a.champions != b.champions,
        _ => true,
    }
}
