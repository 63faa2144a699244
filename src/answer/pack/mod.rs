//! The pack: one folder of files from which somebody who trusts nobody can check where an opportunity stands, with
//! standard tools and without this program.

mod check;
mod page;
mod readme;

pub use check::{PackReport, check};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::OpportunityAnswer;
use crate::model::Digest;
use crate::record::log::{Proof, Record};
use crate::record::record_leaf;

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The script that checks a pack without this program.
const SCRIPT: &str = include_str!("../../../tests/verify_pack.py");
/// The list of all other files.
pub const MANIFEST: &str = "manifest.json";

/// What a pack is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// Standing, reasons, and every message with its reading.
    pub answer: &'a OpportunityAnswer,
    /// Raw copies by digest; `None` when the octets were erased.
    pub mails: &'a BTreeMap<Digest, Option<Vec<u8>>>,
    /// Every entry about the opportunity, and the key records that its signatures were checked with.
    pub records: &'a [(Record, Proof)],
    /// The signed head, and the key that checks it.
    pub head: (&'a str, &'a str),
}

/// Digests of all other files.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    files: BTreeMap<String, Digest>,
}

/// The files of a pack, without its manifest: rules may be added first.
pub fn pack(material: &Material<'_>) -> Files {
    let mut files = Files::new();
    let (note, verifier) = material.head;
    files.insert("checkpoint".into(), note.as_bytes().to_vec());
    files.insert("log.vkey".into(), format!("{verifier}\n").into_bytes());
    for (sha256, octets) in material.mails {
        if let Some(octets) = octets {
            files.insert(format!("mail/{sha256}.eml"), octets.clone());
        }
    }
    for (record, proof) in material.records {
        let Some(leaf) = record_leaf(record.seq, record.version, &record.body) else { continue };
        let name = format!("entries/{:08}", record.seq);
        files.insert(format!("{name}.json"), record.json().to_vec());
        if let Some(salt) = record.salt() {
            files.insert(format!("{name}.salt"), salt.to_vec());
        }
        files.insert(format!("{name}.leaf"), leaf.text().into_bytes());
        files.insert(format!("{name}.tlog-proof"), proof.text().into_bytes());
    }
    let answer = serde_json::to_vec_pretty(material.answer).unwrap_or_default();
    files.insert("answer.json".into(), answer);
    files.insert("index.html".into(), page::page(material).into_bytes());
    files.insert("verify_pack.py".into(), SCRIPT.as_bytes().to_vec());
    files.insert("README.txt".into(), readme::readme(material).into_bytes());
    files
}

/// Adds the manifest: now every file has its digest in it.
#[must_use]
pub fn sealed(mut files: Files) -> Files {
    files.insert(MANIFEST.into(), manifest(&files));
    files
}

fn manifest(files: &Files) -> Vec<u8> {
    let others = files.iter().filter(|(path, _)| *path != MANIFEST);
    let files = others.map(|(path, octets)| (path.clone(), Digest::of(octets))).collect();
    serde_json::to_vec_pretty(&Manifest { files }).unwrap_or_default()
}
