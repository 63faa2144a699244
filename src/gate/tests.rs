use super::*;
use crate::model::{RoleWord, Standing::*};

const SHIPPED: &str = include_str!("../../rules/gates.toml");

fn report(standing: Standing) -> StandingReport {
    let nothing = StandingReport::nothing(&OpportunityId::new("OPP-1").unwrap());
    StandingReport { standing, verified_standing: standing, ..nothing }
}

fn ask(gates: &Gates, report: &StandingReport, to: &str) -> GateAnswer {
    gates.answer(report, to, Freshness::Fresh, Timestamp::UNIX_EPOCH).unwrap()
}

fn codes(answer: &GateAnswer) -> Vec<&str> {
    answer.reasons.iter().map(|r| r.code.as_str()).collect()
}

fn fact(id: &str, value: YesNo, by: &str, second: i64) -> StatedFact {
    StatedFact {
        id: id.into(),
        at: Timestamp::from_second(second).unwrap(),
        value,
        by: by.into(),
        reason: "seen".into(),
        doubtful: false,
        act: None,
        message_id: None,
    }
}

fn word(role: &str, who: &str, standing: Standing, means: Means) -> RoleWord {
    RoleWord {
        role: role.into(),
        who: who.into(),
        means,
        kind: None,
        standing,
        verified_standing: standing,
        evidence: None,
    }
}

fn gates(text: &str) -> Gates {
    Gates::load("g.toml", text).unwrap_or_else(|e| panic!("{:?}", e.problems))
}

