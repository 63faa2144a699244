//! `endorsed declare`: writes a win email, or looks at one before it is sent.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;

use super::{FAILED, NO, say, say_json};
use crate::config::Config;
use crate::model::{Address, Criterion, DeclaredResult, OpportunityId, Reason, Sighting};
use crate::parse::parse;
use crate::pipeline::Known;
use crate::prompt::{Draft, Person, declare, lints};

/// `endorsed declare`
#[derive(Debug, Args)]
pub struct Declare {
    /// The opportunity's id.
    #[arg(required_unless_present = "check")]
    opportunity: Option<String>,
    /// TOML file with champion, platform, account and the criteria with their results.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    criteria: Option<PathBuf>,
    /// Your address; it becomes the sender.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "check")]
    from: Option<String>,
    /// Your name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Language of the text: en, de, fr or es.
    #[arg(long, default_value = "en")]
    language: String,
    /// Write a draft that mail programs open for sending.
    #[arg(long, value_name = "FILE")]
    eml: Option<PathBuf>,
    /// Print the HTML body instead of the text.
    #[arg(long)]
    html: bool,
    /// Look at a win email before it is sent: every remark that its author would get.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["opportunity", "criteria", "from", "eml"])]
    check: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `--criteria` reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    platform: String,
    account: String,
    /// `Dana Ruiz <dana@acme.example>` or the bare address.
    champions: Vec<String>,
    ae: Option<String>,
    criteria: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    #[serde(default = "unstated")]
    result: DeclaredResult,
}

fn unstated() -> DeclaredResult {
    DeclaredResult::Unstated
}

/// Runs the command: 0 written or without remarks, 1 with remarks, 2 could not tell.
pub fn run(arguments: &Declare, config: &Config) -> u8 {
    let done = match &arguments.check {
        Some(path) => check(path, arguments.json, config),
        None => write(arguments, config),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        FAILED
    })
}

fn write(arguments: &Declare, config: &Config) -> Result<u8, String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let given = text(&arguments.opportunity);
    let opportunity = OpportunityId::new(&given).ok_or_else(|| format!("`{given}` is no opportunity id"))?;
    let path = arguments.criteria.clone().unwrap_or_default();
    let file = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file: File = toml::from_str(&file).map_err(|e| format!("{}: {e}", path.display()))?;
    let seller = config.seller().ok_or("[seller] evidence is no address")?;
    let from = text(&arguments.from);
    let from = Address::new(&from)
        .filter(|a| a.is_at(&seller.domains))
        .ok_or_else(|| format!("--from `{from}` is no address at one of the seller's domains"))?;
    let champions = file.champions.iter().map(|c| person(c)).collect::<Result<Vec<_>, _>>()?;
    let criteria = (1..)
        .zip(file.criteria)
        .map(|(n, line)| Criterion { n, text: line.text, result: line.result })
        .collect();
    let draft = Draft {
        opportunity,
        platform: file.platform,
        account: file.account,
        champions,
        seller: Person { name: arguments.name.clone(), address: from },
        ae: file.ae,
        criteria,
        language: arguments.language.clone(),
        evidence: seller.evidence,
    };
    let settings = config.letters().map_err(|e| e.to_string())?;
    let written = declare(&draft, &settings.texts, Timestamp::now()).map_err(|e| e.to_string())?;
    if let Some(path) = &arguments.eml {
        std::fs::write(path, &written.raw).map_err(|e| format!("{}: {e}", path.display()))?;
        say(&format!("{}: open it in your mail program, read it, send it", path.display()));
    } else if arguments.json {
        say_json(&serde_json::json!({
            "subject": written.subject, "text": written.text, "html": written.html,
        }));
    } else {
        say(if arguments.html { &written.html } else { &written.text });
    }
    Ok(0)
}

/// `Dana Ruiz <dana@acme.example>` or `dana@acme.example`.
fn person(text: &str) -> Result<Person, String> {
    let (name, address) = match text.trim().strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').to_owned()), address),
        None => (None, text),
    };
    let address = Address::new(address).ok_or_else(|| format!("champion `{text}`: no address"))?;
    Ok(Person { name: name.filter(|n| !n.is_empty()), address })
}

fn check(path: &std::path::Path, json: bool, config: &Config) -> Result<u8, String> {
    let raw = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let seller = config.seller().ok_or("[seller] evidence is no address")?;
    let message = parse(&raw);
    let rules = config.load_rules().map_err(|e| e.to_string())?;
    let policy = config.policy(true).map_err(|e| e.to_string())?;
    let witnessed = crate::model::Witnessed {
        signatures: Vec::new(),
        message: message.clone().into(),
        seen_at: Timestamp::now(),
        sighting: Sighting::Delivered,
        carried_by: None,
    };
    let known = Known::new(witnessed, &seller);
    let outcome = crate::pipeline::consider(&known, &crate::pipeline::Facts::default(), &rules, &policy);
    let mut reasons: Vec<Reason> = outcome.reasons.clone();
    // Before it is sent there is no signature to look at.
    reasons.retain(|r| r.fix.is_some() && r.code != "declaration_unauthenticated");
    match &outcome.declaration {
        Some(declaration) => {
            let further = lints(&message, declaration, &seller);
            if further.iter().any(|r| r.code == "champion_is_seller") {
                reasons.retain(|r| r.code != "no_champion");
            }
            reasons.extend(further);
        }
        None => reasons.push(
            Reason::new("no_declaration", "The mail is not recognised as a declaration of a technical win.")
                .fix(
                    "List the agreed criteria, one a line, each with its result, and ask for a confirmation.",
                ),
        ),
    }
    if json {
        say_json(&serde_json::json!({ "declaration": outcome.declaration, "reasons": reasons }));
    } else {
        super::ask::print_reasons(&reasons);
        if reasons.is_empty() {
            say("nothing to remark");
        }
    }
    Ok(if reasons.is_empty() { 0 } else { NO })
}
