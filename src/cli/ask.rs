//! `endorsed gate|show|list`: ask the daemon, or open the store when there is none.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{FAILED, NO, judge::open_resolver, say, say_json, table};
use crate::answer::{
    Context, DecisionAnswer, GateOrder, OpportunityAnswer, OpportunityRow, Request, Response,
};
use crate::config::{Config, ConfigError, WebhookSection};
use crate::daemon::{Desk, Engine, Pace, Webhooks, answer_in};
use crate::edge::socket;
use crate::edge::source::Progress;
use crate::edge::store::{OpenOptions, Store, StoreError};
use crate::gate::{Freshness, GateAnswer, Gates};
use crate::model::{Acceptance, OpportunityId, Reason, StandingReport};
use crate::prompt::Clocks;

/// Who asked for a recorded answer when a process of this machine did: the name that HTTP uses, too.
const HERE: &str = "local";

/// `endorsed gate`
#[derive(Debug, Args)]
pub struct Gate {
    /// The opportunity's id.
    opportunity: String,
    /// The stage or gate that it wants to pass, e.g. `commercial_review`.
    #[arg(long, value_name = "STAGE")]
    to: String,
    /// Make the answer an entry of the log.
    #[arg(long)]
    record: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed show`
#[derive(Debug, Args)]
pub struct Show {
    /// Opportunity id, or the Message-ID of a declaration that names none.
    what: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed list`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the gate: 0 allowed, 1 not allowed, 2 could not tell.
pub fn gate(gate: &Gate, config: &Config) -> u8 {
    let Some(opportunity) = OpportunityId::new(&gate.opportunity) else {
        eprintln!("`{}` is no opportunity id", gate.opportunity);
        return FAILED;
    };
    let to = gate.to.clone();
    let request = if gate.record {
        Request::Official(GateOrder { opportunity, to, by: HERE.into(), record: true, receipt: false })
    } else {
        Request::Gate { opportunity, to }
    };
    match ask(request, config) {
        Response::Gate(answer) | Response::Official { gate: answer, .. } => {
            if gate.json {
                say_json(&answer)
            } else {
                print_gate(&answer)
            }
            if answer.allowed { 0 } else { NO }
        }
        other => refused(&other, gate.json),
    }
}

/// Shows one opportunity: 0 found, 1 nothing on record.
pub fn show(show: &Show, config: &Config) -> u8 {
    match ask(Request::Show { what: show.what.clone() }, config) {
        Response::Opportunity(answer) => {
            if show.json {
                say_json(&answer)
            } else {
                print_opportunity(&answer)
            }
            0
        }
        Response::Unknown { text } => {
            eprintln!("{text}");
            NO
        }
        other => refused(&other, show.json),
    }
}

/// Lists all opportunities.
pub fn list(list: &List, config: &Config) -> u8 {
    let mut after = None;
    let mut rows: Vec<OpportunityRow> = Vec::new();
    loop {
        match ask(Request::List { after: after.take(), limit: None }, config) {
            Response::Opportunities { opportunities, unlinked } => {
                let last = opportunities.last().map(|row| row.opportunity.clone());
                rows.extend(opportunities);
                if last.is_some() {
                    after = last;
                    continue;
                }
                if list.json {
                    say_json(&serde_json::json!({ "opportunities": rows, "unlinked": unlinked }));
                } else {
                    print_rows(&rows);
                    for message in unlinked {
                        let id = message.message_id.unwrap_or_default();
                        say(&format!("declaration without an opportunity: <{id}>; a person must link it"));
                    }
                }
                return 0;
            }
            other => return refused(&other, list.json),
        }
    }
}

/// Asks the daemon; without one, opens the store for this one question.
pub fn ask(request: Request, config: &Config) -> Response {
    // Whoever reads much, waits long.
    let patient = matches!(
        request,
        Request::Log(_) | Request::Import(_) | Request::ExportDeals { .. } | Request::Report(_)
    );
    let daemon = if patient { socket::ask_patiently } else { socket::ask };
    if let Some(response) = daemon(&config.store.path, &request) {
        return response;
    }
    if matches!(request, Request::Letters(_) | Request::Webhooks(_)) {
        return match open_desk(config) {
            Ok(desk) => desk.answer(request),
            Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
        };
    }
    let open = || -> Result<(Store, Gates, Clocks), OpenError> {
        Ok((open_store(config, false)?, config.load_gates()?, config.clocks()?))
    };
    // Nobody watches: what is configured to be watched is stale.
    let freshness = if config.mailbox.is_empty() { Freshness::Fresh } else { Freshness::Stale };
    match open() {
        Ok((store, gates, clocks)) => {
            let (terms, now) = (config.terms(), Timestamp::now());
            let context = Context { gates: &gates, freshness, now, terms: &terms, clocks: &clocks };
            answer_in(&store, context, request)
        }
        Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
    }
}

/// Why there is no desk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file of ours is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store can not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store, with the key that signs its log.
pub fn open_store(config: &Config, create: bool) -> Result<Store, OpenError> {
    let options = OpenOptions { create, ..OpenOptions::default() };
    Ok(Store::open_with(&config.store.path, options, config.log_key()?)?)
}

/// A desk over the store, made when there is none; every configured mailbox counts as unread until it is watched.
pub fn open_desk(config: &Config) -> Result<Desk, OpenError> {
    let rules = config.load_rules()?;
    let policy = config.policy(false)?;
    let gates = config.load_gates()?;
    let resolver = open_resolver(config.dns.as_ref().map(|d| &d.file))?;
    let store = open_store(config, true)?;
    let engine = Engine::new(store, rules, policy, resolver).with_limit(config.limits.consider());
    let hooks = config.webhook.iter().map(WebhookSection::settings).collect();
    let webhooks = Webhooks::open(&config.store.path, hooks, Pace::default(), engine.store.size())
        .map_err(|text| ConfigError::one(&config.store.path, 0, text))?;
    Ok(Desk {
        webhooks,
        terms: config.terms(),
        clocks: config.clocks()?,
        mailboxes: config.mailbox.iter().map(|_| Arc::new(Progress::default())).collect(),
        stale_after: Duration::from_secs(config.policy.mailbox_stale_minutes * 60),
        letters: Some(config.letters()?),
        ..Desk::new(engine, gates)
    })
}

pub fn refused(response: &Response, json: bool) -> u8 {
    let (code, text) = match response {
        Response::Failed { code, text } => (code.as_str(), text.as_str()),
        Response::Unknown { text } => ("unknown", text.as_str()),
        Response::Refused { code, text } => (code.as_str(), text.as_str()),
        _ => ("internal", "the answer does not fit the question"),
    };
    if json {
        say_json(&serde_json::json!({ "allowed": false, "reasons": [Reason::new(code, text)] }));
    }
    eprintln!("could not tell: {text} ({code})");
    FAILED
}

fn print_gate(answer: &GateAnswer) {
    let word = if answer.allowed { "ALLOWED" } else { "NOT ALLOWED" };
    say(&format!(
        "{word}  {} to {}  (standing: {}{})",
        answer.opportunity,
        answer.to,
        answer.standing.as_str(),
        accepted_by(&answer.accepted_by)
    ));
    for evidence in &answer.evidence {
        let by = evidence.accepted_by.as_ref().map(|by| format!("  (accepted by {by}, not verified)"));
        say(&format!("  \"{}\"{}", table::short(&evidence.quote, 100), by.unwrap_or_default()));
    }
    for endorser in &answer.endorsers {
        say(&format!("  {} ({}): {}", endorser.who, endorser.role, endorser.standing.as_str()));
    }
    print_reasons(&answer.reasons);
    if let (Some(size), Some(root)) = (answer.log_size, answer.log_root) {
        say(&format!("  log: {size}:{root}"));
    }
}

/// `, accepted by NAME` beside a standing that is not verified.
pub fn accepted_by(acceptances: &[Acceptance]) -> String {
    let mut names: Vec<&str> = acceptances.iter().map(|a| a.by.as_str()).collect();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(", accepted by {}, not verified", names.join(", ")) }
}

