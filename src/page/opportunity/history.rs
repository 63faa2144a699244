//! What is open, and what happened when.

use jiff::Timestamp;
use maud::{Markup, html};

use super::OpportunityPage;
use crate::page::shape::{Sign, state};
use crate::page::text::{Shown, moment, short};
use crate::page::words;

/// Characters of a mail's words in the timeline.
const WORDS: usize = 140;

/// Conditions, and mails that wait for a person.
pub(super) fn open_items(page: &OpportunityPage<'_>) -> Markup {
    let report = &page.answer.report;
    let waiting: Vec<_> = page
        .mails
        .iter()
        .filter(|m| report.review.iter().any(|d| d.to_string() == m.message.sha256))
        .collect();
    if report.conditions.is_empty() && waiting.is_empty() {
        return html!();
    }
    html! {
        section aria-labelledby="open" {
            h2 #open { "Open" }
            ul.items {
                @for condition in &report.conditions {
                    li {
                        @if condition.overdue { (state(Sign::No, "Overdue")) } @else { (state(Sign::Part, "Condition")) }
                        " of " bdi { (Shown(&condition.who)) }
                        @if let Some(due) = condition.due { ", due " time datetime=(due.to_string()) { (due.strftime("%-d %b %Y").to_string()) } }
                        @if let Some(owner) = &condition.owner { ", owner: " (Shown(owner)) }
                        blockquote dir="auto" { (Shown(&condition.text)) }
                        p.quiet { "It ends only by a later mail of the champion." }
                    }
                }
                @for mail in waiting {
                    li {
                        (state(Sign::Look, "To review")) " "
                        a href={ "/review/" (mail.message.sha256) } {
                            "Mail of " bdi { (Shown(mail.message.from.as_deref().unwrap_or("nobody"))) }
                        }
                        ", " (moment(mail.at()))
                    }
                }
            }
        }
    }
}

/// Something that happened.
struct Event {
    at: Timestamp,
    what: Markup,
}

/// What happened, oldest first.
pub(super) fn timeline(page: &OpportunityPage<'_>) -> Markup {
    let mut events: Vec<Event> = Vec::new();
    for mail in page.mails {
        let message = &mail.message;
        let (sign, verdict) = words::said(message);
        let text = if message.quote.is_empty() { &message.fresh_text } else { &message.quote };
        events.push(Event {
            at: mail.at(),
            what: html! {
                strong { (words::kind(message.kind, message.automatic)) } " from "
                bdi { (Shown(message.from.as_deref().unwrap_or("nobody"))) }
                @if let Some(d) = &message.declaration { ": " (words::form(d.form)) ", " (d.criteria.len()) " criteria" }
                @else {
                    @if message.verdict.is_some() { " " (state(sign, &verdict)) }
                    @if !text.trim().is_empty() { q.said dir="auto" { (Shown(&short(text, WORDS))) } }
                }
            },
        });
    }
    for act in &page.answer.acts {
        events.push(Event {
            at: act.at,
            what: html! {
                strong { (Shown(&act.by)) } " " (Shown(&act.did))
                @if act.undone { " " (state(Sign::Note, "Undone")) }
                q.said dir="auto" { (Shown(&act.reason)) }
                span.quiet { " decision " code { (act.name) } }
            },
        });
    }
    for letter in page.letters {
        events.push(Event {
            at: letter.since,
            what: html! {
                strong { "Our letter" } " (" (letter.rule) ") to " bdi { (Shown(&letter.to)) } ": "
                (words::stage(&letter.state)) span.quiet { " – " (Shown(&letter.why)) }
            },
        });
    }
    events.sort_by_key(|e| e.at);
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @if events.is_empty() { p.empty { "Nothing has happened." } }
            ol.timeline {
                @for event in &events { li { p.when { (moment(event.at)) } p.what { (event.what) } } }
            }
        }
    }
}
