//! What waits for a person, kept up with the record: mail of deals comes with its deal, the rest by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use crate::answer::ReviewItem;
use crate::model::{Digest, OpportunityId};

/// The rows, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: BTreeMap<(Timestamp, Digest), Arc<ReviewItem>>,
    times: BTreeMap<Digest, Timestamp>,
    deals: BTreeMap<OpportunityId, BTreeSet<Digest>>,
}

impl Waiting {
    /// Puts the mail of a deal in the place of what was there of it. Returns what left the deal and may wait by itself now.
    pub fn replace(
        &mut self,
        deal: &OpportunityId,
        copies: &BTreeSet<Digest>,
        items: Vec<ReviewItem>,
    ) -> Vec<Digest> {
        let before = self.deals.remove(deal).unwrap_or_default();
        for copy in before.iter().chain(copies) {
            self.remove(copy);
        }
        let own: BTreeSet<Digest> = items.into_iter().filter_map(|item| self.insert(item)).collect();
        if !own.is_empty() {
            self.deals.insert(deal.clone(), own);
        }
        before.into_iter().filter(|copy| !copies.contains(copy)).collect()
    }

    pub fn insert(&mut self, item: ReviewItem) -> Option<Digest> {
        let copy = Digest::from_hex(&item.message.sha256)?;
        self.remove(&copy);
        self.times.insert(copy, item.at);
        self.rows.insert((item.at, copy), Arc::new(item));
        Some(copy)
    }

    pub fn remove(&mut self, copy: &Digest) {
        if let Some(at) = self.times.remove(copy) {
            self.rows.remove(&(at, *copy));
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// At most `limit` rows behind the copy `after`. What was decided meanwhile has left: behind it everything is first.
    pub fn page(&self, after: Option<&Digest>, limit: usize) -> Vec<Arc<ReviewItem>> {
        let start = after.and_then(|copy| Some(Bound::Excluded((*self.times.get(copy)?, *copy))));
        let range = (start.unwrap_or(Bound::Unbounded), Bound::Unbounded);
        self.rows.range(range).take(limit).map(|(_, item)| Arc::clone(item)).collect()
    }
}
