//! `endorsed prompts`: letters on record, letters to come, and orders about them.

use clap::{Args, Subcommand};

use super::ask::{ask, refused};
use super::{FAILED, NO, say, say_json, table};
use crate::answer::{LettersAsk, Request, Response};
use crate::config::Config;
use crate::model::OpportunityId;

/// `endorsed prompts`
#[derive(Debug, Subcommand)]
pub enum Prompts {
    /// Letters on record, what comes next and why.
    #[command(after_help = "Example:\n  endorsed prompts list OPP-20417")]
    List(List),
    /// The next letters of an opportunity as they would be written. Writes nothing, sends nothing.
    #[command(after_help = "Example:\n  endorsed prompts preview OPP-20417")]
    Preview(Deal),
    /// Write no more to the champions of an opportunity.
    #[command(after_help = "Example:\n  endorsed prompts hold OPP-20417")]
    Hold(Deal),
    /// Let letters to the champions go again.
    #[command(after_help = "Example:\n  endorsed prompts resume OPP-20417")]
    Resume(Deal),
    /// Let the next letter to a champion go without waiting for its day and without a warning.
    #[command(after_help = "Example:\n  endorsed prompts send-now OPP-20417")]
    SendNow(Deal),
}

/// `endorsed prompts list`
#[derive(Debug, Args)]
pub struct List {
    /// Only this opportunity.
    opportunity: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The other ones.
#[derive(Debug, Args)]
pub struct Deal {
    /// The opportunity's id.
    opportunity: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command: 0 done, 1 no such thing, 2 could not tell.
pub fn run(prompts: &Prompts, config: &Config) -> u8 {
    match prompts {
        Prompts::List(list) => {
            let opportunity = match list.opportunity.as_deref().map(id).transpose() {
                Ok(opportunity) => opportunity,
                Err(code) => return code,
            };
            show(LettersAsk::List { opportunity }, list.json, config)
        }
        Prompts::Preview(deal) => with(deal, config, |opportunity| LettersAsk::Preview { opportunity }),
        Prompts::Hold(deal) => with(deal, config, |opportunity| LettersAsk::Hold { opportunity }),
        Prompts::Resume(deal) => with(deal, config, |opportunity| LettersAsk::Resume { opportunity }),
        Prompts::SendNow(deal) => with(deal, config, |opportunity| LettersAsk::SendNow { opportunity }),
    }
}

fn id(text: &str) -> Result<OpportunityId, u8> {
    OpportunityId::new(text).ok_or_else(|| {
        eprintln!("`{text}` is no opportunity id");
        FAILED
    })
}

fn with(deal: &Deal, config: &Config, question: impl FnOnce(OpportunityId) -> LettersAsk) -> u8 {
    match id(&deal.opportunity) {
        Ok(opportunity) => show(question(opportunity), deal.json, config),
        Err(code) => code,
    }
}

fn show(question: LettersAsk, json: bool, config: &Config) -> u8 {
    match ask(Request::Letters(question), config) {
        Response::Letters { letters, next } => {
            if json {
                say_json(&serde_json::json!({ "letters": letters, "next": next }));
                return 0;
            }
            let rows: Vec<Vec<String>> = letters
                .iter()
                .map(|l| {
                    let deal = l.opportunity.as_ref().map_or("-".to_owned(), ToString::to_string);
                    vec![
                        deal,
                        l.rule.clone(),
                        l.to.clone(),
                        l.state.clone(),
                        l.since.strftime("%F %R").to_string(),
                    ]
                })
                .collect();
            let head = ["opportunity", "letter", "to", "state", "since (UTC)"];
            table::lines(&head, &rows).iter().for_each(|line| say(line));
            let rows: Vec<Vec<String>> = next
                .iter()
                .map(|n| vec![n.at.strftime("%F %R").to_string(), n.opportunity.to_string(), n.what.clone()])
                .collect();
            say("");
            table::lines(&["when (UTC)", "opportunity", "what comes"], &rows)
                .iter()
                .for_each(|line| say(line));
            0
        }
        Response::LetterTexts { letters } => {
            if json {
                say_json(&letters);
                return 0;
            }
            for letter in letters {
                say(&format!("To: {}\nSubject: {}\n({})\n", letter.to, letter.subject, letter.why));
                say(&letter.text);
            }
            0
        }
        Response::Ordered { opportunity } => {
            if json {
                say_json(&serde_json::json!({ "opportunity": opportunity }));
            } else {
                say(&format!("{opportunity}: noted"));
            }
            0
        }
        Response::Unknown { text } => {
            eprintln!("{text}");
            NO
        }
        other => refused(&other, false),
    }
}
