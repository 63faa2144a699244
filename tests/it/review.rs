//! People decide what is doubtful: from the command line through the record to the gate.

use std::path::PathBuf;
use std::process::{Command, Output};

use endorsed::edge::store::{OpenOptions, Store};
use endorsed::record::Entry;
use serde_json::Value;
use tempfile::TempDir;

use crate::letters::{BUYER, Letters, SELLER};

/// A store of its own, asked without a daemon.
struct Home {
    folder: TempDir,
    letters: Letters,
}

impl Home {
    /// With these further lines of configuration.
    fn new(more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("edr").tempdir_in("/tmp").unwrap();
        let letters = Letters::new();
        std::fs::write(folder.path().join("dns.json"), letters.dns()).unwrap();
        let home = Self { folder, letters };
        home.configure(more);
        home
    }

    fn configure(&self, more: &str) {
        let config = format!(
            "[seller]\ndomains = [\"{SELLER}\"]\nnames = [\"Cascade\"]\nevidence = \"evidence@{SELLER}\"\n\
             [store]\npath = \"store\"\n[dns]\nfile = \"dns.json\"\n{more}\n\
             [policy]\ntrust_declared_champions = true\n"
        );
        std::fs::write(self.folder.path().join("endorsed.toml"), config).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config: PathBuf = self.folder.path().join("endorsed.toml");
        Command::new(env!("CARGO_BIN_EXE_endorsed"))
            .args(arguments)
            .arg("--config")
            .arg(config)
            .output()
            .unwrap()
    }

    fn take(&self, name: &str, raw: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, raw).unwrap();
        let output = self.run(&["ingest", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Exit status and what was printed.
    fn say(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
            panic!("{arguments:?}: {e}: {}", String::from_utf8_lossy(&output.stderr));
        })
    }

    fn gate(&self, to: &str) -> Value {
        self.json(&["gate", DEAL, "--to", to])
    }

    /// Decides with name and reason; returns the name of the act.
    fn decide(&self, arguments: &[&str], by: &str) -> String {
        let done = self.json(&[&["review"], arguments, &["--by", by, "--reason", "I called Dana"]].concat());
        assert_eq!(done["answer"], "done", "{arguments:?}: {done}");
        done["act"].as_str().unwrap().to_owned()
    }

    fn refused(&self, arguments: &[&str], by: &str) -> String {
        let signed = ["--by", by, "--reason", "because"];
        let (status, text) = self.say(&[&["review"], arguments, &signed].concat());
        assert_eq!(status, 1, "{text}");
        text
    }

    fn queue(&self) -> Vec<Value> {
        self.json(&["review", "list"])["items"].as_array().unwrap().clone()
    }
}

const DEAL: &str = "OPP-71001";

/// A deal with one doubtful yes.
fn doubtful(more: &str) -> (Home, String) {
    let home = Home::new(more);
    home.take("1.eml", &home.letters.declaration(DEAL));
    home.take(
        "2.eml",
        &home.letters.reply(
            DEAL,
            1,
            "We confirm, all three are met, knock on wood. Except maybe the weekend thing.",
        ),
    );
    (home, Letters::replied(DEAL, 1))
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect()
}

