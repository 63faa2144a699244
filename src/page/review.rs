//! One mail – decision: what does it mean? The mail stands beside what the rules saw in it; the decision below.

use std::ops::Range;

use maud::{Markup, html};

use super::body::body;
use super::frame::{Viewer, frame};
use super::opportunity::{attachments, author, head, parts, raw, reasons};
use super::shape::{Sign, state};
use super::text::{Mark, Shown, moment, short};
use super::words;
use crate::answer::{DecisionAnswer, MailAnswer, MessageAnswer, ReviewItem};
use crate::model::{Claim, Endorser, Kind, Reason, Source};

/// Characters of the words beside a rule.
const WORDS: usize = 80;

/// What the page shows.
#[derive(Debug)]
pub struct ReviewPage<'a> {
    /// The mail in the queue.
    pub item: &'a ReviewItem,
    /// The mail itself.
    pub mail: &'a MailAnswer,
    /// The other contents under its Message-ID.
    pub others: &'a [ReviewItem],
    /// The champions for whom it may speak.
    pub endorsers: &'a [Endorser],
    /// Who looks.
    pub viewer: &'a Viewer,
    /// The decision that was recorded just now.
    pub done: Option<&'a str>,
    /// A decision that was not recorded: what was filled in, and why not.
    pub refused: Option<&'a Refused>,
}

/// A form as it was sent, and why it was not recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// Why not.
    pub text: String,
    /// The choice.
    pub choice: String,
    /// The reason.
    pub reason: String,
    /// The champion, or the opportunity to link to.
    pub named: String,
}

/// The page.
pub fn review(page: &ReviewPage<'_>) -> String {
    let message = &page.item.message;
    let from = message.from.as_deref().unwrap_or("nobody");
    let fired = fired(message);
    // What a rule says stands with the rules.
    let why: Vec<Reason> = page.item.why.iter().filter(|r| r.rule.is_none()).cloned().collect();
    let main = html! {
        (title(page, from))
        @if let Some(done) = page.done.filter(|d| page.item.decisions.iter().any(|known| known.name == **d)) {
            div.banner.yes role="status" { (Sign::Yes) p { "Recorded as " code { (done) } "." } }
        }
        @if !page.others.is_empty() { (others(page)) }
        div.columns.review {
            section aria-labelledby="mail" {
                h2 #mail { "The mail" }
                (head(page.mail))
                @if page.mail.bytes.is_none() { p.banner.look { (Sign::Look) "The mail itself was erased; this is what was recorded of it." } }
                (body(page.mail, &marks(&fired)))
                (parts(page.mail))
                (attachments(page.mail))
                (raw(page.mail))
            }
            div {
                @if !why.is_empty() {
                    section.why.look aria-labelledby="why" { h2 #why { "Why a person must look" } (reasons(&why)) }
                }
                (what_fired(page, &fired))
                section aria-labelledby="who" { h2 #who { "Who wrote it" } (author(page.mail)) (keys(page)) }
            }
        }
        (decisions(page))
        (decide(page))
    };
    frame(&format!("Review: {from}"), "", page.viewer, &main)
}

fn title(page: &ReviewPage<'_>, from: &str) -> Markup {
    let item = page.item;
    let (sign, verdict) = words::said(&item.message);
    let (state_sign, state_word) = match item.state.as_str() {
        "open" => (Sign::Look, "Waits for a person"),
        "asked" => (Sign::Wait, "The SE was asked"),
        "waiting" => (Sign::Wait, "Waits for a second person"),
        "decided" => (Sign::Note, "Decided"),
        _ => (Sign::Note, "Nobody needs to look"),
    };
    html! {
        div.title {
            h1 { "What does this mail mean?" }
            p.facts {
                span { (words::kind(item.message.kind, item.message.automatic)) " of " bdi { (Shown(from)) } ", " (moment(item.at)) }
                @if let Some(id) = &item.opportunity {
                    span {
                        a href={ "/opportunities/" (id) } { (id) }
                        @if let Some(standing) = item.standing { " stands at: " (words::standing(standing).1) }
                    }
                } @else { span { "no opportunity" } }
            }
            p.standing { (state(state_sign, state_word)) " Best guess: " (state(sign, &verdict)) }
        }
    }
}

/// Different contents came under one Message-ID.
fn others(page: &ReviewPage<'_>) -> Markup {
    html! {
        div.banner.look {
            (Sign::Look)
            p {
                "Different contents came under this Message-ID. You look at "
                code { (page.item.message.sha256) } "; the others: "
                @for other in page.others {
                    a href={ "/review/" (other.message.sha256) } { code { (other.message.sha256) } } " "
                }
            }
        }
    }
}

/// What a rule says of some words, with all the words that it says it of.
struct Fired<'a> {
    n: usize,
    reason: &'a Reason,
    spans: Vec<(Source, Range<usize>)>,
    words: Vec<String>,
}

/// Reasons of rules, those that say the same together, numbered.
fn fired(message: &MessageAnswer) -> Vec<Fired<'_>> {
    let mut all: Vec<Fired<'_>> = Vec::new();
    for reason in message.reasons.iter().filter(|r| r.rule.is_some()) {
        let known = all.iter().position(|f| f.reason.rule == reason.rule && f.reason.text == reason.text);
        let at = known.unwrap_or_else(|| {
            all.push(Fired { n: all.len() + 1, reason, spans: Vec::new(), words: Vec::new() });
            all.len() - 1
        });
        let (Some([start, end]), Some(fired)) = (reason.span, all.get_mut(at)) else { continue };
        let text = match reason.source {
            Source::Fresh => &message.fresh_text,
            Source::Unsure => &message.unsure_text,
            Source::Signature => &message.signature_text,
        };
        fired.spans.push((reason.source, start..end));
        fired.words.extend(text.get(start..end).map(|words| short(words, WORDS)));
    }
    all
}

