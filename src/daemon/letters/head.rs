//! The signed head of the log, mailed once a day to whoever keeps it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Office, add};
use crate::edge::store::{Batch, Store, StoreError};
use crate::prompt::{SignedHead, compose_head, head_key, token};

impl Office {
    /// Plans the letters of the day (UTC) that are not on record yet; a day on which nothing ran is not made up for.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn plan_heads(&self, store: &Store, now: Timestamp) -> Result<usize, StoreError> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let mut missing = Vec::new();
        for to in &self.settings.auditors {
            if store.letter(&head_key(day, to))?.is_none() {
                missing.push(to);
            }
        }
        if missing.is_empty() {
            return Ok(0);
        }
        let (checkpoint, note) = store.checkpoint()?;
        let (size, root) = (checkpoint.size, &checkpoint.root);
        let head = SignedHead { size, root, note: &note, verifier: store.verifier() };
        let mut batch = Batch::default();
        let mut planned = 0;
        for to in missing {
            let token = token(&self.secret, &head_key(day, to));
            match compose_head(day, to, head, &self.settings.sender, &token, now) {
                Ok((letter, written)) => {
                    add(&mut batch, (letter, written.raw), now);
                    planned += 1;
                }
                Err(error) => tracing::error!(event = "letter.head", %to, %error),
            }
        }
        store.append(batch)?;
        Ok(planned)
    }
}
