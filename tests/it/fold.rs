//! Laws of the fold: the standing is a function of the set of outcomes, and nothing but a verified, sure, bound
//! confirmation of the declared criteria ever opens a gate.

use endorsed::gate::{Freshness, Gates};
use endorsed::model::{
    Address, Authorship, Binding, Claim, CriteriaSeen, Criterion, Declaration, DeclaredResult, Digest, Form,
    Kind, MessageId, OpportunityId, Outcome, Standing, Terms, Verdict,
};
use endorsed::parse::unparsed;
use endorsed::record::{Act, Deed, Dossier, Reviewed, fold, standing};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

pub const CHAMPIONS: [&str; 2] = ["dana@acme.example", "ola@acme.example"];

pub fn at(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + minute.minutes()
}

fn blank(name: &str, minute: i64) -> Outcome {
    let mut outcome = Outcome::unread(&unparsed(name.as_bytes()), at(minute), Digest::of(b"rules"));
    outcome.message_id = MessageId::new(&format!("{name}@x.example"));
    outcome.date = Some(at(minute));
    outcome.opportunity = opportunity().into();
    outcome
}

pub fn opportunity() -> OpportunityId {
    OpportunityId::new("OPP-1").unwrap()
}

pub fn declaration(name: &str, minute: i64, criterion: &str, champions: usize) -> Outcome {
    let mut outcome = blank(name, minute);
    let declaration = Declaration {
        form: Form::Request,
        platform: None,
        account: None,
        champions: CHAMPIONS[..champions].iter().filter_map(|c| Address::new(c)).collect(),
        seller: Address::new("kim@seller.example").unwrap(),
        ae: None,
        asks: true,
        criteria: vec![Criterion { n: 1, text: criterion.into(), result: DeclaredResult::Pass }],
        lints: Vec::new(),
    };
    outcome.kind = Kind::Declaration;
    outcome.from = Some(declaration.seller.clone());
    outcome.criteria_digest = Some(declaration.criteria_digest());
    outcome.declaration = Some(declaration);
    outcome.sure = true;
    outcome
}

/// A reply to `declared` by champion number `who` (2: a colleague, 3: a stranger).
pub fn reply(
    name: &str,
    minute: i64,
    declared: &Outcome,
    who: usize,
    verdict: Verdict,
    sure: bool,
    claim: Claim,
) -> Outcome {
    let mut outcome = blank(name, minute);
    let from = [CHAMPIONS[0], CHAMPIONS[1], "col@acme.example", "eve@evil.example"][who];
    outcome.kind = Kind::Reply;
    outcome.from = Address::new(from);
    outcome.parents = declared.message_id.clone().into_iter().collect();
    outcome.answers = declared.message_id.clone();
    outcome.answers_identity = Some(declared.identity);
    outcome.criteria_digest = declared.criteria_digest;
    outcome.verdict = Some(verdict);
    outcome.sure = sure;
    outcome.authorship = Some(Authorship {
        claim: if who > 1 && claim == Claim::Verified { Claim::NotChampion } else { claim },
        binding: Binding::Signed,
        seen: CriteriaSeen::Quoted,
        signed_by: None,
        reasons: Vec::new(),
    });
    outcome
}

fn simple(verdicts: &[(Verdict, bool, Claim)]) -> Standing {
    let declared = declaration("d", 0, "restore", 1);
    let mut all = vec![declared.clone()];
    for (n, (verdict, sure, claim)) in verdicts.iter().enumerate() {
        all.push(reply(&format!("r{n}"), 10 + n as i64, &declared, 0, *verdict, *sure, *claim));
    }
    standing(&opportunity(), &all).standing
}

