//! The interface for machines over a daemon with mail in it: pages, events, decisions once, receipts.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use endorsed::record::log::open_claims;
use serde_json::{Value, json};

use crate::home::{Home, Running};

/// A token from the command line.
pub fn token(home: &Home, name: &str, role: &str) -> String {
    let made = home.ask(&["tokens", "create", name, "--role", role]);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Sends with ureq: another client than the server's own parts.
fn send(home: &Home, method: &str, path: &str, fields: &[(&str, &str)], body: Option<&Value>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let url = format!("http://127.0.0.1:{}{path}", home.port);
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut answer = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
            agent.run(request).unwrap()
        }
        None => agent.run(request.body(()).unwrap()).unwrap(),
    };
    let text = answer.body_mut().read_to_string().unwrap();
    Answer {
        status: answer.status().as_u16(),
        etag: answer.headers().get("etag").map(|v| v.to_str().unwrap().to_owned()),
        replayed: answer.headers().contains_key("idempotency-replayed"),
        json: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    etag: Option<String>,
    replayed: bool,
    json: Value,
}

fn won(opportunities: &[&str]) -> (Home, Running) {
    let home = Home::maildir();
    let daemon = home.start();
    for (n, opportunity) in opportunities.iter().enumerate() {
        home.deliver(&format!("{n}.a"), &home.letters.declaration(opportunity));
        let words = "Yes, confirmed. All three criteria are met and we recommend it.";
        home.deliver(&format!("{n}.b"), &home.letters.reply(opportunity, 1, words));
        home.wait_for_gate(opportunity, 0);
    }
    (home, daemon)
}

