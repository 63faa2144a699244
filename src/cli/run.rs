//! `endorsed run`: the daemon under a service manager.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::ask::{OpenError, open_desk};
use super::{CONFIG, CREDENTIALS, FAILED, logging};
use crate::answer::RetentionAsk;
use crate::config::{Config, ConfigError, MailboxKind, MailboxSection};
use crate::daemon::{self, Daemon, DaemonError, Desk, Mailbox, SeenAt};
use crate::edge::imap::Settings;
use crate::edge::lmtp::Listen;
use crate::edge::maildir;
use crate::edge::source::Fatal;

/// Threads that may wait for the disk or for somebody else. The unit allows 64 tasks (`TasksMax`), of which the store, the
/// resolver and considering need some.
const BLOCKING_THREADS_MAX: usize = 32;

/// Runs until SIGTERM or SIGINT.
pub fn run(path: &Path) -> u8 {
    logging::install(false);
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return CONFIG;
        }
    };
    let (mailboxes, outbox) = match mailboxes(&config, path).and_then(|all| Ok((all, config.outbox()?))) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("{error}");
            return CONFIG;
        }
    };
    let desk = match open_desk(&config) {
        Ok(desk) => desk,
        Err(error) => {
            eprintln!("{error}");
            return if matches!(error, OpenError::Config(_)) { CONFIG } else { FAILED };
        }
    };
    let daemon = Daemon {
        desk,
        mailboxes,
        outbox,
        http: config.http.as_ref().map(crate::config::HttpSection::settings),
        socket: config.store.path.clone(),
        seen_at: SeenAt::Clock,
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).max_blocking_threads(BLOCKING_THREADS_MAX).enable_all();
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return FAILED;
        }
    };
    let retention = super::retention::request(&config, true);
    let ended = runtime.block_on(until_signal(daemon, retention, path));
    // Look-ups that still hang must not hold up the stop.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match ended {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(event = "daemon.end", %error);
            eprintln!("{error}");
            match error {
                DaemonError::Source(Fatal::Credentials(_)) => CREDENTIALS,
                DaemonError::Source(Fatal::Settings(_)) => CONFIG,
                _ => FAILED,
            }
        }
    }
}

async fn until_signal(daemon: Daemon, retention: RetentionAsk, path: &Path) -> Result<(), DaemonError> {
    let (stop, stopped) = watch::channel(false);
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    for mut kind in signals.into_iter().flatten() {
        let stop = stop.clone();
        tokio::spawn(async move {
            kind.recv().await;
            let _ = sd_notify::notify(&[NotifyState::Stopping]);
            stop.send_replace(true);
        });
    }
    // From here on a signal that comes too early waits instead of ending the process.
    let (hangup, usr1) = (signal(SignalKind::hangup()), signal(SignalKind::user_defined1()));
    let path = path.to_owned();
    daemon::run(daemon, stopped, |address, desk| {
        tokio::spawn(poll_on_usr1(usr1, Arc::clone(&desk)));
        tokio::spawn(daemon::keep_to_retention(Arc::clone(&desk), retention));
        tokio::spawn(reload_on_hangup(hangup, path, Arc::clone(&desk)));
        tracing::info!(event = "daemon.ready", http = address.map(|a| a.to_string()));
        // Ready is who has tried: refused credentials then fail the start, and a server that is down does not.
        tokio::spawn(async move {
            desk.tried().await;
            let status = desk.status();
            let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
        });
    })
    .await
}

/// SIGUSR1: looks at every mailbox now.
async fn poll_on_usr1(signals: std::io::Result<Signal>, desk: Arc<Desk>) {
    let Ok(mut asked) = signals else { return };
    while asked.recv().await.is_some() {
        tracing::info!(event = "mail.polled_now", mailboxes = desk.mailboxes.len());
        desk.mailboxes.iter().for_each(|mailbox| mailbox.nudge());
    }
}

/// SIGHUP: reads the rules, the accounts file and the policy anew. A broken file changes nothing.
async fn reload_on_hangup(signals: std::io::Result<Signal>, path: PathBuf, desk: Arc<Desk>) {
    let Ok(mut hangup) = signals else { return };
    while hangup.recv().await.is_some() {
        let path = path.clone();
        let read = move || {
            let config = Config::read(&path)?;
            Ok((config.load_rules()?, config.policy(false)?))
        };
        let Ok(read) = tokio::task::spawn_blocking::<_, Result<_, ConfigError>>(read).await else { continue };
        let (rules, policy) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(event = "reload.refused", %error);
                continue;
            }
        };
        desk.engine.replace_rules(rules);
        match daemon::reload(Arc::clone(&desk), policy).await {
            Ok(again) => {
                tracing::info!(event = "reload.done", again, rules = desk.engine.rules().digest().short());
                desk.arrived.notify_one();
            }
            Err(error) => tracing::error!(event = "reload.failed", %error),
        }
    }
}

/// Every configured mailbox: one that is left out would not be missed, and the gates would call the record fresh.
fn mailboxes(config: &Config, path: &Path) -> Result<Vec<Mailbox>, ConfigError> {
    let of = |section| {
        mailbox(section).ok_or_else(|| ConfigError::one(path, 0, "a [[mailbox]] says not how to be read"))
    };
    config.mailbox.iter().map(of).collect()
}

/// The mailbox of a checked section.
pub fn mailbox(section: &MailboxSection) -> Option<Mailbox> {
    match section.kind {
        MailboxKind::Maildir => {
            let mut settings = maildir::Settings::new(section.path.clone()?);
            settings.junk = section.junk;
            if let Some(poll) = section.poll_seconds {
                settings.poll = Duration::from_secs(poll);
            }
            Some(Mailbox::Maildir(settings))
        }
        MailboxKind::Lmtp => Listen::parse(section.listen.as_deref()?).map(Mailbox::Lmtp),
        MailboxKind::Imap => {
            let mut settings =
                Settings::new(section.host.clone()?, section.user.clone()?, section.sign_in()?);
            settings.port = section.port;
            settings.tls = section.tls;
            settings.ca_file.clone_from(&section.ca_file);
            settings.folder.clone_from(&section.folder);
            settings.junk = section.junk;
            settings.timings.idle_renew = Duration::from_secs(section.idle_renew_seconds);
            if let Some(poll) = section.poll_seconds {
                settings.timings.poll = Duration::from_secs(poll);
            }
            Some(Mailbox::Imap(Box::new(settings)))
        }
    }
}
