//! `endorsed check-mailbox`: everything that stands between a configuration and a watched mailbox, with a fix for each
//! failure. Reads, and changes nothing.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::judge::open_resolver;
use super::run::mailbox;
use super::{FAILED, NO, runtime, say, say_json, table};
use crate::answer::{Request, Response};
use crate::config::{Config, MailboxSection};
use crate::daemon::Mailbox;
use crate::edge::finding::{Finding, Grade};
use crate::edge::outbox::Outbox;
use crate::edge::{imap, mailfile, socket};
use crate::model::KeyState;
use crate::parse::parse;
use crate::pipeline::needs;
use crate::verify::AuthenticationResults;

/// Newest messages of a Maildir that are looked at.
const NEWEST: usize = 5;

/// `endorsed check-mailbox`
#[derive(Debug, Args)]
pub struct CheckMailbox {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One finding and what it is about.
#[derive(Debug, Serialize)]
struct Row {
    about: String,
    #[serde(flatten)]
    finding: Finding,
}

/// Runs all checks: 0 all well (warnings too), 1 something does not work, 2 the checks could not be made.
pub fn run(options: &CheckMailbox, config: &Config) -> u8 {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return FAILED;
        }
    };
    let mut rows = Vec::new();
    let mut newest = Vec::new();
    if config.mailbox.is_empty() {
        let fix = "Add a [[mailbox]] block; `endorsed init --imap` writes one to start from.";
        rows.push(Row {
            about: "configuration".into(),
            finding: Finding::failed("mailbox", "none is configured", fix),
        });
    }
    for section in &config.mailbox {
        let about = section
            .user
            .clone()
            .unwrap_or_else(|| section.path.iter().map(|p| p.display().to_string()).collect());
        let (mut findings, mails) = runtime.block_on(check_mailbox(section));
        findings.extend(authserv_id(config, &mails));
        rows.extend(findings.into_iter().map(|finding| Row { about: about.clone(), finding }));
        newest.extend(mails);
    }
    let others = [runtime.block_on(dns(config, &newest)), store(config)].into_iter();
    let all = others.chain(runtime.block_on(smtp(config)));
    rows.extend(all.map(|finding| Row { about: finding.check.to_owned(), finding }));
    let well = rows.iter().all(|row| row.finding.result != Grade::Failed);
    if options.json {
        say_json(&serde_json::json!({ "ok": well, "checks": rows }));
    } else {
        print(&rows);
    }
    if well { 0 } else { NO }
}

async fn check_mailbox(section: &MailboxSection) -> (Vec<Finding>, Vec<Vec<u8>>) {
    match mailbox(section) {
        Some(Mailbox::Imap(settings)) => {
            let mut probed = imap::probe(&settings).await;
            probed.findings.extend(section.secret_files().into_iter().filter_map(open_to_others));
            (probed.findings, probed.newest)
        }
        Some(Mailbox::Maildir(settings)) => maildir(&settings.path),
        Some(Mailbox::Lmtp(listen)) => {
            let text = format!("a local mail server hands mail over at {listen}");
            (vec![Finding::ok("listen", text)], Vec::new())
        }
        None => {
            let fix = "Run `endorsed check-config`.";
            (vec![Finding::failed("settings", "the block is not complete", fix)], Vec::new())
        }
    }
}

fn open_to_others(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        let text = format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777);
        Finding::warning("secret", text, format!("chmod 600 {}", path.display()))
    })
}

fn maildir(path: &Path) -> (Vec<Finding>, Vec<Vec<u8>>) {
    let unreadable = |text: String| {
        let fix = "`path` must hold cur, new and tmp, and the daemon's user must be allowed to read them.";
        (vec![Finding::failed("folder", text, fix)], Vec::new())
    };
    let parts = ["cur", "new"].map(|part| std::fs::read_dir(path.join(part)));
    if let Some(Err(error)) = parts.iter().find(|part| part.is_err()) {
        return unreadable(format!("{}: {error}", path.display()));
    }
    let files = parts.into_iter().flatten().flatten().flatten();
    let mut files: Vec<_> =
        files.filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path()))).collect();
    files.sort();
    let count = files.len();
    let mut mails = Vec::new();
    for (_, file) in files.iter().rev().take(NEWEST) {
        match mailfile::read(file) {
            Ok(found) => mails.extend(found.into_iter().map(|(_, raw)| raw)),
            Err(error) => return unreadable(error.to_string()),
        }
    }
    (vec![Finding::ok("folder", format!("{}: {count} messages", path.display()))], mails)
}

/// Whether the newest mail carries the results of the server that `[receiver]` trusts.
fn authserv_id(config: &Config, mails: &[Vec<u8>]) -> Option<Finding> {
    let mut seen: Vec<String> = Vec::new();
    for raw in mails {
        let message = parse(raw);
        let fields = message.header("Authentication-Results");
        seen.extend(fields.filter_map(|field| AuthenticationResults::parse(field)?.authserv_id));
    }
    seen.sort();
    seen.dedup();
    let shown = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    let wanted = config.receiver.as_ref().map(|section| section.receiver().authserv_id);
    match wanted {
        _ if mails.is_empty() => None,
        None if seen.is_empty() => {
            Some(Finding::ok("authserv_id", "the newest mail carries no Authentication-Results"))
        }
        None => Some(Finding::warning(
            "authserv_id",
            format!("Authentication-Results by {shown}; [receiver] trusts nobody's"),
            "If one of them is your own receiving server, name it in [receiver] as a second witness.",
        )),
        Some(None) => Some(Finding::ok("authserv_id", format!("by preset; seen with a name: {shown}"))),
        Some(Some(id)) if seen.contains(&id) => {
            Some(Finding::ok("authserv_id", format!("{id}, as configured")))
        }
        Some(Some(id)) => Some(Finding::failed(
            "authserv_id",
            format!("[receiver] trusts {id}; the newest mail carries {shown}"),
            "Set `authserv_id` to the one that your own server writes, never to one that you only know from mail.",
        )),
    }
}