/// Reasons with what to do about each.
pub fn print_reasons(reasons: &[Reason]) {
    for reason in reasons {
        say(&format!("  - {}: {}", reason.code, reason.text));
        if let Some(fix) = &reason.fix {
            say(&format!("      {fix}"));
        }
    }
}

fn print_opportunity(answer: &OpportunityAnswer) {
    let report = &answer.report;
    let accepted = accepted_by(&report.accepted_by);
    say(&format!("{}  {}{accepted}", report.opportunity, report.standing.as_str()));
    let tally = &report.criteria;
    say(&format!(
        "  criteria: {} declared, {} as passed, {} confirmed",
        tally.total, tally.declared_passed, tally.confirmed
    ));
    for endorser in &report.endorsers {
        say(&format!("  {} ({}): {}", endorser.who, endorser.role, endorser.standing.as_str()));
    }
    print_reasons(&report.reasons);
    print_criteria(report);
    let rows: Vec<Vec<String>> = answer
        .messages
        .iter()
        .map(|m| {
            let verdict = m.verdict.map_or("-", |v| v.as_str());
            vec![
                format!("{:?}", m.kind).to_lowercase(),
                m.from.clone().unwrap_or_default(),
                format!("{verdict}{}", if m.verdict.is_some() && !m.sure { "?" } else { "" }),
                m.authorship.clone().unwrap_or_else(|| "-".into()),
                table::short(if m.quote.is_empty() { &m.fresh_text } else { &m.quote }, 60),
            ]
        })
        .collect();
    table::lines(&["kind", "from", "verdict", "author", "words"], &rows)
        .iter()
        .for_each(|l| say(&format!("  {l}")));
    for (message, file) in answer.messages.iter().flat_map(|m| m.attachments.iter().map(move |f| (m, f))) {
        say(&format!(
            "  attached to <{}>: {}, {} bytes, sha256 {}; not read by a machine",
            message.message_id.as_deref().unwrap_or("-"),
            file.name.as_deref().or(file.media_type.as_deref()).unwrap_or("a file"),
            file.bytes,
            file.sha256
        ));
    }
    print_acts(&answer.acts);
}

