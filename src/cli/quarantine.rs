//! `endorsed quarantine`: messages that were set aside so that everything else went on.

use clap::{Args, Subcommand};

use super::ask::{ask, refused};
use super::{NO, say, say_json, table};
use crate::answer::{QuarantineAct, QuarantineRow, Request, Response};
use crate::config::Config;
use crate::record::Place;

/// `endorsed quarantine …`
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// List what is set aside.
    List(Json),
    /// Show one with what to do about it.
    Show(One),
    /// Try again now: one, or all. The daemon must run.
    Retry(Which),
    /// Give one up. The entry stays in the log.
    Drop(Drop),
}

/// Output.
#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One of them.
#[derive(Debug, Args)]
pub struct One {
    /// Its id as `quarantine list` shows it.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One or all of them.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id; all of them without one.
    id: Option<String>,
}

/// Who gives one up, and why.
#[derive(Debug, Args)]
pub struct Drop {
    /// Its id as `quarantine list` shows it.
    id: String,
    /// The person who decides it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// 0 done, 1 no such message, 2 could not tell.
pub fn run(quarantine: Quarantine, config: &Config) -> u8 {
    match quarantine {
        Quarantine::List(Json { json }) => list(json, None, config),
        Quarantine::Show(One { id, json }) => list(json, Some(&id), config),
        Quarantine::Retry(Which { id }) => act(QuarantineAct::Retry { id }, config),
        Quarantine::Drop(Drop { id, by, reason }) => act(QuarantineAct::Drop { id, by, reason }, config),
    }
}

fn list(json: bool, id: Option<&str>, config: &Config) -> u8 {
    let response = ask(Request::Quarantine(QuarantineAct::List), config);
    let Response::Quarantine { rows } = &response else { return refused(&response, json) };
    let wanted: Vec<&QuarantineRow> = rows.iter().filter(|row| id.is_none_or(|id| id == row.id)).collect();
    if id.is_some() && wanted.is_empty() {
        eprintln!("nothing of that id is set aside");
        return NO;
    }
    if json {
        say_json(&wanted);
    } else if id.is_some() {
        wanted.iter().for_each(|row| show(row));
    } else if wanted.is_empty() {
        say("nothing is set aside");
    } else {
        let cells: Vec<Vec<String>> = wanted.iter().map(|row| cells(row)).collect();
        table::lines(&["id", "why", "place", "tries", "last", "text"], &cells).iter().for_each(|l| say(l));
    }
    0
}

fn act(act: QuarantineAct, config: &Config) -> u8 {
    match ask(Request::Quarantine(act), config) {
        Response::Settled { text } => {
            say(&text);
            0
        }
        Response::Unknown { text } => {
            eprintln!("{text}");
            NO
        }
        other => refused(&other, false),
    }
}

fn cells(row: &QuarantineRow) -> Vec<String> {
    vec![
        row.id.clone(),
        row.why.name().to_owned(),
        place(&row.place),
        row.attempts.to_string(),
        row.at.strftime("%Y-%m-%d %H:%M").to_string(),
        table::short(&row.text, 60),
    ]
}

fn show(row: &QuarantineRow) {
    say(&format!("{}  {}  {}", row.id, row.why.name(), place(&row.place)));
    say(&format!("  tried {} times, last at {}", row.attempts, row.at));
    if let Some(sha256) = row.sha256 {
        say(&format!("  sha256 {sha256}"));
    }
    if let Some(bytes) = row.bytes {
        say(&format!("  {bytes} bytes"));
    }
    say(&format!("  {}", row.text));
    say(&format!("  {}", row.fix));
}

fn place(place: &Place) -> String {
    match place {
        Place::Imap { mailbox, uid, .. } => format!("{mailbox} UID {uid}"),
        Place::Maildir { mailbox, name } => format!("{mailbox} {name}"),
        Place::Lmtp { listener, sha256 } => format!("lmtp {listener} {sha256}"),
        Place::File { path } => path.clone(),
        Place::Letter { key } => format!("letter {key}"),
        Place::Attached { to, n } => format!("attachment {n} of {to}"),
    }
}
