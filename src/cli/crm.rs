//! `endorsed import|export|outcome|report`: what the CRM says, beside what the record proves.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::ask::{ask, refused};
use super::review::{Signed, record};
use super::{FAILED, NO, say, say_json};
use crate::answer::{ImportRequest, Imported, ReportWanted, Request, Response, Wanted};
use crate::config::Config;
use crate::model::{Ended, OpportunityId};
use crate::report::plain;

/// `endorsed import`
#[derive(Debug, Args)]
pub struct Import {
    /// CSV with a head; docs/CRM.md names the columns.
    file: PathBuf,
    /// Say what would change, and record nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signed: Signed,
}

/// `endorsed export`
#[derive(Debug, Args)]
pub struct Export {
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `endorsed outcome`
#[derive(Debug, Args)]
pub struct Outcome {
    /// The opportunity's id.
    opportunity: String,
    /// How it ended.
    #[arg(value_enum)]
    ended: End,
    /// The day, when it is not today.
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// With `opted_out`: nobody could have won this one; it stays out of the honest rate.
    #[arg(long)]
    could_not_compete: bool,
    #[command(flatten)]
    signed: Signed,
}

/// How an opportunity ended.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum End {
    /// They bought.
    Won,
    /// They did not.
    Lost,
    /// We did not compete.
    OptedOut,
}

/// `endorsed report`
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Open deals about which nobody has decided and the time for it is over.
    Zombies(Json),
    /// Deals that the CRM calls won without a verified endorsement.
    Inflation(Json),
    /// The numbers that people watch, each with n and definition.
    Metrics(Metrics),
    /// The weekly review.
    Week(WeekOf),
}

/// How to print.
#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed report metrics`
#[derive(Debug, Args)]
pub struct Metrics {
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    #[command(flatten)]
    print: Json,
}

/// `endorsed report week`
#[derive(Debug, Args)]
pub struct WeekOf {
    /// Week as in 2026-W48; this week without it.
    week: Option<String>,
    #[command(flatten)]
    print: Json,
}

/// Runs `endorsed import`: 0 all rows are fine, 1 some are not or it was refused, 2 could not.
pub fn import(import: Import, config: &Config) -> u8 {
    let csv = match std::fs::read_to_string(&import.file) {
        Ok(csv) => csv,
        Err(error) => {
            eprintln!("{}: {error}", import.file.display());
            return FAILED;
        }
    };
    let Signed { by, reason, json } = import.signed;
    match ask(Request::Import(ImportRequest { by, reason, csv, dry_run: import.dry_run }), config) {
        Response::Imported(imported) => {
            if json {
                say_json(&imported)
            } else {
                print_imported(&imported)
            }
            for bad in &imported.bad {
                eprintln!("{}:{}: {}", import.file.display(), bad.line, bad.message);
            }
            if imported.bad.is_empty() { 0 } else { NO }
        }
        Response::Refused { text, .. } => {
            text.lines().for_each(|line| eprintln!("{}:{line}", import.file.display()));
            NO
        }
        other => refused(&other, json),
    }
}

fn print_imported(imported: &Imported) {
    for change in &imported.changed {
        say(&format!("{}: {}", change.opportunity, change.changes.join("; ")));
    }
    for kept in &imported.kept {
        say(&format!("line {}: {}", kept.line, kept.message));
    }
    let done = if imported.applied { "recorded" } else { "dry run, nothing is recorded" };
    say(&format!(
        "{} rows: {} change something, {} change nothing, {} messages about bad rows ({done})",
        imported.rows,
        imported.changed.len(),
        imported.unchanged,
        imported.bad.len()
    ));
}

/// Runs `endorsed export`: 0 done, 2 could not.
pub fn export(export: &Export, config: &Config) -> u8 {
    match ask(Request::ExportDeals { after: None, limit: None }, config) {
        Response::Csv { text, .. } => match &export.output {
            None => {
                say(text.trim_end());
                0
            }
            Some(path) => match std::fs::write(path, text) {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("{}: {error}", path.display());
                    FAILED
                }
            },
        },
        other => refused(&other, false),
    }
}

/// Runs `endorsed outcome`: 0 recorded, 1 refused, 2 could not.
pub fn outcome(outcome: Outcome, config: &Config) -> u8 {
    let Some(opportunity) = OpportunityId::new(&outcome.opportunity) else {
        eprintln!("`{}` is no opportunity id", outcome.opportunity);
        return FAILED;
    };
    let ended = match outcome.ended {
        End::Won => Ended::Won,
        End::Lost => Ended::Lost,
        End::OptedOut => Ended::OptedOut,
    };
    let could_have_competed = !outcome.could_not_compete;
    record(Wanted::Close { opportunity, ended, on: outcome.on, could_have_competed }, outcome.signed, config)
}

/// Runs `endorsed report`: 0 done, 2 could not.
pub fn report(report: Report, config: &Config) -> u8 {
    let (wanted, json) = match report {
        Report::Zombies(print) => (ReportWanted::Zombies, print.json),
        Report::Inflation(print) => (ReportWanted::Inflation, print.json),
        Report::Metrics(m) => (ReportWanted::Metrics { from: m.from, to: m.to }, m.print.json),
        Report::Week(w) => (ReportWanted::Week { week: w.week }, w.print.json),
    };
    match ask(Request::Report(wanted), config) {
        Response::Tables { as_of, tables } => {
            if json {
                say_json(&serde_json::json!({ "as_of": as_of, "tables": tables }));
            } else {
                say(plain(&tables).trim_end());
            }
            0
        }
        other => refused(&other, json),
    }
}