/// The versions of the criteria with what each changes, the plan, what a yes is tied to, and what people recorded.
fn print_criteria(report: &StandingReport) {
    for version in &report.versions {
        let id = version.message_id.as_deref().unwrap_or("-");
        say(&format!("  criteria, version {} ({}, {id})", version.n, version.at));
        if version.n == report.versions.len() {
            for criterion in &version.criteria {
                let result = format!("{:?}", criterion.result).to_lowercase();
                say(&format!("    {}. {} ({result})", criterion.n, criterion.text));
            }
        }
        if !version.changes.is_empty() {
            say(&format!("    changed: {}", version.changes));
        }
    }
    if let Some(plan) = &report.plan {
        let mandatory = plan.criteria.iter().filter(|c| c.mandatory).count();
        say(&format!(
            "  plan: {} criteria, {mandatory} mandatory, {} missing",
            plan.criteria.len(),
            plan.missing.len()
        ));
    }
    for condition in &report.conditions {
        let owner = condition.owner.as_ref().map(|o| format!(", owner: {o}")).unwrap_or_default();
        let due = condition.due.map(|d| format!(", due {d}")).unwrap_or_default();
        let overdue = if condition.overdue { ", OVERDUE" } else { "" };
        say(&format!(
            "  condition of {}{owner}{due}{overdue}: \"{}\"",
            condition.who,
            table::short(&condition.text, 200)
        ));
    }
    for evidence in &report.manual {
        let place = evidence.link.clone().or_else(|| {
            let file = evidence.file.as_ref()?;
            Some(format!("{}, sha256 {}", file.name.as_deref().unwrap_or("a file"), file.sha256))
        });
        say(&format!(
            "  {} recorded by {} ({}), not verified: {} [{}]",
            evidence.kind.as_str(),
            evidence.by,
            evidence.name,
            evidence.note,
            place.unwrap_or_default()
        ));
    }
}

/// What people did, a line each.
pub fn print_acts(acts: &[DecisionAnswer]) {
    for act in acts {
        let undone = if act.undone { " (undone)" } else { "" };
        say(&format!("  {} {}: {}{undone}, {}: {}", act.at, act.by, act.did, act.name, act.reason));
    }
}

fn print_rows(rows: &[OpportunityRow]) {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.opportunity.to_string(),
                match &row.accepted_by {
                    Some(by) => format!("{} (accepted by {by})", row.standing.as_str()),
                    None => row.standing.as_str().to_owned(),
                },
                format!("{}/{}", row.confirmed, row.total),
                row.reason.clone().unwrap_or_default(),
                table::short(row.quote.as_deref().unwrap_or_default(), 60),
            ]
        })
        .collect();
    table::lines(&["opportunity", "standing", "criteria", "reason", "words"], &cells)
        .iter()
        .for_each(|l| say(l));
}