#[test]
fn the_examples_of_the_shipped_file_hold_and_no_gate_is_without() {
    let test = gates(SHIPPED).test();
    let failed: Vec<_> = test.examples.iter().filter(|e| !e.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(test.without.is_empty() && test.examples.len() > 15, "{:?}", test.without);
}

/// Every standing, fresh or stale, verified or accepted, at every gate that asks for the win.
#[test]
fn the_truth_table_of_the_win_gates() {
    let gates = gates(SHIPPED);
    let allowed = |report: &StandingReport, to: &str, freshness| {
        gates.answer(report, to, freshness, Timestamp::UNIX_EPOCH).unwrap().allowed
    };
    for standing in Standing::ALL.iter().copied() {
        let opens = matches!(standing, Confirmed | Conditional);
        let proven = report(standing);
        for to in ["commercial_review", "legal_review"] {
            assert_eq!(allowed(&proven, to, Freshness::Fresh), opens, "{standing:?} to {to}");
            assert!(!allowed(&proven, to, Freshness::Stale));
        }
        assert_eq!(allowed(&proven, "contract_signature", Freshness::Fresh), standing == Confirmed);
        assert!(!allowed(&proven, "contract_signature", Freshness::Stale));
        for to in ["stage_3", "stage_4", "stage_5", "stage_7", "closing"] {
            assert!(!allowed(&proven, to, Freshness::Fresh), "its questions are open");
        }
        for to in ["stage_0", "stage_2", "initial_conversations"] {
            assert!(allowed(&proven, to, Freshness::Stale), "it asks for nothing");
        }
        for accepted in Standing::ALL.iter().copied() {
            let worse = standing.less_favourable(accepted);
            let decided = StandingReport { standing: accepted, verified_standing: worse, ..report(standing) };
            let opens =
                matches!(accepted, Confirmed | Conditional) || matches!(worse, Confirmed | Conditional);
            assert_eq!(allowed(&decided, "commercial_review", Freshness::Fresh), opens);
            assert_eq!(allowed(&decided, "contract_signature", Freshness::Fresh), worse == Confirmed);
        }
    }
}

#[test]
fn an_accepted_win_opens_only_what_says_so() {
    let shipped = gates(SHIPPED);
    for verified in [NeedsReview, Conditional, Confirmed] {
        let report = StandingReport { verified_standing: verified, ..report(Confirmed) };
        assert!(ask(&shipped, &report, "commercial_review").allowed);
        let signature = ask(&shipped, &report, "contract_signature");
        assert_eq!(signature.allowed, verified == Confirmed);
        assert_eq!(signature.allowed, !codes(&signature).contains(&"accepted_only"));
        // A gate that does not say so takes no decision.
        let silent = gates("[gate.a]\nstanding = [\"confirmed\"]\n");
        assert_eq!(ask(&silent, &report, "a").allowed, verified == Confirmed);
    }
}

#[test]
fn an_unknown_gate_has_no_answer() {
    let report = report(Confirmed);
    assert!(gates(SHIPPED).answer(&report, "moon", Freshness::Fresh, Timestamp::UNIX_EPOCH).is_none());
}

#[test]
fn facts_count_by_who_stated_them_and_when() {
    let gates = gates(
        "[groups]\ndirectors = [\"pat@seller.example\"]\n\
         [gate.a]\nquestions = [{ id = \"reviewed\", text = \"Reviewed?\", by = [\"directors\", \"@board.example\"] }]\n",
    );
    let with = |facts: Vec<StatedFact>| ask(&gates, &StandingReport { facts, ..report(NoDeclaration) }, "a");
    let none = with(vec![]);
    assert_eq!((none.allowed, codes(&none)), (false, vec!["fact_unstated"]));
    assert!(with(vec![fact("reviewed", YesNo::Yes, "Pat@Seller.example", 1)]).allowed);
    assert!(with(vec![fact("reviewed", YesNo::Yes, "eve@eu.board.example", 1)]).allowed);
    // Somebody else's word is told and does not count, neither way.
    let kim = with(vec![fact("reviewed", YesNo::Yes, "kim@seller.example", 1)]);
    assert_eq!((kim.allowed, codes(&kim)), (false, vec!["fact_by_other", "fact_unstated"]));
    assert!(kim.facts[0].value.is_none());
    let both =
        vec![fact("reviewed", YesNo::Yes, "pat@seller.example", 1), fact("reviewed", YesNo::No, "kim", 2)];
    assert!(with(both).allowed);
    // The newest counts, in a tie the no; the order in the list does not matter.
    for (first, second, allowed) in [(1, 2, false), (2, 1, true), (1, 1, false)] {
        let mut facts = vec![
            fact("reviewed", YesNo::Yes, "pat@seller.example", first),
            fact("reviewed", YesNo::No, "ann@board.example", second),
        ];
        assert_eq!(with(facts.clone()).allowed, allowed);
        facts.reverse();
        assert_eq!(with(facts).allowed, allowed);
    }
}

#[test]
fn a_question_may_hang_on_another_fact() {
    let gates = gates(
        "[gate.a]\nquestions = [{ id = \"b\", text = \"B?\", only_if = \"c\" }]\n[fact.c]\ntext = \"C?\"\nby = [\"Ana\"]\n",
    );
    let with =
        |facts: Vec<StatedFact>| ask(&gates, &StandingReport { facts, ..report(NoDeclaration) }, "a").allowed;
    assert!(!with(vec![]), "unknown is no no");
    assert!(with(vec![fact("c", YesNo::No, "Ana", 1)]));
    assert!(!with(vec![fact("c", YesNo::No, "Kim", 1)]), "only Ana may say so");
    assert!(!with(vec![fact("c", YesNo::No, "Ana", 1), fact("c", YesNo::Yes, "Ana", 1)]));
    assert!(with(vec![fact("c", YesNo::Yes, "Ana", 1), fact("b", YesNo::Yes, "Kim", 1)]));
}

#[test]
fn roles_need_people_a_waiver_fills_and_a_no_closes() {
    use Means::*;
    let gates = gates(
        "[gate.a]\nstanding = [\"confirmed\", \"conditional\"]\nroles = { technical = 1, security = 2 }\n\
         [gate.strict]\nroles = { security = 1 }\nwaivers = false\n",
    );
    let with =
        |roles: Vec<RoleWord>, to: &str| ask(&gates, &StandingReport { roles, ..report(Confirmed) }, to);
    let dana = || word("technical", "dana", Confirmed, Endorsed);
    let some = |more: Vec<RoleWord>| [vec![dana()], more].concat();
    let sam = |standing, means| word("security", "sam", standing, means);
    let eve = |standing, means| word("security", "eve", standing, means);

    let nobody = with(vec![], "a");
    assert_eq!(codes(&nobody), ["endorser_missing", "endorser_missing"]);
    assert!(nobody.reasons.iter().any(|r| r.text.contains("security") && r.fix.is_some()));
    assert!(!with(some(vec![sam(Confirmed, Endorsed)]), "a").allowed, "one of two");
    assert!(
        !with(some(vec![sam(Confirmed, Endorsed), sam(Confirmed, Evidence)]), "a").allowed,
        "twice the same"
    );
    assert!(with(some(vec![sam(Confirmed, Evidence), eve(Conditional, Endorsed)]), "a").allowed);
    assert!(!with(some(vec![sam(Confirmed, Evidence), eve(Conditional, Evidence)]), "a").allowed);
    assert!(with(some(vec![sam(Confirmed, Evidence), eve(Confirmed, Waived)]), "a").allowed);
    for no in [Declined, Retracted, NeedsReview] {
        let answer = with(
            some(vec![
                sam(Confirmed, Evidence),
                eve(Confirmed, Waived),
                word("security", "tom", no, Endorsed),
            ]),
            "a",
        );
        assert!(!answer.allowed && codes(&answer).contains(&no.as_str()), "{:?}", codes(&answer));
    }
    assert!(!with(vec![sam(Confirmed, Waived)], "strict").allowed);
    assert!(with(vec![sam(Confirmed, Evidence)], "strict").allowed);
    // An accepted word fills only where the gate takes decisions.
    let accepted = RoleWord { verified_standing: NeedsReview, ..sam(Confirmed, Endorsed) };
    assert!(!with(vec![accepted], "strict").allowed);
    let stale = gates.answer(
        &StandingReport { roles: vec![sam(Confirmed, Evidence)], ..report(Confirmed) },
        "strict",
        Freshness::Stale,
        Timestamp::UNIX_EPOCH,
    );
    assert!(!stale.unwrap().allowed);
}

#[test]
fn criteria_must_be_covered() {
    let gates = gates("[gate.all]\ncriteria = \"all\"\n[gate.must]\ncriteria = \"mandatory\"\n");
    let tally = |total, confirmed, plan: Option<(usize, usize)>| StandingReport {
        criteria: Tally {
            total,
            confirmed,
            mandatory: plan.map(|p| p.0),
            mandatory_confirmed: plan.map(|p| p.1),
            ..Tally::default()
        },
        ..report(Confirmed)
    };
    let open = |report: &StandingReport, to| ask(&gates, report, to).allowed;
    assert!(!open(&tally(0, 0, None), "all") && !open(&tally(0, 0, None), "must"), "none is not all");
    assert!(open(&tally(5, 5, None), "all") && open(&tally(5, 5, None), "must"));
    assert!(
        !open(&tally(5, 4, None), "all") && !open(&tally(5, 4, None), "must"),
        "without a plan all are mandatory"
    );
    assert!(!open(&tally(5, 4, Some((3, 3))), "all") && open(&tally(5, 4, Some((3, 3))), "must"));
    assert!(!open(&tally(5, 4, Some((3, 2))), "must") && !open(&tally(5, 0, Some((0, 0))), "must"));
}

#[test]
fn old_words_close() {
    let gates = gates("[gate.a]\nstanding = [\"confirmed\"]\nage_days_max = 30\n");
    let now = Timestamp::from_second(100 * 86_400).unwrap();
    let on = |at: Option<i64>| {
        let evidence = crate::model::Evidence {
            id: "e".into(),
            message_id: None,
            sha256: Digest::of(b"e"),
            verified: true,
            quote: "Yes.".into(),
            accepted_by: None,
            at: at.map(|day| Timestamp::from_second(day * 86_400).unwrap()),
        };
        let report = StandingReport { evidence: vec![evidence], ..report(Confirmed) };
        gates.answer(&report, "a", Freshness::Fresh, now).unwrap().allowed
    };
    assert!(on(Some(70)) && on(Some(99)));
    assert!(!on(Some(69)) && !on(None));
}

#[test]
fn a_large_or_unknown_amount_needs_more() {
    let gates = gates(
        "[gate.a]\nstanding = [\"confirmed\"]\n[[gate.a.above]]\namount = 100\nroles = { approver = 1 }\n\
         [[gate.a.above]]\namount = 1000\nquestions = [{ id = \"board\", text = \"Board?\" }]\n",
    );
    let with = |amount, roles, facts| {
        ask(&gates, &StandingReport { amount, roles, facts, ..report(Confirmed) }, "a")
    };
    let approver = || vec![word("approver", "max", Confirmed, Means::Endorsed)];
    assert!(with(Some(100), vec![], vec![]).allowed);
    assert!(!with(Some(101), vec![], vec![]).allowed);
    assert!(with(Some(101), approver(), vec![]).allowed);
    assert!(!with(Some(1001), approver(), vec![]).allowed);
    assert!(with(Some(1001), approver(), vec![fact("board", YesNo::Yes, "Ana", 1)]).allowed);
    let unknown = with(None, approver(), vec![]);
    assert!(!unknown.allowed && codes(&unknown).contains(&"amount_unknown"));
    assert!(
        with(None, approver(), vec![fact("board", YesNo::Yes, "Ana", 1)]).allowed,
        "nothing more could be asked"
    );
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let text = "[gate.a]\nstanding = [\"confirmd\"]\ncolour = 1\n[gate.b]\nsame_as = \"c\"\n[gate.d]\nafter = \"e\"\n\
                [gate.e]\nafter = \"d\"\n[gate.f]\nroles = { security = 0 }\nquestions = [\"unknown\"]\n\
                [[gate.f.above]]\nroles = { security = 1 }\n[[gate.f.example]]\nwhy = \"x\"\n";
    let problems = Gates::load("g.toml", text).unwrap_err().problems;
    let has = |line: usize, what: &str| problems.iter().any(|p| p.line == line && p.message.contains(what));
    assert!(has(2, "did you mean `confirmed`?"), "{problems:#?}");
    assert!(has(3, "unknown key `colour`") && has(4, "must name a gate"), "{problems:#?}");
    assert!(has(6, "in a circle") && has(8, "in a circle"), "{problems:#?}");
    assert!(has(11, "a number of people") && has(10, "`unknown` has no text"), "{problems:#?}");
    assert!(has(13, "needs `amount") && has(15, "needs `allowed"), "{problems:#?}");
    for text in ["", "[gate.a", "gate = 1", "[gate]\na = 1", "[gate.a]\nquestions = [{ text = \"x\" }]"] {
        assert!(Gates::load("g.toml", text).is_err(), "{text}");
    }
}

fn said(day: i64, mut word: RoleWord) -> RoleWord {
    word.evidence = Some(crate::model::Evidence {
        id: "e".into(),
        message_id: None,
        sha256: Digest::of(b"e"),
        verified: true,
        quote: "Yes.".into(),
        accepted_by: None,
        at: Some(Timestamp::from_second(day * 86_400).unwrap()),
    });
    word
}

#[test]
fn exactly_the_words_that_count_grow_old() {
    let gates = gates(
        "[gate.sec]\nroles = { security = 1 }\nage_days_max = 30\n[gate.old]\nage_days_max = 30\n\
         [gate.fact]\nage_days_max = 30\nquestions = [{ id = \"r\", text = \"R?\" }, { id = \"s\", text = \"S?\", only_if = \"c\" }]\n\
         [fact.c]\ntext = \"C?\"\n\
         [gate.large]\nroles = { security = 1 }\n[[gate.large.above]]\namount = 100\nage_days_max = 30\n",
    );
    let now = Timestamp::from_second(100 * 86_400).unwrap();
    let open = |to: &str, roles: &[RoleWord], facts: &[StatedFact], amount: u64| {
        let report = StandingReport {
            roles: roles.to_vec(),
            facts: facts.to_vec(),
            amount: Some(amount),
            ..report(Confirmed)
        };
        gates.answer(&report, to, Freshness::Fresh, now).unwrap().allowed
    };
    let by = |who: &str, role: &str, day| said(day, word(role, who, Confirmed, Means::Endorsed));
    assert!(open("sec", &[by("ines", "security", 80)], &[], 1));
    assert!(!open("sec", &[by("ines", "security", 60)], &[], 1), "endorsements age too");
    assert!(open("sec", &[by("ines", "security", 60), by("eve", "security", 80)], &[], 1), "one is enough");
    assert!(
        open("sec", &[by("ines", "security", 80), by("max", "approver", 60)], &[], 1),
        "nobody asked Max"
    );
    assert!(!open("sec", &[word("security", "ines", Confirmed, Means::Endorsed)], &[], 1), "of no known day");
    assert!(!open("old", &[by("ines", "security", 80)], &[], 1), "it counts no word at all");
    assert!(open("large", &[by("ines", "security", 60)], &[], 100));
    assert!(!open("large", &[by("ines", "security", 60)], &[], 101));
    assert!(open("large", &[by("ines", "security", 80)], &[], 101));
    let on = |id: &str, value, day: i64| fact(id, value, "Ana", day * 86_400);
    let (yes, no) = (YesNo::Yes, YesNo::No);
    assert!(open("fact", &[], &[on("r", yes, 80), on("s", yes, 80)], 1));
    assert!(!open("fact", &[], &[on("r", yes, 60), on("s", yes, 80)], 1));
    assert!(open("fact", &[], &[on("r", yes, 80), on("c", no, 80)], 1));
    assert!(!open("fact", &[], &[on("r", yes, 80), on("c", no, 60)], 1), "an old no skips nothing");
}

#[test]
fn a_doubtful_no_skips_no_question() {
    let gates = gates(
        "[gate.a]\nquestions = [{ id = \"b\", text = \"B?\", only_if = \"c\" }]\n[fact.c]\ntext = \"C?\"\n",
    );
    let with = |doubtful| {
        let said = StatedFact { doubtful, ..fact("c", YesNo::No, "Ana", 1) };
        ask(&gates, &StandingReport { facts: vec![said], ..report(NoDeclaration) }, "a").allowed
    };
    assert!(with(false) && !with(true));
    // A doubtful yes is none.
    let said = StatedFact { doubtful: true, ..fact("b", YesNo::Yes, "Ana", 1) };
    assert!(!ask(&gates, &StandingReport { facts: vec![said], ..report(NoDeclaration) }, "a").allowed);
}

/// What a mail may deny that waits unread must not count meanwhile: any fact may be one of those.
#[test]
fn a_gate_that_asks_a_question_wants_a_fresh_mailbox() {
    let gates = gates(
        "[gate.a]\nquestions = [{ id = \"b\", text = \"B?\", only_if = \"c\" }]\n[fact.c]\ntext = \"C?\"\n",
    );
    for said in [fact("b", YesNo::Yes, "Ana", 1), fact("c", YesNo::No, "Ana", 1)] {
        let report = StandingReport { facts: vec![said], ..report(NoDeclaration) };
        let allowed =
            |freshness| gates.answer(&report, "a", freshness, Timestamp::UNIX_EPOCH).unwrap().allowed;
        assert!(allowed(Freshness::Fresh) && !allowed(Freshness::Stale));
    }
}

#[test]
fn a_gate_that_takes_decisions_takes_one_about_a_no() {
    let gates = gates(
        "[gate.strict]\nroles = { security = 1 }\n[gate.takes]\nroles = { security = 1 }\naccepted = true\n",
    );
    let rejected =
        RoleWord { verified_standing: Declined, ..word("security", "ines", Confirmed, Means::Evidence) };
    let with = |to: &str| {
        let roles = vec![rejected.clone()];
        ask(&gates, &StandingReport { roles, ..report(Confirmed) }, to).allowed
    };
    assert!(with("takes") && !with("strict"));
}
