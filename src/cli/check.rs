//! `endorsed check-config`: the configuration and every file that it names, without any network.

use std::path::Path;

use super::{CONFIG, say};
use crate::config::{Config, ConfigError};
use crate::edge::dns::Resolver;

/// Checks; 0 or 78. Reports every problem of the configuration and of the files that it names.
pub fn run(path: &Path) -> u8 {
    let errors = match Config::read(path) {
        Ok(config) => problems_of(&config),
        Err(error) => vec![error],
    };
    if errors.is_empty() {
        say(&format!("{}: fine", path.display()));
        return 0;
    }
    errors.iter().for_each(|error| eprintln!("{error}"));
    CONFIG
}

fn problems_of(config: &Config) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    errors.extend(config.load_rules().err());
    errors.extend(config.load_gates().err());
    errors.extend(config.policy(false).err());
    errors.extend(config.letters().err());
    if let Some(dns) = &config.dns
        && let Err(error) = Resolver::file(&dns.file)
    {
        errors.push(ConfigError::one(&dns.file, 0, error.to_string()));
    }
    errors
}
