//! Standing over whole conversations with decisions, links, amounts and plans: the order in which they were recorded is
//! nowhere to be seen, a slow and obvious model beside it says the same, and no decision opens what asks for verified
//! words.

use std::collections::{BTreeMap, BTreeSet};

use endorsed::model::{
    Address, Claim, Digest, Kind, OpportunityId, Outcome, PlanCriterion, Standing, StandingReport, Terms,
    Verdict,
};
use endorsed::record::{Act, Decision, Deed, Dossier, Reviewed, fold};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::fold::{CHAMPIONS, any_verdict, at, declaration, opportunity, reply};

/// The SE of all deals here under two names, and two others.
const PEOPLE: [&str; 4] = ["Ana Berg", "ben@seller.example", "Kim", "kim@seller.example"];

fn other() -> OpportunityId {
    OpportunityId::new("OPP-2").unwrap()
}

/// A conversation: its mails, and what people did.
#[derive(Debug, Clone)]
struct Story {
    outcomes: Vec<Outcome>,
    acts: Vec<Act>,
    terms: Terms,
}

impl Story {
    fn report(&self) -> StandingReport {
        let dossier = Dossier { outcomes: &self.outcomes, acts: &self.acts };
        fold(&opportunity(), dossier, &self.terms, at(10_000))
    }
}

// ---------------------------------------------------------------------------------------------------------
// The model: every question is answered by looking at everything, in the words of docs/REVIEW.md

/// Whose word counts where people decided.
#[derive(Clone, Copy, PartialEq)]
enum View {
    People,
    Machine,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Says {
    Nothing,
    Doubt,
    Yes(Standing),
    No(Standing),
}

struct Model<'a> {
    story: &'a Story,
    mails: Vec<&'a Outcome>,
}

fn is_se(by: &str) -> bool {
    by.to_lowercase().starts_with("kim")
}

fn rank(standing: Standing) -> usize {
    use Standing::*;
    let order = [
        Retracted,
        Declined,
        NeedsReview,
        Deferred,
        NoDeclaration,
        AwaitingReply,
        Partial,
        Conditional,
        Confirmed,
    ];
    order.iter().position(|s| *s == standing).unwrap()
}

fn worse(a: Standing, b: Standing) -> Standing {
    if rank(a) < rank(b) { a } else { b }
}

impl<'a> Model<'a> {
    fn of(story: &'a Story) -> Self {
        let mut model = Self { story, mails: Vec::new() };
        model.mails = story.outcomes.iter().filter(|o| model.belongs(o)).collect();
        // The same mail twice is one mail.
        model.mails.sort_by_key(|o| o.identity);
        model.mails.dedup_by_key(|o| o.identity);
        model
    }

