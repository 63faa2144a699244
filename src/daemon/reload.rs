//! Another accounts file while the daemon runs: what was considered under the old one is considered again.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::desk::Desk;
use super::engine::Engine;
use crate::edge::store::{Batch, StoreError};
use crate::model::{Digest, Policy};
use crate::record::{Entry, Governing};

/// Opportunities looked through in one step.
const PAGE: usize = 1_000;

impl Engine {
    /// Puts another policy in force and marks what must be considered again; says how many messages. Blocking.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reload(&self, policy: Policy) -> Result<usize, StoreError> {
        self.replace_policy(policy);
        self.mark_outdated()
    }

    /// Marks every message of an opportunity that was considered under another accounts file than today's. Blocking.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_outdated(&self) -> Result<usize, StoreError> {
        let current = self.policy().accounts.as_ref().map(|a| a.digest);
        let mut batch = Batch::default();
        for digest in self.nameless()? {
            if self.is_outdated(&digest, current)? {
                batch.consider.push(digest);
            }
        }
        let mut marked = batch.consider.len();
        self.store.append(batch)?;
        let mut after = None;
        loop {
            let page = self.store.opportunities(after.as_ref(), PAGE)?;
            let Some(last) = page.last().cloned() else { return Ok(marked) };
            let mut batch = Batch::default();
            for opportunity in &page {
                for digest in self.store.of_opportunity(opportunity)? {
                    if self.is_outdated(&digest, current)? {
                        batch.consider.push(digest);
                    }
                }
            }
            marked += batch.consider.len();
            if !batch.is_empty() {
                self.store.append(batch)?;
            }
            after = Some(last);
        }
    }

    /// Records which rules, accounts and gates hold from now on, where they are others than before. Blocking.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note_governing(&self, gates: Digest) -> Result<(), StoreError> {
        let now = [
            (Governing::Rules, Some(self.rules().digest())),
            (Governing::Accounts, self.policy().accounts.as_ref().map(|a| a.digest)),
            (Governing::Gates, Some(gates)),
        ];
        let mut batch = Batch::default();
        for (what, digest) in now {
            if self.store.governed(what)? != digest {
                batch.entries.push(Entry::Governed { at: Timestamp::now(), what, digest });
            }
        }
        self.store.append(batch).map(drop)
    }

    /// Declarations without an opportunity and what answers them: a person may link them, or has.
    fn nameless(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut nameless = BTreeSet::new();
        for declared in self.store.unlinked(usize::MAX)? {
            nameless.insert(declared);
            if let Some(id) = self.store.outcome(&declared)?.and_then(|outcome| outcome.message_id) {
                nameless.extend(self.store.children(&id)?);
            }
        }
        Ok(nameless)
    }

    fn is_outdated(&self, digest: &Digest, current: Option<Digest>) -> Result<bool, StoreError> {
        Ok(self.store.outcome(digest)?.is_some_and(|outcome| outcome.accounts != current))
    }
}

/// Reloads in a thread that may block.
///
/// # Errors
/// When the store fails.
pub async fn reload(desk: Arc<Desk>, policy: Policy) -> Result<usize, super::DaemonError> {
    let work = move || {
        let marked = desk.engine.reload(policy)?;
        desk.engine.note_governing(desk.gates.digest())?;
        Ok(marked)
    };
    Ok(tokio::task::spawn_blocking::<_, Result<usize, StoreError>>(work).await??)
}