fn marks(fired: &[Fired<'_>]) -> Vec<(Source, Mark)> {
    let marks = |f: &Fired<'_>| -> Vec<(Source, Mark)> {
        f.spans.iter().map(|(s, span)| (*s, Mark { span: span.clone(), number: Some(f.n) })).collect()
    };
    fired.iter().flat_map(marks).collect()
}

/// The rules that fired, with their numbers in the text, and how else it could be read.
fn what_fired(page: &ReviewPage<'_>, fired: &[Fired<'_>]) -> Markup {
    let message = &page.item.message;
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "What the rules saw" }
            @if fired.is_empty() && message.readings.is_empty() { p.empty { "No rule found words that it knows." } }
            @if !fired.is_empty() {
                ol.fired {
                    @for f in fired {
                        li id={ "rule-" (f.n) } tabindex="-1" {
                            p.what { (Shown(&f.reason.text)) }
                            @if !f.words.is_empty() {
                                p { @for (n, words) in f.words.iter().enumerate() { @if n > 0 { ", " } q { (Shown(words)) } } }
                            }
                            p.code { code { (f.reason.code) } @if let Some(rule) = &f.reason.rule { " by rule " code { (Shown(rule)) } } }
                        }
                    }
                }
            }
            @if !message.readings.is_empty() {
                h3 { "It could be read as" }
                ul.notes {
                    @for guess in &message.readings {
                        li {
                            strong { (words::stage(guess.verdict.as_str())) } ": " q { (Shown(&guess.words)) }
                            @if let Some(stop) = &guess.stopped_by { " – stopped by " (words::stage(stop).to_lowercase()) }
                        }
                    }
                }
            }
        }
    }
}

/// What leads from the mail to its declaration.
fn keys(page: &ReviewPage<'_>) -> Markup {
    let message = &page.item.message;
    html! {
        @if let Some(answers) = &message.answers { p.quiet { "Answers the declaration " code { (Shown(answers)) } } }
    }
}

fn decisions(page: &ReviewPage<'_>) -> Markup {
    html! {
        @if !page.item.decisions.is_empty() {
            section aria-labelledby="decisions" {
                h2 #decisions { "What people decided" }
                ul.rows { @for decision in &page.item.decisions { li { (decision_row(page, decision)) } } }
            }
        }
    }
}

fn decision_row(page: &ReviewPage<'_>, decision: &DecisionAnswer) -> Markup {
    html! {
        p.rowhead {
            strong { (Shown(&decision.by)) } " " (Shown(&decision.did))
            @if decision.undone { " " (state(Sign::Note, "Undone")) }
            span.quiet { (moment(decision.at)) ", " code { (decision.name) } }
        }
        p.said dir="auto" { (Shown(&decision.reason)) }
        @if page.viewer.may_decide && !decision.undone && !decision.did.starts_with("undid") {
            details {
                summary { "Undo" }
                form method="post" action={ "/review/" (page.item.message.sha256) } {
                    (hidden(page))
                    input type="hidden" name="choice" value="undo";
                    input type="hidden" name="named" value=(decision.name);
                    label for={ "undo-" (decision.name) } { "Why it is undone" }
                    textarea id={ "undo-" (decision.name) } name="reason" rows="2" required maxlength="4000" {}
                    button type="submit" { "Undo " (decision.name) }
                }
            }
        }
    }
}

