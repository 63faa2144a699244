//! `endorsed demo`: the whole daemon on embedded defaults, in a scratch folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use super::{FAILED, ask::print_reasons, logging, say, table};
use crate::answer::{GateOrder, Request, Response, Role};
use crate::config::{Config, load_rules, shipped_gates};
use crate::daemon::{self, Daemon, Desk, Engine, Mailbox, SeenAt, examples};
use crate::edge::dns::Resolver;
use crate::edge::http::Settings;
use crate::edge::maildir;
use crate::edge::store::{OpenOptions, Store};
use crate::edge::tokens::Tokens;
use crate::model::{Address, OpportunityId, Policy, Seller};

/// How long the replay of one conversation may take before the demo gives up.
const CONVERSATION_WAIT: Duration = Duration::from_secs(20);
/// The demo's seller.
const DOMAIN: &str = "northwind-labs.example";
/// The name under which a visitor of the demo's pages decides.
const VISITOR: &str = "you@northwind-labs.example";

/// `endorsed demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the replay instead of serving until Ctrl-C.
    #[arg(long)]
    once: bool,
}

/// A conversation of `fixtures/conversations`.
struct Conversation {
    facts: Facts,
    mails: Vec<(String, &'static [u8])>,
}

/// The part of `facts.toml` that the demo shows.
#[derive(Debug, Deserialize)]
struct Facts {
    title: String,
    opportunity: Option<OpportunityId>,
}

/// Runs the demo.
pub fn run(demo: &Demo) -> u8 {
    logging::install(true);
    match replay(demo) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the demo failed: {error}");
            FAILED
        }
    }
}

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

fn replay(demo: &Demo) -> Anyhow<()> {
    let scratch = tempfile::Builder::new().prefix("endorsed-demo-").tempdir()?;
    let maildir = scratch.path().join("maildir");
    for folder in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(maildir.join(folder))?;
    }
    let letters = scratch.path().join("letters");
    let daemon = assemble(scratch.path(), &maildir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended: Anyhow<()> = runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn(daemon::run(daemon, stopped, |address, desk| {
            let _ = ready.send((address, desk));
        }));
        let (address, desk) = is_ready.await?;
        let address = address.ok_or("no HTTP address")?;
        say(&format!("scratch folder: {}", scratch.path().display()));
        say(&format!("serving on http://{address}/v1/opportunities"));
        // For whoever plays with the demo: its folder goes when it ends.
        let token = Tokens::new(&scratch.path().join("store")).create(VISITOR, Role::Admin, None)?;
        let conversations = conversations()?;
        let shown = Arc::clone(&desk);
        tokio::task::spawn_blocking(move || {
            show_all(&conversations, &maildir, &shown)
                .and_then(|()| show_letters(&conversations, &letters, &shown))
                .map_err(|e| e.to_string())
        })
        .await??;
        if !demo.once {
            say("\nStill serving; Ctrl-C ends.");
            say(&format!(
                "  pages:   http://{address}/  (a review is decided after signing in with the token)"
            ));
            say(&format!("  sign in: http://{address}/sign-in"));
            say(&format!("  token:   {token}"));
            say(&format!("  curl 'http://{address}/v1/gate?opportunity=OPP-31001&to=commercial_review'"));
            tokio::signal::ctrl_c().await?;
        }
        stop.send_replace(true);
        Ok(running.await??)
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    ended
}

fn assemble(scratch: &Path, maildir: &Path) -> Anyhow<Daemon> {
    let keys = crate::embedded::CONVERSATIONS.iter().find(|(name, _)| *name == "dns.json");
    let dns = scratch.join("dns.json");
    std::fs::write(&dns, keys.map_or(&b"{}"[..], |(_, bytes)| bytes))?;
    let seller = Seller {
        domains: vec![DOMAIN.into()],
        names: vec!["Northwind".into(), "Cascade".into()],
        evidence: Address::new(&format!("evidence@{DOMAIN}")).ok_or("no evidence address")?,
    };
    let policy = Policy { trust_declared_champions: true, ..Policy::of(seller) };
    let store = scratch.join("store");
    let engine = Engine::new(
        Store::open(&store, OpenOptions { create: true, ..OpenOptions::default() })?,
        load_rules(None)?,
        policy,
        Resolver::file(&dns)?,
    );
    Ok(Daemon {
        desk: Desk::new(engine, shipped_gates()?),
        outbox: None,
        mailboxes: vec![Mailbox::Maildir(maildir::Settings {
            poll: Duration::from_secs(1),
            ..maildir::Settings::new(maildir)
        })],
        http: Some(Settings::loopback(0)),
        socket: store,
        seen_at: SeenAt::Message,
    })
}

