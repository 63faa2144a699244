//! Whose words, really theirs, all criteria, who is missing.

use maud::{Markup, html};

use super::{OpportunityPage, declaration};
use crate::answer::MailAnswer;
use crate::model::{Claim, Criterion, Kind, Spoken};
use crate::page::body::typed;
use crate::page::shape::{Sign, state};
use crate::page::text::{Shown, moment};
use crate::page::words;

/// Mails whose words stand on the page; more are read below.
const QUOTED_MAX: usize = 3;

/// The mails that count; without any, the newest reply, which does not.
fn evidence<'a>(page: &OpportunityPage<'a>) -> (Vec<&'a MailAnswer>, bool) {
    let of = |sha256: &str| page.mails.iter().find(|m| m.message.sha256 == sha256);
    let counted: Vec<&MailAnswer> =
        page.answer.report.evidence.iter().filter_map(|e| of(&e.sha256.to_string())).collect();
    if !counted.is_empty() {
        return (counted, true);
    }
    let newest = page.mails.iter().rev().find(|m| matches!(m.message.kind, Kind::Reply | Kind::Forward));
    (newest.into_iter().collect(), false)
}

/// The champion's words, and the checks of the author.
pub(super) fn words(page: &OpportunityPage<'_>) -> Markup {
    let (mails, counts) = evidence(page);
    html! {
        section aria-labelledby="words" {
            h2 #words { @if counts { "The champion's words" } @else { "The newest answer" } }
            @if mails.is_empty() { p.empty { "Nobody has answered yet. Silence is not a yes." } }
            @if !counts && !mails.is_empty() {
                p.quiet { "It does not count as an endorsement: the reasons stand above, the checks beside it." }
            }
            @for mail in mails.iter().take(QUOTED_MAX) { (quoted(page, mail)) }
            @if mails.len() > QUOTED_MAX { p { "More mails count: they stand below." } }
        }
    }
}

fn quoted(page: &OpportunityPage<'_>, mail: &MailAnswer) -> Markup {
    let message = &mail.message;
    let (sign, verdict) = words::said(message);
    let accepted = page
        .answer
        .report
        .evidence
        .iter()
        .find(|e| e.sha256.to_string() == message.sha256)
        .and_then(|e| e.accepted_by.as_ref());
    html! {
        div.words {
            figure {
                blockquote { (typed(mail)) }
                figcaption {
                    "— " bdi { (Shown(mail.from.first().or(message.from.as_ref()).map_or("nobody is named", String::as_str))) }
                    ", " (moment(mail.at())) " "
                    (state(sign, &verdict))
                    @if let Some(by) = accepted { " " (state(Sign::Look, "Accepted by a person")) " " bdi { (Shown(by)) } }
                    " " a href={ "#mail-" (message.sha256) } { "the whole mail" }
                }
            }
            div.checks {
                h3 { "Is it really theirs?" }
                (author(mail))
            }
        }
    }
}

/// The checks of the author, each with its shape.
pub(in crate::page) fn author(mail: &MailAnswer) -> Markup {
    let Some(author) = &mail.author else {
        return html!(p.quiet { "Its author was not checked: it answers no declaration." });
    };
    let (claim_sign, claim) = words::claim(author.claim);
    let (binding_sign, binding) = words::binding(author.binding);
    let (seen_sign, seen) = words::seen(author.seen);
    let who = mail.message.from.as_deref().unwrap_or("nobody");
    let is_theirs = matches!(author.claim, Claim::Verified | Claim::Unverified | Claim::Pending);
    html! {
        ul.check {
            li { (state(claim_sign, claim)) ": " bdi { (Shown(who)) } @if is_theirs { " is a declared champion" } }
            li {
                @match &author.signed_by {
                    Some(domain) => { (state(Sign::Yes, "Signed")) " by " bdi { (Shown(domain)) } " (DKIM)" }
                    None => { (state(Sign::Look, "No signature")) " proves the author" }
                }
            }
            li { (state(binding_sign, binding)) }
            li { (state(seen_sign, seen)) }
            li {
                @if mail.attached { (state(Sign::Note, "Came attached to another mail")) }
                @else { (state(Sign::Yes, "Came to the evidence mailbox itself")) }
            }
        }
        @if !author.reasons.is_empty() {
            ul.notes { @for reason in &author.reasons { li { (Shown(&reason.text)) } } }
        }
    }
}

