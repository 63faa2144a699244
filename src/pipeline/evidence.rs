//! Evidence besides the champion's yes: what the mail says of it, joined with who wrote it.

use super::Known;
use crate::judge::{self, EvidenceRule, Rules, Side, Sign};
use crate::model::{
    Account, Claim, Declaration, Kind, Outcome, Policy, Reading, Reason, Said, Signal, Source, Witnessed,
};
use crate::verify::{Case, account_of, authenticate_declaration, verify_evidence};

/// Adds the evidence that the mail is. `answered` is the declaration of its opportunity, if one is known.
pub(super) fn add_evidence(
    outcome: &mut Outcome,
    subject: &Known,
    reading: &Reading,
    answered: Option<(&Witnessed, &Declaration)>,
    rules: &Rules,
    policy: &Policy,
) {
    let may_be = matches!(outcome.kind, Kind::Reply | Kind::Orphan | Kind::Other);
    if !may_be || outcome.opportunity.is_none() || super::is_too_long(reading) {
        return;
    }
    let names: Vec<&str> = match answered {
        Some((_, declaration)) => super::own_names(policy, declaration),
        None => policy.seller.names.iter().map(String::as_str).collect(),
    };
    for sign in judge::signs(reading, &names, rules) {
        let Some(rule) = rules.evidence().get(&sign.kind) else { continue };
        let by_seller = super::by_seller(&subject.witnessed.message, &policy.seller);
        let is_other = by_seller != (rule.by == Side::Seller) || is_wrong_way(rule, subject, policy);
        if is_other {
            continue;
        }
        let account = answered.and_then(|(_, declaration)| account_of(declaration, policy));
        let role = role(outcome, rule, account, answered.map(|(_, d)| d));
        let doubt = match rule.by {
            Side::Seller => sellers_doubt(subject, policy),
            // Doubtful hearsay is nobody's word.
            Side::Buyer => match out_of_role(rule, role.as_deref()) {
                Some(_) if sign.said != Said::Yes => continue,
                Some(doubt) => Some(doubt),
                None => buyers_doubt(outcome, subject, reading, answered, policy),
            },
        };
        tell(outcome, &sign, rule, doubt.as_deref());
        let own = rule.fills.as_deref() == Some("own");
        // A role that has a kind of its own is filled by that kind; a no speaks for every role.
        let has_kind = |role: &str| rules.evidence().values().any(|r| r.fills.as_deref() == Some(role));
        let role = role.filter(|role| sign.said != Said::Yes || !has_kind(role));
        let fills = if own { role } else { rule.fills.clone() };
        outcome.signals.push(Signal {
            kind: sign.kind,
            said: sign.said,
            proven: doubt.is_none(),
            role: fills,
            waiver: rule.waiver,
            fact: rule.states.clone(),
            quote: sign.quote,
        });
    }
}

/// The writer's role: by the accounts file, or as a declared champion.
fn role(
    outcome: &Outcome,
    rule: &EvidenceRule,
    account: Option<&Account>,
    declaration: Option<&Declaration>,
) -> Option<String> {
    let from = outcome.from.as_ref().filter(|_| rule.by == Side::Buyer)?;
    match account {
        Some(account) => account.endorsers.get(from.as_str()).cloned(),
        None => declaration?.champions.contains(from).then(|| "technical".to_owned()),
    }
}

/// Why the seller's mail is not proven.
fn sellers_doubt(subject: &Known, policy: &Policy) -> Option<String> {
    let proof = authenticate_declaration(&subject.witnessed, policy);
    (!proof.holds).then(|| "nothing proves which of the seller's people wrote it".to_owned())
}

/// Why the buyer's mail is not proven.
fn buyers_doubt(
    outcome: &Outcome,
    subject: &Known,
    reading: &Reading,
    answered: Option<(&Witnessed, &Declaration)>,
    policy: &Policy,
) -> Option<String> {
    let Some((declared, declaration)) = answered else {
        return Some("no declaration says yet to which account the opportunity belongs".into());
    };
    let opportunity = outcome.opportunity.as_ref()?;
    let case = Case { declared, declaration, prompts: &[] };
    let authorship = verify_evidence(&subject.witnessed, &case, opportunity, reading, policy);
    if authorship.claim == Claim::Verified {
        return None;
    }
    let why = authorship.reasons.iter().find(|r| r.code != "no_accounts").or(authorship.reasons.first());
    Some(why.map_or_else(|| "nothing proves who wrote it".to_owned(), |r| r.text.clone()))
}

/// Why the writer's role is not one whose word it must be.
fn out_of_role(rule: &EvidenceRule, role: Option<&str>) -> Option<String> {
    let Some(role) = role else {
        return Some("the accounts file gives the writer no role".into());
    };
    let fills = rule.fills.as_deref().filter(|fills| *fills != "own");
    let may = match (rule.from.as_slice(), fills) {
        ([], None) => true,
        ([], Some(fills)) => fills == role,
        (from, _) => from.iter().any(|r| r == role),
    };
    (!may).then(|| format!("the writer's role is {role}, whose word it is not"))
}

/// Whether it is not addressed to whom it must be, and so is another thing.
fn is_wrong_way(rule: &EvidenceRule, subject: &Known, policy: &Policy) -> bool {
    if rule.to != Some(Side::Buyer) {
        return false;
    }
    let message = &subject.witnessed.message;
    let own = message.author().map(|a| a.address.domain().to_owned());
    let colleague = |domain: &str| own.as_deref().is_some_and(|own| own == domain);
    let inside = !message.to.is_empty()
        && message
            .to
            .iter()
            .all(|to| !to.address.is_at(&policy.seller.domains) && colleague(to.address.domain()));
    !inside
}

fn tell(outcome: &mut Outcome, sign: &Sign, rule: &EvidenceRule, doubt: Option<&str>) {
    let says = match sign.said {
        Said::Yes => format!("Says that {}.", rule.text),
        Said::No => format!("Says that it is not so that {}.", rule.text),
        Said::Doubtful => format!("May say that {}, and may not: it counts as nothing.", rule.text),
    };
    let reason = Reason::new("evidence", says).by(sign.rule.as_str(), Source::Fresh, sign.span.clone());
    outcome.reasons.push(reason);
    if let Some(doubt) = doubt {
        let text = format!("It proves nothing ({}): {doubt}", sign.kind);
        let fix = "Let a person whose word it is write it from the own account, with the evidence address of the \
                   opportunity in Cc.";
        outcome.reasons.push(Reason::new("evidence_unproven", text).fix(fix));
    }
}
