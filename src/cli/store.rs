//! `endorsed store backup|check|export|import`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::ask::{OpenError, ask, open_store, refused};
use super::{FAILED, NO, say, say_json, verify};
use crate::answer::{LogAnswer, LogQuestion, Request, Response};
use crate::config::Config;
use crate::daemon::tile_of;
use crate::edge::socket;
use crate::edge::store::{LOCK_WAIT, OpenOptions, Store, StoreError, audit_folder};
use crate::record::log::{Scope, SeenHead, Tile};

/// `endorsed store`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy the store into a new folder, also while the daemon runs, and read the copy again.
    Backup(Backup),
    /// Check the files of the configured store, or of a backup, without opening it.
    Check(Check),
    /// Write the record as lines of JSON, or the log as tiles for auditors.
    Export(Export),
    /// Make the configured store from an export. The log has the same root afterwards.
    Import(Import),
}

/// `endorsed store backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// Folder that does not exist yet.
    folder: PathBuf,
}

/// `endorsed store check`
#[derive(Debug, Args)]
pub struct Check {
    /// A backup instead of the configured store.
    folder: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed store export`
#[derive(Debug, Args)]
pub struct Export {
    /// File instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the log only, as tiles (C2SP tlog-tiles), into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    tiles: Option<PathBuf>,
}

/// `endorsed store import`
#[derive(Debug, Args)]
pub struct Import {
    /// What `store export` wrote.
    file: PathBuf,
}

/// Runs the command: 0 done, 1 the files are not as they were written, 2 failed.
pub fn run(command: &StoreCommand, config: &Config) -> u8 {
    match command {
        StoreCommand::Backup(backup) => self::backup(&backup.folder, config),
        StoreCommand::Check(check) => self::check(check, config),
        StoreCommand::Export(export) => told(export_all(export, config)),
        StoreCommand::Import(import) => told(import_all(&import.file, config)),
    }
}

fn backup(folder: &Path, config: &Config) -> u8 {
    let folder = match std::path::absolute(folder) {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return FAILED;
        }
    };
    match ask(Request::Log(LogQuestion::Backup { folder: folder.clone() }), config) {
        Response::Log(answer) => match *answer {
            LogAnswer::Backup(audit) if audit.is_clean() => {
                say(&format!("{}: {} entries, {} mails", folder.display(), audit.log_size, audit.raw));
                0
            }
            LogAnswer::Backup(audit) => {
                verify::print(&audit);
                NO
            }
            other => refused(&Response::Log(Box::new(other)), false),
        },
        other => refused(&other, false),
    }
}

fn check(check: &Check, config: &Config) -> u8 {
    let is_running = socket::ask(&config.store.path, &Request::Health).is_some();
    let folder = match &check.folder {
        Some(folder) => folder.clone(),
        None if is_running => {
            eprintln!("the daemon has this store open: `endorsed verify` asks it");
            return FAILED;
        }
        None => config.store.path.clone(),
    };
    match audit_folder(&folder, Scope::Everything, None, LOCK_WAIT) {
        Ok(audit) => {
            if check.json {
                say_json(&audit)
            } else {
                verify::print(&audit)
            }
            if audit.is_clean() { 0 } else { NO }
        }
        Err(error) => {
            eprintln!("could not tell: {error}");
            FAILED
        }
    }
}

/// Why an export or import did not come about.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}: {1}")]
    Io(String, io::Error),
    #[error("{0}")]
    Other(String),
}

fn told(result: Result<SeenHead, Failure>) -> u8 {
    match result {
        Ok(SeenHead { size, root }) => {
            // Standard output may be the export itself.
            eprintln!("{size} entries, log {size}:{root}");
            0
        }
        Err(error) => {
            eprintln!("{error}");
            FAILED
        }
    }
}

/// Exports the store; one that a daemon has open is copied first, next to nobody's feet.
fn export_all(export: &Export, config: &Config) -> Result<SeenHead, Failure> {
    if socket::ask(&config.store.path, &Request::Health).is_none() {
        return write_out(export, &open_store(config, false)?);
    }
    let scratch = tempfile::tempdir().map_err(|e| Failure::Io("a folder for a copy".into(), e))?;
    let copy = scratch.path().join("copy");
    match ask(Request::Log(LogQuestion::Backup { folder: copy.clone() }), config) {
        Response::Log(answer) if matches!(&*answer, LogAnswer::Backup(audit) if audit.is_clean()) => {}
        other => return Err(Failure::Other(format!("the running store could not be copied: {other:?}"))),
    }
    let key = config.log_key().map_err(OpenError::from)?;
    write_out(export, &Store::open_with(&copy, OpenOptions::default(), key)?)
}

fn write_out(export: &Export, store: &Store) -> Result<SeenHead, Failure> {
    if let Some(folder) = &export.tiles {
        return tiles(folder, store);
    }
    let Some(path) = &export.output else {
        let mut out = BufWriter::new(io::stdout().lock());
        let head = store.export(&mut out)?;
        out.flush().map_err(|e| Failure::Io("standard output".into(), e))?;
        return Ok(head);
    };
    let failed = |e| Failure::Io(path.display().to_string(), e);
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    let head = store.export(&mut out)?;
    out.into_inner().map_err(|e| failed(e.into_error()))?.sync_all().map_err(failed)?;
    Ok(head)
}

/// Writes `checkpoint` and all tiles; what an earlier export wrote of full tiles stays as it is.
fn tiles(folder: &Path, store: &Store) -> Result<SeenHead, Failure> {
    let (head, note) = store.checkpoint()?;
    for tile in Tile::all(head.size) {
        write(&folder.join("tile").join(tile.path()), &tile_of(store, &tile)?)?;
    }
    // Last: whoever reads it finds what it stands for.
    write(&folder.join("checkpoint"), note.as_bytes())?;
    Ok(SeenHead { size: head.size, root: head.root })
}

fn write(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(path);
    let done = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, octets));
    done.map_err(|e| Failure::Io(path.display().to_string(), e))
}

fn import_all(path: &Path, config: &Config) -> Result<SeenHead, Failure> {
    let failed = |e| Failure::Io(path.display().to_string(), e);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let store = open_store(config, true)?;
    Ok(store.import(&mut file, path)?)
}
