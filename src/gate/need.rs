//! Whether what a gate needs holds, and if not, why not. Whatever is unknown does not hold.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::policy::{Coverage, Fact, Needs, Question};
use super::{FactAnswer, Freshness, Gates, RoleAnswer, Speaker};
use crate::model::{Means, PlanReport, Reason, RoleWord, Standing, StandingReport, StatedFact, YesNo};

/// The question that is asked of each need.
pub(super) struct Asking<'a> {
    pub gates: &'a Gates,
    pub report: &'a StandingReport,
    pub freshness: Freshness,
    pub now: Timestamp,
    /// Words older than so many days count for nothing.
    pub days: Option<u32>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Something does not hold.
    pub closed: bool,
    /// So many words were found that count and are not too old.
    pub words: usize,
    /// Why, or what else is worth knowing.
    pub reasons: Vec<Reason>,
    /// Who speaks for which role.
    pub roles: Vec<RoleAnswer>,
    /// The facts that were asked for.
    pub facts: Vec<FactAnswer>,
}

impl Finding {
    fn close(&mut self, reason: Reason) {
        self.closed = true;
        self.tell(reason);
    }

    fn tell(&mut self, reason: Reason) {
        if !self.reasons.iter().any(|r| r.code == reason.code && r.text == reason.text) {
            self.reasons.push(reason);
        }
    }
}

