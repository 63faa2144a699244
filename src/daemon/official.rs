//! Gate answers on record and as receipts, and the record as events.

use jiff::Timestamp;

use super::desk::failed;
use super::library::Records;
use crate::answer::{self, Context, Event, GateOrder, LogAnswer, Response, claims};
use crate::edge::store::{Batch, Store};
use crate::record::Entry;
use crate::record::log::key_set;

/// Most entries that one page of events reads: of a million entries a few are events.
const READ_MAX: u64 = 5_000;
/// Entries read at once.
const PAGE: u64 = 250;

/// Answers, and records or signs the answer. What was not recorded as wanted was not answered.
pub fn official(store: &Store, order: &GateOrder, context: Context<'_>) -> Response {
    let (size, root) = store.log_head();
    let mut given = match answer::gate(&order.opportunity, &order.to, &Records(store), context) {
        Response::Gate(given) => given,
        other => return other,
    };
    (given.log_size, given.log_root) = (Some(size), Some(root));
    if order.record {
        let mut value = match serde_json::to_value(&given) {
            Ok(value) => value,
            Err(error) => return Response::Failed { code: "internal".into(), text: error.to_string() },
        };
        if let Some(map) = value.as_object_mut() {
            map.insert("asked_by".into(), order.by.as_str().into());
        }
        let entries = vec![Entry::Gate { at: given.as_of, answer: value }];
        if let Err(error) = store.append(Batch { entries, ..Batch::default() }) {
            return failed(&error);
        }
    }
    let mut receipt = None;
    if order.receipt {
        let claims = claims(&given, store.origin(), &order.by, Timestamp::now());
        match store.sign_claims(&claims) {
            Ok(signed) => receipt = Some(signed),
            Err(error) => return failed(&error),
        }
    }
    Response::Official { gate: given, receipt }
}

/// The keys that check receipts.
pub fn keys(store: &Store) -> Response {
    match key_set(store.verifier()) {
        Ok(keys) => Response::Log(Box::new(LogAnswer::Keys(keys))),
        Err(error) => Response::Failed { code: "internal".into(), text: error.to_string() },
    }
}

/// What happened after the event `after`.
pub fn events(store: &Store, after: u64, limit: usize) -> Response {
    let mut events = Vec::new();
    // An event's id is its entry's number plus one, so `after` is the number of the next entry.
    let (mut next, size) = (after, store.size());
    let last = size.min(after.saturating_add(READ_MAX));
    while next < last {
        let entries = match store.entries(next..last.min(next + PAGE)) {
            Ok(entries) => entries,
            Err(error) => return failed(&error),
        };
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if events.len() == limit {
                return Response::Events { events, next, more: true };
            }
            events.extend(Event::of(next, &entry));
            next += 1;
        }
    }
    Response::Events { events, next, more: next < size }
}
