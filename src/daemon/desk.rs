//! Answers every question about the record, whoever asks: command line, socket or HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;

use super::engine::{Engine, SeenAt, Taken};
use super::letters;
use super::library::Records;
use super::log;
use crate::answer::{self, ActRequest, Context, LettersAsk, Request, Response, Wanted};
use crate::config::load_rules;
use crate::edge::source::{Fetched, Progress};
use crate::edge::store::{Batch, Store, StoreError};
use crate::gate::{Freshness, Gates};
use crate::model::Digest;
use crate::model::Terms;
use crate::prompt::Settings;
use crate::record::{Act, Deed, Entry, Place};

/// The one who answers.
pub struct Desk {
    /// The record and its tools.
    pub engine: Arc<Engine>,
    /// The gates.
    pub gates: Gates,
    /// What the configuration lets count.
    pub terms: Terms,
    /// One for each configured mailbox.
    pub mailboxes: Vec<Arc<Progress>>,
    /// Without a completed cycle for so long a mailbox is stale.
    pub stale_after: Duration,
    /// Told when something waits to be considered.
    pub arrived: Arc<tokio::sync::Notify>,
    /// Told when something was considered, or ordered: letters may be due.
    pub considered: Arc<tokio::sync::Notify>,
    /// What the operator says about letters; `None` where nobody writes any.
    pub letters: Option<Settings>,
}

impl Desk {
    /// Answers. Blocking.
    pub fn answer(&self, request: Request) -> Response {
        match request {
            Request::Ingest { files } => self.ingest(files).unwrap_or_else(|e| failed(&e)),
            Request::Rejudge { rules, apply } => self.rejudge(rules.as_deref(), apply),
            Request::Quarantine(act) => self.quarantine(act),
            Request::Letters(ask) => self.letters(ask),
            other => answer_from(&self.engine.store, &self.gates, &self.terms, self.freshness(), other),
        }
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

/// Answers everything that the record alone can answer. Blocking.
pub fn answer_from(
    store: &Store,
    gates: &Gates,
    terms: &Terms,
    freshness: Freshness,
    request: Request,
) -> Response {
    let records = Records(store);
    let context = Context { gates, freshness, now: Timestamp::now(), terms };
    match request {
        Request::Gate { opportunity, to, record } => {
            // Taken first: what the answer rests on is in the log of this head.
            let head = store.log_head();
            let response = with_head(answer::gate(&opportunity, &to, &records, context), head);
            if record { write_down(store, response) } else { response }
        }
        Request::Show { what } => answer::show(&what, &records, context),
        Request::List { after, limit } => answer::list(after.as_ref(), limit, &records, context),
        Request::Queue { limit } => answer::queue(limit, &records, context),
        Request::Review { message } => answer::review(&message, &records, context),
        Request::Export { messages, names } => answer::export(&messages, &names, &records, context),
        Request::Raw { message, copy, by, reason } => {
            let what = Wanted::Access { message, copy };
            match answer::act(&ActRequest { by, reason, what }, &records, context) {
                Ok((act, _)) => show_raw(store, act),
                Err(refused) => *refused,
            }
        }
        Request::Act(wanted) => match answer::act(&wanted, &records, context) {
            Ok((act, response)) => keep(store, Entry::Act(Box::new(act)), response),
            Err(refused) => *refused,
        },
        Request::Health => Response::Health {
            size: store.size(),
            waiting: store.todo_len(),
            fresh: freshness == Freshness::Fresh,
        },
        Request::Log(question) => log::answer(store, question, context),
        Request::Quarantine(act) => super::quarantine::quarantine(store, act),
        Request::Ingest { .. } | Request::Rejudge { .. } | Request::Letters(_) => {
            Response::Failed { code: "internal".into(), text: "mail is read by the engine".into() }
        }
    }
}

fn with_head(mut response: Response, (size, root): (u64, Digest)) -> Response {
    if let Response::Gate(answer) = &mut response {
        answer.log_size = Some(size);
        answer.log_root = Some(root);
    }
    response
}

/// Makes a gate's answer an entry of the log.
fn write_down(store: &Store, response: Response) -> Response {
    let Response::Gate(given) = &response else { return response };
    let entry = match serde_json::to_value(given) {
        Ok(answer) => Entry::Gate { at: given.as_of, answer },
        Err(error) => return Response::Failed { code: "internal".into(), text: error.to_string() },
    };
    keep(store, entry, response)
}

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
