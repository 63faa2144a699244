//! The answer to an order by mail: to who gave it, and to nobody else. It does not hang on where the deal stands.

use std::collections::BTreeMap;

use super::compose::Subject;
use super::rules::{PromptRules, When};
use super::schedule::{Due, Person};
use super::situation::Situation;
use crate::model::{Address, Digest, Message, OpportunityId, Reason};
use crate::record::Side;

/// Reason code of an order that was carried out; every other code is one that was not.
pub const ORDER_DONE: &str = "order_done";
/// Reason code of an order that was not carried out.
pub const ORDER_REFUSED: &str = "order_refused";

/// The letter to who gave an order by `mail`; `identity` names that mail, so that it is answered once. `None` where no
/// rule wants such letters.
pub fn order_answered(
    by: &Address,
    answer: &Reason,
    opportunity: Option<&OpportunityId>,
    (mail, identity): (&Message, Digest),
    rules: &PromptRules,
) -> Option<(Due, Subject)> {
    let done = answer.code == ORDER_DONE;
    let when = if done { When::OrderDone } else { When::OrderRefused };
    let rule = rules.letters.iter().find(|r| r.when == when)?;
    // One answer to one mail, whatever its end: not by the rule's name.
    let base = Digest::of_fields([b"order".as_slice(), &identity.0]);
    let name = mail.from.iter().find(|m| m.address == *by).and_then(|m| m.name.clone());
    let person = Person { name, address: by.clone() };
    let due = Due {
        rule: rule.id.clone(),
        template: rule.template.clone(),
        base,
        key: base,
        to: person.clone(),
        side: Side::Seller,
        asks: false,
        situation: Situation {
            when,
            subject: identity,
            since: jiff::Timestamp::UNIX_EPOCH,
            champion: None,
            who: Some(by.clone()),
            quote: String::new(),
            reasons: vec![answer.clone()],
        },
        why: format!("{by} gave an order by mail: `{}`.", rule.id),
        until: None,
        opportunity: opportunity.cloned(),
        declaration: None,
    };
    let subject = Subject {
        title: mail.subject.clone(),
        references: Vec::new(),
        platform: None,
        account: None,
        criteria: Vec::new(),
        stated: BTreeMap::new(),
        declared_in: "en".into(),
        se: person,
        ae: None,
        champions: Vec::new(),
        language: "en".into(),
    };
    Some((due, subject))
}

impl PromptRules {
    /// Whether letters of this rule answer an order: nothing that happens to the deal takes their reason away.
    pub fn answers_order(&self, rule: &str) -> bool {
        self.letters.iter().any(|r| r.id == rule && matches!(r.when, When::OrderDone | When::OrderRefused))
    }
}
