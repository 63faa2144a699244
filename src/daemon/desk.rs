//! Answers every question about the record, whoever asks: command line, socket or HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;

use super::board::{self, Board};
use super::engine::{Engine, SeenAt, Taken};
use super::letters;
use super::library::Records;
use super::{log, mail, official};
use crate::answer::{self, ActRequest, Context, LettersAsk, PAGE_MAX, Request, Response, Wanted};
use crate::config::load_rules;
use crate::edge::source::{Fetched, Progress};
use crate::edge::store::{Batch, Store, StoreError};
use crate::gate::{Freshness, Gates};
use crate::model::{Digest, Terms};
use crate::prompt::{Clocks, Settings};
use crate::record::{Act, Deed, Entry, Place};

/// How old the last reading of a mailbox may be where nobody says otherwise.
const STALE_AFTER: Duration = Duration::from_secs(3600);

/// The one who answers.
pub struct Desk {
    /// The record and its tools.
    pub engine: Arc<Engine>,
    /// The gates.
    pub gates: Gates,
    /// What the configuration lets count.
    pub terms: Terms,
    /// What must have happened by when.
    pub clocks: Clocks,
    /// One for each configured mailbox.
    pub mailboxes: Vec<Arc<Progress>>,
    /// Without a completed cycle for so long a mailbox is stale.
    pub stale_after: Duration,
    /// Told when something waits to be considered.
    pub arrived: Arc<tokio::sync::Notify>,
    /// Told when something was considered, or ordered: letters may be due.
    pub considered: Arc<tokio::sync::Notify>,
    /// The queue of the day.
    pub board: Board,
    /// What the operator says about letters; `None` where nobody writes any.
    pub letters: Option<Settings>,
    /// Who is told of events.
    pub webhooks: super::Webhooks,
}

impl Desk {
    /// A desk over a store, without mailboxes, letters and webhooks.
    pub fn new(engine: Engine, gates: Gates) -> Self {
        Self {
            engine: Arc::new(engine),
            gates,
            terms: Terms::default(),
            clocks: Clocks::default(),
            mailboxes: Vec::new(),
            stale_after: STALE_AFTER,
            arrived: Arc::default(),
            considered: Arc::default(),
            board: Board::default(),
            letters: None,
            webhooks: super::Webhooks::default(),
        }
    }

    /// Answers. Blocking.
    pub fn answer(&self, request: Request) -> Response {
        let store = &self.engine.store;
        // What the board knows costs no look at the record.
        let known = match &request {
            Request::Queue { after, limit } => {
                let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX + 1);
                self.board.queue(store, (after.as_ref(), limit), self.context())
            }
            Request::Report(wanted) => self.board.report(store, wanted, self.context()),
            Request::Events { after, limit } => {
                Some(self.board.events(store, (*after, *limit), self.context()))
            }
            _ => None,
        };
        if let Some(known) = known {
            return known;
        }
        match request {
            Request::Ingest { files } => self.ingest(files).unwrap_or_else(|e| failed(&e)),
            Request::Rejudge { rules, apply } => self.rejudge(rules.as_deref(), apply),
            Request::Quarantine(act) => self.quarantine(act),
            Request::Letters(ask) => self.letters(ask),
            Request::Ready => self.readiness(),
            Request::Metrics => self.metrics(),
            Request::Board => self.board.answer(&self.engine.store, self.context()),
            Request::Window(window) => self.board.window(&self.engine.store, window, self.context()),
            Request::Webhooks(ask) => self.webhooks.answer(&ask, self.engine.store.size()),
            other => answer_in(&self.engine.store, self.context(), other),
        }
    }

    /// What an answer of this moment depends on.
    fn context(&self) -> Context<'_> {
        self.context_at(Timestamp::now())
    }

    /// What an answer of that moment depends on.
    pub(super) fn context_at(&self, now: Timestamp) -> Context<'_> {
        let (gates, terms, clocks) = (&self.gates, &self.terms, &self.clocks);
        Context { gates, freshness: self.freshness(), now, terms, clocks }
    }

    /// Whether every configured mailbox was read lately.
    pub fn freshness(&self) -> Freshness {
        let fresh = |p: &Arc<Progress>| p.age().is_some_and(|age| age <= self.stale_after);
        if self.mailboxes.iter().all(fresh) { Freshness::Fresh } else { Freshness::Stale }
    }

    fn letters(&self, ask: LettersAsk) -> Response {
        let Some(settings) = &self.letters else {
            let text = "This daemon writes no letters.";
            return Response::Failed { code: "bad_request".into(), text: text.into() };
        };
        let response = letters::answer(&self.engine, settings, ask);
        self.considered.notify_one();
        response
    }

    fn rejudge(&self, folder: Option<&Path>, apply: bool) -> Response {
        let other = match folder.map(|folder| load_rules(Some(folder))).transpose() {
            Ok(_) if apply && folder.is_some() => {
                let text = "Only the running rules can be applied: configure these, reload, then apply.";
                return Response::Failed { code: "bad_request".into(), text: text.into() };
            }
            Ok(other) => other,
            Err(error) => return Response::Failed { code: "bad_rules".into(), text: error.to_string() },
        };
        let rules = other.map_or_else(|| self.engine.rules(), Arc::new);
        match self.engine.rejudge(&rules, apply) {
            Ok(changes) => Response::Rejudged { rules: rules.digest().to_string(), changes, applied: apply },
            Err(error) => failed(&error),
        }
    }

    fn ingest(&self, files: Vec<(String, String)>) -> Result<Response, StoreError> {
        let mut batch = Vec::new();
        for (path, text) in files {
            match base64::engine::general_purpose::STANDARD.decode(text) {
                Ok(raw) => batch.push(Fetched { place: Place::File { path }, raw }),
                Err(error) => {
                    return Ok(Response::Failed {
                        code: "bad_request".into(),
                        text: format!("{path}: {error}"),
                    });
                }
            }
        }
        let Taken { new, known } = self.engine.take(batch, SeenAt::Message)?;
        self.arrived.notify_one();
        Ok(Response::Ingested { new, known })
    }
}

