//! `endorsed status`: whether the running daemon does its work.

use clap::Args;

use super::ask::{print_reasons, refused};
use super::{FAILED, NO, say, say_json, table};
use crate::answer::{Readiness, Request, Response};
use crate::config::Config;
use crate::edge::socket;

/// `endorsed status`
#[derive(Debug, Args)]
pub struct Status {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the daemon: 0 it does its work, 1 something is not well, 2 nobody answers.
pub fn run(status: &Status, config: &Config) -> u8 {
    match socket::ask(&config.store.path, &Request::Ready) {
        Some(Response::Ready(readiness)) => {
            if status.json {
                say_json(&readiness)
            } else {
                print(&readiness)
            }
            if readiness.ready { 0 } else { NO }
        }
        Some(other) => refused(&other, status.json),
        None => {
            eprintln!("no daemon listens at {}", socket::path(&config.store.path).display());
            FAILED
        }
    }
}

fn print(readiness: &Readiness) {
    let Readiness { size, waiting, set_aside, .. } = readiness;
    say(&format!("{size} entries, {waiting} messages waiting, {set_aside} set aside"));
    let rows: Vec<Vec<String>> = readiness
        .mailboxes
        .iter()
        .map(|m| {
            let age = m.age_seconds.map_or_else(|| "never".to_owned(), |age| format!("{age} s ago"));
            let open = if m.connected { "open" } else { "closed" };
            let counts = [m.missing, m.lag_uids, m.gone].map(|n| n.to_string());
            [vec![m.mailbox.clone(), open.into(), age], counts.to_vec()].concat()
        })
        .collect();
    table::lines(&["mailbox", "folder", "read whole", "missing", "to read", "gone"], &rows)
        .iter()
        .for_each(|l| say(l));
    print_reasons(&readiness.reasons);
}
