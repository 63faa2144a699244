//! A record of many deals: the outcomes of a shipped conversation again and again, under other names.

use std::collections::BTreeMap;
use std::path::Path;

use endorsed::config::load_rules;
use endorsed::edge::dkim;
use endorsed::model::{
    Address, Digest, KeyRecord, KeyState, MessageId, OpportunityId, Outcome, Policy, Seller, Sighting,
    Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::Corpus;
use endorsed::record::{Entry, Links, Place, Seen};

/// Entries of one deal.
pub const DEAL: u64 = 4;

/// The outcomes of a shipped conversation that is confirmed: declaration and reply.
pub fn conversation() -> Vec<Outcome> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations");
    let dns: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(root.join("dns.json")).unwrap()).unwrap();
    let seller = Seller {
        domains: vec!["northwind-labs.example".into()],
        names: vec!["Northwind".into(), "Cascade".into()],
        evidence: Address::new("evidence@northwind-labs.example").unwrap(),
    };
    let policy = Policy { trust_declared_champions: true, ..Policy::of(seller.clone()) };
    let witnessed = ["01-declaration.eml", "02-reply.eml"].map(|name| {
        let message = parse(&std::fs::read(root.join("01-plain-confirmation").join(name)).unwrap());
        let seen_at = message.own_time().unwrap();
        let key = |(name, text): (&String, &String)| {
            let name = name.trim_end_matches('.').to_lowercase();
            (name.clone(), KeyRecord { name, state: KeyState::Found(text.clone()), seen_at })
        };
        let signatures = dkim::check(&message, &dns.iter().map(key).collect());
        Witnessed {
            message: message.into(),
            signatures,
            seen_at,
            sighting: Sighting::Delivered,
            carried_by: None,
        }
    });
    let corpus = Corpus::new(witnessed.into(), &seller);
    let outcomes = corpus.consider_all(&load_rules(None).unwrap(), &policy);
    assert!(outcomes.len() == 2 && outcomes[1].endorsed, "the shipped conversation confirms");
    outcomes
}

/// The id of a deal.
pub fn opportunity(deal: u64) -> OpportunityId {
    OpportunityId::new(&format!("OPP-{deal}")).unwrap()
}

/// Entry number `n`: each deal is two mails seen, then both considered.
pub fn entry(n: u64, templates: &[Outcome]) -> Entry {
    let (deal, part) = (n / DEAL, n % DEAL);
    let which = usize::try_from(part % 2).unwrap();
    let name = |which: usize| Digest::of(format!("{deal}/{which}").as_bytes());
    let id = |which: usize| MessageId::new(&format!("{deal}.{which}@bench.example")).unwrap();
    let parents = if which == 1 { vec![id(0)] } else { Vec::new() };
    let template = &templates[which];
    if part < 2 {
        let uid = u32::try_from(n).unwrap_or_default() + 1;
        return Entry::Seen(Seen {
            sha256: name(which),
            size: 4_000,
            place: Place::Imap { mailbox: "imap://evidence@bench/INBOX".into(), uid_validity: 1, uid },
            seen_at: template.seen_at,
            links: Links { message_id: Some(id(which)), parents },
        });
    }
    Entry::Considered(Box::new(Outcome {
        sha256: name(which),
        identity: name(which),
        message_id: Some(id(which)),
        parents,
        opportunity: Some(opportunity(deal)),
        answers: template.answers.as_ref().map(|_| id(0)),
        answers_identity: template.answers_identity.map(|_| name(0)),
        ..template.clone()
    }))
}

/// Numbers below `bound` in an order that no cache foresees.
pub fn scatter(n: u64, bound: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(17) % bound.max(1)
}
