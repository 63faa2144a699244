//! What can go wrong with the store: each error says what, where and how to fix it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the store.
    #[error(
        "{}: another process holds this store (waited {} s); stop it, or ask the running daemon instead",
        path.display(), waited.as_secs()
    )]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// How long we tried.
        waited: Duration,
    },
    /// There is no store, and nobody asked to make one.
    #[error(
        "{}: there is no store here; check `path` under [store], or start `endorsed run`, which makes one",
        path.display()
    )]
    NotFound {
        /// The folder that was looked at.
        path: PathBuf,
    },
    /// Bytes on disk are not what was written.
    #[error("{at}: {what}; {fix}")]
    Corrupt {
        /// What is wrong.
        what: String,
        /// File and byte offset.
        at: String,
        /// What a person can do.
        fix: &'static str,
    },
    /// The operating system refused.
    #[error("{}: cannot {what}: {source}; {}", path.display(), advice(source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Written by a release that we do not know.
    #[error("{at}: written as {found}, this program knows {known}; use the newer release that wrote it")]
    Format {
        /// The file, and the byte offset where that matters.
        at: String,
        /// What was found.
        found: String,
        /// What we know.
        known: String,
    },
    /// A message or an entry is larger than a frame may be. Nothing was written.
    #[error(
        "{what} of {bytes} bytes is larger than a frame may be ({max} bytes); nothing of its batch was stored"
    )]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// An entry could not be written as JSON. Nothing was written.
    #[error("an entry cannot be written as JSON ({why}); nothing of its batch was stored")]
    Unwritable {
        /// Why not.
        why: String,
    },
    /// The index does not answer. It is derived from the journal, so nothing is lost.
    #[error("{}: the index failed ({what}: {why}); restart: it is moved aside and rebuilt from the journal", path.display())]
    Index {
        /// What was tried.
        what: &'static str,
        /// The index's folder.
        path: PathBuf,
        /// What sled said, panics included.
        why: String,
    },
    /// The log's signing key cannot be used.
    #[error(
        "{}: {why}; put back the key that signed so far (`log.key` of a backup, or `key` under [log])",
        path.display()
    )]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An earlier write failed; what reached the disk is unknown until the store is opened again.
    #[error("the store stopped after an error ({why}); end the program and start it again, it recovers then")]
    Poisoned {
        /// The first error.
        why: String,
    },
}

/// What to do about bytes that changed under us.
pub(super) const RESTORE: &str =
    "restore this file from a backup taken later, or move the store aside and read the mailbox again";

impl StoreError {
    /// Turns an error of the operating system into ours.
    pub fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// Damage in a file at a byte offset.
    pub(super) fn corrupt(what: impl Into<String>, path: &Path, offset: u64) -> Self {
        Self::Corrupt { what: what.into(), at: spot(path, offset), fix: RESTORE }
    }
}

/// A place in a file, for people.
pub(super) fn spot(path: &Path, offset: u64) -> String {
    format!("{}, byte {offset}", path.display())
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk and restart",
        io::ErrorKind::PermissionDenied => "give the service user read and write access and restart",
        io::ErrorKind::ReadOnlyFilesystem => "mount the file system writable and restart",
        _ => "check the disk and restart",
    }
}
