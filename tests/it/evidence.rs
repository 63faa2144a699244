//! Evidence besides the champion's yes: what a mail must say, who must have written it, and what it then does.

use std::collections::{BTreeMap, BTreeSet};

use endorsed::gate::{Freshness, GateAnswer, Gates};
use endorsed::model::{Account, Accounts, Digest, Means, Said, Standing, StandingReport, YesNo};
use jiff::Timestamp;

use crate::verify_deals::{Desk, LIST, YES, answer, declaration, recap};

const GATES: &str = "[gate.secure]\nstanding = [\"confirmed\"]\nroles = { security = 1 }\n\
                     [gate.strict]\nroles = { security = 1 }\nwaivers = false\n\
                     [gate.win]\nstanding = [\"confirmed\"]\n\
                     [gate.tech]\nroles = { technical = 1 }\n\
                     [gate.reviewed]\nquestions = [{ id = \"tech_review_approved\", text = \"Approved?\", by = [\"pat@northwind-labs.example\"] }]\n";

pub fn desk() -> Desk {
    let mut desk = Desk::new();
    let people =
        [("dana", "technical"), ("ines", "security"), ("victor", "approver"), ("arun", "architecture")];
    let account = Account {
        domains: vec!["acme.example".into()],
        endorsers: people.map(|(who, role)| (format!("{who}@acme.example"), role.to_owned())).into(),
        required: BTreeSet::new(),
        waivers: BTreeMap::new(),
    };
    let accounts = BTreeMap::from([("acme".into(), account)]);
    desk.policy.accounts = Some(Accounts { accounts, digest: Digest::of(b"accounts") });
    desk
}

