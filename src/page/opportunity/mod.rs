//! One opportunity – decision: may it move? In the order of the desk's questions: may it move, why not, whose words, really
//! theirs, all criteria, who is missing, what do I do.

mod history;
mod mails;
mod proof;

pub(super) use mails::{attachments, head, parts, raw};
pub(super) use proof::author;

use jiff::Timestamp;
use maud::{Markup, html};

use super::frame::{Viewer, frame};
use super::shape::{Sign, state};
use super::text::{Shown, moment};
use super::words;
use crate::answer::{LetterRow, MailAnswer, OpportunityAnswer};
use crate::gate::GateAnswer;
use crate::model::{Declaration, Reason};

/// The gates that the desk asks for most, in the order in which a deal passes them; shown first when the policy has them.
const LEADING: &[&str] = &["commercial_review", "legal_review", "contract_signature"];

/// What the page shows.
#[derive(Debug)]
pub struct OpportunityPage<'a> {
    /// The opportunity.
    pub answer: &'a OpportunityAnswer,
    /// The answer of every gate.
    pub gates: &'a [GateAnswer],
    /// The mails, oldest first; not all of them when there are very many.
    pub mails: &'a [MailAnswer],
    /// Letters of ours.
    pub letters: &'a [LetterRow],
    /// The stage that was asked for.
    pub to: Option<&'a str>,
    /// Who looks.
    pub viewer: &'a Viewer,
    /// The time of the answer.
    pub now: Timestamp,
}

/// The gate that the page explains: what was asked for, else the first that is closed, else the last.
fn lead_of<'a>(gates: &'a [GateAnswer], to: Option<&str>) -> Option<&'a GateAnswer> {
    let cards = cards(gates);
    gates
        .iter()
        .find(|g| Some(g.to.as_str()) == to)
        .or_else(|| cards.iter().find(|g| !g.allowed).copied())
        .or_else(|| cards.last().copied())
}

/// The leading gates; all, when the policy calls its gates otherwise.
fn cards(gates: &[GateAnswer]) -> Vec<&GateAnswer> {
    let leading: Vec<&GateAnswer> =
        LEADING.iter().filter_map(|name| gates.iter().find(|g| g.to == *name)).collect();
    if leading.is_empty() { gates.iter().collect() } else { leading }
}

/// The page.
pub fn opportunity(page: &OpportunityPage<'_>) -> String {
    let id = page.answer.report.opportunity.as_str();
    let lead = lead_of(page.gates, page.to);
    let main = html! {
        (heading(page))
        @if let Some(lead) = lead { (verdicts(page, lead)) (why(page, lead)) }
        (proof::words(page))
        div.columns { (proof::criteria(page)) (proof::people(page)) }
        (history::open_items(page))
        (stages(page))
        (history::timeline(page))
        (mails::mails(page))
    };
    frame(id, "", page.viewer, &main)
}

/// The declaration that gates, else the newest one.
fn declaration<'a>(page: &OpportunityPage<'a>) -> Option<&'a Declaration> {
    let gating = page.answer.report.declaration.as_ref().map(|id| id.as_str());
    let messages = &page.answer.messages;
    let named = messages.iter().filter(|m| gating.is_some() && m.message_id.as_deref() == gating);
    named.chain(messages.iter().rev()).find_map(|m| m.declaration.as_ref())
}

fn heading(page: &OpportunityPage<'_>) -> Markup {
    let report = &page.answer.report;
    let declared = declaration(page);
    let (sign, word) = words::standing(report.standing);
    let fresh = page.gates.iter().all(|g| g.fresh);
    html! {
        div.title {
            h1 {
                (report.opportunity)
                @if let Some(account) = declared.and_then(|d| d.account.as_deref()) {
                    " " span.account-name { (Shown(account)) }
                }
            }
            p.facts {
                @if let Some(d) = declared {
                    @if let Some(platform) = &d.platform { span { (Shown(platform)) } }
                    span { "SE " bdi { (Shown(d.seller.as_str())) } }
                    @if let Some(ae) = &d.ae { span { "AE " bdi { (Shown(ae)) } } }
                }
                span { "as of " (moment(page.now)) }
            }
            p.standing { "Standing: " (state(sign, word)) }
        }
        @if !report.accepted_by.is_empty() {
            div.banner.look {
                (Sign::Look)
                p {
                    "This standing rests on a decision, it is not verified: "
                    @for (n, a) in report.accepted_by.iter().enumerate() {
                        @if n > 0 { "; " }
                        strong { "accepted by " (Shown(&a.by)) } " as " (Shown(&a.decided)) ", " (moment(a.at))
                        ", because: " q { (Shown(&a.reason)) }
                    }
                    ". Without it: " strong { (words::standing(report.verified_standing).1) } "."
                }
            }
        }
        @if !fresh {
            div.banner.no {
                (Sign::No)
                p { strong { "The mailbox was not read lately." } " A newer answer may be waiting in it, so every gate that asks for the win stays closed." }
            }
        }
    }
}

