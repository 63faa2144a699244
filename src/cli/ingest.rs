//! `endorsed ingest` and `endorsed backfill`: mail from files or from a mailbox into the record, all at once. Idempotent;
//! never prompts, and never asks anything.

use std::path::PathBuf;

use base64::Engine as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;

use super::run::mailbox;
use super::{FAILED, Judging, ask::open_desk, runtime, say, say_json};
use crate::answer::{Request, Response};
use crate::config::Config;
use crate::daemon::{Desk, Mailbox, SeenAt, Taken};
use crate::edge::source::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Fetched};
use crate::edge::{imap, mailfile, socket};
use crate::record::Place;

/// What to take in.
#[derive(Debug, Args)]
pub struct Ingest {
    /// `.eml` files, mbox files, Maildirs or folders; `-` is standard input (one message, or an mbox).
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only say what would be taken in.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judging: Judging,
}

/// What to read from the mailboxes.
#[derive(Debug, Args)]
pub struct Backfill {
    /// Only mail that arrived on this day or later, by the server's dates; without it all mail.
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Another folder than the configured one, e.g. an archive.
    #[arg(long)]
    folder: Option<String>,
    /// Only say what would be read.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Takes files in: 0 done, 2 not everything was taken.
pub fn run(ingest: &Ingest, config: &Config) -> u8 {
    let config = with_options(config, &ingest.judging);
    let mut files = Vec::new();
    let mut readable = true;
    for path in &ingest.paths {
        let found = if is_stdin(path) { Ok(vec![(path.clone(), 0)]) } else { mailfile::files(path) };
        match found {
            // Only a file that was named is looked into for an mbox; what lies in a folder is one message each.
            Ok(found) => files.extend(found.into_iter().map(|(file, size)| (file, size, path.is_dir()))),
            Err(error) => {
                eprintln!("{error}");
                readable = false;
            }
        }
    }
    let bar = bar(files.iter().map(|(_, size, _)| size).sum());
    let taken = Way::open(&config, ingest.judging.now, ingest.dry_run).and_then(|mut way| {
        if let (End::Daemon(_), Some(options)) = (&way.end, only_alone(&ingest.judging)) {
            return Err(format!(
                "the running daemon reads the mail, by its own configuration: stop it, or leave out {options}"
            ));
        }
        for (file, _, one) in files {
            match read(&file, one) {
                Ok(mails) => mails.into_iter().try_for_each(|mail| way.push(mail, &bar))?,
                Err(error) => {
                    eprintln!("{error}");
                    readable = false;
                }
            }
        }
        way.close()
    });
    bar.finish_and_clear();
    told(taken, ingest.json, ingest.dry_run, readable)
}

/// Reads the mailboxes: 0 done, 2 not everything was read.
pub fn backfill(options: &Backfill, config: &Config) -> u8 {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return FAILED;
        }
    };
    let sections = config.mailbox.iter().filter_map(mailbox);
    let mut folders: Vec<imap::Settings> = sections
        .filter_map(|m| if let Mailbox::Imap(settings) = m { Some(*settings) } else { None })
        .collect();
    if folders.is_empty() {
        eprintln!(
            "no [[mailbox]] of kind \"imap\" is configured; `endorsed ingest` takes files and Maildirs"
        );
        return FAILED;
    }
    if let Some(folder) = &options.folder {
        folders.iter_mut().for_each(|settings| settings.folder.clone_from(folder));
        folders.dedup_by_key(|settings| settings.key());
    }
    let mut complete = true;
    let taken = Way::open(config, None, options.dry_run).and_then(|mut way| {
        for settings in &folders {
            complete &= runtime.block_on(fill(settings, options.since, &mut way, options.dry_run))?;
        }
        way.close()
    });
    told(taken, options.json, options.dry_run, complete)
}

/// One folder; false when some of it could not be read.
async fn fill(
    settings: &imap::Settings,
    since: Option<Date>,
    way: &mut Way,
    dry_run: bool,
) -> Result<bool, String> {
    let survey = imap::survey(settings, since).await.map_err(|e| e.to_string())?;
    if dry_run {
        way.taken.new += survey.wanted.len();
        return Ok(true);
    }
    let bar = bar(survey.wanted.values().sum());
    let read = imap::backfill(settings, &survey, |batch| {
        // Under a name of its own: where the daemon goes on in the folder is its own business.
        let named = batch.into_iter().map(|copy| (url(&copy.place), copy.raw));
        named.collect::<Vec<_>>().into_iter().try_for_each(|mail| way.push(mail, &bar))?;
        way.flush()
    });
    let unreadable = read.await.map_err(|e| e.to_string())?;
    bar.finish_and_clear();
    if unreadable > 0 {
        eprintln!("{}: {unreadable} messages cannot be read or are too large", settings.key());
    }
    Ok(unreadable == 0)
}

/// The message's address (RFC 5092 §3).
fn url(place: &Place) -> String {
    match place {
        Place::Imap { mailbox, uid_validity, uid } => {
            format!("{mailbox};UIDVALIDITY={uid_validity}/;UID={uid}")
        }
        other => format!("{other:?}"),
    }
}

