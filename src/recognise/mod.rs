//! What is it, what does it answer, which opportunity is it about? Machine mail is decided here, once.

mod answers;
mod criteria;
mod declaration;
mod doubts;
mod forward;
mod handed_in;
mod machine;
mod mojibake;
mod opportunity;
mod phrase;
mod result;
mod subject;
mod target;
mod wording;
mod written;

use crate::model::{
    Automatic, Declaration, Kind, Message, OpportunityId, Reading, Reason, Recognition, Seller,
};
use answers::Answer;
use forward::Forward;
pub use handed_in::handed_in;
use machine::Writer;
pub use opportunity::{opportunities, opportunity, other_named, prompts_addressed};
pub use subject::own_words;

/// A declaration on record and the message that it came in.
#[derive(Debug, Clone)]
pub struct Declared<'a> {
    /// The message.
    pub message: &'a Message,
    /// What it declares.
    pub declaration: Declaration,
}

/// What is known about the mails that a message may answer.
#[derive(Debug, Clone, Default)]
pub struct Thread<'a> {
    /// Every known mail that the message leads to by In-Reply-To and References, their ancestors included.
    pub ancestors: Vec<&'a Message>,
    /// The declarations among the ancestors, and those of the same opportunity.
    pub declarations: Vec<Declared<'a>>,
}

/// Recognises `message`: machine mail first, then declarations, forwards, answers, and answers to something that is
/// not known yet.
pub fn recognise(message: &Message, reading: &Reading, thread: &Thread<'_>, seller: &Seller) -> Recognition {
    let (named, mut reasons) = opportunity::opportunity(message, &reading.fresh, seller);
    let mut recognition = Recognition {
        kind: Kind::Other,
        automatic: None,
        weak_machine: false,
        declaration: None,
        answers: None,
        opportunity: named,
        reasons: Vec::new(),
    };
    let sellers = message.author().is_some_and(|a| a.address.is_at(&seller.domains));
    let looks_like_answer = declaration::is_answer(message);
    let mut weak = Vec::new();
    match machine::writer(message, reading, seller) {
        Writer::Machine(kind, why) => {
            recognition.kind = Kind::Automatic;
            recognition.automatic = Some(kind);
            reasons.push(machine_reason(kind, why));
        }
        Writer::Person(signs) => weak = signs,
    }
    if recognition.automatic.is_none()
        && let Some(declaration) = declaration(message, reading, seller)
    {
        recognition.kind = Kind::Declaration;
        recognition.declaration = Some(declaration);
        recognition.reasons = reasons;
        return recognition;
    }
    let forward = forward::forward(message, reading).filter(|_| recognition.automatic.is_none());
    let unthreaded = !sellers || looks_like_answer;
    let answer = answers::answer(message, reading, thread, seller, unthreaded);
    settle_opportunity(&mut recognition, &answer, message, reading, seller, &mut reasons);
    recognition.answers = answers::digest(&answer);
    if recognition.kind != Kind::Automatic {
        recognition.weak_machine = !weak.is_empty();
        reasons.extend(weak);
        let tagged =
            !sellers && (recognition.opportunity.is_some() || opportunity::has_evidence_tag(message, seller));
        recognition.kind = match (forward, &answer.declared) {
            (Some(_), _) => Kind::Forward,
            (None, Some(_)) => Kind::Reply,
            (None, None) if looks_like_answer || tagged => Kind::Orphan,
            (None, None) => Kind::Other,
        };
        reasons.extend(forward_reason(forward, || handed_in(message, seller).is_some()));
        reasons.extend(answer.reasons);
    }
    recognition.reasons = reasons;
    recognition
}

/// The declaration that `message` is, if one of the seller's people wrote it and it states criteria.
pub fn declaration(message: &Message, reading: &Reading, seller: &Seller) -> Option<Declaration> {
    declaration::declaration(message, reading, seller)
}

/// What keeps a yes to `declaration`, which `message` makes, from being sure: the champion may have been asked
/// something else than we read.
pub fn doubts(
    message: &Message,
    reading: &Reading,
    declaration: &Declaration,
    seller: &Seller,
) -> Vec<Reason> {
    doubts::doubts(message, reading, declaration, seller)
}

/// An answer belongs to the opportunity of the declaration that it answers.
fn settle_opportunity(
    recognition: &mut Recognition,
    answer: &Answer<'_>,
    message: &Message,
    reading: &Reading,
    seller: &Seller,
    reasons: &mut Vec<Reason>,
) {
    let Some(declared) = answer.declared.and_then(|d| answers::opportunity_of(d, seller)) else { return };
    let own = opportunity::opportunities(message, &reading.fresh, seller);
    let others: Vec<&str> = own.iter().filter(|id| **id != declared).map(OpportunityId::as_str).collect();
    reasons.retain(|r| r.code != "opportunity_conflict");
    if !others.is_empty() {
        let text = format!(
            "The mail names {}, but the declaration it answers belongs to {declared}.",
            others.join(", ")
        );
        reasons.push(
            Reason::new("opportunity_conflict", text)
                .fix("Link the mail to the right opportunity in the review queue."),
        );
    }
    recognition.opportunity = Some(declared);
}

fn machine_reason(kind: Automatic, why: String) -> Reason {
    match kind {
        Automatic::Reaction => Reason::new("reply_reaction", why)
            .fix("Ask the champion for an answer in words: a reaction is no statement."),
        Automatic::Recall => Reason::new("recall", why)
            .fix("Ask the champion whether the earlier answer still stands: a recall may take it back."),
        Automatic::Bounce => {
            Reason::new("bounce", why).fix("Check the address: the mail may not have reached the person.")
        }
        Automatic::List => {
            Reason::new("list", why).fix("Ask the author to answer directly, not through the list.")
        }
        _ => Reason::new("machine", why),
    }
}

fn forward_reason(forward: Option<Forward>, handed_in: impl Fn() -> bool) -> Option<Reason> {
    let text = match forward? {
        // Its author says again what he said.
        Forward::Inline if handed_in() => return None,
        Forward::Inline => {
            "The mail passes on somebody else's words in its own text; whoever sends it could have changed them."
        }
        Forward::Attached => return None,
    };
    Some(
        Reason::new("forwarded_inline", text)
            .fix("Forward the original as an attachment, so that its own signature can be checked."),
    )
}

#[cfg(test)]
mod tests;
