//! The queue of the day, kept up with the record: what the queue, the reports and the list of waiting mail need of each deal.
//! A deal is looked at again when an entry bears on it, or when its time has come; a question costs no look at the record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::library::Records;
use super::official;
use super::waiting::Waiting;
use super::window::{self, day};
use crate::answer::{
    self, Blocked, BoardAnswer, Brief, Context, Event, Glance, Listed, ReportWanted, Response, Unavailable,
    Window,
};
use crate::edge::store::Store;
use crate::gate::Freshness;
use crate::model::{Address, Digest, OpportunityId, Standing};
use crate::record::{Act, Deed, Entry, Place};
use crate::report::Deal;

/// Rows of one section.
const ROWS_MAX: usize = 25;
/// Questions that are remembered, the newest of them: a CRM may ask about every deal every night.
const ASKED_MAX: usize = 1_000;
/// So long a gate's answer to such a question is shown before the gate is asked again.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// Entries read at once.
const PAGE: u64 = 500;
/// How long one call may go on reading a large record.
const STEP: Duration = Duration::from_millis(1_500);

/// What is kept between two looks.
#[derive(Debug, Default)]
pub struct Board(Mutex<State>);

type Champions = BTreeMap<Address, BTreeSet<OpportunityId>>;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Entries that were read.
    pub read: u64,
    /// Erasures of the store that were followed, and the deals and copies that they were about: an erasure is on record before
    /// it is done.
    erasures: u64,
    erased: (BTreeSet<OpportunityId>, BTreeSet<Digest>),
    /// Entries of the record at the end of each day on which there was one (UTC).
    days: BTreeMap<Date, u64>,
    /// The latest time of our own clock that an entry bears.
    clock: Option<Timestamp>,
    /// When people did something or a governing file changed, and the number of the entry.
    pub marks: Vec<(Timestamp, u64)>,
    pub deals: BTreeMap<OpportunityId, Kept>,
    /// When a deal must be looked at again though nothing was recorded.
    due: BTreeSet<(Timestamp, OpportunityId)>,
    /// Deals by champion: an objection that names no deal bears on all of them.
    champions: Arc<Champions>,
    waiting: Waiting,
    asked: BTreeMap<OpportunityId, Asked>,
    last_mail: Option<Timestamp>,
}

/// A deal.
#[derive(Debug)]
pub(super) struct Kept {
    pub brief: Arc<Brief>,
    row: Option<Arc<Deal>>,
    until: Option<Timestamp>,
}

impl Kept {
    /// The word under which it is counted: what rests on a decision is never counted with what is verified.
    pub fn word(&self) -> &'static str {
        if self.brief.accepted_by.is_empty() { self.brief.standing.as_str() } else { "accepted" }
    }
}

/// The newest question about a deal, and what the gate said lately.
#[derive(Debug)]
struct Asked {
    at: Timestamp,
    to: String,
    said: Option<Said>,
}

#[derive(Debug)]
struct Said {
    /// None where it may move.
    blocked: Option<Blocked>,
    freshness: Freshness,
    from: Timestamp,
    until: Timestamp,
}

impl Board {
    /// The queue. Blocking; about `STEP` at most goes into reading what is new.
    pub fn answer(&self, store: &Store, context: Context<'_>) -> Response {
        let answer = self.caught_up(store, context).and_then(|mut state| state.answer(store, context));
        answer.map_or_else(unavailable, |answer| Response::Board(Box::new(answer)))
    }

    /// What an auditor looks at. Blocking.
    pub fn window(&self, store: &Store, window: Window, context: Context<'_>) -> Response {
        match self.caught_up(store, context) {
            Ok(state) => window::answer(&state, store, window, context),
            Err(error) => unavailable(error),
        }
    }

    /// What waits for a person, oldest first; `None` while the record is not read to its end. Blocking.
    pub fn queue(
        &self,
        store: &Store,
        (after, limit): (Option<&Digest>, usize),
        context: Context<'_>,
    ) -> Option<Response> {
        let found = match self.caught_up(store, context) {
            Ok(state) => (state.read >= store.size()).then(|| state.waiting.page(after, limit))?,
            Err(error) => return Some(unavailable(error)),
        };
        Some(Response::Queue { items: found.iter().map(|item| item.as_ref().clone()).collect() })
    }

