//! The daemon: sources hand over batches, the engine makes them durable and considers them, the desk answers.
//!
//! Storing and considering are separate tasks: no mail server ever waits for a rule or for DNS, and a message
//! that can not be considered never stops the mailbox.

mod board;
mod desk;
mod engine;
mod health;
mod letters;
mod library;
mod log;
mod mail;
mod official;
mod quarantine;
mod rejudge;
mod reload;
mod retention;
mod round;
mod view;
mod waiting;
mod webhooks;
mod window;

pub use board::Board;
pub use desk::{Desk, answer_from, answer_in};
pub use engine::{Considering, Engine, SeenAt, Taken};
pub use letters::{Example, examples};
pub use log::tile_of;
pub use reload::reload;
pub use retention::keep_to as keep_to_retention;
pub use view::{VIEW_BYTES_MAX, View};
pub use webhooks::{Pace, Webhooks};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::health::{Heartbeat, feed_watchdog};
use crate::answer::{Request, Response};
use crate::edge::outbox::Outbox;
use crate::edge::source::{Delivery, Fatal, Intake};
use crate::edge::store::StoreError;
use crate::edge::{http, imap, lmtp, maildir, socket};
use crate::record::Place;

/// The considering task looks for work at least this often: messages whose key was not to be had wait for it.
const ROUND: Duration = Duration::from_secs(15);

/// A mailbox to watch.
#[derive(Debug, Clone)]
pub enum Mailbox {
    /// An IMAP folder.
    Imap(Box<imap::Settings>),
    /// A Maildir.
    Maildir(maildir::Settings),
    /// A place where a local mail server hands mail over.
    Lmtp(lmtp::Listen),
}

