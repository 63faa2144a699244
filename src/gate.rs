//! May this opportunity move to that stage? Policy files name the gates; everything unknown keeps one closed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Acceptance, Digest, Endorser, Evidence, OpportunityId, Reason, Standing, StandingReport, Tally,
};

/// A fact that a person must have stated before a gate opens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: String,
    text: String,
}

/// One gate of the policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Gate {
    standing: Vec<Standing>,
    accepted: bool,
    questions: Vec<Question>,
    same_as: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gate: BTreeMap<String, Gate>,
}

/// The gates of a policy file.
#[derive(Debug, Clone)]
pub struct Gates {
    gates: BTreeMap<String, Gate>,
    /// File name and digest, as each answer shows it.
    policy: String,
    digest: Digest,
}

/// The policy file is not usable; the text says what and at which byte.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct GateFileError {
    /// What is wrong and what was expected.
    pub message: String,
    /// Byte offset in the file.
    pub offset: usize,
}

/// Whether the record behind an answer is up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Every configured mailbox was read lately, or none is configured.
    Fresh,
    /// A mailbox was not read lately: an unread retraction may be waiting.
    Stale,
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
    /// On TOML errors, unknown keys, and a `same_as` that leads nowhere or in a circle.
    pub fn load(name: &str, text: &str) -> Result<Self, GateFileError> {
        let file: File = toml::from_str(text).map_err(|e| GateFileError {
            message: e.message().to_owned(),
            offset: e.span().map_or(0, |s| s.start),
        })?;
        for (gate, entry) in &file.gate {
            let Some(target) = &entry.same_as else { continue };
            let found = file.gate.get(target);
            if found.is_none_or(|t| t.same_as.is_some()) {
                return Err(GateFileError {
                    message: format!(
                        "gate.{gate}: same_as = \"{target}\" must name a gate that is not itself an alias"
                    ),
                    offset: text.find(&format!("[gate.{gate}]")).unwrap_or_default(),
                });
            }
        }
        let digest = Digest::of(text.as_bytes());
        Ok(Self { gates: file.gate, policy: format!("{name}@{}", digest.short()), digest })
    }

    /// Digest of the policy file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The names of all gates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.gates.keys().map(String::as_str)
    }

    /// Answers whether the opportunity of `report` may pass the gate `to`; `None` for an unknown gate.
    pub fn answer(
        &self,
        report: &StandingReport,
        to: &str,
        freshness: Freshness,
        now: Timestamp,
    ) -> Option<GateAnswer> {
        let named = self.gates.get(to)?;
        let gate = named.same_as.as_ref().map_or(Some(named), |target| self.gates.get(target))?;
        let needs_win = !gate.standing.is_empty();
        let proven = gate.standing.contains(&report.verified_standing);
        let won = proven || (gate.accepted && gate.standing.contains(&report.standing));
        let mut reasons = Vec::new();
        if needs_win {
            reasons.extend(report.reasons.iter().cloned());
            if !won && gate.standing.contains(&report.standing) {
                reasons.extend(report.verified_reasons.iter().cloned());
                reasons.push(accepted_only(report));
            }
            if freshness == Freshness::Stale {
                reasons.push(stale());
            }
        }
        // Facts can not be stated yet, so each question is open.
        for question in &gate.questions {
            let text = format!("Nobody has answered yes to: {}", question.text);
            let fix = format!("State the fact `{}`.", question.id);
            reasons.push(Reason::new("fact_unstated", text).fix(fix));
        }
        Some(GateAnswer {
            opportunity: report.opportunity.clone(),
            to: to.to_owned(),
            allowed: (!needs_win || (won && freshness == Freshness::Fresh)) && gate.questions.is_empty(),
            standing: report.standing,
            verified_standing: Some(report.verified_standing).filter(|s| *s != report.standing),
            accepted_by: report.accepted_by.clone(),
            as_of: now,
            fresh: freshness == Freshness::Fresh,
            reasons,
            criteria: report.criteria.clone(),
            endorsers: report.endorsers.clone(),
            evidence: report.evidence.clone(),
            policy: self.policy.clone(),
            url: format!("/opportunities/{}", report.opportunity),
            log_size: None,
            log_root: None,
        })
    }
}