/// Answers everything that the record alone can answer, now and without clocks. Blocking.
pub fn answer_from(
    store: &Store,
    gates: &Gates,
    terms: &Terms,
    freshness: Freshness,
    request: Request,
) -> Response {
    let clocks = Clocks::default();
    answer_in(store, Context { gates, freshness, now: Timestamp::now(), terms, clocks: &clocks }, request)
}

/// Answers everything that the record alone can answer. Blocking.
pub fn answer_in(store: &Store, context: Context<'_>, request: Request) -> Response {
    let records = Records(store);
    match request {
        Request::Gate { opportunity, to } => official::gate(store, &opportunity, &to, context),
        Request::Official(order) => official::official(store, &order, context),
        Request::Events { after, limit } => {
            let event = |seq, entry: &Entry| board::event(seq, entry, &BTreeMap::new(), store, context);
            official::events(store, (after, limit), u64::MAX, event)
        }
        Request::Show { what } => answer::show(&what, &records, context),
        Request::Sheet { opportunity, mails } => mail::sheet(store, &opportunity, mails, context),
        Request::List { after, limit } => answer::list(after.as_ref(), limit, &records, context),
        Request::Queue { after, limit } => answer::queue(after.as_ref(), limit, &records, context),
        Request::Import(wanted) => {
            let (acts, response) = answer::import(&wanted, &records, context);
            keep_all(store, acts, response)
        }
        Request::ExportDeals { after, limit } => {
            answer::export_deals((after.as_ref(), limit), &records, context)
        }
        Request::Report(wanted) => answer::report(&wanted, &records, context),
        Request::Facts { opportunity } => answer::facts(&opportunity, &records, context),
        Request::Review { message } => answer::review(&message, &records, context),
        Request::Mail { sha256 } => mail::answer(store, &sha256),
        Request::Export { messages, names } => answer::export(&messages, &names, &records, context),
        Request::Raw { message, copy, by, reason } => {
            let what = Wanted::Access { message, copy };
            match answer::act(&ActRequest { by, reason, what }, &records, context) {
                Ok((act, _)) => show_raw(store, act),
                Err(refused) => *refused,
            }
        }
        Request::Act(wanted) => match answer::act(&wanted, &records, context) {
            Ok((act, response)) if matches!(act.deed, Deed::Erase { .. }) => erase(store, act, response),
            Ok((act, response)) => keep(store, Entry::Act(Box::new(act)), response),
            Err(refused) => *refused,
        },
        Request::Health => match store.alive() {
            Ok(()) => Response::Health {
                size: store.size(),
                waiting: store.todo_len(),
                fresh: context.freshness == Freshness::Fresh,
            },
            Err(error) => failed(&error),
        },
        Request::Log(question) => log::answer(store, question, context),
        Request::Quarantine(act) => super::quarantine::quarantine(store, act),
        Request::Retention(ask) => super::retention::answer(store, ask, context),
        Request::Ingest { .. }
        | Request::Rejudge { .. }
        | Request::Letters(_)
        | Request::Webhooks(_)
        | Request::Board
        | Request::Window(_)
        | Request::Ready
        | Request::Metrics => {
            Response::Failed { code: "internal".into(), text: "mail is read by the engine".into() }
        }
    }
}

