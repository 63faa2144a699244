//! How mail comes in: every source hands over batches and goes on only after they are durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::record::Place;

/// Most messages in one batch: small enough that progress survives a slow link, large enough that one
/// fdatasync is shared by many messages.
pub const BATCH_MESSAGES_MAX: usize = 200;
/// Most bytes in one batch.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Largest message that is taken whole, in bytes (25 MiB, the limit of the large providers).
pub const MESSAGE_BYTES_MAX: usize = 25 << 20;

/// A copy of a message as a source found it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where it was.
    pub place: Place,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// A batch on its way to the store; `done` fires after the durable commit, or with the reason why not.
#[derive(Debug)]
pub struct Delivery {
    /// The copies, oldest first.
    pub batch: Vec<Fetched>,
    /// Fires after the commit.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// The batch was not stored; the source must not move its cursor.
#[derive(Debug, thiserror::Error)]
#[error("the batch was not stored: {0}")]
pub struct NotStored(pub String);

/// What no waiting can heal: the source ends and the daemon with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// The server refused the credentials at the first login; `run` ends with 77.
    #[error("credentials refused: {0}")]
    Credentials(String),
    /// The settings cannot work; `run` ends with 78.
    #[error("{0}")]
    Settings(String),
}

/// The sources' end of the way into the store.
#[derive(Debug, Clone)]
pub struct Intake {
    deliveries: mpsc::Sender<Delivery>,
    progress: Arc<Progress>,
}

impl Intake {
    /// An intake whose deliveries come out of the returned receiver.
    pub fn new(progress: Arc<Progress>) -> (Self, mpsc::Receiver<Delivery>) {
        // Two batches in flight: one is being written while the next is fetched.
        let (deliveries, receiver) = mpsc::channel(2);
        (Self { deliveries, progress }, receiver)
    }

    /// An intake that shares its way into the store with others.
    pub fn over(deliveries: mpsc::Sender<Delivery>, progress: Arc<Progress>) -> Self {
        Self { deliveries, progress }
    }

    /// Hands over a batch and waits until it is durable.
    ///
    /// # Errors
    /// When the store refused it or is gone; the cursor must stay where it was.
    pub async fn deliver(&self, batch: Vec<Fetched>) -> Result<(), NotStored> {
        if batch.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        let closed = || NotStored("the store is closed".into());
        self.deliveries.send(Delivery { batch, done }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(NotStored)
    }

    /// A source calls this after each completed cycle: everything the server listed is durable.
    pub fn cycle_completed(&self) {
        self.progress.beat();
    }
}

/// Proof of life: when the last full cycle of any source ended.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
    last_ms: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { start: Instant::now(), last_ms: AtomicU64::new(u64::MAX) }
    }
}

impl Progress {
    fn beat(&self) {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
    }

    /// Time since the last completed cycle; `None` before the first.
    pub fn age(&self) -> Option<Duration> {
        match self.last_ms.load(Ordering::Relaxed) {
            u64::MAX => None,
            ms => Some(self.start.elapsed().saturating_sub(Duration::from_millis(ms))),
        }
    }
}
