//! The queue of the day, kept up with the record: which opportunities stand where, and what was asked. It holds a few words
//! for each opportunity; whatever a page shows is asked anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;

use super::library::Records;
use super::window::{self, day};
use crate::answer::{
    self, Blocked, BoardAnswer, Brief, Context, Listed, Response, ReviewItem, Unavailable, Window, home,
};
use crate::edge::store::Store;
use crate::gate::Freshness;
use crate::model::{Address, OpportunityId, Outcome, Standing};
use crate::record::{Act, Deed, Entry, Place};

/// Rows of one section.
const ROWS_MAX: usize = 25;
/// Questions that are remembered, the newest of them: a CRM may ask about every deal every night.
const ASKED_MAX: usize = 1_000;
/// Entries read at once.
const PAGE: u64 = 500;
/// How long one call may go on reading a large record.
const STEP: Duration = Duration::from_millis(1_500);

/// What is kept between two looks.
#[derive(Debug, Default)]
pub struct Board(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Entries that were read.
    pub read: u64,
    /// Entries of the record at the end of each day on which there was one (UTC).
    days: BTreeMap<Date, u64>,
    /// The latest time that an entry bears: mail may be older than the day on which it is recorded.
    clock: Option<Timestamp>,
    /// When people did something or a governing file changed, and the number of the entry.
    pub marks: Vec<(Timestamp, u64)>,
    pub deals: BTreeMap<OpportunityId, Deal>,
    /// Deals by champion: an objection that names no deal bears on all of them.
    champions: BTreeMap<Address, BTreeSet<OpportunityId>>,
    asked: BTreeMap<OpportunityId, (Timestamp, String)>,
    last_mail: Option<Timestamp>,
}

/// Where a deal stands, in a few words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deal {
    pub standing: Standing,
    /// The standing rests on a decision.
    accepted: bool,
    pub first_at: Timestamp,
    pub at: Timestamp,
    due: Option<Date>,
    verified_at: Option<Timestamp>,
    objection: bool,
}

impl Deal {
    /// The word under which it is counted: what rests on a decision is never counted with what is verified.
    pub fn word(&self) -> &'static str {
        if self.accepted { "accepted" } else { self.standing.as_str() }
    }
}

impl Board {
    /// The queue. Blocking; about `STEP` at most goes into reading what is new.
    pub fn answer(&self, store: &Store, context: Context<'_>) -> Response {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = state.catch_up(store, context).and_then(|()| state.answer(store, context));
        match answer {
            Ok(answer) => Response::Board(Box::new(answer)),
            Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
        }
    }

    /// What an auditor looks at. Blocking.
    pub fn window(&self, store: &Store, window: Window, context: Context<'_>) -> Response {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.catch_up(store, context) {
            Ok(()) => window::answer(&state, store, window, context),
            Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
        }
    }
}

impl State {
    /// Entries of the record at the end of a day.
    pub fn size_after(&self, day: Date) -> u64 {
        self.days.range(..=day).next_back().map_or(0, |(_, size)| *size)
    }

    /// Notes when an entry was recorded.
    fn date(&mut self, seq: u64, entry: &Entry) {
        let at = match entry {
            Entry::Seen(seen) => Some(seen.seen_at),
            Entry::Act(act) => Some(act.at),
            Entry::Gate { at, .. } | Entry::Governed { at, .. } | Entry::Posted { at, .. } => Some(*at),
            _ => None,
        };
        self.clock = self.clock.max(at);
        if let Some(clock) = self.clock {
            self.days.insert(day(clock), seq + 1);
        }
        if let (Entry::Act(_) | Entry::Governed { .. }, Some(at)) = (entry, at) {
            self.marks.push((at, seq));
        }
    }

    /// Reads what was written since the last look.
    fn catch_up(&mut self, store: &Store, context: Context<'_>) -> Result<(), Unavailable> {
        let start = Instant::now();
        let records = Records(store);
        while self.read < store.size() && start.elapsed() < STEP {
            let entries = store.entries(self.read..self.read + PAGE)?;
            let mut touched = BTreeSet::new();
            for (seq, entry) in (self.read..).zip(&entries) {
                self.date(seq, entry);
                self.note(entry, &records, context, &mut touched)?;
            }
            for opportunity in touched {
                self.keep(&Brief::of(&opportunity, &records, context)?);
            }
            self.read += entries.len() as u64;
        }
        Ok(())
    }

    /// Which deals an entry bears on.
    fn note(
        &mut self,
        entry: &Entry,
        records: &Records<'_>,
        context: Context<'_>,
        touched: &mut BTreeSet<OpportunityId>,
    ) -> Result<(), Unavailable> {
        match entry {
            // Our own letters are no news.
            Entry::Seen(seen) if matches!(seen.place, Place::Letter { .. }) => {}
            Entry::Seen(seen) => self.last_mail = self.last_mail.max(Some(seen.seen_at)),
            Entry::Considered(outcome) => touched.extend(self.deals_of(outcome, records, context)?),
            Entry::Act(act) => touched.extend(subjects(act, records)?),
            Entry::Gate { at, answer } => self.ask(*at, answer),
            _ => {}
        }
        Ok(())
    }

