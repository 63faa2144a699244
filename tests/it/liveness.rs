//! Life is proven by completed cycles: `/readyz`, metrics, the service manager's watchdog, and a stop that hangs on
//! nobody.

use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use endorsed::answer::{Readiness, Request, Response};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{self, Daemon, Desk, Engine, Mailbox, SeenAt};
use endorsed::edge::dns::Resolver;
use endorsed::edge::imap::{Settings, Tls};
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::{Address, Policy, Seller};
use tokio::sync::{oneshot, watch};

use crate::dovecot::Dovecot;
use crate::home::{Home, PATIENCE};
use crate::letters::SELLER;
use crate::proxy::{Fault, Proxy};
use crate::source_contract::message;

/// A daemon in this process, which calls a mailbox stale after `stale_after`.
fn assemble(folder: &std::path::Path, settings: Settings, stale_after: Duration) -> Daemon {
    std::fs::write(folder.join("dns.json"), "{}").unwrap();
    let policy = Policy {
        trust_declared_champions: true,
        ..Policy::of(Seller {
            domains: vec![SELLER.into()],
            names: Vec::new(),
            evidence: Address::new(&format!("evidence@{SELLER}")).unwrap(),
        })
    };
    let store = Store::open(&folder.join("store"), OpenOptions { create: true, ..OpenOptions::default() });
    let resolver = Resolver::file(&folder.join("dns.json")).unwrap();
    Daemon {
        desk: Desk {
            stale_after,
            ..Desk::new(
                Engine::new(store.unwrap(), load_rules(None).unwrap(), policy, resolver),
                shipped_gates().unwrap(),
            )
        },
        mailboxes: vec![Mailbox::Imap(Box::new(settings))],
        outbox: None,
        http: None,
        socket: folder.join("store"),
        seen_at: SeenAt::Clock,
    }
}

async fn readiness(desk: &Arc<Desk>) -> Readiness {
    let desk = Arc::clone(desk);
    match tokio::task::spawn_blocking(move || desk.answer(Request::Ready)).await.unwrap() {
        Response::Ready(readiness) => *readiness,
        other => panic!("{other:?}"),
    }
}

