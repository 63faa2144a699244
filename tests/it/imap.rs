//! The IMAP source against a real Dovecot.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use endorsed::edge::imap::{self, Password, Settings, Tls};
use endorsed::edge::source::{Fatal, Known};
use endorsed::record::Place;
use tokio::sync::watch as signal;

use crate::dovecot::{Dovecot, USER};
use crate::source_contract::{self, Mailbox, Running, Sink, message, until};

struct Imap {
    server: Arc<Dovecot>,
    settings: Settings,
}

impl Mailbox for Imap {
    fn deliver(&self, raw: &[u8]) {
        self.server.deliver(raw);
    }

    fn source(
        &self,
        sink: &Sink,
        stop: signal::Receiver<bool>,
    ) -> impl Future<Output = Result<(), Fatal>> + Send + 'static {
        imap::watch(self.settings.clone(), sink.cursor(), sink.intake.clone(), stop)
    }
}

fn run(settings: &Settings, sink: &Sink) -> Running {
    Running::start(|stop| imap::watch(settings.clone(), sink.cursor(), sink.intake.clone(), stop))
}

fn all(n: usize) -> BTreeSet<Vec<u8>> {
    (0..n).map(message).collect()
}

const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn imap_over_tls_keeps_the_source_contract_and_changes_nothing() {
    let server = Arc::new(Dovecot::start());
    let settings = server.settings(Tls::Implicit);
    source_contract::check(Imap { server: server.clone(), settings }).await;
    let flags = server.doveadm(&["fetch", "-u", USER, "flags", "mailbox", "INBOX"]);
    assert_eq!(flags.matches("flags:").count(), 310);
    assert!(!flags.contains("\\Seen"), "a message was marked as read");
}

#[tokio::test]
async fn every_kind_of_protection_logs_in() {
    let server = Dovecot::start();
    server.deliver(&message(0));
    for tls in [Tls::Implicit, Tls::StartTls, Tls::None] {
        let sink = Sink::new();
        let running = run(&server.settings(tls), &sink);
        sink.wait_for(1, SOON).await;
        running.stop().await;
    }
    // A certificate that nobody vouched for is refused, not worked around.
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), std::fs::read(Dovecot::start().ca()).unwrap()).unwrap();
    let mut settings = server.settings(Tls::Implicit);
    settings.ca_file = Some(other.path().to_owned());
    let sink = Sink::new();
    let running = run(&settings, &sink);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((sink.len(), sink.progress.age()), (0, None));
    running.stop().await;
}

#[tokio::test]
async fn without_idle_the_folder_is_polled() {
    let server = Arc::new(Dovecot::start_with("imap_capability = IMAP4rev1 SASL-IR LITERAL+ UIDPLUS\n"));
    let settings = server.settings(Tls::None);
    source_contract::check(Imap { server, settings }).await;
}

#[tokio::test]
async fn a_new_uidvalidity_means_reading_everything_again() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    (0..5).for_each(|n| drop(server.deliver(&message(n))));
    let running = run(&server.settings(Tls::None), &sink);
    sink.wait_for(5, SOON).await;
    server.doveadm(&["mailbox", "update", "-u", USER, "--uid-validity", "77777", "INBOX"]);
    server.deliver(&message(5));
    let renewed = || {
        let in_epoch = |f: &&endorsed::edge::source::Fetched| {
            matches!(f.place, Place::Imap { uid_validity: 77_777, .. })
        };
        sink.stored().iter().filter(in_epoch).count()
    };
    until(SOON, || renewed() >= 6, || format!("{} of 6 in the new epoch", renewed())).await;
    running.stop().await;
    assert_eq!((renewed(), sink.bodies()), (6, all(6)));

    // The same while nobody looks.
    server.doveadm(&["mailbox", "update", "-u", USER, "--uid-validity", "88888", "INBOX"]);
    let running = run(&server.settings(Tls::None), &sink);
    until(
        SOON,
        || sink.cursor().is_some_and(|c| c.uid_validity == 88_888 && c.uid == 6),
        || format!("{:?}", sink.cursor()),
    )
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_kicked_session_comes_back() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let running = run(&server.settings(Tls::Implicit), &sink);
    sink.wait_for_first_cycle().await;
    for n in 0..3 {
        server.kick();
        server.deliver(&message(n));
        sink.wait_for(n + 1, SOON).await;
    }
    running.stop().await;
    assert_eq!((sink.len(), sink.bodies()), (3, all(3)));
}

