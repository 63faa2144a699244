//! The queue – decision: which deals need me now?

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::frame::{Viewer, frame};
use super::shape::{Sign, state};
use super::text::{Shown, ago, moment, short};
use super::words;
use crate::answer::{Blocked, BoardAnswer, Brief, Listed, ReviewItem};
use crate::model::Standing;

/// Characters of the words in a row.
const WORDS: usize = 120;
/// A condition that is due in so many days is due soon: five business days.
const SOON_DAYS: i32 = 7;

/// The page.
pub fn queue(board: &BoardAnswer, viewer: &Viewer) -> String {
    let main = html! {
        div.title {
            h1 { "Queue" }
            p.facts {
                span { "as of " (moment(board.as_of)) }
                span {
                    @match board.last_mail {
                        Some(at) => { "newest mail seen " (moment(at)) }
                        None => { "no mail was seen yet" }
                    }
                }
                @if board.waiting > 0 { span { (board.waiting) " mails are being read" } }
            }
        }
        @if !board.fresh {
            div.banner.no { (Sign::No) p { strong { "The mailbox was not read lately." } " Newer answers may be waiting in it; gates that ask for the win stay closed." } }
        }
        @if board.read < board.size {
            div.banner.look { (Sign::Look) p { "The record is still being read: " (board.read) " of " (board.size) " entries. What is below is not complete yet; load the page again." } }
        }
        (standings(board))
        (blocked(&board.blocked))
        (review(&board.review, board.as_of))
        (objections(&board.objections, board.as_of))
        (conditions(&board.conditions, board.as_of))
        (verified(&board.verified, board.as_of))
        @if nothing(board) { p.empty { "Nothing waits for you." } }
    };
    frame("Queue", "/", viewer, &main)
}

fn nothing(board: &BoardAnswer) -> bool {
    let rows = [board.blocked.total, board.review.total, board.objections.total, board.conditions.total];
    rows.iter().all(|n| *n == 0)
}

/// How many stand where.
fn standings(board: &BoardAnswer) -> Markup {
    const ORDER: [Standing; 9] = [
        Standing::Confirmed,
        Standing::Conditional,
        Standing::Partial,
        Standing::NeedsReview,
        Standing::AwaitingReply,
        Standing::Deferred,
        Standing::Declined,
        Standing::Retracted,
        Standing::NoDeclaration,
    ];
    html! {
        @if !board.standings.is_empty() {
            ul.tally aria-label="Opportunities by standing" {
                @for standing in ORDER {
                    @if let Some(n) = board.standings.get(standing.as_str()) {
                        @let (sign, word) = words::standing(standing);
                        li { strong { (n) } " " (state(sign, word)) }
                    }
                }
            }
        }
    }
}

/// A section with its number, and what is said when it is empty.
fn section<T>(id: &str, title: &str, listed: &Listed<T>, empty: &str, row: impl Fn(&T) -> Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) " " span.count { (listed.total) } }
            @if listed.rows.is_empty() { p.empty { (empty) } }
            @else {
                ul.rows { @for item in &listed.rows { li { (row(item)) } } }
                @if listed.total > listed.rows.len() { p.quiet { "and " (listed.total - listed.rows.len()) " more" } }
            }
        }
    }
}

fn blocked(listed: &Listed<Blocked>) -> Markup {
    section(
        "blocked",
        "Asked to move, and blocked",
        listed,
        "Nobody's recorded question is answered with no.",
        |row| {
            let gate = &row.gate;
            html! {
                p.rowhead {
                    (deal(&row.brief, Some(&gate.to)))
                    " " (state(Sign::No, "Not allowed")) " to " (words::stage(&gate.to))
                    span.quiet { "asked " (moment(row.asked_at)) }
                }
                @if let Some(reason) = gate.reasons.first() {
                    p { (Shown(&reason.text)) }
                    @if let Some(fix) = &reason.fix { p.fix { b { "To fix: " } (Shown(fix)) } }
                }
                (facts(&row.brief))
            }
        },
    )
}

