//! How mail comes in: every source hands over batches and goes on only after they are durable.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use super::progress::Progress;
use crate::record::{Cursor, Place, SetAside};

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

/// What the record holds of a mailbox when its source starts.
#[derive(Clone)]
pub struct Known {
    /// How far the folder was read; `None` reads everything.
    pub cursor: Option<Cursor>,
    /// Messages that are set aside.
    pub set_aside: Vec<SetAside>,
    /// Whether a place is accounted for: seen, or set aside. Blocking.
    pub accounts_for: Arc<dyn Fn(&Place) -> bool + Send + Sync>,
}

impl From<Option<Cursor>> for Known {
    fn from(cursor: Option<Cursor>) -> Self {
        Self { cursor, set_aside: Vec::new(), accounts_for: Arc::new(|_| true) }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} set aside", self.cursor, self.set_aside.len())
    }
}

/// A batch on its way to the store; `done` fires after the durable commit, or with the reason why not.
#[derive(Debug)]
pub struct Delivery {
    /// The copies, oldest first.
    pub batch: Vec<Fetched>,
    /// Messages that could not be taken.
    pub set_aside: Vec<SetAside>,
    /// Whose they are.
    pub mailbox: Arc<Progress>,
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
        self.deliver_with(batch, Vec::new()).await
    }

    /// The same, together with messages that could not be taken.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub async fn deliver_with(&self, batch: Vec<Fetched>, set_aside: Vec<SetAside>) -> Result<(), NotStored> {
        if batch.is_empty() && set_aside.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        let closed = || NotStored("the store is closed".into());
        self.deliveries
            .send(Delivery { batch, set_aside, mailbox: Arc::clone(&self.progress), done })
            .await
            .map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(NotStored)
    }

    /// Waits until somebody wants the mailbox looked at now.
    pub async fn nudged(&self) {
        self.progress.nudge.notified().await;
    }

    /// True once after somebody wanted what is set aside to be tried again.
    pub fn take_retry(&self) -> bool {
        self.progress.take_retry()
    }

    /// How many messages the server lists that the record does not account for.
    pub fn report_missing(&self, missing: u64) {
        self.progress.misses(missing);
    }

    /// So many messages that are on record are not listed any more; each is reported once.
    pub fn report_gone(&self, messages: u64) {
        self.progress.lost_sight(messages);
    }

    /// A source calls this after each completed cycle: everything the server listed is durable.
    pub fn cycle_completed(&self) {
        self.progress.completed();
    }

    /// A source promises its next sign of life within `time`; who does not keep that hangs.
    pub fn alive_for(&self, time: Duration) {
        self.progress.alive_for(time);
    }

    /// The folder is open.
    pub fn opened(&self) {
        self.progress.opened();
    }

    /// The folder is not open any more, or could not be opened.
    pub fn closed(&self, reason: &str) {
        self.progress.closed(reason);
    }

    /// How an IDLE round ended.
    pub fn idled(&self, end: &str) {
        self.progress.idled(end);
    }

    /// How many UIDs lie between the cursor and the folder's end.
    pub fn lags(&self, uids: u64) {
        self.progress.lags(uids);
    }
}
