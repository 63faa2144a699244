//! `endorsed review`: what is doubtful waits for a person, who decides with name and reason.

use std::io::Write as _;

use base64::Engine as _;
use clap::{Args, Subcommand, ValueEnum};

use super::ask::{ask, print_acts, print_reasons, refused};
use super::{FAILED, NO, say, say_json, table};
use crate::answer::{ActRequest, Choice, Request, Response, ReviewItem, Wanted};
use crate::config::Config;
use crate::model::{Address, OpportunityId, Verdict};

/// `endorsed review`
#[derive(Debug, Subcommand)]
pub enum Review {
    /// What waits for a person, oldest first.
    List(List),
    /// One mail with everything that a person needs to decide about it.
    Show(Show),
    /// The mail says a verdict: recorded as accepted by you, never as verified.
    Accept(Accept),
    /// The mail gives no verdict.
    Reject(About),
    /// The mail is not about this opportunity.
    NotAbout(About),
    /// The SE must say more first; the mail stays in the queue.
    AskSe(About),
    /// The alarm about a forged mail is dealt with; the mail counts as nothing.
    Clear(About),
    /// A declaration that names no opportunity belongs to this one.
    Link(Link),
    /// Take back what somebody did, by the name that `review show` and `show` print.
    Undo(Undo),
    /// Print decided replies as cases for `rules test`. They hold customers' words.
    Export(Export),
    /// Register an opportunity's amount, for the rule of the second person.
    Amount(Amount),
}

