//! The office: plans letters, posts them, and records both. A letter is on record before anybody speaks to a server, so
//! that a crash at any step neither sends twice nor loses one in silence; a start runs the same code as a normal round.

mod answers;
mod digest;
mod file;
mod head;
mod orders;
mod post;
mod then;

pub use answers::answer;
pub use post::run;
pub use then::{Example, examples};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Desk;
use super::engine::Engine;
use crate::edge::outbox;
use crate::edge::store::{Batch, Store, StoreError};
use crate::model::{Digest, Kind, OpportunityId, Outcome, Policy};
use crate::parse::parse;
use crate::prompt::{DIGEST_RULE, Due, HEAD_RULE, People, Settings, compose, schedule_unlinked, token};
use crate::record::{Entry, Letter, Links, Place, Posted, Posting, Seen, Side};
use file::File;

/// Opportunities looked through in one step.
const PAGE: usize = 1_000;
/// Declarations without an opportunity that are looked through.
const UNLINKED_MAX: usize = 200;
/// Letters that are looked at in one round.
const OPEN_MAX: usize = 1_000;

/// Who plans the letters.
pub struct Office {
    settings: Settings,
    secret: Vec<u8>,
    /// What came in before starts no letter.
    since: Timestamp,
    /// Entries up to here were looked at.
    seen: u64,
    /// When to look at a deal again.
    wakes: BTreeMap<OpportunityId, Timestamp>,
    /// Deals that must be looked at now.
    touched: BTreeSet<OpportunityId>,
    /// Mails of no deal that may give an order, to be looked at now.
    loose: BTreeSet<Digest>,
    /// When the letters of the last day were planned.
    recent: Vec<Timestamp>,
}

/// What a round left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Letters planned.
    pub planned: usize,
    /// When to look again.
    pub next: Option<Timestamp>,
}

impl Office {
    /// An office over a store. Every deal is looked at in the first round.
    ///
    /// # Errors
    /// When the secret of the letters' tokens can be neither read nor made, or the store fails.
    pub fn new(store: &Store, settings: Settings, now: Timestamp) -> std::io::Result<Self> {
        Ok(Self {
            settings,
            secret: outbox::secret(store.folder())?,
            since: outbox::since(store.folder(), now, true)?,
            seen: 0,
            wakes: BTreeMap::new(),
            touched: BTreeSet::new(),
            loose: BTreeSet::new(),
            recent: recent(store, now).map_err(std::io::Error::other)?,
        })
    }

