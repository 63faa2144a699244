//! The fold: from the set of an opportunity's outcomes to its standing. A pure function of the set: the order
//! of arrival is nowhere to be seen, and where two readings are possible the one that opens fewer gates wins.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::chain::Chain;
use crate::decide::{endorsement, is_authentic, is_statement};
use crate::model::{
    Address, Automatic, Claim, CriteriaSeen, Declaration, DeclaredResult, Digest, Endorser, Evidence, Kind,
    OpportunityId, Outcome, Reason, Spoken, Standing, StandingReport, Tally, Verdict,
};

/// Role of a declared champion while no accounts file names another.
const ROLE_TECHNICAL: &str = "technical";

/// Where `opportunity` stands. `outcomes` are the newest outcomes of all its copies, in any order.
pub fn standing(opportunity: &OpportunityId, outcomes: &[Outcome]) -> StandingReport {
    let messages = one_copy_each(outcomes);
    let chain = Chain::new(&messages);
    let mut report = StandingReport {
        opportunity: opportunity.clone(),
        standing: Standing::NoDeclaration,
        reasons: Vec::new(),
        criteria: Tally::default(),
        endorsers: Vec::new(),
        evidence: Vec::new(),
        declaration: None,
    };
    // What was delivered is what was declared: an attached copy gates only while nothing else is known.
    let delivered = |m: &Outcome| {
        m.message_id.is_some() && messages.iter().any(|o| !o.attached && o.message_id == m.message_id)
    };
    let declared = |m: &&Outcome| m.declaration.is_some() && !(m.attached && delivered(m));
    let declared: Vec<&Outcome> = messages.iter().copied().filter(declared).collect();
    let newest = chain.newest(&declared);
    let (Some(gating), Some(declaration)) =
        (newest.first(), newest.first().and_then(|m| m.declaration.as_ref()))
    else {
        report.reasons.push(no_declaration());
        return report;
    };
    let case = Case { gating, declaration, messages: &messages, chain: &chain };
    report.declaration.clone_from(&gating.message_id);
    report.criteria = case.declared_tally();
    let mut votes = Vec::new();
    for champion in &declaration.champions {
        let vote = case.vote(champion);
        report.endorsers.push(Endorser {
            role: ROLE_TECHNICAL.into(),
            who: champion.to_string(),
            standing: vote.standing,
        });
        votes.push(vote);
    }
    report.standing = combine(&votes);
    report.criteria.confirmed = case.confirmed_by_all(&votes);
    report.criteria.seen =
        votes.iter().filter_map(Vote::seen).max_by_key(|seen| *seen != CriteriaSeen::Quoted);
    report.evidence = votes.iter().flat_map(|v| &v.statements).map(|m| evidence(m)).collect();
    freeze(&mut report, &case, &newest);
    explain(&mut report, &case, &votes);
    report
}

/// Copies that agree in content are one message: the copy with the strongest proof speaks for it.
fn one_copy_each(outcomes: &[Outcome]) -> Vec<&Outcome> {
    let mut best: BTreeMap<Digest, &Outcome> = BTreeMap::new();
    for outcome in outcomes {
        let strength = |o: &Outcome| (is_authentic(o), o.sure, std::cmp::Reverse(o.sha256));
        let slot = best.entry(outcome.identity).or_insert(outcome);
        if strength(outcome) > strength(slot) {
            *slot = outcome;
        }
    }
    best.into_values().collect()
}

/// The declaration that gates, and everything that was said.
struct Case<'a> {
    gating: &'a Outcome,
    declaration: &'a Declaration,
    messages: &'a [&'a Outcome],
    chain: &'a Chain<'a>,
}

/// What one champion said last.
struct Vote<'a> {
    champion: Address,
    standing: Standing,
    /// What counts.
    statements: Vec<&'a Outcome>,
    /// What a person must look at first.
    doubtful: Vec<&'a Outcome>,
}

