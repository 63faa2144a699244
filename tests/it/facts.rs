//! Facts from the command line through the record to the gate.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::letters::{BUYER, Letters, SELLER};

const DEAL: &str = "OPP-72001";

/// A store of its own, asked without a daemon.
pub struct Desk {
    pub folder: TempDir,
    pub letters: Letters,
}

impl Desk {
    /// With these gates and accounts, and these further lines of configuration.
    pub fn new(gates: Option<&str>, accounts: Option<&str>, more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("edf").tempdir_in("/tmp").unwrap();
        let letters = Letters::new();
        let path = folder.path();
        std::fs::write(path.join("dns.json"), letters.dns()).unwrap();
        let mut config = format!(
            "[seller]\ndomains = [\"{SELLER}\"]\nnames = [\"Cascade\"]\nevidence = \"evidence@{SELLER}\"\n\
             [store]\npath = \"store\"\n[dns]\nfile = \"dns.json\"\n[policy]\ntrust_declared_champions = true\n{more}\n"
        );
        for (name, text) in [("gates", gates), ("accounts", accounts)] {
            if let Some(text) = text {
                std::fs::write(path.join(format!("{name}.toml")), text).unwrap();
                config.push_str(&format!("[{name}]\nfile = \"{name}.toml\"\n"));
            }
        }
        std::fs::write(path.join("endorsed.toml"), config).unwrap();
        let desk = Self { folder, letters };
        // A first mail makes the store.
        desk.take("first.eml", &desk.letters.declaration("OPP-1"));
        desk
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let config = self.folder.path().join("endorsed.toml");
        Command::new(env!("CARGO_BIN_EXE_endorsed"))
            .args(arguments)
            .arg("--config")
            .arg(config)
            .output()
            .unwrap()
    }

    pub fn take(&self, name: &str, raw: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, raw).unwrap();
        let output = self.run(&["ingest", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Exit status and what was printed.
    pub fn say(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
            panic!("{arguments:?}: {e}: {}", String::from_utf8_lossy(&output.stderr));
        })
    }

    pub fn gate(&self, deal: &str, to: &str) -> Value {
        self.json(&["gate", deal, "--to", to])
    }

    /// States a fact; returns the name of the act.
    pub fn state(&self, deal: &str, fact: &str, value: &str, by: &str) -> String {
        let done = self.json(&["facts", "set", deal, fact, value, "--by", by, "--reason", "I saw it"]);
        assert_eq!(done["answer"], "done", "{done}");
        done["act"].as_str().unwrap().to_owned()
    }
}

pub fn codes(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect()
}

