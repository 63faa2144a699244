//! The Maildir source.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use endorsed::edge::maildir::{self, Settings};
use endorsed::edge::source::Fatal;
use tempfile::TempDir;
use tokio::sync::watch as signal;

use crate::source_contract::{self, Mailbox, Running, Sink, message};

struct Maildir(TempDir);

impl Maildir {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self(root)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Mailbox for Maildir {
    fn deliver(&self, raw: &[u8]) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{:08}.test", COUNT.fetch_add(1, Ordering::Relaxed));
        let tmp = self.path().join("tmp").join(&name);
        fs::write(&tmp, raw).unwrap();
        fs::rename(tmp, self.path().join("new").join(name)).unwrap();
    }

    fn source(
        &self,
        sink: &Sink,
        stop: signal::Receiver<bool>,
    ) -> impl Future<Output = Result<(), Fatal>> + Send + 'static {
        watch(self.path().to_owned(), Duration::from_millis(500), sink, stop)
    }
}

fn watch(
    path: PathBuf,
    poll: Duration,
    sink: &Sink,
    stop: signal::Receiver<bool>,
) -> impl Future<Output = Result<(), Fatal>> + Send + 'static {
    let known = sink.names();
    let settings = Settings { poll, ..Settings::new(path) };
    maildir::watch(settings, move |name| known.contains(name), sink.intake.clone(), stop)
}

#[tokio::test]
async fn maildir_keeps_the_source_contract() {
    source_contract::check(Maildir::new()).await;
}

#[tokio::test]
async fn a_maildir_delivery_is_noticed_without_a_poll_and_never_twice() {
    let (maildir, sink) = (Maildir::new(), Sink::new());
    let running =
        Running::start(|stop| watch(maildir.path().to_owned(), Duration::from_secs(3600), &sink, stop));
    sink.wait_for_first_cycle().await;
    maildir.deliver(&message(1));
    sink.wait_for(1, Duration::from_secs(3)).await;
    // A mail reader opens it: same message, other name.
    let name = sink.names().into_iter().next().unwrap();
    fs::rename(
        maildir.path().join("new").join(&name),
        maildir.path().join("cur").join(format!("{name}:2,S")),
    )
    .unwrap();
    maildir.deliver(&message(2));
    sink.wait_for(2, Duration::from_secs(3)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.len(), 2);
    running.stop().await;
    assert!(maildir.path().join("cur").join(format!("{name}:2,S")).exists(), "nothing is moved back");
}

#[tokio::test]
async fn a_folder_that_is_no_maildir_is_a_mistake_in_the_settings() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new());
    let running = Running::start(|stop| watch(folder.path().to_owned(), Duration::from_secs(1), &sink, stop));
    assert!(matches!(running.end().await, Err(Fatal::Settings(_))));
}
