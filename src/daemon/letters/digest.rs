//! The weekly digest, mailed once to whom the configuration names.

use jiff::Timestamp;

use super::{Office, add};
use crate::answer::{Context, ReportWanted, Response, report};
use crate::daemon::library::Records;
use crate::edge::store::{Batch, Store, StoreError};
use crate::prompt::{DigestWeek, compose_digest, digest_due, digest_key, token};
use crate::report::{Week, plain};

impl Office {
    /// Plans the digest of the week that is over, for those who have none on record.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn plan_digests(
        &self,
        store: &Store,
        context: Context<'_>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let settings = &self.settings;
        if settings.digest_to.is_empty() {
            return Ok(0);
        }
        let Some(monday) = digest_due(&settings.seller, now) else { return Ok(0) };
        let mut missing = Vec::new();
        for to in &settings.digest_to {
            if store.letter(&digest_key(monday, to))?.is_none() {
                missing.push(to);
            }
        }
        if missing.is_empty() {
            return Ok(0);
        }
        let name = Week { monday }.to_string();
        let wanted = ReportWanted::Week { week: Some(name.clone()) };
        let tables = match report(&wanted, &Records(store), context) {
            Response::Tables { tables, .. } => tables,
            _ => return Err(StoreError::Poisoned { why: "the week could not be reported".into() }),
        };
        let week = DigestWeek { name: &name, report: &plain(&tables) };
        let mut batch = Batch::default();
        let mut planned = 0;
        for to in missing {
            let key = digest_key(monday, to);
            match compose_digest(key, to, &week, &settings.sender, &token(&self.secret, &key), now) {
                Ok((letter, written)) => {
                    add(&mut batch, (letter, written.raw), now);
                    planned += 1;
                }
                Err(error) => tracing::error!(event = "letter.week", %to, %error),
            }
        }
        store.append(batch)?;
        Ok(planned)
    }
}