impl Vote<'_> {
    fn seen(&self) -> Option<CriteriaSeen> {
        self.statements.first().and_then(|s| s.authorship.as_ref()).map(|a| a.seen)
    }
}

impl<'a> Case<'a> {
    /// The newest authentic statement of `champion`; a doubtful mail that may be newer freezes the vote.
    fn vote(&self, champion: &Address) -> Vote<'a> {
        let said: Vec<&Outcome> = self
            .messages
            .iter()
            .copied()
            .filter(|m| m.kind == Kind::Reply && m.from.as_ref() == Some(champion) && speaks(m))
            .filter(|m| self.is_current(m) || !opens_a_gate(m))
            .collect();
        let newest = self.chain.newest(&said);
        let standing = newest.iter().map(|m| self.standing_of(m)).min_by_key(|s| favour(*s));
        Vote {
            champion: champion.clone(),
            standing: standing.unwrap_or(Standing::AwaitingReply),
            doubtful: newest.iter().copied().filter(|m| !is_statement(m)).collect(),
            statements: newest.into_iter().filter(|m| is_authentic(m)).collect(),
        }
    }

    /// Whether the statement speaks of the criteria that gate now.
    fn is_current(&self, statement: &Outcome) -> bool {
        statement.criteria_digest == self.gating.criteria_digest
    }

    fn standing_of(&self, outcome: &Outcome) -> Standing {
        if !is_statement(outcome) {
            return Standing::NeedsReview;
        }
        match outcome.verdict {
            Some(Verdict::Confirmed) if endorsement(outcome).is_some() => Standing::Confirmed,
            Some(Verdict::Conditional) if is_partial(outcome) && !self.declares_open() => Standing::Partial,
            Some(Verdict::Conditional) => Standing::Conditional,
            Some(Verdict::Deferred) => Standing::Deferred,
            Some(Verdict::Declined) => Standing::Declined,
            Some(Verdict::Retracted) => Standing::Retracted,
            _ => Standing::NeedsReview,
        }
    }

    /// Whether the declaration itself leaves a criterion open: then a partial yes accepts what was proposed.
    fn declares_open(&self) -> bool {
        self.declaration.form == crate::model::Form::Conditional
    }

    fn declared_tally(&self) -> Tally {
        let criteria = &self.declaration.criteria;
        let passed = criteria.iter().filter(|c| c.result == DeclaredResult::Pass).count();
        Tally { total: criteria.len(), declared_passed: passed, confirmed: 0, seen: None }
    }

    /// Criteria that every champion said are met.
    fn confirmed_by_all(&self, votes: &[Vote<'_>]) -> usize {
        let met = |vote: &Vote<'_>, n: u32| {
            vote.statements
                .iter()
                .filter(|s| s.sure)
                .any(|s| s.criteria.iter().any(|c| c.n == n && c.result == Spoken::Pass))
        };
        let by_all = |n: u32| !votes.is_empty() && votes.iter().all(|v| met(v, n));
        self.declaration.criteria.iter().filter(|c| by_all(c.n)).count()
    }
}

/// Whether a reply says anything that orders: a sure "inconclusive" leaves things as they were, and so does
/// an unproven one.
fn speaks(outcome: &Outcome) -> bool {
    !(outcome.sure && matches!(outcome.verdict, Some(Verdict::Inconclusive | Verdict::Automatic)))
}

fn opens_a_gate(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Some(Verdict::Confirmed | Verdict::Conditional)) && is_statement(outcome)
}

/// Part of the criteria is said to be met, another part not.
fn is_partial(outcome: &Outcome) -> bool {
    let any = |wanted: &[Spoken]| outcome.criteria.iter().any(|c| wanted.contains(&c.result));
    any(&[Spoken::Pass]) && any(&[Spoken::Fail, Spoken::Unproven, Spoken::Partial])
}

