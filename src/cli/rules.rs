//! `endorsed rules check|test`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{FAILED, NO, say, say_json};
use crate::config::{Config, check_rules};
use crate::judge::{self, Failure, TestReport};

/// What to do with the rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Load all rule files and report every error at once.
    Check(Place),
    /// Run the examples of every rule.
    Test(Place),
}

/// Where the rules are.
#[derive(Debug, Args)]
pub struct Place {
    /// Rules folder instead of the configuration's or the shipped one.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(rules: &Rules, config: Option<&Path>) -> u8 {
    let (Rules::Check(place) | Rules::Test(place)) = rules;
    let folder = match (&place.rules, config.map(Config::read)) {
        (Some(folder), _) => Some(folder.clone()),
        (None, None) => None,
        (None, Some(Ok(config))) => config.rules.map(|r| r.dir),
        (None, Some(Err(error))) => {
            eprintln!("{error}");
            return FAILED;
        }
    };
    let loaded = match check_rules(folder.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return NO;
        }
    };
    match rules {
        Rules::Check(place) => checked(&loaded, place.json),
        Rules::Test(place) => tested(&loaded.test(), folder.as_deref(), place.json),
    }
}

fn checked(loaded: &judge::Rules, json: bool) -> u8 {
    if json {
        say_json(&serde_json::json!({ "digest": loaded.digest() }));
    } else {
        say(&format!("rules are fine ({})", loaded.digest().short()));
    }
    0
}

fn tested(report: &TestReport, folder: Option<&Path>, json: bool) -> u8 {
    let folder = folder.unwrap_or(Path::new("rules"));
    if json {
        let failure = |f: &Failure| {
            serde_json::json!({
                "path": folder.join(&f.path), "line": f.line, "rule": f.rule,
                "text": f.text, "expected": f.expected, "got": f.got,
            })
        };
        say_json(&serde_json::json!({
            "passed": report.passed(), "rules": report.rules, "examples": report.examples, "cases": report.cases, "framed": report.framed,
            "unexercised": report.unexercised, "failures": report.failures.iter().map(failure).collect::<Vec<_>>(),
        }));
    } else {
        for f in &report.failures {
            say(&format!("{}:{}: {}: {:?}", folder.join(&f.path).display(), f.line, f.rule, f.text));
            say(&format!("    expected {}, got {}", f.expected, f.got));
        }
        for rule in &report.unexercised {
            say(&format!("note: {rule} is hit by its own examples only"));
        }
        let (rules, tried) = (report.rules, report.examples + report.cases);
        let (framed, failed) = (report.framed, report.failures.len());
        say(&format!("{rules} rules, {tried} examples and cases, {framed} yeses in frames, {failed} failed"));
    }
    if report.passed() { 0 } else { NO }
}
