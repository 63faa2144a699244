//! One mail with its pieces, as a person reads it.

use std::collections::{BTreeSet, VecDeque};

use super::desk::failed;
use crate::answer::{MailAnswer, Response};
use crate::edge::store::{Store, StoreError};
use crate::model::{Digest, MessageId, Outcome};

/// Most mails that one may quote: threads of evaluations are shorter.
const ORIGINALS_MAX: usize = 20;

/// The mail of a copy. Reading never writes.
pub fn answer(store: &Store, sha256: &Digest) -> Response {
    let found = || -> Result<Option<MailAnswer>, StoreError> {
        let Some(outcome) = store.outcome(sha256)? else { return Ok(None) };
        let raw = store.raw(sha256)?;
        let originals = originals(store, &outcome)?;
        Ok(Some(MailAnswer::new(&outcome, raw.as_deref(), &originals)))
    };
    match found() {
        Ok(Some(mail)) => Response::Mail(Box::new(mail)),
        Ok(None) => Response::Unknown { text: "No such mail is on record.".into() },
        Err(error) => failed(&error),
    }
}

/// The octets of what the mail answers, nearest first, with ancestors.
fn originals(store: &Store, outcome: &Outcome) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut queue: VecDeque<MessageId> = outcome.parents.iter().chain(&outcome.answers).cloned().collect();
    let mut asked = BTreeSet::new();
    let mut originals = Vec::new();
    while let Some(id) = queue.pop_front() {
        if originals.len() >= ORIGINALS_MAX || !asked.insert(id.clone()) {
            continue;
        }
        for copy in store.copies(&id)? {
            originals.extend(store.raw(&copy)?);
            queue.extend(store.outcome(&copy)?.into_iter().flat_map(|parent| parent.parents));
        }
    }
    Ok(originals)
}
