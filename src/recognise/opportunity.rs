//! Which opportunity a mail names (CONTRACT "opportunity"): never guessed, only read.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Address, Message, MessageId, OpportunityId, Reason, Seller};
use crate::text::fixed;

/// The opportunity that `message` names by itself: the plus-address of the evidence mailbox, a tag in the subject, or
/// a line in the `fresh` text of a seller's mail. Several different ids are none, with the reason
/// `opportunity_conflict`.
pub fn opportunity(message: &Message, fresh: &str, seller: &Seller) -> (Option<OpportunityId>, Vec<Reason>) {
    let named = opportunities(message, fresh, seller);
    if named.len() > 1 {
        let list: Vec<&str> = named.iter().map(OpportunityId::as_str).collect();
        let reason = Reason::new(
            "opportunity_conflict",
            format!("The mail names several opportunities: {}.", list.join(", ")),
        )
        .fix("Link the mail to the right opportunity in the review queue.");
        return (None, vec![reason]);
    }
    (named.into_iter().next(), Vec::new())
}

/// Every opportunity that the mail names.
pub fn opportunities(message: &Message, fresh: &str, seller: &Seller) -> BTreeSet<OpportunityId> {
    let mut ids = addressed(message, seller);
    ids.extend(in_subject(&message.subject));
    if message.author().is_some_and(|a| a.address.is_at(&seller.domains)) {
        ids.extend(on_a_line(fresh));
    }
    ids
}

/// Opportunities other than `own` that somebody's words name: whoever writes "confirmed for OPP-40000" in the thread of
/// another deal may mean that other deal. Only ids of the same make as `own` are recognised: what else a person may
/// type with digits in it is no id.
pub fn other_named(text: &str, own: &OpportunityId) -> Vec<OpportunityId> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| fixed(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}"));
    let make = |id: &str| {
        let kind = |c: char| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() };
        let digits = id.chars().filter(char::is_ascii_digit).count();
        // "OPP-20417" and "OPP-9" are of one make: the digits' number does not matter, what stands round them does.
        let mut make: Vec<char> = id.chars().map(kind).collect();
        make.dedup_by(|a, b| *a == '0' && *b == '0');
        (digits > 0).then_some(make)
    };
    let own_make = make(own.as_str());
    let has_letters = own.as_str().chars().any(|c| c.is_ascii_alphabetic());
    let mut others: Vec<OpportunityId> = WORD
        .find_iter(text)
        .map(|m| m.as_str().trim_end_matches(['.', '-', '_']))
        .filter(|word| has_letters && make(word) == own_make)
        .filter_map(OpportunityId::new)
        .filter(|id| id != own)
        .collect();
    others.sort();
    others.dedup();
    others
}

/// Whether the mail came to the evidence mailbox with a tag: an opportunity or a prompt's token.
pub(super) fn has_evidence_tag(message: &Message, seller: &Seller) -> bool {
    tags(message, seller).next().is_some()
}

/// Message-IDs of the prompts whose tokens the mail is addressed to: `evidence+t.TOKEN@…` belongs to `<t.TOKEN@…>`.
pub fn prompts_addressed(message: &Message, seller: &Seller) -> Vec<MessageId> {
    let token = |tag: String| tag.starts_with("t.").then_some(tag);
    tags(message, seller)
        .filter_map(token)
        .filter_map(|tag| MessageId::new(&format!("{tag}@{}", seller.evidence.domain())))
        .collect()
}

fn addressed(message: &Message, seller: &Seller) -> BTreeSet<OpportunityId> {
    // `t.TOKEN` routes to a prompt, not to an opportunity.
    tags(message, seller)
        .filter(|tag| !tag.starts_with("t."))
        .filter_map(|tag| OpportunityId::new(&tag))
        .collect()
}

