//! A deal's file: everything that the scheduler and the writer of letters need, read from the record.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::orders::{Given, new_orders};
use crate::answer::Case;
use crate::daemon::library::Records;
use crate::edge::store::{Store, StoreError};
use crate::model::{
    Address, Declaration, Digest, Kind, Mailbox, Message, MessageId, OpportunityId, Outcome, Policy, Reason,
    StandingReport,
};
use crate::parse::parse;
use crate::prompt::{
    Case as Plan, People, Person, Record, Schedule, Settings, Subject, Wanted, language_of, lints, schedule,
    stated_lines, wanted,
};
use crate::read::body_text;
use crate::record::{Dossier, Order, Place, Posting, fold};

/// Copies attached to copies attached … : deeper than this nobody forwards.
const NESTING_MAX: usize = 8;

/// What came in before `since` starts no letter.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// When letters were switched on.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// The file of one opportunity.
pub struct File {
    report: StandingReport,
    outcomes: Vec<Outcome>,
    live: BTreeSet<Digest>,
    /// Its letters.
    pub history: Vec<Posting>,
    orders: Vec<Order>,
    /// Orders that came by mail and are not on record yet.
    pub new_orders: Vec<Given>,
    lints: Vec<Reason>,
    first_use: bool,
    people: People,
    /// What its letters are about; `None` while nothing is declared.
    pub subject: Option<Subject>,
    sent_to: BTreeMap<Address, Vec<(Digest, Timestamp)>>,
    buyer: Option<Address>,
}

impl File {
    /// Reads the file.
    ///
    /// # Errors
    /// When the record can not be read.
    pub fn open(
        store: &Store,
        policy: &Policy,
        settings: &Settings,
        opportunity: &OpportunityId,
        Since { since, now }: Since,
    ) -> Result<Self, StoreError> {
        let terms = &settings.terms;
        let case = match Case::open(opportunity, &Records(store)) {
            Ok(case) => case,
            // The register hides the store's own error behind a sentence; ask once more to get it.
            Err(_) => return Err(error_of(store, opportunity)),
        };
        let report = fold(opportunity, Dossier { outcomes: &case.outcomes, acts: &case.acts }, terms, now);
        let mut outcomes = case.outcomes;
        if let Some(change) = &report.champion {
            rename(&mut outcomes, report.declaration.as_ref(), &change.who);
        }
        let mut live = BTreeSet::new();
        for outcome in &outcomes {
            if is_live(store, outcome, settings.rules.live_hours_max, since)? {
                live.insert(outcome.sha256);
            }
        }
        let orders = store.orders(opportunity)?;
        let new_orders = new_orders(store, policy, opportunity, &outcomes, &live, &orders)?;
        let mut file = Self {
            live,
            history: store.letters(Some(opportunity))?,
            orders: orders.into_iter().chain(new_orders.iter().map(|given| given.order.clone())).collect(),
            new_orders,
            lints: Vec::new(),
            first_use: false,
            people: People { deal_desk: settings.deal_desk.clone(), ..People::default() },
            subject: None,
            sent_to: BTreeMap::new(),
            buyer: None,
            report,
            outcomes,
        };
        file.add_declaration(store, policy, settings)?;
        for address in file.addresses() {
            let times = store.letters_to(&address)?.iter().filter(|p| !p.is_withdrawn()).map(when).collect();
            file.sent_to.insert(address, times);
        }
        Ok(file)
    }

    /// The schedule of the deal.
    pub fn schedule(
        &self,
        policy: &Policy,
        settings: &Settings,
        sent_today: usize,
        now: Timestamp,
    ) -> Schedule {
        schedule(&self.case(policy, settings, sent_today), &settings.rules, now)
    }

    /// Whether a letter on record that was not sent yet is still wanted.
    pub fn wants(&self, letter: &Posting, policy: &Policy, settings: &Settings, now: Timestamp) -> Wanted {
        wanted(&self.case(policy, settings, 0), &settings.rules, letter, now)
    }

    fn case<'a>(&'a self, policy: &'a Policy, settings: &'a Settings, sent_today: usize) -> Plan<'a> {
        let habits = self.buyer.as_ref().map_or(&settings.others, |buyer| settings.habits(buyer));
        Plan {
            record: Record {
                report: &self.report,
                outcomes: &self.outcomes,
                live: &self.live,
                history: &self.history,
                orders: &self.orders,
                lints: &self.lints,
                first_use: self.first_use,
                seller: &policy.seller,
            },
            people: &self.people,
            buyer: &habits.calendar,
            seller: &settings.seller,
            sent_to: &self.sent_to,
            sent_today,
            opted_out: habits.opt_out,
            receipts: settings.receipts,
        }
    }

    fn add_declaration(
        &mut self,
        store: &Store,
        policy: &Policy,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let id = self.report.declaration.clone();
        let declares = |o: &&Outcome| o.kind == Kind::Declaration && o.message_id == id;
        let Some(gating) = self.outcomes.iter().find(declares) else { return Ok(()) };
        let (Some(declaration), Some(raw)) = (gating.declaration.clone(), store.raw(&gating.sha256)?) else {
            return Ok(());
        };
        let message = parse(&raw);
        self.lints = further_lints(&message, gating, &declaration, policy);
        self.first_use = store.letters_to(&declaration.seller)?.is_empty();
        self.buyer = declaration.champions.first().cloned();
        self.people.se = Some(person(&message, &declaration.seller));
        self.people.ae = account_executive(&message, &declaration, policy);
        self.people.champions = declaration.champions.iter().map(|c| person(&message, c)).collect();
        self.subject =
            Some(subject(&message, gating, &declaration, &self.people, self.buyer.as_ref(), settings));
        Ok(())
    }

    fn addresses(&self) -> BTreeSet<Address> {
        let people = &self.people;
        let single = [&people.se, &people.ae, &people.deal_desk].into_iter().flatten();
        single.chain(&people.champions).map(|p| p.address.clone()).collect()
    }
}