    fn acts(&self) -> Vec<&'a Act> {
        let undone = |act: &Act| {
            self.story
                .acts
                .iter()
                .any(|u| !is_se(&u.by) && matches!(&u.deed, Deed::Undo { act: id, .. } if *id == act.id()))
        };
        let mut acts: Vec<&Act> = self.story.acts.iter().filter(|a| !undone(a)).collect();
        acts.sort();
        acts.dedup();
        acts
    }

    fn needed(&self) -> usize {
        let Some(max) = self.story.terms.second_person_above else { return 1 };
        let in_force = self.acts();
        let mut amounts: Vec<(Timestamp, u64, bool)> = Vec::new();
        for act in &self.story.acts {
            if let Deed::Amount { amount, .. } = act.deed
                && !is_se(&act.by)
            {
                // Taken back by whoever registered it, it never was.
                let own = self.story.acts.iter().any(|u| {
                    u.by == act.by && matches!(&u.deed, Deed::Undo { act: id, .. } if *id == act.id())
                });
                if !own {
                    amounts.push((act.at, amount, in_force.contains(&act)));
                }
            }
        }
        let newest = amounts.iter().filter(|a| a.2).map(|a| a.0).max();
        let since = amounts.iter().filter(|a| newest.is_none_or(|newest| a.0 >= newest));
        match since.map(|a| a.1).max() {
            Some(amount) if amount <= max => 1,
            _ => 2,
        }
    }

    fn links(&self, declared: Digest) -> bool {
        let mut links: Vec<(Timestamp, OpportunityId, String)> = Vec::new();
        for act in self.acts() {
            if let Deed::Link { message, opportunity } = &act.deed
                && message.identity == declared
                && !is_se(&act.by)
            {
                links.push((act.at, opportunity.clone(), act.by.clone()));
            }
        }
        let Some(newest) = links.iter().map(|l| l.0).max() else { return false };
        if links.iter().any(|l| l.0 == newest && l.1 != opportunity()) {
            return false;
        }
        let people: BTreeSet<&String> = links.iter().filter(|l| l.1 == opportunity()).map(|l| &l.2).collect();
        people.len() >= self.needed()
    }

    fn belongs(&self, outcome: &Outcome) -> bool {
        match &outcome.opportunity {
            Some(own) => *own == opportunity(),
            None => self.links(outcome.identity) || outcome.answers_identity.is_some_and(|d| self.links(d)),
        }
    }

    /// Decisions of everybody on a mail for this deal, oldest first, of one moment the most favourable first.
    fn decisions(&self, mail: &Outcome) -> Vec<(&'a str, &'a Decision)> {
        let favour = |decision: &Decision| match decision {
            Decision::AskSe => 0,
            Decision::Accept { verdict: Verdict::Retracted, .. } => 1,
            Decision::Accept { verdict: Verdict::Declined, .. } => 2,
            Decision::Accept { verdict: Verdict::Deferred, .. } => 3,
            Decision::Reject => 4,
            Decision::NotAbout => 5,
            Decision::Clear => 6,
            Decision::Accept { verdict: Verdict::Inconclusive, .. } => 7,
            Decision::Accept { verdict: Verdict::Conditional, .. } => 8,
            Decision::Accept { .. } => 9,
        };
        let mut found: Vec<(Timestamp, i32, &str, &Decision)> = Vec::new();
        for act in self.acts() {
            if let Deed::Decide { message, opportunity: Some(deal), decision } = &act.deed
                && message.identity == mail.identity
                && *deal == opportunity()
            {
                found.push((act.at, -favour(decision), &act.by, decision));
            }
        }
        found.sort_by_key(|(at, favour, ..)| (*at, *favour));
        found.into_iter().map(|(_, _, by, decision)| (by, decision)).collect()
    }

    fn ruling(&self, mail: &Outcome) -> Option<&'a Decision> {
        let decisions: Vec<_> = self.decisions(mail).into_iter().filter(|(by, _)| !is_se(by)).collect();
        let (_, newest) = decisions.last()?;
        let same: BTreeSet<&str> =
            decisions.iter().rev().take_while(|(_, d)| d == newest).map(|(by, _)| *by).collect();
        (**newest != Decision::AskSe && same.len() >= self.needed()).then_some(*newest)
    }

    fn is_forged(mail: &Outcome) -> bool {
        mail.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged)
    }

    fn decided(&self, mail: &Outcome, view: View) -> Option<&'a Decision> {
        self.ruling(mail).filter(|_| view == View::People)
    }

    fn is_here(&self, mail: &Outcome, view: View) -> bool {
        if Self::is_forged(mail) && self.ruling(mail) == Some(&Decision::Clear) {
            return false;
        }
        match self.decided(mail, view) {
            Some(Decision::NotAbout) => false,
            Some(Decision::Reject) => mail.declaration.is_none(),
            _ => true,
        }
    }

    fn says(&self, mail: &Outcome, view: View) -> Says {
        let standing = |verdict: Verdict| match verdict {
            Verdict::Confirmed => Says::Yes(Standing::Confirmed),
            Verdict::Conditional => Says::Yes(Standing::Conditional),
            Verdict::Deferred => Says::No(Standing::Deferred),
            Verdict::Declined => Says::No(Standing::Declined),
            Verdict::Retracted => Says::No(Standing::Retracted),
            Verdict::Inconclusive | Verdict::Automatic => Says::Nothing,
        };
        let claim = mail.authorship.as_ref().map(|a| a.claim);
        let verdict = mail.verdict.unwrap();
        let machine = match standing(verdict) {
            Says::Nothing if mail.sure => Says::Nothing,
            said if mail.sure && claim == Some(Claim::Verified) => said,
            _ => Says::Doubt,
        };
        match self.decided(mail, view) {
            Some(Decision::Accept { .. })
                if matches!(claim, Some(Claim::Seller | Claim::Machine | Claim::Forged)) =>
            {
                machine
            }
            Some(Decision::Accept { verdict, .. }) => standing(*verdict),
            Some(Decision::Reject) => Says::Nothing,
            Some(_) => machine,
            None => {
                let doubted = self.decisions(mail).iter().any(|(_, decision)| match decision {
                    Decision::Accept { verdict: Verdict::Confirmed, .. } => false,
                    Decision::Accept { verdict: Verdict::Conditional, .. } => verdict == Verdict::Confirmed,
                    Decision::Accept { .. } | Decision::Reject | Decision::NotAbout => true,
                    Decision::AskSe | Decision::Clear => false,
                });
                let doubted = doubted && (view == View::Machine || self.ruling(mail).is_none());
                if doubted && matches!(machine, Says::Yes(_)) { Says::Doubt } else { machine }
            }
        }
    }

    fn answers(&self, here: &[&Outcome], a: &Outcome, b: &Outcome) -> bool {
        let mut reached: BTreeSet<String> = a.parents.iter().map(|p| p.to_string()).collect();
        loop {
            let mut more = reached.clone();
            for mail in here {
                if mail.message_id.as_ref().is_some_and(|id| reached.contains(&id.to_string())) {
                    more.extend(mail.parents.iter().map(|p| p.to_string()));
                }
            }
            if more == reached {
                return b.message_id.as_ref().is_some_and(|id| reached.contains(&id.to_string()));
            }
            reached = more;
        }
    }

    fn newer(&self, here: &[&Outcome], a: &Outcome, b: &Outcome) -> bool {
        match (self.answers(here, a, b), self.answers(here, b, a)) {
            (true, false) => true,
            (false, true) => false,
            _ => a.date > b.date,
        }
    }

    fn newest<'b>(&self, here: &[&'b Outcome], of: &[&'b Outcome]) -> Vec<&'b Outcome> {
        let found: Vec<&Outcome> =
            of.iter().copied().filter(|a| !of.iter().any(|b| self.newer(here, b, a))).collect();
        if found.is_empty() { of.to_vec() } else { found }
    }

    fn standing(&self, view: View) -> Standing {
        let here: Vec<&Outcome> = self.mails.iter().copied().filter(|m| self.is_here(m, view)).collect();
        let declared: Vec<&Outcome> = here.iter().copied().filter(|m| m.declaration.is_some()).collect();
        let newest = self.newest(&here, &declared);
        let Some(gating) = newest.first() else { return Standing::NoDeclaration };
        let champions = &gating.declaration.as_ref().unwrap().champions;
        let said_by = |who: &Address| -> Vec<&Outcome> {
            let from = |m: &&&Outcome| m.kind == Kind::Reply && m.from.as_ref() == Some(who);
            here.iter().filter(from).copied().filter(|m| self.says(m, view) != Says::Nothing).collect()
        };
        let is_yes = |m: &Outcome| matches!(self.says(m, view), Says::Yes(_));
        let current = |m: &Outcome| m.criteria_digest == gating.criteria_digest;
        let mut worst = Standing::Confirmed;
        let mut some_yes = false;
        let mut older_counts = false;
        for champion in champions {
            let said: Vec<&Outcome> =
                said_by(champion).into_iter().filter(|m| current(m) || !is_yes(m)).collect();
            let mut vote = Standing::AwaitingReply;
            for (n, mail) in self.newest(&here, &said).into_iter().enumerate() {
                let standing = match self.says(mail, view) {
                    Says::Yes(s) | Says::No(s) => s,
                    _ => Standing::NeedsReview,
                };
                older_counts |= is_yes(mail) && mail.answers_identity != Some(gating.identity);
                vote = if n == 0 { standing } else { worse(vote, standing) };
            }
            some_yes |= rank(vote) > rank(Standing::AwaitingReply);
            worst = worse(worst, vote);
        }
        if worst == Standing::AwaitingReply && some_yes {
            worst = Standing::Partial;
        }
        if self.plan_is_missed(gating, &declared) {
            worst = worse(worst, Standing::Partial);
        }
        let frozen = here.iter().any(|m| Self::is_forged(m))
            || newest.iter().any(|d| d.criteria_digest != gating.criteria_digest)
            || here.iter().any(|m| self.objects(m, champions, &here, view))
            || self.replaced(champions, &declared, older_counts, &here, view, &said_by);
        if frozen { worse(worst, Standing::NeedsReview) } else { worst }
    }

    fn plan_is_missed(&self, gating: &Outcome, declared: &[&Outcome]) -> bool {
        let first = declared.iter().map(|d| d.date.unwrap().min(d.seen_at)).min().unwrap();
        let mut plans: Vec<(Timestamp, &Vec<PlanCriterion>)> = Vec::new();
        for act in self.acts() {
            if let Deed::Plan { criteria, .. } = &act.deed {
                plans.push((act.at, criteria));
            }
        }
        let base = plans.iter().map(|p| p.0).filter(|at| *at <= first).max();
        let counts = plans.iter().filter(|p| base.is_none_or(|base| p.0 >= base));
        let stated =
            |text: &str| gating.declaration.as_ref().unwrap().criteria.iter().any(|c| c.text == text);
        counts.flat_map(|p| p.1).any(|c| c.mandatory && !stated(&c.text))
    }

    fn objects(&self, mail: &Outcome, champions: &[Address], here: &[&Outcome], view: View) -> bool {
        let no = |v: Verdict| matches!(v, Verdict::Declined | Verdict::Retracted);
        let Some(from) = &mail.from else { return false };
        let colleague = !champions.contains(from) && from.domain() == "acme.example";
        let says_no = match self.decided(mail, view) {
            Some(Decision::Accept { verdict, .. }) => no(*verdict),
            Some(Decision::AskSe) | None => no(mail.verdict.unwrap_or(Verdict::Automatic)),
            Some(_) => false,
        };
        let answered = here.iter().any(|m| {
            m.kind == Kind::Reply
                && m.from.as_ref().is_some_and(|f| champions.contains(f))
                && matches!(self.says(m, view), Says::Yes(_))
                && self.newer(here, m, mail)
        });
        mail.kind == Kind::Reply && colleague && says_no && !answered
    }

    fn replaced<'b>(
        &self,
        champions: &[Address],
        declared: &[&Outcome],
        older_counts: bool,
        here: &[&'b Outcome],
        view: View,
        said_by: &dyn Fn(&Address) -> Vec<&'b Outcome>,
    ) -> bool {
        let former: BTreeSet<&Address> = declared
            .iter()
            .flat_map(|d| &d.declaration.as_ref().unwrap().champions)
            .filter(|c| !champions.contains(c))
            .collect();
        former.into_iter().any(|champion| {
            let newest = self.newest(here, &said_by(champion));
            let yes = |m: &&Outcome| self.says(m, view) == Says::Yes(Standing::Confirmed);
            if newest.is_empty() { older_counts } else { !newest.iter().all(yes) }
        })
    }
}