    /// A report; `None` while the record is not read to its end. Blocking.
    pub fn report(&self, store: &Store, wanted: &ReportWanted, context: Context<'_>) -> Option<Response> {
        let rows: Vec<Arc<Deal>> = match self.caught_up(store, context) {
            Ok(state) if state.read >= store.size() => {
                state.deals.values().filter_map(|kept| kept.row.clone()).collect()
            }
            Ok(_) => return None,
            Err(error) => return Some(unavailable(error)),
        };
        let rows: Vec<Deal> = rows.iter().map(|row| row.as_ref().clone()).collect();
        Some(answer::tables(wanted, &rows, context))
    }

    /// What happened after the event `after`, as far as the record was read: each event names the deals that it bears on.
    /// Blocking.
    pub fn events(&self, store: &Store, (after, limit): (u64, usize), context: Context<'_>) -> Response {
        let (read, champions) = match self.caught_up(store, context) {
            Ok(state) => (state.read, Arc::clone(&state.champions)),
            Err(error) => return unavailable(error),
        };
        official::events(store, (after, limit), read, |seq, entry| {
            event(seq, entry, &champions, store, context)
        })
    }

    /// The state, at the record's end or `STEP` nearer to it.
    fn caught_up(&self, store: &Store, context: Context<'_>) -> Result<MutexGuard<'_, State>, Unavailable> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.catch_up(store, context)?;
        Ok(state)
    }
}

/// The event of an entry, with its deals.
pub(super) fn event(
    seq: u64,
    entry: &Entry,
    champions: &Champions,
    store: &Store,
    context: Context<'_>,
) -> Result<Option<Event>, Unavailable> {
    let Some(event) = Event::of(seq, entry) else { return Ok(None) };
    let theirs = |who: &Address| champions.get(who).cloned().unwrap_or_default();
    Ok(Some(event.about(answer::concerned(entry, &theirs, &Records(store), context)?)))
}

fn unavailable(error: Unavailable) -> Response {
    Response::Failed { code: "store_unavailable".into(), text: error.to_string() }
}

impl State {
    /// Entries of the record at the end of a day.
    pub fn size_after(&self, day: Date) -> u64 {
        self.days.range(..=day).next_back().map_or(0, |(_, size)| *size)
    }