fn hidden(page: &ReviewPage<'_>) -> Markup {
    html!(input type="hidden" name="csrf" value=(page.viewer.csrf);)
}

/// What a person can say of the mail: value, label, what it does.
fn choices(page: &ReviewPage<'_>) -> Vec<(&'static str, &'static str, &'static str)> {
    let message = &page.item.message;
    let mut choices = Vec::new();
    if message.kind == Kind::Declaration && page.item.opportunity.is_none() {
        choices.push((
            "link",
            "It declares a win for the opportunity named below",
            "Links declaration and answers to it.",
        ));
    }
    if message.kind == Kind::Reply {
        choices.extend([
            ("confirmed", "Confirmed", "All criteria are met, without a condition."),
            ("conditional", "Confirmed with a condition", "A yes with a stipulation or an open concern."),
            ("deferred", "Needs more time", "No verdict yet."),
            ("declined", "Says no", "Criteria are not met, or they go elsewhere."),
            ("retracted", "Takes the yes back", "An earlier yes no longer holds."),
        ]);
    }
    choices.extend([
        ("reject", "No verdict in it", "Thanks, a question, something else."),
        ("not_about", "Not about this opportunity", "It counts as nothing here."),
        ("ask_se", "The SE must say more first", "It stays in the queue, marked."),
    ]);
    if message.authorship.as_deref() == Some(Claim::Forged.as_str()) {
        choices.push((
            "clear",
            "The forgery is dealt with",
            "The alarm is cleared; the mail counts as nothing.",
        ));
    }
    choices
}

/// The form.
fn decide(page: &ReviewPage<'_>) -> Markup {
    let Some(name) = page.viewer.name.as_deref().filter(|_| page.viewer.may_decide) else {
        return html! {
            section aria-labelledby="decide" {
                h2 #decide { "Decide" }
                p { "To decide, " a href={ "/sign-in?to=/review/" (page.item.message.sha256) } { "sign in" } " with a token that may review." }
                p.quiet { "On the command line: " code { "endorsed review accept " (page.item.message.sha256) " --by … --reason …" } }
            }
        };
    };
    let empty = Refused::default();
    let filled = page.refused.unwrap_or(&empty);
    html! {
        section aria-labelledby="decide" {
            h2 #decide { "Decide" }
            @if let Some(refused) = page.refused {
                div.banner.no #refused role="alert" tabindex="-1" { (Sign::No) p { strong { "Not recorded. " } (Shown(&refused.text)) } }
            }
            form method="post" action={ "/review/" (page.item.message.sha256) "#decide" } {
                (hidden(page))
                fieldset {
                    legend { "What does it say?" }
                    @for (value, label, what) in choices(page) {
                        div.choice {
                            input type="radio" name="choice" id={ "choice-" (value) } value=(value) required
                                checked[filled.choice == value] aria-describedby={ "what-" (value) };
                            div {
                                label for={ "choice-" (value) } { (label) }
                                p.quiet id={ "what-" (value) } { (what) }
                            }
                        }
                    }
                }
                (named(page, filled))
                label for="reason" { "Why" }
                p.quiet #reason-help { "One sentence that an auditor understands in a year." }
                textarea #reason name="reason" rows="3" required maxlength="4000" aria-describedby="reason-help" { (filled.reason) }
                p.record { (Sign::Look) " An accepted mail is recorded as " strong { "accepted by " (Shown(name)) } ", not verified." }
                button type="submit" { "Record the decision" }
            }
        }
    }
}

/// For whom the mail speaks, or to which opportunity it belongs.
fn named(page: &ReviewPage<'_>, filled: &Refused) -> Markup {
    let message = &page.item.message;
    let from = message.from.as_deref();
    let is_champion = page.endorsers.iter().any(|e| Some(e.who.as_str()) == from);
    html! {
        @if message.kind == Kind::Declaration && page.item.opportunity.is_none() {
            label for="named" { "Opportunity, e.g. OPP-20417 (for a link)" }
            input #named name="named" type="text" value=(filled.named) maxlength="200" autocomplete="off" spellcheck="false";
        } @else if message.kind == Kind::Reply && !is_champion && !page.endorsers.is_empty() {
            label for="named" { "Whose word is it? Its author is no champion of this opportunity." }
            select #named name="named" {
                option value="" { "Nobody's: only for what is not accepted" }
                @for endorser in page.endorsers {
                    option value=(endorser.who) selected[filled.named == endorser.who] { (Shown(&endorser.who)) }
                }
            }
        }
    }
}
