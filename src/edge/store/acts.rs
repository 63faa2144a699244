//! Acts of people and mail that was set aside, as the store keeps them.

use super::frame::take_u64;
use super::index::Index;
use super::rows::{act_key, aside_key, key, short, table};
use super::{Store, StoreError};
use crate::model::{Digest, OpportunityId};
use crate::record::{Act, Entry, Place, SetAside, Subject};

impl Store {
    /// The acts about a subject, in the order of the log.
    pub fn acts(&self, subject: &Subject) -> Result<Vec<Act>, StoreError> {
        self.read(|| {
            self.index.acts(subject)?.into_iter().filter_map(|s| self.act_at(s).transpose()).collect()
        })
    }

    /// The act of a name ([`Act::name`]).
    pub fn act(&self, name: &str) -> Result<Option<Act>, StoreError> {
        self.read(|| self.index.act(name)?.map_or(Ok(None), |seq| self.act_at(seq)))
    }

    /// Declarations that a person linked to an opportunity at some time, by digest.
    pub fn linked(&self, id: &OpportunityId) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.linked(id))
    }

    /// At most `limit` copies behind `after` whose newest outcome may need a person, by digest.
    pub fn review(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.read(|| self.index.review(after, limit))
    }

    /// What is set aside, by a short name of its place.
    pub fn set_aside(&self) -> Result<Vec<(String, SetAside)>, StoreError> {
        self.read(|| {
            let mut found = Vec::new();
            for (name, seq) in self.index.set_aside()? {
                let aside = self.pick(Some(seq), |entry| match entry {
                    Entry::SetAside(aside) => Some(aside),
                    _ => None,
                })?;
                found.extend(aside.map(|aside| (name, aside)));
            }
            Ok(found)
        })
    }

    /// What is set aside at a place.
    pub fn set_aside_at(&self, place: &Place) -> Result<Option<SetAside>, StoreError> {
        self.read(|| {
            self.pick(self.index.set_aside_at(place)?, |entry| match entry {
                Entry::SetAside(aside) => Some(aside),
                _ => None,
            })
        })
    }

    /// Whether something was seen at a place, or set aside there.
    pub fn accounts_for(&self, place: &Place) -> Result<bool, StoreError> {
        self.read(|| Ok(self.index.knows_place(place)? || self.index.set_aside_at(place)?.is_some()))
    }

    fn act_at(&self, seq: u64) -> Result<Option<Act>, StoreError> {
        self.pick(Some(seq), |entry| match entry {
            Entry::Act(act) => Some(*act),
            _ => None,
        })
    }
}

impl Index {
    /// Sequence numbers of the acts about a subject, in the order of the log.
    pub fn acts(&self, subject: &Subject) -> Result<Vec<u64>, StoreError> {
        self.sequences(&act_key(subject))
    }

    /// Sequence number of the act of a name.
    pub fn act(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.row(&key(table::ACT_NAME, &[&short(name)]), take_u64)
    }

    /// Declarations that a person linked to an opportunity, by digest.
    pub fn linked(&self, id: &OpportunityId) -> Result<Vec<Digest>, StoreError> {
        self.digests(&key(table::LINK, &[id.as_str().as_bytes(), &[0]]), usize::MAX)
    }

    /// Copies behind `after` that a person may have to look at, by digest.
    pub fn review(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        let start = after.map_or_else(|| vec![table::REVIEW], |d| key(table::REVIEW, &[&d.0, &[0]]));
        let rows = self.calm("read it", |db| {
            let rows = db.range(start.as_slice()..vec![table::REVIEW + 1].as_slice());
            rows.keys().take(limit).collect::<sled::Result<Vec<_>>>()
        })?;
        let digest = |row: &sled::IVec| row.last_chunk::<32>().map(|bytes| Digest(*bytes));
        let all = rows.iter().map(digest).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a key is too short"))
    }

    /// Sequence number of the entry that set a place's message aside, while it holds.
    pub fn set_aside_at(&self, place: &Place) -> Result<Option<u64>, StoreError> {
        self.row(&aside_key(place), take_u64)
    }

    /// What is set aside: the place's name, and the sequence number of the entry.
    pub fn set_aside(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let rows =
            self.calm("read it", |db| db.scan_prefix([table::ASIDE]).collect::<sled::Result<Vec<_>>>())?;
        let read = |(key, value): &(sled::IVec, sled::IVec)| {
            let name: String = key.get(1..)?.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            Some((name, u64::from_be_bytes(*value.first_chunk()?)))
        };
        let all = rows.iter().map(read).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| self.unreadable("a row is too short"))
    }
}
