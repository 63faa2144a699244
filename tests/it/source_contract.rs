//! What every mail source must keep, whatever it reads from.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use endorsed::edge::source::{BATCH_MESSAGES_MAX, Fatal, Fetched, Intake, Progress};
use endorsed::record::{Cursor, Place, SetAside};
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;

/// A kind of mailbox under test.
pub trait Mailbox {
    /// Puts a message into it.
    fn deliver(&self, raw: &[u8]);
    /// Starts the source with what the sink already holds.
    fn source(
        &self,
        sink: &Sink,
        stop: signal::Receiver<bool>,
    ) -> impl Future<Output = Result<(), Fatal>> + Send + 'static;
}

/// A store in memory.
#[derive(Clone)]
pub struct Sink {
    pub intake: Intake,
    pub progress: Arc<Progress>,
    stored: Arc<Mutex<Vec<Fetched>>>,
    aside: Arc<Mutex<Vec<SetAside>>>,
    largest: Arc<AtomicUsize>,
    refusals: Arc<AtomicUsize>,
}

impl Sink {
    pub fn new() -> Self {
        // Shown with a test that fails.
        let _ = tracing_subscriber::fmt().with_test_writer().with_ansi(false).try_init();
        let progress = Arc::new(Progress::default());
        let (intake, mut deliveries) = Intake::new(progress.clone());
        let sink = Self {
            intake,
            progress,
            stored: Arc::default(),
            aside: Arc::default(),
            largest: Arc::default(),
            refusals: Arc::default(),
        };
        let (stored, largest, refusals) = (sink.stored.clone(), sink.largest.clone(), sink.refusals.clone());
        let aside = sink.aside.clone();
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.recv().await {
                let refuse = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                if refuse.is_ok() {
                    let _ = delivery.done.send(Err("the disk is full".into()));
                    continue;
                }
                largest.fetch_max(delivery.batch.len(), Ordering::SeqCst);
                stored.lock().unwrap().extend(delivery.batch);
                aside.lock().unwrap().extend(delivery.set_aside);
                let _ = delivery.done.send(Ok(()));
            }
        });
        sink
    }

    /// Refuses the next `n` batches.
    pub fn refuse(&self, n: usize) {
        self.refusals.store(n, Ordering::SeqCst);
    }

    pub fn refusals_left(&self) -> usize {
        self.refusals.load(Ordering::SeqCst)
    }

    pub fn len(&self) -> usize {
        self.stored.lock().unwrap().len()
    }

    pub fn stored(&self) -> Vec<Fetched> {
        self.stored.lock().unwrap().clone()
    }

    /// What was set aside, in order.
    pub fn set_aside(&self) -> Vec<SetAside> {
        self.aside.lock().unwrap().clone()
    }

    /// The different bodies.
    pub fn bodies(&self) -> BTreeSet<Vec<u8>> {
        self.stored().into_iter().map(|f| f.raw).collect()
    }

    /// Where an IMAP source goes on: the place stored last.
    pub fn cursor(&self) -> Option<Cursor> {
        let stored = self.stored.lock().unwrap();
        stored.iter().rev().find_map(|f| match f.place {
            Place::Imap { uid_validity, uid, .. } => Some(Cursor { uid_validity, uid }),
            _ => None,
        })
    }

    /// Names of the stored Maildir messages.
    pub fn names(&self) -> BTreeSet<String> {
        let names = self.stored().into_iter().map(|f| match f.place {
            Place::Maildir { name, .. } => name,
            other => panic!("{other:?}"),
        });
        names.collect()
    }

    /// Waits until `n` copies are stored.
    pub async fn wait_for(&self, n: usize, limit: Duration) {
        until(limit, || self.len() >= n, || format!("{} of {n} messages", self.len())).await;
    }

    /// Waits until any cycle was completed.
    pub async fn wait_for_first_cycle(&self) {
        until(Duration::from_secs(15), || self.progress.age().is_some(), || "no completed cycle".into())
            .await;
    }

    /// Waits until a cycle was completed that ended after the call: sources with nothing to do complete one at each renewal or poll.
    pub async fn wait_for_cycle(&self) {
        let start = Instant::now();
        let fresh = || self.progress.age().is_some_and(|age| age < start.elapsed());
        until(Duration::from_secs(15), fresh, || "no completed cycle".into()).await;
    }
}

/// A running source.
pub struct Running {
    stop: signal::Sender<bool>,
    task: JoinHandle<Result<(), Fatal>>,
}

impl Running {
    pub fn start<F>(source: impl FnOnce(signal::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = Result<(), Fatal>> + Send + 'static,
    {
        let (stop, stopped) = signal::channel(false);
        Self { stop, task: tokio::spawn(source(stopped)) }
    }

    /// Stops it and checks that it ends in time and well.
    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.task).await;
        assert_eq!(ended.expect("the source did not stop in time").unwrap(), Ok(()));
    }

    /// Waits for it to end by itself.
    pub async fn end(self) -> Result<(), Fatal> {
        tokio::time::timeout(Duration::from_secs(20), self.task).await.expect("it goes on").unwrap()
    }
}

/// Waits for a condition.
pub async fn until(limit: Duration, condition: impl Fn() -> bool, text: impl Fn() -> String) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "after {limit:?}: {}", text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A small message, different for each `n`.
pub fn message(n: usize) -> Vec<u8> {
    format!(
        "From: dana@acme.example\r\nTo: evidence@northwind-labs.example\r\nSubject: number {n}\r\n\
         Message-ID: <{n}@acme.example>\r\n\r\nConfirmed, {n}.\r\n"
    )
    .into_bytes()
}

/// The laws. The mailbox must be empty.
pub async fn check(mailbox: impl Mailbox) {
    let sink = Sink::new();
    let run = || Running::start(|stop| mailbox.source(&sink, stop));
    let all = |n: usize| (0..n).map(message).collect::<BTreeSet<_>>();

    // Everything that is there comes once, in batches that are bounded.
    (0..300).for_each(|n| mailbox.deliver(&message(n)));
    let running = run();
    sink.wait_for(300, Duration::from_secs(30)).await;
    sink.wait_for_cycle().await;
    assert_eq!((sink.len(), sink.bodies()), (300, all(300)));
    assert!(sink.largest.load(Ordering::SeqCst) <= BATCH_MESSAGES_MAX);

    // What arrives while the source waits is noticed at once.
    let start = Instant::now();
    mailbox.deliver(&message(300));
    sink.wait_for(301, Duration::from_secs(10)).await;
    assert!(start.elapsed() < Duration::from_secs(3), "noticed after {:?}", start.elapsed());

    // A refused batch comes again; nothing is skipped and nothing comes twice.
    sink.refuse(2);
    mailbox.deliver(&message(301));
    sink.wait_for(302, Duration::from_secs(10)).await;
    assert_eq!((sink.refusals_left(), sink.bodies()), (0, all(302)));
    running.stop().await;

    // What comes while nobody looks is found at the next start, and only that.
    (302..310).for_each(|n| mailbox.deliver(&message(n)));
    let running = run();
    sink.wait_for(310, Duration::from_secs(10)).await;
    sink.wait_for_cycle().await;
    running.stop().await;
    assert_eq!((sink.len(), sink.bodies()), (310, all(310)));
}