#[test]
fn the_newest_authentic_statement_wins() {
    use Claim::{Forged, Pending, Unverified, Verified};
    use Verdict::*;
    for (said, expected) in [
        (&[][..], Standing::AwaitingReply),
        (&[(Confirmed, true, Verified)], Standing::Confirmed),
        (&[(Confirmed, false, Verified)], Standing::NeedsReview),
        (&[(Confirmed, true, Unverified)], Standing::NeedsReview),
        (&[(Confirmed, true, Pending)], Standing::NeedsReview),
        (&[(Inconclusive, true, Verified)], Standing::AwaitingReply),
        (&[(Deferred, true, Verified), (Confirmed, true, Verified)], Standing::Confirmed),
        (&[(Confirmed, true, Verified), (Retracted, true, Verified)], Standing::Retracted),
        (&[(Confirmed, true, Verified), (Retracted, true, Unverified)], Standing::NeedsReview),
        (&[(Confirmed, true, Verified), (Inconclusive, true, Verified)], Standing::Confirmed),
        (&[(Confirmed, true, Verified), (Confirmed, true, Forged)], Standing::NeedsReview),
        (&[(Declined, true, Unverified), (Confirmed, true, Verified)], Standing::Confirmed),
        (&[(Declined, true, Verified), (Confirmed, true, Unverified)], Standing::NeedsReview),
    ] {
        assert_eq!(simple(said), expected, "{said:?}");
    }
}

