//! Readings that see the record at one moment. A commit reaches the tree, the index and the size one after the other, so
//! whoever names a head of the log must know that what was read is what that head holds.

use super::Store;
use super::error::StoreError;
use crate::model::Digest;

/// So often a reading is made again that a commit came across; then the next commit waits for it.
const TRIES: usize = 3;

/// Where the record was while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Entries in the log.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// How often something was erased.
    pub erasures: u64,
}

impl Store {
    /// What `read` finds at one moment, and which moment it was. `read` may run several times and must not write.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] when the store is dead.
    pub fn settled<T>(&self, mut read: impl FnMut() -> T) -> Result<(T, Moment), StoreError> {
        for _ in 0..TRIES {
            self.alive()?;
            let Some(moment) = self.moment() else {
                std::thread::yield_now();
                continue;
            };
            let found = read();
            if self.moment() == Some(moment) {
                self.alive()?;
                return Ok((found, moment));
            }
        }
        // Under a burst of commits no gap may be long enough: nothing is written while the writer's place is taken.
        let _writer = self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?;
        self.alive()?;
        let moment = self.moment().ok_or_else(|| self.astray("the log and the index are not of one size"))?;
        Ok((read(), moment))
    }

    /// Where the record is; `None` while something is being written.
    fn moment(&self) -> Option<Moment> {
        let (erasures, size) = (self.erasures(), self.size());
        let (head, root) = self.log_head();
        // An erasure counts when it begins and when it ends.
        (head == size && erasures.is_multiple_of(2)).then_some(Moment { size, root, erasures })
    }
}
