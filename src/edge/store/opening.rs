//! Opening a store: the version of its folder, the index brought up to the journal, and `journal.head`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::error::StoreError;
use super::index::{Draft, Index};
use super::journal::{self, Journal};
use super::rows::Head;
use super::{frame, guard};

/// The version of the folder that we write.
pub const FORMAT: &str = "endorsed store 1";
/// Rows in one sled transaction while the index is rebuilt: about as many as a full batch has.
const REBUILD_ROWS: usize = 4_000;
/// First bytes of `journal.head`.
const MARK: [u8; 4] = *b"ejh1";

/// Checks the version of the folder. The file is written last: without it nothing was ever acknowledged.
pub fn check_format(folder: &Path, create: bool) -> Result<(), StoreError> {
    let path = folder.join("format");
    let journal = folder.join("journal");
    match fs::read(&path) {
        Ok(text) if text.trim_ascii() == FORMAT.as_bytes() => return Ok(()),
        Ok(text) => {
            let text = String::from_utf8_lossy(&text);
            let found = text.lines().next().unwrap_or_default().chars().take(60).collect();
            return Err(StoreError::Format {
                at: path.display().to_string(),
                found,
                known: FORMAT.to_owned(),
            });
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::io("read", &path)(error));
        }
        Err(_) if fs::metadata(&journal).is_ok_and(|journal| journal.len() > journal::START) => {
            return Err(StoreError::corrupt("the journal holds entries, but this file is missing", &path, 0));
        }
        Err(_) if !create => return Err(StoreError::NotFound { path: folder.to_owned() }),
        Err(_) => {}
    }
    Journal::create(&journal)?;
    // An earlier attempt may have been killed between making these names and making them durable.
    guard::sync_folder(folder)?;
    guard::sync_parent(folder)?;
    let new = folder.join("format.new");
    let write = || {
        let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all_at(format!("{FORMAT}\n").as_bytes(), 0)?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    write().map_err(StoreError::io("write", &path))?;
    guard::sync_folder(folder)
}

/// Opens the index and brings it up to the journal. One that fails is moved aside and made anew, once.
pub fn open_index(
    folder: &Path,
    journal: &Journal,
    known: u64,
    wait: Duration,
) -> Result<(Index, Head), StoreError> {
    let path = folder.join("index");
    let note = folder.join("rebuild");
    if note.exists() && path.exists() {
        guard::move_aside(&path)?;
    }
    let opened = match catch_up(&path, journal, known, wait) {
        Err(error @ StoreError::Index { .. }) => {
            let aside = guard::move_aside(&path)?;
            tracing::warn!(%error, aside = %aside.display(), "the index is rebuilt from the journal");
            catch_up(&path, journal, known, wait)?
        }
        answer => answer?,
    };
    if note.exists() {
        fs::remove_file(&note).map_err(StoreError::io("remove", &note))?;
    }
    Ok(opened)
}

/// Replays what the index has not seen: all of it when the index is new.
pub fn catch_up(
    path: &Path,
    journal: &Journal,
    known: u64,
    wait: Duration,
) -> Result<(Index, Head), StoreError> {
    let index = Index::open(path, wait)?;
    let start = index.head()?;
    let known = known.max(start.journal);
    let length = journal.length()?;
    if length < known {
        let what = format!("the journal ends here, but {known} bytes of it were acknowledged");
        return Err(StoreError::corrupt(what, journal.path(), length));
    }
    if let Some((offset, crc)) = start.last
        && journal.checksum(offset, start.journal)? != crc
    {
        let (path, why) = (path.to_owned(), "it belongs to another journal".to_owned());
        return Err(StoreError::Index { what: "trust it", path, why });
    }
    let mut draft = Draft::new(&index, start);
    let end = journal.scan(start.journal, u64::MAX, known, start.size, |batch| {
        batch.iter().try_for_each(|(fact, span)| draft.add(fact, *span))?;
        if draft.len() >= REBUILD_ROWS {
            let next = Draft::new(&index, draft.head);
            index.commit(std::mem::replace(&mut draft, next), false)?;
        }
        Ok(())
    })?;
    let head = draft.head;
    if head != start {
        index.commit(draft, true)?;
        let (from, to) = (start.size, head.size);
        tracing::info!(from, to, "the index took over entries from the journal");
    }
    journal.cut(end)?;
    Ok((index, head))
}

pub fn open_mark(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("journal.head");
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(&path).map_err(StoreError::io("open", &path))
}

/// The length in `journal.head`; 0 when there is none or it is torn.
pub fn read_mark(mark: &File) -> u64 {
    let mut bytes = [0; 16];
    if mark.read_exact_at(&mut bytes, 0).is_err() {
        return 0;
    }
    let mut rest = &bytes[..];
    let title = frame::take::<4>(&mut rest);
    let length = frame::take_u64(&mut rest).unwrap_or_default();
    let fits = frame::take_u32(&mut rest) == Some(crc32fast::hash(&length.to_be_bytes()));
    if title == Some(MARK) && fits { length } else { 0 }
}

/// Written after the journal's fdatasync and never synced itself: it may lag behind, it cannot run ahead.
pub fn write_mark(mark: &File, folder: &Path, length: u64) -> Result<(), StoreError> {
    let length = length.to_be_bytes();
    let mut bytes = MARK.to_vec();
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&crc32fast::hash(&length).to_be_bytes());
    mark.write_all_at(&bytes, 0).map_err(StoreError::io("write journal.head in", folder))
}
