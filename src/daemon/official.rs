//! Gate answers on record and as receipts, and the record as events.

use jiff::{SignedDuration, Timestamp};

use super::desk::failed;
use super::library::Records;
use crate::answer::{
    self, Case, Context, Event, GateOrder, LogAnswer, RECEIPT_LIFE, Register, Response, Unavailable, claims,
};
use crate::edge::metrics::{Counter, count};
use crate::edge::store::{Batch, Moment, Store};
use crate::gate::GateAnswer;
use crate::model::OpportunityId;
use crate::record::Entry;
use crate::record::log::key_set;

/// Most entries that one page of events reads: of a million entries a few are events.
const READ_MAX: u64 = 5_000;
/// Entries read at once.
const PAGE: u64 = 250;

/// Answers. Blocking.
pub(super) fn gate(store: &Store, opportunity: &OpportunityId, to: &str, context: Context<'_>) -> Response {
    gate_over(&Records(store), store, (opportunity, to), context, |_, _| ())
        .map_or_else(|r| *r, |(given, ..)| Response::Gate(given))
}

/// The answer over `register`, and what `more` finds, both at one moment of the record: what the answer rests on is in the
/// log of the head that it names, and everything in that log was looked at.
///
/// # Errors
/// With the answer of whoever could not tell.
pub(super) fn gate_over<T>(
    register: &dyn Register,
    store: &Store,
    (opportunity, to): (&OpportunityId, &str),
    context: Context<'_>,
    mut more: impl FnMut(&Case, &GateAnswer) -> T,
) -> Result<(Box<GateAnswer>, T, Moment), Box<Response>> {
    let found = store.settled(|| {
        let case = Case::open(opportunity, register).map_err(|error| Box::new(Response::from(error)))?;
        match answer::gate_in(&case, to, context) {
            Response::Gate(given) => {
                let more = more(&case, &given);
                Ok((given, more))
            }
            other => Err(Box::new(other)),
        }
    });
    let found = match found {
        Ok((Ok((given, more)), moment)) => Ok((given, more, moment)),
        Ok((Err(other), _)) => Err(other),
        Err(error) => Err(Box::new(failed(&error))),
    };
    match found {
        Ok((mut given, more, moment)) => {
            (given.log_size, given.log_root) = (Some(moment.size), Some(moment.root));
            count_answer(given.allowed);
            Ok((given, more, moment))
        }
        Err(other) => {
            count(Counter::GateRequests, &["could_not_tell"]);
            Err(other)
        }
    }
}

/// Counts an answer for metrics.
pub(super) fn count_answer(allowed: bool) {
    count(Counter::GateRequests, &[if allowed { "allowed" } else { "not_allowed" }]);
}

/// Answers, and records or signs the answer. What was not recorded as wanted was not answered.
pub fn official(store: &Store, order: &GateOrder, context: Context<'_>) -> Response {
    let records = Records(store);
    let end = |case: &Case, given: &GateAnswer| order.receipt.then(|| holds_until(case, given, context));
    let (given, end) = match gate_over(&records, store, (&order.opportunity, &order.to), context, end) {
        Ok((given, end, _)) => (given, end),
        Err(other) => return *other,
    };
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
    let receipt = end.map(|end| store.sign_claims(&claims(&given, store.origin(), &order.by, end)));
    match receipt.transpose() {
        Ok(receipt) => Response::Official { gate: given, receipt },
        Err(error) => failed(&error),
    }
}

/// How long, at most [`RECEIPT_LIFE`], the same record gives this answer: a day may end it that is known today.
fn holds_until(case: &Case, given: &GateAnswer, context: Context<'_>) -> Timestamp {
    let holds = |at: Timestamp| {
        let context = Context { now: at, ..context };
        matches!(answer::gate_in(case, &given.to, context),
            Response::Gate(late) if late.allowed == given.allowed && late.standing == given.standing)
    };
    let at =
        |seconds: i64| given.as_of.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(given.as_of);
    let (mut good, mut bad) = (0, RECEIPT_LIFE.as_secs());
    if holds(at(bad)) {
        return at(bad);
    }
    while bad - good > 1 {
        let middle = i64::midpoint(good, bad);
        if holds(at(middle)) { good = middle } else { bad = middle }
    }
    at(good)
}

/// The keys that check receipts.
pub fn keys(store: &Store) -> Response {
    match key_set(store.verifier()) {
        Ok(keys) => Response::Log(Box::new(LogAnswer::Keys(keys))),
        Err(error) => Response::Failed { code: "internal".into(), text: error.to_string() },
    }
}

/// What happened after the event `after`, among the first `read` entries; `of` makes an event of an entry.
pub(super) fn events(
    store: &Store,
    (after, limit): (u64, usize),
    read: u64,
    of: impl Fn(u64, &Entry) -> Result<Option<Event>, Unavailable>,
) -> Response {
    let mut events = Vec::new();
    // An event's id is its entry's number plus one, so `after` is the number of the next entry.
    let (mut next, size) = (after, store.size());
    let last = size.min(read).min(after.saturating_add(READ_MAX));
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
            match of(next, &entry) {
                Ok(event) => events.extend(event),
                Err(error) => {
                    return Response::Failed { code: "store_unavailable".into(), text: error.to_string() };
                }
            }
            next += 1;
        }
    }
    Response::Events { events, next, more: next < size }
}