#[test]
fn reads_have_pages_and_tags() {
    let (home, daemon) = won(&["OPP-71001", "OPP-71002", "OPP-71003"]);
    let mut seen = Vec::new();
    let mut path = "/v1/opportunities?limit=2".to_owned();
    loop {
        let page = send(&home, "GET", &path, &[], None);
        assert_eq!(page.status, 200, "{page:?}");
        let rows = page.json["opportunities"].as_array().unwrap().clone();
        assert!(rows.len() <= 2);
        seen.extend(rows.iter().map(|r| r["opportunity"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next"].as_str() else { break };
        path = format!("/v1/opportunities?limit=2&after={next}");
    }
    assert_eq!(seen, ["OPP-71001", "OPP-71002", "OPP-71003"]);
    let gate = "/v1/gate?opportunity=OPP-71001&to=contract_signature";
    let first = send(&home, "GET", gate, &[], None);
    let tag = first.etag.clone().unwrap();
    assert_eq!(send(&home, "GET", gate, &[("If-None-Match", &tag)], None).status, 304);
    let words = "I have to take back my confirmation: please do not treat the evaluation as successful.";
    home.deliver("9.c", &home.letters.reply("OPP-71001", 2, words));
    home.wait_for_gate("OPP-71001", 1);
    let changed = send(&home, "GET", gate, &[("If-None-Match", &tag)], None);
    assert_eq!((changed.status, &changed.json["allowed"]), (200, &Value::Bool(false)));
    for path in [
        "/v1/opportunities?limit=0",
        "/v1/opportunities?limit=1001",
        "/v1/opportunities?limit=x",
        "/v1/opportunities?colour=red",
        "/v1/opportunities?after=%20",
        "/v1/gate?opportunity=asap&to=a",
        "/v1/gate?opportunity=OPP-1&to=",
        "/v1/gate?opportunity=OPP-1",
        "/v1/events?after=-1",
    ] {
        assert_eq!(send(&home, "GET", path, &[], None).json["status"], 400, "{path}");
    }
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn events_are_read_on_by_page_and_by_stream() {
    let (home, daemon) = won(&["OPP-71101"]);
    let (mut after, mut types, mut ids) = (0, Vec::new(), Vec::new());
    loop {
        let page = send(&home, "GET", &format!("/v1/events?after={after}&limit=1"), &[], None).json;
        for event in page["events"].as_array().unwrap() {
            types.push(event["type"].as_str().unwrap().to_owned());
            ids.push(event["id"].as_u64().unwrap());
        }
        after = page["next"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert!(types.iter().filter(|t| *t == "message.considered").count() >= 2, "{types:?}");
    assert!(ids.is_sorted() && ids.iter().all(|id| *id <= after), "{ids:?}");
    let stream = TcpStream::connect(("127.0.0.1", home.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let ask = format!(
        "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: {after}\r\n\r\n"
    );
    (&stream).write_all(ask.as_bytes()).unwrap();
    let token = token(&home, "crm", "gate");
    let body = json!({ "opportunity": "OPP-71101", "to": "commercial_review" });
    let fields = [("Authorization", format!("Bearer {token}"))];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
    assert_eq!(send(&home, "POST", "/v1/gate", &fields, Some(&body)).json["allowed"], true);
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
    let event: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&event["type"], &event["by"], &event["allowed"]),
        (&json!("gate.recorded"), &json!("crm"), &json!(true))
    );
    // A stream that is open does not hold up the stop.
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_decision_bears_the_tokens_name_and_is_done_once() {
    let home = Home::maildir();
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-71201"));
    // Nobody can tell what this says.
    home.deliver(
        "2.b",
        &home.letters.reply("OPP-71201", 1, "Well, what can I say. You know what we think about it all."),
    );
    let ana = token(&home, "ana@desk.example", "review");
    let auth = format!("Bearer {ana}");
    let start = std::time::Instant::now();
    let item = loop {
        let page = send(&home, "GET", "/v1/reviews", &[("Authorization", &auth)], None).json;
        if let Some(item) = page["items"].as_array().and_then(|i| i.first()) {
            break item.clone();
        }
        assert!(start.elapsed() < crate::home::PATIENCE, "nothing to review: {}", home.shown("OPP-71201"));
        std::thread::sleep(Duration::from_millis(50));
    };
    let sha256 = item["message"]["sha256"].as_str().unwrap();
    let path = format!("/v1/reviews/{sha256}/decision");
    let body = json!({ "decision": "accept", "verdict": "confirmed", "reason": "She told me on the phone" });
    let fields = [("Authorization", auth.as_str()), ("Idempotency-Key", "k-1")];
    let first = send(&home, "POST", &path, &fields, Some(&body));
    assert_eq!((first.status, first.replayed), (200, false), "{first:?}");
    let again = send(&home, "POST", &path, &fields, Some(&body));
    assert_eq!((again.status, again.replayed, &again.json), (200, true, &first.json));
    let other = json!({ "decision": "reject", "reason": "no" });
    assert_eq!(send(&home, "POST", &path, &fields, Some(&other)).json["code"], "key_reused");
    let bob = format!("Bearer {}", token(&home, "bob@desk.example", "review"));
    let another = [("Authorization", bob.as_str()), ("Idempotency-Key", "k-1")];
    let theirs = send(&home, "POST", &path, &another, Some(&other));
    assert!(!theirs.replayed, "a key is the caller's own: {theirs:?}");
    let shown = send(&home, "GET", "/v1/opportunities/OPP-71201", &[("Authorization", &auth)], None).json;
    let by: Vec<&str> = shown["acts"].as_array().unwrap().iter().map(|a| a["by"].as_str().unwrap()).collect();
    assert_eq!(by.iter().filter(|by| **by == "ana@desk.example").count(), 1, "{by:?}");
    // The SE who declared the deal may be called by a token, and still decides nothing about it.
    let se = shown["messages"][0]["from"].as_str().unwrap().to_owned();
    let se = format!("Bearer {}", token(&home, &se, "review"));
    let own = send(&home, "POST", &path, &[("Authorization", &se)], Some(&body));
    assert_eq!((own.status, &own.json["code"]), (403, &json!("own_deal")), "{own:?}");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    // The key is remembered over a restart.
    let daemon = home.start();
    let late = send(&home, "POST", &path, &fields, Some(&body));
    assert!(late.replayed && late.json == first.json, "{late:?}");
    drop(daemon);
}

#[test]
fn a_receipt_is_checked_without_the_daemon() {
    let (home, daemon) = won(&["OPP-71301"]);
    let path = "/v1/gate?opportunity=OPP-71301&to=contract_signature&receipt=true";
    let answer = send(&home, "GET", path, &[], None).json;
    let receipt = answer["receipt"].as_str().unwrap();
    let verifier = std::fs::read_to_string(home.store().join("log.vkey")).unwrap();
    let claims = open_claims(receipt, verifier.trim()).unwrap();
    assert_eq!((&claims["sub"], &claims["allowed"]), (&json!("OPP-71301"), &json!(true)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(claims["log_root"], answer["log_root"]);
    let file = home.path().join("receipt");
    std::fs::write(&file, receipt).unwrap();
    let (file, key) = (file.to_str().unwrap(), verifier.trim());
    assert_eq!(home.ask(&["verify", "--receipt", file, "--key", key]).status.code(), Some(0));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    // Nothing of ours runs any more, and the configuration is not asked for the key.
    let verify = |text: &str, key: &str| {
        std::fs::write(file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_endorsed"));
        command.args(["verify", "--receipt", file, "--key", key]).output().unwrap().status.code()
    };
    assert_eq!(verify(receipt, key), Some(0));
    let mut bent = receipt.to_owned();
    let at = bent.find('.').unwrap() + 5;
    let other = if bent.as_bytes()[at] == b'A' { "B" } else { "A" };
    bent.replace_range(at..=at, other);
    assert_eq!(verify(&bent, key), Some(1));
}

#[test]
fn the_document_is_served_and_printed() {
    let home = Home::maildir();
    let daemon = home.start();
    let served = send(&home, "GET", "/v1/openapi.json", &[], None).json;
    let printed = home.ask(&["openapi"]);
    assert_eq!(served, serde_json::from_slice::<Value>(&printed.stdout).unwrap());
    assert_eq!(served["openapi"], "3.0.3");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
