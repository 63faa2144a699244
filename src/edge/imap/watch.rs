//! The loop: connect, catch up, wait for news, and again.

use std::time::{Duration, SystemTime};

use tokio::sync::watch as signal;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tracing::{error, info, warn};

use super::backoff::{Backoff, jitter};
use super::connect;
use super::error::Error;
use super::reader::Reader;
use super::session::{Session, Wake};
use super::settings::Settings;
use crate::edge::source::{Fatal, Intake, Known};

/// Reads the folder until `stop` turns true (or its sender is gone); failures are waited out and tried again.
///
/// Starts behind the cursor of `known`, the highest UID whose message is durable; without one it reads everything. A message may
/// be delivered again (after a UIDVALIDITY change, or when the store kept a batch but could not say so): the
/// store knows copies by their sha256.
///
/// # Errors
/// Only what no waiting can heal: see [`Fatal`].
pub async fn watch(
    settings: Settings,
    known: impl Into<Known>,
    intake: Intake,
    stop: signal::Receiver<bool>,
) -> Result<(), Fatal> {
    settings.check()?;
    let tls = connect::tls(&settings)?;
    let timings = settings.timings;
    let reader = Reader::new(settings.key(), known.into(), intake.clone(), stop.clone(), timings);
    let mut watcher = Watcher {
        backoff: Backoff::new(timings.backoff_min, timings.backoff_max),
        settings,
        tls,
        intake,
        reader,
        stop: stop.clone(),
        logged_in: false,
        no_idle_until: None,
    };
    tokio::select! {
        ended = watcher.run() => ended,
        // The loop sees `stop` between commands; this only ends a command that hangs. What was not yet
        // answered by the store is read again at the next start.
        () = stop_then(stop, timings.stop_grace) => Ok(()),
    }
}

/// How often the clocks are compared.
const CLOCK_TICK: Duration = Duration::from_secs(15);
/// Difference between the clocks within one tick that is no mere adjustment.
const CLOCK_GAP_MAX: Duration = Duration::from_secs(60);

/// Steps of a connection that each may take `Timings::connect`, and one to spare.
const CONNECT_STEPS: u32 = 6;

struct Watcher {
    settings: Settings,
    tls: Option<TlsConnector>,
    intake: Intake,
    reader: Reader,
    stop: signal::Receiver<bool>,
    backoff: Backoff,
    logged_in: bool,
    no_idle_until: Option<Instant>,
}

impl Watcher {
    async fn run(&mut self) -> Result<(), Fatal> {
        loop {
            let Err(error) = self.session().await else { return Ok(()) };
            let wait = self.wait_after(&error)?;
            self.intake.closed(error.reason());
            let (mailbox, wait_ms) = (self.settings.key(), wait.as_millis());
            warn!(event = "mail.disconnected", mailbox, %error, wait_ms);
            if self.pause(wait).await {
                return Ok(());
            }
        }
    }

    /// One session: `Ok` when told to stop, else why it ended.
    async fn session(&mut self) -> Result<(), Error> {
        if self.reader.stopped() {
            return Ok(());
        }
        let begun = Instant::now();
        // A token, name and TCP, TLS, greeting, login: each has its own limit.
        self.intake.alive_for(self.settings.timings.connect * CONNECT_STEPS);
        let mut session = connect::connect(&self.settings, self.tls.as_ref()).await?;
        self.logged_in = true;
        self.reader.open(&mut session, &self.settings.folder).await?;
        let (mailbox, idle) = (self.settings.key(), session.can("IDLE"));
        let folder = session.folder();
        self.intake.opened();
        info!(
            event = "mail.connected",
            mailbox,
            idle,
            exists = folder.exists,
            uid_validity = folder.uid_validity
        );
        loop {
            self.reader.catch_up(&mut session).await?;
            if !self.reader.stopped() {
                self.intake.cycle_completed();
                // Logging in proves little: only a session that lives and works ends a row of failures.
                if begun.elapsed() >= self.settings.timings.stable {
                    self.backoff.reset();
                }
            }
            if self.reader.stopped() || self.rest(&mut session).await? {
                session.logout().await;
                return Ok(());
            }
        }
    }

