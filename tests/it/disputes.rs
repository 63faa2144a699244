//! What people decide, undo and erase, and what comes later or got old: none of it may give back a yes that somebody took
//! back.

use std::collections::BTreeSet;

use endorsed::gate::{Freshness, GateAnswer, Gates};
use endorsed::model::{
    Digest, Means, Message, MessageId, OpportunityId, Outcome, Standing, StandingReport, Terms, YesNo,
};
use endorsed::record::{Act, Decision, Deed, Dossier, Reviewed, fold};
use jiff::Timestamp;

use crate::evidence::{PASSED, SAM, declared, desk, ines, mail, won};
use crate::verify_deals::{Desk, YES, answer};

const GATES: &str = "[gate.secure]\nroles = { security = 1 }\n\
                     [gate.accepts]\nroles = { security = 1 }\naccepted = true\n\
                     [gate.covered]\ncriteria = \"all\"\n\
                     [gate.reviewed]\nquestions = [{ id = \"tech_review_approved\", text = \"Approved?\", by = [\"pat@northwind-labs.example\"] }]\n\
                     [gate.priced]\nquestions = [{ id = \"price\", text = \"Price?\", by = [\"@desk.example\"] }]\n";
const APPROVED: &str = "Hi Sam,\n\nthe tech review is approved.\n\nPat\n";
const REJECTED: &str = "The tech review is rejected.\n";
const FAILED: &str = "Our security review is rejected.\n";
const AE: &str = "ae@northwind-labs.example";

/// A deal with everything on record about it.
struct Deal {
    desk: Desk,
    outcomes: Vec<Outcome>,
    acts: Vec<Act>,
    terms: Terms,
}

impl Deal {
    fn new(mails: impl Fn(&Desk) -> Vec<Vec<u8>>) -> Self {
        let desk = desk();
        let outcomes = desk.consider(&mails(&desk));
        Self { desk, outcomes, acts: Vec::new(), terms: Terms::default() }
    }

    fn find(&self, id: &str) -> &Outcome {
        let id = MessageId::new(&format!("{id}@mail.example"));
        self.outcomes.iter().find(|o| o.message_id == id).unwrap()
    }

    /// Somebody does something at a time of the day.
    fn act(&mut self, time: &str, by: &str, deed: Deed) -> Digest {
        let act = Act { at: at(time), by: by.into(), reason: "because".into(), deed };
        self.acts.push(act.clone());
        act.id()
    }

    fn decide(&mut self, id: &str, decision: Decision) {
        let message = Reviewed::now(self.find(id), &[]);
        self.act("20:00:00", AE, Deed::Decide { message, opportunity: Some(deal()), decision });
    }

    fn undo(&mut self, time: &str, by: &str, act: Digest) {
        self.act(time, by, Deed::Undo { act, subjects: Vec::new() });
    }

    fn report(&self) -> StandingReport {
        let dossier = Dossier { outcomes: &self.outcomes, acts: &self.acts };
        fold(&deal(), dossier, &self.terms, at("23:00:00"))
    }

    fn gate(&self, to: &str) -> GateAnswer {
        let gates = Gates::load("g.toml", GATES).unwrap();
        gates.answer(&self.report(), to, Freshness::Fresh, at("23:00:00")).unwrap()
    }

    fn opens(&self, to: &str) -> bool {
        self.gate(to).allowed
    }
}

