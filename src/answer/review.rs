//! What waits for a person, and what that person needs to decide in ten seconds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::find;
use super::{Case, Context, MessageAnswer, PAGE_MAX, Register, Response, Unavailable, failed, home};
use crate::model::{Digest, OpportunityId, Outcome, Reason, Standing, StandingReport, Verdict};
use crate::record::{Act, Decision, Deed, Review, Subject, is_put_aside, needs_person};

/// A mail in the review queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// The mail: best guess (`verdict`), the strongest readings with their words, who wrote it.
    pub message: MessageAnswer,
    /// The opportunity that it belongs to, by its own words or by a link.
    pub opportunity: Option<OpportunityId>,
    /// Where that stands.
    pub standing: Option<Standing>,
    /// `open`, `asked` (the SE must say more), `waiting` (for a second person), `decided`, or `settled`: nobody needs
    /// to look.
    pub state: String,
    /// When the mail was written, or else seen.
    pub at: Timestamp,
    /// Why a person must look.
    pub why: Vec<Reason>,
    /// What people decided about it.
    pub decisions: Vec<DecisionAnswer>,
}

impl ReviewItem {
    fn waits(&self) -> bool {
        !matches!(self.state.as_str(), "decided" | "settled")
    }
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionAnswer {
    /// Its name, for an undo.
    pub name: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// What, in words.
    pub did: String,
    /// The act taken back by another one.
    pub undone: bool,
}

impl DecisionAnswer {
    /// One act; whether it was undone is not known from it alone.
    pub fn of(act: &Act) -> Self {
        Self {
            name: Act::name(&act.id()),
            by: act.by.clone(),
            at: act.at,
            reason: act.reason.clone(),
            did: did(&act.deed),
            undone: false,
        }
    }

    /// All acts, oldest first.
    pub fn all(acts: &[Act]) -> Vec<Self> {
        let is_undone =
            |id: Digest| acts.iter().any(|a| matches!(&a.deed, Deed::Undo { act, .. } if *act == id));
        let mut all: Vec<Self> =
            acts.iter().map(|act| Self { undone: is_undone(act.id()), ..Self::of(act) }).collect();
        all.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
        all
    }
}

fn did(deed: &Deed) -> String {
    match deed {
        Deed::Decide { decision, .. } => match decision {
            Decision::Accept { verdict, speaks_for: None } => format!("accepted as {}", verdict.as_str()),
            Decision::Accept { verdict, speaks_for: Some(champion) } => {
                format!("accepted as {} for {champion}", verdict.as_str())
            }
            Decision::Reject => "rejected: no verdict".into(),
            Decision::NotAbout => "not about this opportunity".into(),
            Decision::AskSe => "asked the SE".into(),
            Decision::Clear => "cleared".into(),
        },
        Deed::Link { opportunity, .. } => format!("linked to {opportunity}"),
        Deed::Champion { champion, .. } => format!("named {champion} the champion"),
        Deed::Undo { act, .. } => format!("undid {}", Act::name(act)),
        Deed::Plan { criteria, .. } => format!("registered a plan of {} criteria", criteria.len()),
        Deed::Evidence { kind, .. } => format!("recorded a {}", kind.as_str()),
        Deed::Access { .. } => "saw the raw mail".into(),
        Deed::Erase { copies, .. } => format!("had {} copies erased", copies.len()),
        Deed::Amount { amount, .. } => format!("registered the amount {amount}"),
        Deed::Details { fields, .. } => {
            let fields: Vec<String> = fields.iter().map(|(f, v)| format!("{}: {v}", f.as_str())).collect();
            format!("registered {}", fields.join(", "))
        }
        Deed::Closed { ended, on, .. } => format!("recorded {} on {on}", ended.as_str()),
        Deed::Fact { fact, value, .. } => format!("stated {fact}: {}", value.as_str()),
    }
}

/// The queue, oldest first.
pub fn queue(
    after: Option<&Digest>,
    limit: Option<usize>,
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX + 1);
    match waiting(register, context) {
        Ok(mut items) => {
            items.sort_by(|a, b| (a.at, &a.message.sha256).cmp(&(b.at, &b.message.sha256)));
            // What was decided meanwhile has left the queue: its place is unknown then, and the page starts anew.
            let named = |item: &ReviewItem| after.is_some_and(|copy| item.message.sha256 == copy.to_string());
            items.drain(..items.iter().position(named).map_or(0, |n| n + 1));
            items.truncate(limit);
            Response::Queue { items }
        }
        Err(error) => failed(&error),
    }
}

