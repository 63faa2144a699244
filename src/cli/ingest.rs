//! `endorsed ingest`: mail from files into the record. Idempotent; never prompts.

use std::io::IsTerminal;
use std::path::PathBuf;

use base64::Engine as _;
use clap::Args;

use super::{FAILED, Judging, ask::open_desk, judge::read_all, runtime, say, say_json};
use crate::answer::{Request, Response};
use crate::config::Config;
use crate::daemon::{Desk, SeenAt, Taken};
use crate::edge::socket;
use crate::edge::source::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Fetched};
use crate::record::Place;

/// What to take in.
#[derive(Debug, Args)]
pub struct Ingest {
    /// `.eml` files, mbox files, Maildirs or folders.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judging: Judging,
}

/// Runs the command.
pub fn run(ingest: &Ingest, config: &Config) -> u8 {
    let config = with_options(config, &ingest.judging);
    let (mails, readable) = read_all(&ingest.paths);
    let total = mails.len();
    let taken = match socket::ask(&config.store.path, &Request::Health) {
        Some(_) => send(mails, &config, total),
        None => open_desk(&config)
            .map_err(|e| e.to_string())
            .and_then(|desk| store(mails, desk, ingest.judging.now, total)),
    };
    match taken {
        Ok(Taken { new, known }) if ingest.json => {
            say_json(&serde_json::json!({ "new": new, "known": known }))
        }
        Ok(Taken { new, known }) => say(&format!("{new} new, {known} known already")),
        Err(error) => {
            eprintln!(
                "not everything was taken in: {error}; the same command again goes on where it stopped"
            );
            return FAILED;
        }
    }
    if readable { 0 } else { FAILED }
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

fn batches(mails: Vec<(String, Vec<u8>)>) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut out: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    let mut bytes = 0;
    for mail in mails {
        let full = |b: &Vec<_>| b.len() >= BATCH_MESSAGES_MAX || bytes + mail.1.len() > BATCH_BYTES_MAX;
        if out.last().is_none_or(full) {
            out.push(Vec::new());
            bytes = 0;
        }
        bytes += mail.1.len();
        if let Some(batch) = out.last_mut() {
            batch.push(mail);
        }
    }
    out
}

/// To the daemon, which holds the store.
fn send(mails: Vec<(String, Vec<u8>)>, config: &Config, total: usize) -> Result<Taken, String> {
    let mut taken = Taken::default();
    for batch in batches(mails) {
        let encode = |raw: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(raw);
        let files = batch.into_iter().map(|(path, raw)| (path, encode(raw))).collect();
        match socket::ask(&config.store.path, &Request::Ingest { files }) {
            Some(Response::Ingested { new, known }) => {
                taken.new += new;
                taken.known += known;
            }
            Some(Response::Failed { text, .. }) => return Err(text),
            _ => return Err("the daemon is gone".into()),
        }
        progress(taken, total);
    }
    Ok(taken)
}

/// Into the store, which nobody else holds.
fn store(
    mails: Vec<(String, Vec<u8>)>,
    desk: Desk,
    now: Option<jiff::Timestamp>,
    total: usize,
) -> Result<Taken, String> {
    let engine = desk.engine;
    let seen_at = now.map_or(SeenAt::Message, SeenAt::Given);
    let mut taken = Taken::default();
    for batch in batches(mails) {
        let fetched =
            batch.into_iter().map(|(path, raw)| Fetched { place: Place::File { path }, raw }).collect();
        let part = engine.take(fetched, seen_at).map_err(|e| e.to_string())?;
        taken.new += part.new;
        taken.known += part.known;
        progress(taken, total);
    }
    let runtime = runtime().map_err(|e| e.to_string())?;
    runtime.block_on(engine.consider_waiting()).map_err(|e| e.to_string())?;
    Ok(taken)
}

fn progress(taken: Taken, total: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{} of {total}", taken.new + taken.known);
        if taken.new + taken.known >= total {
            eprintln!();
        }
    }
}