fn tags<'a>(message: &'a Message, seller: &'a Seller) -> impl Iterator<Item = String> + 'a {
    let delivered = ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To"];
    let delivered = delivered
        .into_iter()
        .flat_map(|name| message.header(name))
        .filter_map(|value| Address::new(value.trim_matches(['<', '>', ' '])));
    let addressed = message.recipients().map(|m| m.address.clone());
    addressed.chain(delivered).filter_map(|a| a.tag_of(&seller.evidence).map(str::to_owned))
}

/// Ids in square brackets: letters and digits together, so that `[EXTERNAL]` and `[2026]` are none.
fn in_subject(subject: &str) -> BTreeSet<OpportunityId> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[\s*#?([A-Za-z0-9][A-Za-z0-9._-]{2,63})\s*\]"));
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)^(?:[a-z][a-z0-9]{0,15}[-_.][a-z0-9_.-]*\d[a-z0-9_.-]*|[a-z]{1,8}\d{3,}|[a-z0-9]{15}|[a-z0-9]{18})$",
        )
    });
    static CALENDAR: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"(?i)^(?:q[1-4]|fy|h[12]|v|kw|cw|w)[-_.]?\d+(?:[-_.]\d+)*$"));
    TAG.captures_iter(subject)
        .filter_map(|c| c.get(1))
        .map(|m| m.as_str())
        .filter(|id| SHAPE.is_match(id) && !CALENDAR.is_match(id))
        .filter(|id| id.chars().any(|c| c.is_ascii_alphabetic()))
        .filter_map(OpportunityId::new)
        .collect()
}

fn on_a_line(fresh: &str) -> BTreeSet<OpportunityId> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?im)^[ \t]*(?:crm )?(?:opportunity|opp|deal)(?:[ -]?(?:id|no\.?|number))?[ \t]*[:#=][ \t]*#?([A-Za-z0-9][A-Za-z0-9._-]*?)\.?[ \t]*$",
        )
    });
    LINE.captures_iter(fresh).filter_map(|c| OpportunityId::new(c.get(1)?.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{seller, sent};
    use super::*;

    fn of(headers: &str, fresh: &str) -> (Option<String>, usize) {
        let message = sent(&format!("From: kim@northwind-labs.example\n{headers}"), fresh);
        let (id, reasons) = opportunity(&message, fresh, &seller());
        (id.map(|i| i.to_string()), reasons.len())
    }

    #[test]
    fn reads_every_carrier() {
        let id = (Some("OPP-20417".to_owned()), 0);
        assert_eq!(of("Cc: evidence+OPP-20417@northwind-labs.example", ""), id);
        assert_eq!(of("Delivered-To: evidence+opp-20417@northwind-labs.example", ""), id);
        assert_eq!(of("Subject: Re: [EXTERNAL] [OPP-20417] Result [2026] [Q4-2026]", ""), id);
        assert_eq!(of("Subject: x", "Hello,\nOpportunity: OPP-20417\n"), id);
        assert_eq!(of("Subject: x", "Deal: opp-20417"), id);
    }

    #[test]
    fn other_marks_are_none() {
        assert_eq!(of("Cc: evidence+t.k3v9@northwind-labs.example", ""), (None, 0));
        assert_eq!(of("Cc: evidence+OPP-1@other.example", "The deal: closed soon"), (None, 0));
        assert_eq!(of("Subject: [urgent] [eval-list] [#12345] [v2.1]", ""), (None, 0));
    }

    #[test]
    fn words_may_name_another_opportunity() {
        let own = OpportunityId::new("OPP-20417").unwrap();
        let named = |text: &str| other_named(text, &own).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named("Confirmed for opp-40000."), ["OPP-40000"]);
        assert_eq!(named("OPP-20417, OPP-9 and OPP-9"), ["OPP-9"]);
        assert!(named("Confirmed for OPP-20417. TLS-1.3, 40000 users, ISO-27001").is_empty());
    }

    #[test]
    fn two_ids_are_a_conflict() {
        assert_eq!(of("Cc: evidence+OPP-1@northwind-labs.example\nSubject: [OPP-2] x", ""), (None, 1));
    }
}
