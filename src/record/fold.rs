//! The fold: from the set of an opportunity's outcomes, and of what people decided about them, to its standing. A pure
//! function of the set: the order of arrival is nowhere to be seen, and where two readings are possible the one that
//! opens fewer gates wins.
//!
//! It is run twice. The *decided* standing takes what people decided for the word that counts; the *verified* one takes
//! a decision only for a doubt. So a decision can close what the machine would open, and can open nothing that asks for
//! the champion's verified words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::act::{Act, CONFLICT, Decision, Deed};
use super::chain::Chain;
use super::champion;
use super::condition::conditions;
use super::deal;
use super::explain::explain;
use super::facts;
use super::freeze::freeze;
use super::heard::{Heard, heard};
use super::plan::{self, Plan};
use super::roles;
use super::rulings::{Review, Ruling, Rulings};
use super::versions::versions;
use crate::decide::{endorsement, is_authentic, is_statement};
use crate::model::{
    Acceptance, Address, ChampionChange, Claim, CriteriaSeen, CriteriaVersion, CriterionAnswer, Declaration,
    DeclaredResult, Digest, Endorser, Evidence, Form, Kind, OpportunityId, Outcome, Reason, Said, Spoken,
    Standing, StandingReport, Tally, Terms, Verdict,
};

/// Everything on record about an opportunity, in any order.
#[derive(Debug, Clone, Copy)]
pub struct Dossier<'a> {
    /// The newest outcomes of all copies that may belong to it.
    pub outcomes: &'a [Outcome],
    /// The acts about it and about these messages.
    pub acts: &'a [Act],
}

/// Where `opportunity` stands by its mail alone: nobody has decided anything, and no term limits it.
pub fn standing(opportunity: &OpportunityId, outcomes: &[Outcome]) -> StandingReport {
    fold(opportunity, Dossier { outcomes, acts: &[] }, &Terms::default(), Timestamp::UNIX_EPOCH)
}

/// Where `opportunity` stands at `now`.
pub fn fold(
    opportunity: &OpportunityId,
    dossier: Dossier<'_>,
    terms: &Terms,
    now: Timestamp,
) -> StandingReport {
    let rulings = Rulings::new(opportunity, dossier.acts, dossier.outcomes, terms.second_person_above);
    let belongs = |o: &&Outcome| rulings.belongs(o, dossier.outcomes);
    let messages = one_copy_each(dossier.outcomes.iter().filter(belongs));
    let heard = heard(&messages, &rulings);
    let scene = Scene { opportunity, messages, heard, rulings, terms, now };
    let mut report = scene.report(By::Decisions);
    report.facts = facts::stated(&scene.rulings, &scene.heard, scene.erased().max(scene.oldest()));
    report.amount = scene.rulings.amount();
    report.details = deal::details(&scene.rulings);
    report.ended = deal::end(&scene.rulings);
    report.verified_standing = report.standing;
    if scene.rulings.is_empty() {
        return report;
    }
    let verified = scene.report(By::Machine);
    roles::lower_to(&mut report.roles, verified.roles);
    report.criteria.lower_to(&verified.criteria);
    if let (Some(plan), Some(other)) = (&mut report.plan, verified.plan) {
        let lost = other.missing.into_iter().filter(|text| !plan.missing.contains(text)).collect::<Vec<_>>();
        plan.missing.extend(lost);
    }
    if verified.standing.favour() < report.standing.favour() {
        report.verified_standing = verified.standing;
        report.verified_reasons = verified.reasons;
        report.accepted_by = scene.acceptances();
    }
    report
}

/// Copies that agree in content are one message: the copy with the strongest proof speaks for it.
fn one_copy_each<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Vec<&'a Outcome> {
    let mut best: BTreeMap<Digest, &Outcome> = BTreeMap::new();
    for outcome in outcomes {
        // An unsigned copy must hide no proven word, and a yes no proven no.
        let proven =
            |o: &Outcome, no: bool| o.signals.iter().any(|s| s.proven && (!no || s.said != Said::Yes));
        let strength = |o: &Outcome| {
            (is_authentic(o), proven(o, true), proven(o, false), o.sure, std::cmp::Reverse(o.sha256))
        };
        let slot = best.entry(outcome.identity).or_insert(outcome);
        if strength(outcome) > strength(slot) {
            *slot = outcome;
        }
    }
    best.into_values().collect()
}