    /// What came in before this starts no letter.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Letters that were under way when the program ended may have left: nobody sends them again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn recover(store: &Store, now: Timestamp) -> Result<usize, StoreError> {
        let mut batch = Batch::default();
        for open in store.open_letters(OPEN_MAX)?.iter().filter(|p| p.is_under_way()) {
            let text =
                "The program ended while a server was spoken to; whether the letter left is not known.";
            tracing::warn!(event = "letter.uncertain", key = %open.letter.key, to = %open.letter.to);
            batch.entries.push(Entry::Posted {
                key: open.letter.key,
                at: now,
                posted: Posted::Uncertain { text: text.into() },
            });
        }
        let count = batch.entries.len();
        store.append(batch)?;
        Ok(count)
    }

    /// Looks at what changed and at what is due, and plans letters. `quiet`: something came in that nobody has read
    /// yet, or a mailbox was not read lately; champions get nothing then. Blocking.
    ///
    /// # Errors
    /// When the store fails.
    pub fn plan(&mut self, desk: &Desk, quiet: bool, now: Timestamp) -> Result<Round, StoreError> {
        let engine = &desk.engine;
        let context = desk.context_at(now);
        self.follow(&engine.store)?;
        let policy = engine.policy();
        let mut round = Round { planned: self.settle_loose(desk, &policy, context)?, next: None };
        let woken = self.wakes.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone());
        let deals: BTreeSet<OpportunityId> = woken.chain(std::mem::take(&mut self.touched)).collect();
        let since = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        self.recent.retain(|at| *at >= since);
        for deal in deals {
            let file = File::open(
                &engine.store,
                &policy,
                &self.settings,
                &deal,
                file::Since { since: self.since, now },
            )?;
            let mut batch = Batch::default();
            round.planned += self.settle(desk, &policy, &file.new_orders, context, &mut batch)?;
            let schedule = file.schedule(&policy, &self.settings, self.recent.len(), now);
            let mut next = schedule.next.first().map(|wake| wake.at);
            for due in &schedule.due {
                if quiet && due.side == Side::Champion {
                    // Looked at again as soon as everything is read.
                    self.touched.insert(deal.clone());
                    continue;
                }
                match self.write(due, &file, now) {
                    Some(parts) => {
                        add(&mut batch, parts, now);
                        self.recent.push(now);
                        round.planned += 1;
                    }
                    None => next = next.or(now.saturating_add(SignedDuration::from_hours(1)).ok()),
                }
            }
            engine.store.append(batch)?;
            match next {
                Some(at) => self.wakes.insert(deal, at),
                None => self.wakes.remove(&deal),
            };
        }
        round.planned += self.plan_unlinked(engine, &policy, now)?;
        round.planned += self.plan_heads(&engine.store, now)?;
        round.planned += self.plan_digests(&engine.store, context, now)?;
        drop(policy);
        self.seen = engine.store.size();
        round.next = self.wakes.values().min().copied();
        Ok(round)
    }

    /// Notes which deals the new entries of the log are about.
    fn follow(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.seen == 0 {
            let mut after = None;
            loop {
                let page = store.opportunities(after.as_ref(), PAGE)?;
                let Some(last) = page.last().cloned() else { break };
                self.touched.extend(page);
                after = Some(last);
            }
            self.follow_loose(store)?;
            self.seen = store.size();
            return Ok(());
        }
        let size = store.size();
        while self.seen < size {
            let end = size.min(self.seen + PAGE as u64);
            for entry in store.entries(self.seen..end)? {
                match entry {
                    // An objection that names no deal bears on every deal of its author.
                    Entry::Considered(outcome) if outcome.has("stray_objection") => self.touch_all(store)?,
                    Entry::Considered(outcome) => match &outcome.opportunity {
                        Some(deal) => self.touched.extend([deal.clone()]),
                        None => self.loose.extend([outcome.sha256]),
                    },
                    Entry::Act(act) => self.touched.extend(act.opportunities()),
                    Entry::Order(order) => {
                        self.touched.insert(order.opportunity);
                    }
                    Entry::Posted { key, .. } => {
                        let letter = store.letter(&key)?;
                        self.touched.extend(letter.and_then(|p| p.letter.opportunity));
                    }
                    _ => {}
                }
            }
            self.seen = end;
        }
        Ok(())
    }

    /// Answers to declarations that name no opportunity, for those that came before the program ended.
    fn follow_loose(&mut self, store: &Store) -> Result<(), StoreError> {
        for declared in store.unlinked(UNLINKED_MAX)? {
            let id = store.outcome(&declared)?.and_then(|outcome| outcome.message_id);
            self.loose.extend(id.map(|id| store.children(&id)).transpose()?.unwrap_or_default());
        }
        Ok(())
    }

    fn touch_all(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = store.opportunities(after.as_ref(), PAGE)?;
            let Some(last) = page.last().cloned() else { return Ok(()) };
            self.touched.extend(page);
            after = Some(last);
        }
    }

    /// Declarations without an opportunity: their authors are told.
    fn plan_unlinked(&self, engine: &Engine, policy: &Policy, now: Timestamp) -> Result<usize, StoreError> {
        let mut planned = 0;
        for digest in engine.store.unlinked(UNLINKED_MAX)? {
            let Some(outcome) = engine.store.outcome(&digest)? else { continue };
            if !file::is_live(&engine.store, &outcome, self.settings.rules.live_hours_max, self.since)? {
                continue;
            }
            let (Some(declaration), Some(raw)) = (&outcome.declaration, engine.store.raw(&digest)?) else {
                continue;
            };
            let message = parse(&raw);
            let lints = file::further_lints(&message, &outcome, declaration, policy);
            let se = file::person(&message, &declaration.seller);
            let known = engine.store.letters(None)?;
            let Some(due) =
                schedule_unlinked(&outcome, &lints, se.clone(), &self.settings.rules, &known, &policy.seller)
            else {
                continue;
            };
            let people = People { se: Some(se), ..People::default() };
            let subject = file::subject(&message, &outcome, declaration, &people, None, &self.settings);
            if let Some(parts) = self.written(&due, &subject, now) {
                let mut batch = Batch::default();
                add(&mut batch, parts, now);
                engine.store.append(batch)?;
                planned += 1;
            }
        }
        Ok(planned)
    }

    fn write(&self, due: &Due, file: &File, now: Timestamp) -> Option<(Letter, Vec<u8>)> {
        self.written(due, file.subject.as_ref()?, now)
    }

    /// The letter with its octets. A template that does not work stops this letter, not the others.
    fn written(
        &self,
        due: &Due,
        subject: &crate::prompt::Subject,
        now: Timestamp,
    ) -> Option<(Letter, Vec<u8>)> {
        let token = token(&self.secret, &due.key);
        let shown = |at| self.settings.seller.shown(at);
        let written = compose(due, subject, &self.settings.sender, &self.settings.texts, &token, now, &shown);
        match written {
            Ok(written) => {
                let criteria = crate::model::criteria_digest(&subject.criteria);
                let octets = Digest::of(&written.raw);
                Some((due.letter(written.message_id, octets, criteria, now), written.raw))
            }
            Err(error) => {
                tracing::error!(event = "letter.template", rule = due.rule, %error);
                None
            }
        }
    }
}

