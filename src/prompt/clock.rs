//! Clocks: what must have happened by when, in the seller's working time. A clock that ran out is a reason code and a line of
//! the weekly digest; it opens and closes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Wait};
use super::rules::When;
use crate::model::{DealField, Digest, Outcome, Reason, Standing, StandingReport, YesNo};
use crate::record::{Act, Deed};

/// What starts a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Declared, and the champion has not answered. Only in the schedule of letters: reports count zombies by themselves.
    Silent,
    /// The champions verifiably confirmed.
    Confirmed,
    /// "Yes, but."
    Conditional,
    /// "We need more time."
    Deferred,
    /// The day that a condition names has passed.
    ConditionDue,
    /// The CRM said that requirements are non-standard: a technical review is asked for.
    ReviewAsked,
    /// The day on which the CRM wants the technical win has passed.
    EvaluationEnd,
}

impl Start {
    /// Whether the situation of a letter starts it.
    pub(super) fn is(self, when: When) -> bool {
        matches!(
            (self, when),
            (Self::Silent, When::Silent)
                | (Self::Confirmed, When::Confirmed)
                | (Self::Conditional, When::Conditional)
                | (Self::Deferred, When::Deferred)
        )
    }
}

/// A clock as the rules write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRule {
    /// Reason code once it is over.
    pub code: String,
    /// What starts it.
    pub when: Start,
    /// How long it runs.
    pub after: Wait,
    /// The fact that stops it.
    pub stop: Option<String>,
    /// What to do once it is over.
    pub fix: Option<String>,
}

/// The clocks with the time that they count in.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// The clocks, in order.
    pub rules: Vec<ClockRule>,
    /// Working time of the seller's people.
    pub seller: Calendar,
    /// The month with which the fiscal year begins, 1 to 12.
    pub fiscal_month: i8,
}

/// Without rules no clock runs.
impl Default for Clocks {
    fn default() -> Self {
        let seller = Calendar {
            zone: TimeZone::UTC,
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(17, 0, 0, 0),
            weekend: vec![Weekday::Saturday, Weekday::Sunday],
            holidays: std::collections::BTreeSet::new(),
        };
        Self { rules: Vec::new(), seller, fiscal_month: 1 }
    }
}

/// A clock of a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Reason code once it is over.
    pub code: String,
    /// When it is over.
    pub due: Timestamp,
    /// Whether it is.
    pub over: bool,
}

impl Clocks {
    /// Whether a clock stops at this fact.
    pub fn asks_for(&self, fact: &str) -> bool {
        self.rules.iter().any(|rule| rule.stop.as_deref() == Some(fact))
    }

    /// The clocks of a deal that nothing has stopped. A deal that ended has none.
    pub fn of(
        &self,
        report: &StandingReport,
        outcomes: &[Outcome],
        acts: &[Act],
        now: Timestamp,
    ) -> Vec<Clock> {
        let mut clocks = Vec::new();
        if report.ended.is_some() {
            return clocks;
        }
        for rule in &self.rules {
            for since in self.starts(rule.when, report, outcomes, acts) {
                let due = self.seller.after(since, rule.after);
                let clock = Clock { code: rule.code.clone(), due, over: due <= now };
                if !is_stopped(rule, report, since) && !clocks.contains(&clock) {
                    clocks.push(clock);
                }
            }
        }
        clocks
    }

    /// The clocks that ran out, each as a reason.
    pub fn reasons(&self, clocks: &[Clock]) -> Vec<Reason> {
        let reason = |clock: &Clock| {
            let text = format!(
                "This was due on {}, and nothing says that it was done.",
                self.seller.shown(clock.due)
            );
            let reason = Reason::new(&clock.code, text);
            self.fix(&clock.code).into_iter().fold(reason, |reason, fix| reason.fix(fix))
        };
        clocks.iter().filter(|clock| clock.over).map(reason).collect()
    }

    /// What to do once the clock of a code is over.
    pub fn fix(&self, code: &str) -> Option<String> {
        self.rules.iter().find(|rule| rule.code == code)?.fix.clone()
    }

