//! Orders by mail: who gave one, what it does to the record, and what its author is told. HOLD and RESUME are entries and
//! nothing more; LINK and CHAMPION are acts, and become one or are refused with why. None of them says a verdict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Office, add};
use crate::answer::{ActRequest, Case, Context, Register as _, Response, Wanted, act, home};
use crate::daemon::Desk;
use crate::daemon::library::{Records, Shelf};
use crate::edge::store::{Batch, Store, StoreError};
use crate::model::{Address, Digest, Kind, MessageId, OpportunityId, Outcome, Policy, Reason, Seller};
use crate::parse::parse;
use crate::prompt::{ORDER_DONE, ORDER_REFUSED, order, order_answered};
use crate::record::{Act, Command, Deed, Entry, Order, Place, Reviewed};
use crate::verify::{account_of, authenticate_declaration, is_free_mail};

/// An order, and the copy of the mail that gives it.
#[derive(Debug, Clone)]
pub struct Given {
    /// The order.
    pub order: Order,
    /// The copy.
    pub copy: Digest,
}

/// What somebody is told.
struct Told<'a> {
    /// Who gave the order.
    by: &'a str,
    /// What came of it.
    answer: &'a Reason,
    /// About which deal.
    opportunity: Option<&'a OpportunityId>,
    /// In answer to which mail.
    mail: &'a Outcome,
}

/// What an order comes to.
struct Carried {
    act: Option<Act>,
    answer: Reason,
}

impl Carried {
    /// What is an entry of the record and nothing more.
    fn noted(text: String) -> Self {
        Self { act: None, answer: Reason::new(ORDER_DONE, text) }
    }

    fn refused(text: impl Into<String>, fix: &str) -> Self {
        Self { act: None, answer: Reason::new(ORDER_REFUSED, text).fix(fix) }
    }
}

/// Orders in the seller's mail about an opportunity that are not on record yet.
///
/// # Errors
/// When the store can not be read.
pub fn new_orders(
    store: &Store,
    policy: &Policy,
    opportunity: &OpportunityId,
    outcomes: &[Outcome],
    live: &BTreeSet<Digest>,
    known: &[Order],
) -> Result<Vec<Given>, StoreError> {
    let mut found: Vec<Given> = Vec::new();
    for outcome in outcomes.iter().filter(|o| live.contains(&o.sha256)) {
        let is_known = |o: &Order| o.mail == Some(outcome.identity);
        if known.iter().any(is_known) || found.iter().any(|given| is_known(&given.order)) {
            continue;
        }
        let Some((by, command)) = ordered(store, policy, outcome)? else { continue };
        let order = Order {
            opportunity: opportunity.clone(),
            command,
            by: by.to_string(),
            mail: Some(outcome.identity),
            at: outcome.seen_at,
            answer: None,
        };
        found.push(Given { order, copy: outcome.sha256 });
    }
    Ok(found)
}

/// Whether a mail may give an order at all, by what was read of it.
pub fn may_order(outcome: &Outcome, seller: &Seller) -> bool {
    outcome.from.as_ref().is_some_and(|from| from.is_at(&seller.domains))
        && matches!(outcome.kind, Kind::Reply | Kind::Orphan | Kind::Other)
}

/// What a mail orders, and who does. Only who is proven to be of the seller orders anything.
fn ordered(
    store: &Store,
    policy: &Policy,
    outcome: &Outcome,
) -> Result<Option<(Address, Command)>, StoreError> {
    if !may_order(outcome, &policy.seller) {
        return Ok(None);
    }
    let (Some(from), Some(command)) = (&outcome.from, order(&outcome.fresh_text)) else { return Ok(None) };
    let keys = BTreeMap::new();
    let shelf = Shelf::new(store, &keys, &policy.seller);
    let mail = shelf.load(&outcome.sha256);
    let holds = mail.is_some_and(|mail| authenticate_declaration(&mail.witnessed, policy).holds);
    shelf.error().map_or(Ok(holds.then(|| (from.clone(), command))), Err)
}

impl Office {
    /// Puts the orders about a deal on record with what they come to; returns the letters planned.
    ///
    /// # Errors
    /// When the store can not be read.
    pub(super) fn settle(
        &mut self,
        desk: &Desk,
        policy: &Policy,
        given: &[Given],
        context: Context<'_>,
        batch: &mut Batch,
    ) -> Result<usize, StoreError> {
        let mut planned = 0;
        for Given { order, copy } in given {
            let store = &desk.engine.store;
            let Some(mail) = store.outcome(copy)? else { continue };
            let carried = carry_out(store, policy, order, &mail, context)?;
            let mut order = order.clone();
            order.answer = carried.as_ref().map(|c| Box::new(c.answer.clone()));
            let id = order.opportunity.clone();
            batch.entries.push(Entry::Order(order.clone()));
            let Some(Carried { act, answer }) = carried else { continue };
            // What the act changes is for the next look at the deals.
            self.touched.extend(act.iter().flat_map(Act::opportunities));
            batch.entries.extend(act.map(|act| Entry::Act(Box::new(act))));
            let told = Told { by: &order.by, answer: &answer, opportunity: Some(&id), mail: &mail };
            planned += self.tell(store, told, context.now, batch)?;
        }
        Ok(planned)
    }