/// Less is less favourable to the seller.
fn favour(standing: Standing) -> u8 {
    match standing {
        Standing::Retracted => 0,
        Standing::Declined => 1,
        Standing::NeedsReview => 2,
        Standing::Deferred => 3,
        Standing::NoDeclaration => 4,
        Standing::AwaitingReply => 5,
        Standing::Partial => 6,
        Standing::Conditional => 7,
        Standing::Confirmed => 8,
    }
}

/// Every champion must have spoken; the least favourable word counts.
fn combine(votes: &[Vote<'_>]) -> Standing {
    let worst =
        votes.iter().map(|v| v.standing).min_by_key(|s| favour(*s)).unwrap_or(Standing::AwaitingReply);
    let some_yes = votes.iter().any(|v| favour(v.standing) > favour(Standing::AwaitingReply));
    if worst == Standing::AwaitingReply && some_yes { Standing::Partial } else { worst }
}

/// Doubts that close every gate until a person has looked: conflicts, forgeries, a colleague's objection.
fn freeze(report: &mut StandingReport, case: &Case<'_>, newest_declarations: &[&Outcome]) {
    let mut reasons = Vec::new();
    if case.messages.iter().any(|m| m.has("message_conflict")) {
        reasons.push(
            Reason::new("message_conflict", "Different messages came under one Message-ID.")
                .fix("A person must find out which of them was sent."),
        );
    }
    let digests: BTreeSet<_> = newest_declarations.iter().map(|d| d.criteria_digest).collect();
    if digests.len() > 1 {
        reasons.push(
            Reason::new("message_conflict", "Two declarations of the same moment list different criteria.")
                .fix("Send one declaration that replaces both."),
        );
    }
    for forged in case.messages.iter().filter(|m| claim(m) == Some(Claim::Forged)) {
        reasons.push(
            Reason::new(
                "identity_failed",
                format!("A mail that claims to come from {} contradicts itself.", name(forged)),
            )
            .fix("A person must look at the mail and clear it."),
        );
    }
    for recall in case.messages.iter().filter(|m| m.automatic == Some(Automatic::Recall)) {
        let text = format!("{} tried to recall a mail: an answer may be taken back.", name(recall));
        reasons.push(Reason::new("recall", text).fix("Ask the champion whether the answer still stands."));
    }
    for objection in case.messages.iter().filter(|m| objects(m, case)) {
        let text = format!("{}, of the champion's domain, objects: \"{}\"", name(objection), objection.quote);
        reasons.push(
            Reason::new("new_objection", text).fix("Ask the champion to answer the objection in writing."),
        );
    }
    for stray in case.messages.iter().filter(|m| is_stray(m, case)) {
        let text = format!("{} objects in a mail that names no deal: \"{}\"", name(stray), stray.quote);
        reasons.push(
            Reason::new("stray_objection", text)
                .fix("Ask the champion whether this deal is meant, and to answer its declaration."),
        );
    }
    reasons.extend(replaced(case));
    // Freezing only ever closes: a "no" on record stays a "no".
    if !reasons.is_empty() && favour(report.standing) > favour(Standing::NeedsReview) {
        report.standing = Standing::NeedsReview;
    }
    report.reasons.append(&mut reasons);
}

/// A champion takes something back or says no without a thread and without naming a deal, and has not answered this
/// deal's declaration since. Nothing proves who wrote it: unproven mail may freeze, never confirm.
fn is_stray(message: &Outcome, case: &Case<'_>) -> bool {
    let champions = &case.declaration.champions;
    message.has("stray_objection")
        && message.from.as_ref().is_some_and(|from| champions.contains(from))
        && !is_answered(message, case)
}

/// Champions of earlier declarations who were replaced after they had answered with something else than a yes: a seller
/// must not go on asking until somebody agrees.
fn replaced(case: &Case<'_>) -> Vec<Reason> {
    let current = &case.declaration.champions;
    let declared = case.messages.iter().filter_map(|m| m.declaration.as_ref());
    let earlier: BTreeSet<&Address> =
        declared.flat_map(|d| &d.champions).filter(|c| !current.contains(c)).collect();
    let mut reasons = Vec::new();
    for champion in earlier {
        let said = |m: &&&Outcome| m.kind == Kind::Reply && m.from.as_ref() == Some(champion) && speaks(m);
        let said: Vec<&Outcome> = case.messages.iter().filter(said).copied().collect();
        let newest = case.chain.newest(&said);
        if let Some(other) = newest.iter().find(|m| endorsement(m).is_none()) {
            let text = format!(
                "{champion} was the champion and answered: \"{}\". Now others are asked.",
                other.quote
            );
            reasons.push(
                Reason::new("champion_changed_after_reply", text)
                    .fix("A person must find out whether the new champion speaks for the company."),
            );
        }
    }
    reasons
}

/// Whether a champion's statement that counts came after `message`.
fn is_answered(message: &Outcome, case: &Case<'_>) -> bool {
    let champions = &case.declaration.champions;
    case.messages.iter().any(|m| {
        opens_a_gate(m)
            && champions.iter().any(|c| m.from.as_ref() == Some(c))
            && case.chain.order(m, message) == Some(Ordering::Greater)
    })
}

/// A colleague of a champion says no, and no champion has answered that since.
fn objects(message: &Outcome, case: &Case<'_>) -> bool {
    let Some(from) = &message.from else { return false };
    let champions = &case.declaration.champions;
    let is_colleague = !champions.contains(from) && champions.iter().any(|c| c.domain() == from.domain());
    // Block wide: a doubtful mail that names something failed may be a no.
    let may_say_no =
        !message.sure && ["declined", "retracted", "concern"].iter().any(|code| message.has(code));
    let says_no = may_say_no || matches!(message.verdict, Some(Verdict::Declined | Verdict::Retracted));
    message.kind == Kind::Reply && is_colleague && says_no && !is_answered(message, case)
}

fn claim(outcome: &Outcome) -> Option<Claim> {
    outcome.authorship.as_ref().map(|a| a.claim)
}

fn name(outcome: &Outcome) -> String {
    outcome.from.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string)
}

