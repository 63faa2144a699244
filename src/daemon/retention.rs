//! Retention by age: what may not be kept any longer is erased, with an act on record and tombstones in the log.
//!
//! A deal goes as a whole, counted from the last thing that happened to it: a part of its mail could tell another story
//! than all of it. Mail that belongs to no deal goes by its own age, unless it could still bear on one: a "no" that names
//! no deal freezes all its author's deals, and mail in a thread of a deal is read with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use super::desk::{Desk, failed, telling};
use super::library::Records;
use crate::answer::{self, ActRequest, Context, Request, Response, RetentionAsk, RetentionRow, Wanted};
use crate::edge::store::{Batch, Store, StoreError};
use crate::gate::Freshness;
use crate::model::{Digest, OpportunityId, Outcome};
use crate::record::{Act, Deed, Entry, Subject};

/// Who acts, in the record.
const BY: &str = "retention policy";
/// Entries read at once.
const PAGE: u64 = 500;
/// Opportunities read at once.
const DEALS: usize = 500;
/// The daemon looks once a day.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// … and, until all mail is read, again after this.
const ROUND: Duration = Duration::from_secs(15);

/// Something that may not be kept any longer.
struct Due {
    row: RetentionRow,
    act: Act,
    copies: BTreeSet<Digest>,
}

/// Answers. Blocking: it reads the whole log.
pub fn answer(store: &Store, ask: RetentionAsk, context: Context<'_>) -> Response {
    let work = || -> Result<Response, StoreError> {
        let due = due(store, ask, context)?;
        if ask.apply {
            apply(store, &due)?;
        }
        let rows = due.into_iter().map(|due| due.row).collect();
        Ok(Response::Retention { rows, applied: ask.apply })
    };
    work().unwrap_or_else(|error| failed(&error))
}

/// Erases what is due once a day, whenever every mailbox was read lately. Mail that waits to be considered holds up itself
/// and the deals that it may bear on, and nothing else.
pub async fn keep_to(desk: Arc<Desk>, ask: RetentionAsk) {
    if ask.deal_days.is_none() && ask.other_days.is_none() {
        return;
    }
    loop {
        while desk.freshness() != Freshness::Fresh {
            tokio::time::sleep(ROUND).await;
        }
        let own = Arc::clone(&desk);
        let answered =
            spawn_blocking(move || own.answer(Request::Retention(RetentionAsk { apply: true, ..ask }))).await;
        match answered {
            Ok(Response::Retention { rows, .. }) => {
                let copies: usize = rows.iter().map(|row| row.copies).sum();
                tracing::info!(event = "retention.done", copies);
            }
            Ok(Response::Failed { text, .. }) => tracing::error!(event = "retention.failed", %text),
            Ok(_) => {}
            Err(error) => tracing::error!(event = "retention.failed", %error),
        }
        tokio::time::sleep(DAY).await;
    }
}

/// One erasure for everything: the index is made anew after each.
fn apply(store: &Store, due: &[Due]) -> Result<(), StoreError> {
    let copies: BTreeSet<Digest> = due.iter().flat_map(|due| due.copies.iter().copied()).collect();
    if copies.is_empty() {
        return Ok(());
    }
    let entries = telling(store, &copies)?;
    let acts = due.iter().map(|due| Entry::Act(Box::new(due.act.clone()))).collect();
    store.append(Batch { entries: acts, ..Batch::default() })?;
    store.erase(&entries, &copies)
}

fn due(store: &Store, ask: RetentionAsk, context: Context<'_>) -> Result<Vec<Due>, StoreError> {
    let waiting: BTreeSet<Digest> = store.todo(usize::MAX)?.into_iter().collect();
    let mut due = Vec::new();
    if let Some(days) = ask.deal_days {
        due.extend(deals(store, days, &waiting, context)?);
    }
    if let Some(days) = ask.other_days {
        due.extend(others(store, days, &waiting, context.now)?);
    }
    Ok(due)
}