/// One card for each leading gate, and the one that was asked for.
fn verdicts(page: &OpportunityPage<'_>, lead: &GateAnswer) -> Markup {
    let mut cards = cards(page.gates);
    if !cards.iter().any(|g| g.to == lead.to) {
        cards.insert(0, lead);
    }
    html! {
        section aria-labelledby="may" {
            h2.unseen #may { "May it move?" }
            ul.cards {
                @for gate in cards {
                    li { (card(page, gate, gate.to == lead.to)) }
                }
            }
        }
    }
}

fn card(page: &OpportunityPage<'_>, gate: &GateAnswer, is_lead: bool) -> Markup {
    let (sign, word) = may(gate);
    let id = page.answer.report.opportunity.as_str();
    html! {
        a.card.(sign.class()) href={ "/opportunities/" (id) "?to=" (gate.to) "#why" }
            aria-current=[is_lead.then_some("true")] {
            span.stage { (words::stage(&gate.to)) }
            span.word { (sign) " " (word) }
        }
    }
}

/// Whether a gate lets it pass. An accepted win is said to be one.
fn may(gate: &GateAnswer) -> (Sign, &'static str) {
    match (gate.allowed, gate.accepted_by.is_empty()) {
        (true, true) => (Sign::Yes, "Allowed"),
        (true, false) => (Sign::Part, "Allowed by a decision"),
        (false, _) => (Sign::No, "Not allowed"),
    }
}

/// Why the gate is closed, and how to open it; or what else is worth knowing.
fn why(page: &OpportunityPage<'_>, lead: &GateAnswer) -> Markup {
    let (sign, _) = may(lead);
    let stage = words::stage(&lead.to);
    html! {
        section.why.(sign.class()) #why aria-labelledby="why-title" {
            h2 #why-title {
                @if lead.allowed { (stage) ": it may move" } @else { (stage) ": why not, and how to fix it" }
            }
            @if lead.reasons.is_empty() {
                @if lead.allowed && lead.evidence.is_empty() { p { "This gate asks for no win." } }
                @else if lead.allowed { p { "Everybody who must has confirmed in writing. Nothing is open." } }
                @else { p { "The policy keeps this gate closed at the standing " q { (words::standing(lead.standing).1) } "." } }
            } @else { (reasons(&lead.reasons)) }
            p.quiet {
                "Policy " code { (lead.policy) }
                @if let Some(size) = lead.log_size { ", record of " (size) " entries" }
                ". " a href={ "/v1/gate?opportunity=" (page.answer.report.opportunity) "&to=" (lead.to) } { "The same answer for machines" }
            }
        }
    }
}

/// Reasons with what to do about each.
pub(super) fn reasons(reasons: &[Reason]) -> Markup {
    html! {
        ul.reasons {
            @for reason in reasons {
                li {
                    p { (Shown(&reason.text)) }
                    @if let Some(fix) = &reason.fix { p.fix { b { "To fix: " } (Shown(fix)) } }
                    p.code { code { (reason.code) } @if let Some(rule) = &reason.rule { " by rule " code { (Shown(rule)) } } }
                }
            }
        }
    }
}

/// Every gate of the policy.
fn stages(page: &OpportunityPage<'_>) -> Markup {
    html! {
        details.fold {
            summary { "All stages (" (page.gates.iter().filter(|g| g.allowed).count()) " of " (page.gates.len()) " allowed)" }
            div.scroll tabindex="0" role="region" aria-label="All stages" {
                table {
                    thead { tr { th scope="col" { "Stage" } th scope="col" { "May it move?" } th scope="col" { "Why not" } } }
                    tbody {
                        @for gate in page.gates {
                            @let (sign, word) = may(gate);
                            tr {
                                th scope="row" {
                                    a href={ "?to=" (gate.to) "#why" } { (words::stage(&gate.to)) }
                                }
                                td { (state(sign, word)) }
                                td {
                                    @if let (false, Some(first)) = (gate.allowed, gate.reasons.first()) {
                                        (Shown(&first.text))
                                        @if gate.reasons.len() > 1 { span.quiet { " and " (gate.reasons.len() - 1) " more" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
