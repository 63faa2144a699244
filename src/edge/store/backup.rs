//! A copy of the store while it is in use. What was acknowledged when it began is in it, whole; nothing else is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::guard::{make_folder, sync_folder, sync_parent};
use super::{LOCK_WAIT, Store, audit_folder, opening, seal};
use crate::record::log::{Audit, Scope};

/// Files that are copied whole. The index and the hashes of the tree are made anew where the copy is opened.
const WHOLE: &[&str] = &["format", seal::KEY, seal::VERIFIER];

impl Store {
    /// Copies the store into `folder`, which must not exist, and reads the copy again. The signing key goes along unless
    /// the configuration holds it: keep a backup as safe as the store.
    ///
    /// # Errors
    /// Those of the operating system. A copy that could not be finished keeps the name `FOLDER.part`.
    pub fn backup(&self, folder: &Path) -> Result<Audit, StoreError> {
        if folder.exists() {
            return Err(StoreError::io("make a backup in", folder)(io::ErrorKind::AlreadyExists.into()));
        }
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = folder.with_file_name(name);
        if part.exists() {
            fs::remove_dir_all(&part).map_err(StoreError::io("remove", &part))?;
        }
        make_folder(&part)?;
        make_folder(&part.join("segments"))?;
        // The head first: what is copied after it may only be more.
        let (_, note) = self.checkpoint()?;
        let head = *self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?;
        for name in WHOLE {
            let from = self.folder.join(name);
            if from.exists() {
                copy(&from, &part.join(name), u64::MAX)?;
            }
        }
        for segment in 0..=head.tail.segment {
            let from = self.segments.path(segment);
            let length = if segment == head.tail.segment { head.tail.end } else { u64::MAX };
            if length > 0 {
                copy(&from, &target(&part, &from), length)?;
            }
        }
        copy(self.journal.path(), &part.join("journal"), head.journal)?;
        seal::replace(&part.join(seal::CHECKPOINT), note.as_bytes())?;
        opening::write_mark(&opening::open_mark(&part)?, &part, head.journal)?;
        sync_folder(&part.join("segments"))?;
        sync_folder(&part)?;
        let audit = audit_folder(&part, Scope::Everything, None, LOCK_WAIT)?;
        if audit.is_clean() {
            fs::rename(&part, folder).map_err(StoreError::io("rename", &part))?;
            sync_parent(folder)?;
        }
        Ok(audit)
    }
}

fn target(part: &Path, from: &Path) -> PathBuf {
    part.join("segments").join(from.file_name().unwrap_or_default())
}

/// Copies the first `length` bytes of a file, and makes them durable.
fn copy(from: &Path, to: &Path, length: u64) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut source = File::open(from).map_err(StoreError::io("open", from))?.take(length);
    let mut file = options.open(to).map_err(StoreError::io("create", to))?;
    io::copy(&mut source, &mut file).map_err(StoreError::io("write", to))?;
    file.sync_all().map_err(StoreError::io("fsync", to))
}
