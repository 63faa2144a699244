//! Years of mail taken in at once: from files, from standard input, from a mailbox.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::dovecot::Dovecot;
use crate::home::{Home, PATIENCE};
use crate::source_contract::message;

fn told(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_mbox_on_standard_input_is_taken_in_and_a_dry_run_writes_nothing() {
    let home = Home::new("");
    let mut mbox = Vec::new();
    for raw in [
        home.letters.declaration("OPP-70060"),
        home.letters.reply("OPP-70060", 1, "Yes, confirmed. All three criteria are met."),
    ] {
        mbox.extend(b"From someone Thu Jan  1 00:00:00 1970\n");
        mbox.extend(&raw);
        mbox.extend(b"\r\n");
    }
    let ingest = |arguments: &[&str]| {
        let mut child = home.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&mbox).unwrap();
        told(&child.wait_with_output().unwrap())
    };
    assert_eq!(ingest(&["ingest", "-", "--dry-run", "--json"]), json!({ "would_take": 2 }));
    assert!(!home.store().exists(), "nothing was made");
    assert_eq!(ingest(&["ingest", "-", "--json"]), json!({ "new": 2, "known": 0 }));
    assert_eq!(home.gate("OPP-70060"), 0, "{}", home.shown("OPP-70060"));
    assert_eq!(ingest(&["ingest", "-", "--json"]), json!({ "new": 0, "known": 2 }));
}

#[test]
fn a_mailbox_is_read_since_a_day_and_the_daemon_still_reads_all_of_it() {
    let server = Dovecot::start();
    let home = Home::imap(&server);
    let old = SystemTime::now() - Duration::from_secs(400 * 86_400);
    for n in 0..30 {
        let name = server.deliver(&message(n));
        if n % 3 == 0 {
            // Dovecot's INTERNALDATE is the file's time: old mail lies between new mail, as after a migration.
            let file = std::fs::File::options().write(true).open(server.maildir().join("new").join(name));
            file.unwrap().set_modified(old).unwrap();
        }
    }
    let since = (jiff::Zoned::now().date() - jiff::Span::new().days(30)).to_string();
    let backfill =
        |more: &[&str]| told(&home.ask(&[&["backfill", "--json", "--since", &since], more].concat()));
    assert_eq!(backfill(&["--dry-run"]), json!({ "would_take": 20 }));
    assert!(!home.store().exists(), "nothing was made");
    assert_eq!(backfill(&[]), json!({ "new": 20, "known": 0 }));
    assert_eq!(backfill(&[]), json!({ "new": 0, "known": 20 }));
    let flags = server.doveadm(&["fetch", "-u", crate::dovecot::USER, "flags", "mailbox", "INBOX"]);
    assert!(!flags.contains("\\Seen"), "{flags}");
    // The daemon's place in the folder is its own: it reads what lies before the day too.
    let daemon = home.start();
    let start = std::time::Instant::now();
    loop {
        let page = home.get_text("/metrics").1;
        let counted =
            |name: &str, n: usize| page.contains(&format!("{name}{{mailbox=\"localhost/INBOX\"}} {n}\n"));
        if counted("endorsed_messages_ingested_total", 10) && counted("endorsed_messages_duplicate_total", 20)
        {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{page}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        told(&home.ask(&["backfill", "--json"])),
        json!({ "new": 0, "known": 30 }),
        "beside the daemon"
    );
    assert_eq!(daemon.stop(), Some(0));
    let missing = home.ask(&["backfill", "--folder", "Nowhere"]);
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(2), "{text}");
    assert!(text.contains("Nowhere"), "{text}");
}
