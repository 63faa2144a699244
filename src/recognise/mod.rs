//! What is it, what does it answer, which opportunity is it about? Machine mail is decided here, once.

use crate::model::{Declaration, Kind, Message, Reading, Recognition, Seller};

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

/// Recognises `message`.
pub fn recognise(message: &Message, reading: &Reading, thread: &Thread<'_>, seller: &Seller) -> Recognition {
    let _ = (message, reading, thread, seller);
    Recognition {
        kind: Kind::Other,
        automatic: None,
        weak_machine: false,
        declaration: None,
        answers: None,
        opportunity: None,
        reasons: Vec::new(),
    }
}

/// The declaration that `message` is, if one of the seller's people wrote it and it states criteria.
pub fn declaration(message: &Message, reading: &Reading, seller: &Seller) -> Option<Declaration> {
    let _ = (message, reading, seller);
    None
}

/// Opportunity ids that `message` itself carries: plus-address, subject tag, or a line of `fresh`.
pub fn opportunities(message: &Message, fresh: &str, seller: &Seller) -> Vec<crate::model::OpportunityId> {
    let _ = (message, fresh, seller);
    Vec::new()
}