impl Asking<'_> {
    /// Adds what `needs` finds. `place` says for what it is asked, when that is not the gate itself.
    pub fn check(&self, needs: &Needs, place: &str, finding: &mut Finding) {
        // Any fact may be one that a mail denies.
        let by_mail = !needs.standing.is_empty()
            || !needs.roles.is_empty()
            || needs.criteria.is_some()
            || needs.age_days_max.is_some()
            || !needs.questions.is_empty();
        if !needs.standing.is_empty() {
            self.standing(needs, finding);
        }
        if !needs.standing.is_empty() || needs.criteria.is_some() {
            for evidence in &self.report.evidence {
                self.count(&evidence.quote, evidence.at, finding);
            }
        }
        for (role, quorum) in &needs.roles {
            self.role(role, *quorum, needs, place, finding);
        }
        if let Some(coverage) = needs.criteria {
            self.criteria(coverage, finding);
        }
        for question in &needs.questions {
            self.question(question, place, finding);
        }
        if by_mail && self.freshness == Freshness::Stale {
            finding.close(
                Reason::new(
                    "mailbox_stale",
                    "The evidence mailbox was not read lately; a newer answer may be waiting in it.",
                )
                .fix("Check that the daemon runs and reaches the mailbox."),
            );
        }
    }

    /// Closes where words must be new, and none is found that counts.
    pub fn check_age(&self, place: &str, finding: &mut Finding) {
        let Some(days) = self.days.filter(|_| finding.words == 0) else { return };
        let text = format!("No word of the last {days} days counts here{place}.");
        finding.close(Reason::new("stale_evidence", text).fix("Ask whether it still holds, in writing."));
    }

    /// Whether a word of this time is too old to count; of an unknown time it may be.
    fn is_old(&self, at: Option<Timestamp>) -> bool {
        let Some(days) = self.days else { return false };
        match (self.now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))), at) {
            (Ok(oldest), Some(at)) => at < oldest,
            _ => true,
        }
    }

    /// Counts a word that the gate rests on, and closes if it is too old.
    fn count(&self, quote: &str, at: Option<Timestamp>, finding: &mut Finding) {
        match self.days.filter(|_| self.is_old(at)) {
            Some(days) => finding.close(stale(quote, at, days)),
            None => finding.words += 1,
        }
    }

    fn standing(&self, needs: &Needs, finding: &mut Finding) {
        let report = self.report;
        let proven = needs.standing.contains(&report.verified_standing);
        let decided = needs.standing.contains(&report.standing);
        report.reasons.iter().for_each(|r| finding.tell(r.clone()));
        if proven || (needs.accepted && decided) {
            return;
        }
        finding.closed = true;
        if decided {
            report.verified_reasons.iter().for_each(|r| finding.tell(r.clone()));
            finding.tell(self.accepted_only());
        }
    }

    fn accepted_only(&self) -> Reason {
        let names: Vec<&str> = self.report.accepted_by.iter().map(|a| a.by.as_str()).collect();
        let text = format!(
            "The standing rests on a decision of {}; this gate wants the champion's verified words.",
            names.join(", ")
        );
        let fix = "Ask the champion for a clear answer to the declaration; a gate that takes decisions says \
                   `accepted = true`.";
        Reason::new("accepted_only", text).fix(fix)
    }

    fn role(&self, role: &str, quorum: u32, needs: &Needs, place: &str, finding: &mut Finding) {
        let words: Vec<&RoleWord> = self.report.roles.iter().filter(|w| w.role == role).collect();
        let standing = |w: &RoleWord| if needs.accepted { w.standing } else { w.verified_standing };
        let says_yes = |w: &RoleWord| match w.means {
            Means::Endorsed if !needs.standing.is_empty() => needs.standing.contains(&standing(w)),
            Means::Waived if !needs.waivers => false,
            _ => standing(w) == Standing::Confirmed,
        };
        let at = |w: &RoleWord| w.evidence.as_ref().and_then(|e| e.at);
        let fills = |w: &RoleWord| says_yes(w) && !self.is_old(at(w));
        let people: BTreeSet<&str> = words.iter().filter(|w| fills(w)).map(|w| w.who.as_str()).collect();
        let speakers = words.iter().map(|w| Speaker {
            who: w.who.clone(),
            means: w.means,
            kind: w.kind.clone(),
            standing: w.standing,
            counts: fills(w),
            evidence: w.evidence.as_ref().map(|e| e.id.clone()),
        });
        let filled = u32::try_from(people.len()).unwrap_or(u32::MAX);
        let answer =
            RoleAnswer { role: role.to_owned(), needed: quorum, filled, speakers: speakers.collect() };
        if !finding.roles.contains(&answer) {
            finding.roles.push(answer);
        }
        finding.words += people.len();
        // A no in the role is heard, however many others said yes. Only a gate that takes decisions takes one about a no.
        for word in &words {
            let stands = standing(word);
            let code = match stands {
                Standing::Declined => "declined",
                Standing::Retracted => "retracted",
                Standing::NeedsReview => "needs_review",
                _ => continue,
            };
            let text = format!("{}, who speaks for {role}, stands at {}.", word.who, stands.as_str());
            let fix = format!("Clear it with {}: only a later mail of the same person changes it.", word.who);
            finding.close(Reason::new(code, text).fix(fix));
        }
        if filled < quorum {
            for word in words.iter().filter(|w| says_yes(w)) {
                if let (Some(days), true) = (self.days, self.is_old(at(word))) {
                    let quote = word.evidence.as_ref().map_or("", |e| e.quote.as_str());
                    finding.close(stale(quote, at(word), days));
                }
            }
            finding.close(self.missing(role, quorum, filled, needs, place, &words));
        }
    }

    fn missing(
        &self,
        role: &str,
        quorum: u32,
        filled: u32,
        needs: &Needs,
        place: &str,
        words: &[&RoleWord],
    ) -> Reason {
        let text = format!("{filled} of {quorum} needed for the role {role} spoke in writing{place}.");
        let waiting: Vec<&str> = words
            .iter()
            .filter(|w| matches!(w.standing, Standing::AwaitingReply))
            .map(|w| w.who.as_str())
            .collect();
        let waiver = if needs.waivers { ", or for a waiver in writing" } else { "" };
        let fix = if waiting.is_empty() {
            format!(
                "Ask the buyer's {role} people for a written yes with the evidence mailbox in Cc{waiver}; deal desk lists \
                 them with this role in the accounts file."
            )
        } else {
            format!("Ask {} for a written yes with the evidence mailbox in Cc{waiver}.", waiting.join(", "))
        };
        Reason::new("endorser_missing", text).fix(fix)
    }

    fn criteria(&self, coverage: Coverage, finding: &mut Finding) {
        let tally = &self.report.criteria;
        let mandatory = tally.mandatory.zip(tally.mandatory_confirmed);
        let (total, confirmed, which) = match (coverage, mandatory) {
            (Coverage::Mandatory, Some((total, confirmed))) => (total, confirmed, "mandatory"),
            _ => (tally.total, tally.confirmed, "declared"),
        };
        if total == 0 || confirmed < total {
            let text = format!(
                "{confirmed} of {total} {which} criteria are confirmed in writing by every champion."
            );
            finding.close(
                Reason::new("partial_criteria", text)
                    .fix("Prove what is open and ask the champions to confirm each criterion."),
            );
        }
        for reason in self.report.plan.iter().flat_map(PlanReport::dropped) {
            finding.close(reason);
        }
    }

    fn question(&self, question: &Question, place: &str, finding: &mut Finding) {
        let denied =
            question.only_if.as_ref().and_then(|condition| self.gates.sure_no(condition, self.report));
        if denied.is_some_and(|at| !self.is_old(Some(at))) {
            finding.words += 1;
            return;
        }
        let stated = self.word(&question.fact);
        let defined = self.gates.facts.get(&question.fact);
        let asked = defined.map_or(question.fact.as_str(), |f| f.text.as_str());
        let who = defined.and_then(Fact::stated_by);
        let by = who.as_deref().unwrap_or("NAME");
        let fix = format!(
            "State the fact: `endorsed facts set {} {} yes --by {by} --reason …`.",
            self.report.opportunity, question.fact
        );
        let answer = FactAnswer::new(&question.fact, asked, stated);
        if !finding.facts.contains(&answer) {
            finding.facts.push(answer);
        }
        match stated {
            Some(fact) if fact.value == YesNo::Yes && !fact.doubtful => {
                self.count(&fact.reason, Some(fact.at), finding);
            }
            Some(fact) => {
                let says = if fact.doubtful { "did not clearly answer yes to" } else { "answered no to" };
                let text = format!("{} {says}: {asked}{place} \"{}\"", fact.by, fact.reason);
                finding.close(Reason::new("fact_denied", text).fix(fix));
            }
            None => {
                for other in self.report.facts.iter().filter(|f| f.id == question.fact) {
                    let who = who.as_deref().unwrap_or_default();
                    let text = format!(
                        "{} answered {} to: {asked} It does not count: only {who} may say so.",
                        other.by,
                        other.value.as_str()
                    );
                    finding.tell(Reason::new("fact_by_other", text));
                }
                let text = format!("Nobody has answered yes to: {asked}{place}");
                finding.close(Reason::new("fact_unstated", text).fix(fix));
            }
        }
    }

    fn word(&self, fact: &str) -> Option<&StatedFact> {
        self.gates.word_on(fact, self.report)
    }
}

fn stale(quote: &str, at: Option<Timestamp>, days: u32) -> Reason {
    let day = at.map_or_else(|| "an unknown day".to_owned(), |at| at.strftime("%F").to_string());
    let text = format!("\"{quote}\" is of {day}, more than {days} days ago.");
    Reason::new("stale_evidence", text).fix("Ask whether it still holds, in writing.")
}
