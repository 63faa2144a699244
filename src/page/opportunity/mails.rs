//! Every mail with verdict and why; raw header and hashes behind it.

use maud::{Markup, html};

use super::{OpportunityPage, proof, reasons};
use crate::answer::MailAnswer;
use crate::page::body::{body, quote_mark};
use crate::page::shape::{Sign, state};
use crate::page::text::{Shown, moment};
use crate::page::words;

/// All mails, oldest first.
pub(super) fn mails(page: &OpportunityPage<'_>) -> Markup {
    let left_out = page.answer.messages.len().saturating_sub(page.mails.len());
    html! {
        section aria-labelledby="mails" {
            h2 #mails { "Every mail" }
            @if left_out > 0 { p { (left_out) " older mails are not shown here; " code { "endorsed show" } " lists them." } }
            @for mail in page.mails { (one(mail)) }
        }
    }
}

fn one(mail: &MailAnswer) -> Markup {
    let message = &mail.message;
    let (sign, verdict) = words::said(message);
    html! {
        details.mail id={ "mail-" (message.sha256) } {
            summary {
                span.kind { (words::kind(message.kind, message.automatic)) }
                " " bdi.who { (Shown(message.from.as_deref().unwrap_or("nobody"))) }
                " " span.when { (moment(mail.at())) }
                " " @if message.verdict.is_some() { (state(sign, &verdict)) " " }
                @if message.endorsed { (state(Sign::Yes, "Endorsement")) " " }
                @else if let Some((sign, word)) = words::claim_of(message.authorship.as_deref()) { (state(sign, word)) }
            }
            (inside(mail))
        }
    }
}

/// The mail itself: head, body, why, author, attachments, raw header and hashes.
fn inside(mail: &MailAnswer) -> Markup {
    let message = &mail.message;
    html! {
        (head(mail))
        @if mail.bytes.is_none() { p.banner.look { (Sign::Look) "The mail itself was erased; this is what was recorded of it." } }
        (body(mail, &quote_mark(mail)))
        (parts(mail))
        (attachments(mail))
        @if !message.reasons.is_empty() { h3 { "Why" } (reasons(&message.reasons)) }
        @if mail.author.is_some() { h3 { "Who wrote it" } (proof::author(mail)) }
        p { a href={ "/review/" (message.sha256) } { "Look at it for a decision" } }
        (raw(mail))
    }
}

/// Subject and people.
pub(in crate::page) fn head(mail: &MailAnswer) -> Markup {
    let people = |names: &[String]| names.join(", ");
    html! {
        dl.head {
            dt { "Subject" } dd { bdi { (Shown(&mail.subject)) } }
            dt { "From" } dd { bdi { (Shown(&people(&mail.from))) } }
            @if !mail.to.is_empty() { dt { "To" } dd { bdi { (Shown(&people(&mail.to))) } } }
            @if !mail.cc.is_empty() { dt { "Cc" } dd { bdi { (Shown(&people(&mail.cc))) } } }
            dt { "Date" } dd { (moment(mail.at())) @if mail.date.is_none() { " (when it was seen; it bears no date)" } }
        }
    }
}

/// The plain and the HTML part, when they say different things.
pub(in crate::page) fn parts(mail: &MailAnswer) -> Markup {
    html! {
        @if !mail.parts.is_empty() {
            details.raw {
                summary { "The mail has two parts that differ; some mail programs show the one, some the other" }
                @for (part, name) in mail.parts.iter().zip(["Plain part", "HTML part as it is shown"]) {
                    h3 { (name) }
                    div.text dir="auto" { (Shown(part)) }
                }
            }
        }
    }
}

/// Attachments by name and hash.
pub(in crate::page) fn attachments(mail: &MailAnswer) -> Markup {
    let files = &mail.message.attachments;
    html! {
        @if !files.is_empty() {
            h3 { "Attachments" }
            p.quiet { "Nobody has read them. They are known by their hashes and cannot be opened here." }
            ul.notes {
                @for file in files {
                    li {
                        bdi { (Shown(file.name.as_deref().unwrap_or("without a name"))) }
                        @if let Some(media) = &file.media_type { ", " (Shown(media)) }
                        ", " (file.bytes) " bytes, sha256 " code { (file.sha256) }
                    }
                }
            }
        }
    }
}

/// Raw header fields and hashes.
pub(in crate::page) fn raw(mail: &MailAnswer) -> Markup {
    let message = &mail.message;
    html! {
        details.raw {
            summary { "Raw header and hashes" }
            dl.head {
                dt { "Copy" } dd { code { "sha256 " (message.sha256) } @if let Some(n) = mail.bytes { ", " (n) " bytes" } }
                dt { "Content" } dd { code { (mail.identity) } }
                dt { "Message-ID" } dd { code { (Shown(message.message_id.as_deref().unwrap_or("none"))) } }
                dt { "First seen" } dd { (moment(mail.seen_at)) }
                dt { "Rules" } dd { code { (mail.rules) } }
                @if let Some(accounts) = &mail.accounts { dt { "Accounts file" } dd { code { (accounts) } } }
                @for (name, digest) in &mail.keys {
                    dt { "Key record" }
                    dd { code { (Shown(name)) } @match digest { Some(d) => { " " code { (d) } } None => { " was not found" } } }
                }
            }
            @if !mail.headers.is_empty() {
                pre { @for field in &mail.headers { (Shown(&field.name)) ": " (Shown(&field.value)) "\n" } }
            }
        }
    }
}
