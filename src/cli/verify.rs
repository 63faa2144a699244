//! `endorsed verify`: is everything as it was written?

use std::path::{Path, PathBuf};

use clap::Args;

use super::{FAILED, NO, say, say_json, with_config};
use crate::answer::pack::{Files, PackReport};
use crate::answer::{self, LogAnswer, LogQuestion, Request, Response};
use crate::config::Config;
use crate::edge::store::{LOCK_WAIT, audit_folder};
use crate::edge::{archive, dkim, socket};
use crate::model::{Body, Claim};
use crate::parse::parse;
use crate::record::log::{Audit, Finding, Scope, SeenHead};

/// `endorsed verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// A pack, or the folder into which it was unpacked, instead of the record.
    #[arg(value_name = "PACK")]
    pack: Option<PathBuf>,
    /// The log's verifier key (`NAME+ID+BASE64`) as you got it in another way than with the pack or the receipt.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The log alone: journal, hashes and signed head, without raw mail and index.
    #[arg(long, conflicts_with = "pack")]
    log: bool,
    /// `log_size:log_root` of an answer that was given earlier: is it still in the log?
    #[arg(long, value_name = "SIZE:ROOT", conflicts_with = "pack")]
    seen: Option<SeenHead>,
    /// A receipt of a gate (`GET /v1/gate?…&receipt=true`) instead of the record.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pack", "log", "seen"])]
    receipt: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Verifies: 0 all is well, 1 something was changed, 2 could not tell.
pub fn run(verify: &Verify, path: &Path) -> u8 {
    if let Some(file) = &verify.receipt {
        return super::receipt::run(file, verify.key.as_deref(), verify.json, path);
    }
    match &verify.pack {
        Some(file) => pack(verify, file),
        None if verify.key.is_some() => {
            eprintln!("--key belongs to a pack or to --receipt");
            FAILED
        }
        None => with_config(path, |config| store(verify, &config)),
    }
}

/// Checks a pack; needs no configuration and no store.
fn pack(verify: &Verify, path: &Path) -> u8 {
    let files = match archive::read(path) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("could not tell: {}: {error}", path.display());
            return FAILED;
        }
    };
    let mut report = answer::pack::check(&files, verify.key.as_deref());
    let proven = signatures(&files, &mut report);
    let (size, root) = report.head.as_ref().map_or((0, None), |head| (head.size, Some(head.root)));
    if verify.json {
        say_json(&serde_json::json!({
            "ok": report.findings.is_empty(), "log_size": size, "log_root": root, "verifier": report.verifier,
            "entries": report.entries.len(), "proven_mails": proven, "findings": report.findings,
        }));
    } else {
        say(if report.findings.is_empty() { "VERIFIED" } else { "CHANGED" });
        say(&format!("  {} entries, {proven} mails proven by their signatures", report.entries.len()));
        if let Some(root) = root {
            say(&format!("  log: {size}:{root}"));
        }
        say(&format!("  signed by {}", report.verifier));
        if verify.key.is_none() {
            say("  note: the key came with the pack; give the one that you know with --key");
        }
        print_findings(&report.findings);
    }
    if report.findings.is_empty() { 0 } else { NO }
}

/// Checks the DKIM signatures that the verified mails of a pack rest on, with the key records in it; returns how many
/// held.
fn signatures(files: &Files, report: &mut PackReport) -> usize {
    let mut proven = 0;
    let mut wrong = Vec::new();
    for (sha256, outcome) in report.outcomes() {
        let Some(authorship) = outcome.authorship.as_ref().filter(|a| a.claim == Claim::Verified) else {
            continue;
        };
        let path = format!("mail/{sha256}.eml");
        // A signature of nobody: the operator let the receiving server's word stand for it.
        let (Some(domain), Some(raw)) = (&authorship.signed_by, files.get(&path)) else { continue };
        let message = parse(raw);
        let holds = dkim::check(&message, &report.keys(outcome))
            .iter()
            .any(|s| s.domain == *domain && s.headers_hold && s.body != Body::Differs);
        if holds {
            proven += 1;
        } else {
            wrong.push((path, format!("no signature of {domain} holds with the key records of this pack")));
        }
    }
    for (path, what) in wrong {
        report.add(&path, None, what);
    }
    proven
}

fn store(verify: &Verify, config: &Config) -> u8 {
    let scope = if verify.log { Scope::Log } else { Scope::Everything };
    let question = LogQuestion::Audit { scope, seen: verify.seen };
    let audit = match socket::ask_patiently(&config.store.path, &Request::Log(question)) {
        Some(Response::Log(answer)) => match *answer {
            LogAnswer::Audit(audit) => Ok(audit),
            _ => Err("the daemon answered something else".to_owned()),
        },
        Some(Response::Failed { text, .. }) => Err(text),
        Some(_) => Err("the daemon is of another release".to_owned()),
        // Nobody has it open: a store that does not open any more can still be looked at.
        None => audit_folder(&config.store.path, scope, verify.seen, LOCK_WAIT).map_err(|e| e.to_string()),
    };
    match audit {
        Ok(audit) => {
            if verify.json {
                say_json(&audit)
            } else {
                print(&audit)
            }
            if audit.is_clean() { 0 } else { NO }
        }
        Err(error) => {
            eprintln!("could not tell: {error}");
            FAILED
        }
    }
}

/// What an audit found, for people.
pub fn print(audit: &Audit) {
    say(if audit.is_clean() { "VERIFIED" } else { "CHANGED" });
    say(&format!("  log: {}:{}", audit.log_size, audit.log_root));
    if let (Some(signed), Some(verifier)) = (audit.signed, &audit.verifier) {
        say(&format!("  signed: {signed} entries, by {verifier}"));
    }
    if audit.scope == Scope::Everything {
        say(&format!("  raw mail: {} copies, {} bytes", audit.raw, audit.raw_bytes));
    }
    if audit.erased_entries + audit.erased_raw > 0 {
        say(&format!("  erased: {} entries, {} copies", audit.erased_entries, audit.erased_raw));
    }
    if audit.seen_holds == Some(true) {
        say("  the answer given earlier is still in the log");
    }
    for note in &audit.notes {
        say(&format!("  note: {note}"));
    }
    print_findings(&audit.findings);
}

fn print_findings(findings: &[Finding]) {
    for finding in findings {
        let entry = finding.entry.map_or_else(String::new, |entry| format!(" (entry {entry})"));
        say(&format!("  - {}{entry}: {}", finding.place, finding.what));
    }
}
