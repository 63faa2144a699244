//! Why the standing is what it is, and what somebody can do about it.

use std::collections::BTreeSet;

use super::champion;
use super::fold::{Case, Vote};
use super::freeze::succeeded;
use super::versions::between;
use crate::decide::is_statement;
use crate::model::{Claim, Outcome, Reason, Spoken, Standing, StandingReport, Verdict};

/// Adds why the standing is what it is, and what somebody can do about it.
pub(super) fn explain(report: &mut StandingReport, case: &Case<'_>, votes: &[Vote<'_>]) {
    let mut reasons = Vec::new();
    for vote in votes {
        report.review.extend(vote.doubtful.iter().map(|message| message.sha256));
        reasons.extend(explain_vote(vote, report.standing, case));
        reasons.extend(vote.doubtful.iter().flat_map(|message| doubts(message)));
    }
    if votes.is_empty() {
        reasons.extend(reason_of(case.gating, "no_champion"));
    }
    // What is known of the question is told beside every answer, a yes too.
    for code in ["declaration_unauthenticated", "late_declaration"] {
        reasons.extend(reason_of(case.gating, code));
    }
    reasons.extend(case.change.as_ref().map(champion::reason));
    if report.standing != Standing::Confirmed {
        reasons.extend(succeeded(case));
        if report.standing == Standing::AwaitingReply && !case.declaration.asks {
            reasons.extend(reason_of(case.gating, "no_ask"));
        }
        // What came in and did not count, so that nobody wonders.
        const TOLD: &[&str] = &[
            "reply_compliment",
            "reply_reaction",
            "reply_neutral",
            "wrong_sender",
            "vendor_claim",
            "forwarded_inline",
            "not_bound",
            "identity_unverified",
            "identity_pending",
            "criteria_differ",
            "declaration_unauthenticated",
            "no_accounts",
            "partial_criteria",
            "number_differs",
            "lookalike",
            "same_name_other_address",
        ];
        // Somebody else's yes may be worth a person's look while the champion's is missing.
        let waits = matches!(report.standing, Standing::AwaitingReply | Standing::Partial);
        let others = case.seen.iter().filter(|s| waits && s.ruling.is_none() && is_others_yes(s.message));
        report.review.extend(others.map(|s| s.message.sha256));
        // A mail that somebody decided is told as decided.
        for seen in case.seen.iter().filter(|s| s.ruling.is_none()) {
            reasons.extend(TOLD.iter().filter_map(|code| reason_of(seen.message, code)));
        }
    }
    for outdated in case.seen.iter().filter(|s| says_yes(s.message) && !case.is_current(s.message)) {
        reasons.push(criteria_changed(outdated.message, case));
    }
    reasons.extend(votes.iter().flat_map(accepted));
    let mut told = BTreeSet::new();
    for reason in reasons {
        if told.insert((reason.code.clone(), reason.text.clone())) {
            report.reasons.push(reason);
        }
    }
}

/// A yes to criteria that were edited since, with what was edited.
fn criteria_changed(yes: &Outcome, case: &Case<'_>) -> Reason {
    let answered = case.versions.iter().find(|v| v.digest == yes.criteria_digest);
    let changes = answered.map(|v| between(&v.criteria, &case.declaration.criteria));
    let what = changes.filter(|c| !c.is_empty()).map(|c| format!(": {c}")).unwrap_or_default();
    let text = format!("A yes on record answers other criteria than those declared last{what}.");
    Reason::new("criteria_changed_after_reply", text)
        .fix("Ask the champion to confirm the criteria as declared last.")
}

/// Whether somebody of the buyer's who is no champion says yes.
fn is_others_yes(outcome: &Outcome) -> bool {
    let claim = outcome.authorship.as_ref().map(|a| a.claim);
    claim == Some(Claim::NotChampion)
        && matches!(outcome.verdict, Some(Verdict::Confirmed | Verdict::Conditional))
        && !outcome.has("vendor_claim")
}

