//! A named person does something to the record: from what was asked to the act, or to why it may not be done. Nothing
//! is written here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Case, Context, Register, Response, Unavailable, facts, failed, home};
use crate::model::{
    Address, Claim, DealField, Digest, Ended, EvidenceKind, FileHash, Kind, MessageId, OpportunityId,
    Outcome, PlanCriterion, StandingReport, Verdict, YesNo,
};
use crate::record::{Act, Decision, Deed, Review, Reviewed, Subject, may_be_accepted};

/// Longest name or reason, in bytes: people write sentences, and an entry is for ever.
const WORDS_BYTES_MAX: usize = 4_000;

/// What a person wants to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRequest {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What.
    pub what: Wanted,
}

/// The deed as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "snake_case")]
pub enum Wanted {
    /// Decide about a mail.
    Decide {
        /// Message-ID, or sha256 of a copy.
        message: String,
        /// Start of the copy's sha256, when several contents came under the Message-ID.
        copy: Option<String>,
        /// The opportunity, for mail that bears on several.
        opportunity: Option<OpportunityId>,
        /// What.
        choice: Choice,
    },
    /// Link a declaration to an opportunity.
    Link {
        /// Message-ID, or sha256 of a copy.
        message: String,
        /// Start of the copy's sha256, when several contents came under the Message-ID.
        copy: Option<String>,
        /// The opportunity.
        opportunity: OpportunityId,
    },
    /// Take an act back.
    Undo {
        /// Its name.
        act: String,
    },
    /// Register the plan's criteria.
    Plan {
        /// The opportunity.
        opportunity: OpportunityId,
        /// The criteria.
        criteria: Vec<PlanCriterion>,
        /// Digest of the file that they came from.
        file: Digest,
    },
    /// Record evidence that is no mail.
    Evidence {
        /// The opportunity.
        opportunity: OpportunityId,
        /// What it is.
        kind: EvidenceKind,
        /// Where it is.
        link: Option<String>,
        /// The file.
        file: Option<FileHash>,
    },
    /// Erase mail and what the entries tell of it.
    Erase {
        /// A Message-ID, a sender's address or an opportunity.
        what: String,
    },
    /// See the raw octets of a mail.
    Access {
        /// Message-ID, or sha256 of a copy.
        message: String,
        /// Start of the copy's sha256, when several contents came under the Message-ID.
        copy: Option<String>,
    },
    /// Register the opportunity's amount.
    Amount {
        /// The opportunity.
        opportunity: OpportunityId,
        /// Whole units of the CRM's currency.
        amount: u64,
    },
    /// State a fact that a gate asks for.
    Fact {
        /// The opportunity.
        opportunity: OpportunityId,
        /// The fact's name.
        fact: String,
        /// What.
        value: YesNo,
    },
    /// Register what the CRM says.
    Details {
        /// The opportunity.
        opportunity: OpportunityId,
        /// The fields.
        fields: BTreeMap<DealField, String>,
    },
    /// Record how the opportunity ended.
    Close {
        /// The opportunity.
        opportunity: OpportunityId,
        /// How.
        ended: Ended,
        /// When; today without it.
        on: Option<Date>,
        /// Of an evaluation that we declined: whether we could have competed.
        could_have_competed: bool,
    },
}

/// What to decide about a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Choice {
    /// It says this; without a verdict the rules' best guess.
    Accept {
        /// What it says.
        verdict: Option<Verdict>,
        /// The champion for whom it speaks, when that is not its author.
        speaks_for: Option<Address>,
    },
    /// It gives no verdict.
    Reject,
    /// It is not about this opportunity.
    NotAbout,
    /// The SE must say more first.
    AskSe,
    /// The alarm of a forged mail is dealt with.
    Clear,
}

/// An act that may be recorded, and the answer to give once it is.
pub type Allowed = (Act, Response);

