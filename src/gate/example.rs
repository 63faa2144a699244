//! The examples of a policy file: cases with the answer that a gate must give.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::policy::Example;
use super::{Freshness, Gates};
use crate::model::{
    Acceptance, Digest, Evidence, Means, OpportunityId, RoleWord, Standing, StandingReport, StatedFact,
    Tally, YesNo,
};

/// Days from the epoch to the day on which examples play: any day will do, since all ages count back from it.
const TODAY_DAYS: i64 = 20_000;

/// What one example gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleResult {
    /// The gate.
    pub gate: String,
    /// Line of the example.
    pub line: usize,
    /// Why it is there.
    pub why: String,
    /// The answer that it wants.
    pub expected: bool,
    /// The answer that the gate gives.
    pub allowed: bool,
    /// The reason code that it wants, if it wants one.
    pub reason: Option<String>,
    /// The codes that the gate gives.
    pub codes: Vec<String>,
    /// Whether it is as wanted.
    pub passed: bool,
}

/// What all examples gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateTest {
    /// One each.
    pub examples: Vec<ExampleResult>,
    /// Gates without any example; a mere name for another gate needs none.
    pub without: Vec<String>,
}

impl GateTest {
    /// Whether every example gave what it wants.
    pub fn passed(&self) -> bool {
        self.examples.iter().all(|e| e.passed)
    }
}

impl Gates {
    /// Runs the examples of every gate.
    pub fn test(&self) -> GateTest {
        let mut test = GateTest { examples: Vec::new(), without: Vec::new() };
        for (name, gate) in &self.gates {
            if gate.examples.is_empty() && gate.same_as.is_none() {
                test.without.push(name.clone());
            }
            test.examples.extend(gate.examples.iter().filter_map(|example| self.run(name, example)));
        }
        test
    }

    fn run(&self, name: &str, example: &Example) -> Option<ExampleResult> {
        let now = day(0);
        let freshness = if example.stale { Freshness::Stale } else { Freshness::Fresh };
        let answer = self.answer(&self.report(example)?, name, freshness, now)?;
        let codes: Vec<String> = answer.reasons.into_iter().map(|r| r.code).collect();
        let as_told = example.reason.as_ref().is_none_or(|wanted| codes.contains(wanted));
        Some(ExampleResult {
            gate: name.to_owned(),
            line: example.line,
            why: example.why.clone(),
            expected: example.allowed,
            allowed: answer.allowed,
            reason: example.reason.clone(),
            passed: answer.allowed == example.allowed && as_told,
            codes,
        })
    }

    /// The report of an opportunity that is as the example says.
    fn report(&self, example: &Example) -> Option<StandingReport> {
        let verified = example.standing.unwrap_or(Standing::NoDeclaration);
        let at = day(i64::from(example.age_days));
        let opens = |s: Standing| matches!(s, Standing::Confirmed | Standing::Conditional);
        let spoken = opens(verified) || example.accepted.is_some_and(opens);
        let (met, total) = example.criteria.unwrap_or((usize::from(verified == Standing::Confirmed), 1));
        let decision = |standing: Standing| Acceptance {
            by: "Ana".into(),
            at,
            decided: standing.as_str().into(),
            reason: "example".into(),
            message_id: None,
            decisions: Vec::new(),
        };
        let nothing = StandingReport::nothing(&OpportunityId::new("EXAMPLE-1")?);
        Some(StandingReport {
            standing: example.accepted.unwrap_or(verified),
            verified_standing: verified.less_favourable(example.accepted.unwrap_or(verified)),
            accepted_by: example.accepted.into_iter().map(decision).collect(),
            criteria: Tally { total, declared_passed: total, confirmed: met, ..Tally::default() },
            evidence: spoken.then(|| evidence(at)).into_iter().collect(),
            roles: example.roles.iter().enumerate().map(|(n, word)| role_word(n, word, at)).collect(),
            facts: self.stated(example, at),
            amount: example.amount,
            ..nothing
        })
    }

    fn stated(&self, example: &Example, at: Timestamp) -> Vec<StatedFact> {
        let who = |id: &str| {
            let parties = self.facts.get(id).and_then(|f| f.by.as_ref());
            parties.and_then(|p| p.first()).map_or_else(|| "Ana".to_owned(), super::policy::Party::example)
        };
        let stated = |id: &str, value: YesNo, by: Option<&str>| StatedFact {
            id: id.to_owned(),
            at,
            value,
            by: by.map_or_else(|| who(id), str::to_owned),
            reason: "example".into(),
            doubtful: false,
            act: None,
            message_id: None,
        };
        match &example.facts {
            None => self.facts.keys().map(|id| stated(id, YesNo::Yes, None)).collect(),
            Some(facts) => facts.iter().map(|f| stated(&f.id, f.value, f.by.as_deref())).collect(),
        }
    }
}

fn day(ago: i64) -> Timestamp {
    let hours = 24 * (TODAY_DAYS - ago);
    Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn evidence(at: Timestamp) -> Evidence {
    Evidence {
        id: "example".into(),
        message_id: None,
        sha256: Digest::of(b"example"),
        verified: true,
        quote: "example".into(),
        accepted_by: None,
        at: Some(at),
    }
}

fn role_word(n: usize, (role, standing, waived): &(String, Standing, bool), at: Timestamp) -> RoleWord {
    RoleWord {
        role: role.clone(),
        who: format!("person{n}@buyer.example"),
        means: if *waived { Means::Waived } else { Means::Endorsed },
        kind: None,
        standing: *standing,
        verified_standing: *standing,
        evidence: Some(evidence(at)),
    }
}
