//! Evidence besides the champion's yes: what the mail says of it, joined with who wrote it.
//!
//! A yes counts only by whom it must be, proven, in a mail that nothing is doubtful about. A no of a listed person is
//! heard on whatever road it comes: unproven it is doubtful, and doubtful closes.

use super::{Facts, Known};
use crate::judge::{self, Around, EvidenceRule, Rules, Side, Sign};
use crate::model::{
    Account, Address, Claim, Declaration, Kind, OpportunityId, Outcome, Policy, ROLE_TECHNICAL, Reading,
    Reason, Said, Signal, Source, Verdict, Witnessed,
};
use crate::verify::{Case, account_of, reviewer_doubt, verify_evidence};

/// A declaration with the mail that made it.
type Declared<'a> = (&'a Witnessed, &'a Declaration);

/// The deal that a mail bears on, and what is known of it.
pub(super) struct Deal<'a> {
    id: OpportunityId,
    /// The mail itself names it, or answers its declaration. Otherwise only its thread leads there.
    is_named: bool,
    /// What the mail answers, else every known declaration of the deal.
    declared: Vec<Declared<'a>>,
    answered: Option<Declared<'a>>,
}

/// The deal that a mail bears on. Several declarations of one deal say together whose deal it is, though not which of
/// them is meant.
pub(super) fn deal<'a>(
    outcome: &Outcome,
    facts: &'a Facts,
    answered: Option<Declared<'a>>,
) -> Option<Deal<'a>> {
    let id = match &outcome.opportunity {
        Some(id) => id.clone(),
        None => only(facts.ancestors.iter().flat_map(|k| &k.opportunities))?.clone(),
    };
    let relatives = facts.ancestors.iter().chain(&facts.siblings).filter(|k| k.opportunities.contains(&id));
    let of_deal = relatives.filter_map(|k| Some((&k.witnessed, k.declaration.as_ref()?)));
    let declared = answered.map_or_else(|| of_deal.collect(), |answered| vec![answered]);
    Some(Deal { id, is_named: outcome.opportunity.is_some(), declared, answered })
}

/// The one value of all; none if they differ.
fn only<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

impl<'a> Deal<'a> {
    /// The account of all its declarations.
    fn account<'p>(&self, policy: &'p Policy) -> Option<&'p Account> {
        let accounts = self.declared.iter().map(|(_, d)| account_of(d, policy).map(std::ptr::from_ref));
        let agreed = only(accounts)?;
        self.declared.first().and_then(|(_, d)| account_of(d, policy)).filter(|_| agreed.is_some())
    }

    /// A declaration for which its people can be verified: all declarations agree on them.
    fn speaks(&self, policy: &Policy) -> Option<Declared<'a>> {
        let agreed =
            self.account(policy).is_some() || only(self.declared.iter().map(|(_, d)| &d.champions)).is_some();
        self.declared.first().copied().filter(|_| agreed)
    }

    /// The role of somebody: by the accounts file, or as a declared champion.
    fn role(&self, who: &Address, policy: &Policy) -> Option<String> {
        match self.account(policy) {
            Some(account) => account.endorsers.get(who.as_str()).cloned(),
            None => {
                let (_, declaration) = self.speaks(policy)?;
                declaration.champions.contains(who).then(|| ROLE_TECHNICAL.to_owned())
            }
        }
    }

    /// The roles in which somebody may be meant to speak, whatever is not known yet of the deal.
    fn roles(&self, who: &Address, policy: &Policy) -> Vec<String> {
        if let Some(account) = self.account(policy) {
            return account.endorsers.get(who.as_str()).cloned().into_iter().collect();
        }
        let accounts = policy.accounts.iter().flat_map(|a| a.accounts.values());
        let mut roles: Vec<String> =
            accounts.filter_map(|a| a.endorsers.get(who.as_str()).cloned()).collect();
        if self.declared.iter().any(|(_, d)| d.champions.contains(who)) {
            roles.push(ROLE_TECHNICAL.to_owned());
        }
        roles
    }
}