fn evidence(outcome: &Outcome) -> Evidence {
    Evidence {
        id: outcome.sha256.to_string().chars().take(12).collect(),
        message_id: outcome.message_id.as_ref().map(|id| format!("<{id}>")),
        sha256: outcome.sha256,
        verified: is_authentic(outcome),
        quote: outcome.quote.clone(),
    }
}

fn no_declaration() -> Reason {
    Reason::new("no_declaration", "No declaration of this opportunity is on record.")
        .fix("Send the win email to the champion with the evidence mailbox in Cc.")
}

/// Adds why the standing is what it is, and what somebody can do about it.
fn explain(report: &mut StandingReport, case: &Case<'_>, votes: &[Vote<'_>]) {
    let mut reasons = Vec::new();
    for vote in votes {
        reasons.extend(explain_vote(vote, report.standing, case));
        reasons.extend(vote.doubtful.iter().flat_map(|message| doubts(message)));
    }
    if votes.is_empty() {
        reasons.extend(reason_of(case.gating, "no_champion"));
    }
    // What is known of the question is told beside every answer, a yes too.
    for code in ["declaration_unauthenticated", "late_declaration"] {
        reasons.extend(reason_of(case.gating, code));
    }
    if report.standing != Standing::Confirmed {
        if report.standing == Standing::AwaitingReply && !case.declaration.asks {
            reasons.extend(reason_of(case.gating, "no_ask"));
        }
        // What came in and did not count, so that nobody wonders.
        const TOLD: &[&str] = &[
            "reply_compliment",
            "reply_reaction",
            "reply_neutral",
            "wrong_sender",
            "vendor_claim",
            "forwarded_inline",
            "not_bound",
            "identity_unverified",
            "identity_pending",
            "criteria_differ",
            "declaration_unauthenticated",
            "no_accounts",
            "partial_criteria",
            "number_differs",
            "lookalike",
            "same_name_other_address",
        ];
        for message in case.messages {
            reasons.extend(TOLD.iter().filter_map(|code| reason_of(message, code)));
        }
    }
    let outdated = |m: &&&Outcome| opens_a_gate(m) && !case.is_current(m);
    if case.messages.iter().filter(outdated).count() > 0 {
        reasons.push(
            Reason::new(
                "criteria_changed_after_reply",
                "A yes on record answers other criteria than those declared last.",
            )
            .fix("Ask the champion to confirm the criteria as declared last."),
        );
    }
    let mut told = BTreeSet::new();
    for reason in reasons {
        if told.insert((reason.code.clone(), reason.text.clone())) {
            report.reasons.push(reason);
        }
    }
}