fn accepted_only(report: &StandingReport) -> Reason {
    let names: Vec<&str> = report.accepted_by.iter().map(|a| a.by.as_str()).collect();
    let text = format!(
        "The standing rests on a decision of {}; this gate wants the champion's verified words.",
        names.join(", ")
    );
    Reason::new("accepted_only", text)
        .fix("Ask the champion for a clear answer to the declaration; a gate that takes decisions says `accepted = true`.")
}

fn stale() -> Reason {
    Reason::new(
        "mailbox_stale",
        "The evidence mailbox was not read lately; a newer answer may be waiting in it.",
    )
    .fix("Check that the daemon runs and reaches the mailbox.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../rules/gates.toml");

    fn report(standing: Standing) -> StandingReport {
        let nothing = StandingReport::nothing(&OpportunityId::new("OPP-1").unwrap());
        StandingReport { standing, verified_standing: standing, ..nothing }
    }

    fn allowed(standing: Standing, to: &str, freshness: Freshness) -> bool {
        let gates = Gates::load("gates.toml", SHIPPED).unwrap();
        gates.answer(&report(standing), to, freshness, Timestamp::UNIX_EPOCH).unwrap().allowed
    }

    #[test]
    fn the_truth_table_of_the_win_gates() {
        use Standing::*;
        let all = [
            NoDeclaration,
            AwaitingReply,
            Confirmed,
            Conditional,
            Partial,
            Deferred,
            Declined,
            Retracted,
            NeedsReview,
        ];
        for standing in all {
            let reviewed = matches!(standing, Confirmed | Conditional);
            for to in ["commercial_review", "legal_review"] {
                assert_eq!(allowed(standing, to, Freshness::Fresh), reviewed, "{standing:?} to {to}");
                assert!(!allowed(standing, to, Freshness::Stale));
            }
            assert_eq!(allowed(standing, "contract_signature", Freshness::Fresh), standing == Confirmed);
            assert!(!allowed(standing, "stage_5", Freshness::Fresh), "its questions are open");
        }
    }

    #[test]
    fn an_accepted_win_opens_only_what_says_so() {
        let gates = Gates::load("gates.toml", SHIPPED).unwrap();
        for verified in [Standing::NeedsReview, Standing::Conditional, Standing::Confirmed] {
            let report = StandingReport { verified_standing: verified, ..report(Standing::Confirmed) };
            let ask = |gates: &Gates, to: &str| {
                gates.answer(&report, to, Freshness::Fresh, Timestamp::UNIX_EPOCH).unwrap()
            };
            assert!(ask(&gates, "commercial_review").allowed && ask(&gates, "legal_review").allowed);
            let signature = ask(&gates, "contract_signature");
            assert_eq!(signature.allowed, verified == Standing::Confirmed);
            assert_eq!(signature.allowed, signature.reasons.iter().all(|r| r.code != "accepted_only"));
            // A gate that does not say so takes no decision.
            let silent = Gates::load("g.toml", "[gate.a]\nstanding = [\"confirmed\"]\n").unwrap();
            assert_eq!(ask(&silent, "a").allowed, verified == Standing::Confirmed);
        }
    }

    #[test]
    fn an_unknown_gate_has_no_answer() {
        let gates = Gates::load("gates.toml", SHIPPED).unwrap();
        assert!(
            gates
                .answer(&report(Standing::Confirmed), "moon", Freshness::Fresh, Timestamp::UNIX_EPOCH)
                .is_none()
        );
    }

    #[test]
    fn an_alias_must_lead_to_a_gate() {
        let error = Gates::load("g.toml", "[gate.a]\nsame_as = \"b\"\n").unwrap_err();
        assert!(error.message.contains("must name a gate"));
        assert!(Gates::load("g.toml", "[gate.a]\ncolour = 1\n").is_err());
    }
}