/// What the words of a mail that bears on `deal` say, before anything is known of its doubts.
pub(super) fn signs(
    outcome: &Outcome,
    deal: &Deal<'_>,
    subject: &Known,
    reading: &Reading,
    rules: &Rules,
    policy: &Policy,
) -> Vec<Sign> {
    if outcome.kind == Kind::Automatic {
        return Vec::new();
    }
    if super::is_too_long(reading) {
        return judge::unread(reading, rules);
    }
    let names: Vec<&str> = match deal.declared.first() {
        Some((_, declaration)) => super::own_names(policy, declaration),
        None => policy.seller.names.iter().map(String::as_str).collect(),
    };
    let by_seller = super::by_seller(&subject.witnessed.message, &policy.seller);
    let says_no = |r: &Reason| matches!(r.code.as_str(), "declined" | "retracted" | "stray_objection");
    let refuses = by_seller && outcome.kind != Kind::Declaration
        || matches!(outcome.verdict, Some(Verdict::Declined | Verdict::Retracted))
        || outcome.reasons.iter().any(says_no);
    let message = subject.message();
    let people: Vec<String> = message
        .from
        .iter()
        .chain(message.recipients())
        .flat_map(|m| [Some(m.address.local().to_owned()), m.name.clone()])
        .flatten()
        .collect();
    let around = Around {
        people: &people,
        title: &message.subject,
        own_names: &names,
        refuses,
        answers: outcome.kind == Kind::Reply && !by_seller,
    };
    let mut signs = judge::signs(reading, around, rules);
    // What was passed on, or stands in a list of results, or names no deal itself, is nobody's yes.
    let may_affirm = deal.is_named && matches!(outcome.kind, Kind::Reply | Kind::Orphan | Kind::Other);
    signs.retain(|sign| may_affirm || sign.against);
    signs
}

/// Adds the evidence that the mail is. `doubted`: something about the mail itself is doubtful.
pub(super) fn add_evidence(
    outcome: &mut Outcome,
    (deal, signs): (&Deal<'_>, Vec<Sign>),
    doubted: bool,
    subject: &Known,
    reading: &Reading,
    rules: &Rules,
    policy: &Policy,
) {
    let heard = Heard { deal, subject, reading, policy };
    for sign in signs {
        let Some(rule) = rules.evidence().get(&sign.kind) else { continue };
        let by_seller = super::by_seller(&subject.witnessed.message, &policy.seller);
        let is_wrong_way = !sign.against && is_wrong_way(rule, subject, policy);
        if by_seller != (rule.by == Side::Seller) || is_wrong_way {
            continue;
        }
        let word = match rule.by {
            Side::Seller => Some((None, heard.sellers_doubt())),
            Side::Buyer => heard.buyers_word(outcome, rule, &sign),
        };
        if rule.fills.is_some() && sign.direct && sign.against && heard.is_listed(outcome) {
            object(outcome, &sign);
        }
        let Some((role, doubt)) = word else { continue };
        let said = if doubted && sign.said == Said::Yes { Said::Doubtful } else { sign.said };
        tell(outcome, &sign, said, rule, doubt.as_deref());
        // Only the thread says which deal is meant: enough for a no.
        outcome.opportunity.get_or_insert_with(|| deal.id.clone());
        let own = rule.fills.as_deref() == Some("own");
        // A role that has a kind of its own is filled by that kind; a no speaks for every role.
        let has_kind = |role: &str| rules.evidence().values().any(|r| r.fills.as_deref() == Some(role));
        let own_role = || role.filter(|role| said != Said::Yes || !has_kind(role));
        outcome.signals.push(Signal {
            kind: sign.kind,
            said,
            proven: doubt.is_none(),
            role: if own { own_role() } else { rule.fills.clone() },
            waiver: rule.waiver,
            fact: rule.states.clone(),
            quote: sign.quote,
        });
    }
}

/// A mail, and what is known of its deal.
struct Heard<'a> {
    deal: &'a Deal<'a>,
    subject: &'a Known,
    reading: &'a Reading,
    policy: &'a Policy,
}

