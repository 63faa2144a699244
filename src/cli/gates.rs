//! `endorsed gates check|test`: the policy file before it is used.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{FAILED, NO, say, say_json, table};
use crate::config::{Config, ConfigError, read_gates, shipped_gates};
use crate::gate::{GateTest, Gates};

/// `endorsed gates`
#[derive(Debug, Subcommand)]
pub enum GatesCommand {
    /// Read the file and report every mistake at once, each with its line.
    Check(Place),
    /// Run the examples in the file.
    Test(Place),
}

/// Which file.
#[derive(Debug, Args)]
pub struct Place {
    /// The gates file, instead of the configuration's or the shipped one.
    file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command: 0 fine, 1 mistakes or failed examples, 2 no configuration.
pub fn run(command: &GatesCommand, config: Option<&Path>) -> u8 {
    let (GatesCommand::Check(place) | GatesCommand::Test(place)) = command;
    let loaded: Result<Gates, ConfigError> = match (&place.file, config.map(Config::read)) {
        (Some(file), _) => read_gates(file),
        (None, None) => shipped_gates(),
        (None, Some(Ok(config))) => config.load_gates(),
        (None, Some(Err(error))) => {
            eprintln!("{error}");
            return FAILED;
        }
    };
    let gates = match loaded {
        Ok(gates) => gates,
        Err(error) => {
            if place.json {
                let told = |p: &crate::config::Problem| serde_json::json!({ "path": p.path, "line": p.line, "message": p.message });
                say_json(
                    &serde_json::json!({ "problems": error.problems.iter().map(told).collect::<Vec<_>>() }),
                );
            }
            eprintln!("{error}");
            return NO;
        }
    };
    match command {
        GatesCommand::Check(place) => checked(&gates, place.json),
        GatesCommand::Test(place) => tested(&gates.test(), place.json),
    }
}

fn checked(gates: &Gates, json: bool) -> u8 {
    let names: Vec<&str> = gates.names().collect();
    if json {
        say_json(&serde_json::json!({ "policy": gates.policy(), "gates": names, "facts": gates.facts() }));
    } else {
        say(&format!("{}: {} gates, {} facts, fine", gates.policy(), names.len(), gates.facts().len()));
    }
    0
}

fn tested(test: &GateTest, json: bool) -> u8 {
    if json {
        say_json(&serde_json::json!({
            "passed": test.passed(), "examples": test.examples, "without": test.without,
        }));
        return if test.passed() { 0 } else { NO };
    }
    let word = |allowed: bool| if allowed { "allowed" } else { "closed" }.to_owned();
    let cells: Vec<Vec<String>> = test
        .examples
        .iter()
        .map(|e| {
            let reason = e.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
            vec![
                e.gate.clone(),
                e.line.to_string(),
                format!("{}{reason}", word(e.expected)),
                word(e.allowed),
                if e.passed { "ok" } else { "FAILED" }.to_owned(),
                if e.passed { e.why.clone() } else { format!("{}; gave {}", e.why, e.codes.join(", ")) },
            ]
        })
        .collect();
    table::lines(&["gate", "line", "wanted", "gave", "", "why"], &cells).iter().for_each(|l| say(l));
    for gate in &test.without {
        say(&format!("note: gate.{gate} has no example"));
    }
    let failed = test.examples.iter().filter(|e| !e.passed).count();
    say(&format!("{} examples, {failed} failed", test.examples.len()));
    if test.passed() { 0 } else { NO }
}
