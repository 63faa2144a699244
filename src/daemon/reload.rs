//! Another accounts file while the daemon runs: what was considered under the old one is considered again.

use std::sync::Arc;

use super::engine::Engine;
use crate::edge::store::{Batch, StoreError};
use crate::model::{Digest, Policy};

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
        let mut marked = 0;
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

    fn is_outdated(&self, digest: &Digest, current: Option<Digest>) -> Result<bool, StoreError> {
        Ok(self.store.outcome(digest)?.is_some_and(|outcome| outcome.accounts != current))
    }
}

/// Reloads in a thread that may block.
///
/// # Errors
/// When the store fails.
pub async fn reload(engine: Arc<Engine>, policy: Policy) -> Result<usize, super::DaemonError> {
    Ok(tokio::task::spawn_blocking(move || engine.reload(policy)).await??)
}