/// The embedded conversations in order of their names.
fn conversations() -> Anyhow<Vec<Conversation>> {
    let mut folders: BTreeMap<&str, Vec<(&str, &'static [u8])>> = BTreeMap::new();
    for (path, bytes) in crate::embedded::CONVERSATIONS {
        if let Some((folder, file)) = path.split_once('/') {
            folders.entry(folder).or_default().push((file, bytes));
        }
    }
    let mut conversations = Vec::new();
    for (folder, files) in folders {
        let Some((_, facts)) = files.iter().find(|(name, _)| *name == "facts.toml") else { continue };
        let facts = toml::from_str(std::str::from_utf8(facts)?)?;
        let mails = files.iter().filter(|(name, _)| name.ends_with(".eml"));
        let mails = mails.map(|(name, bytes)| (format!("{folder}.{name}"), *bytes)).collect();
        conversations.push(Conversation { facts, mails });
    }
    Ok(conversations)
}

fn show_all(conversations: &[Conversation], maildir: &Path, desk: &Desk) -> Anyhow<()> {
    let mut rows = Vec::new();
    for conversation in conversations {
        for (name, bytes) in &conversation.mails {
            deliver(maildir, name, bytes)?;
            wait_for(desk, bytes)?;
        }
        let Some(id) = &conversation.facts.opportunity else { continue };
        let Response::Opportunity(answer) = desk.answer(Request::Show { what: id.to_string() }) else {
            return Err(format!("{id} is not on record").into());
        };
        let report = &answer.report;
        let code = report.reasons.first().map_or_else(String::new, |r| r.code.clone());
        let title = table::short(&conversation.facts.title, 58);
        rows.push(vec![id.to_string(), report.standing.as_str().to_owned(), code, title]);
    }
    say("");
    table::lines(&["opportunity", "standing", "reason", "what happened"], &rows).iter().for_each(|l| say(l));
    show_gates(conversations, desk)
}

/// Two gate answers: one allowed, one not.
fn show_gates(conversations: &[Conversation], desk: &Desk) -> Anyhow<()> {
    let mut shown = [false, false];
    for id in conversations.iter().filter_map(|c| c.facts.opportunity.clone()) {
        let to = "commercial_review".to_owned();
        let Response::Gate(answer) = desk.answer(Request::Gate { opportunity: id, to }) else {
            return Err("the gate did not answer".into());
        };
        let Some(slot) = shown.get_mut(usize::from(answer.allowed)) else { continue };
        if std::mem::replace(slot, true) {
            continue;
        }
        if !answer.allowed {
            // As a CRM would: the question stands in the queue until the answer is yes.
            let (opportunity, to) = (answer.opportunity.clone(), answer.to.clone());
            let by = "crm".to_owned();
            desk.answer(Request::Official(GateOrder { opportunity, to, by, record: true, receipt: false }));
        }
        let word = if answer.allowed { "ALLOWED" } else { "NOT ALLOWED" };
        say(&format!(
            "\n{word}: may {} move to {}? (standing: {})",
            answer.opportunity,
            answer.to,
            answer.standing.as_str()
        ));
        for evidence in &answer.evidence {
            say(&format!("  \"{}\"", table::short(&evidence.quote, 100)));
        }
        print_reasons(&answer.reasons);
    }
    if shown == [true, true] {
        Ok(())
    } else {
        Err("expected one gate to open and one to stay closed".into())
    }
}

/// Writes the letters that the daemon would have written as the mails came in. Sending is nothing for a demo of old mail.
fn show_letters(conversations: &[Conversation], folder: &Path, desk: &Desk) -> Anyhow<()> {
    std::fs::create_dir_all(folder)?;
    let config = folder.with_file_name("endorsed.toml");
    std::fs::write(
        &config,
        format!("[seller]\ndomains = [\"{DOMAIN}\"]\nevidence = \"evidence@{DOMAIN}\"\n"),
    )?;
    let settings = Config::read(&config)?.letters()?;
    let mut rows = Vec::new();
    let mut told = BTreeSet::new();
    let mut count = 0;
    for id in conversations.iter().filter_map(|c| c.facts.opportunity.as_ref()) {
        for letter in examples(&desk.engine, &settings, id)? {
            let letter = letter?;
            count += 1;
            std::fs::write(
                folder.join(format!("{id}.{}.{}.eml", letter.rule, letter.to)),
                &letter.written.raw,
            )?;
            // One of each kind is enough to read.
            if told.insert(letter.rule.clone()) {
                let subject = table::short(&letter.written.subject, 58);
                rows.push(vec![id.to_string(), letter.rule, letter.to.to_string(), subject]);
            }
        }
    }
    if rows.is_empty() {
        return Err("no letter was written".into());
    }
    say(&format!(
        "\n{count} letters, as written when the mail came in, are in {}; one of each kind:",
        folder.display()
    ));
    table::lines(&["opportunity", "letter", "to", "subject"], &rows).iter().for_each(|l| say(l));
    Ok(())
}

/// Delivers into the Maildir the way an MTA does: write in tmp, rename into new.
fn deliver(maildir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let draft: PathBuf = maildir.join("tmp").join(name);
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, maildir.join("new").join(name))
}

/// Waits until the mail is on record and nothing waits to be considered.
fn wait_for(desk: &Desk, bytes: &[u8]) -> Anyhow<()> {
    let digest = crate::model::Digest::of(bytes);
    let start = Instant::now();
    while start.elapsed() < CONVERSATION_WAIT {
        if desk.engine.store.outcome(&digest)?.is_some() && desk.engine.store.todo_len() == 0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err("a mail was not considered in time".into())
}
