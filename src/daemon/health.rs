//! How the daemon is: for `/readyz`, for metrics, and for the service manager's watchdog. All of it comes from what the
//! loops completed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sd_notify::NotifyState;
use tokio::sync::watch;

use super::desk::{Desk, failed};
use super::{DaemonError, Mailbox};
use crate::answer::{MailboxHealth, Readiness, Response};
use crate::edge::metrics::Sheet;
use crate::edge::source::Progress;

/// The considering loop comes round at least this often: a chunk waits for look-ups in the DNS, which have limits.
const STUCK: Duration = Duration::from_secs(300);
/// How often the service manager is told how we are when it wants no watchdog.
const STATUS_EVERY: Duration = Duration::from_secs(30);
/// The start is not held up longer than this by a mail server that does not answer.
const FIRST_TRY_MAX: Duration = Duration::from_secs(60);

/// When the considering loop last came round.
#[derive(Debug)]
pub(super) struct Heartbeat(std::sync::Mutex<Instant>);

impl Heartbeat {
    pub(super) fn new() -> Self {
        Self(Instant::now().into())
    }

    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    fn is_alive(&self) -> bool {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).elapsed() < STUCK
    }
}

/// A mailbox's name for metrics and health: host and folder, or the folder of a Maildir; numbered when it is taken.
pub(super) fn progress_of(mailbox: &Mailbox, taken: &[Arc<Progress>]) -> Arc<Progress> {
    let label = mailbox.label();
    let alike = taken.iter().filter(|p| p.label().split('#').next() == Some(&label)).count();
    Arc::new(Progress::new(if alike == 0 { label } else { format!("{label}#{}", alike + 1) }))
}

impl Desk {
    /// Whether the daemon does its work. Blocking.
    pub(super) fn readiness(&self) -> Response {
        let store = &self.engine.store;
        let set_aside = match store.set_aside() {
            Ok(rows) => rows.len() as u64,
            Err(error) => return failed(&error),
        };
        let mailboxes = self.mailboxes.iter().map(|progress| self.health_of(progress)).collect();
        Response::Ready(Box::new(Readiness::new(mailboxes, (store.size(), store.todo_len(), set_aside))))
    }

    fn health_of(&self, progress: &Arc<Progress>) -> MailboxHealth {
        let age = progress.age();
        MailboxHealth {
            mailbox: progress.label().to_owned(),
            connected: progress.is_connected(),
            age_seconds: age.map(|age| age.as_secs()),
            fresh: age.is_some_and(|age| age <= self.stale_after),
            stuck: progress.is_overdue(),
            missing: progress.missing(),
            lag_uids: progress.lag_uids(),
            gone: progress.gone(),
        }
    }

    /// The page of metrics. Blocking.
    pub(super) fn metrics(&self) -> Response {
        let mut quarantined: BTreeMap<&'static str, u64> = BTreeMap::new();
        match self.engine.store.set_aside() {
            Ok(rows) => {
                rows.iter().for_each(|(_, aside)| *quarantined.entry(aside.why.name()).or_default() += 1)
            }
            Err(error) => return failed(&error),
        }
        let mut sheet = Sheet::new();
        let mut each = |name: &str, help: &str, value: &dyn Fn(&Progress) -> Option<f64>| {
            let series = self.mailboxes.iter().filter_map(|p| Some((vec![p.label().to_owned()], value(p)?)));
            sheet.gauge(name, help, &["mailbox"], series);
        };
        each("endorsed_imap_connected", "Whether the folder is open.", &|p| {
            Some(f64::from(u8::from(p.is_connected())))
        });
        each(
            "endorsed_imap_last_success_timestamp_seconds",
            "When everything that was listed was last durable.",
            &|p| p.last().map(unix_seconds),
        );
        each("endorsed_imap_lag_uids", "UIDs that are still to be read.", &|p| Some(p.lag_uids() as f64));
        each(
            "endorsed_mailbox_missing",
            "Messages that were listed at the last comparison and are not on record.",
            &|p| Some(p.missing() as f64),
        );
        let quarantined = quarantined.into_iter().map(|(why, n)| (vec![why.to_owned()], n as f64));
        sheet.gauge(
            "endorsed_messages_quarantined",
            "Messages that are set aside.",
            &["reason"],
            quarantined,
        );
        let single = |value: u64| [(Vec::new(), value as f64)];
        sheet.gauge("endorsed_log_entries", "Entries in the log.", &[], single(self.engine.store.size()));
        sheet.gauge(
            "endorsed_messages_waiting",
            "Messages not considered yet.",
            &[],
            single(self.engine.store.todo_len()),
        );
        Response::Metrics { text: sheet.into_text() }
    }

    /// Waits until every mailbox was opened once, or could not be; not longer than a minute.
    pub async fn tried(&self) {
        let all = async {
            for mailbox in &self.mailboxes {
                mailbox.tried().await;
            }
        };
        let _ = tokio::time::timeout(FIRST_TRY_MAX, all).await;
    }

    /// One line for the service manager.
    pub fn status(&self) -> String {
        let fresh =
            self.mailboxes.iter().filter(|p| p.age().is_some_and(|age| age <= self.stale_after)).count();
        format!(
            "{fresh} of {} mailboxes read lately, {} entries",
            self.mailboxes.len(),
            self.engine.store.size()
        )
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Feeds systemd's watchdog for as long as the considering loop comes round and no mailbox owes a sign of life. A mail
/// server that is down is no reason to restart: its loop still goes round, and gates and `/readyz` tell of it.
pub(super) async fn feed_watchdog(
    desk: Arc<Desk>,
    heartbeat: Arc<Heartbeat>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return Ok(());
    }
    let limit = sd_notify::watchdog_enabled();
    loop {
        let stuck = desk.mailboxes.iter().find(|mailbox| mailbox.is_overdue());
        if let Some(mailbox) = stuck {
            tracing::error!(event = "watchdog.starved", mailbox = mailbox.label());
        } else if heartbeat.is_alive() {
            let _ = sd_notify::notify(&[NotifyState::Watchdog, NotifyState::Status(&desk.status())]);
        } else {
            tracing::error!(event = "watchdog.starved", task = "consider");
        }
        tokio::select! {
            () = tokio::time::sleep(limit.map_or(STATUS_EVERY, |limit| limit / 3)) => {}
            _ = stop.wait_for(|s| *s) => return Ok(()),
        }
    }
}
