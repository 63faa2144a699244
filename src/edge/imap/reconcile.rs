//! From time to time everything that the server lists is compared with the record, whatever the cursor says.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, warn};

use super::error::Error;
use super::reader::Reader;
use super::session::{Listed, Session};

/// UIDs in one listing. Their numbers alone are asked for, which servers answer from their index.
const WINDOW: u32 = 10_000;
/// Growth of the window over UIDs that nobody has.
const GROWTH: u32 = 4;
/// UIDs that one line of the log names; the rest are counted.
const NAMED_MAX: usize = 20;

impl Reader {
    /// Reads what the server lists up to the cursor and the record does not account for; tells how much that was.
    pub(super) async fn reconcile(&mut self, session: &mut Session) -> Result<(), Error> {
        if Instant::now() < self.reconcile_at || self.stopped() {
            return Ok(());
        }
        let last = self.cursor.map_or(0, |c| c.uid);
        let (mut lo, mut window, mut missing) = (1, WINDOW, Vec::new());
        let mut present = BTreeSet::new();
        while lo <= last {
            let hi = lo.saturating_add(window - 1).min(last);
            let mut listed = Vec::new();
            self.alive();
            session.list(lo, Some(hi), false, &mut listed).await?;
            window = if listed.is_empty() { window.saturating_mul(GROWTH) } else { WINDOW };
            present.extend(listed.iter().map(|listed| listed.uid));
            missing.extend(self.unaccounted(listed).await);
            match hi.checked_add(1) {
                Some(next) if !self.stopped() => lo = next,
                _ => break,
            }
        }
        if self.stopped() {
            return Ok(());
        }
        self.note_gone(present);
        self.reconcile_at = Instant::now() + self.timings.reconcile;
        self.intake.report_missing(missing.len() as u64);
        if missing.is_empty() {
            return Ok(());
        }
        let (mailbox, count) = (self.mailbox.as_str(), missing.len());
        error!(event = "mail.missing", mailbox, count, "listed by the server, not on record; reading them");
        self.read(session, missing, None).await
    }

    /// Tells once of each message that is on record and was moved or deleted since. The record keeps its octets; somebody may
    /// be tidying up, or hiding something from people who look into the mailbox.
    fn note_gone(&mut self, present: BTreeSet<u32>) {
        let gone: Vec<u32> = self.present.difference(&present).copied().collect();
        self.present = present;
        if gone.is_empty() {
            return;
        }
        let (mailbox, count) = (self.mailbox.as_str(), gone.len());
        let uid_validity = self.cursor.map(|cursor| cursor.uid_validity);
        let uids: Vec<&u32> = gone.iter().take(NAMED_MAX).collect();
        warn!(
            event = "mail.gone_from_mailbox",
            mailbox,
            uid_validity,
            count,
            ?uids,
            "on record, and not in the folder any more"
        );
        self.intake.report_gone(count as u64);
    }

    async fn unaccounted(&self, listed: Vec<Listed>) -> Vec<Listed> {
        let accounts_for = Arc::clone(&self.known.accounts_for);
        let places: Vec<_> = listed.into_iter().map(|listed| (self.place(listed.uid), listed)).collect();
        let look = move || {
            let missing = places.into_iter().filter(|(place, _)| !accounts_for(place));
            missing.map(|(_, listed)| listed).collect()
        };
        // A look-up that fails stops the store, and the daemon with it.
        spawn_blocking(look).await.unwrap_or_default()
    }
}