// ---------------------------------------------------------------------------------------------------------
// Stories

/// Mostly what opens something: a story in which all is closed tells nothing.
fn any_decision() -> impl Strategy<Value = Decision> {
    let accept = |verdict| Decision::Accept { verdict, speaks_for: None };
    let other = vec![Verdict::Conditional, Verdict::Deferred, Verdict::Declined, Verdict::Retracted];
    prop_oneof![
        6 => Just(accept(Verdict::Confirmed)),
        2 => prop::sample::select(other).prop_map(accept),
        4 => prop::sample::select(vec![Decision::Reject, Decision::NotAbout, Decision::AskSe]),
        2 => Just(Decision::Clear),
    ]
}

fn any_word() -> impl Strategy<Value = Verdict> {
    prop_oneof![4 => Just(Verdict::Confirmed), 3 => any_verdict()]
}

fn any_author() -> impl Strategy<Value = Claim> {
    prop_oneof![
        8 => Just(Claim::Verified),
        3 => Just(Claim::Unverified),
        1 => prop::sample::select(vec![Claim::Forged, Claim::NotChampion, Claim::Seller, Claim::Machine, Claim::Pending]),
    ]
}

#[derive(Debug, Clone)]
enum Plot {
    Decide(usize, Decision, bool),
    Link(bool),
    Amount(u64),
    Plan(Vec<(usize, bool)>),
    Undo(usize),
}