/// Criteria in numbers and line by line.
pub(super) fn criteria(page: &OpportunityPage<'_>) -> Markup {
    let report = &page.answer.report;
    let tally = &report.criteria;
    let declared =
        report.versions.last().map(|v| &v.criteria).or_else(|| declaration(page).map(|d| &d.criteria));
    html! {
        section aria-labelledby="criteria" {
            h2 #criteria { "Criteria " span.count { (tally.confirmed) "/" (tally.total) span.unseen { " confirmed" } } }
            p {
                (tally.confirmed) " of " (tally.total) " confirmed in writing, " (tally.declared_passed) " declared as passed"
                @if let Some(n) = tally.mandatory { ", " (n) " mandatory by the plan" } "."
                @if let Some(seen) = tally.seen { " " (words::seen(seen).1) "." }
            }
            @if let Some(criteria) = declared.filter(|c| !c.is_empty()) { (table(page, criteria)) }
            @if let Some(plan) = &report.plan {
                @if plan.missing.is_empty() { p { (state(Sign::Yes, "Same as the plan")) ": no mandatory criterion is missing." } }
                @else {
                    p { (state(Sign::No, "The plan has more")) ", missing in the declaration:" }
                    ul { @for text in &plan.missing { li { (Shown(text)) } } }
                }
            }
            @if report.versions.len() > 1 {
                @if let Some(last) = report.versions.last() {
                    p.quiet { "Version " (last.n) " of the list. Changed: " (Shown(&last.changes.to_string())) }
                }
            }
        }
    }
}

fn table(page: &OpportunityPage<'_>, criteria: &[Criterion]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Criteria" {
            table.criteria {
                thead { tr { th scope="col" { "Criterion" } th scope="col" { "Declared" } th scope="col" { "In the champion's words" } } }
                tbody {
                    @for criterion in criteria {
                        @let (sign, word) = words::declared(criterion.result);
                        tr {
                            th scope="row" { span.number { (criterion.n) ". " } (Shown(&criterion.text)) }
                            td { (state(sign, word)) }
                            td { (answered(page, criterion.n)) }
                        }
                    }
                }
            }
        }
    }
}

/// What the mails that count say about a criterion.
fn answered(page: &OpportunityPage<'_>, n: u32) -> Markup {
    let (mails, counts) = evidence(page);
    let spoken: Vec<Spoken> = mails
        .iter()
        .filter(|_| counts)
        .filter_map(|m| m.message.criteria.iter().find(|c| c.n == n).map(|c| c.result))
        .collect();
    html! {
        @if spoken.is_empty() { (state(Sign::Note, "Nothing yet")) }
        @for result in spoken {
            @let (sign, word) = words::spoken(result);
            (state(sign, word)) " "
        }
    }
}

/// Who must endorse.
pub(super) fn people(page: &OpportunityPage<'_>) -> Markup {
    let report = &page.answer.report;
    html! {
        section aria-labelledby="roles" {
            h2 #roles { "Roles" }
            @if report.endorsers.is_empty() { p.empty { "Nobody of the buyer's was asked yet." } }
            @else {
                ul.people {
                    @for endorser in &report.endorsers {
                        @let (sign, word) = words::standing(endorser.standing);
                        li {
                            strong { (Shown(&words::stage(&endorser.role))) } " " bdi { (Shown(&endorser.who)) }
                            " " (state(sign, word))
                        }
                    }
                }
            }
            @if !report.manual.is_empty() {
                h3 { "Recorded by people, not verified" }
                ul.notes {
                    @for evidence in &report.manual {
                        li {
                            (words::stage(evidence.kind.as_str())) ", " (Shown(&evidence.by)) ", " (moment(evidence.at)) ": "
                            (Shown(&evidence.note)) " "
                            @if let Some(link) = &evidence.link { code { (Shown(link)) } }
                            @if let Some(file) = &evidence.file { code { (Shown(file.name.as_deref().unwrap_or("a file"))) " sha256 " (file.sha256) } }
                        }
                    }
                }
            }
        }
    }
}
