//! The command line (CONTRACT "Command line"). Exit status: 0 yes or done, 1 no, 2 could not tell or failed;
//! `run` and `check-config` end with 78 on a bad configuration, `run` with 77 on refused credentials.

mod ask;
mod check;
mod crm;
mod deal;
mod declare;
mod demo;
mod doctor;
mod explain;
mod facts;
mod gates;
mod generate;
mod ingest;
mod init;
mod judge;
mod logging;
mod pack;
mod prompts;
mod quarantine;
mod receipt;
mod rejudge;
mod retention;
mod review;
mod rules;
mod run;
mod status;
mod store;
mod tokens;
mod verify;
mod webhooks;

use crate::text::table;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::config::{Config, DEFAULT_PATH};

/// Exit status "no".
const NO: u8 = 1;
/// Exit status "could not tell or failed": callers treat it as no.
const FAILED: u8 = 2;
/// Exit status of `run` when the mail server refuses the credentials (EX_NOPERM): restarting can not help.
const CREDENTIALS: u8 = 77;
/// Exit status of `run` and `check-config` on a bad configuration (EX_CONFIG).
const CONFIG: u8 = 78;

/// Turns email into proof: verified written endorsements from an evidence mailbox.
#[derive(Debug, Parser)]
#[command(
    name = "endorsed",
    version,
    about,
    after_help = "Example:\n  endorsed gate OPP-20417 --to commercial_review && echo go"
)]
struct Cli {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay the shipped conversations through a whole daemon in a scratch folder.
    #[command(after_help = "Example:\n  endorsed demo --once")]
    Demo(demo::Demo),
    /// Watch the mailboxes, record, and answer.
    #[command(after_help = "Example:\n  endorsed run --config /etc/endorsed/endorsed.toml")]
    Run,
    /// Say what mails mean, without a store: writes nothing, sends nothing.
    #[command(after_help = "Example:\n  endorsed judge --json --dns keys.json thread/*.eml")]
    Judge(judge::Judge),
    /// Say which words of a reply made its verdict, what stopped what, and why no other verdict came out.
    #[command(after_help = "Example:\n  endorsed explain thread/*.eml")]
    Explain(explain::Explain),
    /// Take mails into the record; the same mail twice counts once. Never prompts.
    #[command(after_help = "Example:\n  endorsed ingest archive.mbox")]
    Ingest(ingest::Ingest),
    /// Read a mailbox into the record at once, with the time that it still takes; the same mail twice counts once. Never
    /// prompts.
    #[command(after_help = "Example:\n  endorsed backfill --since 2024-01-01 --dry-run")]
    Backfill(ingest::Backfill),
    /// May this opportunity move to that stage? Ends with 0 for yes, 1 for no, 2 for could not tell.
    #[command(after_help = "Example:\n  endorsed gate OPP-20417 --to commercial_review")]
    Gate(ask::Gate),
    /// Facts that gates ask for: what was stated, by whom, and state one.
    #[command(
        subcommand,
        after_help = "Example:\n  endorsed facts set OPP-20417 trial_deployed yes --by kim@northwind.example --reason 'in their VPC since Monday'"
    )]
    Facts(facts::Facts),
    /// Take what the CRM says from CSV: stages, dates, people, amounts, outcomes. It proves nothing.
    #[command(
        after_help = "Example:\n  endorsed import crm.csv --dry-run --by ana@northwind.example --reason 'nightly export'"
    )]
    Import(crm::Import),
    /// Write all opportunities as CSV, for an upsert into the CRM.
    #[command(after_help = "Example:\n  endorsed export -o for-crm.csv")]
    Export(crm::Export),
    /// Record how an opportunity ended.
    #[command(
        after_help = "Example:\n  endorsed outcome OPP-20417 lost --by ana@northwind.example --reason 'chose to build it'"
    )]
    Outcome(crm::Outcome),
    /// Reports over all opportunities.
    #[command(
        subcommand,
        after_help = "Example:\n  endorsed report metrics --from 2026-10-01 --to 2026-12-31"
    )]
    Report(crm::Report),
    /// Check a gates file, or run the examples in it.
    #[command(subcommand, after_help = "Example:\n  endorsed gates test /etc/endorsed/gates.toml")]
    Gates(gates::GatesCommand),
    /// Everything about one opportunity (or about a declaration without one, by its Message-ID).
    #[command(after_help = "Example:\n  endorsed show OPP-20417")]
    Show(ask::Show),
    /// All opportunities with their standing.
    #[command(after_help = "Example:\n  endorsed list --json")]
    List(ask::List),
    /// Write the win email from the criteria, or look at one before it is sent.
    #[command(
        after_help = "Example:\n  endorsed declare OPP-20417 --criteria acme.toml --from kim@northwind-labs.example --eml win.eml\n  endorsed declare --check win.eml"
    )]
    Declare(declare::Declare),
    /// Letters: those on record, those to come, and orders about them.
    #[command(subcommand, after_help = "Example:\n  endorsed prompts list")]
    Prompts(prompts::Prompts),
    /// Check or test the rule files.
    #[command(subcommand, after_help = "Example:\n  endorsed rules test --rules /etc/endorsed/rules")]
    Rules(rules::Rules),
    /// Read the stored mail again with the rules as they are now and show the verdicts that change.
    #[command(after_help = "Example:\n  endorsed rejudge --rules /etc/endorsed/rules.new")]
    Rejudge(rejudge::Rejudge),
    /// Write one archive from which anybody can check where an opportunity stands, without this program.
    #[command(after_help = "Example:\n  endorsed pack OPP-20417 -o acme.tar.gz")]
    Pack(pack::Pack),
    /// Write the letter that shows somebody else the champion's verified words: six lines and the original mail.
    #[command(after_help = "Example:\n  endorsed proof OPP-20417 -o for-the-vp.eml")]
    Proof(pack::Proof),
    /// Recompute the whole record, or the log alone, and name whatever was changed.
    #[command(after_help = "Example:\n  endorsed verify --log --seen 4711:9c1e…")]
    Verify(verify::Verify),
    /// See and settle messages that were set aside: unreadable for the server, too large, removed before we read them.
    #[command(subcommand, after_help = "Example:\n  endorsed quarantine list")]
    Quarantine(quarantine::Quarantine),
    /// What is doubtful waits here for a person: look, decide, link, undo.
    #[command(subcommand, after_help = "Example:\n  endorsed review list")]
    Review(review::Review),
    /// Copy, check, export or import the store.
    #[command(subcommand, after_help = "Example:\n  endorsed store backup /var/backups/endorsed-2026-11-22")]
    Store(store::StoreCommand),
    /// Who may ask over HTTP: make, list and revoke tokens.
    #[command(subcommand, after_help = "Example:\n  endorsed tokens create salesforce --role gate")]
    Tokens(tokens::TokensCommand),
    /// Webhooks: what waits, what was given up; send it again.
    #[command(subcommand, after_help = "Example:\n  endorsed webhooks list")]
    Webhooks(webhooks::WebhooksCommand),
    /// Print the OpenAPI document of the HTTP interface.
    #[command(after_help = "Example:\n  endorsed openapi > endorsed.json")]
    Openapi,
    /// Register what the Mutual Success Plan calls for.
    #[command(
        subcommand,
        after_help = "Example:\n  endorsed plan import plan.csv --by kim@northwind.example"
    )]
    Plan(deal::Plan),
    /// Erase mail for good: its octets and what the entries tell of it. The log stays and still verifies.
    #[command(
        after_help = "Example:\n  endorsed erase dana@acme.example --by ana@northwind.example --reason 'asked us to, GDPR Art. 17'"
    )]
    Erase(deal::Erase),
    /// List what is older than `[retention]` lets it be kept, or erase it. The daemon erases it every day.
    #[command(after_help = "Example:\n  endorsed retention --apply")]
    Retention(retention::Retention),
    /// Record evidence that is no mail: shown, never verified.
    #[command(
        subcommand,
        after_help = "Example:\n  endorsed evidence add OPP-20417 --kind scorecard --file card.pdf --by kim@northwind.example --note 'signed on site'"
    )]
    Evidence(deal::Evidence),
    /// Write a commented configuration to start from.
    #[command(
        after_help = "Example:\n  endorsed init --microsoft365 --evidence evidence@northwind.example -o endorsed.toml"
    )]
    Init(init::Init),
    /// Check everything that a watched mailbox needs, step by step, with a fix for each failure. Changes nothing.
    #[command(after_help = "Example:\n  endorsed check-mailbox --config endorsed.toml")]
    CheckMailbox(doctor::CheckMailbox),
    /// Say how the running daemon is: mailboxes read lately, mail that waits, mail that was set aside.
    #[command(after_help = "Example:\n  endorsed status --json")]
    Status(status::Status),
    /// Write the manual page.
    #[command(after_help = "Example:\n  endorsed man | man -l -")]
    Man(generate::Man),
    /// Write the completions of a shell.
    #[command(after_help = "Example:\n  endorsed completions bash > /etc/bash_completion.d/endorsed")]
    Completions(generate::Completions),
    /// Check the configuration and every file that it names.
    #[command(after_help = "Example:\n  endorsed check-config --config endorsed.toml")]
    CheckConfig,
}