fn any_plot() -> impl Strategy<Value = Plot> {
    prop_oneof![
        8 => (0..5_usize, any_decision(), prop::bool::weighted(0.9)).prop_map(|(n, d, here)| Plot::Decide(n, d, here)),
        2 => prop::bool::weighted(0.7).prop_map(Plot::Link),
        1 => prop::sample::select(vec![50_u64, 100, 200]).prop_map(Plot::Amount),
        1 => prop::collection::vec((0..3_usize, prop::bool::weighted(0.4)), 1..3).prop_map(Plot::Plan),
        2 => (0..8_usize).prop_map(Plot::Undo),
    ]
}

/// Criteria of declarations and plans: no two of them are alike.
const CRITERIA: [&str; 3] = ["restore", "single sign-on", "audit export"];

fn reviewed(outcome: &Outcome) -> Reviewed {
    Reviewed::now(outcome, &[])
}

fn acts(plots: Vec<(i64, usize, Plot)>, outcomes: &[Outcome]) -> Vec<Act> {
    let mut acts: Vec<Act> = Vec::new();
    for (minute, who, plot) in plots {
        let deed = match plot {
            Plot::Decide(n, decision, here) => {
                // Mostly the replies, which come last.
                let mail = &outcomes[outcomes.len() - 1 - n % outcomes.len()];
                let deal = if here { opportunity() } else { other() };
                Deed::Decide { message: reviewed(mail), opportunity: Some(deal), decision }
            }
            Plot::Link(here) => {
                let Some(nameless) =
                    outcomes.iter().find(|o| o.declaration.is_some() && o.opportunity.is_none())
                else {
                    continue;
                };
                Deed::Link {
                    message: reviewed(nameless),
                    opportunity: if here { opportunity() } else { other() },
                }
            }
            Plot::Amount(amount) => Deed::Amount { opportunity: opportunity(), amount },
            Plot::Plan(lines) => Deed::Plan {
                opportunity: opportunity(),
                criteria: lines
                    .into_iter()
                    .map(|(n, mandatory)| PlanCriterion { n: 1, text: CRITERIA[n].into(), mandatory })
                    .collect(),
                file: Digest::of(b"plan"),
            },
            Plot::Undo(n) => {
                // An undo of an undo does nothing, and nobody can record one.
                let Some(act) = acts.get(n).filter(|a| !matches!(a.deed, Deed::Undo { .. })) else {
                    continue;
                };
                Deed::Undo { act: act.id(), subjects: act.subjects() }
            }
        };
        acts.push(Act { at: at(minute), by: PEOPLE[who].into(), reason: "because".into(), deed });
    }
    acts
}