impl Heard<'_> {
    /// In which role the buyer's mail speaks, and why that is not proven; nothing if it is nobody's word.
    fn buyers_word(
        &self,
        outcome: &Outcome,
        rule: &EvidenceRule,
        sign: &Sign,
    ) -> Option<(Option<String>, Option<String>)> {
        let from = outcome.from.as_ref()?;
        let role = self.deal.role(from, self.policy);
        let Some(doubt) = out_of_role(rule, role.as_deref()) else {
            return Some((role, self.buyers_doubt()));
        };
        if sign.said == Said::Yes {
            return Some((role, Some(doubt)));
        }
        // Doubtful hearsay is nobody's word. The no of somebody whose account is not known yet may be one.
        let may = |role: &String| out_of_role(rule, Some(role)).is_none();
        let role = self.deal.roles(from, self.policy).into_iter().find(may).filter(|_| sign.against)?;
        Some((Some(role), Some(doubt)))
    }

    /// Whether somebody's no closes what others have opened.
    fn is_listed(&self, outcome: &Outcome) -> bool {
        outcome.from.as_ref().is_some_and(|from| !self.deal.roles(from, self.policy).is_empty())
    }

    /// Why the seller's mail is not proven.
    fn sellers_doubt(&self) -> Option<String> {
        let case =
            self.deal.answered.map(|(declared, declaration)| Case { declared, declaration, prompts: &[] });
        reviewer_doubt(&self.subject.witnessed, &self.deal.id, case.as_ref(), self.policy)
    }

    /// Why the buyer's mail is not proven.
    fn buyers_doubt(&self) -> Option<String> {
        let Some((declared, declaration)) = self.deal.speaks(self.policy) else {
            return Some("no declaration says yet to which account the opportunity belongs".into());
        };
        let case = Case { declared, declaration, prompts: &[] };
        let authorship =
            verify_evidence(&self.subject.witnessed, &case, &self.deal.id, self.reading, self.policy);
        if authorship.claim == Claim::Verified {
            return None;
        }
        let why = authorship.reasons.iter().find(|r| r.code != "no_accounts").or(authorship.reasons.first());
        Some(why.map_or_else(|| "nothing proves who wrote it".to_owned(), |r| r.text.clone()))
    }
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

/// A listed person denies what a role must be filled with: whose word it is, the deal waits.
fn object(outcome: &mut Outcome, sign: &Sign) {
    if outcome.has("stray_objection") {
        return;
    }
    if outcome.quote.is_empty() {
        outcome.quote.clone_from(&sign.quote);
    }
    let text = format!("It speaks against other evidence ({}): \"{}\"", sign.kind, sign.quote);
    let reason =
        Reason::new("stray_objection", text).fix("Ask the champion to answer the objection in writing.");
    outcome.reasons.push(reason.by(sign.rule.as_str(), Source::Fresh, sign.span.clone()));
}

fn tell(outcome: &mut Outcome, sign: &Sign, said: Said, rule: &EvidenceRule, doubt: Option<&str>) {
    let says = match said {
        Said::Yes => format!("Says that {}.", rule.text),
        Said::No => format!("Says that it is not so that {}.", rule.text),
        Said::Doubtful => format!("May say that {}, and may not: it counts as nothing.", rule.text),
    };
    let reason = Reason::new("evidence", says);
    let is_found = !sign.rule.is_empty();
    outcome.reasons.push(if is_found {
        reason.by(sign.rule.as_str(), Source::Fresh, sign.span.clone())
    } else {
        reason
    });
    if let Some(doubt) = doubt {
        let text = format!("It proves nothing ({}): {doubt}", sign.kind);
        let fix = "Let a person whose word it is write it from the own account, with the evidence address of the \
                   opportunity in Cc.";
        outcome.reasons.push(Reason::new("evidence_unproven", text).fix(fix));
    }
}