/// Whose word counts where people decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Theirs.
    Decisions,
    /// The machine's; theirs is a doubt.
    Machine,
}

/// What a message counts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// It leaves things as they were.
    Silent,
    /// A person must look.
    Doubtful,
    /// The verified champion's statement.
    Said(Standing),
    /// A person's reading of it.
    Accepted(Standing),
}

/// What is known of the opportunity.
struct Scene<'a> {
    opportunity: &'a OpportunityId,
    messages: Vec<&'a Outcome>,
    heard: Vec<Heard<'a>>,
    rulings: Rulings<'a>,
    terms: &'a Terms,
    now: Timestamp,
}

impl Scene<'_> {
    fn report(&self, by: By) -> StandingReport {
        let mut report = StandingReport::nothing(self.opportunity);
        let seen: Vec<Seen<'_>> = self.messages.iter().filter_map(|m| self.look(m, by)).collect();
        let messages: Vec<&Outcome> = seen.iter().map(|s| s.message).collect();
        report.heard_at = messages.iter().filter(|m| may_be_accepted(m)).map(|m| m.written()).max();
        let chain = Chain::new(&messages);
        // What was delivered is what was declared: an attached copy gates only while nothing else is known.
        let delivered = |m: &Outcome| {
            m.message_id.is_some() && messages.iter().any(|o| !o.attached && o.message_id == m.message_id)
        };
        let declared = |m: &&Outcome| m.declaration.is_some() && !(m.attached && delivered(m));
        let declared: Vec<&Outcome> = messages.iter().copied().filter(declared).collect();
        let newest = chain.newest(&declared);
        let (Some(gating), Some(declared_last)) =
            (newest.first(), newest.first().and_then(|m| m.declaration.as_ref()))
        else {
            report.reasons.push(no_declaration());
            self.add_manual(&mut report);
            return report;
        };
        report.champion = champion::change(&self.rulings, gating);
        let declaration = &champion::renamed(declared_last, report.champion.as_ref());
        report.declared_at = declared.iter().map(|m| m.written()).min();
        report.seller = Some(declaration.seller.to_string());
        let plan = Plan::of(&self.rulings, report.declared_at);
        let optional = plan.optional(declaration);
        report.versions = versions(&declared, gating);
        let case = Case {
            gating,
            declaration,
            seen: &seen,
            chain: &chain,
            optional,
            versions: report.versions.clone(),
            change: report.champion.clone(),
        };
        report.declaration.clone_from(&gating.message_id);
        report.criteria = case.declared_tally();
        report.plan = plan.beside(declaration);
        report.criteria.mandatory = report.plan.as_ref().map(|_| plan.mandatory(declaration).len());
        let votes: Vec<Vote<'_>> = declaration.champions.iter().map(|c| case.vote(c)).collect();
        report.endorsers = votes.iter().map(|vote| vote.endorser(gating)).collect();
        report.standing = combine(&votes);
        let others: Vec<Vote<'_>> = case.others().iter().map(|who| case.vote(who)).collect();
        let heard = self.heard.iter().copied().filter(|h| h.counts(by));
        report.roles = roles::words(gating, votes.iter().chain(&others), heard, &chain);
        roles::doubt_older(&mut report.roles, self.erased());
        self.age(&mut report, &votes);
        let missing = roles::missing(gating, &report.roles);
        if !missing.is_empty() {
            report.reasons.extend(missing);
            lower(&mut report.standing, Standing::Partial);
        }
        let confirmed = case.confirmed_by_all(&votes);
        report.criteria.confirmed = confirmed.len();
        report.criteria.mandatory_confirmed =
            report.plan.as_ref().map(|_| plan.mandatory(declaration).intersection(&confirmed).count());
        report.criteria.seen =
            votes.iter().filter_map(Vote::seen).max_by_key(|seen| *seen != CriteriaSeen::Quoted);
        report.evidence = votes.iter().flat_map(|v| &v.statements).map(|s| evidence(s)).collect();
        if let Some(plan) = &report.plan {
            report.reasons.extend(plan::reasons(plan));
            if !plan.missing.is_empty() {
                lower(&mut report.standing, Standing::Partial);
            }
        }
        freeze(&mut report, &case, &votes, &newest);
        self.add_erasures(&mut report, &votes);
        explain(&mut report, &case, &votes);
        self.add_conditions(&mut report, &votes);
        self.add_manual(&mut report);
        report
    }

    /// What was erased may have been a no: only what was written since counts.
    fn add_erasures(&self, report: &mut StandingReport, votes: &[Vote<'_>]) {
        for act in self.rulings.acts() {
            let Deed::Erase { opportunities, copies } = &act.deed else { continue };
            let older = |s: &&Seen<'_>| s.message.written() <= act.at;
            let rests_on_older = votes.iter().flat_map(|v| v.statements.iter().copied()).any(|s| older(&s));
            if opportunities.contains(self.opportunity) && rests_on_older {
                let text =
                    format!("{} had {} mails of this deal erased: {}", act.by, copies.len(), act.reason);
                report.reasons.push(
                    Reason::new("erased", text).fix("Ask the champion to answer the declaration once more."),
                );
                lower(&mut report.standing, Standing::NeedsReview);
            }
        }
    }

    /// What conditional answers are tied to, and whether the day for it has passed.
    fn add_conditions(&self, report: &mut StandingReport, votes: &[Vote<'_>]) {
        let tied = votes.iter().filter(|v| v.standing == Standing::Conditional).flat_map(|v| &v.statements);
        report.conditions = tied.flat_map(|s| conditions(s.message, self.now)).collect();
        for condition in report.conditions.iter().filter(|c| c.overdue) {
            let due = condition.due.map(|d| d.to_string()).unwrap_or_default();
            let text = format!("{} wanted this by {due}: \"{}\"", condition.who, condition.text);
            report.reasons.push(
                Reason::new("condition_overdue", text)
                    .fix("Tell the champion where it stands; it ends only by a later mail of the champion."),
            );
        }
    }

    /// Evidence that people recorded is shown and opens nothing.
    fn add_manual(&self, report: &mut StandingReport) {
        report.manual = facts::manual(&self.rulings);
        for evidence in report.manual.iter().filter(|_| report.standing != Standing::Confirmed) {
            let text = format!(
                "{} recorded a {}: {}. It is no verified endorsement.",
                evidence.by,
                evidence.kind.as_str(),
                evidence.note
            );
            let fix = "Ask the champion to write it in answer to the declaration.";
            report.reasons.push(Reason::new("manual_only", text).fix(fix));
        }
    }

    /// A yes that is older than the operator wants counts as nothing until it is given again, whoever gave it.
    fn age(&self, report: &mut StandingReport, votes: &[Vote<'_>]) {
        let (Some(oldest), Some(days)) = (self.oldest(), self.terms.evidence_days_max) else { return };
        let statements = votes.iter().filter(|v| opens(v.standing)).flat_map(|v| &v.statements);
        let by_champions = statements.map(|s| s.message).filter(|m| m.written() < oldest);
        let name = |m: &Outcome| m.from.as_ref().map_or_else(|| "nobody".to_owned(), Address::to_string);
        let mut stale: BTreeSet<(String, Timestamp)> = by_champions.map(|m| (name(m), m.written())).collect();
        if !stale.is_empty() {
            lower(&mut report.standing, Standing::NeedsReview);
        }
        stale.extend(roles::forget_older(&mut report.roles, oldest));
        for (who, at) in stale {
            let text = format!("The yes of {who} is of {}, more than {days} days ago.", at.strftime("%F"));
            let fix = format!("Ask {who} whether it still holds, in writing.");
            report.reasons.push(Reason::new("stale_evidence", text).fix(fix));
        }
    }

    /// What was written before this counts no more.
    fn oldest(&self) -> Option<Timestamp> {
        let days = self.terms.evidence_days_max?;
        self.now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()
    }

    /// The message with what was decided of it; nothing when it does not count here at all.
    fn look<'b>(&'b self, message: &'b Outcome, by: By) -> Option<Seen<'b>> {
        if self.rulings.is_cleared(message, &self.messages) {
            return None;
        }
        let ruling = match self.rulings.of(message, &self.messages) {
            Review::Decided(ruling) if by == By::Decisions => Some(ruling),
            _ => None,
        };
        let is_gone = ruling.as_ref().is_some_and(|r| match r.decision {
            Decision::NotAbout => true,
            Decision::Reject => message.declaration.is_some(),
            _ => false,
        });
        let doubted = ruling.is_none() && self.rulings.is_doubted(message);
        (!is_gone).then_some(Seen { message, ruling, doubted })
    }

    /// When mail of this opportunity was last erased: it may have said no.
    fn erased(&self) -> Option<Timestamp> {
        let erased = |act: &Act| match &act.deed {
            Deed::Erase { opportunities, .. } if opportunities.contains(self.opportunity) => Some(act.at),
            _ => None,
        };
        self.rulings.acts().filter_map(erased).max()
    }

    /// Whose decisions the standing may rest on.
    fn acceptances(&self) -> Vec<Acceptance> {
        let mut all = Vec::new();
        for message in &self.messages {
            let Review::Decided(ruling) = self.rulings.of(message, &self.messages) else { continue };
            if ruling.decision != Decision::Clear {
                all.push(ruling.acceptance(message));
            }
        }
        all.sort_by(|a, b| (a.at, &a.decisions).cmp(&(b.at, &b.decisions)));
        all
    }
}

impl Ruling {
    fn acceptance(&self, message: &Outcome) -> Acceptance {
        let decided = match &self.decision {
            Decision::Accept { verdict, .. } => verdict.as_str(),
            Decision::Reject => "no verdict",
            Decision::NotAbout => "not about this opportunity",
            Decision::AskSe => "the SE is asked",
            Decision::Clear => "cleared",
        };
        Acceptance {
            by: self.by.join(" and "),
            at: self.at,
            decided: decided.to_owned(),
            reason: self.reason.clone(),
            message_id: message.message_id.as_ref().map(|id| format!("<{id}>")),
            decisions: self.acts.iter().map(Act::name).collect(),
        }
    }
}

/// A message, and what was decided of it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub message: &'a Outcome,
    pub ruling: Option<Ruling>,
    /// Somebody decided that it does not say what the machine reads.
    pub doubted: bool,
}

impl Seen<'_> {
    /// The verdict that a person accepted, if one did.
    pub fn accepted(&self) -> Option<Verdict> {
        match self.ruling.as_ref()?.decision {
            Decision::Accept { verdict, .. } => Some(verdict),
            _ => None,
        }
    }

    fn speaks_for(&self, champion: &Address) -> bool {
        let named = self.ruling.as_ref().and_then(|r| match &r.decision {
            Decision::Accept { speaks_for, .. } => speaks_for.as_ref(),
            _ => None,
        });
        self.message.kind == Kind::Reply
            && named.map_or(self.message.from.as_ref() == Some(champion), |named| named == champion)
    }
}