    /// Waits for news by IDLE or, where that is not to be had, for the next poll. True when told to stop.
    async fn rest(&mut self, session: &mut Session) -> Result<bool, Error> {
        let refused = self.no_idle_until.is_some_and(|until| Instant::now() < until);
        let timings = self.settings.timings;
        if !refused && session.can("IDLE") {
            self.intake.alive_for(timings.idle_round_max + timings.done + timings.command * 2);
            let idled = tokio::select! {
                idled = session.idle(&mut self.stop, &self.intake) => idled,
                () = slept(CLOCK_TICK) => Err(Error::Timeout("the machine slept")),
            };
            self.intake.idled(end_of(&idled));
            match idled {
                Ok(Wake::News) => return Ok(false),
                Ok(Wake::Stopped) => return Ok(true),
                // FETCH alone need not make the server look for new mail; NOOP does (RFC 3501 §6.1.2).
                Ok(Wake::Quiet) => return session.noop().await.map(|()| false),
                Err(error) if !error.leaves_session() => return Err(error),
                Ok(Wake::EndedByServer) | Err(_) => self.give_up_idle(),
            }
        }
        if self.pause(timings.poll).await {
            return Ok(true);
        }
        session.noop().await.map(|()| false)
    }

    fn give_up_idle(&mut self) {
        let (mailbox, timings) = (self.settings.key(), self.settings.timings);
        warn!(event = "mail.idle_refused", mailbox, poll_s = timings.poll.as_secs(), "polling instead");
        self.no_idle_until = Some(Instant::now() + timings.idle_retry);
    }

    /// How long to wait before the next connection.
    fn wait_after(&mut self, error: &Error) -> Result<Duration, Fatal> {
        let moved = self.reader.take_moved();
        match error {
            Error::Credentials(text) if !self.logged_in => Err(Fatal::Credentials(text.clone())),
            Error::Password(text) if !self.logged_in => Err(Fatal::Settings(text.clone())),
            Error::Credentials(_) | Error::Permission(_) => {
                error!(event = "mail.refused", mailbox = self.settings.key(), %error);
                let wait = self.settings.timings.credentials_retry;
                Ok(wait + jitter(wait / 10))
            }
            _ => {
                // A session that got further (past a poison message, or a piece on a bad line) costs no step.
                let wait = if moved { self.backoff.first() } else { self.backoff.next() };
                let asked = Duration::from_millis(error.suggested_wait_ms().unwrap_or(0));
                Ok(wait.max(asked.min(self.settings.timings.backoff_max)))
            }
        }
    }

    /// Sleeps; true when told to stop.
    async fn pause(&mut self, time: Duration) -> bool {
        self.intake.alive_for(time + self.settings.timings.command * 2);
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => true,
            () = self.intake.nudged() => false,
            () = sleep(time) => false,
        }
    }
}

/// How an IDLE round ended, as metrics name it.
fn end_of(idled: &Result<Wake, Error>) -> &'static str {
    match idled {
        Ok(Wake::News) => "news",
        Ok(Wake::Quiet) => "quiet",
        Ok(Wake::EndedByServer) => "ended_by_server",
        Ok(Wake::Stopped) => "stopped",
        Err(error) if error.leaves_session() => "refused",
        Err(_) => "lost",
    }
}

/// Returns when the machine was suspended or the clock jumped: no connection survives the one, and the other looks the
/// same from here.
async fn slept(tick: Duration) {
    loop {
        let (steady, wall) = (Instant::now(), SystemTime::now());
        sleep(tick).await;
        if jumped(steady.elapsed(), SystemTime::now().duration_since(wall).ok()) {
            return;
        }
    }
}

/// Whether the wall clock went another way than the steady one, which stands still while the machine sleeps.
fn jumped(steady: Duration, wall: Option<Duration>) -> bool {
    wall.is_none_or(|wall| wall.abs_diff(steady) > CLOCK_GAP_MAX)
}

async fn stop_then(mut stop: signal::Receiver<bool>, grace: Duration) {
    let _ = stop.wait_for(|stop| *stop).await;
    sleep(grace).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_machine_is_noticed_and_an_adjusted_clock_is_not() {
        let seconds = Duration::from_secs;
        assert!(!jumped(seconds(15), Some(seconds(15))) && !jumped(seconds(15), Some(seconds(44))));
        assert!(jumped(seconds(15), Some(seconds(3_600))), "suspended for an hour");
        assert!(jumped(seconds(900), Some(seconds(2))) && jumped(seconds(15), None), "set back");
    }
}