#[test]
fn a_decision_opens_what_takes_decisions_and_nothing_else() {
    let (home, reply) = doubtful("");
    let queue = home.queue();
    assert_eq!(queue.len(), 1, "{queue:?}");
    assert_eq!((&queue[0]["opportunity"], &queue[0]["state"]), (&DEAL.into(), &"open".into()));
    assert!(!queue[0]["why"].as_array().unwrap().is_empty());
    assert_eq!(home.gate("commercial_review")["allowed"], false);

    // The SE of the deal may not, nobody may without a reason.
    let text = home.refused(&["accept", &reply, "--verdict", "confirmed"], &format!("kim@{SELLER}"));
    assert!(text.contains("own_deal"), "{text}");
    home.refused(&["accept", &reply, "--verdict", "confirmed"], "Kim");
    let (status, _) =
        home.say(&["review", "accept", &reply, "--verdict", "confirmed", "--by", "Ana", "--reason", " "]);
    assert_eq!(status, 1);
    assert_eq!(home.gate("commercial_review")["allowed"], false);

    let act = home.decide(&["accept", &reply, "--verdict", "confirmed"], "Ana");
    let commercial = home.gate("commercial_review");
    assert_eq!((&commercial["allowed"], &commercial["standing"]), (&true.into(), &"confirmed".into()));
    assert_eq!(commercial["verified_standing"], "needs_review");
    assert_eq!(
        (&commercial["evidence"][0]["verified"], &commercial["evidence"][0]["accepted_by"]),
        (&false.into(), &"Ana".into())
    );
    assert_eq!(commercial["criteria"]["confirmed"], 0, "the champion's own words confirmed nothing");
    let signature = home.gate("contract_signature");
    assert_eq!(signature["allowed"], false);
    assert!(codes(&signature).contains(&"accepted_only"), "{signature}");
    let (_, shown) = home.say(&["show", DEAL]);
    assert!(shown.contains("confirmed, accepted by Ana, not verified") && shown.contains(&act), "{shown}");
    assert!(
        home.json(&["show", DEAL])["messages"].as_array().unwrap().iter().all(|m| m["endorsed"] == false)
    );
    assert_eq!(home.queue().len(), 0);

    // Undone, it waits again.
    home.refused(&["undo", &act], "kim");
    home.decide(&["undo", &act], "Ana");
    assert_eq!(home.gate("commercial_review")["allowed"], false);
    assert_eq!(home.queue().len(), 1);
    home.decide(&["reject", &reply], "Ana");
    assert_eq!(home.gate("commercial_review")["standing"], "awaiting_reply");
    assert_eq!(home.queue().len(), 0);

    // A fresh mail is judged anew, and proven words need nobody.
    home.take("3.eml", &home.letters.reply(DEAL, 2, "Confirmed on all three."));
    let signature = home.gate("contract_signature");
    assert_eq!((&signature["allowed"], &signature["evidence"][0]["verified"]), (&true.into(), &true.into()));
    assert!(signature.get("verified_standing").is_none());
    // What people doubt closes every gate, whoever they are.
    home.decide(&["reject", &Letters::replied(DEAL, 2)], "Ben");
    assert_eq!(home.gate("contract_signature")["allowed"], false);
    assert_eq!(home.gate("commercial_review")["allowed"], false);
}

#[test]
fn a_large_deal_needs_two_persons() {
    let (home, reply) = doubtful("[review]\nsecond_person_above = 100000");
    let accept = ["accept", reply.as_str(), "--verdict", "confirmed"];
    home.decide(&accept, "Ana Berg");
    assert_eq!(home.gate("commercial_review")["allowed"], false, "the amount is unknown");
    assert_eq!(home.queue()[0]["state"], "waiting");
    home.decide(&accept, "ana.berg@northwind-labs.example");
    assert_eq!(home.gate("commercial_review")["allowed"], false, "it is the same person");
    home.decide(&accept, "Ben Holm");
    let answer = home.gate("commercial_review");
    assert_eq!(answer["allowed"], true);
    assert!(answer["evidence"][0]["accepted_by"].as_str().unwrap().contains("Ben Holm"), "{answer}");
    // Who decides otherwise last is not outvoted by who decided before.
    home.decide(&["reject", &reply], "Ana Berg");
    assert_eq!(home.gate("commercial_review")["allowed"], false);
    // Below the amount one person is enough.
    home.refused(&["amount", DEAL, "90000"], "Kim Sorel");
    home.decide(&["amount", DEAL, "90000"], "Ana Berg");
    home.decide(&accept, "Ana Berg");
    assert_eq!(home.gate("commercial_review")["allowed"], true);
    home.decide(&["amount", DEAL, "100001"], "Ana Berg");
    assert_eq!(home.gate("commercial_review")["allowed"], false);
}

