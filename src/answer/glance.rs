//! What one look at a deal gives to everybody who keeps up with all of them: the queue of the day, the reports and the list
//! of what waits for a person. And which deals an entry bears on, so that only those are looked at again.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::deals::deal;
use super::review::waiting_in;
use super::{Brief, Case, Context, Register, ReviewItem, Unavailable, home};
use crate::model::{Address, Digest, OpportunityId, StandingReport};
use crate::record::{Act, Deed, Entry};
use crate::report::Deal;

/// What is kept of a deal.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Its row in the queue.
    pub brief: Brief,
    /// Its row in reports; none while no mail names it.
    pub row: Option<Deal>,
    /// Its mail that waits for a person.
    pub waiting: Vec<ReviewItem>,
    /// All copies of its mail.
    pub copies: BTreeSet<Digest>,
    /// From when on time alone may have changed what stands here.
    pub until: Option<Timestamp>,
    /// Its mail was erased, and nothing is left to show.
    pub is_erased: bool,
}

impl Glance {
    /// Looks at an opportunity.
    ///
    /// # Errors
    /// When the record can not be read.
    pub fn of(
        opportunity: &OpportunityId,
        register: &dyn Register,
        context: Context<'_>,
    ) -> Result<Self, Unavailable> {
        let case = Case::open(opportunity, register)?;
        let report = case.report(context);
        let is_named = case.outcomes.iter().any(|o| o.opportunity.as_ref() == Some(opportunity));
        let (waiting, copies) = waiting_in(&case, &report, register, context)?;
        let was_erased = case.acts.iter().any(|act| matches!(act.deed, Deed::Erase { .. }));
        Ok(Self {
            brief: Brief::new(&report, &case.outcomes),
            row: is_named.then(|| deal(&case, &report, context)),
            waiting,
            copies,
            until: changes_at(&report, &case, context),
            is_erased: case.outcomes.is_empty() && was_erased,
        })
    }
}

/// The next moment at which a report may change by itself: a condition is overdue on the day after it was due, what somebody
/// wrote is too old some days later, and clocks run out. A moment too many only costs a look.
fn changes_at(report: &StandingReport, case: &Case, context: Context<'_>) -> Option<Timestamp> {
    let overdue = report.conditions.iter().filter_map(|condition| {
        let day = condition.due?.tomorrow().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    let stale = context.terms.evidence_days_max.into_iter().flat_map(|days| {
        // It is stale once it is older, so one second is too early.
        let life = SignedDuration::from_hours(24 * i64::from(days)) + SignedDuration::from_secs(1);
        case.outcomes.iter().filter_map(move |o| o.written().checked_add(life).ok())
    });
    let clocks = context.clocks.of(report, &case.outcomes, &case.acts, context.now);
    overdue.chain(stale).chain(clocks.into_iter().map(|clock| clock.due)).filter(|at| *at > context.now).min()
}

/// The deals that an entry bears on: by the words of a mail, by a link, or because it is an objection that names no deal and
/// so bears on all deals in which its author speaks (`theirs`).
///
/// # Errors
/// When the record can not be read.
pub fn concerned(
    entry: &Entry,
    theirs: &dyn Fn(&Address) -> BTreeSet<OpportunityId>,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<BTreeSet<OpportunityId>, Unavailable> {
    Ok(match entry {
        Entry::Considered(outcome) => {
            let mut deals: BTreeSet<OpportunityId> = match &outcome.opportunity {
                Some(own) => [own.clone()].into(),
                None => home(outcome, register, context)?.map(|case| case.opportunity).into_iter().collect(),
            };
            if outcome.has("stray_objection") {
                deals.extend(outcome.from.as_ref().map(theirs).unwrap_or_default());
            }
            deals
        }
        Entry::Act(act) => {
            let mut deals = act.opportunities();
            deals.extend(undone(act, register)?.into_iter().flat_map(|undone| undone.opportunities()));
            deals
        }
        Entry::Gate { answer, .. } => {
            let named = answer.get("opportunity").and_then(serde_json::Value::as_str);
            named.and_then(OpportunityId::new).into_iter().collect()
        }
        Entry::Letter(letter) => letter.opportunity.clone().into_iter().collect(),
        _ => BTreeSet::new(),
    })
}

/// The mail that a person's act decides about, or did before the act took that back.
///
/// # Errors
/// When the record can not be read.
pub fn copy_of(act: &Act, register: &dyn Register) -> Result<Option<Digest>, Unavailable> {
    let of = |act: &Act| match &act.deed {
        Deed::Decide { message, .. } | Deed::Link { message, .. } => Some(message.sha256),
        _ => None,
    };
    Ok(of(act).or(undone(act, register)?.as_ref().and_then(of)))
}

fn undone(act: &Act, register: &dyn Register) -> Result<Option<Act>, Unavailable> {
    match &act.deed {
        Deed::Undo { act, .. } => register.act(&Act::name(act)),
        _ => Ok(None),
    }
}
