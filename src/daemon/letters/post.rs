//! The loop around the office: plans, posts what is planned, and sleeps until something is due.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::file::{File, Since};
use super::{Office, has_unread, open};
use crate::daemon::{DaemonError, Desk};
use crate::edge::metrics::{Counter, count};
use crate::edge::outbox::{Delivery, Outbox, Parcel};
use crate::edge::store::{Batch, StoreError};
use crate::gate::Freshness;
use crate::model::Digest;
use crate::prompt::{Settings, Wanted};
use crate::record::{Entry, Posted, Posting, Side};

/// The loop looks round at least this often, whatever the scheduler said: clocks jump, files change.
const ROUND: Duration = Duration::from_secs(15);
/// First wait after a server said "later"; four times as long after each further one.
const RETRY: SignedDuration = SignedDuration::from_secs(60);
/// … but never longer than this.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(2);
/// So long a letter is tried: what can not be delivered in two days is news for a person.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// Plans and posts letters until `stop` turns true.
///
/// # Errors
/// When the store fails: restart runs the recovery.
pub async fn run(
    desk: Arc<Desk>,
    mut outbox: Outbox,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let Some(settings) = desk.letters.clone() else { return Ok(()) };
    let (engine, own) = (Arc::clone(&desk.engine), settings.clone());
    let started = spawn_blocking(move || -> Result<Office, DaemonError> {
        Office::recover(&engine.store, Timestamp::now())?;
        Office::new(&engine.store, own, Timestamp::now())
            .map_err(|source| DaemonError::Listen { what: "letters".into(), source })
    });
    let mut office = started.await??;
    let since = office.since();
    while !*stop.borrow() {
        let quiet = is_quiet(&desk)?;
        let own = Arc::clone(&desk);
        let (back, round) = spawn_blocking(move || {
            let round = office.plan(&own, quiet, Timestamp::now());
            (office, round)
        })
        .await?;
        office = back;
        let planned = round?;
        let retry = post(&desk, &settings, since, &mut outbox, &stop).await?;
        let next = [planned.next, retry].into_iter().flatten().min();
        let wait = next.map_or(ROUND, |at| until(at).min(ROUND));
        let woken = tokio::select! {
            () = desk.considered.notified() => true,
            () = tokio::time::sleep(wait) => false,
            _ = stop.wait_for(|s| *s) => false,
        };
        if !woken {
            outbox.rest().await;
        }
    }
    Ok(())
}

/// How long until a moment on the clock; never quite nothing, so that a defect can not spin.
fn until(at: Timestamp) -> Duration {
    let wait = at.duration_since(Timestamp::now());
    Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(100))
}

/// Whether champions get nothing for now: an answer may have come in that nobody has read.
fn is_quiet(desk: &Desk) -> Result<bool, StoreError> {
    Ok(desk.freshness() != Freshness::Fresh || has_unread(&desk.engine.store)?)
}

/// Posts what is planned and due; returns when the next try is due.
async fn post(
    desk: &Arc<Desk>,
    settings: &Settings,
    since: Timestamp,
    outbox: &mut Outbox,
    stop: &watch::Receiver<bool>,
) -> Result<Option<Timestamp>, DaemonError> {
    let mut next: Option<Timestamp> = None;
    let engine = Arc::clone(&desk.engine);
    let letters = spawn_blocking(move || open(&engine.store)).await??;
    for letter in letters {
        if *stop.borrow() {
            break;
        }
        let (own, posting) = (Arc::clone(desk), letter.clone());
        let settled = settings.clone();
        let step = spawn_blocking(move || begin(&own, &settled, since, &posting)).await??;
        let raw = match step {
            Step::Wait(at) => {
                next = next.into_iter().chain(at).min();
                continue;
            }
            Step::Ended => continue,
            Step::Go(raw) => raw,
        };
        let parcel =
            Parcel { from: &settings.sender.from, to: &letter.letter.to, key: &letter.letter.key, raw: &raw };
        let delivery = outbox.deliver(&parcel).await;
        let posted = posted(delivery, letter.attempts + 1, Timestamp::now());
        if let Posted::Deferred { retry_at, .. } = &posted {
            next = next.into_iter().chain([*retry_at]).min();
        }
        tracing::info!(
            event = "letter.posted",
            rule = letter.letter.rule,
            to = %letter.letter.to,
            end = posted.as_str(),
            text = posted.text()
        );
        if let Posted::Sent { .. } = posted {
            count(Counter::PromptsSent, &[&letter.letter.rule]);
        }
        let (engine, key) = (Arc::clone(&desk.engine), letter.letter.key);
        spawn_blocking(move || note(&engine.store, key, posted)).await??;
    }
    Ok(next)
}