#[tokio::test]
async fn an_unreadable_message_does_not_stop_the_others() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let names: Vec<String> = (0..60).map(|n| server.deliver(&message(n))).collect();
    for n in [0, 20, 21, 59] {
        server.poison(&names[n]);
    }
    let mut settings = server.settings(Tls::None);
    settings.timings.unfetchable_retry = Duration::from_secs(2);
    let running = run(&settings, &sink);
    let readable: BTreeSet<_> = (0..60).filter(|n| ![0, 20, 21, 59].contains(n)).map(message).collect();
    sink.wait_for(56, SOON).await;
    assert_eq!((sink.len(), sink.bodies()), (56, readable));
    // New mail still comes, and what heals comes too.
    server.deliver(&message(60));
    sink.wait_for(57, SOON).await;
    for n in [0, 20, 21, 59] {
        server.cure(&names[n]);
    }
    sink.wait_for(61, SOON).await;
    assert_eq!(sink.bodies(), all(61));
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_password_ends_the_source_at_the_first_login_only() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let mut settings = server.settings(Tls::Implicit);
    settings.sign_in = Password::Fixed("wrong".into()).into();
    assert!(matches!(run(&settings, &sink).end().await, Err(Fatal::Credentials(_))));

    // A password that turns bad later is waited for, and read anew at each login.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), crate::dovecot::PASSWORD).unwrap();
    settings.sign_in = Password::File(file.path().to_owned()).into();
    settings.timings.credentials_retry = Duration::from_millis(300);
    let running = run(&settings, &sink);
    sink.wait_for_first_cycle().await;
    std::fs::write(file.path(), "wrong").unwrap();
    server.kick();
    server.deliver(&message(0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.len(), 0);
    std::fs::write(file.path(), crate::dovecot::PASSWORD).unwrap();
    sink.wait_for(1, SOON).await;
    running.stop().await;
}

#[tokio::test]
async fn a_folder_with_a_name_outside_ascii_is_read() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    server.deliver(&message(0));
    server.doveadm(&["mailbox", "create", "-u", USER, "Nachweis-Öl & mehr"]);
    server.doveadm(&["copy", "-u", USER, "Nachweis-Öl & mehr", "mailbox", "INBOX", "all"]);
    let mut settings = server.settings(Tls::None);
    settings.folder = "Nachweis-Öl & mehr".into();
    let running = run(&settings, &sink);
    sink.wait_for(1, SOON).await;
    running.stop().await;
    assert_eq!(sink.bodies(), all(1));
}

#[tokio::test]
async fn large_messages_go_in_batches_by_bytes_and_too_large_ones_stop_nothing() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let big = |n: usize, megabytes: usize| {
        let mut raw = message(n);
        let line = format!("{}\r\n", "x".repeat(998));
        raw.extend(line.repeat((megabytes << 20) / line.len()).into_bytes());
        raw
    };
    server.deliver(&big(0, 6));
    server.deliver(&big(1, 6));
    server.deliver(&big(2, 26));
    server.deliver(&message(3));
    let running = run(&server.settings(Tls::None), &sink);
    sink.wait_for(3, Duration::from_secs(30)).await;
    sink.wait_for_cycle().await;
    running.stop().await;
    assert_eq!(sink.bodies(), BTreeSet::from([big(0, 6), big(1, 6), message(3)]));
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for() {
    let sink = Sink::new();
    let settings = Dovecot::start().settings(Tls::None);
    // It is gone again, certificate and all; TLS is not used.
    let start = Instant::now();
    let running = run(&settings, &sink);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sink.progress.age(), None);
    running.stop().await;
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn what_the_record_does_not_account_for_is_read_again() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    (0..5).for_each(|n| drop(server.deliver(&message(n))));
    let mut settings = server.settings(Tls::Implicit);
    let running = run(&settings, &sink);
    sink.wait_for(5, SOON).await;
    let cursor = sink.cursor();
    running.stop().await;

    // A record that lost its second message, although its cursor stands behind the fifth.
    settings.timings.reconcile = Duration::from_millis(100);
    let known = Known {
        cursor,
        set_aside: Vec::new(),
        accounts_for: Arc::new(|place| !matches!(place, Place::Imap { uid: 2, .. })),
    };
    let later = Sink::new();
    let intake = later.intake.clone();
    let running = Running::start(|stop| imap::watch(settings, known, intake, stop));
    later.wait_for(1, SOON).await;
    assert_eq!(later.progress.missing(), 1);
    running.stop().await;
    assert_eq!(later.bodies(), BTreeSet::from([message(1)]), "the lost one alone");
}
