//! `endorsed retention`: what is older than it may be kept.

use clap::Args;

use super::ask::{ask, refused};
use super::{say, say_json, table};
use crate::answer::{Request, Response, RetentionAsk, RetentionRow};
use crate::config::Config;

/// `endorsed retention`
#[derive(Debug, Args)]
pub struct Retention {
    /// Erase it now; without this nothing is changed.
    #[arg(long)]
    apply: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// 0 listed or erased, 2 could not.
pub fn run(retention: &Retention, config: &Config) -> u8 {
    let wanted = request(config, retention.apply);
    let response = ask(Request::Retention(wanted), config);
    let Response::Retention { rows, applied } = &response else { return refused(&response, retention.json) };
    if retention.json {
        say_json(&serde_json::json!({ "due": rows, "applied": applied }));
    } else if wanted.deal_days.is_none() && wanted.other_days.is_none() {
        say("nothing is erased by age: set `deal_days` or `other_days` under [retention]");
    } else if rows.is_empty() {
        say("nothing is older than it may be kept");
    } else {
        let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
        table::lines(&["opportunity", "mails", "last"], &cells).iter().for_each(|line| say(line));
        say(if *applied { "erased" } else { "nothing was changed; `--apply` erases this" });
    }
    0
}

/// The question as the configuration asks it.
pub fn request(config: &Config, apply: bool) -> RetentionAsk {
    let section = config.retention;
    RetentionAsk { deal_days: section.deal_days, other_days: section.other_days, apply }
}

fn cells(row: &RetentionRow) -> Vec<String> {
    let deal = row.opportunity.as_ref().map_or_else(|| "(no deal)".to_owned(), ToString::to_string);
    vec![deal, row.copies.to_string(), row.last.to_string()]
}
