//! Letters and orders as the store keeps them.

use super::{Store, StoreError};
use crate::model::{Address, Digest, OpportunityId};
use crate::record::{Entry, Letter, Order, Posting};

impl Store {
    /// The letters of an opportunity (or those that belong to none) with what happened to each, in the order in which
    /// they were planned.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn letters(&self, opportunity: Option<&OpportunityId>) -> Result<Vec<Posting>, StoreError> {
        let mut letters = Vec::new();
        for entry in self.of_letters(opportunity)? {
            if let Entry::Letter(letter) = entry {
                letters.push(self.followed(*letter)?);
            }
        }
        Ok(letters)
    }

    /// The orders about an opportunity, in order.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn orders(&self, opportunity: &OpportunityId) -> Result<Vec<Order>, StoreError> {
        let of = |entry| match entry {
            Entry::Order(order) => Some(order),
            _ => None,
        };
        Ok(self.of_letters(Some(opportunity))?.into_iter().filter_map(of).collect())
    }

    /// A letter by its key.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn letter(&self, key: &Digest) -> Result<Option<Posting>, StoreError> {
        let entries = self.read(|| self.index.post(key)?.into_iter().map(|seq| self.entry(seq)).collect());
        entries.map(follow)
    }

    /// The letters to an address, in the order in which they were planned.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn letters_to(&self, address: &Address) -> Result<Vec<Posting>, StoreError> {
        let entries: Vec<Entry> =
            self.read(|| self.index.letters_to(address)?.into_iter().map(|seq| self.entry(seq)).collect())?;
        let mut letters = Vec::new();
        for entry in entries {
            if let Entry::Letter(letter) = entry {
                letters.push(self.followed(*letter)?);
            }
        }
        Ok(letters)
    }

    /// At most `limit` letters whose end is not on record: planned, under way, or waiting for another try.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn open_letters(&self, limit: usize) -> Result<Vec<Posting>, StoreError> {
        let keys = self.read(|| self.index.open_letters(limit))?;
        let mut letters = Vec::new();
        for key in keys {
            letters.extend(self.letter(&key)?);
        }
        Ok(letters)
    }

    fn of_letters(&self, opportunity: Option<&OpportunityId>) -> Result<Vec<Entry>, StoreError> {
        self.read(|| self.index.letters(opportunity)?.into_iter().map(|seq| self.entry(seq)).collect())
    }

    fn followed(&self, letter: Letter) -> Result<Posting, StoreError> {
        Ok(self.letter(&letter.key)?.unwrap_or_else(|| Posting::planned(letter)))
    }
}

/// What happened to a letter, from its entries in order.
fn follow(entries: Vec<Entry>) -> Option<Posting> {
    let mut posting: Option<Posting> = None;
    for entry in entries {
        match (entry, &mut posting) {
            (Entry::Letter(letter), None) => posting = Some(Posting::planned(*letter)),
            (Entry::Posting { at, .. }, Some(posting)) => {
                posting.attempts += 1;
                posting.began_at = Some(at);
                posting.end = None;
            }
            (Entry::Posted { at, posted, .. }, Some(posting)) => posting.end = Some((at, posted)),
            _ => {}
        }
    }
    posting
}
