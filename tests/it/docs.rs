//! The documents say what the program does.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut queue = vec![root().join(folder)];
    let mut out = Vec::new();
    while let Some(next) = queue.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                out.push(path);
            }
        }
    }
    out
}

#[test]
fn the_readme_explains_every_reason_code() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let code = regex::Regex::new(r#"Reason::new\(\s*"([a-z_]+)""#).unwrap();
    let rule = regex::Regex::new(r#"(?m)^code = "([a-z_]+)""#).unwrap();
    let mut missing = Vec::new();
    for (folder, ending, pattern) in [("src", "rs", &code), ("rules", "toml", &rule)] {
        for file in files(folder, ending) {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            if file.ends_with("tests.rs") {
                continue;
            }
            let codes = pattern.captures_iter(text).map(|c| c[1].to_owned());
            missing.extend(codes.filter(|c| !readme.contains(&format!("`{c}`"))));
        }
    }
    assert!(missing.is_empty(), "README.md does not explain {missing:?}");
}

#[test]
fn every_command_has_an_example_in_its_help() {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_endorsed")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["demo", "run", "judge", "ingest", "gate", "show", "list", "rules", "check-config"] {
        assert!(help(&[command, "--help"]).contains("Example:"), "{command}");
        assert!(readme.contains(&format!("`{command}")), "README.md does not name {command}");
    }
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    let output = Command::new("git")
        .args([
            "grep",
            "-nIE",
            concat!("/wo", "rk/|regis", "try\\.|index\\.cra", "tes|pypi\\.o", "rg"),
            "--",
            ".",
        ])
        .args([":!Cargo.lock", ":!LICENSE-*"])
        .current_dir(root())
        .output();
    // Outside a checkout there is nothing to look through.
    let Ok(output) = output else { return };
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}