#[test]
fn a_tie_goes_to_the_less_favourable() {
    let declared = declaration("d", 0, "restore", 1);
    let yes = reply("y", 5, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    let no = reply("n", 5, &declared, 0, Verdict::Declined, true, Claim::Verified);
    assert_eq!(
        standing(&opportunity(), &[declared.clone(), yes.clone(), no.clone()]).standing,
        Standing::Declined
    );
    // The reply chain beats the clock: this yes answers the no, whatever its Date says.
    let mut later = reply("l", 1, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    later.parents.insert(0, no.message_id.clone().unwrap());
    assert_eq!(standing(&opportunity(), &[declared, yes, no, later]).standing, Standing::Confirmed);
}

#[test]
fn every_champion_must_speak_and_other_criteria_count_for_nothing() {
    let declared = declaration("d", 0, "restore", 2);
    let one = reply("1", 5, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    let report = standing(&opportunity(), &[declared.clone(), one.clone()]);
    assert_eq!(report.standing, Standing::Partial);
    assert!(report.reasons.iter().any(|r| r.code == "endorser_missing" && r.text.contains("ola@")));
    let two = reply("2", 6, &declared, 1, Verdict::Confirmed, true, Claim::Verified);
    assert_eq!(
        standing(&opportunity(), &[declared.clone(), one.clone(), two.clone()]).standing,
        Standing::Confirmed
    );
    let edited = declaration("e", 9, "restore, only twice as slow", 2);
    let report = standing(&opportunity(), &[declared, one, two, edited]);
    assert_eq!(report.standing, Standing::AwaitingReply);
    assert!(report.reasons.iter().any(|r| r.code == "criteria_changed_after_reply"));
}

#[test]
fn a_colleagues_objection_freezes_until_the_champion_answers_it() {
    let declared = declaration("d", 0, "restore", 1);
    let yes = reply("y", 5, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    let objection = reply("o", 6, &declared, 2, Verdict::Declined, true, Claim::Verified);
    let all = [declared.clone(), yes.clone(), objection.clone()];
    assert_eq!(standing(&opportunity(), &all).standing, Standing::NeedsReview);
    let again = reply("a", 7, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    assert_eq!(standing(&opportunity(), &[declared, yes, objection, again]).standing, Standing::Confirmed);
}

pub fn any_verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::*;
    prop::sample::select(vec![Confirmed, Conditional, Deferred, Declined, Retracted, Inconclusive, Automatic])
}

fn any_claim() -> impl Strategy<Value = Claim> {
    use Claim::*;
    prop::sample::select(vec![
        Verified,
        Verified,
        Verified,
        Unverified,
        Forged,
        NotChampion,
        Seller,
        Machine,
        Pending,
    ])
}

prop_compose! {
    fn any_set()(
        champions in 1..=2_usize,
        second in prop::option::of((0..40_i64, any::<bool>())),
        said in prop::collection::vec(
            (0..40_i64, 0..4_usize, any_verdict(), any::<bool>(), any_claim(), any::<bool>(), any::<bool>()),
            0..7,
        ),
    ) -> Vec<Outcome> {
        let first = declaration("d1", 0, "restore", champions);
        let mut all = vec![first.clone()];
        let second = second.map(|(minute, same)| declaration("d2", minute, if same { "restore" } else { "other" }, champions));
        all.extend(second.clone());
        for (n, (minute, who, verdict, sure, claim, answers_second, chained)) in said.into_iter().enumerate() {
            let declared = second.as_ref().filter(|_| answers_second).unwrap_or(&first);
            let mut next = reply(&format!("r{n}"), minute, declared, who, verdict, sure, claim);
            if let (true, Some(id)) = (chained, all.last().and_then(|o| o.message_id.clone())) {
                next.parents.insert(0, id);
            }
            all.push(next);
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_order_of_arrival_is_nowhere_to_be_seen(all in any_set(), seed in any::<u64>()) {
        let before = standing(&opportunity(), &all);
        let mut shuffled = all;
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        // A copy that came twice says nothing new.
        shuffled.push(shuffled[0].clone());
        prop_assert_eq!(standing(&opportunity(), &shuffled), before);
    }

    #[test]
    fn no_gate_opens_without_a_verified_yes_of_every_champion(all in any_set()) {
        let report = standing(&opportunity(), &all);
        let gates = Gates::load("gates.toml", include_str!("../../rules/gates.toml")).unwrap();
        let open = |to| gates.answer(&report, to, Freshness::Fresh, at(99)).unwrap().allowed;
        let champions = all.iter().find_map(|o| o.declaration.as_ref()).unwrap().champions.clone();
        let yes = |verdicts: &[Verdict]| champions.iter().all(|c| all.iter().any(|o| {
            o.from.as_ref() == Some(c) && o.sure && o.verdict.is_some_and(|v| verdicts.contains(&v))
                && o.authorship.as_ref().is_some_and(|a| a.claim == Claim::Verified)
        }));
        prop_assert!(!open("commercial_review") || yes(&[Verdict::Confirmed, Verdict::Conditional]));
        prop_assert!(!open("contract_signature") || yes(&[Verdict::Confirmed]));
    }

    #[test]
    fn a_further_doubt_never_opens_a_gate(all in any_set(), verdict in any_verdict(), minute in 0..60_i64) {
        let before = standing(&opportunity(), &all).standing;
        let mut more = all.clone();
        more.push(reply("doubt", minute, &all[0], 0, verdict, false, Claim::Unverified));
        let after = standing(&opportunity(), &more).standing;
        let opens = |s| matches!(s, Standing::Confirmed | Standing::Conditional);
        prop_assert!(opens(before) || !opens(after), "{before:?} became {after:?}");
    }
}

#[test]
fn an_old_yes_counts_only_where_no_age_is_set() {
    let declared = declaration("d", 0, "restore", 1);
    let yes = reply("y", 5, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    let all = [declared, yes];
    let on = |day: i64, days: Option<u32>| {
        let terms = Terms { evidence_days_max: days, ..Terms::default() };
        let report =
            fold(&opportunity(), Dossier { outcomes: &all, acts: &[] }, &terms, at(6 + day * 24 * 60));
        (report.standing, report.reasons.iter().any(|r| r.code == "stale_evidence"))
    };
    assert_eq!(on(400, None), (Standing::Confirmed, false));
    assert_eq!(on(89, Some(90)), (Standing::Confirmed, false));
    assert_eq!(on(90, Some(90)), (Standing::NeedsReview, true));
}

#[test]
fn a_champion_who_is_dropped_after_the_yes_re_arms_the_gate() {
    let declared = declaration("d", 0, "restore", 2);
    let yes = reply("y", 5, &declared, 0, Verdict::Confirmed, true, Claim::Verified);
    let alone = declaration("e", 9, "restore", 1);
    let codes = |all: &[Outcome]| {
        let report = standing(&opportunity(), all);
        let codes: Vec<String> = report.reasons.iter().map(|r| r.code.clone()).collect();
        (report.standing, codes.contains(&"champion_changed_after_reply".to_owned()))
    };
    assert_eq!(codes(&[declared.clone(), yes.clone()]), (Standing::Partial, false));
    assert_eq!(codes(&[declared.clone(), yes.clone(), alone.clone()]), (Standing::NeedsReview, true));
    let again = reply("a", 11, &alone, 0, Verdict::Confirmed, true, Claim::Verified);
    assert_eq!(codes(&[declared.clone(), yes.clone(), alone, again]), (Standing::Confirmed, false));
    // The yes of one who is not asked any more is told.
    let mut successor = declaration("s", 9, "restore", 2);
    if let Some(declaration) = &mut successor.declaration {
        declaration.champions.remove(0);
    }
    assert_eq!(codes(&[declared, yes, successor]), (Standing::AwaitingReply, true));
}

#[test]
fn a_champion_named_by_an_act_must_say_yes_anew_and_a_no_stays() {
    let declared = declaration("d", 0, "restore", 1);
    let name = |who: usize, minute: i64| Act {
        at: at(minute),
        by: "kim@seller.example".into(),
        reason: "CHAMPION by mail".into(),
        deed: Deed::Champion {
            message: Reviewed::now(&declared, &[]),
            opportunity: opportunity(),
            champion: Address::new(CHAMPIONS[who]).unwrap(),
        },
    };
    let stands = |outcomes: &[Outcome], acts: &[Act]| {
        let dossier = Dossier { outcomes, acts };
        let report = fold(&opportunity(), dossier, &Terms::default(), at(99));
        assert!(report.verified_standing.favour() <= report.standing.favour());
        let codes: Vec<String> = report.reasons.iter().map(|r| r.code.clone()).collect();
        let told = codes.contains(&"champion_changed".to_owned());
        assert_eq!(told, !acts.is_empty(), "{codes:?}");
        (report.verified_standing, codes.contains(&"champion_changed_after_reply".to_owned()))
    };
    let said = |name: &str, minute, who, verdict| {
        reply(name, minute, &declared, who, verdict, true, Claim::Verified)
    };
    let yes = said("y", 5, 0, Verdict::Confirmed);
    let early = said("e", 6, 1, Verdict::Confirmed);
    let late = said("l", 20, 1, Verdict::Confirmed);
    let with = |replies: &[&Outcome]| {
        std::iter::once(&declared).chain(replies.iter().copied()).cloned().collect::<Vec<_>>()
    };
    assert_eq!(stands(&with(&[&yes]), &[]), (Standing::Confirmed, false));
    // The former champion's yes was somebody else's, and what the new one wrote before was no answer of the champion.
    assert_eq!(stands(&with(&[&yes]), &[name(1, 10)]), (Standing::AwaitingReply, true));
    assert_eq!(stands(&with(&[&yes, &early]), &[name(1, 10)]), (Standing::AwaitingReply, true));
    assert_eq!(stands(&with(&[&yes, &early, &late]), &[name(1, 10)]), (Standing::Confirmed, false));
    // Back to the first one: that is a change too.
    let back = [name(1, 10), name(0, 30)];
    assert_eq!(stands(&with(&[&yes, &late]), &back).0, Standing::AwaitingReply);
    let again = said("a", 40, 0, Verdict::Confirmed);
    assert_eq!(stands(&with(&[&yes, &late, &again]), &back).0, Standing::Confirmed);
    // Nobody is replaced for a no.
    let no = said("n", 7, 0, Verdict::Declined);
    assert_eq!(stands(&with(&[&no, &late]), &[name(1, 10)]), (Standing::NeedsReview, true));
    // A change about another declaration changes nothing here.
    let mut newer = declaration("f", 50, "restore", 1);
    newer.seen_at = at(50);
    let anew = reply("z", 60, &newer, 0, Verdict::Confirmed, true, Claim::Verified);
    let report = fold(
        &opportunity(),
        Dossier { outcomes: &[declared.clone(), newer, anew], acts: &[name(1, 10)] },
        &Terms::default(),
        at(99),
    );
    assert_eq!((report.verified_standing, report.champion), (Standing::Confirmed, None));
}

#[test]
fn an_edited_declaration_is_a_version_with_its_differences() {
    let one = declaration("d", 0, "restore in 20 minutes", 1);
    let two = declaration("e", 9, "restore in 60 minutes", 1);
    let again = declaration("f", 12, "restore in 60 minutes", 1);
    let yes = reply("y", 5, &one, 0, Verdict::Confirmed, true, Claim::Verified);
    let report = standing(&opportunity(), &[again, yes, two, one]);
    assert_eq!(report.versions.len(), 2, "what is sent again is no version");
    assert_eq!(
        report.versions[1].changes.to_string(),
        "\"restore in 20 minutes\" became \"restore in 60 minutes\""
    );
    let changed = report.reasons.iter().find(|r| r.code == "criteria_changed_after_reply").unwrap();
    assert!(changed.text.contains("became"), "{}", changed.text);
}
