//! Who of the seller's people wrote a mail, and of which opportunity. A mail that was proven for one deal must not be
//! redirected to another by fields that nobody signed.

use crate::model::{Binding, CriteriaSeen, OpportunityId, Policy, Witnessed};

use super::{Case, Sender, binding, sender};

/// Why nothing proves that one of the seller's people wrote `witnessed` of the opportunity `about`; nothing when it is
/// proven. `case` is the declaration that it answers.
pub fn reviewer_doubt(
    witnessed: &Witnessed,
    about: &OpportunityId,
    case: Option<&Case<'_>>,
    policy: &Policy,
) -> Option<String> {
    let message = witnessed.message.as_ref();
    let names = |signed: &dyn Fn(&str) -> bool| binding::names_in(message, about, &policy.seller, signed);
    let tie = |signature| {
        // Criteria may be the same in two deals, so what is quoted names none.
        case.map_or(Binding::Unbound, |c| binding::binding(message, signature, c, CriteriaSeen::Threaded))
    };
    if witnessed.is_attached() && witnessed.carried_by.is_none() && !policy.accept_attached {
        return Some("it was only ever attached to another mail".to_owned());
    }
    let is_tied = match sender(witnessed, policy) {
        Ok(Sender::Signed(signature)) => {
            binding::names(message, signature, about, &policy.seller)
                || tie(Some(signature)) == Binding::Signed
        }
        // Nobody outside can have touched its fields; `Delivered-To` is none of its author's.
        Ok(Sender::Inside) => names(&|_| true) || tie(None) != Binding::Unbound,
        // The carrier's signature covers all of it.
        Err((_, why)) => match witnessed.carried_by.as_deref().map(|carrier| sender(carrier, policy)) {
            Some(Ok(_)) => names(&|_| true) || tie(None) != Binding::Unbound,
            _ => return Some(format!("nothing proves which of the seller's people wrote it: {why}")),
        },
    };
    (!is_tied).then(|| "no signed To, Cc or Subject names the opportunity".to_owned())
}