async fn wait_until(desk: &Arc<Desk>, what: impl Fn(&Readiness) -> bool) -> Readiness {
    let start = Instant::now();
    loop {
        let now = readiness(desk).await;
        if what(&now) {
            return now;
        }
        assert!(start.elapsed() < PATIENCE, "{now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_means_read_whole_lately_and_not_connected() {
    let server = Dovecot::start();
    let proxy = Proxy::start(server.imap);
    let mut settings = server.settings(Tls::None);
    settings.port = proxy.port;
    settings.timings.idle_renew = Duration::from_millis(300);
    settings.timings.command = Duration::from_secs(2);
    let folder = tempfile::tempdir().unwrap();
    let (stop, stopped) = watch::channel(false);
    let (told, ready) = oneshot::channel();
    let daemon = assemble(folder.path(), settings, Duration::from_secs(2));
    let running = tokio::spawn(daemon::run(daemon, stopped, |_, desk| drop(told.send(desk))));
    let desk = ready.await.ok().unwrap();
    wait_until(&desk, |now| now.ready).await;
    // Nobody ends the connection, and nothing comes through it any more.
    proxy.set(Fault::Freeze);
    let stale = wait_until(&desk, |now| !now.ready).await;
    assert_eq!(stale.reasons[0].code, "mailbox_stale");
    assert!(stale.mailboxes[0].age_seconds.is_some_and(|age| age >= 1), "{stale:?}");
    // Connecting again is not enough either: the new connection is as dead as the old one.
    proxy.kick();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!readiness(&desk).await.ready);
    server.deliver(&message(0));
    proxy.set(Fault::Pass);
    let again = wait_until(&desk, |now| now.ready).await;
    assert!(
        again.size > 0 && again.mailboxes[0].lag_uids == 0,
        "ready only after the mail is durable: {again:?}"
    );
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

/// Every metric that operators were promised.
const NAMES: &[&str] = &[
    "endorsed_build_info",
    "endorsed_imap_connected",
    "endorsed_imap_last_success_timestamp_seconds",
    "endorsed_imap_reconnects_total",
    "endorsed_imap_idle_rounds_total",
    "endorsed_imap_lag_uids",
    "endorsed_mailbox_missing",
    "endorsed_mailbox_gone_total",
    "endorsed_messages_ingested_total",
    "endorsed_messages_duplicate_total",
    "endorsed_messages_quarantined",
    "endorsed_verdicts_total",
    "endorsed_auth_results_total",
    "endorsed_oauth_refresh_total",
    "endorsed_prompts_sent_total",
    "endorsed_prompts_suppressed_total",
    "endorsed_store_flush_seconds",
    "endorsed_gate_requests_total",
    "endorsed_ingest_latency_seconds",
];

#[test]
fn metrics_count_what_happened_and_name_nobody() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    server.deliver(&home.letters.declaration("OPP-70040"));
    server.deliver(&home.letters.reply("OPP-70040", 1, "Yes, confirmed. All three criteria are met."));
    let daemon = home.start();
    home.wait_for_gate("OPP-70040", 0);
    assert_eq!(home.get("/readyz").0, 200);
    server.kick();
    server.deliver(&home.letters.reply("OPP-70040", 2, "I have to retract my confirmation."));
    home.wait_for_gate("OPP-70040", 1);
    let (status, page) = home.get_text("/metrics");
    assert_eq!(status, 200);
    for name in NAMES {
        assert!(page.contains(&format!("# TYPE {name} ")), "{name} is missing in {page}");
    }
    for line in [
        "endorsed_imap_connected{mailbox=\"localhost/INBOX\"} 1",
        "endorsed_imap_lag_uids{mailbox=\"localhost/INBOX\"} 0",
        "endorsed_messages_ingested_total{mailbox=\"localhost/INBOX\"} 3",
        "endorsed_imap_reconnects_total{mailbox=\"localhost/INBOX\",reason=\"bye\"} 1",
        "endorsed_auth_results_total{check=\"author\",result=\"verified\"} 2",
        "endorsed_verdicts_total{verdict=\"retracted\",",
        "endorsed_gate_requests_total{answer=\"allowed\"}",
    ] {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
    assert!(!page.contains('@'), "no address in a label: {page}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_mailbox_that_was_never_read_is_not_ready() {
    let server = Dovecot::start();
    let proxy = Proxy::start(server.imaps);
    proxy.set(Fault::Refuse);
    let home = Home::imap_at(&server, proxy.port);
    let daemon = home.start();
    let (status, body) = home.get("/readyz");
    assert_eq!((status, &body["reasons"][0]["code"]), (503, &"mailbox_stale".into()), "{body}");
    assert!(body["reasons"][0]["fix"].as_str().unwrap().contains("check-mailbox"));
    assert_eq!(home.get("/healthz").0, 200, "alive all the same");
    assert_eq!(daemon.stop(), Some(0));
}

/// Receives what a service is told to tell its manager (sd_notify(3)).
struct Manager(UnixDatagram, std::path::PathBuf);

impl Manager {
    fn new(home: &Home) -> Self {
        let path = home.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self(socket, path)
    }

    /// Whether a line comes within `time`.
    fn hears(&self, line: &str, time: Duration) -> bool {
        let (start, mut buffer) = (Instant::now(), [0; 1024]);
        while start.elapsed() < time {
            let Ok(length) = self.0.recv(&mut buffer) else { continue };
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|told| told == line) {
                return true;
            }
        }
        false
    }
}

#[test]
fn the_service_manager_hears_ready_watchdog_and_stopping() {
    let server = Dovecot::start();
    let proxy = Proxy::start(server.imaps);
    proxy.set(Fault::Freeze);
    let home = Home::imap_at(&server, proxy.port);
    let manager = Manager::new(&home);
    let notify = manager.1.display().to_string();
    let daemon = home.start_with(&[("NOTIFY_SOCKET", &notify), ("WATCHDOG_USEC", "600000")]);
    assert!(!manager.hears("READY=1", Duration::from_secs(1)), "no folder was opened yet");
    proxy.set(Fault::Pass);
    assert!(manager.hears("READY=1", PATIENCE), "{}", home.log());
    assert!(manager.hears("WATCHDOG=1", PATIENCE) && manager.hears("WATCHDOG=1", PATIENCE));
    let asked = std::process::Command::new("kill").arg(daemon.0.id().to_string()).status();
    assert!(asked.unwrap().success());
    assert!(manager.hears("STOPPING=1", PATIENCE), "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_frozen_line_does_not_hold_up_the_stop() {
    let server = Dovecot::start();
    let proxy = Proxy::start(server.imaps);
    let home = Home::imap_at(&server, proxy.port);
    let daemon = home.start();
    let start = Instant::now();
    while home.get("/readyz").0 != 200 {
        assert!(start.elapsed() < PATIENCE, "{}", home.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    proxy.set(Fault::Freeze);
    // In the middle of a command, which nobody will answer.
    let asked = std::process::Command::new("kill").args(["-USR1", &daemon.0.id().to_string()]).status();
    assert!(asked.unwrap().success());
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(start.elapsed() < Duration::from_secs(10));
}
