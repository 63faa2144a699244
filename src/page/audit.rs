//! The auditor's page – decision: do I believe the register? What people overrode and which rules changed come first, then how
//! many opportunities there were, then a sample that anybody can draw again. Nothing can be changed from here.

use maud::{Markup, html};

use super::frame::{Viewer, frame};
use super::shape::{Sign, state};
use super::tally::tally;
use super::text::{Shown, moment, short};
use super::words;
use crate::answer::{ActRow, Brief, Head, SAMPLE_MAX, WindowAnswer};

/// Characters of the words in a row.
const WORDS: usize = 120;

/// The page.
pub fn audit(answer: &WindowAnswer, viewer: &Viewer) -> String {
    let (overrides, others): (Vec<&ActRow>, Vec<&ActRow>) = answer.acts.iter().partition(|row| row.overrides);
    let main = html! {
        div.title {
            h1 { "Audit" }
            p.facts {
                span { (date(answer.window.from)) " to " (date(answer.window.to)) ", whole days (UTC)" }
                span { "as of " (moment(answer.as_of)) }
            }
        }
        @if answer.read < answer.size {
            div.banner.look { (Sign::Look) p { "The record is still being read: " (answer.read) " of " (answer.size) " entries. Load the page again before you rely on it." } }
        }
        (picker(answer))
        (acts("overrides", "What people overrode", &overrides, "Nobody decided, linked, undid or erased anything."))
        @if answer.acts_left_out > 0 { p { (answer.acts_left_out) " more acts are not listed: choose a shorter window." } }
        (governed(answer))
        (acts("others", "What else people recorded", &others, "Nothing."))
        (population(answer))
        (sample(answer, viewer))
        (chain(answer))
    };
    frame("Audit", "/audit", viewer, &main)
}

fn date(date: jiff::civil::Date) -> Markup {
    html!(time datetime=(date.to_string()) { (date.strftime("%-d %b %Y").to_string()) })
}

fn picker(answer: &WindowAnswer) -> Markup {
    let window = &answer.window;
    html! {
        section aria-labelledby="window" {
            h2 #window { "Window and sample" }
            form.inline method="get" action="/audit" {
                div { label for="from" { "From" } input #from name="from" type="date" value=(window.from) required; }
                div { label for="to" { "To" } input #to name="to" type="date" value=(window.to) required; }
                div { label for="seed" { "Seed" } input #seed name="seed" type="text" value=(window.seed.as_deref().unwrap_or_default()) maxlength="100" autocomplete="off" spellcheck="false"; }
                div { label for="sample" { "Sample" } input #sample name="sample" type="number" value=(window.sample) min="1" max=(SAMPLE_MAX) required; }
                button type="submit" { "Show" }
            }
        }
    }
}

fn acts(id: &str, title: &str, rows: &[&ActRow], empty: &str) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) " " span.count { (rows.len()) } }
            @if rows.is_empty() { p.empty { (empty) } }
            @else {
                ul.rows {
                    @for row in rows {
                        li {
                            p.rowhead {
                                strong { (Shown(&row.act.by)) } " " (Shown(&row.act.did))
                                @for id in &row.opportunities { " " a href={ "/opportunities/" (id) } { (id) } }
                                span.quiet { (moment(row.act.at)) ", entry " (row.seq) ", " code { (row.act.name) } }
                            }
                            p.said dir="auto" { (Shown(&row.act.reason)) }
                        }
                    }
                }
            }
        }
    }
}

fn governed(answer: &WindowAnswer) -> Markup {
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Rule, account and gate files that came into force " span.count { (answer.governed.len()) } }
            @if answer.governed.is_empty() { p.empty { "None: the same files governed the whole window." } }
            @else {
                ul.rows {
                    @for change in &answer.governed {
                        li {
                            p.rowhead {
                                strong { (words::stage(&change.what)) }
                                @match &change.digest { Some(digest) => { code { (digest) } } None => { "no file any more" } }
                                span.quiet { (moment(change.at)) ", entry " (change.seq) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn population(answer: &WindowAnswer) -> Markup {
    let total: usize = answer.population.values().sum();
    html! {
        section aria-labelledby="population" {
            h2 #population { "Population " span.count { (total) } }
            p.quiet { "Opportunities whose first mail came before the end of the window and whose newest came after its start, by where they stand now." }
            (tally(&answer.population))
        }
    }
}

fn sample(answer: &WindowAnswer, viewer: &Viewer) -> Markup {
    let window = &answer.window;
    let seed = window.seed.as_deref().unwrap_or_default();
    html! {
        section aria-labelledby="drawn" {
            h2 #drawn { "Sample " span.count { (answer.sample.len()) } }
            p {
                "Drawn with the seed " code { (Shown(seed)) } ": the opportunities with the smallest SHA-256 of "
                code { (Shown(seed)) ":OPPORTUNITY" } ". Without a seed of yours it is the start of the log's root at the end of the window."
            }
            @if answer.sample.is_empty() { p.empty { "There is nothing to draw from." } }
            @else {
                ol.rows {
                    @for brief in &answer.sample { li { (drawn(brief)) } }
                }
                form method="post" action="/audit/pack" {
                    (packing(answer, viewer))
                    button type="submit" { "Download the sample’s packs" }
                }
                p.quiet { "One archive with a pack for each: the mails, entries, proofs and keys, to be checked with " code { "endorsed verify PACK" } " or the script in it." }
            }
        }
    }
}

/// What the form for the packs carries.
fn packing(answer: &WindowAnswer, viewer: &Viewer) -> Markup {
    let window = &answer.window;
    html! {
        input type="hidden" name="csrf" value=(viewer.csrf);
        input type="hidden" name="from" value=(window.from);
        input type="hidden" name="to" value=(window.to);
        input type="hidden" name="seed" value=(window.seed.as_deref().unwrap_or_default());
        input type="hidden" name="sample" value=(window.sample);
    }
}

fn drawn(brief: &Brief) -> Markup {
    let (sign, word) = words::stands(brief.standing, !brief.accepted_by.is_empty());
    html! {
        p.rowhead {
            a href={ "/opportunities/" (brief.opportunity) } { (brief.opportunity) }
            @if let Some(account) = &brief.account { " " bdi { (Shown(account)) } }
            " " (state(sign, word))
            span.quiet { (brief.confirmed) "/" (brief.total) " criteria" }
        }
        @if let Some(quote) = brief.quote.as_deref().filter(|q| !q.trim().is_empty()) {
            p.said dir="auto" { "“" (Shown(&short(quote, WORDS))) "”" }
        }
    }
}

fn chain(answer: &WindowAnswer) -> Markup {
    let [start, end, now] = &answer.heads;
    let row = |name: &str, head: &Head| html!(tr { th scope="row" { (name) } td { (head.size) } td { code { (head.root) } } });
    html! {
        section aria-labelledby="chain" {
            h2 #chain { "The log" }
            p { "Each row is a promise: later logs begin with just these entries. " code { "endorsed verify --seen SIZE:ROOT" } " holds a log against it." }
            div.scroll tabindex="0" role="region" aria-label="Heads of the log" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Entries" } th scope="col" { "Root" } } }
                    tbody { (row("Before the window", start)) (row("At its end", end)) (row("Now", now)) }
                }
            }
            p.quiet { "Key " code { (answer.verifier) } ". The signed head: " a href="/checkpoint" { "checkpoint" } "." }
        }
    }
}
