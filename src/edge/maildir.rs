//! The Maildir source: reads `new/` and `cur/` and never changes them.
//!
//! A delivery is a rename into `new/`, so every file found there is complete
//! (<https://cr.yp.to/proto/maildir.html>). What was read is told by the store, by unique name: no state is
//! kept in the folder, and a mail reader may move messages from `new/` to `cur/` at any time.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch as signal};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use crate::edge::source::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Fatal, Fetched, Intake, MESSAGE_BYTES_MAX};
use crate::record::{JUNK, Place, SetAside, Trouble};

/// Interval of looking when the kernel told nothing: inotify does not see other machines' writes.
const POLL: Duration = Duration::from_secs(30);

/// Longest time for a listing or a batch: disks of other machines are slow.
const WORK_MAX: Duration = Duration::from_secs(900);

/// One Maildir to read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder that holds cur, new and tmp.
    pub path: PathBuf,
    /// Whether it is a folder for junk.
    pub junk: bool,
    /// Interval of looking when the kernel told nothing.
    pub poll: Duration,
}

impl Settings {
    /// Of a folder that is none for junk, with the usual interval.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), junk: false, poll: POLL }
    }

    /// The mailbox's key in the record ([`Place::Maildir`]), with the canonical path.
    pub fn key(&self) -> String {
        let canonical = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        format!("{}maildir:{}", if self.junk { JUNK } else { "" }, canonical.display())
    }
}