/// Options of the commands that judge mail.
#[derive(Debug, Args)]
struct Judging {
    /// DKIM keys from a JSON object (name to TXT value) instead of the resolver.
    #[arg(long, value_name = "FILE")]
    dns: Option<PathBuf>,
    /// Accounts file instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Rules folder instead of the configuration's or the shipped one.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// The time at which the mail counts as first seen, instead of its own (RFC 3339).
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let path = cli.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    let code = match cli.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Run => run::run(&path),
        Command::CheckConfig => check::run(&path),
        Command::Man(man) => generate::man(&man),
        Command::Completions(completions) => generate::completions(&completions),
        Command::Init(init) => init::run(&init),
        Command::CheckMailbox(options) => with_config(&path, |config| doctor::run(&options, &config)),
        Command::Status(status) => with_config(&path, |config| status::run(&status, &config)),
        Command::Rules(rules) => rules::run(&rules, cli.config.as_deref()),
        Command::Judge(judge) => with_config(&path, |config| judge::run(&judge, &config)),
        Command::Explain(explain) => with_config(&path, |config| explain::run(&explain, &config)),
        Command::Backfill(options) => with_config(&path, |config| ingest::backfill(&options, &config)),
        Command::Ingest(ingest) => with_config(&path, |config| ingest::run(&ingest, &config)),
        Command::Pack(pack) => with_config(&path, |config| pack::pack(&pack, &config)),
        Command::Proof(proof) => with_config(&path, |config| pack::proof(&proof, &config)),
        Command::Store(store) => with_config(&path, |config| store::run(&store, &config)),
        Command::Tokens(tokens) => with_config(&path, |config| tokens::run(&tokens, &config)),
        Command::Webhooks(hooks) => with_config(&path, |config| webhooks::run(&hooks, &config)),
        Command::Openapi => {
            say_json(&crate::edge::http::document());
            0
        }
        Command::Verify(verify) => verify::run(&verify, &path),
        Command::Import(import) => with_config(&path, |config| crm::import(import, &config)),
        Command::Export(export) => with_config(&path, |config| crm::export(&export, &config)),
        Command::Outcome(outcome) => with_config(&path, |config| crm::outcome(outcome, &config)),
        Command::Report(report) => with_config(&path, |config| crm::report(report, &config)),
        Command::Facts(facts) => with_config(&path, |config| facts::run(facts, &config)),
        Command::Gates(gates) => gates::run(&gates, cli.config.as_deref()),
        Command::Gate(gate) => with_config(&path, |config| ask::gate(&gate, &config)),
        Command::Show(show) => with_config(&path, |config| ask::show(&show, &config)),
        Command::Rejudge(rejudge) => with_config(&path, |config| rejudge::run(rejudge, &config)),
        Command::Quarantine(act) => with_config(&path, |config| quarantine::run(act, &config)),
        Command::Review(review) => with_config(&path, |config| review::run(review, &config)),
        Command::Declare(declare) => with_config(&path, |config| declare::run(&declare, &config)),
        Command::Prompts(prompts) => with_config(&path, |config| prompts::run(&prompts, &config)),
        Command::Plan(plan) => with_config(&path, |config| deal::plan(plan, &config)),
        Command::Erase(erase) => with_config(&path, |config| deal::erase(erase, &config)),
        Command::Retention(act) => with_config(&path, |config| retention::run(&act, &config)),
        Command::Evidence(evidence) => with_config(&path, |config| deal::evidence(evidence, &config)),
        Command::List(list) => with_config(&path, |config| ask::list(&list, &config)),
    };
    ExitCode::from(code)
}

fn with_config(path: &Path, command: impl FnOnce(Config) -> u8) -> u8 {
    match Config::read(path) {
        Ok(config) => command(config),
        Err(error) => {
            eprintln!("{error}");
            FAILED
        }
    }
}

/// Prints one line to standard output; a closed pipe is no reason to panic.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints a value as JSON on one line.
fn say_json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => say(&text),
        Err(error) => eprintln!("could not write JSON: {error}"),
    }
}

/// A runtime for commands that need the network for a moment.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
