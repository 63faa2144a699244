//! Checks a pack: digests, entries against their leaves, leaves against the signed head, mail against entries. The
//! signatures of the mail are checked by the edge, which has the cryptography.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, MANIFEST, manifest};
use crate::model::{Digest, KeyRecord, Outcome};
use crate::record::log::{Checkpoint, Finding, Leaf, PLAIN, Proof, SALTED, check_verifier, commitment};
use crate::record::{Entry, Tombstone};

/// What a pack holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct PackReport {
    /// The signed head.
    pub head: Option<Checkpoint>,
    /// The key that it was checked with.
    pub verifier: String,
    /// Entries by number.
    pub entries: BTreeMap<u64, Entry>,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

impl PackReport {
    /// Adds a finding.
    pub fn add(&mut self, place: &str, entry: Option<u64>, what: impl Into<String>) {
        self.findings.push(Finding { place: place.to_owned(), entry, what: what.into() });
    }

    /// The newest outcome of each mail.
    pub fn outcomes(&self) -> BTreeMap<Digest, &Outcome> {
        let outcomes = self.entries.values().filter_map(|entry| match entry {
            Entry::Considered(outcome) => Some((outcome.sha256, outcome.as_ref())),
            _ => None,
        });
        outcomes.collect()
    }

    /// The key records that an outcome rests on.
    pub fn keys(&self, outcome: &Outcome) -> BTreeMap<String, KeyRecord> {
        let records = self.entries.values().filter_map(|entry| match entry {
            Entry::Key(record) => Some(record),
            _ => None,
        });
        let wanted = |r: &&KeyRecord| outcome.keys.contains(&(r.name.clone(), r.digest()));
        records.filter(wanted).map(|r| (r.name.clone(), r.clone())).collect()
    }
}

/// Checks the files of a pack. `trusted` is the verifier key as somebody else told it; without it the pack's own is
/// used, which proves that the pack is whole but not whose log it is.
pub fn check(files: &Files, trusted: Option<&str>) -> PackReport {
    let mut report = PackReport::default();
    match files.get(MANIFEST) {
        Some(octets) if *octets == manifest(files) => {}
        Some(octets) => name_changed(files, octets, &mut report),
        None => report.add(MANIFEST, None, "this file is missing"),
    }
    let text = |path: &str| files.get(path).and_then(|octets| std::str::from_utf8(octets).ok());
    let own = text("log.vkey").and_then(|key| key.strip_suffix('\n')).unwrap_or_default();
    report.verifier = trusted.unwrap_or(own).trim().to_owned();
    if let Err(error) = check_verifier(own) {
        report.add("log.vkey", None, error.to_string());
    } else if own != report.verifier {
        report.add(
            "log.vkey",
            None,
            format!("the pack comes from the log of {own}, not of {}", report.verifier),
        );
    }
    let note = text("checkpoint").unwrap_or_default();
    match Checkpoint::open(note, &report.verifier) {
        Ok(head) => report.head = Some(head),
        Err(error) => report.add("checkpoint", None, error.to_string()),
    }
    let names = files.keys().filter_map(|path| path.strip_prefix("entries/")?.split('.').next());
    for name in names.collect::<BTreeSet<_>>() {
        if let Err((path, what)) = entry(files, name, note, &mut report) {
            report.add(&format!("entries/{name}.{path}"), name.parse().ok(), what);
        }
    }
    if report.entries.is_empty() {
        report.add("entries/", None, "there is no entry in this pack");
    }
    mails(files, &mut report);
    report
}

/// Names the files that are not those of the manifest.
fn name_changed(files: &Files, octets: &[u8], report: &mut PackReport) {
    let Ok(listed) = serde_json::from_slice::<super::Manifest>(octets) else {
        return report.add(MANIFEST, None, "this file cannot be read");
    };
    let before = report.findings.len();
    for (path, octets) in files.iter().filter(|(path, _)| *path != MANIFEST) {
        match listed.files.get(path) {
            Some(digest) if *digest == Digest::of(octets) => {}
            Some(_) => report.add(path, None, "this file does not have its digest of manifest.json"),
            None => report.add(path, None, "manifest.json does not name this file"),
        }
    }
    for path in listed.files.keys().filter(|path| !files.contains_key(*path)) {
        report.add(path, None, "this file is missing");
    }
    if report.findings.len() == before {
        report.add(MANIFEST, None, "this file was changed");
    }
}

/// Checks one entry: its octets make its leaf, and its leaf is in the log of the head.
fn entry(
    files: &Files,
    name: &str,
    note: &str,
    report: &mut PackReport,
) -> Result<(), (&'static str, String)> {
    let part = |kind: &'static str| files.get(&format!("entries/{name}.{kind}"));
    let need = |kind: &'static str| part(kind).ok_or((kind, "this file is missing".to_owned()));
    let bad = |kind: &'static str, what: &str| (kind, what.to_owned());
    let json = need("json")?;
    let entry: Entry = match serde_json::from_slice::<Entry>(json) {
        Ok(entry) => entry,
        // What stays of an erased entry stands for itself.
        Err(error) => match serde_json::from_slice::<Tombstone>(json) {
            Ok(tombstone) => Entry::Erased(tombstone),
            Err(_) => return Err(("json", format!("this is no entry: {error}"))),
        },
    };
    let proof = std::str::from_utf8(need("tlog-proof")?).map_err(|_| bad("tlog-proof", "this is no text"))?;
    let proof = Proof::parse(proof).map_err(|error| ("tlog-proof", error.to_string()))?;
    if format!("{:08}", proof.index) != name {
        return Err(bad("tlog-proof", "it proves another entry"));
    }
    if proof.note != note {
        return Err(bad("tlog-proof", "it rests on another head than `checkpoint`"));
    }
    let leaf = match (&entry, part("salt")) {
        (Entry::Erased(tombstone), None) => tombstone.leaf(proof.index),
        (_, salt) => {
            let body = [salt.map_or(&[][..], Vec::as_slice), json].concat();
            let kind =
                crate::record::log::kind_of(json).ok_or_else(|| bad("json", "it names no kind of entry"))?;
            let version = if salt.is_some() { SALTED } else { PLAIN };
            Leaf { seq: proof.index, version, kind, commitment: commitment(&body) }
        }
    };
    if *need("leaf")? != leaf.text().into_bytes() {
        return Err(bad("leaf", "it does not commit to the entry's octets"));
    }
    proof.check(&leaf.hash(), &report.verifier).map_err(|error| ("tlog-proof", error.to_string()))?;
    report.entries.insert(proof.index, entry);
    Ok(())
}

/// Checks that each mail is the one that was seen, and that each mail that was read is there.
fn mails(files: &Files, report: &mut PackReport) {
    let seen: BTreeSet<Digest> = report
        .entries
        .values()
        .filter_map(|entry| match entry {
            Entry::Seen(seen) => Some(seen.sha256),
            _ => None,
        })
        .collect();
    for (path, octets) in files.iter().filter(|(path, _)| path.starts_with("mail/")) {
        let digest = Digest::of(octets);
        if *path != format!("mail/{digest}.eml") {
            report.add(path, None, "this mail does not have the sha256 that it is named by");
        } else if !seen.contains(&digest) {
            report.add(path, None, "no entry says that this mail was seen");
        }
    }
    let read: Vec<Digest> = report.outcomes().into_keys().collect();
    for sha256 in read {
        let path = format!("mail/{sha256}.eml");
        if !files.contains_key(&path) {
            report.add(&path, None, "an entry rests on this mail, and it is not here");
        }
    }
}