#[test]
fn facts_open_a_phase_and_an_undo_closes_it() {
    let desk = Desk::new(None, None, "");
    let design = || desk.gate(DEAL, "design_and_planning");
    assert_eq!(codes(&design()), ["fact_unstated"; 3]);
    let (status, text) = desk.say(&["gate", DEAL, "--to", "design_and_planning"]);
    assert!(
        status == 1 && text.contains(&format!("endorsed facts set {DEAL} champion_identified yes")),
        "{text}"
    );

    for fact in ["champion_identified", "use_cases_confirmed"] {
        desk.state(DEAL, fact, "yes", &format!("kim@{SELLER}"));
    }
    let last = desk.state(DEAL, "landscape_understood", "yes", "Ana");
    let answer = design();
    assert_eq!(answer["allowed"], true, "{answer}");
    assert_eq!(answer["facts"].as_array().unwrap().len(), 3);
    assert_eq!(answer["standing"], "no_declaration", "facts are no win");
    assert_eq!(desk.gate(DEAL, "commercial_review")["allowed"], false);
    assert_eq!(desk.gate(DEAL, "stage_3")["allowed"], true);
    assert_eq!(desk.gate("OPP-72002", "stage_3")["allowed"], false, "another deal");

    let (status, text) =
        desk.say(&["review", "undo", &last, "--by", "Ana", "--reason", "it was another deal"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(codes(&design()), ["fact_unstated"]);
    desk.state(DEAL, "landscape_understood", "no", "Ana");
    assert_eq!(codes(&design()), ["fact_denied"]);

    let rows = desk.json(&["facts", "list", DEAL]);
    let row = rows["facts"].as_array().unwrap().iter().find(|r| r["id"] == "landscape_understood").unwrap();
    assert_eq!((&row["stated"]["value"], &row["stated"]["by"]), (&"no".into(), &"Ana".into()));
    let (_, text) = desk.say(&["facts", "list", DEAL]);
    assert!(text.contains("champion_identified") && text.contains("design_and_planning"), "{text}");
    let (_, shown) = desk.say(&["show", DEAL]);
    assert!(shown.contains("stated landscape_understood: no"), "{shown}");
}

#[test]
fn an_unknown_fact_and_an_empty_reason_are_refused() {
    let desk = Desk::new(None, None, "");
    let set = |fact: &str, reason: &str| {
        desk.say(&["facts", "set", DEAL, fact, "yes", "--by", "Ana", "--reason", reason])
    };
    let (status, text) = set("trial_deploid", "x");
    assert!(status == 1 && text.contains("did you mean `trial_deployed`?"), "{text}");
    assert_eq!(set("trial_deployed", " ").0, 1);
    assert_eq!(
        desk.say(&["facts", "set", "nodigit", "trial_deployed", "yes", "--by", "A", "--reason", "x"]).0,
        2
    );
}

#[test]
fn only_who_may_state_a_fact_counts() {
    let gates = "[gate.go]\nquestions = [{ id = \"approved\", text = \"Approved?\", by = [\"pat@seller.example\"] }]\n";
    let desk = Desk::new(Some(gates), None, "");
    desk.state(DEAL, "approved", "yes", "kim@seller.example");
    let answer = desk.gate(DEAL, "go");
    assert_eq!((&answer["allowed"], codes(&answer)), (&false.into(), vec!["fact_by_other", "fact_unstated"]));
    let (_, text) = desk.say(&["facts", "list", DEAL]);
    assert!(text.contains("only pat@seller.example may say so"), "{text}");
    desk.state(DEAL, "approved", "yes", "pat@seller.example");
    assert_eq!(desk.gate(DEAL, "go")["allowed"], true);
}

#[test]
fn a_gates_file_is_checked_and_tested() {
    let desk = Desk::new(
        Some("[gate.a]\nstanding = [\"confirmed\"]\n[[gate.a.example]]\nwhy = \"wrong\"\nallowed = true\n"),
        None,
        "",
    );
    assert_eq!(desk.say(&["gates", "check"]).0, 0);
    let (status, text) = desk.say(&["gates", "test"]);
    assert!(status == 1 && text.contains("FAILED") && text.contains("1 examples, 1 failed"), "{text}");
    let bad = desk.folder.path().join("bad.toml");
    std::fs::write(&bad, "[gate.a]\ncolour = 1\nstanding = [\"yes\"]\n").unwrap();
    let (status, text) = desk.say(&["gates", "check", bad.to_str().unwrap()]);
    assert!(status == 1 && text.contains("bad.toml:2: ") && text.contains("bad.toml:3: "), "{text}");
    std::fs::write(&bad, "[gate.a]\nstanding = [\"confirmed\"]\n").unwrap();
    let (status, text) = desk.say(&["gates", "test", bad.to_str().unwrap()]);
    assert!(status == 0 && text.contains("gate.a has no example"), "{text}");
    // The shipped ones, without a configuration.
    let shipped = Command::new(env!("CARGO_BIN_EXE_endorsed")).args(["gates", "test"]).output().unwrap();
    assert!(shipped.status.success(), "{}", String::from_utf8_lossy(&shipped.stdout));
}

#[test]
fn a_fact_never_makes_a_win() {
    let desk = Desk::new(None, None, "");
    desk.take("1.eml", &desk.letters.declaration(DEAL));
    for fact in desk.json(&["facts", "list", DEAL])["facts"].as_array().unwrap() {
        desk.state(DEAL, fact["id"].as_str().unwrap(), "yes", "Ana");
    }
    for to in ["commercial_review", "contract_signature", "stage_5", "post_trial"] {
        assert_eq!(desk.gate(DEAL, to)["allowed"], false, "{to}");
    }
    assert_eq!(desk.gate(DEAL, "stage_4")["allowed"], true);
    desk.take("2.eml", &desk.letters.reply(DEAL, 1, "Yes, we confirm that all criteria are met."));
    let open = desk.gate(DEAL, "stage_5");
    assert_eq!(open["allowed"], true, "{open} of {BUYER}");
}