/// The declaration that gates, and everything that was said.
pub(super) struct Case<'a> {
    pub gating: &'a Outcome,
    pub declaration: &'a Declaration,
    pub seen: &'a [Seen<'a>],
    pub chain: &'a Chain<'a>,
    /// Numbers of declared criteria that a technical win does not need.
    pub optional: BTreeSet<u32>,
    pub versions: Vec<CriteriaVersion>,
    /// Whom the seller named champion since the declaration.
    pub change: Option<ChampionChange>,
}

/// What one champion said last.
pub(super) struct Vote<'a> {
    pub champion: Address,
    pub standing: Standing,
    /// What counts.
    pub statements: Vec<&'a Seen<'a>>,
    /// What a person must look at first.
    pub doubtful: Vec<&'a Outcome>,
}

impl Vote<'_> {
    fn seen(&self) -> Option<CriteriaSeen> {
        self.statements.first().and_then(|s| s.message.authorship.as_ref()).map(|a| a.seen)
    }

    fn endorser(&self, gating: &Outcome) -> Endorser {
        let role = roles::role_of(&self.champion, gating).to_owned();
        Endorser { role, who: self.champion.to_string(), standing: self.standing }
    }
}

impl<'a> Case<'a> {
    /// Who speaks for the account by the accounts file besides the champions.
    fn others(&self) -> Vec<Address> {
        let asked = |who: &&Address| !self.declaration.champions.contains(who);
        self.gating.roles.keys().filter(asked).cloned().collect()
    }

