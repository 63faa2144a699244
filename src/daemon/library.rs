//! The record as the pipeline and the answers read it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::answer::{Register, Unavailable};
use crate::edge::dkim;
use crate::edge::store::{Store, StoreError};
use crate::model::{
    Address, Digest, KeyRecord, KeyState, Message, MessageId, OpportunityId, Outcome, Seller, Witnessed,
};
use crate::parse::{parse, unparsed};
use crate::pipeline::{Known, Library, needs};
use crate::record::Place;

/// A key record this much older than a message's first sight does not speak for it: keys rotate.
const KEY_AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// The store as a library of known messages, with the key records of this round.
pub struct Shelf<'a> {
    store: &'a Store,
    /// Records that were looked up just now and are not in the store yet.
    looked_up: &'a BTreeMap<String, KeyRecord>,
    /// Names that no usable record was found for.
    missing: RefCell<BTreeSet<String>>,
    /// The first error of the store: the pipeline's look-ups can not return one.
    error: RefCell<Option<StoreError>>,
    /// What was loaded in this round: the mails of a thread lead to each other again and again.
    loaded: RefCell<BTreeMap<Digest, Arc<Known>>>,
    seller: &'a Seller,
}

/// Most messages that a round keeps loaded.
const LOADED_MAX: usize = 1_000;

impl<'a> Shelf<'a> {
    /// A shelf over the store.
    pub fn new(store: &'a Store, looked_up: &'a BTreeMap<String, KeyRecord>, seller: &'a Seller) -> Self {
        Self {
            store,
            looked_up,
            missing: RefCell::default(),
            error: RefCell::default(),
            loaded: RefCell::default(),
            seller,
        }
    }

    /// Loads a stored copy, parsed and with its signatures checked.
    pub fn load(&self, digest: &Digest) -> Option<Arc<Known>> {
        if let Some(known) = self.loaded.borrow().get(digest) {
            return Some(Arc::clone(known));
        }
        let raw = self.keep(self.store.raw(digest)).flatten()?;
        let seen = self.keep(self.store.seen(digest)).flatten()?;
        let attached = matches!(seen.place, Place::Attached { .. });
        let work = |message| Known::new(self.witness(message, seen.seen_at, attached), self.seller);
        // A defect of ours in one message must not stop the others: what is left of it is its octets.
        let known =
            catch_unwind(AssertUnwindSafe(|| work(parse(&raw)))).unwrap_or_else(|_| work(unparsed(&raw)));
        let known = Arc::new(known);
        let mut loaded = self.loaded.borrow_mut();
        if loaded.len() >= LOADED_MAX {
            loaded.clear();
        }
        loaded.insert(*digest, Arc::clone(&known));
        Some(known)
    }

    fn load_all(&self, digests: Option<Vec<Digest>>) -> Vec<Arc<Known>> {
        digests.unwrap_or_default().iter().filter_map(|d| self.load(d)).collect()
    }

    /// Names of key records that were needed and not found.
    pub fn missing(&self) -> BTreeSet<String> {
        self.missing.take()
    }

    /// The first error that the store gave, if any.
    pub fn error(&self) -> Option<StoreError> {
        self.error.take()
    }

    fn witness(&self, message: Message, seen_at: Timestamp, attached: bool) -> Witnessed {
        let mut keys = BTreeMap::new();
        for name in needs(&message).keys {
            match self.key(&name, seen_at) {
                Some(record) => {
                    keys.insert(name, record);
                }
                None => {
                    self.missing.borrow_mut().insert(name.clone());
                    keys.insert(name.clone(), KeyRecord { name, state: KeyState::Temporary, seen_at });
                }
            }
        }
        Witnessed { signatures: dkim::check(&message, &keys), message: Arc::new(message), seen_at, attached }
    }

    /// The record that was first seen when the message was, or later: for ever the same one.
    pub fn key(&self, name: &str, seen_at: Timestamp) -> Option<KeyRecord> {
        let records = self.keep(self.store.keys(name)).unwrap_or_default();
        let oldest = seen_at.saturating_sub(KEY_AGE_MAX).unwrap_or(Timestamp::MIN);
        records.into_iter().find(|r| r.seen_at >= oldest).or_else(|| self.looked_up.get(name).cloned())
    }

    fn keep<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}

impl Library for Shelf<'_> {
    fn copies(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.load_all(self.keep(self.store.copies(id)))
    }

    fn of_opportunity(&self, id: &OpportunityId) -> Vec<Arc<Known>> {
        self.load_all(self.keep(self.store.of_opportunity(id)))
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// The store as the register that answers are read from.
pub struct Records<'a>(pub &'a Store);

impl Records<'_> {
    fn newest(&self, digests: &[Digest]) -> Result<Vec<Outcome>, Unavailable> {
        let mut outcomes = Vec::with_capacity(digests.len());
        for digest in digests {
            outcomes.extend(self.0.outcome(digest)?);
        }
        Ok(outcomes)
    }
}

impl Register for Records<'_> {
    fn outcomes(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.of_opportunity(opportunity)?)
    }

    fn opportunities(
        &self,
        after: Option<&OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, Unavailable> {
        Ok(self.0.opportunities(after, limit)?)
    }

    fn unlinked(&self, limit: usize) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.unlinked(limit)?)
    }

    fn strays(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.strays(author)?)
    }

    fn thread(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable> {
        let mut digests = self.0.copies(id)?;
        digests.extend(self.0.children(id)?);
        self.newest(&digests)
    }
}
