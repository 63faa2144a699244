//! Holds the import table of docs/ARCHITECTURE.md: a stage imports only the stages before it, and the core
//! does no IO and reads no clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stages in order; a module may name modules of a lower rank or its own. Judge and verify are blind to each
/// other and so share a rank.
const RANK: &[(&str, u32)] = &[
    ("text", 0),
    ("model", 1),
    ("parse", 2),
    ("read", 3),
    ("recognise", 4),
    ("judge", 5),
    ("verify", 5),
    ("decide", 6),
    ("pipeline", 7),
    ("record", 8),
    ("gate", 9),
    ("prompt", 9),
    ("report", 9),
    ("answer", 10),
    ("page", 11),
    ("edge", 12),
    ("config", 13),
    ("daemon", 14),
    ("cli", 15),
    ("main", 16),
];

/// The first rank that may do IO.
const EDGE: u32 = 12;

/// Words that only the edge and what stands above it may use.
const IO: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::io",
    "std::thread",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "tokio::",
    "sled::",
    "axum::",
    "async_imap::",
    "notify::",
    "hickory::",
    "crate::embedded",
];

#[test]
fn imports_point_one_way() {
    let ranks: BTreeMap<&str, u32> = RANK.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, module, code) in sources() {
        let own =
            *ranks.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the import table"));
        for (other, rank) in &ranks {
            let named =
                code.contains(&format!("crate::{other}::")) || code.contains(&format!("crate::{other};"));
            if named && *other != module && *rank >= own {
                wrong.push(format!("{path}: {module} must not know {other}"));
            }
        }
        if code.contains("use crate::{") {
            wrong.push(format!(
                "{path}: write one `use crate::stage::…` a stage, so that this table can be held"
            ));
        }
        for word in IO {
            if own < EDGE && code.contains(word) {
                wrong.push(format!("{path}: the core must not use {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_decide_makes_an_endorsement() {
    let maker = |code: &str| code.contains("Endorsement {") || code.contains("Endorsement(");
    let makers: Vec<String> = sources()
        .into_iter()
        .filter(|(_, module, code)| module != "decide" && maker(code))
        .map(|s| s.0)
        .collect();
    assert!(makers.is_empty(), "{makers:?} construct an Endorsement");
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, _, code)| code.lines().count() > 620)
        .map(|(path, _, code)| format!("{path}: {} lines", code.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Every source file: path, top module and code without test modules and comments.
fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    files
        .into_iter()
        // Tests may do as they like.
        .filter(|f| !f.ends_with("lib.rs") && !f.ends_with("tests.rs"))
        .filter(|f| !f.components().any(|c| c.as_os_str() == "tests"))
        .map(|file| {
            let short = file.strip_prefix(&root).unwrap().display().to_string();
            let module = short.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code =
                code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            (short, module, code)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