    /// Carries out the orders in mail that belongs to no deal: a LINK is to make it belong to one.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn settle_loose(
        &mut self,
        desk: &Desk,
        policy: &Policy,
        context: Context<'_>,
    ) -> Result<usize, StoreError> {
        let store = &desk.engine.store;
        let mut planned = 0;
        for copy in std::mem::take(&mut self.loose) {
            let Some(mail) = store.outcome(&copy)?.filter(|o| o.opportunity.is_none()) else { continue };
            let is_live =
                || super::file::is_live(store, &mail, self.settings.rules.live_hours_max, self.since);
            if !may_order(&mail, &policy.seller) || !is_live()? {
                continue;
            }
            let Some((by, command)) = ordered(store, policy, &mail)? else { continue };
            // Mail of a declaration that is linked by now is that deal's.
            if let Ok(Some(case)) = home(&mail, &Records(store), context) {
                self.touched.insert(case.opportunity);
                continue;
            }
            let mut batch = Batch::default();
            match command {
                Command::Link { ref opportunity } => {
                    let known = store.orders(opportunity)?.iter().any(|o| o.mail == Some(mail.identity));
                    if known {
                        continue;
                    }
                    let order = Order {
                        opportunity: opportunity.clone(),
                        command: command.clone(),
                        by: by.to_string(),
                        mail: Some(mail.identity),
                        at: mail.seen_at,
                        answer: None,
                    };
                    planned += self.settle(desk, policy, &[Given { order, copy }], context, &mut batch)?;
                }
                _ => {
                    let answer = Reason::new(ORDER_REFUSED, "The mail belongs to no opportunity.")
                        .fix("Send it to the plus-address of the opportunity, or have the declaration linked first.");
                    let told = Told { by: by.as_str(), answer: &answer, opportunity: None, mail: &mail };
                    planned += self.tell(store, told, context.now, &mut batch)?;
                }
            }
            store.append(batch)?;
        }
        Ok(planned)
    }

    /// Plans the letter to who gave the order, unless it is on record or the person had enough letters today.
    fn tell(
        &self,
        store: &Store,
        Told { by, answer, opportunity, mail }: Told<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<usize, StoreError> {
        let (Some(by), Some(raw)) = (Address::new(by), store.raw(&mail.sha256)?) else { return Ok(0) };
        let rules = &self.settings.rules;
        let asked = (&parse(&raw), mail.identity);
        let Some((due, subject)) = order_answered(&by, answer, opportunity, asked, rules) else {
            return Ok(0);
        };
        let day = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let lately = store.letters_to(&by)?.iter().filter(|p| p.letter.planned_at > day).count();
        if store.letter(&due.key)?.is_some() || lately >= rules.caps.seller_per_day {
            return Ok(0);
        }
        let Some(parts) = self.written(&due, &subject, now) else { return Ok(0) };
        add(batch, parts, now);
        Ok(1)
    }
}

/// What an order by mail comes to; `None` where nobody is told: that order is given on the command line only.
fn carry_out(
    store: &Store,
    policy: &Policy,
    order: &Order,
    mail: &Outcome,
    context: Context<'_>,
) -> Result<Option<Carried>, StoreError> {
    match &order.command {
        Command::Hold => Ok(Some(Carried::noted(format!(
            "The prompts about {} are held: the buyer is asked nothing until you answer RESUME.",
            order.opportunity
        )))),
        Command::Resume => {
            Ok(Some(Carried::noted(format!("The prompts about {} go on.", order.opportunity))))
        }
        Command::SendNow => Ok(None),
        Command::Link { opportunity } => link(store, order, opportunity, mail, context).map(Some),
        Command::Champion { address } => champion(store, policy, order, address, mail, context).map(Some),
    }
}