    /// The newest statement of `champion`; a doubtful mail that may be newer freezes the vote.
    fn vote(&self, champion: &Address) -> Vote<'a> {
        let counts = |m: &Outcome| self.is_current(m) && !champion::precedes(self.change.as_ref(), m);
        let said = self.said_by(champion, |s| counts(s.message) || !self.opens_a_gate(s));
        let newest = self.newest(&said);
        let standing = newest.iter().filter_map(|s| self.standing_of(s)).min_by_key(|s| s.favour());
        Vote {
            champion: champion.clone(),
            standing: standing.unwrap_or(Standing::AwaitingReply),
            doubtful: newest.iter().filter(|s| self.word(s) == Word::Doubtful).map(|s| s.message).collect(),
            statements: newest
                .into_iter()
                .filter(|s| s.accepted().is_some() || is_authentic(s.message))
                .collect(),
        }
    }

    /// What `champion` said that orders, and that `also` holds for.
    pub fn said_by(&self, champion: &Address, also: impl Fn(&Seen<'a>) -> bool) -> Vec<&'a Seen<'a>> {
        let speaks = |s: &&Seen<'_>| s.speaks_for(champion) && self.word(s) != Word::Silent;
        self.seen.iter().filter(speaks).filter(|s| also(s)).collect()
    }

    /// Those that no other one is newer than.
    pub fn newest(&self, said: &[&'a Seen<'a>]) -> Vec<&'a Seen<'a>> {
        let outcomes: Vec<&Outcome> = said.iter().map(|s| s.message).collect();
        let newest: BTreeSet<Digest> = self.chain.newest(&outcomes).iter().map(|o| o.identity).collect();
        said.iter().copied().filter(|s| newest.contains(&s.message.identity)).collect()
    }

    /// Whether the statement speaks of the criteria that gate now.
    pub fn is_current(&self, statement: &Outcome) -> bool {
        statement.criteria_digest == self.gating.criteria_digest
    }

    /// What a message counts as.
    pub fn word(&self, seen: &Seen<'_>) -> Word {
        let machine = self.machine_word(seen.message);
        match seen.ruling.as_ref().map(|r| &r.decision) {
            Some(Decision::Accept { .. }) if !may_be_accepted(seen.message) => machine,
            Some(Decision::Accept { verdict, .. }) => {
                accepted_standing(*verdict).map_or(Word::Silent, Word::Accepted)
            }
            Some(Decision::Reject | Decision::NotAbout) => Word::Silent,
            // A no of the machine's stays one, whoever doubts it.
            _ if seen.doubted && matches!(machine, Word::Said(s) if opens(s)) => Word::Doubtful,
            _ => machine,
        }
    }

    /// What a message counts as by the machine's reading: a sure "inconclusive" leaves things as they were.
    fn machine_word(&self, outcome: &Outcome) -> Word {
        if outcome.sure && matches!(outcome.verdict, Some(Verdict::Inconclusive | Verdict::Automatic)) {
            return Word::Silent;
        }
        if !is_statement(outcome) {
            return if is_only_evidence(outcome) { Word::Silent } else { Word::Doubtful };
        }
        Word::Said(match outcome.verdict {
            Some(Verdict::Confirmed) if endorsement(outcome).is_some() => Standing::Confirmed,
            Some(Verdict::Conditional) if self.is_partial(outcome) && !self.declares_open() => {
                Standing::Partial
            }
            Some(Verdict::Conditional) => Standing::Conditional,
            Some(Verdict::Deferred) => Standing::Deferred,
            Some(Verdict::Declined) => Standing::Declined,
            Some(Verdict::Retracted) => Standing::Retracted,
            _ => return Word::Doubtful,
        })
    }

    fn standing_of(&self, seen: &Seen<'_>) -> Option<Standing> {
        match self.word(seen) {
            Word::Silent => None,
            Word::Doubtful => Some(Standing::NeedsReview),
            Word::Said(standing) | Word::Accepted(standing) => Some(standing),
        }
    }

    /// Whether a message is a yes, if only to a part.
    pub fn opens_a_gate(&self, seen: &Seen<'_>) -> bool {
        matches!(self.word(seen), Word::Said(s) | Word::Accepted(s) if opens(s))
    }

    /// Whether the declaration itself leaves a criterion open: then a partial yes accepts what was proposed.
    fn declares_open(&self) -> bool {
        self.declaration.form == Form::Conditional
    }

    /// Part of the criteria is said to be met, another part that the win needs is not.
    fn is_partial(&self, outcome: &Outcome) -> bool {
        let unmet = |c: &CriterionAnswer| {
            matches!(c.result, Spoken::Fail | Spoken::Unproven | Spoken::Partial)
                && !self.optional.contains(&c.n)
        };
        outcome.criteria.iter().any(|c| c.result == Spoken::Pass) && outcome.criteria.iter().any(unmet)
    }

    fn declared_tally(&self) -> Tally {
        let criteria = &self.declaration.criteria;
        let passed = criteria.iter().filter(|c| c.result == DeclaredResult::Pass).count();
        Tally { total: criteria.len(), declared_passed: passed, ..Tally::default() }
    }

    /// Criteria that every champion said are met, in words that nobody had to interpret.
    fn confirmed_by_all(&self, votes: &[Vote<'_>]) -> BTreeSet<u32> {
        let met = |vote: &Vote<'_>, n: u32| {
            vote.statements
                .iter()
                .filter(|s| is_statement(s.message) && matches!(self.word(s), Word::Said(_)))
                .any(|s| s.message.criteria.iter().any(|c| c.n == n && c.result == Spoken::Pass))
        };
        let by_all = |n: u32| !votes.is_empty() && votes.iter().all(|v| met(v, n));
        self.declaration.criteria.iter().map(|c| c.n).filter(|n| by_all(*n)).collect()
    }
}