/// Why not.
enum No {
    Refused(&'static str, String),
    Unavailable(Unavailable),
}

impl From<Unavailable> for No {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

/// The act that `request` asks for.
///
/// # Errors
/// With the response that says why it may not be done.
pub fn act(
    request: &ActRequest,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<Allowed, Box<Response>> {
    consider(request, register, context).map_err(|no| {
        Box::new(match no {
            No::Refused(code, text) => Response::Refused { code: code.into(), text },
            No::Unavailable(error) => failed(&error),
        })
    })
}

/// The outcomes of what `message` names: a Message-ID, or the sha256 of a copy. One for each content.
pub(super) fn find(message: &str, register: &dyn Register) -> Result<Vec<Outcome>, Unavailable> {
    if let Some(sha256) = Digest::from_hex(message) {
        return Ok(register.copy(&sha256)?.into_iter().collect());
    }
    let Some(id) = MessageId::new(message) else { return Ok(Vec::new()) };
    let mut outcomes = register.copies(&id)?;
    outcomes.sort_by_key(|o| (o.identity, o.sha256));
    outcomes.dedup_by_key(|o| o.identity);
    Ok(outcomes)
}

fn consider(request: &ActRequest, register: &dyn Register, context: Context<'_>) -> Result<Allowed, No> {
    let words = |text: &str, what: &str| {
        let text = text.trim();
        if text.is_empty() || text.len() > WORDS_BYTES_MAX {
            let text = format!("Say {what}, in at most {WORDS_BYTES_MAX} bytes.");
            return Err(No::Refused("bad_request", text));
        }
        Ok(text.to_owned())
    };
    let by = words(&request.by, "who you are")?;
    let reason = words(&request.reason, "why")?;
    let (case, deed) = match &request.what {
        Wanted::Decide { message, copy, opportunity, choice } => {
            let outcome = one(message, copy.as_deref(), register)?;
            decide(&outcome, opportunity.as_ref(), choice, register, context)?
        }
        Wanted::Link { message, copy, opportunity } => {
            let outcome = one(message, copy.as_deref(), register)?;
            link(&outcome, opportunity, register, context)?
        }
        Wanted::Undo { act } => undo(act, register)?,
        Wanted::Plan { opportunity, criteria, file } => {
            if criteria.is_empty() || criteria.iter().any(|c| c.text.trim().is_empty()) {
                return Err(No::Refused("bad_request", "A plan names criteria, each with a text.".into()));
            }
            let (opportunity, criteria) = (opportunity.clone(), criteria.clone());
            (Some(Case::open(&opportunity, register)?), Deed::Plan { opportunity, criteria, file: *file })
        }
        Wanted::Evidence { opportunity, kind, link, file } => {
            if link.is_none() == file.is_none() {
                return Err(No::Refused("bad_request", "Evidence is either a link or a file.".into()));
            }
            let (opportunity, link, file) = (opportunity.clone(), link.clone(), file.clone());
            (
                Some(Case::open(&opportunity, register)?),
                Deed::Evidence { opportunity, kind: *kind, link, file },
            )
        }
        Wanted::Erase { what } => erase(what, &by, register, context)?,
        Wanted::Access { message, copy } => {
            let outcome = one(message, copy.as_deref(), register)?;
            (None, Deed::Access { message: outcome.identity, sha256: outcome.sha256 })
        }
        Wanted::Amount { opportunity, amount } => {
            let deed = Deed::Amount { opportunity: opportunity.clone(), amount: *amount };
            (Some(Case::open(opportunity, register)?), deed)
        }
        Wanted::Details { opportunity, fields } => {
            if fields.is_empty() {
                return Err(No::Refused("bad_request", "There is no field to register.".into()));
            }
            let deed = Deed::Details { opportunity: opportunity.clone(), fields: fields.clone() };
            (Some(Case::open(opportunity, register)?), deed)
        }
        Wanted::Close { opportunity, ended, on, could_have_competed } => {
            let today = context.now.to_zoned(TimeZone::UTC).date();
            let (on, could_have_competed) = (on.unwrap_or(today), *could_have_competed);
            let opportunity = opportunity.clone();
            let case = Case::open(&opportunity, register)?;
            (Some(case), Deed::Closed { opportunity, ended: *ended, on, could_have_competed })
        }
        Wanted::Fact { opportunity, fact, value } => {
            facts::is_known(fact, context).map_err(|text| No::Refused("unknown_fact", text))?;
            let deed = Deed::Fact { opportunity: opportunity.clone(), fact: fact.clone(), value: *value };
            (Some(Case::open(opportunity, register)?), deed)
        }
    };
    if let Some(case) = case.as_ref().filter(|_| is_for_others(&deed))
        && !case.rulings(context).may_decide(&by)
    {
        let text = format!(
            "{by} declared {}: the SE of a deal cannot decide about it. Somebody else must; an SE's namesake gives \
             the full mail address with --by.",
            case.opportunity
        );
        return Err(No::Refused("own_deal", text));
    }
    let act = Act { at: context.now, by, reason, deed };
    let response = done(&act, case, context);
    Ok((act, response))
}

/// Whether the SE of a deal must leave it to somebody else. Plans, evidence and facts are the SE's own business: the first
/// can only raise the bar, the second opens nothing, and who may state a fact is the gate's to say.
fn is_for_others(deed: &Deed) -> bool {
    !matches!(
        deed,
        Deed::Plan { .. }
            | Deed::Evidence { .. }
            | Deed::Access { .. }
            | Deed::Fact { .. }
            | Deed::Details { .. }
            | Deed::Closed { .. }
    )
}

/// The one mail that was named.
fn one(message: &str, copy: Option<&str>, register: &dyn Register) -> Result<Outcome, No> {
    let mut found = find(message, register)?;
    if let Some(start) = copy {
        found.retain(|o| o.sha256.to_string().starts_with(&start.to_ascii_lowercase()));
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(No::Refused("unknown", format!("No such mail is on record: {message}"))),
        several => {
            let copies: Vec<String> = several.iter().map(|o| Act::name(&o.sha256)).collect();
            let text = format!(
                "Different contents came as {message}; look at them with `review show` and name one with --copy: {}",
                copies.join(", ")
            );
            Err(No::Refused("message_conflict", text))
        }
    }
}

fn decide(
    outcome: &Outcome,
    opportunity: Option<&OpportunityId>,
    choice: &Choice,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Option<Case>, Deed), No> {
    let case = match opportunity {
        Some(id) => Some(Case::open(id, register)?),
        None => home(outcome, register, context)?,
    };
    if let Some(case) = &case
        && !case.rulings(context).belongs(outcome, &case.outcomes)
    {
        return Err(No::Refused("unknown", format!("The mail does not belong to {}.", case.opportunity)));
    }
    let decision = match choice {
        Choice::Accept { verdict, speaks_for } => {
            accept(outcome, *verdict, speaks_for.as_ref(), case.as_ref(), context)?
        }
        Choice::Reject => Decision::Reject,
        Choice::NotAbout => Decision::NotAbout,
        Choice::AskSe => Decision::AskSe,
        Choice::Clear if outcome.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged) => {
            Decision::Clear
        }
        Choice::Clear => {
            let text = "Only a mail whose author is forged is cleared; use accept, reject or not-about.";
            return Err(No::Refused("bad_request", text.into()));
        }
    };
    let message = reviewed(outcome, register)?;
    let opportunity = case.as_ref().map(|c| c.opportunity.clone());
    Ok((case, Deed::Decide { message, opportunity, decision }))
}

fn accept(
    outcome: &Outcome,
    verdict: Option<Verdict>,
    speaks_for: Option<&Address>,
    case: Option<&Case>,
    context: Context<'_>,
) -> Result<Decision, No> {
    let refused = |text: &str| Err(No::Refused("bad_request", text.to_owned()));
    let Some(case) = case else {
        return refused("The mail belongs to no opportunity: link its declaration first (`review link`).");
    };
    if outcome.kind != Kind::Reply {
        return refused("Only an answer to a declaration can be accepted; use reject, not-about or link.");
    }
    if !may_be_accepted(outcome) {
        return refused(
            "The seller's own word, a machine's and a forged one can not be accepted. Let the champion write, or \
             forward the champion's own mail as an attachment.",
        );
    }
    let guess = outcome.verdict.filter(|v| !matches!(v, Verdict::Inconclusive | Verdict::Automatic));
    let Some(verdict) = verdict.or(guess) else {
        return refused("The rules read no verdict in it: say with --verdict what it says.");
    };
    let report = case.report(context);
    // Champions, and whom the accounts file lists besides: their words fill roles.
    let is_champion = |who: &Address| report.roles.iter().any(|w| w.who == who.as_str());
    let author = outcome.from.as_ref();
    let speaks_for = match speaks_for.filter(|who| Some(*who) != author) {
        Some(who) if is_champion(who) => Some(who.clone()),
        Some(who) => {
            let text = format!("{who} is no champion of {}.", case.opportunity);
            return Err(No::Refused("bad_request", text));
        }
        None if author.is_some_and(is_champion) => None,
        None => {
            return refused(
                "Its author is no champion of the newest declaration: say with --for whose word it is.",
            );
        }
    };
    Ok(Decision::Accept { verdict, speaks_for })
}

fn link(
    outcome: &Outcome,
    opportunity: &OpportunityId,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Option<Case>, Deed), No> {
    if outcome.kind != Kind::Declaration || outcome.opportunity.is_some() {
        let text = "Only a declaration that names no opportunity is linked.";
        return Err(No::Refused("bad_request", text.into()));
    }
    if let Some(other) = home(outcome, register, context)?.filter(|c| c.opportunity != *opportunity) {
        let text = format!("It is linked to {} already: undo that link first.", other.opportunity);
        return Err(No::Refused("bad_request", text));
    }
    let mut case = Case::open(opportunity, register)?;
    // The fold needs what the link brings.
    let thread = match &outcome.message_id {
        Some(id) => register.thread(id)?,
        None => vec![outcome.clone()],
    };
    case.acts.extend(super::case::acts_about(None, &thread, register)?);
    case.outcomes.extend(thread);
    let message = reviewed(outcome, register)?;
    Ok((Some(case), Deed::Link { message, opportunity: opportunity.clone() }))
}

fn undo(name: &str, register: &dyn Register) -> Result<(Option<Case>, Deed), No> {
    let unknown = || No::Refused("unknown", format!("No act is called {name}; `review show` names them."));
    let undone = register.act(name.trim())?.ok_or_else(unknown)?;
    let opportunity = match &undone.deed {
        Deed::Undo { .. } => {
            let text = "An undo cannot be undone: decide again.";
            return Err(No::Refused("bad_request", text.into()));
        }
        Deed::Decide { opportunity, .. } => opportunity.clone(),
        Deed::Access { .. } | Deed::Erase { .. } => {
            return Err(No::Refused("bad_request", "What was seen or erased stays so.".into()));
        }
        Deed::Link { opportunity, .. }
        | Deed::Champion { opportunity, .. }
        | Deed::Amount { opportunity, .. }
        | Deed::Fact { opportunity, .. }
        | Deed::Details { opportunity, .. }
        | Deed::Closed { opportunity, .. }
        | Deed::Plan { opportunity, .. }
        | Deed::Evidence { opportunity, .. } => Some(opportunity.clone()),
    };
    let case = opportunity.map(|id| Case::open(&id, register)).transpose()?;
    Ok((case, Deed::Undo { act: undone.id(), subjects: undone.subjects() }))
}

/// The copies that `what` names: all contents under a Message-ID, all mail of an opportunity, or all mail that an
/// address wrote.
fn erase(
    what: &str,
    by: &str,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Option<Case>, Deed), No> {
    let mut outcomes = match MessageId::new(what) {
        Some(id) => register.copies(&id)?,
        None => Vec::new(),
    };
    if outcomes.is_empty() {
        outcomes = match (OpportunityId::new(what), Address::new(what)) {
            (_, Some(address)) => register.written_by(&address)?,
            (Some(id), None) => Case::open(&id, register)?.outcomes,
            (None, None) => Vec::new(),
        };
    }
    if outcomes.is_empty() {
        return Err(No::Refused("unknown", format!("No mail of `{what}` is on record.")));
    }
    let mut opportunities = BTreeSet::new();
    for outcome in &outcomes {
        let Some(case) = home(outcome, register, context)? else { continue };
        // An SE could erase the champion's no.
        if !case.rulings(context).may_decide(by) {
            let text =
                format!("{by} declared {}: somebody else must have its mail erased.", case.opportunity);
            return Err(No::Refused("own_deal", text));
        }
        opportunities.insert(case.opportunity);
    }
    let copies = outcomes.iter().map(|o| o.sha256).collect();
    Ok((None, Deed::Erase { opportunities, copies }))
}

fn reviewed(outcome: &Outcome, register: &dyn Register) -> Result<Reviewed, Unavailable> {
    let copies = match &outcome.message_id {
        Some(id) => register.copies(id)?,
        None => Vec::new(),
    };
    Ok(Reviewed::now(outcome, &copies))
}

/// What to say once the act is on record.
fn done(act: &Act, case: Option<Case>, context: Context<'_>) -> Response {
    let name = Act::name(&act.id());
    let Some(mut case) = case else {
        return Response::Done { act: name, text: "recorded".into(), report: None };
    };
    case.acts.push(act.clone());
    let report = case.report(context);
    let mut text = format!("{} stands at {}", case.opportunity, stands(&report));
    let known: Vec<&Outcome> = case.outcomes.iter().collect();
    let rulings = case.rulings(context);
    let subjects = act.subjects();
    let of_act = |o: &&Outcome| subjects.contains(&Subject::Message(o.identity));
    if case.outcomes.iter().filter(of_act).any(|o| matches!(rulings.of(o, &known), Review::Waiting(_))) {
        let amount = rulings.amount().map_or_else(|| "unknown".to_owned(), |a| a.to_string());
        text.push_str(&format!("; a second person must decide the same (amount: {amount})"));
    }
    Response::Done { act: name, text, report: Some(Box::new(report)) }
}

/// The standing in words that never take an accepted one for a verified one.
fn stands(report: &StandingReport) -> String {
    let names: Vec<&str> = report.accepted_by.iter().map(|a| a.by.as_str()).collect();
    if names.is_empty() {
        return report.standing.as_str().to_owned();
    }
    format!(
        "{}, accepted by {} (verified: {})",
        report.standing.as_str(),
        names.join(", "),
        report.verified_standing.as_str()
    )
}
