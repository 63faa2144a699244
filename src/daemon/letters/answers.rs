//! What the command line asks about letters.

use jiff::Timestamp;

use super::file::{File, Since};
use crate::answer::{LetterRow, LettersAsk, Response, WakeRow};
use crate::daemon::engine::Engine;
use crate::edge::outbox;
use crate::edge::store::{Batch, StoreError};
use crate::model::{OpportunityId, Policy};
use crate::prompt::{Settings, compose};
use crate::record::{Command, Entry, Order};

/// Most opportunities that a list goes through.
const DEALS_MAX: usize = 10_000;

/// Answers. Blocking.
pub fn answer(engine: &Engine, settings: &Settings, ask: LettersAsk) -> Response {
    let policy = engine.policy();
    let answered = match ask {
        LettersAsk::List { opportunity } => list(engine, &policy, settings, opportunity.as_ref()),
        LettersAsk::Preview { opportunity } => preview(engine, &policy, settings, &opportunity),
        LettersAsk::Hold { opportunity } => order(engine, &opportunity, Command::Hold),
        LettersAsk::Resume { opportunity } => order(engine, &opportunity, Command::Resume),
        LettersAsk::SendNow { opportunity } => order(engine, &opportunity, Command::SendNow),
    };
    answered.unwrap_or_else(|error| Response::Failed {
        code: "store_unavailable".into(),
        text: error.to_string(),
    })
}

fn list(
    engine: &Engine,
    policy: &Policy,
    settings: &Settings,
    only: Option<&OpportunityId>,
) -> Result<Response, StoreError> {
    let now = Timestamp::now();
    let deals = match only {
        Some(id) => vec![id.clone()],
        None => engine.store.opportunities(None, DEALS_MAX)?,
    };
    let since = since(engine, now)?;
    let mut letters = Vec::new();
    let mut next = Vec::new();
    if only.is_none() {
        letters.extend(engine.store.letters(None)?.iter().map(LetterRow::new));
    }
    for deal in deals {
        let file = File::open(&engine.store, policy, settings, &deal, Since { since, now })?;
        letters.extend(file.history.iter().map(LetterRow::new));
        let schedule = file.schedule(policy, settings, 0, now);
        let row = |at, what: String| WakeRow { opportunity: deal.clone(), at, what };
        next.extend(schedule.due.iter().map(|d| row(now, format!("{} to {}", d.rule, d.to.address))));
        next.extend(schedule.next.iter().map(|w| row(w.at, w.why.clone())));
        next.extend(schedule.held.map(|at| row(at, "held".into())));
        let over = |over| if over { "over" } else { "ends" };
        next.extend(schedule.clocks.iter().map(|c| row(c.due, format!("clock {} {}", c.code, over(c.over)))));
    }
    next.sort_by(|a, b| (a.at, &a.opportunity, &a.what).cmp(&(b.at, &b.opportunity, &b.what)));
    Ok(Response::Letters { letters, next })
}

/// What came in before starts no letter.
fn since(engine: &Engine, now: Timestamp) -> Result<Timestamp, StoreError> {
    let folder = engine.store.folder();
    outbox::since(folder, now, false).map_err(StoreError::io("read letters.since in", folder))
}

/// What the next letters of a deal would say. Nothing is written or sent.
fn preview(
    engine: &Engine,
    policy: &Policy,
    settings: &Settings,
    opportunity: &OpportunityId,
) -> Result<Response, StoreError> {
    let now = Timestamp::now();
    let file =
        File::open(&engine.store, policy, settings, opportunity, Since { since: since(engine, now)?, now })?;
    let mut schedule = file.schedule(policy, settings, 0, now);
    if schedule.due.is_empty()
        && let Some(next) = schedule.next.iter().map(|wake| wake.at).max()
    {
        // A letter that a warning stands before shows once the warning is sent; until then the warning shows.
        let soon = schedule.next.first().map_or(next, |wake| wake.at);
        schedule = file.schedule(policy, settings, 0, soon);
    }
    let (Some(subject), false) = (&file.subject, schedule.due.is_empty()) else {
        return Ok(Response::Unknown { text: format!("No letter about {opportunity} is due or to come.") });
    };
    let mut letters = Vec::new();
    for due in &schedule.due {
        let shown = |at| settings.seller.shown(at);
        match compose(due, subject, &settings.sender, &settings.texts, "TOKEN", now, &shown) {
            Ok(written) => letters.push(crate::answer::LetterText {
                rule: due.rule.clone(),
                to: due.to.address.to_string(),
                why: due.why.clone(),
                subject: written.subject,
                text: written.text,
            }),
            Err(error) => {
                return Ok(Response::Failed { code: "bad_rules".into(), text: error.to_string() });
            }
        }
    }
    Ok(Response::LetterTexts { letters })
}

fn order(engine: &Engine, opportunity: &OpportunityId, command: Command) -> Result<Response, StoreError> {
    if engine.store.of_opportunity(opportunity)?.is_empty() {
        return Ok(Response::Unknown { text: format!("Nothing about `{opportunity}` is on record.") });
    }
    let order = Order {
        opportunity: opportunity.clone(),
        command,
        by: "operator".into(),
        mail: None,
        at: Timestamp::now(),
        answer: None,
    };
    engine.store.append(Batch { entries: vec![Entry::Order(order)], ..Batch::default() })?;
    Ok(Response::Ordered { opportunity: opportunity.clone() })
}
