//! Our side of tests/check_signatures.py: it asks, we answer, and it compares with dkimpy and authres.
//!
//! The folder comes in the environment. `asked.jsonl` holds mails signed by dkimpy and Authentication-Results values;
//! `answered.jsonl` gets what we say of each, `made.jsonl` mails that we signed, half of them changed since.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endorsed::edge::dkim;
use endorsed::model::{Body, KeyRecord, KeyState};
use endorsed::parse::parse;
use endorsed::verify::AuthenticationResults;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sign::{FULL, GMAIL, Key, M365, sign};

/// Where the two sides meet.
const FOLDER: &str = "ENDORSED_SECOND_OPINION";
const NAME: &str = "s1._domainkey.acme.example";
/// How many mails we sign.
const MADE: usize = 120;

fn holds(raw: &[u8], record: &str) -> bool {
    let state = KeyState::Found(record.to_owned());
    let record = KeyRecord { name: NAME.into(), state, seen_at: Timestamp::UNIX_EPOCH };
    let facts = dkim::check(&parse(raw), &[(NAME.to_owned(), record)].into());
    facts.iter().any(|f| f.headers_hold && f.body != Body::Differs)
}

fn results(value: &str) -> Value {
    let Some(read) = AuthenticationResults::parse(value) else { return Value::Null };
    let result = |r: &endorsed::verify::MethodResult| json!([r.method, r.result, r.reason, r.properties]);
    json!({ "id": read.authserv_id, "results": read.results.iter().map(result).collect::<Vec<_>>() })
}

/// A mail that differs from its neighbours in everything that canonicalisation looks at.
fn letter(n: usize) -> String {
    const BODIES: [&str; 8] = [
        "Yes, confirmed.\n",
        "Yes,\t confirmed  \n\n\n",
        "",
        "\n\n",
        "No end",
        " lead\n\n  \ttabs \n.\n..dots\n",
        "äöü – “quotes” ✅\n> quoted\n",
        "From here\n\n\nand there \n",
    ];
    const SUBJECTS: [&str; 4] = [
        "Re: Win",
        "  Re:   spaces \t here ",
        "Re: a\n folded subject\n\twith tabs",
        "=?utf-8?q?R=C3=A9?= x",
    ];
    let (body, subject) = (BODIES[n % BODIES.len()], SUBJECTS[n / 8 % SUBJECTS.len()]);
    let long = if n.is_multiple_of(5) { format!("X-Long: {}\n", "word ".repeat(40)) } else { String::new() };
    format!(
        "From: Dana Reyes <dana@acme.example>\nTo: Sam <sam@northwind-labs.example>\n{long}Subject: {subject}\nDate: Fri, 20 Nov 2026 11:00:00 +0000\nMessage-ID: <r{n}@acme.example>\nIn-Reply-To: <d1@northwind-labs.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

/// A change that any checker must see or must forgive.
fn change(raw: &[u8], n: usize) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    let changed = match n % 6 {
        0 => text.replacen("Dana Reyes", "Dana Ruiz", 1),
        1 => text.replacen("\r\nSubject: ", "\r\nsubject :", 1).replacen("subject :", "SUBJECT:", 1),
        2 => text + "\r\n\r\n",
        3 => text.replacen("20 Nov 2026", "21 Nov 2026", 1),
        4 => text.replacen("bh=", "bh=A", 1),
        _ => text + "PS: no.\r\n",
    };
    changed.into_bytes()
}

/// Under tests/check_signatures.py the answers go to a folder of its own, where they are compared.
#[test]
fn we_say_what_we_find() {
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var_os(FOLDER).map_or_else(|| own.path().to_owned(), PathBuf::from);
    let asked = std::fs::read_to_string(folder.join("asked.jsonl"));
    assert!(asked.is_ok() || folder == own.path(), "no questions in {}", folder.display());
    let mut answered = String::new();
    for line in asked.unwrap_or_default().lines() {
        let asked: Value = serde_json::from_str(line).unwrap();
        let answer = match asked["raw"].as_str() {
            Some(raw) => json!(holds(&STANDARD.decode(raw).unwrap(), asked["key"].as_str().unwrap())),
            None => results(asked["results"].as_str().unwrap()),
        };
        let _ = writeln!(answered, "{answer}");
    }
    std::fs::write(folder.join("answered.jsonl"), answered).unwrap();
    let keys = [Key::rsa(), Key::ed25519()];
    let mut made = String::new();
    for n in 0..MADE {
        let key = &keys[n / 2 % 2];
        let names = [FULL, GMAIL, M365][n % 3];
        let tags = ["", "c=simple/simple; ", "i=@acme.example; ", "t=1795172400; "][n / 3 % 4];
        let mut raw = sign(letter(n).as_bytes(), key, "acme.example", names, tags);
        if n % 2 == 1 {
            raw = change(&raw, n / 2);
        }
        let holds = holds(&raw, &key.record());
        assert!(n % 2 == 1 || holds, "our own signature of letter {n} does not hold");
        let line = json!({ "raw": STANDARD.encode(&raw), "key": key.record(), "holds": holds });
        let _ = writeln!(made, "{line}");
    }
    std::fs::write(folder.join("made.jsonl"), made).unwrap();
}