/// One mail, every content under its Message-ID.
pub fn review(message: &str, register: &dyn Register, context: Context<'_>) -> Response {
    let items = || -> Result<Vec<ReviewItem>, Unavailable> {
        let mut items = Vec::new();
        for outcome in find(message, register)? {
            let case = home(&outcome, register, context)?;
            let report = case.as_ref().map(|c| c.report(context));
            items.push(item(&outcome, case.as_ref(), report.as_ref(), register, context)?);
        }
        Ok(items)
    };
    match items() {
        Ok(items) if items.is_empty() => {
            Response::Unknown { text: format!("No mail `{message}` is on record.") }
        }
        Ok(items) => Response::Review { items },
        Err(error) => failed(&error),
    }
}

fn waiting(register: &dyn Register, context: Context<'_>) -> Result<Vec<ReviewItem>, Unavailable> {
    let mut items = Vec::new();
    let mut cases: BTreeMap<OpportunityId, (Case, StandingReport)> = BTreeMap::new();
    let mut after: Option<Digest> = None;
    loop {
        let page = register.review(after.as_ref(), PAGE_MAX)?;
        let Some(last) = page.last().map(|o| o.sha256) else { return Ok(items) };
        after = Some(last);
        for outcome in &page {
            // Mail of one deal tends to wait together.
            let case = match outcome.opportunity.as_ref().and_then(|id| cases.get(id)) {
                Some((case, report)) => Some((case.clone(), report.clone())),
                None => home(outcome, register, context)?.map(|case| {
                    let report = case.report(context);
                    (case, report)
                }),
            };
            let (case, report) = case.unzip();
            let item = item(outcome, case.as_ref(), report.as_ref(), register, context)?;
            if let (Some(case), Some(report)) = (case, report) {
                cases.entry(case.opportunity.clone()).or_insert((case, report));
            }
            if item.waits() {
                items.push(item);
            }
        }
    }
}

/// The mail of a case that waits for a person, and all copies of its mail.
pub(super) fn waiting_in(
    case: &Case,
    report: &StandingReport,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Vec<ReviewItem>, BTreeSet<Digest>), Unavailable> {
    let rulings = case.rulings(context);
    let (mut items, mut copies) = (Vec::new(), BTreeSet::new());
    for outcome in &case.outcomes {
        // An objection that names no deal bears on this one, and belongs to none.
        let is_own = match &outcome.opportunity {
            Some(own) => *own == case.opportunity,
            None => rulings.belongs(outcome, &case.outcomes),
        };
        if is_own && copies.insert(outcome.sha256) && needs_person(outcome) {
            items.push(item(outcome, Some(case), Some(report), register, context)?);
        }
    }
    items.retain(ReviewItem::waits);
    Ok((items, copies))
}

/// A mail that belongs to no opportunity, when it waits for a person.
///
/// # Errors
/// When the record can not be read.
pub fn waiting_alone(
    copy: &Digest,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<Option<ReviewItem>, Unavailable> {
    let Some(outcome) = register.copy(copy)?.filter(needs_person) else { return Ok(None) };
    if home(&outcome, register, context)?.is_some() {
        return Ok(None);
    }
    item(&outcome, None, None, register, context).map(|item| Some(item).filter(ReviewItem::waits))
}

fn item(
    outcome: &Outcome,
    case: Option<&Case>,
    report: Option<&StandingReport>,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<ReviewItem, Unavailable> {
    let acts = match case {
        Some(case) => case.acts.clone(),
        None => register.acts(&Subject::Message(outcome.identity))?,
    };
    let state = match (case, report) {
        (Some(case), Some(report)) => {
            let known: Vec<&Outcome> = case.outcomes.iter().collect();
            match case.rulings(context).of(outcome, &known) {
                Review::Asked(_) => "asked",
                Review::Waiting(_) => "waiting",
                Review::Decided(_) => "decided",
                Review::Open if report.review.contains(&outcome.sha256) => "open",
                Review::Open => "settled",
            }
        }
        _ if is_put_aside(outcome, &acts) => "decided",
        _ => "open",
    };
    let about = |act: &Act| act.subjects().contains(&Subject::Message(outcome.identity));
    let own: Vec<Act> = acts.into_iter().filter(about).collect();
    Ok(ReviewItem {
        message: MessageAnswer::new(outcome),
        opportunity: case.map(|c| c.opportunity.clone()),
        standing: report.map(|r| r.standing),
        state: state.to_owned(),
        at: outcome.written(),
        why: why(outcome),
        decisions: DecisionAnswer::all(&own),
    })
}

/// Why a person must look: whatever the trail says besides the rules that merely fired.
fn why(outcome: &Outcome) -> Vec<Reason> {
    const MERELY_FIRED: &[&str] = &["affirmed", "no_accounts", "not_endorsed"];
    let mut why: Vec<Reason> =
        outcome.reasons.iter().filter(|r| !MERELY_FIRED.contains(&r.code.as_str())).cloned().collect();
    if why.is_empty() && matches!(outcome.verdict, Some(Verdict::Declined | Verdict::Retracted)) {
        why.push(Reason::new("declined", "It says no, and others were asked since."));
    }
    why
}