/// `endorsed review list`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed review show`
#[derive(Debug, Args)]
pub struct Show {
    /// Message-ID, or sha256 of a copy.
    message: String,
    /// Print the octets of the mail as they came. That you asked for them is recorded: needs --by and --reason.
    #[arg(long, requires = "by", requires = "reason", conflicts_with = "json")]
    raw: bool,
    /// Start of the copy's sha256, when different contents came under the Message-ID.
    #[arg(long, value_name = "SHA256", requires = "raw")]
    copy: Option<String>,
    /// With --raw: your name.
    #[arg(long, value_name = "NAME", requires = "raw")]
    by: Option<String>,
    /// With --raw: why.
    #[arg(long, value_name = "TEXT", requires = "raw")]
    reason: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed review export`
#[derive(Debug, Args)]
pub struct Export {
    /// Message-IDs or sha256 of copies; without any, every decided reply that was in the queue.
    messages: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Signed {
    /// Your name, or better your mail address.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Why; it is recorded and shown beside the decision.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A decision about a mail.
#[derive(Debug, Args)]
pub struct About {
    /// Message-ID, or sha256 of a copy.
    message: String,
    /// Start of the copy's sha256, when different contents came under the Message-ID.
    #[arg(long, value_name = "SHA256")]
    copy: Option<String>,
    /// The opportunity, for a mail that bears on several.
    #[arg(long, value_name = "ID")]
    opportunity: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

/// `endorsed review accept`
#[derive(Debug, Args)]
pub struct Accept {
    #[command(flatten)]
    about: About,
    /// What the mail says, when it is not the rules' best guess.
    #[arg(long, value_enum)]
    verdict: Option<Says>,
    /// The champion for whom the author speaks.
    #[arg(long = "for", value_name = "ADDRESS")]
    speaks_for: Option<String>,
}

/// What a mail can say.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Says {
    /// All criteria are met, without a condition.
    Confirmed,
    /// Yes, with a condition or in part.
    Conditional,
    /// Not yet.
    Deferred,
    /// No.
    Declined,
    /// Takes an earlier yes back.
    Retracted,
}

impl From<Says> for Verdict {
    fn from(says: Says) -> Self {
        match says {
            Says::Confirmed => Self::Confirmed,
            Says::Conditional => Self::Conditional,
            Says::Deferred => Self::Deferred,
            Says::Declined => Self::Declined,
            Says::Retracted => Self::Retracted,
        }
    }
}

/// `endorsed review link`
#[derive(Debug, Args)]
pub struct Link {
    /// Message-ID of the declaration, or sha256 of a copy.
    message: String,
    /// The opportunity's id.
    opportunity: String,
    /// Start of the copy's sha256, when different contents came under the Message-ID.
    #[arg(long, value_name = "SHA256")]
    copy: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

/// `endorsed review undo`
#[derive(Debug, Args)]
pub struct Undo {
    /// The decision's name.
    decision: String,
    #[command(flatten)]
    signed: Signed,
}

/// `endorsed review amount`
#[derive(Debug, Args)]
pub struct Amount {
    /// The opportunity's id.
    opportunity: String,
    /// Whole units of the CRM's currency.
    amount: u64,
    #[command(flatten)]
    signed: Signed,
}

/// Runs the command: 0 done, 1 refused or unknown, 2 could not tell.
pub fn run(review: Review, config: &Config) -> u8 {
    let asked = match review {
        Review::List(list) => return queue(&list, config),
        Review::Show(show) if show.raw => return raw(show, config),
        Review::Show(show) => return one(&show, config),
        Review::Export(wanted) => return export(wanted, config),
        Review::Accept(accept) => {
            let speaks_for = accept.speaks_for.map(|who| Address::new(&who).ok_or(who)).transpose();
            let verdict = accept.verdict.map(Verdict::from);
            speaks_for
                .map_err(|who| format!("`{who}` is no mail address"))
                .and_then(|speaks_for| decide(accept.about, Choice::Accept { verdict, speaks_for }))
        }
        Review::Reject(about) => decide(about, Choice::Reject),
        Review::NotAbout(about) => decide(about, Choice::NotAbout),
        Review::AskSe(about) => decide(about, Choice::AskSe),
        Review::Clear(about) => decide(about, Choice::Clear),
        Review::Link(link) => id(&link.opportunity).map(|opportunity| {
            (Wanted::Link { message: link.message, copy: link.copy, opportunity }, link.signed)
        }),
        Review::Undo(undo) => Ok((Wanted::Undo { act: undo.decision }, undo.signed)),
        Review::Amount(amount) => id(&amount.opportunity)
            .map(|opportunity| (Wanted::Amount { opportunity, amount: amount.amount }, amount.signed)),
    };
    match asked {
        Ok((what, signed)) => record(what, signed, config),
        Err(text) => {
            eprintln!("{text}");
            FAILED
        }
    }
}

fn decide(about: About, choice: Choice) -> Result<(Wanted, Signed), String> {
    let opportunity = about.opportunity.as_deref().map(id).transpose()?;
    Ok((Wanted::Decide { message: about.message, copy: about.copy, opportunity, choice }, about.signed))
}

fn id(text: &str) -> Result<OpportunityId, String> {
    OpportunityId::new(text).ok_or_else(|| format!("`{text}` is no opportunity id"))
}

/// Has an act recorded: 0 done, 1 refused, 2 could not.
pub fn record(what: Wanted, signed: Signed, config: &Config) -> u8 {
    let request = Request::Act(ActRequest { by: signed.by, reason: signed.reason, what });
    let response = ask(request, config);
    match &response {
        Response::Done { act, text, .. } => {
            if signed.json {
                say_json(&response)
            } else {
                say(&format!("recorded as {act}: {text}"))
            }
            0
        }
        Response::Refused { code, text } => {
            if signed.json {
                say_json(&response)
            }
            eprintln!("not recorded: {text} ({code})");
            NO
        }
        other => refused(other, signed.json),
    }
}

fn queue(list: &List, config: &Config) -> u8 {
    match ask(Request::Queue { after: None, limit: None }, config) {
        Response::Queue { items } => {
            if list.json {
                say_json(&serde_json::json!({ "items": items }));
            } else {
                print_queue(&items);
            }
            0
        }
        other => refused(&other, list.json),
    }
}

fn one(show: &Show, config: &Config) -> u8 {
    match ask(Request::Review { message: show.message.clone() }, config) {
        Response::Review { items } => {
            if show.json {
                say_json(&serde_json::json!({ "items": items }));
            } else {
                items.iter().for_each(print_item);
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

/// Prints the octets of a mail.
fn raw(show: Show, config: &Config) -> u8 {
    let (by, reason) = (show.by.unwrap_or_default(), show.reason.unwrap_or_default());
    let octets = match ask(Request::Raw { message: show.message, copy: show.copy, by, reason }, config) {
        Response::Raw { octets } => base64::engine::general_purpose::STANDARD.decode(octets),
        Response::Refused { text, .. } | Response::Unknown { text } => {
            eprintln!("{text}");
            return NO;
        }
        other => return refused(&other, false),
    };
    let written = octets.map_err(std::io::Error::other).and_then(|o| std::io::stdout().lock().write_all(&o));
    match written {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            FAILED
        }
    }
}

fn export(wanted: Export, config: &Config) -> u8 {
    let names = config.seller.names.clone();
    match ask(Request::Export { messages: wanted.messages, names }, config) {
        Response::Exported { cases } => {
            if wanted.json {
                say_json(&serde_json::json!({ "cases": cases }));
            } else {
                cases.iter().for_each(|case| say(case));
            }
            0
        }
        Response::Unknown { text } => {
            eprintln!("{text}");
            NO
        }
        other => refused(&other, wanted.json),
    }
}

fn print_queue(items: &[ReviewItem]) {
    if items.is_empty() {
        say("nothing waits for a person");
        return;
    }
    for item in items {
        let message = &item.message;
        let id = message.message_id.as_ref().map_or_else(|| message.sha256.clone(), |id| format!("<{id}>"));
        let deal = item.opportunity.as_ref().map_or("no opportunity", OpportunityId::as_str);
        let from = message.from.as_deref().unwrap_or("nobody");
        let state = if item.state == "open" { String::new() } else { format!(" [{}]", item.state) };
        say(&format!("{id}{state}"));
        say(&format!("  {deal}, {from}, {}: {}", item.at, guess(item)));
        print_readings(item);
        if let Some(reason) = item.why.first() {
            let more = item.why.len().saturating_sub(1);
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            say(&format!("  because {}: {}{more}", reason.code, reason.text));
        }
    }
    say(&format!("{} wait; `endorsed review show MESSAGE-ID` shows one", items.len()));
}

fn guess(item: &ReviewItem) -> String {
    let message = &item.message;
    let kind = format!("{:?}", message.kind).to_lowercase();
    let Some(verdict) = message.verdict else { return kind };
    let sure = if message.sure { "" } else { "?" };
    let author = message.authorship.as_deref().unwrap_or("nobody");
    format!("{}{sure}, author {author}", verdict.as_str())
}

fn print_readings(item: &ReviewItem) {
    let message = &item.message;
    for reading in message.readings.iter().take(2) {
        say(&format!("  could be {}: \"{}\"", reading.verdict.as_str(), table::short(&reading.words, 100)));
    }
    if message.readings.is_empty() {
        let words = if message.quote.is_empty() { &message.fresh_text } else { &message.quote };
        say(&format!("  \"{}\"", table::short(words, 100)));
    }
}

fn print_item(item: &ReviewItem) {
    let message = &item.message;
    let deal = item.opportunity.as_ref().map_or("no opportunity", OpportunityId::as_str);
    let standing = item.standing.map_or(String::new(), |s| format!(" ({})", s.as_str()));
    say(&format!("<{}>  {}", message.message_id.as_deref().unwrap_or("-"), item.state));
    say(&format!("  sha256 {}", message.sha256));
    say(&format!("  {deal}{standing}, {}, {}", message.from.as_deref().unwrap_or("nobody"), item.at));
    say(&format!("  best guess: {}", guess(item)));
    print_readings(item);
    for (title, text) in [
        ("typed", &message.fresh_text),
        ("perhaps typed", &message.unsure_text),
        ("signature", &message.signature_text),
    ] {
        if !text.trim().is_empty() {
            say(&format!("  {title}:"));
            text.lines().for_each(|line| say(&format!("    | {line}")));
        }
    }
    print_reasons(&item.why);
    print_acts(&item.decisions);
}