/// What the writer of letters needs to know of a declaration.
pub fn subject(
    message: &Message,
    outcome: &Outcome,
    declaration: &Declaration,
    people: &People,
    buyer: Option<&Address>,
    settings: &Settings,
) -> Subject {
    let mut references = message.references.clone();
    references.extend(outcome.message_id.clone());
    let wanted = buyer.and_then(|buyer| settings.habits(buyer).language.clone());
    Subject {
        title: message.subject.clone(),
        references,
        platform: declaration.platform.clone(),
        account: declaration.account.clone(),
        criteria: declaration.criteria.clone(),
        stated: stated_lines(&body_text(message), &declaration.criteria),
        declared_in: language_of(&outcome.fresh_text).to_owned(),
        se: people.se.clone().unwrap_or_else(|| person(message, &declaration.seller)),
        ae: declaration.ae.clone(),
        champions: people.champions.clone(),
        language: wanted.unwrap_or_else(|| language_of(&outcome.fresh_text).to_owned()),
    }
}

/// Lints of who the declaration was sent to, and that a person must read it.
pub fn further_lints(
    message: &Message,
    outcome: &Outcome,
    declaration: &Declaration,
    policy: &Policy,
) -> Vec<Reason> {
    let mut reasons = lints(message, declaration, &policy.seller);
    if !outcome.sure {
        let text = "Parts of the declaration could not be read for sure.";
        reasons.push(
            Reason::new("declaration_unclear", text)
                .fix("Send it as plain text or simple HTML: one criterion a line, each with its result."),
        );
    }
    reasons
}

/// A person with the display name that the declaration gives.
pub fn person(message: &Message, address: &Address) -> Person {
    let all = message.from.iter().chain(&message.to).chain(&message.cc);
    let named = |m: &&Mailbox| m.address == *address && m.name.is_some();
    Person { name: all.filter(named).find_map(|m| m.name.clone()), address: address.clone() }
}

/// The account executive whom the declaration names, if one of its recipients bears that name.
fn account_executive(message: &Message, declaration: &Declaration, policy: &Policy) -> Option<Person> {
    let ae = declaration.ae.as_ref()?.to_lowercase();
    let words: BTreeSet<&str> = ae.split_whitespace().collect();
    let own = |m: &&Mailbox| {
        m.address.is_at(&policy.seller.domains)
            && m.address != declaration.seller
            && m.address != policy.seller.evidence
            && m.address.tag_of(&policy.seller.evidence).is_none()
    };
    let bears = |m: &&Mailbox| {
        let name = format!("{} {}", m.name.as_deref().unwrap_or_default(), m.address.local()).to_lowercase();
        let parts: BTreeSet<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        words.iter().all(|word| parts.contains(word)) || words.first().is_some_and(|w| parts.contains(w))
    };
    let mut found = message.recipients().filter(own).filter(bears);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(person(message, &only.address)),
        _ => None,
    }
}

/// When a letter counts against the caps.
fn when(posting: &Posting) -> (Digest, Timestamp) {
    (posting.letter.key, posting.left_at().unwrap_or(posting.letter.planned_at))
}

fn error_of(store: &Store, opportunity: &OpportunityId) -> StoreError {
    let first = store
        .of_opportunity(opportunity)
        .and_then(|digests| digests.iter().try_for_each(|digest| store.outcome(digest).map(|_| ())));
    let poisoned = || StoreError::Poisoned { why: "a deal could not be read".into() };
    first.err().unwrap_or_else(poisoned)
}

/// Letters go to the champion whom the seller named since the declaration.
fn rename(outcomes: &mut [Outcome], declaration: Option<&MessageId>, champion: &Address) {
    for outcome in outcomes.iter_mut().filter(|o| o.kind == Kind::Declaration) {
        if let Some(declared) = outcome.declaration.as_mut()
            && outcome.message_id.as_ref() == declaration
        {
            declared.champions = vec![champion.clone()];
        }
    }
}

/// Whether a copy came in through a watched mailbox while it was new. What `ingest` took, what a mailbox held before it
/// was watched, and what comes again because a cursor was lost, is history.
pub fn is_live(
    store: &Store,
    outcome: &Outcome,
    hours_max: i64,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let mut digest = outcome.sha256;
    for _ in 0..NESTING_MAX {
        let Some(seen) = store.seen(&digest)? else { return Ok(false) };
        match seen.place {
            Place::Attached { to, .. } => digest = to,
            Place::File { .. } | Place::Letter { .. } => return Ok(false),
            Place::Imap { .. } | Place::Maildir { .. } | Place::Lmtp { .. } => {
                // The outer mail's age counts for what is attached to it.
                let Some(outer) = store.outcome(&digest)? else { return Ok(false) };
                let Some(date) = outer.date else { return Ok(false) };
                let limit = SignedDuration::from_hours(hours_max);
                return Ok(seen.seen_at >= since && seen.seen_at.duration_since(date) <= limit);
            }
        }
    }
    Ok(false)
}
