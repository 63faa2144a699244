//! The accounts file of deal desk: what it refuses, and who speaks by it (threats 3 and 24).

use std::path::PathBuf;

use endorsed::config::load_accounts;
use endorsed::model::{Accounts, Address, Claim, Digest, Outcome};

use crate::verify_deals::{Desk, LIST, YES, answer, declaration, recap};

fn load(text: &str) -> Result<Accounts, String> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("accounts.toml");
    std::fs::write(&path, text).unwrap();
    load_accounts(&path, &["northwind-labs.example".to_owned()]).map_err(|e| e.to_string())
}

#[test]
fn the_file_says_who_speaks() {
    let text = "[account.acme]\ndomains = [\"Acme.example\"]\n\
        endorsers = { \"Dana@acme.example\" = \"technical\", \"dana.reyes@gmail.com\" = \"technical\" }\n\
        waivers = { \"dana.reyes@gmail.com\" = \"J. Park, deal desk, 2026-11-01: on parental leave\" }\n";
    let accounts = load(text).unwrap();
    assert_eq!(accounts.accounts["acme"].domains, ["acme.example"]);
    assert_eq!(accounts.accounts["acme"].endorsers.len(), 2);
    assert_eq!(accounts.digest, Digest::of(text.as_bytes()));
}

#[test]
fn what_a_seller_could_slip_in_is_refused_with_its_line() {
    for (text, expected) in [
        (
            "domains = [\"gmail.com\"]",
            "accounts.toml:2: account.acme: `gmail.com` gives addresses to everybody",
        ),
        ("domains = [\"lab.northwind-labs.example\"]", "is the seller's own"),
        ("domains = [\"example\"]", "is no plain domain"),
        ("domains = [\"acm\u{435}.example\"]", "is no plain domain"),
        ("domains = [\"*.acme.example\"]", "is no plain domain"),
        (
            "domains = [\"acme.example\"]\nendorsers = { \"sam@northwind-labs.example\" = \"technical\" }",
            "accounts.toml:3: account.acme: sam@northwind-labs.example is one of the seller's own",
        ),
        (
            "domains = [\"acme.example\"]\nendorsers = { \"dana@gmail.com\" = \"technical\" }",
            "no waiver approves it",
        ),
        ("domains = [\"acme.example\"]\nendorsers = { \"dana\" = \"technical\" }", "is no mail address"),
        ("domains = [\"acme.example\"]\nwaivers = { \"dana@gmail.com\" = \"me\" }", "names no endorser"),
        (
            "domains = [\"acme.example\"]\nendorsers = { \"dana@gmail.com\" = \"technical\" }\nwaivers = { \"dana@gmail.com\" = \" \" }",
            "does not say who approved it",
        ),
        (
            "domains = [\"acme.example\"]\n[account.other]\ndomains = [\"acme.example\"]",
            "belongs to account.acme already",
        ),
        ("domans = []", "accounts.toml:2: unknown field `domans`"),
    ] {
        let error = load(&format!("[account.acme]\n{text}\n")).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

fn deal(desk: &Desk, to: &str) -> Vec<Outcome> {
    let swap = |raw: String| raw.replace("dana@acme.example", to);
    let declared = desk.seller(&swap(declaration("d1", "OPP-1", "10:00:00", &recap(LIST))));
    let reply = swap(answer("r1", "d1@northwind-labs.example", "11:00:00", YES));
    let domain = to.split('@').nth(1).unwrap();
    let reply = crate::sign::sign(reply.as_bytes(), &desk.key, domain, crate::sign::FULL, "");
    desk.consider(&[declared, reply])
}

#[test]
fn threat_3_a_champion_whom_the_seller_controls() {
    let mut desk = Desk::new();
    let hosts = ["gmail.com", "northwind-demo.example", "acme-trial.example", "acme.example"];
    desk.keys = crate::sign::keys(&[&hosts[..], &["northwind-labs.example"]].concat(), &desk.key.record());
    desk.policy.seller.domains = vec!["northwind-labs.example".into()];
    for (to, code) in [("dana@gmail.com", "free_mail"), ("dana@northwind-labs.example", "vendor_sender")] {
        let outcomes = deal(&desk, to);
        assert!(!outcomes[1].endorsed, "{to}");
        assert!(
            outcomes[1].has(code)
                || outcomes[1].authorship.as_ref().is_some_and(|a| a.claim == Claim::Seller),
            "{to} {:#?}",
            outcomes[1].reasons
        );
    }
    // Whatever a declaration says: only whom deal desk lists speaks, and only as listed.
    desk.policy.trust_declared_champions = false;
    desk.policy.accounts =
        Some(load("[account.acme]\ndomains = [\"acme.example\"]\nendorsers = { \"dana@acme.example\" = \"technical\" }\n").unwrap());
    for to in ["dana@gmail.com", "dana@northwind-demo.example", "dana@acme-trial.example", "pat@acme.example"]
    {
        let outcomes = deal(&desk, to);
        assert!(outcomes.iter().all(|o| !o.endorsed), "{to}");
    }
    assert!(deal(&desk, "dana@acme.example")[1].endorsed);
}

#[test]
fn threat_24_the_digest_of_the_file_goes_into_each_verdict() {
    let mut desk = Desk::new();
    let before = deal(&desk, "dana@acme.example");
    assert!(before[1].endorsed && before.iter().all(|o| o.accounts.is_none()));
    let accounts = load("[account.acme]\ndomains = [\"acme.example\"]\nendorsers = { \"dana@acme.example\" = \"technical\" }\n").unwrap();
    let digest = accounts.digest;
    desk.policy.accounts = Some(accounts);
    let after = deal(&desk, "dana@acme.example");
    assert!(after.iter().all(|o| o.accounts == Some(digest)) && after[1].endorsed);
    assert!(after.iter().all(|o| o.rules == before[0].rules), "the rule set is named as well");
    assert_eq!(after[1].from, Address::new("dana@acme.example"));
}
