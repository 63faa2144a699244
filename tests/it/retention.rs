//! Mail that is older than it may be kept: shown first, then erased, and the log still verifies.

use serde_json::Value;

use crate::home::Home;
use crate::letters::{BUYER, SELLER};

const DAY: i64 = 24 * 60;

/// Puts mails on record, dated as they are.
fn ingest(home: &Home, mails: &[Vec<u8>]) {
    let folder = home.path().join("mails");
    std::fs::create_dir_all(&folder).unwrap();
    for (n, mail) in mails.iter().enumerate() {
        std::fs::write(folder.join(format!("{n}.eml")), mail).unwrap();
    }
    let output = home.ask(&["ingest", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What `endorsed retention` says: opportunities, and how many mails.
fn due(home: &Home, arguments: &[&str]) -> Vec<(String, u64)> {
    let output = home.ask(&[&["retention", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |row: &Value| {
        let deal = row["opportunity"].as_str().unwrap_or("-").to_owned();
        (deal, row["copies"].as_u64().unwrap())
    };
    answer["due"].as_array().unwrap().iter().map(row).collect()
}

/// A mail of no deal, so many days old.
fn unrelated(days: i64, name: &str) -> Vec<u8> {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!(
        "Received: from out.example by mx.{SELLER} with ESMTPS id t1;\r\n\t{date}\r\nFrom: Pat <pat@elsewhere.example>\r\n\
         To: evidence@{SELLER}\r\nSubject: Lunch\r\nMessage-ID: <{name}@elsewhere.example>\r\nDate: {date}\r\n\r\n\
         Is anybody free for lunch with {name}?\r\n"
    )
    .into_bytes()
}

/// Whether a text stands in any file of the record.
fn occurs(home: &Home, text: &str) -> bool {
    let files = ["journal", "segments/00000000.seg", "index/db"].map(|name| home.store().join(name));
    files.iter().any(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn old_mail_goes_and_the_log_stays() {
    let home = Home::new("[retention]\ndeal_days = 30\nother_days = 10\n");
    let mails = [
        home.letters.declaration_of("OPP-95001", 40 * DAY),
        home.letters.declaration_of("OPP-95002", 20 * DAY),
        // An old declaration that was answered today: the deal lives.
        home.letters.declaration_of("OPP-95003", 50 * DAY),
        home.letters.reply("OPP-95003", 1, "Yes, confirmed. All three criteria are met."),
        unrelated(12, "oldlunch"),
        unrelated(2, "newlunch"),
    ];
    ingest(&home, &mails);
    let gate = home.gate("OPP-95003");
    let all = [("OPP-95001".to_owned(), 1), ("-".to_owned(), 1)];
    assert_eq!(due(&home, &[]), all);
    assert!(home.shown("OPP-95001").contains("OPP-95001"), "looking changes nothing");
    assert_eq!(due(&home, &["--apply"]), all);
    assert_eq!(due(&home, &[]), []);
    for gone in ["declared-OPP-95001", "oldlunch"] {
        assert!(!occurs(&home, gone), "{gone} is still there");
    }
    for kept in ["declared-OPP-95002", "declared-OPP-95003", "newlunch"] {
        assert!(occurs(&home, kept), "{kept} is gone");
    }
    assert!(!home.shown("OPP-95001").contains("Nightly restore"), "{}", home.shown("OPP-95001"));
    assert_eq!((home.gate("OPP-95001"), home.gate("OPP-95003")), (1, gate));
    let verified = home.ask(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
    // The mail is not taken in again.
    let before = home.shown("OPP-95002");
    ingest(&home, &mails);
    assert_eq!((home.shown("OPP-95002"), due(&home, &[])), (before, vec![]));
}

/// A no that names no deal freezes all its author's deals, for as long as they live.
#[test]
fn a_no_of_no_deal_is_not_forgotten() {
    let home = Home::new("[retention]\nother_days = 10\n");
    let no = String::from_utf8(unrelated(12, "retraction")).unwrap();
    let no = no
        .replace("Pat <pat@elsewhere.example>", &format!("Dana Ruiz <dana@{BUYER}>"))
        .replace("Lunch", "Cascade")
        .replace(
            "Is anybody free for lunch with retraction?",
            "I have to take back my confirmation: the criteria are not met.",
        );
    ingest(
        &home,
        &[
            home.letters.declaration_of("OPP-95004", 14 * DAY),
            home.letters.reply("OPP-95004", 0, "Yes, confirmed. All three criteria are met."),
            no.into_bytes(),
            unrelated(12, "oldlunch"),
        ],
    );
    let shown = home.shown("OPP-95004");
    assert_eq!(due(&home, &["--apply"]), [("-".to_owned(), 1)]);
    assert!(!occurs(&home, "oldlunch"));
    assert!(occurs(&home, "take back my confirmation"), "the no is gone");
    assert_eq!(home.shown("OPP-95004"), shown);
}

#[test]
fn the_daemon_erases_by_itself() {
    let home = Home::new(
        "[retention]\nother_days = 10\n[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n",
    );
    ingest(&home, &[unrelated(12, "oldlunch")]);
    let daemon = home.start();
    let start = std::time::Instant::now();
    while !home.log().contains("retention.done") {
        assert!(start.elapsed() < crate::home::PATIENCE, "{}", home.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(!occurs(&home, "oldlunch"));
}

#[test]
fn days_that_make_no_sense_are_refused() {
    for (section, says) in [
        ("[retention]\ndeal_days = 0\n", "at least 1"),
        ("[retention]\nother_years = 1\n", "unknown field"),
        ("[retention]\ndeal_days = 30\n[log]\ncheckpoint_to = [\"nobody\"]\n", "`nobody` is no mail address"),
        ("[log]\ncheckpoint_to = [\"a@b.example\"]\n", "without [smtp] or [outbox] no letter leaves"),
    ] {
        let home = Home::new(section);
        let output = home.ask(&["check-config"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{section}: {text}");
        assert!(text.contains(says), "{section}: {text}");
    }
}
