//! `endorsed webhooks`: what was sent, what waits, what was given up.

use clap::{Args, Subcommand};

use super::ask::{ask, refused};
use super::{NO, say, say_json, table};
use crate::answer::{Request, Response, WebhookRow, WebhooksAsk};
use crate::config::Config;

/// `endorsed webhooks`
#[derive(Debug, Subcommand)]
pub enum WebhooksCommand {
    /// How each webhook stands, and what was given up.
    List(List),
    /// Send what was given up again.
    Retry(Retry),
}

/// `endorsed webhooks list`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed webhooks retry`
#[derive(Debug, Args)]
pub struct Retry {
    /// The webhook's name.
    name: String,
    /// The event's id; all of them without one.
    event: Option<u64>,
}

/// 0 done, 1 no such webhook or event, 2 could not tell.
pub fn run(command: &WebhooksCommand, config: &Config) -> u8 {
    let (wanted, json) = match command {
        WebhooksCommand::List(List { json }) => (WebhooksAsk::List, *json),
        WebhooksCommand::Retry(Retry { name, event }) => {
            (WebhooksAsk::Retry { name: name.clone(), event: *event }, false)
        }
    };
    match ask(Request::Webhooks(wanted), config) {
        Response::Webhooks { webhooks } if json => say_json(&serde_json::json!({ "webhooks": webhooks })),
        Response::Webhooks { webhooks } => print(&webhooks),
        Response::Settled { text } => say(&text),
        Response::Unknown { text } => {
            eprintln!("{text}");
            return NO;
        }
        other => return refused(&other, false),
    }
    0
}

fn print(webhooks: &[WebhookRow]) {
    let rows: Vec<Vec<String>> = webhooks
        .iter()
        .map(|w| {
            let error = w.error.as_deref().map_or_else(String::new, |e| table::short(e, 60));
            let paused = w.paused_until.map_or_else(String::new, |at| at.to_string());
            let waiting = w.waiting.to_string();
            vec![w.name.clone(), w.url.clone(), w.behind.to_string(), waiting, paused, error]
        })
        .collect();
    table::lines(&["name", "url", "behind", "waiting", "tried again at", "error"], &rows)
        .iter()
        .for_each(|l| say(l));
    for (webhook, dead) in webhooks.iter().flat_map(|w| w.dead.iter().map(move |d| (w, d))) {
        let opportunity = dead.opportunity.as_deref().unwrap_or("-");
        say(&format!(
            "given up: {} event {} ({opportunity}) after {} attempts: {}",
            webhook.name, dead.event, dead.attempts, dead.error
        ));
    }
}
