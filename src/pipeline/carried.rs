//! A delivered mail and the messages that it carries.

use std::sync::Arc;

use super::unfold;
use crate::model::{Message, Seller, Sighting, Witnessed};
use crate::recognise;

/// Like [`unfold`], with the declaration that its own author hands in inline, if the mail does that: it stands behind
/// the attached messages and counts as one of them.
pub fn unfold_all(message: Message, seller: &Seller) -> Vec<(String, Message)> {
    let handed_in = recognise::handed_in(&message, seller);
    let place = format!("#{}", message.attached.len() + 1);
    let mut all = unfold(message);
    if let Some(declaration) = handed_in {
        all.insert(all.len() - 1, (place, declaration));
    }
    all
}

/// Witnesses the messages of one delivered mail, its own last, by `witness`, which is told how each reached us; and notes which of them their author carried.
pub fn witness_all(
    messages: Vec<(String, Message)>,
    seller: &Seller,
    witness: impl Fn(Message, Sighting) -> Witnessed,
) -> Vec<(String, Witnessed)> {
    let mut messages = messages;
    let Some((place, outer)) = messages.pop() else { return Vec::new() };
    let outer = Arc::new(witness(outer, Sighting::Delivered));
    let carried = |(place, message): (String, Message)| {
        let mut inner = witness(message, Sighting::Attached);
        inner.carried_by = carrier(&outer, &inner.message, seller);
        (place, inner)
    };
    let mut all: Vec<(String, Witnessed)> = messages.into_iter().map(carried).collect();
    all.push((place, outer.as_ref().clone()));
    all
}

/// The mail that carried `inner`, when one of the seller's people handed in an own mail with it: what proves who wrote
/// the one then proves it of the other. Nobody vouches for somebody else.
pub fn carrier(outer: &Arc<Witnessed>, inner: &Message, seller: &Seller) -> Option<Arc<Witnessed>> {
    let address = |message: &Message| message.author().map(|a| a.address.clone());
    let own = address(inner).filter(|a| a.is_at(&seller.domains));
    (own.is_some() && own == address(&outer.message)).then(|| Arc::clone(outer))
}
