//! May this opportunity move to that stage? Policy files name the gates; everything unknown keeps one closed.
//! docs/GATES.md has the file's grammar.

mod example;
mod need;
mod policy;
mod source;
#[cfg(test)]
mod tests;

pub use example::{ExampleResult, GateTest};
pub use source::GateProblem;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Acceptance, Digest, Endorser, Evidence, Means, OpportunityId, Reason, Standing, StandingReport,
    StatedFact, Tally, YesNo,
};
use need::{Asking, Finding};
use policy::{Above, Fact, Gate};
use source::Policy;

/// The gates of a policy file.
#[derive(Debug, Clone)]
pub struct Gates {
    gates: BTreeMap<String, Gate>,
    facts: BTreeMap<String, Fact>,
    /// File name and digest, as each answer shows it.
    policy: String,
    digest: Digest,
}

/// The policy file is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} mistakes in the policy file", problems.len())]
pub struct GateFileError {
    /// Every mistake, in order of lines.
    pub problems: Vec<GateProblem>,
}

/// Whether the record behind an answer is up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Every configured mailbox was read lately, or none is configured.
    Fresh,
    /// A mailbox was not read lately: an unread retraction may be waiting.
    Stale,
}

/// How far a role that a gate asks for is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAnswer {
    /// The role.
    pub role: String,
    /// So many people must speak for it.
    pub needed: u32,
    /// So many do.
    pub filled: u32,
    /// Who said something in it.
    pub speakers: Vec<Speaker>,
}

/// Somebody who said something in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// Who.
    pub who: String,
    /// By an endorsement, by other evidence, or by a waiver.
    pub means: Means,
    /// Kind of the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where the person stands.
    pub standing: Standing,
    /// Whether the gate counts it.
    pub counts: bool,
    /// Id of the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// A fact that a gate asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactAnswer {
    /// Its name.
    pub id: String,
    /// The question.
    pub text: String,
    /// `yes`, `no`, or nothing while nobody who may has stated it.
    pub value: Option<YesNo>,
    /// Who stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A fact that the policy knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFact {
    /// Its name.
    pub id: String,
    /// The question.
    pub text: String,
    /// Who may state it, in words; nothing when everybody may.
    pub stated_by: Option<String>,
    /// The gates that ask for it.
    pub gates: Vec<String>,
}

/// The answer (CONTRACT "HTTP").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// Which opportunity.
    pub opportunity: OpportunityId,
    /// Which gate.
    pub to: String,
    /// Whether it may pass. Callers treat everything else than `true` as no.
    pub allowed: bool,
    /// Where the opportunity stands.
    pub standing: Standing,
    /// Where it stands without what people decided, when that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_standing: Option<Standing>,
    /// The decisions that `standing` rests on, when it is more than the verified one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_by: Vec<Acceptance>,
    /// When this was computed.
    pub as_of: Timestamp,
    /// Whether the mailbox was read lately.
    pub fresh: bool,
    /// Why not, and what to do; or what else is worth knowing.
    pub reasons: Vec<Reason>,
    /// Criteria in numbers.
    pub criteria: Tally,
    /// Who must endorse.
    pub endorsers: Vec<Endorser>,
    /// The roles that the gate asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleAnswer>,
    /// The facts that the gate asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactAnswer>,
    /// The messages that count.
    pub evidence: Vec<Evidence>,
    /// Policy file and the start of its digest.
    pub policy: String,
    /// Where a person finds more.
    pub url: String,
    /// Entries of the signed log that the answer rests on; with `log_root` it can be held against the log for ever
    /// (`endorsed verify --seen SIZE:ROOT`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_size: Option<u64>,
    /// The root over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_root: Option<Digest>,
}

impl Gates {
    /// Reads a policy file; `name` is shown in answers.
    ///
    /// # Errors
    /// With every mistake of the file.
    pub fn load(name: &str, text: &str) -> Result<Self, GateFileError> {
        let (policy, mut problems) = source::read(text);
        problems.extend(loose_ends(&policy));
        if !problems.is_empty() {
            problems.sort_by(|a, b| (a.line, &a.message).cmp(&(b.line, &b.message)));
            problems.dedup();
            return Err(GateFileError { problems });
        }
        let digest = Digest::of(text.as_bytes());
        let Policy { gates, facts } = policy;
        Ok(Self { gates, facts, policy: format!("{name}@{}", digest.short()), digest })
    }