fn deal() -> OpportunityId {
    OpportunityId::new("OPP-1").unwrap()
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

/// Pat of the seller's reviewers.
fn pat(desk: &Desk, id: &str, time: &str, body: &str) -> Vec<u8> {
    desk.seller(&mail(id, "pat@northwind-labs.example", SAM, time, body))
}

#[test]
fn a_decision_about_a_no_gives_no_older_yes_back() {
    for decision in [Decision::Reject, Decision::NotAbout] {
        let mut deal = Deal::new(|desk| {
            let words = [(PASSED, "s1", "12:00:00"), (FAILED, "s2", "13:00:00")];
            let mut mails = won(desk);
            mails.extend(words.map(|(body, id, time)| ines(desk, id, time, body)));
            mails.extend([pat(desk, "t1", "08:00:00", APPROVED), pat(desk, "t2", "09:00:00", REJECTED)]);
            mails
        });
        assert!(!deal.opens("reviewed") && !deal.opens("secure"));
        deal.decide("t2", decision.clone());
        deal.decide("s2", decision.clone());
        assert!(!deal.opens("reviewed"), "{decision:?} {:#?}", deal.report().facts);
        assert!(!deal.opens("secure"), "{decision:?} {:#?}", deal.report().roles);
        assert!(deal.opens("accepts"), "a gate that takes decisions: {:#?}", deal.gate("accepts"));
    }
    // A decision about the yes closes, and gives no older no a meaning.
    let mut deal = Deal::new(|desk| {
        [won(desk), vec![ines(desk, "s1", "12:00:00", PASSED), pat(desk, "t1", "08:00:00", APPROVED)]]
            .concat()
    });
    assert!(deal.opens("reviewed") && deal.opens("secure"));
    deal.decide("t1", Decision::Reject);
    deal.decide("s1", Decision::NotAbout);
    assert!(!deal.opens("reviewed") && !deal.opens("secure") && !deal.opens("accepts"));
}

#[test]
fn another_text_under_the_message_id_of_a_no_gives_no_older_yes_back() {
    let eve = |id: &str| mail(id, "eve@evil.example", SAM, "14:00:00", "Lunch?\n").into_bytes();
    let deal = Deal::new(|desk| {
        let mut mails = won(desk);
        mails.extend([
            pat(desk, "t1", "08:00:00", APPROVED),
            pat(desk, "t2", "09:00:00", REJECTED),
            eve("t2"),
        ]);
        mails.extend([ines(desk, "s1", "12:00:00", PASSED), ines(desk, "s2", "13:00:00", FAILED), eve("s2")]);
        mails
    });
    assert!(deal.find("t2").has("message_conflict"));
    assert!(!deal.opens("reviewed"), "{:#?}", deal.report().facts);
    assert!(!deal.opens("secure") && !deal.opens("accepts"), "{:#?}", deal.report().roles);
}

#[test]
fn what_was_stated_by_mail_before_mail_was_erased_is_doubtful() {
    let mut deal = Deal::new(|desk| vec![declared(desk), pat(desk, "t1", "08:00:00", APPROVED)]);
    assert!(deal.opens("reviewed"));
    let copies = BTreeSet::from([Digest::of(b"the no")]);
    deal.act("09:30:00", "desk", Deed::Erase { opportunities: BTreeSet::from([self::deal()]), copies });
    assert!(!deal.opens("reviewed"), "{:#?}", deal.report().facts);
    let again = pat(&deal.desk, "t3", "10:30:00", APPROVED);
    deal.outcomes.extend(deal.desk.consider(&[again]));
    assert!(deal.opens("reviewed"), "{:#?}", deal.report().facts);
}

#[test]
fn only_who_stated_a_fact_takes_it_back() {
    let fact = |value| Deed::Fact { opportunity: deal(), fact: "price".into(), value };
    let stated = |values: &[(&str, &str, YesNo)]| {
        let mut deal = Deal::new(|desk| vec![declared(desk)]);
        let acts: Vec<Digest> =
            values.iter().map(|(time, by, value)| deal.act(time, by, fact(*value))).collect();
        (deal, *acts.last().unwrap())
    };
    let (ana, bo) = ("ana@desk.example", "bo@desk.example");
    let words = [("12:00:00", ana, YesNo::Yes), ("13:00:00", ana, YesNo::No)];
    let (mut deal, no) = stated(&words);
    assert!(!deal.opens("priced"));
    deal.undo("14:00:00", AE, no);
    assert!(!deal.opens("priced"), "somebody else: {:#?}", deal.report().facts);
    let (mut deal, no) = stated(&words);
    deal.undo("14:00:00", " ANA@desk.example", no);
    assert!(deal.opens("priced"), "{:#?}", deal.report().facts);
    // Of two who may, one's yes does not come back by an undo of the other's no.
    let (mut deal, no) = stated(&[words[0], ("13:00:00", bo, YesNo::No)]);
    deal.undo("14:00:00", AE, no);
    assert!(!deal.opens("priced"));
    deal.act("15:00:00", bo, fact(YesNo::Yes));
    assert!(deal.opens("priced"));
    // An amount that somebody else took back makes no smaller one come back.
    let amount = |amount| Deed::Amount { opportunity: self::deal(), amount };
    deal.act("12:00:00", ana, amount(100));
    let large = deal.act("13:00:00", ana, amount(300_000));
    assert_eq!(deal.report().amount, Some(300_000));
    let mut own = Deal { acts: deal.acts.clone(), ..Deal::new(|desk| vec![declared(desk)]) };
    own.undo("14:00:00", ana, large);
    assert_eq!(own.report().amount, Some(100));
    deal.undo("14:00:00", AE, large);
    assert_eq!(deal.report().amount, Some(300_000));
    deal.act("15:00:00", ana, amount(200));
    assert_eq!(deal.report().amount, Some(200));
}

#[test]
fn of_a_persons_words_by_all_means_the_newest_counts() {
    let reply = |desk: &Desk, time: &str, words: &str| {
        let mail = answer("s9", "d1@northwind-labs.example", time, words);
        let mail = mail.replace("Dana Reyes <dana@acme.example>", "Ines Ortiz <ines@acme.example>");
        desk.buyer(&mail.replace("\nDana", "\nInes"))
    };
    let later = "We need more time before we can decide.\n\nInes\n";
    let with = |time: &str, words: &str| {
        Deal::new(|desk| {
            [won(desk), vec![ines(desk, "s1", "12:00:00", PASSED), reply(desk, time, words)]].concat()
        })
    };
    assert!(!with("13:00:00", later).opens("secure"));
    assert!(with("11:30:00", later).opens("secure"), "{:#?}", with("11:30:00", later).report().roles);
    let both = with("13:00:00", YES).report();
    let hers: Vec<_> = both.roles.iter().filter(|w| w.who == "ines@acme.example").collect();
    assert_eq!(hers.len(), 1, "{hers:#?}");
    assert_eq!((hers[0].standing, hers[0].means), (Standing::Confirmed, Means::Endorsed));
    // A recommendation is no security review.
    let words = "Victor,\n\nwe recommend Northwind. It met all of our criteria.\n\nInes\n";
    let deal = Deal::new(|desk| {
        let to_victor =
            desk.buyer(&mail("b1", "ines@acme.example", "victor@acme.example", "13:00:00", words));
        [won(desk), vec![ines(desk, "s1", "12:00:00", FAILED), to_victor]].concat()
    });
    assert!(!deal.opens("secure"), "{:#?}", deal.report().roles);
}

#[test]
fn a_decision_confirms_no_criterion() {
    let no = "Dear Sam,\n\ncriterion 2 failed in our tests.\n\nDana\n";
    let mut deal = Deal::new(|desk| {
        let later = answer("r2", "d1@northwind-labs.example", "12:00:00", no).replace("r2@acme", "r2@mail");
        [won(desk), vec![desk.buyer(&later)]].concat()
    });
    let before = deal.report().criteria;
    assert!(before.confirmed < before.total && before.total == 2, "{before:?}");
    assert!(!deal.opens("covered"));
    deal.decide("r2", Decision::Reject);
    assert_eq!(deal.report().criteria.confirmed, before.confirmed, "{:#?}", deal.report());
    assert!(!deal.opens("covered"));
}

#[test]
fn old_words_count_for_nothing_whoevers_they_are() {
    let mut deal = Deal::new(|desk| {
        [won(desk), vec![ines(desk, "s1", "12:00:00", PASSED), pat(desk, "t1", "08:00:00", APPROVED)]]
            .concat()
    });
    deal.terms.evidence_days_max = Some(30);
    assert!(deal.opens("secure") && deal.opens("reviewed"));
    let dossier = Dossier { outcomes: &deal.outcomes, acts: &[] };
    let later: Timestamp = "2027-01-20T00:00:00Z".parse().unwrap();
    let report = fold(&self::deal(), dossier, &deal.terms, later);
    let gates = Gates::load("g.toml", GATES).unwrap();
    for to in ["secure", "reviewed"] {
        let answer = gates.answer(&report, to, Freshness::Fresh, later).unwrap();
        assert!(!answer.allowed, "{answer:#?}");
    }
}

#[test]
fn the_times_of_a_deal_are_those_of_its_own_mail() {
    let deal = Deal::new(|desk| {
        let other = crate::verify_deals::declaration("d0", "OPP-2", "07:00:00", "Other\n");
        let stranger = answer("x1", "d0@northwind-labs.example", "18:00:00", YES);
        [won(desk), vec![desk.seller(&other), desk.buyer(&stranger)]].concat()
    });
    let report = deal.report();
    assert_eq!(report.declared_at, Some(at("10:00:00")));
    assert_eq!(report.heard_at, Some(at("11:00:00")));
    assert_eq!(report.seller.as_deref(), Some(SAM));
    let none = Message::clone(&endorsed::parse::unparsed(b"x"));
    let nobody = Outcome::unread(&none, at("10:00:00"), Digest::of(b"rules"));
    let dossier = Dossier { outcomes: &[nobody], acts: &[] };
    let report = fold(&self::deal(), dossier, &Terms::default(), at("11:00:00"));
    assert_eq!((report.declared_at, report.heard_at), (None, None));
}