/// Records who has what erased, and erases it: the octets, and every entry that tells of them but people's own acts.
fn erase(store: &Store, act: Act, response: Response) -> Response {
    let Deed::Erase { copies, .. } = act.deed.clone() else {
        return Response::Failed { code: "internal".into(), text: "the act erases nothing".into() };
    };
    let work = || -> Result<Response, StoreError> {
        if store.todo(usize::MAX)?.iter().any(|waiting| copies.contains(waiting)) {
            let text = "The mail still waits to be considered; try again in a minute.";
            return Ok(Response::Refused { code: "waits".into(), text: text.into() });
        }
        let entries = telling(store, &copies)?;
        store.append(Batch { entries: vec![Entry::Act(Box::new(act))], ..Batch::default() })?;
        store.erase(&entries, &copies)?;
        Ok(response)
    };
    work().unwrap_or_else(|error| failed(&error))
}

/// Numbers of the entries that tell of these copies: of their coming and considering, and gate answers and letters that
/// name them or quote their words.
pub(super) fn telling(store: &Store, copies: &BTreeSet<Digest>) -> Result<BTreeSet<u64>, StoreError> {
    let mut names: Vec<String> = Vec::new();
    let mut quotes: Vec<String> = Vec::new();
    for copy in copies {
        names.push(copy.to_string());
        let Some(outcome) = store.outcome(copy)? else { continue };
        names.extend(outcome.message_id.as_ref().map(ToString::to_string));
        quotes.extend(Some(outcome.quote).filter(|q| !q.trim().is_empty()));
    }
    let quotes: Vec<String> = quotes.iter().filter_map(|q| serde_json::to_string(q).ok()).collect();
    let quotes: Vec<&str> = quotes.iter().map(|q| q.trim_matches('"')).collect();
    let mut telling = BTreeSet::new();
    let (mut start, size) = (0, store.size());
    while start < size {
        for (seq, entry) in (start..).zip(store.entries(start..start + PAGE)?) {
            let tells = match &entry {
                Entry::Seen(seen) => copies.contains(&seen.sha256),
                Entry::Considered(outcome) => copies.contains(&outcome.sha256),
                Entry::Gate { .. } | Entry::Letter(_) => {
                    let text = serde_json::to_string(&entry).unwrap_or_default();
                    names.iter().any(|n| text.contains(n)) || quotes.iter().any(|q| text.contains(q))
                }
                _ => false,
            };
            if tells {
                telling.insert(seq);
            }
        }
        start += PAGE;
    }
    Ok(telling)
}

/// Entries read at once.
const PAGE: u64 = 500;

/// Hands out a mail's octets, once it is on record who asked for them.
fn show_raw(store: &Store, act: Act) -> Response {
    let Deed::Access { sha256, .. } = act.deed else {
        return Response::Failed { code: "internal".into(), text: "the act is no access".into() };
    };
    match store.raw(&sha256) {
        Ok(Some(octets)) => {
            let octets = base64::engine::general_purpose::STANDARD.encode(octets);
            keep(store, Entry::Act(Box::new(act)), Response::Raw { octets })
        }
        Ok(None) => Response::Unknown { text: "The octets of the mail are not on record any more.".into() },
        Err(error) => failed(&error),
    }
}

/// Answers once all acts are on disk, in one commit.
fn keep_all(store: &Store, acts: Vec<Act>, response: Response) -> Response {
    let entries: Vec<Entry> = acts.into_iter().map(|act| Entry::Act(Box::new(act))).collect();
    if entries.is_empty() {
        return response;
    }
    match store.append(Batch { entries, ..Batch::default() }) {
        Ok(_) => response,
        Err(error) => failed(&error),
    }
}

/// Answers once the entry is on disk.
fn keep(store: &Store, entry: Entry, response: Response) -> Response {
    match store.append(Batch { entries: vec![entry], ..Batch::default() }) {
        Ok(_) => response,
        Err(error) => failed(&error),
    }
}

pub(super) fn failed(error: &StoreError) -> Response {
    Response::Failed { code: "store_unavailable".into(), text: error.to_string() }
}