    /// Digest of the policy file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// File name and the start of its digest, as each answer shows it.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The names of all gates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.gates.keys().map(String::as_str)
    }

    /// The names of the facts that the file knows.
    pub fn fact_names(&self) -> impl Iterator<Item = &str> {
        self.facts.keys().map(String::as_str)
    }

    /// The facts that gates ask for, and those that the file defines besides.
    pub fn facts(&self) -> Vec<KnownFact> {
        let asks = |gate: &Gate, id: &str| {
            let needs = std::iter::once(&gate.needs).chain(gate.above.iter().map(|a| &a.needs));
            needs.flat_map(|n| &n.questions).any(|q| q.fact == id || q.only_if.as_deref() == Some(id))
        };
        let known = |(id, fact): (&String, &Fact)| KnownFact {
            id: id.clone(),
            text: fact.text.clone(),
            stated_by: fact.stated_by(),
            gates: self.gates.iter().filter(|(_, g)| asks(g, id)).map(|(name, _)| name.clone()).collect(),
        };
        self.facts.iter().map(known).collect()
    }

    /// The word that counts on a fact: the newest of those who may state it, in a tie the no.
    pub fn word_on<'a>(&self, fact: &str, report: &'a StandingReport) -> Option<&'a StatedFact> {
        let defined = self.facts.get(fact)?;
        let of_fact = report.facts.iter().filter(|f| f.id == fact && defined.may_be_stated_by(&f.by));
        of_fact.max_by_key(|f| (f.at, std::cmp::Reverse(f.value)))
    }

    /// When everybody who may state the fact and spoke last surely said no. No word is no no, a doubtful one is none, and
    /// in a tie it is none either.
    fn sure_no(&self, fact: &str, report: &StandingReport) -> Option<Timestamp> {
        let last = self.word_on(fact, report)?;
        let defined = self.facts.get(fact);
        let may = |by: &str| defined.is_some_and(|f| f.may_be_stated_by(by));
        let mut of_then = report.facts.iter().filter(|f| f.id == fact && f.at == last.at && may(&f.by));
        of_then.all(|f| f.value == YesNo::No && !f.doubtful).then_some(last.at)
    }

    /// Answers whether the opportunity of `report` may pass the gate `to`; `None` for an unknown gate.
    pub fn answer(
        &self,
        report: &StandingReport,
        to: &str,
        freshness: Freshness,
        now: Timestamp,
    ) -> Option<GateAnswer> {
        let gate = self.resolve(to)?;
        let mut finding = Finding::default();
        let mut next = Some((gate, String::new()));
        while let Some((gate, place)) = next {
            let is_large = |a: &&Above| report.amount.is_none_or(|amount| amount > a.amount);
            let above: Vec<&Above> = gate.above.iter().filter(is_large).collect();
            let needs = std::iter::once(&gate.needs).chain(above.iter().map(|a| &a.needs));
            let days = needs.filter_map(|n| n.age_days_max).min();
            let asking = Asking { gates: self, report, freshness, now, days };
            finding.words = 0;
            asking.check(&gate.needs, &place, &mut finding);
            check_above(&above, &asking, &place, &mut finding);
            asking.check_age(&place, &mut finding);
            next = gate.after.as_ref().and_then(|name| Some((self.resolve(name)?, format!(" (for {name})"))));
        }
        Some(GateAnswer {
            opportunity: report.opportunity.clone(),
            to: to.to_owned(),
            allowed: !finding.closed,
            standing: report.standing,
            verified_standing: Some(report.verified_standing).filter(|s| *s != report.standing),
            accepted_by: report.accepted_by.clone(),
            as_of: now,
            fresh: freshness == Freshness::Fresh,
            reasons: finding.reasons,
            criteria: report.criteria.clone(),
            endorsers: report.endorsers.clone(),
            roles: finding.roles,
            facts: finding.facts,
            evidence: report.evidence.clone(),
            policy: self.policy.clone(),
            url: format!("/opportunities/{}", report.opportunity),
            log_size: None,
            log_root: None,
        })
    }

    /// The gate of a name, through an alias.
    fn resolve(&self, name: &str) -> Option<&Gate> {
        let named = self.gates.get(name)?;
        named.same_as.as_ref().map_or(Some(named), |target| self.gates.get(target))
    }
}

/// What the gate needs of large opportunities; one of an unknown amount may be large.
fn check_above(above: &[&Above], asking: &Asking<'_>, place: &str, finding: &mut Finding) {
    let closed = finding.closed;
    finding.closed = false;
    for above in above {
        asking.check(&above.needs, &format!("{place} (above {})", above.amount), finding);
    }
    if finding.closed && asking.report.amount.is_none() {
        let text = "The amount is not registered, so what large opportunities need is needed here too.";
        let id = &asking.report.opportunity;
        let fix = format!("Register it: `endorsed review amount {id} AMOUNT --by NAME --reason …`.");
        finding.reasons.push(Reason::new("amount_unknown", text).fix(fix));
    }
    finding.closed |= closed;
}

impl FactAnswer {
    fn new(id: &str, text: &str, stated: Option<&StatedFact>) -> Self {
        Self {
            id: id.to_owned(),
            text: text.to_owned(),
            value: stated.map(|f| f.value),
            by: stated.map(|f| f.by.clone()),
            at: stated.map(|f| f.at),
        }
    }
}

/// Names that lead nowhere or in a circle.
fn loose_ends(policy: &Policy) -> Vec<GateProblem> {
    let mut problems = Vec::new();
    for (name, gate) in &policy.gates {
        let mut problem = |message| problems.push(GateProblem { line: gate.line, message });
        if let Some(target) = &gate.same_as
            && policy.gates.get(target).is_none_or(|t| t.same_as.is_some())
        {
            problem(format!(
                "gate.{name}: same_as = \"{target}\" must name a gate that is not itself an alias"
            ));
        }
        let mut seen = BTreeSet::from([name.as_str()]);
        let mut next = gate.after.as_deref();
        while let Some(before) = next {
            let Some(found) = policy.gates.get(before) else {
                problem(format!("gate.{name}: after = \"{before}\" names no gate"));
                break;
            };
            if !seen.insert(before) {
                problem(format!("gate.{name}: after = \"{before}\" leads in a circle"));
                break;
            }
            next = found.same_as.as_deref().or(found.after.as_deref());
        }
        let needs = std::iter::once(&gate.needs).chain(gate.above.iter().map(|a| &a.needs));
        for question in needs.flat_map(|n| &n.questions) {
            for id in [Some(&question.fact), question.only_if.as_ref()].into_iter().flatten() {
                if policy.facts.get(id).is_none_or(|f| f.text.is_empty()) {
                    problem(format!("gate.{name}: the fact `{id}` has no text; define it under [fact.{id}]"));
                }
            }
        }
    }
    if policy.gates.is_empty() {
        problems
            .push(GateProblem { line: 1, message: "there is no gate in it, expected `[gate.NAME]`".into() });
    }
    problems
}