fn review(listed: &Listed<ReviewItem>, now: Timestamp) -> Markup {
    section("review", "To review", listed, "No mail waits for a person.", |item| {
        let message = &item.message;
        let (sign, verdict) = words::said(message);
        let text = if message.quote.is_empty() { &message.fresh_text } else { &message.quote };
        html! {
            p.rowhead {
                a href={ "/review/" (message.sha256) } {
                    @match &item.opportunity { Some(id) => { (id) } None => { "No opportunity" } }
                    ": " (words::kind(message.kind, message.automatic)) " of " bdi { (Shown(message.from.as_deref().unwrap_or("nobody"))) }
                }
                " " (state(sign, &verdict))
                @if let Some((sign, word)) = words::claim_of(message.authorship.as_deref()) { " " (state(sign, word)) }
                @match item.state.as_str() {
                    "asked" => { " " (state(Sign::Wait, "The SE was asked")) }
                    "waiting" => { " " (state(Sign::Wait, "Waits for a second person")) }
                    _ => {}
                }
                span.quiet { (ago(item.at, now)) }
            }
            @if !text.trim().is_empty() { p.said dir="auto" { "“" (Shown(&short(text, WORDS))) "”" } }
            @if let Some(reason) = item.why.first() {
                p { (Shown(&reason.text)) @if item.why.len() > 1 { span.quiet { " and " (item.why.len() - 1) " more" } } }
            }
        }
    })
}

fn objections(listed: &Listed<Brief>, now: Timestamp) -> Markup {
    section("objections", "Taken back, refused or disputed", listed, "Nobody objects.", |brief| {
        html! {
            (row(brief, now))
            @if let Some(reason) = &brief.reason { p { (Shown(reason)) } }
        }
    })
}

fn conditions(listed: &Listed<Brief>, now: Timestamp) -> Markup {
    let today = now.to_zoned(TimeZone::UTC).date();
    section("conditions", "Conditions", listed, "No condition is open.", |brief| {
        let days = brief.due.and_then(|due| today.until(due).ok()).map(|span| span.get_days());
        html! {
            (row(brief, now))
            p {
                @match (brief.due, days) {
                    (Some(due), Some(days)) if days < 0 => { (state(Sign::No, "Overdue")) " since " time datetime=(due.to_string()) { (due.strftime("%-d %b %Y").to_string()) } }
                    (Some(due), Some(days)) => {
                        @if days <= SOON_DAYS { (state(Sign::Look, "Due soon")) ": " } @else { "Due " }
                        time datetime=(due.to_string()) { (due.strftime("%-d %b %Y").to_string()) }
                    }
                    _ => { span.quiet { "No day is named." } }
                }
            }
        }
    })
}

fn verified(listed: &Listed<Brief>, now: Timestamp) -> Markup {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let is_today = |brief: &Brief| brief.verified_at.map(date) == Some(date(now));
    let today = listed.rows.iter().filter(|b| is_today(b)).count();
    let title = if today > 0 { "Verified today, and before" } else { "Verified" };
    section("verified", title, listed, "No endorsement is verified yet.", |brief| {
        html! {
            (row(brief, now))
            @if is_today(brief) { p { (state(Sign::Yes, "Verified today")) } }
        }
    })
}

fn deal(brief: &Brief, to: Option<&str>) -> Markup {
    let query = to.map(|to| format!("?to={to}#why")).unwrap_or_default();
    html! {
        a href={ "/opportunities/" (brief.opportunity) (query) } { (brief.opportunity) }
        @if let Some(account) = &brief.account { " " bdi { (Shown(account)) } }
    }
}

fn row(brief: &Brief, now: Timestamp) -> Markup {
    let (sign, word) = words::standing(brief.standing);
    html! {
        p.rowhead { (deal(brief, None)) " " (state(sign, word)) span.quiet { (ago(brief.at, now)) } }
        @if let Some(quote) = brief.quote.as_deref().filter(|q| !q.trim().is_empty()) {
            p.said dir="auto" { "“" (Shown(&short(quote, WORDS))) "”" }
        }
        (facts(brief))
    }
}

/// Author, criteria and SE in one line.
fn facts(brief: &Brief) -> Markup {
    html! {
        p.facts {
            @if brief.quote.is_some() {
                @if brief.verified { span { (state(Sign::Yes, "Author verified")) } }
                @else { span { (state(Sign::Look, "Author not verified")) } }
            }
            @if !brief.accepted_by.is_empty() {
                span { (state(Sign::Look, "Accepted by")) " " bdi { (Shown(&brief.accepted_by.join(", "))) } ", not verified" }
            }
            span { (brief.confirmed) "/" (brief.total) " criteria confirmed" }
            @if let Some(seller) = &brief.seller { span { "SE " bdi { (Shown(seller)) } } }
        }
    }
}