type Reply = (i64, usize, Verdict, bool, Claim, usize, bool);

fn any_reply() -> impl Strategy<Value = Reply> {
    let sure = prop::bool::weighted(0.7);
    let who = prop_oneof![8 => Just(0_usize), 4 => Just(1), 1 => Just(2), 1 => Just(3)];
    let answers = prop_oneof![3 => Just(0_usize), 2 => 1..3_usize];
    (0..40_i64, who, any_word(), sure, any_author(), answers, prop::bool::weighted(0.3))
}

prop_compose! {
    fn any_story()(
        champions in prop_oneof![3 => Just(1_usize), 1 => Just(2)],
        second in prop::option::weighted(0.3, (0..40_i64, 0..2_usize, 1..=2_usize, any::<bool>())),
        nameless in prop::option::weighted(0.3, 0..40_i64),
        said in prop::collection::vec(any_reply(), 0..5),
        plots in prop::collection::vec((-5..9_i64, prop_oneof![3 => 0..2_usize, 1 => 2..4_usize], any_plot()), 0..8),
        above in prop::option::weighted(0.4, Just(100_u64)),
    ) -> Story {
        let mut declared = vec![declaration("d1", 0, CRITERIA[0], champions)];
        if let Some((minute, criterion, champions, swapped)) = second {
            let mut next = declaration("d2", minute, CRITERIA[criterion], champions);
            if let (true, Some(declaration)) = (swapped, &mut next.declaration) {
                declaration.champions = vec![Address::new(CHAMPIONS[1]).unwrap()];
            }
            declared.push(next);
        }
        if let Some(minute) = nameless {
            let mut next = declaration("d3", minute, CRITERIA[0], champions);
            next.opportunity = None;
            declared.push(next);
        }
        let mut outcomes = declared.clone();
        for (n, (minute, who, verdict, sure, claim, answers, chained)) in said.into_iter().enumerate() {
            let answered = &declared[answers % declared.len()];
            let mut next = reply(&format!("r{n}"), minute, answered, who, verdict, sure, claim);
            next.opportunity = answered.opportunity.clone();
            if let (true, Some(id)) = (chained, outcomes.last().and_then(|o| o.message_id.clone())) {
                next.parents.insert(0, id);
            }
            outcomes.push(next);
        }
        let acts = acts(plots, &outcomes);
        Story { outcomes, acts, terms: Terms { second_person_above: above, evidence_days_max: None } }
    }
}

