//! What the CRM says goes in and what is proven comes out over HTTP, as on the command line.

use endorsed::answer::Role;
use endorsed::edge::http::{Limits, Settings};
use serde_json::json;

use crate::http_served::{Answer, Served, closed};

const FILE: &str = "opportunity,sales_stage,amount,tech_win_achieved\r\nOPP-1,3,5000,yes\r\nOPP-2,4,,\r\n";

fn import(served: &Served, token: &str, query: &str, csv: &str) -> Answer {
    served.with(token, "POST", &format!("/v1/import?reason=nightly{query}"), csv)
}

fn export(served: &Served, token: &str) -> Vec<csv::StringRecord> {
    let answer = served.with(token, "GET", "/v1/export", "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(answer.body.as_bytes());
    reader.records().map(|record| record.unwrap()).collect()
}

#[test]
fn an_import_is_an_act_with_the_tokens_name_and_proves_nothing() {
    let served = Served::new(closed());
    let token = served.token(Role::Review);
    let size = served.store.size();
    let tried = import(&served, &token, "&dry_run=true", FILE).json();
    assert_eq!((&tried["applied"], &tried["changed_count"]), (&json!(false), &json!(2)), "{tried}");
    assert_eq!(served.store.size(), size, "a dry run writes nothing");
    let done = import(&served, &token, "", FILE).json();
    assert_eq!((&done["applied"], &done["rows"], &done["bad_count"]), (&json!(true), &json!(2), &json!(0)));
    let again = import(&served, &token, "", FILE).json();
    assert_eq!((&again["changed_count"], &again["unchanged"]), (&json!(0), &json!(2)), "{again}");
    let shown = served.with(&token, "GET", "/v1/opportunities/OPP-1", "").json();
    let acts = shown["acts"].as_array().unwrap();
    assert!(!acts.is_empty());
    assert!(
        acts.iter().all(|a| a["by"] == "review@northwind.example" && a["reason"] == "nightly"),
        "{acts:?}"
    );
    let gate = served.with(&token, "GET", "/v1/gate?opportunity=OPP-1&to=commercial_review", "").json();
    assert_eq!(gate["allowed"], false, "the CRM's word is no proof");
    let rows = export(&served, &token);
    assert_eq!((&rows[0][0], &rows[1][0], &rows[2][0]), ("opportunity", "OPP-1", "OPP-2"));
    let achieved = rows[0].iter().position(|name| name == "tech_win_achieved").unwrap();
    assert_eq!(&rows[1][achieved], "no", "computed, whatever the CRM claims");
}

#[test]
fn bad_rows_are_told_and_a_bad_file_is_refused() {
    let served = Served::new(closed());
    let token = served.token(Role::Admin);
    let half = import(&served, &token, "", "opportunity,amount\nOPP-1,10\nnodigit,1\nOPP-2,1.5\n").json();
    assert_eq!((&half["changed_count"], &half["bad_count"]), (&json!(1), &json!(2)), "{half}");
    assert_eq!(half["bad"][0]["line"], 3);
    let size = served.store.size();
    let refused = import(&served, &token, "", "opportunity,amuont\nOPP-1,10\n");
    assert!(refused.is_problem(422, "bad_request"), "{refused:?}");
    assert!(refused.body.contains("did you mean `amount`?"), "{refused:?}");
    let lower = import(&served, &token, "", "opportunity,amount\nOPP-1,9\n").json();
    assert_eq!((&lower["kept_count"], &lower["changed_count"]), (&json!(1), &json!(0)), "{lower}");
    for path in
        ["/v1/import", "/v1/import?reason=", "/v1/import?reason=%20", "/v1/import?reason=x&dry_run=maybe"]
    {
        assert_eq!(served.with(&token, "POST", path, FILE).status, 400, "{path}");
    }
    assert!(served.with(&token, "POST", "/v1/import?reason=x", "{}").is_problem(415, "not_csv"));
    let bearer = format!("Bearer {token}");
    let mut latin = format!(
        "POST /v1/import?reason=x HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\nContent-Type: text/csv\r\n\
         Content-Length: 18\r\nConnection: close\r\n\r\nopportunity\nOPP-1"
    )
    .into_bytes();
    latin.push(0xe4);
    assert!(served.raw(&latin).is_problem(400, "bad_request"), "it is not UTF-8");
    assert_eq!(served.store.size(), size);
}

#[test]
fn an_import_is_done_once_and_has_a_largest_size() {
    let limits = Limits { body_bytes_max: 10_000, ..Limits::default() };
    let served = Served::new(Settings { limits, ..closed() });
    let token = format!("Bearer {}", served.token(Role::Review));
    let fields = [("Authorization", token.as_str()), ("Idempotency-Key", "night-1")];
    let first = served.send("POST", "/v1/import?reason=nightly", &fields, FILE);
    let size = served.store.size();
    let again = served.send("POST", "/v1/import?reason=nightly", &fields, FILE);
    assert_eq!((first.status, again.status, &again.body), (200, 200, &first.body), "{first:?}");
    assert_eq!(again.field("idempotency-replayed"), Some("true"));
    assert_eq!(again.json()["changed_count"], 2, "the first answer, not that of a second import");
    let other = served.send("POST", "/v1/import?reason=nightly", &fields, "opportunity\nOPP-9\n");
    assert!(other.is_problem(422, "key_reused"), "{other:?}");
    let large = format!("opportunity,tech_win_next_step\nOPP-1,{}\n", "x".repeat(20_000));
    for fields in [&fields[..1], &[fields[0], ("Idempotency-Key", "night-2")]] {
        assert!(
            served.send("POST", "/v1/import?reason=nightly", fields, &large).is_problem(413, "too_large")
        );
    }
    assert_eq!(served.store.size(), size);
}

/// More deals than are read at once.
#[test]
fn an_export_has_every_deal_once_and_its_type_by_wish() {
    const DEALS: usize = 450;
    let served = Served::new(closed());
    let (writer, reader) = (served.token(Role::Review), served.token(Role::Read));
    assert_eq!(export(&served, &reader).len(), 1, "the head alone");
    let file: String = (0..DEALS).map(|n| format!("OPP-{n:04},=1+{n}\n")).collect();
    let done = import(&served, &writer, "", &format!("opportunity,tech_win_next_step\n{file}")).json();
    assert_eq!(done["changed_count"], DEALS);
    assert_eq!(done["changed"].as_array().unwrap().len(), 100, "the beginning of the list");
    let rows = export(&served, &reader);
    let ids: Vec<&str> = rows.iter().skip(1).map(|row| &row[0]).collect();
    assert_eq!(ids, (0..DEALS).map(|n| format!("OPP-{n:04}")).collect::<Vec<_>>());
    assert!(rows[1].iter().any(|cell| cell == "'=1+0"), "no cell is a formula");
    let bearer = format!("Bearer {reader}");
    let kind = |accept: &str| {
        let fields = [("Authorization", bearer.as_str()), ("Accept", accept)];
        let answer = served.send("GET", "/v1/export", &fields, "");
        answer.field("content-type").unwrap().split(';').next().unwrap().to_owned()
    };
    assert_eq!((kind("text/csv").as_str(), kind("*/*").as_str()), ("text/csv", "text/plain"));
}