impl Mailbox {
    /// What it is called in metrics and health: no address in it.
    pub fn label(&self) -> String {
        match self {
            Self::Imap(settings) => format!("{}/{}", settings.host, settings.folder),
            Self::Lmtp(_) => "lmtp".into(),
            Self::Maildir(settings) => {
                settings.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
        }
    }
}

/// What the daemon is made of.
pub struct Daemon {
    /// The one who answers; its `mailboxes` are filled from `mailboxes` in order.
    pub desk: Desk,
    /// What to watch.
    pub mailboxes: Vec<Mailbox>,
    /// Where letters leave; without it none are written.
    pub outbox: Option<Outbox>,
    /// Where HTTP is served, and to whom.
    pub http: Option<http::Settings>,
    /// Folder of the local socket.
    pub socket: PathBuf,
    /// Which time counts as first sight.
    pub seen_at: SeenAt,
}

/// Why the daemon ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The record can not be written any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A source can not go on.
    #[error(transparent)]
    Source(#[from] Fatal),
    /// A port or the socket can not be had.
    #[error("{what}: {source}")]
    Listen {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// Messages that took too long to consider still hold threads.
    #[error("too many messages take too long to consider; they are set aside (`endorsed quarantine list`)")]
    Late,
    /// A task of ours died.
    #[error("a task of the daemon died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs until `stop` turns true. `ready` is told the address of HTTP once everything stands.
///
/// # Errors
/// When the record fails, a port can not be had, or a source can not go on.
pub async fn run(
    mut daemon: Daemon,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(Option<SocketAddr>, Arc<Desk>),
) -> Result<(), DaemonError> {
    let listen_error = |what: String| |source| DaemonError::Listen { what, source };
    let mut sources = Vec::new();
    let (deliveries, received) = mpsc::channel(2);
    daemon.desk.mailboxes.clear();
    for mailbox in daemon.mailboxes {
        let progress = health::progress_of(&mailbox, &daemon.desk.mailboxes);
        daemon.desk.mailboxes.push(Arc::clone(&progress));
        sources.push((mailbox, Intake::over(deliveries.clone(), progress)));
    }
    drop(deliveries);
    let desk = Arc::new(daemon.desk);
    let view = Arc::new(View::new(VIEW_BYTES_MAX));
    let ask: socket::Ask = {
        let (desk, view) = (Arc::clone(&desk), Arc::clone(&view));
        Arc::new(move |request: Request| -> Response {
            match request {
                Request::Gate { opportunity, to } => view.answer(&desk, &opportunity, &to),
                other => desk.answer(other),
            }
        })
    };
    let local = socket::bind(&daemon.socket)
        .map_err(listen_error(socket::path(&daemon.socket).display().to_string()))?;
    let mut address = None;
    let mut tasks: JoinSet<Result<(), DaemonError>> = JoinSet::new();
    if let Some(settings) = daemon.http {
        let bound =
            http::bind(&settings).await.map_err(listen_error(format!("http {:?}", settings.listen)))?;
        address = bound.address();
        let app = http::App::new(Arc::clone(&ask), settings, Some(&daemon.socket), stop.clone());
        let quick = Arc::clone(&desk);
        let app = app.with_view(Arc::new(move |opportunity, to| view.look(&quick, opportunity, to)));
        let serving = http::serve(bound, app);
        tasks.spawn(async move {
            serving.await;
            Ok(())
        });
    }
    let serving = socket::serve(local, ask, stop.clone());
    tasks.spawn(async move {
        serving.await;
        Ok(())
    });
    let heartbeat = Arc::new(Heartbeat::new());
    tasks.spawn(end_with_store(Arc::clone(&desk), stop.clone()));
    tasks.spawn(consider_loop(Arc::clone(&desk), Arc::clone(&heartbeat), stop.clone()));
    if let Some(outbox) = daemon.outbox {
        tasks.spawn(letters::run(Arc::clone(&desk), outbox, stop.clone()));
    }
    tasks.spawn(feed_watchdog(Arc::clone(&desk), heartbeat, stop.clone()));
    for index in 0..desk.webhooks.len() {
        let (desk, stop) = (Arc::clone(&desk), stop.clone());
        tasks.spawn(async move {
            webhooks::run(desk, index, stop).await;
            Ok(())
        });
    }
    for (mailbox, intake) in sources {
        tasks.spawn(watch_mailbox(mailbox, intake, Arc::clone(&desk), stop.clone()));
    }
    tasks.spawn(take_loop(Arc::clone(&desk), received, daemon.seen_at, stop.clone()));
    ready(address, Arc::clone(&desk));
    let ended = supervise(&mut tasks, stop).await;
    let _ = std::fs::remove_file(socket::path(&daemon.socket));
    ended
}

/// Waits for the first failure, or for all tasks to end after `stop`.
async fn supervise(
    tasks: &mut JoinSet<Result<(), DaemonError>>,
    stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    while let Some(ended) = tasks.join_next().await {
        match ended? {
            Ok(()) => {}
            Err(error) if *stop.borrow() => tracing::warn!(event = "stop.error", %error),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Ends the daemon as soon as the record cannot be written any more: the next start runs the recovery.
async fn end_with_store(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) -> Result<(), DaemonError> {
    tokio::select! {
        error = desk.engine.store.died() => Err(error.into()),
        _ = stop.wait_for(|s| *s) => Ok(()),
    }
}

/// Makes batches durable, one at a time.
async fn take_loop(
    desk: Arc<Desk>,
    mut received: mpsc::Receiver<Delivery>,
    seen_at: SeenAt,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    loop {
        let delivery = tokio::select! {
            delivery = received.recv() => delivery,
            _ = stop.wait_for(|s| *s) => None,
        };
        let Some(Delivery { batch, set_aside, mailbox, done }) = delivery else { return Ok(()) };
        let engine = Arc::clone(&desk.engine);
        match tokio::task::spawn_blocking(move || engine.take_delivery(batch, set_aside, seen_at)).await? {
            Ok(taken) => {
                tracing::info!(event = "mail.stored", new = taken.new, known = taken.known);
                mailbox.ingested(taken.new, taken.known);
                let _ = done.send(Ok(()));
                desk.arrived.notify_one();
            }
            Err(error) => {
                let _ = done.send(Err(error.to_string()));
                // A store that failed once must not go on: restart runs the recovery.
                return Err(error.into());
            }
        }
    }
}

/// Considers whatever waits.
async fn consider_loop(
    desk: Arc<Desk>,
    heartbeat: Arc<Heartbeat>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let engine = Arc::clone(&desk.engine);
    let gates = desk.gates.digest();
    let work = move || {
        engine.note_governing(gates)?;
        engine.mark_outdated()
    };
    let outdated = tokio::task::spawn_blocking::<_, Result<usize, StoreError>>(work).await??;
    if outdated > 0 {
        tracing::info!(event = "accounts.changed", outdated);
    }
    loop {
        heartbeat.beat();
        loop {
            let considered = desk.engine.consider_some().await?;
            heartbeat.beat();
            if considered == 0 {
                break;
            }
            tracing::info!(event = "mail.considered", considered);
            desk.considered.notify_one();
            // What is left of a backlog waits on disk.
            if *stop.borrow() {
                return Ok(());
            }
        }
        let engine = Arc::clone(&desk.engine);
        tokio::task::spawn_blocking(move || engine.store.checkpoint()).await??;
        tokio::select! {
            () = desk.arrived.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
            _ = stop.wait_for(|s| *s) => return Ok(()),
        }
    }
}

async fn watch_mailbox(
    mailbox: Mailbox,
    intake: Intake,
    desk: Arc<Desk>,
    stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    match mailbox {
        Mailbox::Imap(settings) => {
            let known = desk.engine.known(&settings.key())?;
            imap::watch(*settings, known, intake, stop).await?;
        }
        Mailbox::Lmtp(listen) => lmtp::watch(listen, lmtp::TICK, intake, stop).await?,
        Mailbox::Maildir(settings) => {
            let key = settings.key();
            let known = move |name: &str| {
                let place = Place::Maildir { mailbox: key.clone(), name: name.to_owned() };
                desk.engine.store.knows_place(&place).unwrap_or(false)
            };
            maildir::watch(settings, known, intake, stop).await?;
        }
    }
    Ok(())
}
