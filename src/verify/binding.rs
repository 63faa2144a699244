//! What ties a reply to its declaration (AUTHENTICITY §2.6). Microsoft 365 signs neither In-Reply-To nor
//! References: an old "Yes, confirmed" could be threaded anew, so unsigned threading proves nothing.

use crate::model::{
    Address, Binding, CriteriaSeen, Mailbox, Message, OpportunityId, Reason, Seller, Signature,
};

use super::{Case, signature};

/// What ties `message` to the declaration. `signature` is the one that proves its author, if any does: it
/// covers the whole body, and with it the quote.
pub(super) fn binding(
    message: &Message,
    signature: Option<&Signature>,
    case: &Case<'_>,
    seen: CriteriaSeen,
) -> Binding {
    let prompts = || case.prompts.iter().filter_map(|prompt| prompt.message_id.as_ref());
    let ids = || case.declared.message.message_id.iter().chain(prompts());
    let replied = ids().any(|id| message.in_reply_to.contains(id));
    let referenced = ids().any(|id| message.references.contains(id));
    // The address that only a prompt's reader knows (RFC 5233): as good as threading, where To is signed.
    let token = |address: &Address| {
        let tag = address.local().split_once('+').map(|(_, tag)| format!("{tag}@{}", address.domain()));
        tag.is_some_and(|tag| prompts().any(|id| id.as_str().eq_ignore_ascii_case(&tag)))
    };
    let addressed = message.to.iter().any(|to| token(&to.address));
    let quoted = seen == CriteriaSeen::Quoted;
    let signed = |field: &str| signature.is_some_and(|s| signature::covers(s, message, field));
    if (replied && signed("In-Reply-To"))
        || (referenced && signed("References"))
        || (addressed && signed("To"))
        || (quoted && signature.is_some())
    {
        Binding::Signed
    } else if replied || referenced || addressed || quoted {
        Binding::Unsigned
    } else {
        Binding::Unbound
    }
}

/// Whether the signature covers a field that names the opportunity: the evidence mailbox's plus-address, or the id in
/// square brackets in the subject.
pub(super) fn names(
    message: &Message,
    signature: &Signature,
    about: &OpportunityId,
    seller: &Seller,
) -> bool {
    names_in(message, about, seller, |field| signature::covers(signature, message, field))
}

/// The same of the fields for which `signed` holds.
pub(super) fn names_in(
    message: &Message,
    about: &OpportunityId,
    seller: &Seller,
    signed: impl Fn(&str) -> bool,
) -> bool {
    let tagged =
        |m: &Mailbox| m.address.tag_of(&seller.evidence).and_then(OpportunityId::new).as_ref() == Some(about);
    (signed("To") && message.to.iter().any(tagged))
        || (signed("Cc") && message.cc.iter().any(tagged))
        || (signed("Subject")
            && message.subject.to_uppercase().contains(&format!("[{about}]").to_uppercase()))
}

/// Why a proven author's words do not count for this declaration.
pub(super) fn not_bound(binding: Binding) -> Reason {
    let text = match binding {
        Binding::Unbound => "Nothing in the mail leads to this declaration.",
        Binding::Unsigned | Binding::Signed => {
            "Only unsigned headers lead to this declaration, and anybody on the way can change those."
        }
    };
    Reason::new("not_bound", text)
        .fix("Ask the champion to reply to the declaration and to keep its text in the reply.")
}