/// As `endorsed review link`.
fn link(
    store: &Store,
    order: &Order,
    opportunity: &OpportunityId,
    mail: &Outcome,
    context: Context<'_>,
) -> Result<Carried, StoreError> {
    let Some(declaration) = answered(store, mail)? else {
        let fix = "Answer the declaration that you mean, or the letter about it.";
        return Ok(Carried::refused("The mail answers no declaration that is on record.", fix));
    };
    let request = ActRequest {
        by: order.by.clone(),
        reason: reason("LINK", opportunity.as_str(), mail),
        what: Wanted::Link {
            message: declaration.sha256.to_string(),
            copy: None,
            opportunity: opportunity.clone(),
        },
    };
    Ok(match act(&request, &Records(store), context) {
        Ok((act, _)) => {
            let answer = Reason::new(ORDER_DONE, format!("The declaration is linked to {opportunity}."));
            Carried { act: Some(act), answer }
        }
        Err(refused) => match *refused {
            Response::Refused { text, .. } | Response::Unknown { text } => Carried::refused(
                text,
                "Ask deal desk to link it, or declare again to the plus-address of the right opportunity.",
            ),
            _ => return Err(StoreError::Poisoned { why: "a deal could not be read".into() }),
        },
    })
}

/// The declaration that a mail answers, or that the letter of ours is about which it answers. Only the record knows which
/// letters are ours.
fn answered(store: &Store, mail: &Outcome) -> Result<Option<Outcome>, StoreError> {
    let mut parents: Vec<MessageId> = mail.parents.clone();
    for parent in &mail.parents {
        for copy in store.copies(parent)? {
            let Some(Place::Letter { key }) = store.seen(&copy)?.map(|seen| seen.place) else { continue };
            parents.extend(store.letter(&key)?.and_then(|posting| posting.letter.declaration));
        }
    }
    for parent in parents {
        for copy in store.copies(&parent)? {
            if let Some(found) = store.outcome(&copy)?.filter(|o| o.kind == Kind::Declaration) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Somebody else is the champion: only a person at the account's own domains, which deal desk lists.
fn champion(
    store: &Store,
    policy: &Policy,
    order: &Order,
    champion: &Address,
    mail: &Outcome,
    context: Context<'_>,
) -> Result<Carried, StoreError> {
    let register = Records(store);
    let unreadable = || StoreError::Poisoned { why: "a deal could not be read".into() };
    let case = Case::open(&order.opportunity, &register).map_err(|_| unreadable())?;
    let report = case.report(context);
    let gates = |o: &&Outcome| o.kind == Kind::Declaration && o.message_id == report.declaration;
    let mut gating: Vec<&Outcome> = case.outcomes.iter().filter(gates).collect();
    gating.sort_by_key(|o| (o.identity, o.sha256));
    gating.dedup_by_key(|o| o.identity);
    let [gating] = gating.as_slice() else {
        let text = format!("No single declaration of {} is on record.", order.opportunity);
        return Ok(Carried::refused(text, "Declare again, with the right champion in To."));
    };
    let Some(declaration) = &gating.declaration else { return Err(unreadable()) };
    let declare = "Declare again with the right champion in To, and let deal desk list the account.";
    let Some(account) = account_of(declaration, policy) else {
        let text = "The accounts file covers nobody to whom the declaration went, so the account's domain is not known.";
        return Ok(Carried::refused(text, declare));
    };
    let at_home = champion.is_at(&account.domains)
        && !champion.is_at(&policy.seller.domains)
        && !is_free_mail(champion.domain());
    if !at_home {
        let text = format!("{champion} is at none of the account's domains: {}.", account.domains.join(", "));
        return Ok(Carried::refused(text, declare));
    }
    if report.endorsers.iter().map(|e| e.who.as_str()).eq([champion.as_str()]) {
        let text = format!("{champion} is the champion already.");
        return Ok(Carried::refused(text, "Nothing is to be done."));
    }
    let copies = match &gating.message_id {
        Some(id) => register.copies(id).map_err(|_| unreadable())?,
        None => Vec::new(),
    };
    let act = Act {
        at: context.now,
        by: order.by.clone(),
        reason: reason("CHAMPION", champion.as_str(), mail),
        deed: Deed::Champion {
            message: Reviewed::now(gating, &copies),
            opportunity: order.opportunity.clone(),
            champion: champion.clone(),
        },
    };
    let text = format!(
        "{champion} is the champion of {} now. Its gates wait for a new yes: what was written before counts for none.",
        order.opportunity
    );
    let answer = Reason::new(ORDER_DONE, text);
    let answer = if account.endorsers.contains_key(champion.as_str()) {
        answer
    } else {
        answer.fix(format!(
            "Deal desk must list {champion} as an endorser first: no yes of theirs counts until then."
        ))
    };
    Ok(Carried { act: Some(act), answer })
}

/// What stands as the act's reason.
fn reason(word: &str, argument: &str, mail: &Outcome) -> String {
    let id = mail.message_id.as_ref().map_or_else(|| mail.sha256.to_string(), |id| format!("<{id}>"));
    format!("{word} {argument}, by mail {id}")
}
