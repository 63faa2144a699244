//! What operators run before and beside the daemon: `init`, `check-config`, `check-mailbox`, `status`.

use std::process::Command;

use serde_json::Value;

use crate::dovecot::{Dovecot, USER};
use crate::home::Home;
use crate::scripted::{Call, Folder, Server, say};
use crate::source_contract::message;

fn endorsed(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_endorsed")).args(arguments).output().unwrap()
}

#[test]
fn init_writes_a_configuration_that_checks_and_never_writes_over_one() {
    let folder = tempfile::tempdir().unwrap();
    for provider in ["--gmail", "--microsoft365", "--imap"] {
        let file = folder.path().join(format!("{}.toml", &provider[2..]));
        let path = file.to_str().unwrap();
        let init = ["init", provider, "--evidence", "win@vendor.example", "-o", path];
        assert_eq!(endorsed(&init).status.code(), Some(0), "{provider}");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("northwind"), "{text}");
        let checked = endorsed(&["check-config", "--config", path]);
        assert_eq!(
            checked.status.code(),
            Some(0),
            "{provider}: {}",
            String::from_utf8_lossy(&checked.stderr)
        );
        let config = endorsed::config::Config::read(&file).unwrap();
        assert_eq!((config.mailbox.len(), config.seller.domains), (1, vec!["vendor.example".to_owned()]));
        assert!(config.http.is_some() && text.contains("# [smtp]"), "every key stays in sight");
        assert_eq!(endorsed(&init).status.code(), Some(1), "it exists");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(endorsed(&["init"]).status.code(), Some(2), "of which kind?");
}

/// `check-mailbox --json`: exit status, and check to result, text and fix.
fn checked(home: &Home) -> (i32, Vec<(String, String, String)>) {
    let output = home.ask(&["check-mailbox", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = value["checks"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        assert_eq!(row["fix"].is_null(), row["result"] == "ok", "a fix for each that is not well: {row}");
        (text(row, "check"), text(row, "result"), text(row, "text") + " // " + &text(row, "fix"))
    });
    (output.status.code().unwrap(), rows.collect())
}

fn result<'a>(rows: &'a [(String, String, String)], check: &str) -> (&'a str, &'a str) {
    let row = rows.iter().find(|(name, _, _)| name == check);
    row.map_or(("none", ""), |(_, result, text)| (result, text))
}

#[test]
fn the_doctor_finds_everything_well_and_touches_nothing() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    server.deliver(&home.letters.declaration("OPP-70050"));
    let (status, rows) = checked(&home);
    assert_eq!(status, 0, "{rows:?}");
    for check in [
        "connect",
        "tls",
        "sign_in",
        "capabilities",
        "folder",
        "idle",
        "read",
        "clock",
        "authserv_id",
        "dns",
        "store",
    ] {
        assert_eq!(result(&rows, check).0, "ok", "{check}: {rows:?}");
    }
    assert!(result(&rows, "dns").1.contains("is there"), "the key of the newest mail: {rows:?}");
    assert_eq!(result(&rows, "secret").0, "warning", "the test's password file is open to all");
    assert!(!home.store().join("journal").exists(), "nothing was made");
    let flags = server.doveadm(&["fetch", "-u", USER, "flags", "mailbox", "INBOX"]);
    assert!(!flags.contains("\\Seen"), "{flags}");
    // Beside the daemon, which holds the store.
    let daemon = home.start();
    let (status, rows) = checked(&home);
    assert_eq!((status, result(&rows, "store").1.contains("running daemon")), (0, true), "{rows:?}");
    let table = String::from_utf8(home.ask(&["check-mailbox"]).stdout).unwrap();
    assert!(table.contains("sign_in") && table.contains("chmod 600"), "{table}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_doctor_names_the_step_that_fails_and_a_fix() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    server.deliver(b"Authentication-Results: mx.seller.example; dkim=pass\r\nFrom: a@b.example\r\n\r\nx\r\n");
    let config = home.path().join("endorsed.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        std::fs::write(&config, good.replace(from, to)).unwrap();
        checked(&home)
    };
    let port = format!("port = {}", server.imaps);
    for (from, to, check, word) in [
        (port.as_str(), "port = 1", "connect", "firewall"),
        (port.as_str(), &*format!("port = {}", server.imap), "tls", "starttls"),
        ("file = \"password\"", "file = \"nowhere\"", "secret", "CREDENTIALS_DIRECTORY"),
        ("file = \"password\"", "command = [\"echo\", \"wrong\"]", "sign_in", "password"),
        (
            "[[mailbox]]",
            "[smtp]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nfrom = \"a@b.example\"\n[[mailbox]]",
            "smtp",
            "587",
        ),
        (
            "[[mailbox]]",
            "[receiver]\nauthserv_id = \"mx.other.example\"\nborder = [\"mx.other.example\"]\n[[mailbox]]",
            "authserv_id",
            "mx.seller.example",
        ),
        ("[store]\npath = \"store\"", "[store]\npath = \"dns.json\"", "store", "0700"),
    ] {
        let (status, rows) = with(from, to);
        let (grade, text) = result(&rows, check);
        assert_eq!((status, grade), (1, "failed"), "{to}: {rows:?}");
        assert!(text.contains(word), "{to}: {text}");
    }
    let (_, rows) = with("password = {", "folder = \"Nowhere\"\npassword = {");
    assert!(result(&rows, "folder").1.contains("INBOX"), "the folders that there are: {rows:?}");
    std::fs::write(&config, "[seller]\n").unwrap();
    assert_eq!(home.ask(&["check-mailbox"]).status.code(), Some(2), "no configuration, no check");
}

#[tokio::test]
async fn the_doctor_knows_microsofts_words() {
    let server = Server::start(Folder::new([1]), |call: &Call<'_>| {
        call.command
            .starts_with("EXAMINE")
            .then(|| vec![say("{T} BAD User is authenticated but not connected.")])
    })
    .await;
    let probed = endorsed::edge::imap::probe(&server.settings()).await;
    let last = probed.findings.last().unwrap();
    assert_eq!(last.check, "permission");
    assert!(last.fix.as_ref().unwrap().contains("FullAccess"), "{last:?}");
}

#[test]
fn status_says_how_the_daemon_is() {
    let home = Home::maildir();
    assert_eq!(home.ask(&["status"]).status.code(), Some(2), "nobody there");
    std::fs::write(home.path().join("Maildir/new/1.a"), message(0)).unwrap();
    let daemon = home.start();
    let start = std::time::Instant::now();
    while home.ask(&["status"]).status.code() != Some(0) {
        assert!(start.elapsed() < crate::home::PATIENCE, "{}", home.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let told: Value = serde_json::from_slice(&home.ask(&["status", "--json"]).stdout).unwrap();
    assert_eq!(
        (&told["ready"], &told["mailboxes"][0]["mailbox"]),
        (&true.into(), &"Maildir".into()),
        "{told}"
    );
    assert_eq!(daemon.stop(), Some(0));
}