fn told(taken: Result<Taken, String>, json: bool, dry_run: bool, complete: bool) -> u8 {
    match taken {
        Ok(Taken { new, .. }) if dry_run && json => say_json(&serde_json::json!({ "would_take": new })),
        Ok(Taken { new, .. }) if dry_run => {
            say(&format!("{new} messages would be taken in; nothing was written"))
        }
        Ok(Taken { new, known }) if json => say_json(&serde_json::json!({ "new": new, "known": known })),
        Ok(Taken { new, known }) => say(&format!("{new} new, {known} known already")),
        Err(error) => {
            eprintln!(
                "not everything was taken in: {error}; the same command again goes on where it stopped"
            );
            return FAILED;
        }
    }
    if complete { 0 } else { FAILED }
}

/// The options that a running daemon does not take.
fn only_alone(options: &Judging) -> Option<String> {
    let given = [
        ("--now", options.now.is_some()),
        ("--accounts", options.accounts.is_some()),
        ("--dns", options.dns.is_some()),
        ("--rules", options.rules.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    (!given.is_empty()).then(|| given.join(", "))
}

fn with_options(config: &Config, options: &Judging) -> Config {
    let file = |path: &PathBuf| crate::config::FileSection { file: path.clone() };
    let mut config = config.clone();
    config.dns = options.dns.as_ref().map(file).or(config.dns);
    config.accounts = options.accounts.as_ref().map(file).or(config.accounts);
    config.rules =
        options.rules.as_ref().map(|dir| crate::config::RulesSection { dir: dir.clone() }).or(config.rules);
    config
}

fn is_stdin(path: &std::path::Path) -> bool {
    path.as_os_str() == "-"
}

fn read(file: &std::path::Path, one: bool) -> Result<Vec<(String, Vec<u8>)>, mailfile::MailFileError> {
    if is_stdin(file) {
        mailfile::read_stream("-", std::io::stdin().lock())
    } else if one {
        mailfile::read_one(file).map(|mail| vec![mail])
    } else {
        mailfile::read(file)
    }
}

/// Octets done and to do, with an ETA; shown on a terminal only.
fn bar(octets: u64) -> ProgressBar {
    let template = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left  {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(octets).with_style(style)
}

/// The way into the record, batch by batch.
struct Way {
    end: End,
    batch: Vec<(String, Vec<u8>)>,
    octets: usize,
    taken: Taken,
}

/// Who holds the store.
enum End {
    /// The daemon.
    Daemon(PathBuf),
    /// Nobody else.
    Desk(Box<Desk>, SeenAt),
    /// Nothing is written.
    Nowhere,
}

impl Way {
    fn open(config: &Config, now: Option<Timestamp>, dry_run: bool) -> Result<Self, String> {
        let end = if dry_run {
            End::Nowhere
        } else if socket::ask(&config.store.path, &Request::Health).is_some() {
            End::Daemon(config.store.path.clone())
        } else {
            let desk = open_desk(config).map_err(|e| e.to_string())?;
            End::Desk(Box::new(desk), now.map_or(SeenAt::Message, SeenAt::Given))
        };
        Ok(Self { end, batch: Vec::new(), octets: 0, taken: Taken::default() })
    }

    fn push(&mut self, mail: (String, Vec<u8>), bar: &ProgressBar) -> Result<(), String> {
        if self.batch.len() >= BATCH_MESSAGES_MAX || self.octets + mail.1.len() > BATCH_BYTES_MAX {
            self.flush()?;
        }
        bar.inc(mail.1.len() as u64);
        self.octets += mail.1.len();
        self.batch.push(mail);
        bar.set_message(format!("{} messages", self.taken.new + self.taken.known + self.batch.len()));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        let batch = std::mem::take(&mut self.batch);
        self.octets = 0;
        let part = match &self.end {
            _ if batch.is_empty() => return Ok(()),
            End::Nowhere => Taken { new: batch.len(), known: 0 },
            End::Daemon(store) => send(batch, store)?,
            End::Desk(desk, seen_at) => {
                let fetched =
                    batch.into_iter().map(|(path, raw)| Fetched { place: Place::File { path }, raw });
                desk.engine.take(fetched.collect(), *seen_at).map_err(|e| e.to_string())?
            }
        };
        self.taken.new += part.new;
        self.taken.known += part.known;
        Ok(())
    }

    fn close(mut self) -> Result<Taken, String> {
        self.flush()?;
        if let End::Desk(desk, _) = &self.end {
            let runtime = runtime().map_err(|e| e.to_string())?;
            runtime.block_on(desk.engine.consider_waiting()).map_err(|e| e.to_string())?;
        }
        Ok(self.taken)
    }
}

/// To the daemon, which holds the store.
fn send(batch: Vec<(String, Vec<u8>)>, store: &std::path::Path) -> Result<Taken, String> {
    let encode = |raw: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(raw);
    let files = batch.into_iter().map(|(path, raw)| (path, encode(raw))).collect();
    match socket::ask(store, &Request::Ingest { files }) {
        Some(Response::Ingested { new, known }) => Ok(Taken { new, known }),
        Some(Response::Failed { text, .. }) => Err(text),
        _ => Err("the daemon is gone".into()),
    }
}