/// Looks up the key of a newest mail's signature, or any key name of the seller's.
async fn dns(config: &Config, mails: &[Vec<u8>]) -> Finding {
    let resolver = match open_resolver(config.dns.as_ref().map(|d| &d.file)) {
        Ok(resolver) => resolver,
        Err(error) => {
            return Finding::failed("dns", error.to_string(), "Name a working resolver in /etc/resolv.conf.");
        }
    };
    let signed = mails.iter().flat_map(|raw| needs(&parse(raw)).keys).next();
    let own = config.seller.domains.first().map(|domain| format!("default._domainkey.{domain}"));
    let Some(name) = signed.or(own) else { return Finding::ok("dns", "no name to look up") };
    match resolver.key(&name, Timestamp::now()).await.state {
        KeyState::Found(_) => Finding::ok("dns", format!("the key {name} is there")),
        KeyState::Absent => Finding::ok("dns", format!("the resolver answers; {name} has no key")),
        KeyState::Temporary | KeyState::Unreachable => Finding::failed(
            "dns",
            format!("no answer about {name}"),
            "Without keys no author can be verified: check the resolver of /etc/resolv.conf and that port 53 is let out.",
        ),
    }
}

fn store(config: &Config) -> Finding {
    let path = &config.store.path;
    match socket::ask(path, &Request::Ready) {
        Some(Response::Ready(readiness)) => {
            let text = format!("held by the running daemon, {} entries", readiness.size);
            return match readiness.reasons.first() {
                Some(reason) => Finding::warning(
                    "store",
                    format!("{text}; {}", reason.text),
                    reason.fix.clone().unwrap_or_default(),
                ),
                None => Finding::ok("store", text),
            };
        }
        Some(_) => return Finding::failed("store", "the daemon does not answer", "See its log."),
        None => {}
    }
    let fix = "The folder must belong to the daemon's user (mode 0700) on a local disk; try `endorsed store check`.";
    if path.join("journal").exists() || path.join("index").exists() {
        return match standing(path) {
            Ok(text) => Finding::ok("store", format!("{}: {text}", path.display())),
            Err(text) => Finding::failed("store", text, fix),
        };
    }
    if path.exists() && !path.is_dir() {
        return Finding::failed("store", format!("{} is no folder", path.display()), fix);
    }
    let parent = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    match tempfile::tempfile_in(parent) {
        Ok(_) => Finding::ok("store", format!("{}: made by the first start", path.display())),
        Err(error) => Finding::failed("store", format!("{}: {error}", parent.display()), fix),
    }
}

/// What a store's folder says without being opened: opening one may mend it, with files of whoever looks.
fn standing(path: &Path) -> Result<String, String> {
    let fail = |file: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let owner = std::fs::metadata(path).map_err(|e| fail(path, &e))?.uid();
    for entry in std::fs::read_dir(path).map_err(|e| fail(path, &e))? {
        let entry = entry.map_err(|e| fail(path, &e))?;
        let found = entry.metadata().map_err(|e| fail(&entry.path(), &e))?;
        if found.uid() != owner {
            let text = format!("belongs to user {}, and the folder to user {owner}", found.uid());
            return Err(fail(&entry.path(), &text));
        }
    }
    let journal = path.join("journal");
    let octets =
        std::fs::File::open(&journal).and_then(|file| file.metadata()).map_err(|e| fail(&journal, &e))?;
    Ok(format!("a journal of {} octets; `endorsed store check` reads it", octets.len()))
}

async fn smtp(config: &Config) -> Option<Finding> {
    let outbox = match config.outbox() {
        Ok(outbox) => outbox?,
        Err(error) => {
            return Some(Finding::failed("smtp", error.to_string(), "Run `endorsed check-config`."));
        }
    };
    match outbox {
        Outbox::Smtp(smtp) => Some(match smtp.probe().await {
            Ok(()) => Finding::ok("smtp", "connects and signs in; nothing was sent"),
            Err(text) => Finding::failed(
                "smtp",
                text,
                "Check [smtp]: port 587 wants tls = \"starttls\", 465 \"implicit\"; the account must be allowed to send.",
            ),
        }),
        Outbox::Folder(folder) => {
            let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
            Some(match tempfile::tempfile_in(there) {
                Ok(_) => Finding::ok("smtp", format!("letters go into {}", folder.display())),
                Err(error) => {
                    let text = format!("{}: {error}", folder.display());
                    Finding::failed(
                        "smtp",
                        text,
                        "The daemon's user must be allowed to write into [outbox] dir.",
                    )
                }
            })
        }
    }
}

fn print(rows: &[Row]) {
    let word = |grade| match grade {
        Grade::Ok => "ok",
        Grade::Warning => "warning",
        Grade::Failed => "FAILED",
    };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let Finding { check, result, text, .. } = &row.finding;
            vec![row.about.clone(), (*check).to_owned(), word(*result).to_owned(), text.clone()]
        })
        .collect();
    table::lines(&["about", "check", "result", "found"], &cells).iter().for_each(|line| say(line));
    for row in rows {
        if let Some(fix) = &row.finding.fix {
            say(&format!("\n{} ({}): {fix}", row.finding.check, row.about));
        }
    }
}