/// The letter becomes a message on record like any other: an answer to it finds it there.
fn add(batch: &mut Batch, (letter, raw): (Letter, Vec<u8>), now: Timestamp) {
    batch.entries.push(Entry::Seen(Seen {
        sha256: letter.sha256,
        size: raw.len() as u64,
        place: Place::Letter { key: letter.key },
        seen_at: now,
        links: Links::of(&parse(&raw)),
    }));
    batch.consider.push(letter.sha256);
    batch.raw.push(raw);
    tracing::info!(event = "letter.planned", rule = letter.rule, to = %letter.to);
    batch.entries.push(Entry::Letter(Box::new(letter)));
}

/// When the letters of the last day were planned, as far back as the log is worth reading for it.
fn recent(store: &Store, now: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
    const ENTRIES_MAX: u64 = 20_000;
    let size = store.size();
    let since = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
    let entries = store.entries(size.saturating_sub(ENTRIES_MAX)..size)?;
    let planned = |entry| match entry {
        // The caps are there for people.
        Entry::Letter(letter) if ![HEAD_RULE, DIGEST_RULE].contains(&letter.rule.as_str()) => {
            Some(letter.planned_at)
        }
        _ => None,
    };
    Ok(entries.into_iter().filter_map(planned).filter(|at| *at >= since).collect())
}

/// Whether a message is on record that nobody has looked at: it may be the answer that a prompt would ask for.
pub(super) fn has_unread(store: &Store) -> Result<bool, StoreError> {
    for digest in store.todo(OPEN_MAX)? {
        let is_ours = store.seen(&digest)?.is_some_and(|seen| matches!(seen.place, Place::Letter { .. }));
        match store.outcome(&digest)? {
            _ if is_ours => {}
            Some(Outcome { kind: Kind::Automatic, .. }) => {}
            Some(outcome) if outcome.has("identity_pending") => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Letters that are not sent yet.
fn open(store: &Store) -> Result<Vec<Posting>, StoreError> {
    store.open_letters(OPEN_MAX)
}