    fn deals_of(
        &self,
        outcome: &Outcome,
        records: &Records<'_>,
        context: Context<'_>,
    ) -> Result<BTreeSet<OpportunityId>, Unavailable> {
        let mut deals: BTreeSet<OpportunityId> =
            home(outcome, records, context)?.map(|case| case.opportunity).into_iter().collect();
        if outcome.has("stray_objection") {
            let theirs = outcome.from.as_ref().and_then(|who| self.champions.get(who));
            deals.extend(theirs.into_iter().flatten().cloned());
        }
        Ok(deals)
    }

    fn keep(&mut self, brief: &Brief) {
        for champion in &brief.champions {
            self.champions.entry(champion.clone()).or_default().insert(brief.opportunity.clone());
        }
        let deal = Deal {
            standing: brief.standing,
            accepted: !brief.accepted_by.is_empty(),
            first_at: brief.first_at,
            at: brief.at,
            due: brief.due,
            verified_at: brief.verified_at,
            objection: brief.objection,
        };
        self.deals.insert(brief.opportunity.clone(), deal);
    }

    /// Remembers the newest question about a deal.
    fn ask(&mut self, at: Timestamp, answer: &serde_json::Value) {
        let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
        let (Some(opportunity), Some(to)) = (text("opportunity").and_then(OpportunityId::new), text("to"))
        else {
            return;
        };
        self.asked.insert(opportunity, (at, to.to_owned()));
        while self.asked.len() > ASKED_MAX {
            let oldest = self.asked.iter().min_by_key(|(_, (at, _))| *at).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.asked.remove(&id));
        }
    }

    fn answer(&self, store: &Store, context: Context<'_>) -> Result<BoardAnswer, Unavailable> {
        let records = Records(store);
        let mut standings = BTreeMap::new();
        for deal in self.deals.values() {
            *standings.entry(deal.word().to_owned()).or_default() += 1;
        }
        let dated = |d: &Deal| (d.due.is_none(), d.due, d.at);
        Ok(BoardAnswer {
            as_of: context.now,
            fresh: context.freshness == Freshness::Fresh,
            last_mail: self.last_mail,
            waiting: store.todo_len(),
            size: store.size(),
            read: self.read,
            standings,
            blocked: self.blocked(&records, context)?,
            review: review(&records, context)?,
            objections: self.rows(&records, context, |d| d.objection.then_some(std::cmp::Reverse(d.at)))?,
            conditions: self
                .rows(&records, context, |d| (d.standing == Standing::Conditional).then(|| dated(d)))?,
            verified: self.rows(&records, context, |d| d.verified_at.map(std::cmp::Reverse))?,
        })
    }

    /// The deals that `order` gives a place, in that order, as they stand now.
    fn rows<K: Ord>(
        &self,
        records: &Records<'_>,
        context: Context<'_>,
        order: impl Fn(&Deal) -> Option<K>,
    ) -> Result<Listed<Brief>, Unavailable> {
        let mut found: Vec<(K, &OpportunityId)> =
            self.deals.iter().filter_map(|(id, deal)| Some((order(deal)?, id))).collect();
        found.sort();
        let total = found.len();
        let rows = found.into_iter().take(ROWS_MAX).map(|(_, id)| Brief::of(id, records, context));
        Ok(Listed { rows: rows.collect::<Result<_, _>>()?, total })
    }

    /// Questions whose answer still is no.
    fn blocked(&self, records: &Records<'_>, context: Context<'_>) -> Result<Listed<Blocked>, Unavailable> {
        let mut asked: Vec<_> = self.asked.iter().map(|(id, (at, to))| (*at, id, to)).collect();
        asked.sort_by_key(|(at, id, _)| (std::cmp::Reverse(*at), *id));
        let mut rows = Vec::new();
        let mut total = 0;
        for (asked_at, id, to) in asked {
            let Response::Gate(gate) = answer::gate(id, to, records, context) else { continue };
            if gate.allowed {
                continue;
            }
            total += 1;
            if rows.len() < ROWS_MAX {
                rows.push(Blocked { asked_at, gate: *gate, brief: Brief::of(id, records, context)? });
            }
        }
        Ok(Listed { rows, total })
    }
}

/// The deals that a person's act is about.
fn subjects(act: &Act, records: &Records<'_>) -> Result<BTreeSet<OpportunityId>, Unavailable> {
    let mut deals = act.opportunities();
    if let Deed::Undo { act, .. } = &act.deed {
        deals.extend(records.0.act(&Act::name(act))?.into_iter().flat_map(|undone| undone.opportunities()));
    }
    Ok(deals)
}

/// The review queue, oldest first.
fn review(records: &Records<'_>, context: Context<'_>) -> Result<Listed<ReviewItem>, Unavailable> {
    match answer::queue(None, records, context) {
        Response::Queue { mut items } => {
            let total = items.len();
            items.truncate(ROWS_MAX);
            Ok(Listed { rows: items, total })
        }
        Response::Failed { text, .. } => Err(Unavailable(text)),
        _ => Err(Unavailable("the queue could not be read".into())),
    }
}
