//! The signed head: the key that signs, and the file `checkpoint`, which only ever moves forward.
//!
//! `log.key` holds the key unless the configuration names another, `log.vkey` what checks its signatures. `log.vkey` is
//! written last when a log is made: where it stands, a checkpoint must stand too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::StoreError;
use super::guard::sync_folder;
use super::tree::Tree;
use crate::record::log::{Checkpoint, NoteError, Signer, check_verifier};

/// File of the signing key.
pub const KEY: &str = "log.key";
/// File of the verifier key.
pub const VERIFIER: &str = "log.vkey";
/// File of the signed head.
pub const CHECKPOINT: &str = "checkpoint";
/// What a log is called when nobody names it.
const ORIGIN: &str = "endorsed.invalid/log";

/// Where the signing key comes from.
#[derive(Debug, Clone)]
pub enum LogKey {
    /// From `log.key` in the store's folder, which is made at the first start.
    InFolder {
        /// What a new log is called: host and path, without a scheme (C2SP tlog-checkpoint).
        origin: String,
    },
    /// From the configuration.
    Given(Box<Signer>),
}

impl Default for LogKey {
    fn default() -> Self {
        Self::InFolder { origin: ORIGIN.into() }
    }
}

/// The signer and the last head that it signed.
#[derive(Debug)]
pub struct Seal {
    folder: PathBuf,
    signer: Signer,
    last: Mutex<Option<(Checkpoint, String)>>,
}

impl Seal {
    /// Reads the key, and the last signed head.
    ///
    /// # Errors
    /// When the key is missing or another one than before, or the head is missing, was changed or is not ours.
    pub fn open(folder: &Path, key: LogKey) -> Result<Self, StoreError> {
        let verifier = read(&folder.join(VERIFIER))?;
        let note = read(&folder.join(CHECKPOINT))?;
        let is_made = verifier.is_some() || note.is_some();
        let signer = match key {
            LogKey::Given(signer) => *signer,
            LogKey::InFolder { origin } => signer_in(folder, &origin, is_made)?,
        };
        let line = verifier.as_ref().map(|text| text.strip_suffix('\n').unwrap_or(text));
        if let Some(line) = line.filter(|line| *line != signer.verifier()) {
            let why =
                format!("this log is signed by `{}`, not by `{}`", line.escape_debug(), signer.verifier());
            return Err(StoreError::Key { path: folder.join(VERIFIER), why });
        }
        let last = match note {
            Some(note) => {
                let head = open_note(&note, signer.verifier(), folder)?;
                // A crash between the two files.
                if !folder.join(VERIFIER).exists() {
                    replace(&folder.join(VERIFIER), format!("{}\n", signer.verifier()).as_bytes())?;
                }
                Some((head, note))
            }
            None if folder.join(VERIFIER).exists() => {
                let what = "the signed head of the log is missing";
                return Err(StoreError::corrupt(what, &folder.join(CHECKPOINT), 0));
            }
            None => None,
        };
        Ok(Self { folder: folder.to_owned(), signer, last: Mutex::new(last) })
    }

    /// The last signed head.
    pub fn last(&self) -> Option<Checkpoint> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(head, _)| head.clone())
    }

    /// The key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// `NAME+ID+BASE64`.
    pub fn verifier(&self) -> &str {
        self.signer.verifier()
    }

    /// Signs the head of the tree unless it is signed already, and makes it durable before anybody sees it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the tree does not contain what was signed before, or somebody changed the file.
    pub fn sign(&self, tree: &Tree) -> Result<(Checkpoint, String), StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, root) = tree.head();
        let path = self.folder.join(CHECKPOINT);
        if let Some((head, note)) = last.as_ref() {
            if head.size == size && head.root == root {
                return Ok((head.clone(), note.clone()));
            }
            if head.size > size || tree.root_at(head.size)? != head.root {
                return Err(StoreError::corrupt(super::tree::not_signed(head.size), &path, 0));
            }
        }
        // Compare and swap: nobody else may have put a head there.
        if read(&path)?.as_deref() != last.as_ref().map(|(_, note)| note.as_str()) {
            return Err(StoreError::corrupt("somebody else changed this file", &path, 0));
        }
        tree.sync()?;
        let head = Checkpoint { origin: self.signer.origin().to_owned(), size, root };
        let note = head.sign(&self.signer).map_err(|e| self.unusable(&e))?;
        replace(&path, note.as_bytes())?;
        if last.is_none() {
            replace(&self.folder.join(VERIFIER), format!("{}\n", self.signer.verifier()).as_bytes())?;
        }
        *last = Some((head.clone(), note.clone()));
        Ok((head, note))
    }

    fn unusable(&self, error: &NoteError) -> StoreError {
        StoreError::Key { path: self.folder.join(KEY), why: error.to_string() }
    }
}

/// The key in the folder, made when the log is.
fn signer_in(folder: &Path, origin: &str, is_made: bool) -> Result<Signer, StoreError> {
    let path = folder.join(KEY);
    let bad = |error: NoteError| StoreError::Key { path: path.clone(), why: error.to_string() };
    if let Some(text) = read(&path)? {
        return Signer::parse(&text).map_err(bad);
    }
    if is_made {
        let why = "the key that signs this log is missing".to_owned();
        return Err(StoreError::Key { path, why });
    }
    let mut seed = [0; 32];
    let random =
        |e: getrandom::Error| StoreError::Key { path: path.clone(), why: format!("no random key: {e}") };
    getrandom::fill(&mut seed).map_err(random)?;
    let signer = Signer::new(origin, &seed).map_err(bad)?;
    replace(&path, format!("{}\n", signer.secret()).as_bytes())?;
    Ok(signer)
}

/// Reads a signed head that must be ours.
pub fn open_note(note: &str, verifier: &str, folder: &Path) -> Result<Checkpoint, StoreError> {
    check_verifier(verifier)
        .and_then(|_| Checkpoint::open(note, verifier))
        .map_err(|error| StoreError::corrupt(error.to_string(), &folder.join(CHECKPOINT), 0))
}

/// A text file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(StoreError::corrupt("this file is no text", path, 0)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Gives a new file to whom the folder belongs: an administrator's command must not take a file away
/// from the daemon, whose user is another.
pub(crate) fn hand_over(file: &File, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Under `DynamicUser` the folder's path is a link of the administrator's.
    let owner = fs::metadata(folder)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        // Only the administrator may give files away; a group's folder is written by its members.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Replaces a file, or makes it; whole or not at all, and durable.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || {
        // What a crash left; made anew, so that nothing that stands there is written through.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        hand_over(&file, path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(StoreError::io("write", path))?;
    sync_folder(path.parent().unwrap_or(path))
}
