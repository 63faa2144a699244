//! What the seller should have written otherwise, seen from the outside of a declaration: who it was sent to.

use crate::model::{Declaration, Message, Reason, Seller};
use crate::verify::is_free_mail;

/// Lints that the declaration itself does not carry; each is one reason, in a fixed order.
pub fn lints(message: &Message, declaration: &Declaration, seller: &Seller) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for champion in declaration.champions.iter().filter(|c| is_free_mail(c.domain())) {
        let text =
            format!("The champion's address {champion} is at a free mail provider: anybody can have one.");
        reasons.push(
            Reason::new("champion_free_mail", text).fix(
                "Use the champion's address at the buyer's own domain, or let deal desk approve this one.",
            ),
        );
    }
    let own = |address: &crate::model::Address| {
        address.is_at(&seller.domains)
            && *address != seller.evidence
            && address.tag_of(&seller.evidence).is_none()
    };
    if declaration.champions.is_empty()
        && let Some(to) = message.to.iter().find(|m| own(&m.address))
    {
        let text =
            format!("The declaration is addressed to {}, who is one of the seller's people.", to.address);
        reasons.push(
            Reason::new("champion_is_seller", text)
                .fix("Send the declaration to the buyer's champion, with the evidence mailbox in Cc."),
        );
    }
    reasons
}
