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
    Address, Asked, Digest, KeyRecord, KeyState, Message, MessageId, OpportunityId, Outcome, Seller,
    Sighting, Witnessed,
};
use crate::parse::{parse, unparsed};
use crate::pipeline::{Known, Library, carrier, needs};
use crate::record::{Act, Entry, Letter, Place, Side, Subject};

/// A key record this much older than a message's first sight does not speak for it: keys rotate.
const KEY_AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// So long a key is asked for in vain before a person has to look (AUTHENTICITY §2.2).
const KEY_WAIT_MAX: SignedDuration = SignedDuration::from_hours(48);

/// The store as a library of known messages, with the key records of this round.
pub struct Shelf<'a> {
    store: &'a Store,
    /// Records that were looked up just now and are not in the store yet.
    looked_up: &'a BTreeMap<String, KeyRecord>,
    /// Names that no usable record was found for.
    missing: RefCell<BTreeSet<String>>,
    /// Records to keep of keys that were asked for in vain: the first time, and the last.
    noted: RefCell<BTreeMap<String, KeyRecord>>,
    /// The first error of the store: the pipeline's look-ups can not return one.
    error: RefCell<Option<StoreError>>,
    /// What was loaded in this round: the mails of a thread lead to each other again and again.
    loaded: RefCell<BTreeMap<Digest, Arc<Known>>>,
    seller: &'a Seller,
}

/// Entries read at once where the whole record is read.
const PAGE: u64 = 500;

/// Most messages that a round keeps loaded.
const LOADED_MAX: usize = 1_000;