fn shuffled<T: Clone>(list: &[T], seed: u64) -> Vec<T> {
    let mut list = list.to_vec();
    let mut state = seed | 1;
    for i in (1..list.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        list.swap(i, (state >> 33) as usize % (i + 1));
    }
    list
}

fn opens(standing: Standing) -> bool {
    matches!(standing, Standing::Confirmed | Standing::Conditional)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_was_recorded_first_is_nowhere_to_be_seen(story in any_story(), seed in any::<u64>()) {
        let before = story.report();
        let mut other = story.clone();
        other.outcomes = shuffled(&story.outcomes, seed);
        other.acts = shuffled(&story.acts, seed.rotate_left(7));
        // What was recorded twice says nothing new.
        other.outcomes.push(story.outcomes[0].clone());
        other.acts.extend(story.acts.first().cloned());
        prop_assert_eq!(other.report(), before);
    }

    #[test]
    fn a_slow_model_says_the_same(story in any_story()) {
        let report = story.report();
        let model = Model::of(&story);
        let decided = model.standing(View::People);
        let verified = worse(decided, model.standing(View::Machine));
        prop_assert_eq!((report.standing, report.verified_standing), (decided, verified), "{:#?}", report.reasons);
    }

    #[test]
    fn no_decision_opens_what_asks_for_verified_words(story in any_story()) {
        let is_decision = |act: &Act| matches!(act.deed, Deed::Decide { .. });
        let cleared = |act: &Act| matches!(&act.deed, Deed::Decide { decision: Decision::Clear, .. });
        let mut with = story.clone();
        with.acts.retain(|a| !cleared(a));
        let mut without = story.clone();
        without.acts.retain(|a| !is_decision(a));
        let (with, without) = (with.report(), without.report());
        prop_assert!(!opens(with.verified_standing) || opens(without.standing));
        prop_assert!(!opens(with.verified_standing) || opens(with.standing));
        prop_assert_eq!(with.accepted_by.is_empty(), with.standing == with.verified_standing);
        prop_assert!(with.evidence.iter().all(|e| !(e.verified && e.accepted_by.is_some())));
    }

    #[test]
    fn the_se_of_the_deal_opens_nothing(story in any_story()) {
        let mut without = story.clone();
        without.acts.retain(|a| !is_se(&a.by));
        let (all, without) = (story.report(), without.report());
        // Plans, which anybody registers, only raise the bar.
        prop_assert!(!opens(all.standing) || opens(without.standing), "{:?} from {:?}", all.standing, without.standing);
    }
}

/// The laws above say little about stories in which nothing happens.
#[test]
fn the_stories_tell_something() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..3_000 {
        let story = any_story().new_tree(&mut runner).unwrap().current();
        let report = story.report();
        let without = Story { acts: Vec::new(), ..story.clone() }.report();
        let doubted = opens(without.standing) && !opens(report.verified_standing);
        let dropped = report.reasons.iter().any(|r| r.code == "criteria_dropped");
        for (what, happened) in [
            ("confirmed", report.standing == Standing::Confirmed),
            ("accepted", opens(report.standing) && !report.accepted_by.is_empty()),
            ("proven beside decisions", opens(report.verified_standing) && !story.acts.is_empty()),
            ("doubted", doubted),
            ("dropped", dropped),
            (
                "two persons",
                opens(report.standing) && report.accepted_by.iter().any(|a| a.by.contains(" and ")),
            ),
            ("linked", report.declaration.as_ref().is_some_and(|id| id.as_str().starts_with("d3"))),
        ] {
            *seen.entry(what).or_default() += usize::from(happened);
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, count)| **count < 5).collect();
    assert!(rare.is_empty(), "hardly ever: {rare:?} of {seen:?}");
}