/// A mail of its own, to the seller, with the opportunity's evidence address in Cc.
pub fn mail(id: &str, from: &str, to: &str, time: &str, body: &str) -> String {
    format!(
        "From: {from}\nTo: {to}\nCc: evidence+OPP-1@northwind-labs.example\nSubject: Our review\n\
         Date: Fri, 20 Nov 2026 {time} +0000\nMessage-ID: <{id}@mail.example>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

pub const SAM: &str = "sam@northwind-labs.example";
pub const PASSED: &str =
    "Hi Sam,\n\nour security review of Northwind is passed. There are no open findings.\n\nRegards\nInes\n";

pub fn ines(desk: &Desk, id: &str, time: &str, body: &str) -> Vec<u8> {
    desk.buyer(&mail(id, "ines@acme.example", SAM, time, body))
}

pub fn declared(desk: &Desk) -> Vec<u8> {
    desk.seller(&declaration("d1", "OPP-1", "10:00:00", &recap(LIST)))
}

pub fn won(desk: &Desk) -> Vec<Vec<u8>> {
    vec![declared(desk), desk.buyer(&answer("r1", "d1@northwind-labs.example", "11:00:00", YES))]
}

fn with(desk: &Desk, more: &[Vec<u8>]) -> StandingReport {
    desk.standing("OPP-1", &[won(desk), more.to_vec()].concat())
}

fn gate(report: &StandingReport, to: &str) -> GateAnswer {
    let gates = Gates::load("g.toml", GATES).unwrap();
    gates.answer(report, to, Freshness::Fresh, Timestamp::UNIX_EPOCH).unwrap()
}

#[test]
fn a_passed_security_review_fills_its_role_in_any_order() {
    let desk = desk();
    assert!(!gate(&with(&desk, &[]), "secure").allowed);
    let passed = ines(&desk, "s1", "12:00:00", PASSED);
    let report = with(&desk, std::slice::from_ref(&passed));
    let answer = gate(&report, "secure");
    assert!(answer.allowed, "{answer:#?}");
    let speaker = answer.roles[0].speakers.iter().find(|s| s.means == Means::Evidence).unwrap();
    assert_eq!(
        (speaker.who.as_str(), speaker.kind.as_deref()),
        ("ines@acme.example", Some("security_review"))
    );
    // Before the declaration, and the other way round.
    let early = ines(&desk, "s0", "09:00:00", PASSED);
    let mut mails = won(&desk);
    mails.insert(0, early);
    assert!(gate(&desk.standing("OPP-1", &mails), "secure").allowed);
    mails.reverse();
    assert!(gate(&desk.standing("OPP-1", &mails), "secure").allowed);
    // It is no endorsement and confirms nothing.
    let alone = desk.standing("OPP-1", &[declared(&desk), passed]);
    assert_eq!(alone.standing, Standing::AwaitingReply, "{alone:#?}");
}

#[test]
fn doubtful_and_unproven_words_fill_nothing() {
    let desk = desk();
    for body in [
        "The security review is passed, but two findings are still open.\n",
        "The security review has not passed.\n",
        "Has the security review passed?\n",
        "The security review will be passed next week.\n",
        "Dana told me that the security review is passed.\n",
        "The security review is passed once the SSO fix is deployed.\n",
        "The security review of Contoso is passed. Yours is not.\n",
        "Thanks for the documents for our security review.\n",
        "> our security review of Northwind is passed\n",
    ] {
        let report = with(&desk, &[ines(&desk, "s1", "12:00:00", body)]);
        assert!(!gate(&report, "secure").allowed, "{body}");
    }
    let passed = |from: &str| mail("s1", from, SAM, "12:00:00", PASSED);
    let untagged = passed("ines@acme.example").replace("evidence+OPP-1@", "evidence@");
    for (raw, why) in [
        (passed("ines@acme.example").into_bytes(), "unsigned"),
        (desk.buyer(&passed("dana@acme.example")), "the technical role"),
        (desk.buyer(&passed("omar@acme.example")), "not listed"),
        (desk.seller(&passed("sam@northwind-labs.example")), "the seller"),
        (desk.buyer(&untagged), "names no opportunity"),
    ] {
        assert!(!gate(&with(&desk, &[raw]), "secure").allowed, "{why}");
    }
}

#[test]
fn the_newest_word_of_a_person_counts() {
    let desk = desk();
    let passed = ines(&desk, "s1", "12:00:00", PASSED);
    for later in ["Our security review is rejected.\n", "The security review has not passed, sorry.\n"] {
        let report = with(&desk, &[passed.clone(), ines(&desk, "s2", "13:00:00", later)]);
        let answer = gate(&report, "secure");
        assert!(!answer.allowed, "{later} {answer:#?}");
        let again = ines(&desk, "s3", "14:00:00", PASSED);
        let report = with(&desk, &[again, ines(&desk, "s2", "13:00:00", later), passed.clone()]);
        assert_eq!(gate(&report, "secure").roles[0].filled, 1, "{later}");
    }
}

#[test]
fn a_waiver_fills_a_role_where_the_gate_takes_waivers() {
    let desk = desk();
    let waived = "Hello Sam,\n\nwe formally waive the security review.\n\nVictor\n";
    let victor = desk.buyer(&mail("w1", "victor@acme.example", SAM, "12:00:00", waived));
    let report = with(&desk, std::slice::from_ref(&victor));
    assert!(gate(&report, "secure").allowed, "{report:#?}");
    assert_eq!(report.roles.iter().filter(|w| w.means == Means::Waived).count(), 1);
    assert!(!gate(&report, "strict").allowed);
    let arun = desk.buyer(&mail("w1", "arun@acme.example", SAM, "12:00:00", waived));
    assert!(!gate(&with(&desk, &[arun]), "secure").allowed, "not his to waive");
}

#[test]
fn a_recommendation_to_the_own_boss_fills_the_role_and_endorses_nothing() {
    let desk = desk();
    let words = "Victor,\n\nwe recommend Northwind. It met all of our criteria.\n\nDana\n";
    let raw = |to: &str| desk.buyer(&mail("b1", "dana@acme.example", to, "12:00:00", words));
    let alone = desk.standing("OPP-1", &[declared(&desk), raw("victor@acme.example")]);
    assert_ne!(alone.standing, Standing::Confirmed);
    assert!(!gate(&alone, "win").allowed);
    let word = alone.roles.iter().find(|w| w.kind.as_deref() == Some("buyer_to_buyer")).unwrap();
    assert_eq!((word.role.as_str(), word.standing), ("technical", Standing::Confirmed));
    assert!(gate(&alone, "tech").allowed);
    // Beside the champion's answer it leaves the win as it was.
    assert_eq!(with(&desk, &[raw("victor@acme.example")]).standing, Standing::Confirmed);
    // To the seller it is none.
    let to_us = desk.standing("OPP-1", &[declared(&desk), raw(SAM)]);
    assert!(!gate(&to_us, "tech").allowed);
    // Nobody is endorsed by any of it.
    let outcomes = desk.consider(&[declared(&desk), raw("victor@acme.example")]);
    assert!(outcomes.iter().all(|o| !o.endorsed));
    assert_eq!(outcomes[1].signals[0].said, Said::Yes);
}

#[test]
fn internal_reviews_are_facts_stated_by_mail() {
    let desk = desk();
    let approved = "Hi Sam,\n\nthe tech review is approved.\n\nPat\n";
    let from = |who: &str, time: &str, body: &str| {
        desk.seller(&mail(&format!("t{}", time.replace(':', "")), who, SAM, time, body))
    };
    let pat = "pat@northwind-labs.example";
    // Before anything is declared.
    let report = desk.standing("OPP-1", &[from(pat, "08:00:00", approved)]);
    assert_eq!(
        report.facts.iter().map(|f| (f.id.as_str(), f.value)).collect::<Vec<_>>(),
        [("tech_review_approved", YesNo::Yes)]
    );
    assert!(gate(&report, "reviewed").allowed, "{report:#?}");
    let answered = report.facts[0].clone();
    assert!(answered.message_id.is_some() && answered.act.is_none() && answered.by == pat);
    // A fact by mail may be taken back by a mail that waits unread.
    let gates = Gates::load("g.toml", GATES).unwrap();
    assert!(!gates.answer(&report, "reviewed", Freshness::Stale, Timestamp::UNIX_EPOCH).unwrap().allowed);
    for (mails, why) in [
        (vec![from("lee@northwind-labs.example", "08:00:00", approved)], "not Pat's to say from Lee"),
        (vec![mail("t1", pat, SAM, "08:00:00", approved).into_bytes()], "unsigned"),
        (
            vec![from(pat, "08:00:00", approved), from(pat, "09:00:00", "The tech review is rejected.\n")],
            "taken back",
        ),
        (vec![from(pat, "08:00:00", "The tech review is approved unless the SLA changes.\n")], "doubtful"),
        (vec![desk.buyer(&mail("t1", "dana@acme.example", SAM, "08:00:00", approved))], "the buyer"),
    ] {
        assert!(!gate(&desk.standing("OPP-1", &mails), "reviewed").allowed, "{why}");
    }
    // The SE of the deal reviews no deal of the own.
    let own = [declared(&desk), from(SAM, "11:30:00", approved)];
    assert!(desk.standing("OPP-1", &own).facts.is_empty());
}

/// Two declarations of the deal: which of them a mail means is not known, the deal and the account are.
fn declared_twice(desk: &Desk) -> Vec<Vec<u8>> {
    let again = desk.seller(&declaration("d2", "OPP-1", "10:30:00", &recap(LIST)));
    let yes = desk.buyer(&answer("r1", "d2@northwind-labs.example", "11:00:00", YES));
    vec![declared(desk), again, yes]
}

#[test]
fn a_second_declaration_makes_nobody_deaf() {
    let desk = desk();
    let passed = ines(&desk, "s1", "11:30:00", PASSED);
    let twice = [declared_twice(&desk), vec![passed.clone()]].concat();
    let report = desk.standing("OPP-1", &twice);
    assert_eq!(report.standing, Standing::Confirmed, "{report:#?}");
    assert!(gate(&report, "secure").allowed, "the deal's account is known: {report:#?}");
    for (no, why) in [
        ("We withdraw our security approval. The product failed our security assessment.\n", "two noes"),
        ("The penetration test was rejected.\n", "only the words of the kind"),
    ] {
        for (raw, how) in [
            (ines(&desk, "s2", "12:00:00", no), "signed"),
            (mail("s2", "ines@acme.example", SAM, "12:00:00", no).into_bytes(), "unsigned"),
            (desk.buyer(&mail("s2", "dana@acme.example", SAM, "12:00:00", no)), "the champion"),
            (desk.buyer(&mail("s2", "arun@acme.example", SAM, "12:00:00", no)), "listed in another role"),
        ] {
            let report = desk.standing("OPP-1", &[twice.clone(), vec![raw.clone()]].concat());
            assert_eq!(report.standing, Standing::NeedsReview, "{why} {how}: {report:#?}");
            assert!(!gate(&report, "secure").allowed, "{why} {how}");
            // Her role too is open again.
            let once = desk.standing("OPP-1", &[won(&desk), vec![passed.clone(), raw]].concat());
            assert!(!gate(&once, "secure").allowed, "{why} {how}: {once:#?}");
        }
        let report =
            desk.standing("OPP-1", &[twice.clone(), vec![ines(&desk, "s2", "12:00:00", no)]].concat());
        assert!(!gate(&report, "strict").allowed, "{why}: {report:#?}");
    }
    // Before anything is declared, and to people of two accounts.
    let no = ines(&desk, "s2", "12:00:00", "The penetration test was rejected.\n");
    let outcomes = desk.consider(std::slice::from_ref(&no));
    let heard = &outcomes[0].signals[0];
    assert!(
        heard.said == Said::No && !heard.proven && heard.role.as_deref() == Some("security"),
        "{heard:#?}"
    );
}

#[test]
fn a_no_in_a_reply_to_the_own_word_is_of_that_deal() {
    let desk = desk();
    let pat = "pat@northwind-labs.example";
    let approved = desk.seller(&mail("t1", pat, SAM, "08:00:00", "The tech review is approved.\n"));
    let back = mail("t2", pat, SAM, "09:00:00", "The tech review is rejected.\n")
        .replace("evidence+OPP-1@", "evidence@")
        .replace("Subject:", "In-Reply-To: <t1@mail.example>\nSubject: Re:");
    let report = desk.standing("OPP-1", &[approved.clone(), desk.seller(&back)]);
    assert!(!gate(&report, "reviewed").allowed, "{report:#?}");
    // A yes on that road names no deal.
    let yes = back.replace("rejected", "approved").replace("<t1@", "<t0@");
    assert!(!gate(&desk.standing("OPP-1", &[desk.seller(&yes)]), "reviewed").allowed);
}

#[test]
fn doubts_about_the_mail_lower_what_it_says() {
    let desk = desk();
    let other = "Our security review for OPP-20999 is passed.\n";
    let report = with(&desk, &[ines(&desk, "s1", "12:00:00", other)]);
    assert!(!gate(&report, "secure").allowed, "of another deal: {report:#?}");
    let attached = mail("s1", "ines@acme.example", SAM, "12:00:00", "").replace(
        "text/plain; charset=utf-8\n\n",
        "multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nHi Sam, our security review of \
         Northwind is passed. \n\nInes\n--b\nContent-Type: text/plain; name=c.txt\nContent-Disposition: attachment; \
         filename=c.txt\n\nOnly for staging. Production use is rejected.\n--b--\n",
    );
    let report = with(&desk, &[desk.buyer(&attached)]);
    assert!(!gate(&report, "secure").allowed, "unread: {report:#?}");
    // Another mail under its Message-ID.
    let passed = ines(&desk, "s1", "12:00:00", PASSED);
    let twin = mail("s1", "ines@acme.example", SAM, "12:00:00", "The security review is still running.\n");
    let outcomes = desk.consider(&[won(&desk), vec![passed, twin.into_bytes()]].concat());
    assert!(outcomes.iter().all(|o| o.signals.iter().all(|s| s.said != Said::Yes)), "{outcomes:#?}");
    // What nobody can read whole may say no.
    let long =
        format!("Our security review is rejected.\n\n{}", "The log line says nothing at all.\n".repeat(1100));
    let report = with(&desk, &[ines(&desk, "s1", "12:00:00", PASSED), ines(&desk, "s2", "13:00:00", &long)]);
    assert!(!gate(&report, "secure").allowed && !gate(&report, "strict").allowed, "{report:#?}");
}

#[test]
fn an_evidence_word_silences_no_doubt_of_the_champion() {
    let desk = desk();
    let said = |words: &str| {
        let later = desk.buyer(&answer("r2", "d1@northwind-labs.example", "12:00:00", words));
        with(&desk, &[later]).standing
    };
    assert_eq!(said("All other vendors have been formally de-selected.\n"), Standing::Confirmed);
    for words in [
        "All other vendors have been formally de-selected. Please read OPP-20999 too.\n",
        "All other vendors have been formally de-selected. The security review has not passed.\n",
        "We will look at OPP-20999 too.\n",
    ] {
        assert_ne!(said(words), Standing::Confirmed, "{words}");
    }
}

#[test]
fn an_approval_stays_with_the_deal_that_its_author_signed() {
    let desk = desk();
    let pat = "pat@northwind-labs.example";
    let approved = mail("t1", pat, SAM, "08:00:00", "The tech review is approved.\n");
    let plain = approved.replace("Cc: evidence+OPP-1@northwind-labs.example\n", "");
    let signed = |raw: &str| String::from_utf8(desk.seller(raw)).unwrap();
    let delivered = format!("Delivered-To: evidence+OPP-1@northwind-labs.example\n{}", signed(&plain));
    let other = approved.replace("OPP-1@", "OPP-2@");
    let redirected = format!("Delivered-To: evidence+OPP-1@northwind-labs.example\n{}", signed(&other));
    let copied = format!("Cc: evidence+OPP-1@northwind-labs.example\n{}", signed(&plain));
    let subject =
        approved.replace("evidence+OPP-1@", "evidence@").replace("Our review", "[OPP-1] Our review");
    let is_open = |raw: String| gate(&desk.standing("OPP-1", &[raw.into_bytes()]), "reviewed").allowed;
    assert!(is_open(signed(&approved)) && is_open(signed(&subject)));
    assert!(!is_open(delivered), "an unsigned field names the deal");
    assert!(!is_open(redirected), "the signed one names another");
    assert!(!is_open(copied), "a second, unsigned Cc");
}

#[test]
fn a_fact_is_taken_back_in_any_words() {
    let desk = desk();
    let pat = "pat@northwind-labs.example";
    let approved = desk.seller(&mail("t1", pat, SAM, "08:00:00", "The tech review is approved.\n"));
    let later = |body: &str| mail("t2", pat, SAM, "09:00:00", body);
    for body in [
        "I withdraw my approval of the tech review.\n",
        "The tech review did not pass.\n",
        "I take back my approval of the tech review.\n",
        "Please disregard my approval of the technical review.\n",
        "The tech review has failed.\n",
        "We can not approve the tech review.\n",
        "I have concerns about the tech review.\n",
    ] {
        let report = desk.standing("OPP-1", &[approved.clone(), desk.seller(&later(body))]);
        assert!(!gate(&report, "reviewed").allowed, "{body} {:#?}", report.facts);
        let unsigned = desk.standing("OPP-1", &[approved.clone(), later(body).into_bytes()]);
        assert!(!gate(&unsigned, "reviewed").allowed, "unsigned: {body} {:#?}", unsigned.facts);
    }
    // The words stand in the subject, or nowhere.
    let short = later("Sorry, I take that back.\n").replace("Our review", "Re: Tech review");
    let report = desk.standing("OPP-1", &[approved.clone(), desk.seller(&short)]);
    assert!(!gate(&report, "reviewed").allowed, "{report:#?}");
    for body in ["I must take that back.\n", "I hereby withdraw my approval.\n"] {
        let report = desk.standing("OPP-1", &[approved.clone(), desk.seller(&later(body))]);
        assert!(!gate(&report, "reviewed").allowed, "{body} {report:#?}");
    }
    // Other talk leaves it.
    for body in ["When is the tech review of the next deal?\n", "Thanks, see you on Tuesday.\n"] {
        let report = desk.standing("OPP-1", &[approved.clone(), desk.seller(&later(body))]);
        assert!(gate(&report, "reviewed").allowed, "{body} {:#?}", report.facts);
    }
}

#[test]
fn a_copy_without_signature_hides_no_proven_no() {
    let desk = desk();
    let pat = "pat@northwind-labs.example";
    let approved = desk.seller(&mail("t1", pat, SAM, "08:00:00", "The tech review is approved.\n"));
    let no = mail("t2", pat, SAM, "09:00:00", "The tech review is rejected.\n");
    for n in 0..8 {
        let copy = format!("X-Seen: {n}\n{no}").into_bytes();
        let outcomes = desk.consider(&[approved.clone(), desk.seller(&no), copy]);
        assert_eq!(outcomes[1].identity, outcomes[2].identity);
        let report = endorsed::record::standing(outcomes[0].opportunity.as_ref().unwrap(), &outcomes);
        let fact = &report.facts[0];
        assert_eq!((fact.value, fact.doubtful), (YesNo::No, false), "{n}: {fact:?}");
    }
}

#[test]
fn the_shipped_kinds_pass_their_examples() {
    let rules = endorsed::config::load_rules(None).unwrap();
    let report = rules.test_evidence();
    assert!(report.passed() && report.rules >= rules.evidence().len(), "{:#?}", report.failures);
}

#[test]
fn a_new_kind_needs_no_rust() {
    let rule = |kind: &str| {
        format!(
            "[[rule]]\nid = \"{kind}.agrees\"\nsays = \"affirm\"\nreads = \"clause\"\nwhy = \"agrees\"\n\
             match = ['works council <2>(?:agrees|agreed)']\nhits = [\"The works council has agreed.\"]\n\
             misses = [\"The works council has not agreed.\"]\n"
        )
    };
    let kinds = "[kind.works_council]\ntext = \"the works council agrees\"\nby = \"buyer\"\nfills = \"operations\"\nwords = [\"works council\"]\n";
    // Of the shipped language only what stops a yes.
    let mut files = endorsed::config::shipped_rules();
    files.retain(|(path, _)| {
        path == "en/language.toml" || path == "en/block.toml" || path.starts_with("en/names")
    });
    files.push(("evidence/kinds.toml".into(), kinds.into()));
    files.push(("evidence/en/works_council.toml".into(), rule("works_council")));
    let rules = endorsed::judge::Rules::load(&files).unwrap_or_else(|e| panic!("{e:?}"));
    let said = |text: &str| {
        let reading = endorsed::model::Reading {
            fresh: text.into(),
            sure: true,
            ..endorsed::model::Reading::default()
        };
        let around = endorsed::judge::Around { own_names: &["Northwind"], ..Default::default() };
        let signs = endorsed::judge::signs(&reading, around, &rules);
        signs.into_iter().map(|s| (s.kind, s.said)).collect::<Vec<_>>()
    };
    assert_eq!(said("The works council has agreed."), [("works_council".to_owned(), Said::Yes)]);
    assert_eq!(said("The works council has not agreed."), [("works_council".to_owned(), Said::Doubtful)]);
    assert_eq!(said("The canteen has agreed."), []);
    // A rule without a kind is a mistake, and so is a kind that does nothing.
    files.push(("evidence/en/odd.toml".into(), rule("no_such_kind")));
    files.push((
        "evidence/more.toml".into(),
        "[kind.idle]\ntext = \"x\"\nby = \"seller\"\nwords = []\n".into(),
    ));
    let errors = endorsed::judge::Rules::load(&files).unwrap_err();
    let has = |what: &str| errors.iter().any(|e| e.message.contains(what));
    assert!(has("no_such_kind") && has("`words` is empty") && has("either `fills`"), "{errors:?}");
    // Each at its own file and line, a kind twice, a fact without a name and a kind that nothing says among them.
    let odd = "# comment\n[kind.works_council]\ntext = \"x\"\nby = \"buyer\"\nstates = \"Works Council\"\nwords = [\"x\"]\n\
               \n[kind.mute]\ntext = \"x\"\nby = \"seller\"\nstates = \"Not A Name\"\nwords = [\"x\"]\n";
    files.push(("evidence/odd.toml".into(), odd.into()));
    let errors = endorsed::judge::Rules::load(&files).unwrap_err();
    let at = |path: &str, line: usize, what: &str| {
        let found =
            |e: &endorsed::judge::RuleError| e.path == path && e.line == line && e.message.contains(what);
        assert!(errors.iter().any(found), "{path}:{line} {what} in {errors:#?}");
    };
    at("evidence/more.toml", 1, "`words` is empty");
    at("evidence/odd.toml", 2, "stands in evidence/kinds.toml:1 too");
    at("evidence/odd.toml", 8, "`states` is no name of a fact");
    at("evidence/odd.toml", 8, "no rule of this kind says yes");
}