fn before(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

/// Deals to which nothing happened for so long.
fn deals(
    store: &Store,
    days: u32,
    waiting: &BTreeSet<Digest>,
    context: Context<'_>,
) -> Result<Vec<Due>, StoreError> {
    let (limit, records) = (before(context.now, days), Records(store));
    let awaited = awaited(store, waiting, limit)?;
    let mut idle = Vec::new();
    let mut after: Option<OpportunityId> = None;
    loop {
        let page = store.opportunities(after.as_ref(), DEALS)?;
        let Some(end) = page.last().cloned() else { break };
        for opportunity in page.into_iter().filter(|opportunity| !awaited.contains(opportunity)) {
            let Some(last) = last_of(store, &opportunity)?.filter(|last| *last < limit) else { continue };
            let reason = format!("nothing happened to it for {days} days ([retention] deal_days)");
            let what = Wanted::Erase { what: opportunity.to_string() };
            let wanted = ActRequest { by: BY.into(), reason, what };
            // What may not be erased now is asked about again tomorrow.
            let Ok((act, _)) = answer::act(&wanted, &records, context) else { continue };
            let Deed::Erase { opportunities, copies } = act.deed.clone() else { continue };
            if copies.is_disjoint(waiting) {
                let row = RetentionRow { opportunity: Some(opportunity), copies: copies.len(), last };
                idle.push((Due { row, act, copies }, opportunities));
            }
        }
        after = Some(end);
    }
    // Mail that also bears on a deal that lives stays, and so does all of its deal.
    let named = idle.iter().filter_map(|(due, _)| due.row.opportunity.clone());
    let named: BTreeSet<OpportunityId> = named.collect();
    Ok(idle.into_iter().filter(|(_, bears)| bears.is_subset(&named)).map(|(due, _)| due).collect())
}

/// Deals of the mail behind `limit` that was not considered yet, and of what it answers: something happened to them.
fn awaited(
    store: &Store,
    waiting: &BTreeSet<Digest>,
    limit: Timestamp,
) -> Result<BTreeSet<OpportunityId>, StoreError> {
    let mut deals = BTreeSet::new();
    for digest in waiting {
        let Some(seen) = store.seen(digest)?.filter(|seen| seen.seen_at >= limit) else { continue };
        let mut around = vec![*digest];
        for id in seen.links.message_id.iter().chain(&seen.links.parents) {
            around.extend(store.copies(id)?);
        }
        for copy in around {
            deals.extend(store.outcome(&copy)?.and_then(|outcome| outcome.opportunity));
        }
    }
    Ok(deals)
}

/// When the last thing happened to a deal; `None` when nothing of it is left to erase.
fn last_of(store: &Store, opportunity: &OpportunityId) -> Result<Option<Timestamp>, StoreError> {
    let mut times = Vec::new();
    let mut subjects = vec![Subject::Opportunity(opportunity.clone())];
    for digest in store.of_opportunity(opportunity)?.into_iter().chain(store.linked(opportunity)?) {
        times.extend(store.seen(&digest)?.map(|seen| seen.seen_at));
        subjects.extend(store.outcome(&digest)?.map(|outcome| Subject::Message(outcome.identity)));
    }
    if times.is_empty() {
        return Ok(None);
    }
    for subject in subjects {
        times.extend(store.acts(&subject)?.iter().map(|act| act.at));
    }
    times.extend(store.letters(Some(opportunity))?.iter().map(|posting| posting.letter.planned_at));
    Ok(times.into_iter().max())
}

/// Mail of so many days that belongs to no deal and bears on none.
fn others(
    store: &Store,
    days: u32,
    waiting: &BTreeSet<Digest>,
    now: Timestamp,
) -> Result<Option<Due>, StoreError> {
    let limit = before(now, days);
    let (mut copies, mut last) = (BTreeSet::new(), Timestamp::MIN);
    let (mut start, size) = (0, store.size());
    while start < size {
        for entry in store.entries(start..start + PAGE)? {
            let Entry::Seen(seen) = entry else { continue };
            let first = store.seen(&seen.sha256)?.map(|first| first.seen_at);
            let is_old = seen.seen_at < limit && first.is_some_and(|first| first < limit);
            if is_old && !waiting.contains(&seen.sha256) && stands_alone(store, &seen.sha256)? {
                copies.insert(seen.sha256);
                last = last.max(seen.seen_at);
            }
        }
        start += PAGE;
    }
    if copies.is_empty() {
        return Ok(None);
    }
    let act = Act {
        at: now,
        by: BY.into(),
        reason: format!("mail of no deal, older than {days} days ([retention] other_days)"),
        deed: Deed::Erase { opportunities: BTreeSet::new(), copies: copies.clone() },
    };
    Ok(Some(Due { row: RetentionRow { opportunity: None, copies: copies.len(), last }, act, copies }))
}

/// Whether no deal could stand otherwise without this copy.
fn stands_alone(store: &Store, sha256: &Digest) -> Result<bool, StoreError> {
    let Some(outcome) = store.outcome(sha256)? else { return Ok(false) };
    if bears(store, &outcome)? {
        return Ok(false);
    }
    let mut around = Vec::new();
    for id in outcome.message_id.iter().chain(&outcome.parents) {
        around.extend(store.copies(id)?);
    }
    if let Some(id) = &outcome.message_id {
        around.extend(store.children(id)?);
    }
    for other in around {
        if let Some(outcome) = store.outcome(&other)?
            && bears(store, &outcome)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether it belongs to a deal by its words or by a link, or could bear on one.
fn bears(store: &Store, outcome: &Outcome) -> Result<bool, StoreError> {
    if outcome.opportunity.is_some() || outcome.has("stray_objection") {
        return Ok(true);
    }
    let acts = store.acts(&Subject::Message(outcome.identity))?;
    Ok(acts.iter().any(|act| matches!(act.deed, Deed::Link { .. })))
}