/// Why a message is doubtful: whatever its trail says besides the rules that merely fired.
fn doubts(message: &Outcome) -> Vec<Reason> {
    const MERELY_FIRED: &[&str] = &["affirmed", "no_accounts", "not_endorsed"];
    let doubt = |r: &&Reason| !MERELY_FIRED.contains(&r.code.as_str());
    message.reasons.iter().filter(doubt).map(|r| Reason { rule: None, span: None, ..r.clone() }).collect()
}

/// A message's own reason of a code, without rule and span: those point into one mail only.
fn reason_of(outcome: &Outcome, code: &str) -> Option<Reason> {
    let reason = outcome.reasons.iter().find(|r| r.code == code)?;
    Some(Reason { rule: None, span: None, ..reason.clone() })
}

fn explain_vote(vote: &Vote<'_>, overall: Standing, case: &Case<'_>) -> Option<Reason> {
    let who = &vote.champion;
    let words = vote.statements.first().map_or("", |s| s.quote.as_str());
    let reason = match vote.standing {
        Standing::Confirmed => return None,
        Standing::AwaitingReply if overall == Standing::Partial => {
            Reason::new("endorser_missing", format!("{who} has not answered yet."))
                .fix(format!("Ask {who} to answer in writing."))
        }
        Standing::AwaitingReply | Standing::NoDeclaration => {
            Reason::new("awaiting_reply", format!("{who} has given no verdict yet."))
                .fix(format!("Ask {who} for a clear answer in writing: are the criteria met?"))
        }
        Standing::Conditional => {
            Reason::new("conditional_open", format!("{who} wrote yes with a condition: \"{words}\""))
                .fix("Resolve the condition; it ends only by a later mail of the champion.")
        }
        Standing::Partial => {
            let missing: Vec<String> = unmet(vote, case);
            Reason::new(
                "partial_criteria",
                format!("{who} confirmed only a part; open: {}.", missing.join("; ")),
            )
            .fix("Prove what is open and ask again.")
        }
        Standing::Deferred => Reason::new("deferred", format!("{who} needs more time: \"{words}\"")).fix(
            "Ask which criteria remain unproven and what would prove them in the next five business days.",
        ),
        Standing::Declined => Reason::new("declined", format!("{who} said no: \"{words}\""))
            .fix("Only a later yes of the champion can change this."),
        Standing::Retracted => {
            Reason::new("retracted", format!("{who} took the confirmation back: \"{words}\""))
                .fix("Only a later yes of the champion can change this.")
        }
        Standing::NeedsReview => {
            Reason::new("needs_review", format!("A mail of {who} must be read by a person."))
                .fix("Open the opportunity, read the mail, and ask the champion if it is doubtful.")
        }
    };
    Some(reason)
}

/// Criteria that the champion's statement does not call met.
fn unmet(vote: &Vote<'_>, case: &Case<'_>) -> Vec<String> {
    let met = |n: u32| {
        vote.statements.iter().any(|s| s.criteria.iter().any(|c| c.n == n && c.result == Spoken::Pass))
    };
    case.declaration.criteria.iter().filter(|c| !met(c.n)).map(|c| c.text.clone()).collect()
}
