//! The configuration: the shipped example means the defaults, and slips of the pen are named with their line.

use std::path::Path;
use std::process::Command;

use endorsed::config::Config;

fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("endorsed.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_shipped_example_parses_to_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = include_str!("../../systemd/endorsed.toml");
    let example = Config::read(&write(folder.path(), shipped)).unwrap();
    let least =
        "[seller]\ndomains = [\"northwind-labs.example\"]\nevidence = \"evidence@northwind-labs.example\"\n";
    let defaults = Config::read(&write(folder.path(), least)).unwrap();
    assert_eq!(format!("{example:#?}"), format!("{defaults:#?}"));
}

#[test]
fn every_key_of_the_shipped_example_is_known() {
    let folder = tempfile::tempdir().unwrap();
    // Everything that is commented out as TOML is switched on; [smtp] and [outbox] exclude each other.
    let shipped = include_str!("../../systemd/endorsed.toml");
    let code = |line: &&str| {
        let line = line.trim_start_matches("# ");
        line.starts_with('[')
            || line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()))
    };
    let all: Vec<&str> = shipped.lines().filter(code).map(|l| l.trim_start_matches("# ")).collect();
    let all = all.join("\n").replace("[outbox]", "[unused]").replace("dir = \"letters\"", "");
    let without = all
        .replace("[unused]", "")
        .lines()
        .filter(|l| !l.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n");
    let config = Config::read(&write(folder.path(), &without)).unwrap_or_else(|e| panic!("{e}\n{without}"));
    assert_eq!(config.mailbox.len(), 4);
    assert!(config.smtp.is_some() && config.http.is_some() && config.accounts.is_some());
}

#[test]
fn slips_are_named_with_line_and_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    let head = "[seller]\ndomains = [\"n.example\"]\nevidence = \"evidence@n.example\"\n";
    for (tail, expected) in [
        ("evidense = 1\n", "endorsed.toml:4: unknown field `evidense`"),
        ("evidense = 1\n", "did you mean `evidence`?"),
        ("[[mailbox]]\nkind = \"imap\"\nhost = \"h\"\nuser = \"u\"\n", "needs the key `password`"),
        (
            "[[mailbox]]\nkind = \"imap\"\nhost = \"h\"\nuser = \"u\"\n[mailbox.oauth2]\nprovider = \"microsoft365\"\nclient_id = \"c\"\nclient_secret = { env = \"S\" }\n",
            "microsoft365 needs the key `tenant`",
        ),
        (
            "[[mailbox]]\nkind = \"imap\"\nhost = \"h\"\nuser = \"u\"\n[mailbox.oauth2]\ntoken_url = \"http://login.example/t\"\nclient_id = \"c\"\nclient_secret = { env = \"S\" }\n",
            "must be https",
        ),
        (
            "[[mailbox]]\nkind = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword = { env = \"P\" }\n[mailbox.oauth2]\nprovider = \"gmail\"\nclient_id = \"c\"\nrefresh_token = { env = \"R\" }\n",
            "exclude each other",
        ),
        (
            "[smtp]\nhost = \"h\"\nfrom = \"a@n.example\"\nuser = \"u\"\n[smtp.oauth2]\nprovider = \"gmail\"\nclient_id = \"c\"\nrefresh_token = { env = \"R\" }\nmechanism = \"oauthbearer\"\n",
            "endorsed.toml:12: [smtp.oauth2] signs in by xoauth2 only",
        ),
        ("[smtp]\nhost = \"h\"\nfrom = \"a@n.example\"\nuser = \"u\"\n", "belong together"),
        ("[[mailbox]]\nkind = \"imap\"\nfoldr = \"x\"\n", "endorsed.toml:6: unknown field `foldr`"),
        (
            "[[mailbox]]\nkind = \"imap\"\nhost = \"imap.example\"\nuser = \"u\"\npassword = { env = \"P\" }\ntls = \"none\"\n",
            "endorsed.toml:9: tls = \"none\" is for loopback only",
        ),
        ("[http]\nlisten = \"0.0.0.0:80\"\n", "endorsed.toml:5: 0.0.0.0:80 is not loopback"),
    ] {
        let error = Config::read(&write(folder.path(), &format!("{head}{tail}"))).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nwanted {expected}");
    }
}

#[test]
fn check_config_ends_with_78_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "[seller]\ndomains = []\nevidence = \"nobody\"\n[accounts]\nfile = \"none.toml\"\n",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_endorsed"))
        .args(["check-config", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("endorsed.toml:3: `nobody` is no mail address"), "{text}");
    assert!(text.contains("endorsed.toml:2: name at least one mail domain"), "{text}");
    let path =
        write(folder.path(), "[seller]\ndomains = [\"n.example\"]\nevidence = \"evidence@n.example\"\n");
    let output = Command::new(env!("CARGO_BIN_EXE_endorsed"))
        .arg("--config")
        .arg(&path)
        .arg("check-config")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn whatever_is_configured_to_sign_in_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let head = "[seller]\ndomains = [\"n.example\"]\nevidence = \"evidence@n.example\"\n";
    // A provider and the own endpoint, without the tenant that only the provider's endpoint needs.
    let keys = "provider = \"microsoft365\"\ntoken_url = \"https://login.example/t\"\nclient_id = \"c\"\nclient_secret = { env = \"S\" }\n";
    let text = format!(
        "{head}[[mailbox]]\nkind = \"imap\"\nhost = \"h\"\nuser = \"u\"\n[mailbox.oauth2]\n{keys}\
         [smtp]\nhost = \"h\"\nfrom = \"a@n.example\"\nuser = \"u\"\n[smtp.oauth2]\n{keys}"
    );
    let mut config = Config::read(&write(folder.path(), &text)).unwrap();
    assert!(config.mailbox[0].sign_in().is_some());
    assert!(config.outbox().unwrap().is_some());
    let smtp = config.smtp.as_mut().unwrap();
    assert!(smtp.settings().unwrap().login.is_some());
    // A section that was not checked sends nothing instead of sending without signing in.
    smtp.oauth2.as_mut().unwrap().token_url = None;
    assert!(smtp.settings().is_none() && config.outbox().is_err());
}