impl<'a> Shelf<'a> {
    /// A shelf over the store.
    pub fn new(store: &'a Store, looked_up: &'a BTreeMap<String, KeyRecord>, seller: &'a Seller) -> Self {
        Self {
            store,
            looked_up,
            missing: RefCell::default(),
            noted: RefCell::default(),
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
        let outer = match seen.place {
            Place::Attached { to, .. } => self.load(&to),
            _ => None,
        };
        let work = |message| {
            let mut witnessed = self.witness(message, seen.seen_at, seen.place.sighting());
            let outer = outer.as_ref().map(|known| Arc::new(known.witnessed.clone()));
            witnessed.carried_by = outer.and_then(|o| carrier(&o, &witnessed.message, self.seller));
            Known::new(witnessed, self.seller)
        };
        // A defect of ours in one message must not stop the others: what is left of it is its octets.
        let mut known =
            catch_unwind(AssertUnwindSafe(|| work(parse(&raw)))).unwrap_or_else(|_| work(unparsed(&raw)));
        if let Place::Letter { key } = &seen.place {
            known.asked = self.keep(self.store.letter(key)).flatten().and_then(|p| asked(p.letter));
        }
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

    /// Records to keep of look-ups that did not end: since when a key is asked for in vain, and that nobody asks for it
    /// any more.
    pub fn noted(&self) -> Vec<KeyRecord> {
        self.noted.take().into_values().collect()
    }

    /// The first error that the store gave, if any.
    pub fn error(&self) -> Option<StoreError> {
        self.error.take()
    }

    fn witness(&self, message: Message, seen_at: Timestamp, sighting: Sighting) -> Witnessed {
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
        Witnessed {
            signatures: dkim::check(&message, &keys),
            message: Arc::new(message),
            seen_at,
            sighting,
            carried_by: None,
        }
    }

    /// The record that was first seen when the message was, or later: for ever the same one.
    pub fn key(&self, name: &str, seen_at: Timestamp) -> Option<KeyRecord> {
        let records = self.keep(self.store.keys(name)).unwrap_or_default();
        let oldest = seen_at.saturating_sub(KEY_AGE_MAX).unwrap_or(Timestamp::MIN);
        // That a look-up was given up for one message says nothing about a newer one.
        let speaks = |r: &&KeyRecord| match r.state {
            KeyState::Temporary => false,
            KeyState::Unreachable => r.seen_at.duration_since(seen_at) > KEY_WAIT_MAX,
            KeyState::Found(_) | KeyState::Absent => r.seen_at >= oldest,
        };
        if let Some(record) = records.iter().find(speaks) {
            return Some(record.clone());
        }
        let mut record = self.looked_up.get(name).cloned()?;
        if record.state == KeyState::Temporary {
            // The first look-up that did not end is on record, so that a restart does not start the wait anew.
            let first = records.iter().find(|r| r.state == KeyState::Temporary && r.seen_at >= oldest);
            let waited = first.map(|f| record.seen_at.duration_since(f.seen_at));
            if waited.is_some_and(|waited| waited > KEY_WAIT_MAX) {
                record.state = KeyState::Unreachable;
            }
            if waited.is_none() || record.state == KeyState::Unreachable {
                self.noted.borrow_mut().insert(record.name.clone(), record.clone());
            }
        }
        Some(record)
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

/// What a letter of ours put before a champion.
fn asked(letter: Letter) -> Option<Asked> {
    let (declaration, criteria) = (letter.declaration?, letter.criteria?);
    (letter.side == Side::Champion).then_some(Asked {
        message_id: letter.message_id,
        declaration,
        criteria,
        asks: letter.asks,
    })
}

impl Library for Shelf<'_> {
    fn copies(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.load_all(self.keep(self.store.copies(id)))
    }

    fn answers(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.load_all(self.keep(self.store.children(id)))
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

    fn copies(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.copies(id)?)
    }

    fn copy(&self, sha256: &Digest) -> Result<Option<Outcome>, Unavailable> {
        Ok(self.0.outcome(sha256)?)
    }

    fn linked(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.linked(opportunity)?)
    }

    fn review(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<Outcome>, Unavailable> {
        self.newest(&self.0.review(after, limit)?)
    }

    fn written_by(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable> {
        let mut copies = BTreeSet::new();
        let mut start = 0;
        while start < self.0.size() {
            for entry in self.0.entries(start..start + PAGE)? {
                if let Entry::Considered(outcome) = entry
                    && outcome.from.as_ref() == Some(author)
                {
                    copies.insert(outcome.sha256);
                }
            }
            start += PAGE;
        }
        self.newest(&copies.into_iter().collect::<Vec<_>>())
    }

    fn acts(&self, subject: &Subject) -> Result<Vec<Act>, Unavailable> {
        Ok(self.0.acts(subject)?)
    }

    fn act(&self, name: &str) -> Result<Option<Act>, Unavailable> {
        Ok(self.0.act(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::store::{Batch, OpenOptions};
    use crate::model::Address;

    const NAME: &str = "s1._domainkey.acme.example";

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(500_000 + hour)).unwrap()
    }

    fn record(state: KeyState, hour: i64) -> KeyRecord {
        KeyRecord { name: NAME.into(), state, seen_at: at(hour) }
    }

    /// What a message of hour 0 gets at an hour at which no look-up ends, and what is kept of that.
    fn ask(store: &Store, hour: i64) -> (KeyState, Vec<KeyState>) {
        let looked_up = BTreeMap::from([(NAME.to_owned(), record(KeyState::Temporary, hour))]);
        let seller = Seller {
            domains: vec!["northwind.example".into()],
            names: vec![],
            evidence: Address::new("evidence@northwind.example").unwrap(),
        };
        let shelf = Shelf::new(store, &looked_up, &seller);
        let state = shelf.key(NAME, at(0)).unwrap().state;
        let noted = shelf.noted();
        let batch = Batch { entries: noted.iter().cloned().map(Entry::Key).collect(), ..Batch::default() };
        if !batch.is_empty() {
            store.append(batch).unwrap();
        }
        (state, noted.into_iter().map(|r| r.state).collect())
    }

    #[test]
    fn a_dead_name_server_is_asked_for_two_days() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(folder.path(), OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
        assert_eq!(ask(&store, 0), (KeyState::Temporary, vec![KeyState::Temporary]));
        assert_eq!(ask(&store, 30), (KeyState::Temporary, vec![]));
        assert_eq!(ask(&store, 49), (KeyState::Unreachable, vec![KeyState::Unreachable]));
        // From then on for ever, without asking; a newer message asks anew.
        assert_eq!(ask(&store, 60), (KeyState::Unreachable, vec![]));
        let none = BTreeMap::new();
        let seller = Seller {
            domains: vec![],
            names: vec![],
            evidence: Address::new("evidence@northwind.example").unwrap(),
        };
        let shelf = Shelf::new(&store, &none, &seller);
        assert_eq!(shelf.key(NAME, at(0)).map(|r| r.state), Some(KeyState::Unreachable));
        assert_eq!(shelf.key(NAME, at(48)), None);
    }

    #[test]
    fn a_late_mail_waits_as_long() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(folder.path(), OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
        // Taken from an archive ten days after it was sent: one time-out gives nothing up.
        assert_eq!(ask(&store, 240).0, KeyState::Temporary);
        assert_eq!(ask(&store, 280).0, KeyState::Temporary);
        assert_eq!(ask(&store, 289).0, KeyState::Unreachable);
    }
}
