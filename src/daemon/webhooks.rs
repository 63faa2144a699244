//! The outbox of webhooks. An event is in the log before anybody hears of it; a receiver's place in the log stands in a
//! file of the store's folder (`webhook-NAME.json`). Each event is sent at least once, with the same id each time.
//!
//! Events of one opportunity are sent in order: behind one that the receiver refuses the next ones of that opportunity
//! wait, and the others go on. A receiver that does not answer is tried again, ever more seldom, for as long as it takes:
//! what it misses stays in the log. Only an event that it refuses again and again is given up, shown, and sent again when
//! somebody says so.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::desk::Desk;
use crate::answer::{DeadRow, Event, Request, Response, WebhookRow, WebhooksAsk};
use crate::edge::store::replace_file;
use crate::edge::webhook::{Settings, Trouble, WAIT_MAX, post};
use crate::model::OpportunityId;

/// Events of one receiver that are read ahead of the one that is sent.
const WAITING_MAX: usize = 200;
/// Events that were given up and are kept to be looked at; older ones can still be read at `/v1/events`.
const DEAD_MAX: usize = 1_000;
/// Events that are read at once.
const PAGE: usize = 100;

/// When to try again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How often the log is looked at.
    pub look: Duration,
    /// The wait after the first failure; it doubles with each.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How often an event is tried that the receiver refuses.
    pub refusals_max: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(500),
            first: Duration::from_secs(5),
            longest: Duration::from_secs(900),
            // Five, ten, twenty … seconds: about five minutes for a receiver to be mended.
            refusals_max: 7,
        }
    }
}

impl Pace {
    fn wait(&self, attempts: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(20)));
        doubled.min(self.longest)
    }
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Delivery {
    event: Event,
    attempts: u32,
    next_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Where a receiver is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    read: u64,
    waiting: VecDeque<Delivery>,
    dead: Vec<Delivery>,
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    paused_until: Option<Timestamp>,
    #[serde(default)]
    error: Option<String>,
}

/// A receiver with its place in the log.
#[derive(Debug)]
struct Hook {
    settings: Settings,
    path: PathBuf,
    state: Mutex<State>,
}

/// The receivers.
#[derive(Debug, Default)]
pub struct Webhooks {
    hooks: Vec<Arc<Hook>>,
    pace: Pace,
}