    /// Notes when an entry was recorded.
    fn date(&mut self, seq: u64, entry: &Entry) {
        // Only times of our own clock: that of a mail that is taken in from a file is what its sender wrote, and would fix
        // heads of days to come.
        let at = match entry {
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

    /// Reads what was written since the last look, and looks at the deals whose time has come.
    fn catch_up(&mut self, store: &Store, context: Context<'_>) -> Result<(), Unavailable> {
        let start = Instant::now();
        self.follow_erasures(store, context)?;
        while self.read < store.size() && start.elapsed() < STEP {
            let entries = store.entries(self.read..self.read + PAGE)?;
            let (mut deals, mut copies) = (BTreeSet::new(), BTreeSet::new());
            for entry in &entries {
                self.note(entry, store, context, (&mut deals, &mut copies))?;
            }
            self.look_again(deals, copies, store, context)?;
            for (seq, entry) in (self.read..).zip(&entries) {
                self.date(seq, entry);
            }
            self.read += entries.len() as u64;
        }
        while let Some((_, deal)) = self.due.first().filter(|(at, _)| *at <= context.now).cloned() {
            self.keep(&deal, store, context)?;
            if start.elapsed() >= STEP {
                break;
            }
        }
        Ok(())
    }

    /// What was erased since is gone from here, too.
    fn follow_erasures(&mut self, store: &Store, context: Context<'_>) -> Result<(), Unavailable> {
        let erasures = store.erasures();
        if self.erasures == erasures {
            return Ok(());
        }
        let (deals, copies) = self.erased.clone();
        self.look_again(deals, copies, store, context)?;
        self.erasures = erasures;
        // One that goes on is followed again at its end.
        if erasures.is_multiple_of(2) {
            self.erased = Default::default();
        }
        Ok(())
    }

    /// Notes which deals and which copies an entry bears on.
    fn note(
        &mut self,
        entry: &Entry,
        store: &Store,
        context: Context<'_>,
        (deals, copies): (&mut BTreeSet<OpportunityId>, &mut BTreeSet<Digest>),
    ) -> Result<(), Unavailable> {
        let records = Records(store);
        let champions = Arc::clone(&self.champions);
        let theirs = |who: &Address| champions.get(who).cloned().unwrap_or_default();
        match entry {
            // Our own letters are no news.
            Entry::Seen(seen) if matches!(seen.place, Place::Letter { .. }) => {}
            Entry::Seen(seen) => self.last_mail = self.last_mail.max(Some(seen.seen_at)),
            Entry::Considered(outcome) => {
                copies.insert(outcome.sha256);
                deals.extend(answer::concerned(entry, &theirs, &records, context)?);
            }
            Entry::Act(act) => {
                copies.extend(answer::copy_of(act, &records)?);
                deals.extend(answer::concerned(entry, &theirs, &records, context)?);
                self.forget(act);
            }
            Entry::Gate { at, answer } => self.ask(*at, answer),
            _ => {}
        }
        Ok(())
    }

    /// Notes what an act erases.
    fn forget(&mut self, act: &Act) {
        let Deed::Erase { opportunities, copies } = &act.deed else { return };
        for opportunity in opportunities {
            self.asked.remove(opportunity);
        }
        self.erased.0.extend(opportunities.iter().cloned());
        self.erased.1.extend(copies.iter().copied());
    }

    fn look_again(
        &mut self,
        deals: BTreeSet<OpportunityId>,
        copies: BTreeSet<Digest>,
        store: &Store,
        context: Context<'_>,
    ) -> Result<(), Unavailable> {
        // A mail that has a deal comes with it.
        for copy in copies {
            self.wait(&copy, store, context)?;
        }
        deals.iter().try_for_each(|deal| self.keep(deal, store, context))
    }

    /// Puts a mail of no deal into the list of what waits, or takes it out.
    fn wait(&mut self, copy: &Digest, store: &Store, context: Context<'_>) -> Result<(), Unavailable> {
        self.waiting.remove(copy);
        if let Some(item) = answer::waiting_alone(copy, &Records(store), context)? {
            self.waiting.insert(item);
        }
        Ok(())
    }

    /// Looks at a deal.
    fn keep(&mut self, deal: &OpportunityId, store: &Store, context: Context<'_>) -> Result<(), Unavailable> {
        let glance = Glance::of(deal, &Records(store), context)?;
        let left = self.waiting.replace(deal, &glance.copies, glance.waiting);
        for copy in left {
            self.wait(&copy, store, context)?;
        }
        if let Some(at) = self.deals.remove(deal).and_then(|kept| kept.until) {
            self.due.remove(&(at, deal.clone()));
        }
        if let Some(asked) = self.asked.get_mut(deal) {
            asked.said = None;
        }
        if glance.is_erased {
            return Ok(());
        }
        for champion in &glance.brief.champions {
            if !self.champions.get(champion).is_some_and(|deals| deals.contains(deal)) {
                let champions = Arc::make_mut(&mut self.champions);
                champions.entry(champion.clone()).or_default().insert(deal.clone());
            }
        }
        self.due.extend(glance.until.map(|at| (at, deal.clone())));
        let kept = Kept { brief: Arc::new(glance.brief), row: glance.row.map(Arc::new), until: glance.until };
        self.deals.insert(deal.clone(), kept);
        Ok(())
    }

    /// Remembers the newest question about a deal.
    fn ask(&mut self, at: Timestamp, answer: &serde_json::Value) {
        let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
        let (Some(opportunity), Some(to)) = (text("opportunity").and_then(OpportunityId::new), text("to"))
        else {
            return;
        };
        self.asked.insert(opportunity, Asked { at, to: to.to_owned(), said: None });
        while self.asked.len() > ASKED_MAX {
            let oldest = self.asked.iter().min_by_key(|(_, asked)| asked.at).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.asked.remove(&id));
        }
    }

    fn answer(&mut self, store: &Store, context: Context<'_>) -> Result<BoardAnswer, Unavailable> {
        let mut standings = BTreeMap::new();
        for kept in self.deals.values() {
            *standings.entry(kept.word().to_owned()).or_default() += 1;
        }
        let dated = |d: &Brief| (d.due.is_none(), d.due, d.at);
        let review = self.waiting.page(None, ROWS_MAX);
        Ok(BoardAnswer {
            as_of: context.now,
            fresh: context.freshness == Freshness::Fresh,
            last_mail: self.last_mail,
            waiting: store.todo_len(),
            size: store.size(),
            read: self.read,
            standings,
            blocked: self.blocked(store, context)?,
            review: Listed {
                rows: review.iter().map(|item| item.as_ref().clone()).collect(),
                total: self.waiting.len(),
            },
            objections: self.rows(|d| d.objection.then_some(std::cmp::Reverse(d.at))),
            conditions: self.rows(|d| (d.standing == Standing::Conditional).then(|| dated(d))),
            verified: self.rows(|d| d.verified_at.map(std::cmp::Reverse)),
        })
    }

    /// The deals that `order` gives a place, in that order.
    fn rows<K: Ord>(&self, order: impl Fn(&Brief) -> Option<K>) -> Listed<Brief> {
        let placed = |(id, kept)| -> Option<(K, &OpportunityId, &Kept)> {
            let kept: &Kept = kept;
            Some((order(&kept.brief)?, id, kept))
        };
        let mut found: Vec<_> = self.deals.iter().filter_map(placed).collect();
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let total = found.len();
        let rows = found.into_iter().take(ROWS_MAX).map(|(_, _, kept)| kept.brief.as_ref().clone());
        Listed { rows: rows.collect(), total }
    }

    /// Questions whose answer still is no.
    fn blocked(&mut self, store: &Store, context: Context<'_>) -> Result<Listed<Blocked>, Unavailable> {
        let mut found: Vec<(&OpportunityId, &Blocked)> = Vec::new();
        for (id, asked) in &mut self.asked {
            let holds = asked.said.as_ref().is_some_and(|said| {
                said.freshness == context.freshness && (said.from..said.until).contains(&context.now)
            });
            if !holds {
                asked.said = Some(Said::of(id, asked, self.deals.get(id), store, context)?);
            }
            found.extend(asked.said.as_ref().and_then(|said| Some((id, said.blocked.as_ref()?))));
        }
        found.sort_by_key(|(id, blocked)| (std::cmp::Reverse(blocked.asked_at), *id));
        let total = found.len();
        let rows = found.into_iter().take(ROWS_MAX).map(|(_, blocked)| blocked.clone());
        Ok(Listed { rows: rows.collect(), total })
    }
}

impl Said {
    fn of(
        id: &OpportunityId,
        asked: &Asked,
        kept: Option<&Kept>,
        store: &Store,
        context: Context<'_>,
    ) -> Result<Self, Unavailable> {
        let records = Records(store);
        let blocked = match answer::gate(id, &asked.to, &records, context) {
            Response::Gate(gate) if !gate.allowed => {
                let brief = match kept {
                    Some(kept) => kept.brief.as_ref().clone(),
                    None => Glance::of(id, &records, context)?.brief,
                };
                Some(Blocked { asked_at: asked.at, gate: *gate, brief })
            }
            Response::Failed { text, .. } => return Err(Unavailable(text)),
            _ => None,
        };
        let until = context.now.checked_add(ASK_AGAIN).unwrap_or(context.now);
        let until = kept.and_then(|kept| kept.until).map_or(until, |at| at.min(until));
        Ok(Self { blocked, freshness: context.freshness, from: context.now, until })
    }
}