/// Whether the mail is surely evidence of another kind, and nothing else: all rules together found nothing in it that
/// speaks against it, so it leaves the answer to the declaration as it was.
fn is_only_evidence(outcome: &Outcome) -> bool {
    let against = [Verdict::Conditional, Verdict::Deferred, Verdict::Declined, Verdict::Retracted];
    !outcome.verdict.is_some_and(|v| against.contains(&v))
        && !outcome.has(CONFLICT)
        && outcome.signals.iter().any(|s| s.proven)
        && outcome.signals.iter().all(|s| s.said == Said::Yes)
}

/// Whether a person's reading of a mail may stand for a champion's word: never of the seller's own, a machine's or a
/// forged one.
pub fn may_be_accepted(outcome: &Outcome) -> bool {
    let claim = outcome.authorship.as_ref().map(|a| a.claim);
    outcome.kind == Kind::Reply
        && !matches!(claim, None | Some(Claim::Seller | Claim::Machine | Claim::Forged))
}

/// Where a person's reading leads; nothing for "says no verdict".
fn accepted_standing(verdict: Verdict) -> Option<Standing> {
    Some(match verdict {
        Verdict::Confirmed => Standing::Confirmed,
        Verdict::Conditional => Standing::Conditional,
        Verdict::Deferred => Standing::Deferred,
        Verdict::Declined => Standing::Declined,
        Verdict::Retracted => Standing::Retracted,
        Verdict::Inconclusive | Verdict::Automatic => return None,
    })
}

