//! `endorsed pack|proof`: files that prove something to somebody else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::ask::{ask, refused};
use super::{FAILED, NO, say};
use crate::answer::pack::{Files, sealed};
use crate::answer::{LogAnswer, LogQuestion, Request, Response};
use crate::config::{Config, rule_files};
use crate::edge::archive;
use crate::model::OpportunityId;

/// `endorsed pack`
#[derive(Debug, Args)]
pub struct Pack {
    /// The opportunity's id.
    opportunity: String,
    /// Archive to write instead of `OPPORTUNITY-pack.tar.gz`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `endorsed proof`
#[derive(Debug, Args)]
pub struct Proof {
    /// The opportunity's id.
    opportunity: String,
    /// Letter to write instead of `OPPORTUNITY-proof.eml`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the pack: 0 done, 1 nothing on record, 2 could not tell.
pub fn pack(pack: &Pack, config: &Config) -> u8 {
    let Some(opportunity) = OpportunityId::new(&pack.opportunity) else { return bad_id(&pack.opportunity) };
    let name = opportunity.to_string();
    let mut files = match collect(LogQuestion::Pack { opportunity }, config) {
        Ok(files) => files,
        Err(code) => return code,
    };
    match rules_used(&files, config) {
        Ok(rules) => files.extend(rules),
        Err(error) => eprintln!("the rules are not in the pack: {error}"),
    }
    let output = pack.output.clone().unwrap_or_else(|| format!("{name}-pack.tar.gz").into());
    match archive::write(&name, &sealed(files)) {
        Ok(octets) => write(&output, &octets),
        Err(error) => {
            eprintln!("{}: {error}", output.display());
            FAILED
        }
    }
}

/// Writes the letter: 0 done, 1 nothing verified, 2 could not tell.
pub fn proof(proof: &Proof, config: &Config) -> u8 {
    let Some(opportunity) = OpportunityId::new(&proof.opportunity) else { return bad_id(&proof.opportunity) };
    match collect(LogQuestion::Proof { opportunity }, config) {
        Ok(files) => match files.into_iter().next() {
            Some((name, letter)) => write(&proof.output.clone().unwrap_or_else(|| name.into()), &letter),
            None => FAILED,
        },
        Err(code) => code,
    }
}

fn bad_id(text: &str) -> u8 {
    eprintln!("`{text}` is no opportunity id");
    FAILED
}

/// The files of the answer, or the exit status after the reason was printed.
fn collect(question: LogQuestion, config: &Config) -> Result<Files, u8> {
    let response = ask(Request::Log(question), config);
    let encoded = match response {
        Response::Log(answer) => match *answer {
            LogAnswer::Files(files) => files,
            LogAnswer::Nothing(text) => {
                eprintln!("{text}");
                return Err(NO);
            }
            other => return Err(refused(&Response::Log(Box::new(other)), false)),
        },
        Response::Unknown { text } => {
            eprintln!("{text}");
            return Err(NO);
        }
        other => return Err(refused(&other, false)),
    };
    let decode = |(path, text): (String, String)| STANDARD.decode(text).map(|octets| (path, octets));
    encoded.into_iter().map(decode).collect::<Result<_, _>>().map_err(|error| {
        eprintln!("the daemon's answer cannot be read: {error}");
        FAILED
    })
}

/// The rule files, when an entry of the pack says that a mail was read with just these.
fn rules_used(files: &Files, config: &Config) -> Result<Files, String> {
    let digest = config.load_rules().map_err(|e| e.to_string())?.digest().to_string();
    let entries = files.iter().filter(|(path, _)| path.ends_with(".json"));
    let mut texts = entries.map(|(_, octets)| String::from_utf8_lossy(octets));
    if !texts.any(|text| text.contains(&digest)) {
        return Ok(BTreeMap::new());
    }
    let files = rule_files(config.rules.as_ref().map(|r| r.dir.as_path())).map_err(|e| e.to_string())?;
    Ok(files.into_iter().map(|(path, text)| (format!("rules/{path}"), text.into_bytes())).collect())
}

fn write(path: &Path, octets: &[u8]) -> u8 {
    match std::fs::write(path, octets) {
        Ok(()) => {
            say(&path.display().to_string());
            0
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            FAILED
        }
    }
}
