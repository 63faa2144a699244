//! What keeps sled 0.34.7 honest: it is never used bare.
//!
//! Its `flush()` is no fsync, a torn snapshot bricks it, it does not fsync its files when it makes them, and on damage
//! it panics. Each function here answers one of these; without them three of four simulated power cuts lost records.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::error::StoreError;

/// sled's page cache. Resident memory is about three times this plus 80 bytes a record.
const CACHE_BYTES: u64 = 64 << 20;
/// sled collects garbage only in its flush thread, so the thread must run.
const FLUSH_EVERY_MS: u64 = 500;
/// An index of a million entries opens in 1 to 8 s; one that takes this long hangs.
const OPEN_WAIT: Duration = Duration::from_secs(300);
/// How often a lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Takes the store's lock. A dying predecessor may hold it for a moment, so we wait for at most `wait`.
pub fn lock(store: &Path, wait: Duration) -> Result<File, StoreError> {
    let path = store.join("lock");
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(&path).map_err(StoreError::io("open", &path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: store.to_owned(), waited: start.elapsed() });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
    }
}

/// Opens sled with every guard; `wait` is for a lock that a dying predecessor holds.
pub fn open_sled(folder: &Path, wait: Duration) -> Result<sled::Db, StoreError> {
    make_folder(folder)?;
    drop_torn_snapshots(folder)?;
    let start = Instant::now();
    let db = loop {
        match open_once(folder) {
            Err(StoreError::Index { why, .. }) if is_lock(&why) => {
                if start.elapsed() >= wait {
                    let path = folder.parent().unwrap_or(folder).to_owned();
                    return Err(StoreError::Locked { path, waited: start.elapsed() });
                }
                std::thread::sleep(LOCK_POLL);
            }
            answer => break answer?,
        }
    };
    sync_files(folder)?;
    Ok(db)
}

/// Runs a sled call; errors and panics become errors that name the index.
pub fn calm<T>(
    what: &'static str,
    folder: &Path,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let failed = |why: String| StoreError::Index { what, path: folder.to_owned(), why };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        // A refusing disk is not the index's fault: rebuilding it would not help.
        Ok(Err(sled::Error::Io(error))) if is_refusal(&error) => Err(StoreError::io(what, folder)(error)),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(panic) => Err(failed(panic_text(panic.as_ref()))),
    }
}

/// Moves a folder that does not open out of the way. It is never deleted: somebody may want to look at it.
pub fn move_aside(folder: &Path) -> Result<PathBuf, StoreError> {
    let parent = folder.parent().unwrap_or(folder);
    let free = (1..u32::MAX).map(|n| parent.join(format!("index.aside-{n}"))).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| parent.join("index.aside"));
    fs::rename(folder, &aside).map_err(StoreError::io("move aside", folder))?;
    sync_folder(parent)?;
    Ok(aside)
}

/// Makes a folder that only we may read, and makes its name durable.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::io("create", path))?;
    sync_parent(path)
}

/// Makes the name of `path` durable.
pub fn sync_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Makes the names in a folder durable (fsync(2): that of a file does not cover its name).
pub fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(StoreError::io("fsync", path))
}

/// sled 0.34.7 writes a snapshot as `snap.N.generating`, but its reader skips only `.in___motion`: a half-written one
/// is taken for the newest and the database never opens again.
fn drop_torn_snapshots(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::warn!(file = %path.display(), "removed a torn snapshot of the index");
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Opens sled in a thread of its own: on damage it panics, and it might hang.
fn open_once(folder: &Path) -> Result<sled::Db, StoreError> {
    let (done, opened) = mpsc::channel();
    let own = folder.to_owned();
    std::thread::spawn(move || {
        let cache =
            std::env::var("XCACHE").ok().and_then(|c| c.parse().ok()).map_or(CACHE_BYTES, |m: u64| m << 20);
        let config =
            sled::Config::new().path(&own).cache_capacity(cache).flush_every_ms(Some(FLUSH_EVERY_MS));
        // Nobody waits any more only after OPEN_WAIT; the database closes then.
        let _late = done.send(calm("open it", &own, || config.open()));
    });
    opened.recv_timeout(OPEN_WAIT).unwrap_or_else(|_| {
        // Not an index error: while the thread lives, the folder must not be moved or made anew.
        let source =
            io::Error::new(io::ErrorKind::TimedOut, "it hangs; stop the program and move the folder away");
        Err(StoreError::io("open the index", folder)(source))
    })
}

/// sled 0.34.7 never fsyncs `conf`, nor the names of its files: a power cut soon after creation leaves a database that
/// cannot be read. Done at each open, because the creation may have been killed half-way.
fn sync_files(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        let is_snapshot = path.file_name().unwrap_or_default().to_string_lossy().starts_with("snap.");
        // sled fsyncs its snapshots itself and renames and removes them as it likes.
        if path.is_file() && !is_snapshot {
            File::open(&path).and_then(|file| file.sync_all()).map_err(StoreError::io("fsync", &path))?;
        }
    }
    sync_folder(folder)?;
    sync_parent(folder)
}

fn is_lock(why: &str) -> bool {
    why.contains("could not acquire lock")
}

fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let refusals = [
        Kind::StorageFull,
        Kind::QuotaExceeded,
        Kind::PermissionDenied,
        Kind::ReadOnlyFilesystem,
        Kind::OutOfMemory,
    ];
    refusals.contains(&error.kind())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
    format!("sled panicked: {}", text.unwrap_or_else(|| "without a word".into()))
}
