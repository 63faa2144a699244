//! The Debian package and the unit in it.

use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The unit with the program that was just built.
fn unit(folder: &Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(root().join("systemd/endorsed.service")).unwrap();
    let text = text.replace("/usr/bin/endorsed", env!("CARGO_BIN_EXE_endorsed"));
    let path = folder.join("endorsed.service");
    std::fs::write(&path, text).unwrap();
    path
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    output.expect(
        "systemd-analyze is missing. Install it with: apt-get install -y --no-install-recommends systemd",
    )
}

#[test]
fn the_unit_is_one_that_systemd_understands() {
    let folder = tempfile::tempdir().unwrap();
    let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &unit(folder.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("endorsed.service"), "{said}");
}

#[test]
fn the_unit_exposes_next_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = unit(folder.path());
    let exposure = |limit: &str| {
        let threshold = format!("--threshold={limit}");
        let output = analyze(&["security", "--offline=true", "--no-pager", &threshold], &path);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (below, table) = exposure("15");
    assert!(below, "above 1.5: {table}");
    assert!(!exposure("1").0, "the measure measures nothing");
}

#[test]
fn man_page_and_completions_name_every_command() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_endorsed")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let pages = [
        run(&["man"]),
        run(&["completions", "bash"]),
        run(&["completions", "zsh"]),
        run(&["completions", "fish"]),
    ];
    for command in ["gate", "check-mailbox", "backfill", "quarantine"] {
        for page in &pages {
            assert!(page.replace("\\-", "-").contains(command), "{command}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    run(&["man", "--dir", folder.path().to_str().unwrap()]);
    let page = std::fs::read_to_string(folder.path().join("endorsed-gate.1")).unwrap();
    assert!(page.contains("endorsed gate OPP") || page.contains("endorsed gate OPP\\-20417"), "{page}");
}

#[test]
fn the_package_lists_files_that_are_there() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Value = toml::from_str(&text).unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    for asset in deb["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        // What is built is not there yet; of a pattern, its folder is.
        let base = source.split('*').next().unwrap();
        assert!(source.starts_with("target/") || root().join(base).exists(), "{source}");
    }
    for conf in deb["conf-files"].as_array().unwrap() {
        assert_eq!(conf.as_str(), Some("/etc/endorsed/endorsed.toml"));
    }
    for script in ["postinst", "prerm", "postrm"] {
        let path = root().join(deb["maintainer-scripts"].as_str().unwrap()).join(script);
        assert!(Command::new("sh").arg("-n").arg(&path).status().unwrap().success(), "{script}");
    }
}