/// Whether the machine reads a yes that counts for the criteria that it answers.
fn says_yes(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Some(Verdict::Confirmed | Verdict::Conditional)) && is_statement(outcome)
}

/// Why a message is doubtful: whatever its trail says besides the rules that merely fired.
fn doubts(message: &Outcome) -> Vec<Reason> {
    const MERELY_FIRED: &[&str] = &["affirmed", "no_accounts", "not_endorsed"];
    let doubt = |r: &&Reason| !MERELY_FIRED.contains(&r.code.as_str());
    message.reasons.iter().filter(doubt).map(|r| Reason { rule: None, span: None, ..r.clone() }).collect()
}

/// A message's own reason of a code, without rule and span: those point into one mail only.
fn reason_of(outcome: &Outcome, code: &str) -> Option<Reason> {
    let reason = outcome.reasons.iter().find(|r| r.code == code)?;
    Some(Reason { rule: None, span: None, ..reason.clone() })
}

fn explain_vote(vote: &Vote<'_>, overall: Standing, case: &Case<'_>) -> Option<Reason> {
    let who = &vote.champion;
    let words = vote.statements.first().map_or("", |s| s.message.quote.as_str());
    let reason = match vote.standing {
        Standing::Confirmed => return None,
        Standing::AwaitingReply if overall == Standing::Partial => {
            Reason::new("endorser_missing", format!("{who} has not answered yet."))
                .fix(format!("Ask {who} to answer in writing."))
        }
        Standing::AwaitingReply | Standing::NoDeclaration => {
            Reason::new("awaiting_reply", format!("{who} has given no verdict yet."))
                .fix(format!("Ask {who} for a clear answer in writing: are the criteria met?"))
        }
        Standing::Conditional => {
            Reason::new("conditional_open", format!("{who} wrote yes with a condition: \"{words}\""))
                .fix("Resolve the condition; it ends only by a later mail of the champion.")
        }
        Standing::Partial => {
            let missing: Vec<String> = unmet(vote, case);
            Reason::new(
                "partial_criteria",
                format!("{who} confirmed only a part; open: {}.", missing.join("; ")),
            )
            .fix("Prove what is open and ask again.")
        }
        Standing::Deferred => Reason::new("deferred", format!("{who} needs more time: \"{words}\"")).fix(
            "Ask which criteria remain unproven and what would prove them in the next five business days.",
        ),
        Standing::Declined => Reason::new("declined", format!("{who} said no: \"{words}\""))
            .fix("Only a later yes of the champion can change this."),
        Standing::Retracted => {
            Reason::new("retracted", format!("{who} took the confirmation back: \"{words}\""))
                .fix("Only a later yes of the champion can change this.")
        }
        Standing::NeedsReview => {
            Reason::new("needs_review", format!("A mail of {who} must be read by a person."))
                .fix("Open the opportunity, read the mail, and ask the champion if it is doubtful.")
        }
    };
    Some(reason)
}

/// Criteria that the champion's statement does not call met.
fn unmet(vote: &Vote<'_>, case: &Case<'_>) -> Vec<String> {
    let met = |n: u32| {
        vote.statements
            .iter()
            .any(|s| s.message.criteria.iter().any(|c| c.n == n && c.result == Spoken::Pass))
    };
    case.declaration.criteria.iter().filter(|c| !met(c.n)).map(|c| c.text.clone()).collect()
}

/// Who accepted the words that count, and why.
fn accepted(vote: &Vote<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for seen in &vote.statements {
        let (Some(verdict), Some(ruling)) = (seen.accepted(), &seen.ruling) else { continue };
        let text = format!(
            "The mail of {} is accepted by {} as {}: {}",
            vote.champion,
            ruling.by.join(" and "),
            verdict.as_str(),
            ruling.reason
        );
        reasons.push(Reason::new("accepted", text));
    }
    reasons
}
