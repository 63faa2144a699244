//! Which declaration a mail answers: by its threading headers, else by opportunity or quoted criteria.

use std::collections::BTreeSet;

use super::{Declared, Thread, opportunity};
use crate::model::{Digest, Message, MessageId, OpportunityId, Reading, Reason, Seller};
use crate::read::body_text;
use crate::text::squeeze;

/// Most mails looked at on the way to a declaration: longer threads exist, cycles too.
const STEPS_MAX: usize = 500;
/// Shorter criteria are no proof of a quote, in characters of the folded text.
const QUOTE_CHARS_MIN: usize = 8;

/// What a mail answers.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    /// The declaration.
    pub declared: Option<&'a Declared<'a>>,
    /// What is doubtful about it.
    pub reasons: Vec<Reason>,
}

/// Finds the declaration that `message` answers. `unthreaded` allows opportunity and quote to lead there without
/// headers (RFC 5322 §3.6.4).
pub(super) fn answer<'a>(
    message: &Message,
    reading: &Reading,
    thread: &'a Thread<'a>,
    seller: &Seller,
    unthreaded: bool,
) -> Answer<'a> {
    let others: Vec<&Declared<'_>> =
        thread.declarations.iter().filter(|d| d.message.digest != message.digest).collect();
    let threaded = by_headers(message, thread, &others, seller);
    let tagged =
        by_opportunity(&opportunity::opportunities(message, &reading.fresh, seller), &others, seller);
    let quoted = by_quote(reading, &others);
    let mut answer = Answer::default();
    match threaded {
        Some(found) => {
            answer.declared = Some(found);
            let differs = |other: Option<&Declared<'_>>| {
                other.is_some_and(|o| o.message.digest != found.message.digest)
            };
            if differs(tagged) || (differs(quoted) && !quotes(reading, found)) {
                answer.reasons.push(conflict());
            }
        }
        None if unthreaded => {
            answer.declared = match (tagged, quoted) {
                (Some(a), Some(b)) if a.message.digest != b.message.digest => {
                    answer.reasons.push(conflict());
                    Some(a)
                }
                (tagged, quoted) => tagged.or(quoted),
            };
        }
        None => {}
    }
    answer
}

/// The opportunity of a declaration on record.
pub(super) fn opportunity_of(declared: &Declared<'_>, seller: &Seller) -> Option<OpportunityId> {
    opportunity::opportunity(declared.message, &body_text(declared.message), seller).0
}

fn conflict() -> Reason {
    Reason::new(
        "answers_conflict",
        "The thread leads to one declaration, but the quoted text or the opportunity belongs to another.",
    )
    .fix("Decide in the review queue which declaration the mail answers.")
}

/// Walks In-Reply-To first, then References newest first; a reply to a reply inherits.
fn by_headers<'a>(
    message: &Message,
    thread: &Thread<'_>,
    declarations: &[&'a Declared<'a>],
    seller: &Seller,
) -> Option<&'a Declared<'a>> {
    // What the mail is addressed to comes after what it says it answers.
    let tokens = opportunity::prompts_addressed(message, seller);
    let mut todo: Vec<&MessageId> = message.parents().into_iter().chain(&tokens).collect();
    todo.reverse();
    // Reports name the mail that they are about in their attached copy (RFC 3464 §2).
    let reported: Vec<&MessageId> = message.attached.iter().filter_map(|m| m.message_id.as_ref()).collect();
    if todo.is_empty() && message.plain.is_some() {
        todo.extend(reported);
    }
    let mut seen: BTreeSet<&MessageId> = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) || seen.len() > STEPS_MAX {
            continue;
        }
        if let Some(found) = declared(id, declarations) {
            return Some(found);
        }
        for ancestor in thread.ancestors.iter().filter(|m| m.message_id.as_ref() == Some(id)) {
            let mut parents = ancestor.parents();
            parents.reverse();
            todo.extend(parents);
        }
    }
    None
}

/// The declaration with that Message-ID; of several copies the one with the least digest, so that order of arrival
/// does not matter.
fn declared<'a>(id: &MessageId, declarations: &[&'a Declared<'a>]) -> Option<&'a Declared<'a>> {
    declarations
        .iter()
        .copied()
        .filter(|d| d.message.message_id.as_ref() == Some(id))
        .min_by_key(|d| d.message.digest)
}

fn by_opportunity<'a>(
    own: &BTreeSet<OpportunityId>,
    declarations: &[&'a Declared<'a>],
    seller: &Seller,
) -> Option<&'a Declared<'a>> {
    let [own] = own.iter().collect::<Vec<_>>()[..] else { return None };
    only(declarations.iter().copied().filter(|d| opportunity_of(d, seller).as_ref() == Some(own)))
}

fn by_quote<'a>(reading: &Reading, declarations: &[&'a Declared<'a>]) -> Option<&'a Declared<'a>> {
    if reading.quoted.trim().is_empty() {
        return None;
    }
    only(declarations.iter().copied().filter(|d| quotes(reading, d)))
}

/// Whether the quoted text holds all criteria of a declaration.
fn quotes(reading: &Reading, declared: &Declared<'_>) -> bool {
    let quoted = squeeze(&reading.quoted);
    let criteria: Vec<String> = declared.declaration.criteria.iter().map(|c| squeeze(&c.text)).collect();
    criteria.iter().any(|c| c.chars().count() >= QUOTE_CHARS_MIN)
        && criteria.iter().all(|c| quoted.contains(c.as_str()))
}

/// The only message among the declarations (copies of one message count once).
fn only<'a>(mut found: impl Iterator<Item = &'a Declared<'a>>) -> Option<&'a Declared<'a>> {
    let mut first = found.next()?;
    for other in found {
        if other.message.identity != first.message.identity {
            return None;
        }
        if other.message.digest < first.message.digest {
            first = other;
        }
    }
    Some(first)
}

/// The digest of the declaration's copy.
pub(super) fn digest(answer: &Answer<'_>) -> Option<Digest> {
    answer.declared.map(|d| d.message.digest)
}