/// Reads the Maildir until `stop` turns true (or its sender is gone).
///
/// `known` tells whether a message (by its unique name, without `:2,…`) is durable already; it is asked once
/// for each name.
///
/// # Errors
/// [`Fatal::Settings`] when there is no Maildir at `path`.
pub async fn watch(
    settings: Settings,
    known: impl Fn(&str) -> bool + Send,
    intake: Intake,
    mut stop: signal::Receiver<bool>,
) -> Result<(), Fatal> {
    let key = settings.key();
    let Settings { path, poll, .. } = settings;
    if !is_maildir(&path) {
        return Err(Fatal::Settings(format!("{}: no Maildir (neither new/ nor cur/ in it)", path.display())));
    }
    let (mut notices, _watcher) = notices(&path);
    let mut source = Source { path, key, intake, settled: HashSet::new(), reported: HashSet::new() };
    loop {
        source.intake.alive_for(poll + WORK_MAX);
        if let Some(files) = source.list().await {
            let fresh = source.fresh(files, &known);
            source.deliver(fresh, &stop).await;
        }
        // Without inotify the sender is gone; then only the clock wakes us.
        let noticed = async {
            if notices.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            () = noticed => {}
            () = source.intake.nudged() => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

/// True if the folder looks like a Maildir.
pub(super) fn is_maildir(path: &Path) -> bool {
    path.join("cur").is_dir() || path.join("new").is_dir()
}

/// All messages of a Maildir: unique name to file, in the order of the names.
///
/// # Errors
/// When a folder cannot be read; that one of `new/` and `cur/` is missing is no error.
pub(super) fn list(path: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    // `new/` first: a message that is moved meanwhile is then found twice, not never.
    for folder in ["new", "cur"] {
        let entries = match fs::read_dir(path.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let unique = name.split_once(':').map_or(name.as_str(), |(unique, _)| unique);
            // Names with a dot in front are not messages.
            if !unique.is_empty() && !unique.starts_with('.') && !entry.file_type()?.is_dir() {
                files.insert(unique.to_owned(), entry.path());
            }
        }
    }
    Ok(files)
}

/// What was found in a message's file.
enum Found {
    /// Its bytes.
    Raw(Vec<u8>),
    /// Nothing that can be taken.
    Nothing,
    /// The machine is short of something; it says nothing about the message.
    NotNow,
}

/// Errors of the machine and not of the file, by number (errno(3)): ENOMEM, ENFILE, EMFILE.
const PASSING: [i32; 3] = [12, 23, 24];

fn is_passing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted || error.raw_os_error().is_some_and(|n| PASSING.contains(&n))
}

struct Source {
    path: PathBuf,
    key: String,
    intake: Intake,
    /// Names that need no more work; only those that are still there.
    settled: HashSet<String>,
    /// Names whose trouble was reported, so that it is reported once.
    reported: HashSet<String>,
}

impl Source {
    async fn list(&self) -> Option<BTreeMap<String, PathBuf>> {
        let path = self.path.clone();
        let listed = spawn_blocking(move || list(&path)).await;
        match listed.map_err(io::Error::other).flatten() {
            Ok(files) => {
                self.intake.opened();
                Some(files)
            }
            Err(error) => {
                warn!(event = "mail.unreadable", mailbox = self.key, %error);
                self.intake.closed("io");
                None
            }
        }
    }

    /// The files that are neither settled nor known to the store.
    fn fresh(
        &mut self,
        files: BTreeMap<String, PathBuf>,
        known: &impl Fn(&str) -> bool,
    ) -> VecDeque<(String, PathBuf)> {
        self.settled.retain(|name| files.contains_key(name));
        self.reported.retain(|name| files.contains_key(name));
        let mut fresh = VecDeque::new();
        for (name, file) in files {
            if self.settled.contains(&name) {
                continue;
            }
            if known(&name) {
                self.settled.insert(name);
            } else {
                fresh.push_back((name, file));
            }
        }
        fresh
    }

    /// Delivers everything that is new. Trouble is reported and met again at the next scan.
    async fn deliver(&mut self, mut fresh: VecDeque<(String, PathBuf)>, stop: &signal::Receiver<bool>) {
        while !fresh.is_empty() {
            if *stop.borrow() || !self.deliver_batch(&mut fresh).await {
                return;
            }
        }
        self.intake.cycle_completed();
    }

    /// Reads and delivers the next batch; false if the store did not take it.
    async fn deliver_batch(&mut self, fresh: &mut VecDeque<(String, PathBuf)>) -> bool {
        let mut names = Vec::new();
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
            let Some((name, file)) = fresh.pop_front() else { break };
            let raw = match self.read(&name, file).await {
                Found::Raw(raw) => raw,
                Found::Nothing => continue,
                // Nothing is wrong with the message: all that was read is read again at the next scan.
                Found::NotNow => return false,
            };
            bytes += raw.len();
            let place = Place::Maildir { mailbox: self.key.clone(), name: name.clone() };
            batch.push(Fetched { place, raw });
            names.push(name);
        }
        let messages = batch.len();
        self.intake.alive_for(WORK_MAX);
        if messages == 0 {
            return true;
        }
        match self.intake.deliver(batch).await {
            Ok(()) => {
                info!(event = "mail.fetched", mailbox = self.key, messages, bytes);
                self.settled.extend(names);
                true
            }
            Err(error) => {
                warn!(event = "mail.not_stored", mailbox = self.key, %error);
                false
            }
        }
    }

    /// The message's bytes; what is gone was removed or renamed since the listing, and the next scan knows.
    async fn read(&mut self, name: &str, file: PathBuf) -> Found {
        let outcome = spawn_blocking(move || {
            let bytes = fs::metadata(&file)?.len();
            if bytes > MESSAGE_BYTES_MAX as u64 { Ok(Err(bytes)) } else { fs::read(&file).map(Ok) }
        });
        match outcome.await {
            Ok(Ok(Ok(raw))) => Found::Raw(raw),
            Ok(Ok(Err(bytes))) => {
                if self.reported.insert(name.to_owned()) {
                    let mailbox = self.key.as_str();
                    error!(
                        event = "mail.oversize",
                        mailbox, name, bytes, "too large; a person must look at it"
                    );
                    let text = format!("larger than {MESSAGE_BYTES_MAX} bytes");
                    self.set_aside(name, Trouble::Oversize, text, Some(bytes)).await;
                }
                Found::Nothing
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Ok(Err(error)) if is_passing(&error) => {
                warn!(event = "mail.unreadable", mailbox = self.key, name, %error);
                self.intake.closed("io");
                Found::NotNow
            }
            Ok(Err(error)) => {
                if self.reported.insert(name.to_owned()) {
                    error!(event = "mail.unfetchable", mailbox = self.key, name, %error, "will be tried again");
                    self.set_aside(name, Trouble::Unfetchable, error.to_string(), None).await;
                }
                Found::Nothing
            }
            Err(_) => Found::NotNow,
        }
    }

    /// Puts a message that could not be read on record; if that fails, the store's own alarm is louder.
    async fn set_aside(&self, name: &str, why: Trouble, text: String, bytes: Option<u64>) {
        let place = Place::Maildir { mailbox: self.key.clone(), name: name.to_owned() };
        let aside = SetAside { place, sha256: None, why, text, bytes, attempts: 1, at: Timestamp::now() };
        if let Err(error) = self.intake.deliver_with(Vec::new(), vec![aside]).await {
            warn!(event = "mail.not_stored", mailbox = self.key, %error);
        }
    }
}

/// Wakes when something arrives. The watcher must be kept; without inotify (its limits are per user) only the
/// poll remains.
fn notices(path: &Path) -> (mpsc::Receiver<()>, Option<RecommendedWatcher>) {
    // One pending notice is enough: a scan sees everything.
    let (sender, receiver) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading makes Access events: reacting to them would be an endless loop.
        let arrival = event.is_ok_and(|e| {
            matches!(e.kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Other)
        });
        if arrival {
            let _ = sender.try_send(());
        }
    });
    let watched = watcher.and_then(|mut watcher| {
        for folder in ["new", "cur"] {
            let folder = path.join(folder);
            if folder.is_dir() {
                watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            }
        }
        Ok(watcher)
    });
    match watched {
        Ok(watcher) => (receiver, Some(watcher)),
        Err(error) => {
            warn!(event = "mail.no_inotify", %error, "polling instead");
            (receiver, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_short_of_handles_blames_no_message() {
        assert!(PASSING.iter().all(|n| is_passing(&io::Error::from_raw_os_error(*n))));
        // EACCES and EIO are of the file: a person must look.
        assert!([13, 5].iter().all(|n| !is_passing(&io::Error::from_raw_os_error(*n))));
    }
}