impl Webhooks {
    /// Receivers, with their places in the folder `store`. One that is new begins at `size`: with what comes.
    ///
    /// # Errors
    /// When a place cannot be read or written; the text names the file.
    pub fn open(store: &Path, settings: Vec<Settings>, pace: Pace, size: u64) -> Result<Self, String> {
        let open = |settings: Settings| {
            let path = store.join(format!("webhook-{}.json", settings.name));
            let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
            let state = match std::fs::read(&path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| fail(&e))?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    let state = State { read: size, ..State::default() };
                    save(&path, &state)?;
                    state
                }
                Err(e) => return Err(fail(&e)),
            };
            Ok(Arc::new(Hook { settings, path, state: Mutex::new(state) }))
        };
        Ok(Self { hooks: settings.into_iter().map(open).collect::<Result<_, String>>()?, pace })
    }

    /// Answers; `size` is that of the log.
    pub fn answer(&self, ask: &WebhooksAsk, size: u64) -> Response {
        match ask {
            WebhooksAsk::List => {
                Response::Webhooks { webhooks: self.hooks.iter().map(|hook| hook.row(size)).collect() }
            }
            WebhooksAsk::Retry { name, event } => {
                let Some(hook) = self.hooks.iter().find(|hook| hook.settings.name == *name) else {
                    return Response::Unknown { text: format!("No webhook is called `{name}`.") };
                };
                match hook.retry(*event) {
                    Ok(0) => Response::Unknown { text: "There is no such event that was given up.".into() },
                    Ok(n) => Response::Settled { text: format!("{n} events are sent again.") },
                    Err(text) => Response::Failed { code: "store_unavailable".into(), text },
                }
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hooks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }
}

/// Delivers to one receiver until `stop` turns true.
pub async fn run(desk: Arc<Desk>, index: usize, mut stop: watch::Receiver<bool>) {
    let Some(hook) = desk.webhooks.hooks.get(index).map(Arc::clone) else { return };
    let pace = desk.webhooks.pace;
    loop {
        let (worker, shared) = (Arc::clone(&hook), Arc::clone(&desk));
        let step = tokio::task::spawn_blocking(move || worker.step(&shared, pace));
        let next = tokio::select! {
            next = step => next,
            // Whether a post that is under way arrives, nobody notes: it is sent again after the next start.
            _ = stop.wait_for(|s| *s) => return,
        };
        let rest = match next {
            Ok(Ok(true)) => Duration::ZERO,
            Ok(Ok(false)) => pace.look,
            Ok(Err(error)) => {
                tracing::error!(event = "webhook.failed", name = hook.settings.name, error);
                pace.longest
            }
            Err(error) => {
                tracing::error!(event = "webhook.died", name = hook.settings.name, %error);
                pace.longest
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stop.wait_for(|s| *s) => return,
        }
        if *stop.borrow() {
            return;
        }
    }
}

impl Hook {
    /// Reads on, and sends the next event that may be sent; whether there may be another one. Blocking.
    fn step(&self, desk: &Desk, pace: Pace) -> Result<bool, String> {
        let more = self.read_on(desk)?;
        let now = Timestamp::now();
        let Some(delivery) = self.next(now, pace.longest.max(WAIT_MAX)) else { return Ok(more) };
        let body = body(desk, &delivery.event);
        let sent = post(&self.settings, delivery.event.id, now, &body);
        self.note(delivery.event.id, sent, pace)?;
        Ok(true)
    }

    /// Fills what waits from the log.
    fn read_on(&self, desk: &Desk) -> Result<bool, String> {
        let (after, room) = {
            let state = self.lock();
            (state.read, WAITING_MAX.saturating_sub(state.waiting.len()))
        };
        if room == 0 || after >= desk.engine.store.size() {
            return Ok(false);
        }
        match desk.answer(Request::Events { after, limit: room.min(PAGE) }) {
            Response::Events { events, next, more } => {
                let mut state = self.lock();
                let wanted = events.into_iter().filter(|event| self.settings.wants(event));
                let delivery =
                    |event| Delivery { event, attempts: 0, next_at: Timestamp::UNIX_EPOCH, error: None };
                state.waiting.extend(wanted.map(delivery));
                state.read = next;
                save(&self.path, &state)?;
                Ok(more)
            }
            Response::Failed { text, .. } => Err(text),
            _ => Err("the log could not be read".into()),
        }
    }

    /// The first event whose time has come and before which nothing of its opportunity waits.
    fn next(&self, now: Timestamp, longest: Duration) -> Option<Delivery> {
        let state = self.lock();
        // A time further away than the longest wait comes from a clock that was wrong.
        let is_due = |at: Timestamp| at <= now || at > later(now, longest);
        if state.paused_until.is_some_and(|until| !is_due(until)) {
            return None;
        }
        let (mut held, mut held_bare) = (BTreeSet::new(), false);
        for delivery in &state.waiting {
            let subjects = subjects(&delivery.event);
            // What names no deal waits for what names none.
            let is_free = if subjects.is_empty() { !held_bare } else { held.is_disjoint(&subjects) };
            if is_free && is_due(delivery.next_at) {
                return Some(delivery.clone());
            }
            held_bare |= subjects.is_empty();
            held.extend(subjects);
        }
        None
    }

    /// Notes how it went.
    fn note(&self, id: u64, sent: Result<(), Trouble>, pace: Pace) -> Result<(), String> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(at) = state.waiting.iter().position(|d| d.event.id == id) else { return Ok(()) };
        let now = Timestamp::now();
        match sent {
            Ok(()) => {
                state.waiting.remove(at);
                (state.failures, state.paused_until, state.error) = (0, None, None);
            }
            Err(Trouble::Later { text, wait }) => {
                state.failures = state.failures.saturating_add(1);
                state.paused_until = Some(later(now, wait.unwrap_or_else(|| pace.wait(state.failures))));
                tracing::warn!(
                    event = "webhook.later",
                    name = self.settings.name,
                    failures = state.failures,
                    error = text
                );
                state.error = Some(text);
            }
            Err(Trouble::Refused(text)) => {
                (state.failures, state.paused_until) = (0, None);
                state.error = Some(text.clone());
                let Some(delivery) = state.waiting.get_mut(at) else { return Ok(()) };
                delivery.attempts += 1;
                delivery.next_at = later(now, pace.wait(delivery.attempts));
                delivery.error = Some(text);
                if delivery.attempts >= pace.refusals_max {
                    tracing::error!(event = "webhook.given_up", name = self.settings.name, id);
                    state.dead.extend(state.waiting.remove(at));
                    let surplus = state.dead.len().saturating_sub(DEAD_MAX);
                    state.dead.drain(..surplus);
                }
            }
        }
        save(&self.path, state)
    }

    fn retry(&self, event: Option<u64>) -> Result<usize, String> {
        let mut state = self.lock();
        let is_meant = |d: &Delivery| event.is_none_or(|id| d.event.id == id);
        let (again, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut state.dead).into_iter().partition(is_meant);
        state.dead = kept;
        let n = again.len();
        for delivery in again.into_iter().rev() {
            state.waiting.push_front(Delivery { attempts: 0, next_at: Timestamp::UNIX_EPOCH, ..delivery });
        }
        save(&self.path, &state)?;
        Ok(n)
    }

    fn row(&self, size: u64) -> WebhookRow {
        let state = self.lock();
        WebhookRow {
            name: self.settings.name.clone(),
            url: self.settings.url.split(['?', '#']).next().unwrap_or_default().to_owned(),
            read: state.read,
            behind: size.saturating_sub(state.read),
            waiting: state.waiting.len(),
            paused_until: state.paused_until,
            error: state.error.clone(),
            dead: state
                .dead
                .iter()
                .map(|d| DeadRow {
                    event: d.event.id,
                    opportunity: d.event.opportunity.as_ref().map(ToString::to_string),
                    attempts: d.attempts,
                    error: d.error.clone().unwrap_or_default(),
                    at: d.next_at,
                })
                .collect(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event with where its opportunities stand now: a receiver that takes only the newest event of a deal is right.
fn body(desk: &Desk, event: &Event) -> String {
    let mut data = serde_json::to_value(event).unwrap_or_default();
    if let Some(map) = data.as_object_mut() {
        let mut deals = Vec::new();
        for opportunity in subjects(event) {
            let Some(stands) = stands(desk, opportunity) else { continue };
            if event.opportunity.as_ref() == Some(opportunity) {
                map.extend(stands.clone());
            }
            let mut deal = Map::from_iter([("opportunity".to_owned(), json!(opportunity))]);
            deal.extend(stands);
            deals.push(deal);
        }
        if !deals.is_empty() {
            map.insert("deals".into(), json!(deals));
        }
    }
    json!({ "type": event.kind_of, "timestamp": event.at, "data": data }).to_string()
}

/// The opportunities that an event bears on.
fn subjects(event: &Event) -> BTreeSet<&OpportunityId> {
    event.opportunities.iter().chain(&event.opportunity).collect()
}

/// Where an opportunity stands now; nothing when it is not on record any more.
fn stands(desk: &Desk, opportunity: &OpportunityId) -> Option<Map<String, Value>> {
    let asked = desk.answer(Request::Show { what: opportunity.to_string() });
    let Response::Opportunity(answer) = asked else { return None };
    let open: Vec<&String> = answer.gates.iter().filter(|(_, allowed)| **allowed).map(|(n, _)| n).collect();
    let fields = [
        ("standing", json!(answer.report.standing)),
        ("verified_standing", json!(answer.report.verified_standing)),
        ("reason", json!(answer.report.reasons.first().map(|r| &r.code))),
        ("gates_open", json!(open)),
        ("as_of", json!(Timestamp::now())),
    ];
    Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(now)
}

fn save(path: &Path, state: &State) -> Result<(), String> {
    let bytes = serde_json::to_vec(state).map_err(|e| e.to_string())?;
    replace_file(path, &bytes).map_err(|e| e.to_string())
}