#[test]
fn a_mail_whose_text_changes_is_undecided_again() {
    let (home, reply) = doubtful("");
    home.decide(&["accept", &reply, "--verdict", "confirmed"], "Ana");
    assert_eq!(home.gate("commercial_review")["allowed"], true);
    home.take("3.eml", &home.letters.reply(DEAL, 1, "I guess we are not good here, are we?"));
    let answer = home.gate("commercial_review");
    assert_eq!(
        (&answer["allowed"], &answer["standing"]),
        (&false.into(), &"needs_review".into()),
        "{answer}"
    );
    let items = home.json(&["review", "show", &reply])["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    let text = home.refused(&["accept", &reply, "--verdict", "confirmed"], "Ana");
    assert!(text.contains("--copy"), "{text}");
    // Once a person says which of them was sent, that one counts as accepted.
    let copy = |words: &str| {
        let has = |i: &&Value| i["message"]["fresh_text"].as_str().unwrap().contains(words);
        items.iter().find(has).unwrap()["message"]["sha256"].as_str().unwrap().to_owned()
    };
    home.decide(&["reject", &reply, "--copy", &copy("not good")[..16]], "Ana");
    home.decide(&["accept", &reply, "--verdict", "confirmed", "--copy", &copy("knock on wood")[..16]], "Ana");
    let answer = home.gate("commercial_review");
    assert_eq!(
        (&answer["allowed"], &answer["evidence"][0]["verified"]),
        (&true.into(), &false.into()),
        "{answer}"
    );
}

#[test]
fn a_declaration_without_a_deal_is_linked_by_a_person() {
    let home = Home::new("");
    // Neither the plus-address nor the text names a deal.
    let nameless =
        |raw: Vec<u8>| String::from_utf8(raw).unwrap().replace(&format!("evidence+{DEAL}@"), "evidence@");
    let declared = home.letters.signed_by_seller(&nameless(home.letters.declaration(DEAL)));
    home.take("1.eml", &declared);
    let reply =
        home.letters.signed_by_buyer(&nameless(home.letters.reply(DEAL, 1, "Confirmed on all three.")));
    home.take("2.eml", &reply);
    assert_eq!(home.gate("commercial_review")["standing"], "no_declaration");
    let id = Letters::declared(DEAL);
    let waits = home.queue();
    assert!(waits.iter().any(|i| i["message"]["message_id"] == id.as_str()), "{waits:?}");
    home.refused(&["link", &id, DEAL], &format!("kim@{SELLER}"));
    let act = home.decide(&["link", &id, DEAL], "Ana");
    let answer = home.gate("contract_signature");
    assert_eq!(
        (&answer["allowed"], &answer["evidence"][0]["verified"]),
        (&true.into(), &true.into()),
        "{answer}"
    );
    assert_eq!(home.queue().len(), 0);
    assert_eq!(home.json(&["list"])["opportunities"][0]["opportunity"], DEAL);
    // Another deal cannot have it too.
    home.refused(&["link", &id, "OPP-71002"], "Ana");
    home.decide(&["undo", &act], "Ana");
    assert_eq!(home.gate("contract_signature")["standing"], "no_declaration");
}

#[test]
fn a_forged_mail_blocks_until_a_person_clears_it() {
    let home = Home::new("");
    home.take("1.eml", &home.letters.declaration(DEAL));
    home.take("2.eml", &home.letters.reply(DEAL, 1, "Confirmed on all three."));
    assert_eq!(home.gate("contract_signature")["allowed"], true);
    // Two authors in one mail: it contradicts itself.
    let forged = String::from_utf8(home.letters.reply(DEAL, 2, "Confirmed once more.")).unwrap();
    let forged = forged.replace("From: Dana", &format!("From: Eve <eve@{BUYER}>\r\nFrom: Dana"));
    home.take("3.eml", forged.as_bytes());
    let answer = home.gate("contract_signature");
    assert_eq!(answer["allowed"], false);
    assert!(codes(&answer).contains(&"identity_failed"), "{answer}");
    let id = Letters::replied(DEAL, 2);
    assert!(home.refused(&["accept", &id, "--verdict", "confirmed"], "Ana").contains("forged"));
    assert!(home.refused(&["clear", &Letters::replied(DEAL, 1)], "Ana").contains("forged"));
    let act = home.decide(&["clear", &id], "Ana");
    assert_eq!(home.gate("contract_signature")["allowed"], true, "{}", home.gate("contract_signature"));
    home.decide(&["undo", &act], "Ana");
    assert_eq!(home.gate("contract_signature")["allowed"], false);
}

#[test]
fn a_decided_reply_becomes_a_case_that_the_rules_are_tested_with() {
    let (home, reply) = doubtful("");
    let nothing = home.say(&["review", "export"]);
    assert_eq!(nothing.0, 1, "{}", nothing.1);
    let act = home.decide(&["accept", &reply, "--verdict", "conditional"], "Ana");
    let (status, case) = home.say(&["review", "export"]);
    assert_eq!(status, 0, "{case}");
    assert!(case.contains(&act) && case.contains("customer") && case.contains("knock on wood"), "{case}");
    let rules = home.folder.path().join("rules/en");
    std::fs::create_dir_all(&rules).unwrap();
    let rule = "[[rule]]\nid = \"concern.except\"\nsays = \"concern\"\nwhy = \"excepts\"\nmatch = [\"except maybe\"]\n\
                hits = [\"Except maybe one.\"]\nmisses = [\"All.\"]\n\
                [[rule]]\nid = \"affirm.all\"\nsays = \"affirm\"\nwhole = true\nwhy = \"all\"\nmatch = [\"all three are met\"]\n\
                hits = [\"All three are met.\"]\nmisses = [\"Thanks.\"]\n";
    std::fs::write(rules.join("r.toml"), format!("{rule}{case}")).unwrap();
    let folder = home.folder.path().join("rules");
    let tested = home.json(&["rules", "test", "--rules", folder.to_str().unwrap()]);
    assert_eq!(tested["cases"], 1, "{tested}");
    let failed = tested["failures"].as_array().unwrap();
    assert!(
        failed.iter().all(|f| f["rule"] == "case" && f["text"].as_str().unwrap().contains("knock")),
        "{tested}"
    );

    // Who sees the octets is on record before they are shown.
    assert_eq!(home.say(&["review", "show", &reply, "--raw"]).0, 2);
    let (status, raw) =
        home.say(&["review", "show", &reply, "--raw", "--by", "Ana", "--reason", "check the signature"]);
    assert!(status == 0 && raw.starts_with("DKIM-Signature:"), "{raw}");
    let (_, shown) = home.say(&["review", "show", &reply]);
    assert!(shown.contains("Ana: saw the raw mail"), "{shown}");
}

#[test]
fn the_plan_stands_beside_every_declaration() {
    let home = Home::new("");
    // The plan comes first; only `run` and `ingest` make a store.
    home.take("0.eml", &home.letters.declaration("OPP-71009"));
    let plan = |name: &str, lines: &str| {
        let path = home.folder.path().join(name);
        std::fs::write(&path, format!("opportunity,n,text,mandatory\n{lines}")).unwrap();
        let (status, text) = home.say(&["plan", "import", path.to_str().unwrap(), "--by", "kim"]);
        assert_eq!(status, 0, "{text}");
        text.split_once("recorded as ").unwrap().1[..12].to_owned()
    };
    plan(
        "1.csv",
        &format!(
            "{DEAL},1,Nightly restore of the ledger in under 20 minutes,true\n{DEAL},2,Dark mode,false\n"
        ),
    );
    home.take("1.eml", &home.letters.declaration(DEAL));
    home.take("2.eml", &home.letters.reply(DEAL, 1, "Confirmed on all three."));
    let answer = home.gate("commercial_review");
    assert_eq!((&answer["allowed"], &answer["standing"]), (&false.into(), &"partial".into()), "{answer}");
    assert!(codes(&answer).contains(&"criteria_dropped"), "40 minutes were declared, 20 agreed: {answer}");
    // A plan that comes after the declaration takes nothing back, and the SE does not either.
    let late = plan("2.csv", &format!("{DEAL},1,Nightly restore of the ledger in under 40 minutes,true\n"));
    assert_eq!(home.gate("commercial_review")["standing"], "partial");
    home.decide(&["undo", &late], "Ana");
    let shown = home.json(&["show", DEAL]);
    let first = shown["acts"][0]["name"].as_str().unwrap().to_owned();
    home.refused(&["undo", &first], "kim");
    home.decide(&["undo", &first], "Ana");
    assert_eq!(home.gate("commercial_review")["allowed"], true);
    assert_eq!(home.json(&["show", DEAL])["versions"][0]["criteria"].as_array().unwrap().len(), 3);
}

#[test]
fn other_evidence_is_shown_and_opens_nothing() {
    let home = Home::new("");
    home.take("1.eml", &home.letters.declaration(DEAL));
    let card = home.folder.path().join("card.pdf");
    std::fs::write(&card, b"%PDF all green").unwrap();
    let add = ["evidence", "add", DEAL, "--by", "kim", "--kind", "scorecard", "--note", "signed on site"];
    assert_eq!(home.say(&add).0, 2, "neither file nor link");
    assert_eq!(home.say(&[&add[..], &["--file", card.to_str().unwrap()]].concat()).0, 0);
    let answer = home.gate("commercial_review");
    assert_eq!((&answer["allowed"], &answer["standing"]), (&false.into(), &"awaiting_reply".into()));
    assert!(codes(&answer).contains(&"manual_only"), "{answer}");
    let shown = home.json(&["show", DEAL]);
    let manual = &shown["manual"][0];
    assert_eq!((&manual["verified"], &manual["file"]["bytes"]), (&false.into(), &14.into()), "{shown}");
    assert_eq!(manual["file"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_condition_carries_its_words_and_its_day() {
    let home = Home::new("");
    home.take("1.eml", &home.letters.declaration(DEAL));
    let words = "Confirmed on all three, provided that Northwind ships the parser patch by 2020-01-31.";
    home.take("2.eml", &home.letters.reply(DEAL, 1, words));
    let shown = home.json(&["show", DEAL]);
    assert_eq!(shown["standing"], "conditional", "{shown}");
    let condition = &shown["conditions"][0];
    assert_eq!((&condition["text"], &condition["due"]), (&words.into(), &"2020-01-31".into()), "{condition}");
    assert_eq!(
        (&condition["owner"], &condition["overdue"]),
        (&"Northwind".into(), &true.into()),
        "{condition}"
    );
    let signature = home.gate("contract_signature");
    assert_eq!(signature["allowed"], false);
    assert!(codes(&signature).contains(&"condition_overdue"), "{signature}");
    // It ends by a later mail of the champion, and a yes ages only where the operator says so.
    home.take("3.eml", &home.letters.reply(DEAL, 2, "Confirmed on all three."));
    assert_eq!(home.gate("contract_signature")["allowed"], true);
}

#[test]
fn what_governs_is_on_record_when_it_changes() {
    let home = crate::home::Home::new("");
    let governed = || {
        let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
        let entries = store.entries(0..store.size()).unwrap();
        let what = |entry: &Entry| match entry {
            Entry::Governed { what, .. } => Some(what.as_str()),
            _ => None,
        };
        entries.iter().filter_map(what).collect::<Vec<_>>()
    };
    let run = || home.start().stop();
    run();
    assert_eq!(governed(), ["rules", "gates"], "there is no accounts file");
    run();
    assert_eq!(governed().len(), 2, "nothing changed");
    std::fs::write(home.folder.path().join("g.toml"), "[gate.a]\nstanding = [\"confirmed\"]\n").unwrap();
    let config = home.folder.path().join("endorsed.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[gates]\nfile = \"g.toml\"\n")).unwrap();
    run();
    assert_eq!(governed(), ["rules", "gates", "gates"]);
}

#[test]
fn erased_mail_is_gone_and_opens_nothing() {
    let home = Home::new("");
    home.take("1.eml", &home.letters.declaration(DEAL));
    home.take("2.eml", &home.letters.reply(DEAL, 1, "Confirmed on all three."));
    home.take("3.eml", &home.letters.reply(DEAL, 2, "We take our confirmation back, the restore failed."));
    assert_eq!(home.gate("commercial_review")["standing"], "retracted");
    let erase = |what: &str, by: &str| home.say(&["erase", what, "--by", by, "--reason", "asked to"]);
    let no = Letters::replied(DEAL, 2);
    assert_eq!(erase(&no, "kim").0, 1, "the SE could erase a no");
    let (status, text) = erase(&no, "Ana");
    assert_eq!(status, 0, "{text}");
    let answer = home.gate("commercial_review");
    assert_eq!(
        (&answer["allowed"], &answer["standing"]),
        (&false.into(), &"needs_review".into()),
        "{answer}"
    );
    assert!(codes(&answer).contains(&"erased"), "{answer}");
    let files = ["journal", "segments/00000000.seg"].map(|f| home.folder.path().join("store").join(f));
    let holds = |words: &str| {
        files.iter().any(|f| String::from_utf8_lossy(&std::fs::read(f).unwrap()).contains(words))
    };
    assert!(!holds("take our confirmation back") && holds("Confirmed on all three"));
    let (status, text) = home.say(&["verify"]);
    assert_ne!(status, 1, "{text}");
    // By address: everything that she wrote.
    assert_eq!(erase(&format!("dana@{BUYER}"), "Ana").0, 0);
    assert!(!holds("Confirmed on all three."));
    assert_eq!(erase(&format!("dana@{BUYER}"), "Ana").0, 1, "nothing is left");
}