    fn starts(
        &self,
        when: Start,
        report: &StandingReport,
        outcomes: &[Outcome],
        acts: &[Act],
    ) -> Vec<Timestamp> {
        let standing = report.verified_standing;
        let said = || last_seen(report, outcomes).into_iter().collect();
        match when {
            Start::Confirmed if standing == Standing::Confirmed => said(),
            Start::Conditional if standing == Standing::Conditional => said(),
            Start::Deferred if standing == Standing::Deferred => said(),
            Start::ConditionDue => report.conditions.iter().filter_map(|c| self.evening(c.due?)).collect(),
            Start::ReviewAsked => review_asked(report, acts).into_iter().collect(),
            Start::EvaluationEnd if is_undecided(standing) => {
                let day = report.details.get(&DealField::TechWinDueDate).and_then(|d| d.parse().ok());
                day.and_then(|day| self.evening(day)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The end of a day, by the seller's clock.
    fn evening(&self, day: Date) -> Option<Timestamp> {
        let next = day.tomorrow().ok()?.to_zoned(self.seller.zone.clone()).ok()?;
        Some(next.timestamp())
    }
}

/// Whether nobody of the buyer has decided.
fn is_undecided(standing: Standing) -> bool {
    !matches!(standing, Standing::Confirmed | Standing::Declined | Standing::Retracted)
}

/// When the last of the words came in that the standing rests on.
fn last_seen(report: &StandingReport, outcomes: &[Outcome]) -> Option<Timestamp> {
    let seen: BTreeMap<Digest, Timestamp> = outcomes.iter().map(|o| (o.sha256, o.seen_at)).collect();
    let words = report.evidence.iter().filter(|e| e.verified);
    words.filter_map(|e| seen.get(&e.sha256).copied()).max()
}

/// When the CRM began to say that requirements are non-standard: it reports what changed, so the last word is the change.
fn review_asked(report: &StandingReport, acts: &[Act]) -> Option<Timestamp> {
    let is_yes = |text: &String| YesNo::parse(text) == Some(YesNo::Yes);
    report.details.get(&DealField::NonStandardRequirements).filter(|text| is_yes(text))?;
    let said = |act: &Act| match &act.deed {
        Deed::Details { opportunity, fields } if *opportunity == report.opportunity => {
            fields.get(&DealField::NonStandardRequirements).filter(|text| is_yes(text)).map(|_| act.at)
        }
        _ => None,
    };
    acts.iter().filter_map(said).max()
}

/// Whether somebody stated that it was done. Of a review a "no" is an answer as well; a doubtful word is none.
fn is_stopped(rule: &ClockRule, report: &StandingReport, since: Timestamp) -> bool {
    let Some(stop) = &rule.stop else { return false };
    let answers = |value| value == YesNo::Yes || rule.when == Start::ReviewAsked;
    // What was documented, or reviewed, before it was asked for need not be done again.
    let in_time = |at: Timestamp| rule.when == Start::ReviewAsked || at >= since;
    report.facts.iter().any(|f| f.id == *stop && !f.doubtful && answers(f.value) && in_time(f.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Condition, Evidence, OpportunityId, StatedFact};
    use crate::parse::unparsed;
    use crate::prompt::PromptRules;
    use jiff::Zoned;
    use std::collections::BTreeSet;

    fn at(text: &str) -> Timestamp {
        format!("{text}[Europe/Berlin]").parse::<Zoned>().unwrap().timestamp()
    }

    /// The shipped clocks, counted in Berlin, where Christmas is a holiday.
    fn shipped() -> Clocks {
        let rules = PromptRules::load(include_str!("../../rules/prompts.toml")).unwrap();
        let mut clocks = rules.clocks(&rules.hours);
        clocks.seller.zone = TimeZone::get("Europe/Berlin").unwrap();
        clocks.seller.holidays = BTreeSet::from([Date::constant(2026, 12, 25)]);
        clocks
    }

    fn id() -> OpportunityId {
        OpportunityId::new("OPP-1").unwrap()
    }

    /// A deal that stands so since an answer that came in then.
    fn stands(standing: Standing, since: &str) -> (StandingReport, Vec<Outcome>) {
        let answer = Outcome::unread(&unparsed(b"yes"), at(since), Digest::of(b"rules"));
        let mut report = StandingReport::nothing(&id());
        (report.standing, report.verified_standing) = (standing, standing);
        report.evidence.push(Evidence {
            id: "x".into(),
            message_id: None,
            sha256: answer.sha256,
            verified: true,
            quote: "yes".into(),
            accepted_by: None,
            at: None,
        });
        (report, vec![answer])
    }

    fn crm(field: DealField, value: &str, when: &str) -> Act {
        let fields = BTreeMap::from([(field, value.to_owned())]);
        let deed = Deed::Details { opportunity: id(), fields };
        Act { at: at(when), by: "crm".into(), reason: "import".into(), deed }
    }

    fn fact(name: &str, value: YesNo, when: &str) -> StatedFact {
        StatedFact {
            id: name.into(),
            at: at(when),
            value,
            by: "ana".into(),
            reason: "done".into(),
            doubtful: false,
            act: None,
            message_id: None,
        }
    }

    #[test]
    fn the_win_is_documented_in_24_hours_by_the_clock() {
        // Over the end of summer time 24 hours end an hour earlier on the wall.
        let (mut report, outcomes) = stands(Standing::Confirmed, "2026-10-24T10:00:00");
        let of = |report: &StandingReport, now: &str| shipped().of(report, &outcomes, &[], at(now));
        let clocks = of(&report, "2026-10-25T08:59:59");
        assert_eq!(clocks.len(), 1);
        assert_eq!(
            (clocks[0].code.as_str(), clocks[0].due),
            ("documentation_due", at("2026-10-25T09:00:00"))
        );
        assert!(!clocks[0].over);
        let over = of(&report, "2026-10-25T09:00:00");
        let reasons = shipped().reasons(&over);
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].text.contains("Sun 25 Oct 2026 09:00 CET"), "{}", reasons[0].text);
        assert!(reasons[0].fix.as_deref().unwrap().contains("win_documented"));
        // "No" is no documentation, and what was written of an earlier win is not this one's.
        report.facts = vec![
            fact("win_documented", YesNo::No, "2026-10-24T12:00:00"),
            fact("win_documented", YesNo::Yes, "2026-10-20T12:00:00"),
        ];
        assert_eq!(of(&report, "2026-10-26T09:00:00").len(), 1);
        report.facts.push(fact("win_documented", YesNo::Yes, "2026-10-24T12:00:00"));
        assert_eq!(of(&report, "2026-10-26T09:00:00"), []);
    }

    #[test]
    fn a_but_has_48_hours_and_more_time_five_business_days() {
        let (report, outcomes) = stands(Standing::Conditional, "2026-11-20T10:00:00");
        let clocks = shipped().of(&report, &outcomes, &[], at("2026-11-20T10:00:00"));
        assert_eq!(
            (clocks[0].code.as_str(), clocks[0].due),
            ("condition_overdue", at("2026-11-22T10:00:00"))
        );
        // From Friday over a weekend and Christmas: Mon, Tue, Wed, Thu, and the Monday after.
        let (report, outcomes) = stands(Standing::Deferred, "2026-12-18T10:00:00");
        let clocks = shipped().of(&report, &outcomes, &[], at("2026-12-18T10:00:00"));
        assert_eq!(
            (clocks[0].code.as_str(), clocks[0].due),
            ("more_time_overdue", at("2026-12-28T10:00:00"))
        );
    }

    #[test]
    fn a_condition_is_due_at_the_end_of_its_day() {
        let (mut report, outcomes) = stands(Standing::Conditional, "2026-11-20T10:00:00");
        report.conditions.push(Condition {
            who: "dana@acme.example".into(),
            text: "if SSO is live by 1 December 2026".into(),
            owner: None,
            due: Some(Date::constant(2026, 12, 1)),
            overdue: false,
        });
        let clocks = shipped().of(&report, &outcomes, &[], at("2026-12-01T23:59:59"));
        assert_eq!(clocks.iter().filter(|c| c.over).count(), 1, "only the 48 hours are over: {clocks:?}");
        let clocks = shipped().of(&report, &outcomes, &[], at("2026-12-02T00:00:00"));
        assert!(clocks.iter().any(|c| c.code == "condition_due" && c.over), "{clocks:?}");
    }

    #[test]
    fn a_review_that_was_asked_for_has_three_business_days() {
        let mut report = StandingReport::nothing(&id());
        let of = |report: &StandingReport, acts: &[Act]| {
            shipped().of(report, &[], acts, at("2026-12-31T10:00:00"))
        };
        let asked = crm(DealField::NonStandardRequirements, "yes", "2026-12-23T15:00:00");
        assert_eq!(of(&report, std::slice::from_ref(&asked)), [], "the CRM says so no more");
        report.details.insert(DealField::NonStandardRequirements, "yes".into());
        // Wednesday; Thursday, not Friday, which is a holiday, not the weekend, Monday, Tuesday.
        let clocks = of(&report, std::slice::from_ref(&asked));
        assert_eq!(clocks.len(), 1);
        assert_eq!((clocks[0].code.as_str(), clocks[0].due), ("tech_review_due", at("2026-12-29T15:00:00")));
        report.facts.push(fact("tech_review_approved", YesNo::No, "2026-12-24T10:00:00"));
        assert_eq!(of(&report, &[asked]), [], "a no is an answer");
    }

    #[test]
    fn an_evaluation_ends_with_a_verdict() {
        let (mut report, outcomes) = stands(Standing::AwaitingReply, "2026-11-20T10:00:00");
        report.details.insert(DealField::TechWinDueDate, "2026-11-30".into());
        let of = |report: &StandingReport, now: &str| shipped().of(report, &outcomes, &[], at(now));
        assert!(!of(&report, "2026-11-30T23:59:59")[0].over);
        let over = of(&report, "2026-12-01T00:00:00");
        assert_eq!((over[0].code.as_str(), over[0].over), ("evaluation_overdue", true));
        report.verified_standing = Standing::Declined;
        assert_eq!(of(&report, "2026-12-01T00:00:00"), []);
    }
}
