//! `endorsed facts`: what gates ask for besides mail, stated with name and reason.

use clap::{Args, Subcommand, ValueEnum};

use super::ask::{ask, refused};
use super::review::{Signed, record};
use super::{FAILED, say, say_json, table};
use crate::answer::{FactRow, Request, Response, Wanted};
use crate::config::Config;
use crate::model::{OpportunityId, StatedFact, YesNo};

/// `endorsed facts`
#[derive(Debug, Subcommand)]
pub enum Facts {
    /// State a fact. The newest word of those who may state it counts.
    Set(Set),
    /// Every fact that the gates know, and what was stated of it.
    List(List),
}

/// `endorsed facts set`
#[derive(Debug, Args)]
pub struct Set {
    /// The opportunity's id.
    opportunity: String,
    /// The fact's name, as `facts list` prints it.
    fact: String,
    /// What is so.
    #[arg(value_enum)]
    value: Value,
    #[command(flatten)]
    signed: Signed,
}

/// `endorsed facts list`
#[derive(Debug, Args)]
pub struct List {
    /// The opportunity's id.
    opportunity: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Value {
    /// It is so.
    Yes,
    /// It is not so.
    No,
}

/// Runs the command: 0 done, 1 refused, 2 could not tell.
pub fn run(facts: Facts, config: &Config) -> u8 {
    match facts {
        Facts::Set(set) => {
            let Some(opportunity) = id(&set.opportunity) else { return FAILED };
            let value = match set.value {
                Value::Yes => YesNo::Yes,
                Value::No => YesNo::No,
            };
            record(Wanted::Fact { opportunity, fact: set.fact, value }, set.signed, config)
        }
        Facts::List(wanted) => list(&wanted, config),
    }
}

fn list(wanted: &List, config: &Config) -> u8 {
    let Some(opportunity) = id(&wanted.opportunity) else { return FAILED };
    match ask(Request::Facts { opportunity }, config) {
        Response::Facts { opportunity, facts } => {
            if wanted.json {
                say_json(&serde_json::json!({ "opportunity": opportunity, "facts": facts }));
            } else {
                print(&facts);
            }
            0
        }
        other => refused(&other, wanted.json),
    }
}

fn id(text: &str) -> Option<OpportunityId> {
    let id = OpportunityId::new(text);
    if id.is_none() {
        eprintln!("`{text}` is no opportunity id");
    }
    id
}

fn print(facts: &[FactRow]) {
    let cells: Vec<Vec<String>> = facts
        .iter()
        .map(|fact| {
            let (value, who) = match &fact.stated {
                Some(stated) => (stated.value.as_str(), words(stated)),
                None => ("-", String::new()),
            };
            vec![fact.id.clone(), value.to_owned(), fact.gates.join(", "), who]
        })
        .collect();
    table::lines(&["fact", "stated", "asked for", "by"], &cells).iter().for_each(|l| say(l));
    for fact in facts {
        for other in fact.others.iter().filter(|_| fact.stated.is_none()) {
            let only = fact.stated_by.as_deref().unwrap_or_default();
            say(&format!("  {}: {} does not count: only {only} may say so", fact.id, words(other)));
        }
    }
}

fn words(stated: &StatedFact) -> String {
    let name = stated.act.as_deref().or(stated.message_id.as_deref()).unwrap_or("-");
    format!("{}, {}: {} ({name})", stated.by, stated.at.strftime("%F"), table::short(&stated.reason, 60))
}
