//! What the CRM says goes in and what is proven comes out: import, export, outcome, reports.

use std::collections::BTreeMap;

use crate::facts::Desk;

const DEAL: &str = "OPP-72001";
const SIGNED: [&str; 4] = ["--by", "ana@northwind-labs.example", "--reason", "nightly export"];

fn write(desk: &Desk, text: &str) -> String {
    let path = desk.folder.path().join("crm.csv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn import(desk: &Desk, text: &str, more: &[&str]) -> (i32, String) {
    let path = write(desk, text);
    desk.say(&[&["import", path.as_str()], &SIGNED[..], more].concat())
}

/// The export: head and rows by opportunity.
fn export(desk: &Desk) -> (Vec<String>, BTreeMap<String, BTreeMap<String, String>>) {
    let output = desk.run(&["export"]);
    assert!(output.status.success());
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |r: csv::StringRecord| -> BTreeMap<String, String> {
        head.iter().cloned().zip(r.iter().map(str::to_owned)).collect()
    };
    let rows = reader.records().map(|r| row(r.unwrap())).map(|r| (r["opportunity"].clone(), r)).collect();
    (head, rows)
}

const CRM: &str = "opportunity,customer_engineer,account_executive,sales_stage,tech_win_due_date,tech_win_achieved,amount,tech_win_next_step,non_standard_requirements\n\
    OPP-72001,Kim,Lee,5 - Negotiation,2026-10-01,yes,250000,\"call Dana, then Max\",no\n\
    OPP-72002,Kim,Lee,2,2020-01-01,no,100,'=HYPERLINK(1),\n";

#[test]
fn an_import_is_tried_recorded_and_changes_nothing_the_second_time() {
    let desk = Desk::new(None, None, "");
    let (status, text) = import(&desk, CRM, &["--dry-run"]);
    assert!(status == 0 && text.contains("2 rows: 2 change something") && text.contains("dry run"), "{text}");
    assert!(!export(&desk).1.contains_key(DEAL), "a dry run records nothing");
    let (status, text) = import(&desk, CRM, &[]);
    assert!(status == 0 && text.contains("(recorded)"), "{text}");
    let (_, text) = import(&desk, CRM, &[]);
    assert!(text.contains("2 rows: 0 change something, 2 change nothing"), "{text}");
    let (_, text) = import(&desk, &CRM.replace(",250000,", ",300000,"), &[]);
    assert!(text.contains("OPP-72001: amount = 300000") && text.contains("1 change nothing"), "{text}");
    // What the CRM claims opens nothing.
    for to in ["commercial_review", "contract_signature", "stage_5"] {
        assert_eq!(desk.gate(DEAL, to)["allowed"], false, "{to}");
    }
    let facts = desk.json(&["facts", "list", DEAL]);
    let standard = facts["facts"].as_array().unwrap().iter().find(|f| f["id"] == "non_standard_requirements");
    assert_eq!(standard.unwrap()["stated"], serde_json::Value::Null, "an import states no no");
    let (_, shown) = desk.say(&["show", DEAL]);
    assert!(shown.contains("registered customer_engineer: Kim"), "{shown}");
}

#[test]
fn bad_rows_are_told_by_line_and_the_others_are_taken() {
    let desk = Desk::new(None, None, "");
    let text = "opportunity,sales_stage,tech_win_due_date,amount,outcome\n\
                OPP-72001,3,2026-12-01,100,\nnodigit,3,,,\nOPP-72003,nine,tomorrow,1.5,perhaps\nOPP-72001,4,,,\nOPP-72004,3\n";
    let (status, said) = import(&desk, text, &[]);
    assert_eq!(status, 1, "{said}");
    for expected in [
        "crm.csv:3: `nodigit` is no opportunity id",
        "crm.csv:4: `sales_stage` is `nine`, expected a stage",
        "crm.csv:4: `tech_win_due_date`",
        "crm.csv:4: `amount` wants whole units",
        "crm.csv:5: OPP-72001 stands on line 2 already",
        "crm.csv:6:",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let rows = export(&desk).1;
    assert_eq!(rows[DEAL]["sales_stage"], "3");
    assert!(!rows.contains_key("OPP-72003"));
    let (status, said) = import(&desk, "opportunity,sales_stge\nOPP-1,3\n", &[]);
    assert!(status == 1 && said.contains("did you mean `sales_stage`?"), "{said}");
    // The SE of a deal does not set its amount.
    desk.take("d.eml", &desk.letters.declaration(DEAL));
    let path = write(&desk, "opportunity,amount\nOPP-72001,500\n");
    let (status, said) =
        desk.say(&["import", &path, "--by", "kim@northwind-labs.example", "--reason", "mine"]);
    assert!(status == 1 && said.contains("cannot decide about it"), "{said}");
}

#[test]
fn the_export_has_the_dashboard_and_no_formulas() {
    let desk = Desk::new(None, None, "");
    import(&desk, CRM, &[]);
    let (head, rows) = export(&desk);
    assert_eq!(
        head[..14].join(","),
        "opportunity,customer_engineer,account_executive,sales_stage,opportunity_due_date,tech_win_phase,\
         tech_win_due_date,tech_win_next_step,mutual_action_plan_url,technical_design_document_url,\
         tech_win_achieved,weekly_checkin,non_standard_requirements,tech_review_link"
    );
    assert_eq!(rows["OPP-72002"]["tech_win_next_step"], "'=HYPERLINK(1)");
    assert_eq!(rows[DEAL]["tech_win_achieved"], "no", "computed, whatever the CRM claims");
    assert_eq!(rows[DEAL]["tech_win_next_step"], "call Dana, then Max");
    assert!(String::from_utf8(desk.run(&["export"]).stdout).unwrap().contains("\r\n"));
    desk.take("1.eml", &desk.letters.declaration(DEAL));
    desk.take("2.eml", &desk.letters.reply(DEAL, 1, "Yes, we confirm that all criteria are met."));
    let rows = export(&desk).1;
    let deal = &rows[DEAL];
    assert_eq!(
        (deal["tech_win_achieved"].as_str(), deal["verified_standing"].as_str()),
        ("yes", "confirmed")
    );
    assert!(deal["gates_open"].contains("contract_signature") && !deal["verified_at"].is_empty());
    // What goes out may come back.
    let text = String::from_utf8(desk.run(&["export"]).stdout).unwrap();
    let own: Vec<&str> = text.lines().next().unwrap().split(',').take(14).collect();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut back = csv::Writer::from_writer(Vec::new());
    back.write_record(&own).unwrap();
    for record in reader.records() {
        back.write_record(record.unwrap().iter().take(14)).unwrap();
    }
    let back = String::from_utf8(back.into_inner().unwrap()).unwrap();
    let (status, said) = import(&desk, &back, &["--dry-run"]);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn an_outcome_is_an_act_and_counts_in_the_reports() {
    let desk = Desk::new(None, None, "");
    import(&desk, CRM, &[]);
    let inflation = desk.json(&["report", "inflation"]);
    assert_eq!(inflation["tables"][0]["rows"][0][0], DEAL, "{inflation}");
    let zombies = desk.json(&["report", "zombies"]);
    let listed: Vec<&str> =
        zombies["tables"][0]["rows"].as_array().unwrap().iter().map(|r| r[0].as_str().unwrap()).collect();
    assert!(listed.contains(&"OPP-72002"), "{zombies}");
    let done = desk.json(&[&["outcome", "OPP-72002", "lost", "--on", "2026-10-02"], &SIGNED[..]].concat());
    let metric = |name: &str| {
        let metrics = desk.json(&["report", "metrics"]);
        let rows = metrics["tables"][0]["rows"].as_array().unwrap();
        rows.iter().find(|r| r[0] == name).unwrap()[2].as_str().unwrap().to_owned()
    };
    assert_eq!((metric("close_rate"), metric("technical_win_rate")), ("0/1".into(), "0/1".into()));
    assert_eq!(export(&desk).1["OPP-72002"]["outcome"], "lost");
    let act = done["act"].as_str().unwrap();
    let (status, text) = desk.say(&[&["review", "undo", act], &SIGNED[..]].concat());
    assert_eq!(status, 0, "{text}");
    assert_eq!(metric("close_rate"), "0/0");
    let (status, text) = desk.say(&["report", "week", "2026-W48"]);
    assert!(status == 0 && text.contains("Week 2026-W48") && text.contains("claimed in the CRM"), "{text}");
    assert_eq!(desk.say(&["report", "week", "last"]).0, 2);
    let (_, text) = desk.say(&["report", "metrics"]);
    assert!(
        text.contains("honest_technical_win_rate") && text.contains("could have been competed for"),
        "{text}"
    );
}

/// Of a night's import nothing may open: a no skips questions, and a lower amount drops needs.
#[test]
fn an_import_only_raises() {
    let gates = "[gate.trial]\nquestions = [{ id = \"tech_review\", text = \"R?\", only_if = \"non_standard_requirements\" }]\n\
                 [fact.non_standard_requirements]\ntext = \"Odd?\"\n\
                 [gate.sign]\n[[gate.sign.above]]\namount = 1000\nquestions = [{ id = \"board\", text = \"Board?\" }]\n";
    let desk = Desk::new(Some(gates), None, "");
    let nightly = |amount: u64, odd: &str| {
        let text = format!("opportunity,amount,non_standard_requirements\n{DEAL},{amount},{odd}\n");
        import(&desk, &text, &[])
    };
    desk.state(DEAL, "non_standard_requirements", "yes", "sam@northwind-labs.example");
    let (status, text) = nightly(5000, "no");
    assert_eq!(status, 0, "{text}");
    assert_eq!(desk.gate(DEAL, "trial")["allowed"], false);
    assert_eq!(desk.gate(DEAL, "sign")["allowed"], false);
    let (status, text) = nightly(10, "no");
    assert!(status == 0 && text.contains("amount stays 5000: the file says 10"), "{text}");
    assert!(text.contains("1 change nothing") && text.contains("review amount OPP-72001 10"), "{text}");
    assert_eq!(desk.gate(DEAL, "sign")["allowed"], false);
    // By hand somebody answers for it.
    let lower = [&["review", "amount", DEAL, "10"], &SIGNED[..]].concat();
    assert_eq!(desk.say(&lower).0, 0);
    assert_eq!(desk.gate(DEAL, "sign")["allowed"], true);
    let (_, text) = nightly(5000, "yes");
    assert!(text.contains("amount = 5000; fact non_standard_requirements = yes"), "{text}");
    assert_eq!(desk.gate(DEAL, "sign")["allowed"], false);
    let (_, text) = nightly(5000, "yes");
    assert!(text.contains("0 change something, 1 change nothing"), "{text}");
    let (status, text) = import(&desk, "opportunity,sales_stage\nOPP-72001,10 - Closed\n", &[]);
    assert!(status == 1 && text.contains("`sales_stage` is `10 - Closed`"), "{text}");
}

/// The same calendar as that of the letters says on which days people are silent.
#[test]
fn zombies_rest_on_holidays() {
    let zombies = |letters: &str| {
        let desk = Desk::new(None, None, letters);
        // Sixteen days have ten weekdays at least.
        desk.take("d.eml", &desk.letters.declaration_of(DEAL, 16 * 24 * 60));
        desk.json(&["report", "zombies"])["tables"][0]["rows"].as_array().unwrap().len()
    };
    assert_eq!(zombies(""), 1);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let days: Vec<String> =
        (0..16).map(|n| format!("\"{}\"", today.checked_sub(jiff::Span::new().days(n)).unwrap())).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("days = [{}]\n", days.join(", "))).unwrap();
    assert_eq!(zombies(&format!("[letters]\nholidays = [\"{}\"]\n", file.path().display())), 0);
}
