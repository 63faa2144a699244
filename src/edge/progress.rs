//! Proof of life of one mailbox. It comes from completed cycles and from nothing else: a timer that runs beside a loop
//! says nothing about the loop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use super::metrics::{Counter, count, count_by};

/// Before a source has said anything it has this long.
const FIRST_SIGN: Duration = Duration::from_secs(300);

/// What a source tells of itself while it runs, and what it is asked to do.
#[derive(Debug)]
pub struct Progress {
    /// Names the mailbox in metrics and health: no address in it.
    label: String,
    times: Mutex<Times>,
    connected: AtomicBool,
    lag_uids: AtomicU64,
    missing: AtomicU64,
    gone: AtomicU64,
    retry: AtomicBool,
    pub(super) nudge: Notify,
    tried: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug)]
struct Times {
    /// End of the last completed cycle, by the steady clock and by the one on the wall.
    last: Option<(Instant, SystemTime)>,
    /// By when the source gives its next sign of life.
    due: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new("mailbox")
    }
}

impl Progress {
    /// Of a mailbox that is called so in metrics and health.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            times: Mutex::new(Times { last: None, due: Instant::now() + FIRST_SIGN }),
            connected: AtomicBool::new(false),
            lag_uids: AtomicU64::new(0),
            missing: AtomicU64::new(0),
            gone: AtomicU64::new(0),
            retry: AtomicBool::new(false),
            nudge: Notify::new(),
            tried: tokio::sync::watch::Sender::new(false),
        }
    }

    /// What the mailbox is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Has the mailbox looked at now.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Has what is set aside tried again now.
    pub fn retry(&self) {
        self.retry.store(true, Ordering::Relaxed);
        self.nudge();
    }

    /// How many messages the server listed at the last reconciliation that the record did not account for.
    pub fn missing(&self) -> u64 {
        self.missing.load(Ordering::Relaxed)
    }

    /// How many messages on record the server does not list any more, of those that it listed since the start.
    pub fn gone(&self) -> u64 {
        self.gone.load(Ordering::Relaxed)
    }

    /// UIDs between the cursor and the folder's end when it was last looked at.
    pub fn lag_uids(&self) -> u64 {
        self.lag_uids.load(Ordering::Relaxed)
    }

    /// Whether a folder is open.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Time since the last completed cycle; `None` before the first. Sleep of the machine counts, and a clock that
    /// jumped makes the mailbox older, never younger.
    pub fn age(&self) -> Option<Duration> {
        let (steady, wall) = self.times().last?;
        let by_wall = SystemTime::now().duration_since(wall).unwrap_or_default();
        Some(steady.elapsed().max(by_wall))
    }

    /// When the last cycle was completed.
    pub fn last(&self) -> Option<SystemTime> {
        self.times().last.map(|(_, wall)| wall)
    }

    /// True when the source has not given the sign of life that it owes: it hangs.
    pub fn is_overdue(&self) -> bool {
        Instant::now() > self.times().due
    }

    /// Waits until the mailbox was opened once, or could not be.
    pub async fn tried(&self) {
        let _ = self.tried.subscribe().wait_for(|tried| *tried).await;
    }

    pub(super) fn completed(&self) {
        self.times().last = Some((Instant::now(), SystemTime::now()));
    }

    pub(super) fn alive_for(&self, time: Duration) {
        self.times().due = Instant::now() + time;
    }

    pub(super) fn opened(&self) {
        self.connected.store(true, Ordering::Relaxed);
        self.tried.send_replace(true);
    }

    pub(super) fn closed(&self, reason: &str) {
        self.connected.store(false, Ordering::Relaxed);
        self.tried.send_replace(true);
        count(Counter::Reconnects, &[&self.label, reason]);
    }

    pub(super) fn idled(&self, end: &str) {
        count(Counter::IdleRounds, &[&self.label, end]);
    }

    pub(super) fn lags(&self, uids: u64) {
        self.lag_uids.store(uids, Ordering::Relaxed);
    }

    pub(super) fn misses(&self, messages: u64) {
        self.missing.store(messages, Ordering::Relaxed);
    }

    pub(super) fn lost_sight(&self, messages: u64) {
        self.gone.fetch_add(messages, Ordering::Relaxed);
        count_by(Counter::Gone, &[&self.label], messages);
    }

    pub(super) fn take_retry(&self) -> bool {
        self.retry.swap(false, Ordering::Relaxed)
    }

    /// Counts messages that are durable now.
    pub fn ingested(&self, new: usize, known: usize) {
        count_by(Counter::Ingested, &[&self.label], new as u64);
        count_by(Counter::Duplicates, &[&self.label], known as u64);
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        // Valid whatever a panicking thread did: each change is one assignment.
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_completed_cycle_makes_it_fresh_and_silence_is_overdue() {
        let progress = Progress::default();
        progress.opened();
        progress.alive_for(Duration::from_secs(60));
        assert!(progress.age().is_none() && !progress.is_overdue(), "connected is not yet read");
        progress.completed();
        assert!(progress.age().is_some_and(|age| age < Duration::from_secs(5)));
        progress.alive_for(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        assert!(progress.is_overdue());
    }

    #[test]
    fn sleep_of_the_machine_counts_and_a_clock_set_back_does_not_help() {
        let progress = Progress::default();
        let (hour, now) = (Duration::from_secs(3_600), SystemTime::now());
        progress.times().last = Some((Instant::now(), now - hour));
        assert!(progress.age().unwrap() >= hour, "the steady clock stood still meanwhile");
        progress.times().last = Instant::now().checked_sub(hour).map(|steady| (steady, now + hour));
        assert!(progress.age().is_none_or(|age| age >= hour), "the clock on the wall went back");
    }
}