enum Step {
    Wait(Option<Timestamp>),
    Ended,
    Go(Vec<u8>),
}

/// Looks whether a letter may go now, and notes that a server is about to be spoken to. Blocking.
fn begin(desk: &Desk, settings: &Settings, since: Timestamp, letter: &Posting) -> Result<Step, StoreError> {
    let now = Timestamp::now();
    let store = &desk.engine.store;
    let key = letter.letter.key;
    if let Some((_, Posted::Deferred { retry_at, text })) = &letter.end {
        if now.duration_since(letter.letter.planned_at) > GIVE_UP {
            let text = format!("given up after {} tries: {text}", letter.attempts);
            note(store, key, Posted::Refused { text })?;
            return Ok(Step::Ended);
        }
        if *retry_at > now {
            return Ok(Step::Wait(Some(*retry_at)));
        }
    }
    if letter.letter.side == Side::Champion && is_quiet(desk)? {
        return Ok(Step::Wait(None));
    }
    let answers = settings.rules.answers_order(&letter.letter.rule);
    if let Some(opportunity) = letter.letter.opportunity.as_ref().filter(|_| !answers) {
        let policy = desk.engine.policy();
        let file = File::open(store, &policy, settings, opportunity, Since { since, now })?;
        match file.wants(letter, &policy, settings, now) {
            Wanted::Now => {}
            Wanted::Later(at) => return Ok(Step::Wait(Some(at))),
            Wanted::No => {
                let text = "What it was written for went away before it was sent.";
                note(store, key, Posted::Withdrawn { text: text.into() })?;
                return Ok(Step::Ended);
            }
        }
    }
    let Some(raw) = store.raw(&letter.letter.sha256)? else {
        note(store, key, Posted::Refused { text: "its octets are gone".into() })?;
        return Ok(Step::Ended);
    };
    store.append(Batch { entries: vec![Entry::Posting { key, at: now }], ..Batch::default() })?;
    Ok(Step::Go(raw))
}

fn note(store: &crate::edge::store::Store, key: Digest, posted: Posted) -> Result<(), StoreError> {
    if let Posted::Withdrawn { .. } | Posted::Refused { .. } | Posted::Uncertain { .. } = posted {
        count(Counter::PromptsSuppressed, &[posted.as_str()]);
    }
    let entry = Entry::Posted { key, at: Timestamp::now(), posted };
    store.append(Batch { entries: vec![entry], ..Batch::default() }).map(|_| ())
}

fn posted(delivery: Delivery, attempts: u32, now: Timestamp) -> Posted {
    match delivery {
        Delivery::Sent(text) => Posted::Sent { text },
        Delivery::Refused(text) => Posted::Refused { text },
        Delivery::Uncertain(text) => Posted::Uncertain { text },
        Delivery::Deferred(text) => {
            let factor = 4_i32.saturating_pow(attempts.saturating_sub(1).min(8));
            let wait = RETRY.saturating_mul(factor).min(RETRY_MAX);
            Posted::Deferred { text, retry_at: now.saturating_add(wait).unwrap_or(now) }
        }
    }
}
