//! `endorsed rejudge`: what would the rules say now of the mail on record?

use std::path::PathBuf;

use clap::Args;

use super::ask::{open_desk, refused};
use super::{FAILED, say, say_json, table};
use crate::answer::{Request, Response, VerdictChange};
use crate::config::Config;
use crate::edge::socket;
use crate::model::Verdict;

/// `endorsed rejudge`
#[derive(Debug, Args)]
pub struct Rejudge {
    /// Rules folder to try instead of the running rules.
    #[arg(long, value_name = "DIR", conflicts_with = "apply")]
    rules: Option<PathBuf>,
    /// Record the new verdicts. A change towards a yes only becomes a review item.
    #[arg(long)]
    apply: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the daemon; without one, opens the store. 0 done, 2 could not tell.
pub fn run(rejudge: Rejudge, config: &Config) -> u8 {
    let rules = match rejudge.rules.map(std::path::absolute).transpose() {
        Ok(rules) => rules,
        Err(error) => {
            eprintln!("rules folder: {error}");
            return FAILED;
        }
    };
    let request = Request::Rejudge { rules, apply: rejudge.apply };
    // A long record takes minutes: longer than the local socket waits for other answers.
    let response = match socket::ask_patiently(&config.store.path, &request) {
        Some(response) => response,
        None => match open_desk(config) {
            Ok(desk) => desk.answer(request),
            Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
        },
    };
    let Response::Rejudged { changes, applied, .. } = &response else {
        return refused(&response, rejudge.json);
    };
    if rejudge.json {
        say_json(&response);
    } else {
        print(changes, *applied);
    }
    0
}

fn print(changes: &[VerdictChange], applied: bool) {
    if changes.is_empty() {
        say("no verdict changes");
        return;
    }
    let verdict = |verdict: Option<Verdict>, sure: bool| {
        format!("{}{}", verdict.map_or("-", |v| v.as_str()), if sure { "" } else { "?" })
    };
    let rows: Vec<Vec<String>> = changes
        .iter()
        .map(|c| {
            vec![
                c.opportunity.as_ref().map_or_else(|| "-".into(), ToString::to_string),
                c.from.clone().unwrap_or_default(),
                verdict(c.was, c.was_sure),
                verdict(c.is, c.is_sure),
                if c.needs_person { "review".into() } else { String::new() },
                table::short(&c.quote, 60),
            ]
        })
        .collect();
    table::lines(&["opportunity", "from", "was", "is", "", "words"], &rows).iter().for_each(|l| say(l));
    let done = if applied { "recorded" } else { "not recorded: use --apply" };
    say(&format!("{} verdicts change ({done})", changes.len()));
}