/// Whether a statement of this standing is a yes of some kind.
fn opens(standing: Standing) -> bool {
    matches!(standing, Standing::Confirmed | Standing::Conditional | Standing::Partial)
}

/// Brings a standing down to `to`, never up.
pub(super) fn lower(standing: &mut Standing, to: Standing) {
    *standing = standing.less_favourable(to);
}

/// Every champion must have spoken; the least favourable word counts.
fn combine(votes: &[Vote<'_>]) -> Standing {
    let worst =
        votes.iter().map(|v| v.standing).min_by_key(|s| s.favour()).unwrap_or(Standing::AwaitingReply);
    let some_yes = votes.iter().any(|v| v.standing.favour() > Standing::AwaitingReply.favour());
    if worst == Standing::AwaitingReply && some_yes { Standing::Partial } else { worst }
}

pub(super) fn evidence(seen: &Seen<'_>) -> Evidence {
    let outcome = seen.message;
    let accepted_by = seen.ruling.as_ref().filter(|_| seen.accepted().is_some()).map(|r| r.by.join(" and "));
    // What a person had to read is that person's word, whoever wrote the mail.
    let verified = is_authentic(outcome) && accepted_by.is_none();
    Evidence { accepted_by, ..Evidence::of(outcome, &outcome.quote, verified) }
}

fn no_declaration() -> Reason {
    Reason::new("no_declaration", "No declaration of this opportunity is on record.")
        .fix("Send the win email to the champion with the evidence mailbox in Cc.")
}
