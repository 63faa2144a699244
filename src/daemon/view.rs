//! Gate answers in memory: what was asked before and nothing has touched since is answered without the store.
//!
//! What an answer rests on is written down while it is made: a register that notes every question ([`Noted`]). The view
//! follows the log: before it answers at a size of the log, it drops every answer that an entry up to there touches.
//! What it does not know of touches everything. Answers change with time, too: one is kept only when the same record
//! gives the same answer at the end of the hour for which it is kept.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::desk::Desk;
use super::library::Records;
use super::official::{count_answer, gate_over};
use crate::answer::{self, Case, Context, Register, Response, Unavailable};
use crate::edge::http::Quick;
use crate::edge::store::{Moment, Store};
use crate::gate::{Freshness, GateAnswer};
use crate::model::{Address, Digest, MessageId, OpportunityId, Outcome};
use crate::record::{Act, Deed, Entry, Subject};

/// Octets of all answers and of what finds them: some hundred thousand answers.
pub const VIEW_BYTES_MAX: usize = 256 << 20;
/// An answer is kept for so long, and holds at its end as at its beginning.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// Entries that are followed one by one; after more than these everything is forgotten.
const FOLLOW_MAX: u64 = 2_000;
/// The same where nothing may block: more are followed by whoever asks the record.
const FOLLOW_QUICK_MAX: u64 = 16;
/// Octets of an answer beside its text, about: names, links, tables.
const ENTRY_BYTES: usize = 300;
/// Octets that one link to an answer takes, about.
const LINK_BYTES: usize = 60;
/// Members that each answer gets anew.
const ANEW: [&str; 3] = ["as_of", "log_size", "log_root"];

/// An answer that is kept.
#[derive(Debug)]
struct Kept {
    /// Its JSON without the opening brace and without what is [`ANEW`].
    rest: Box<str>,
    tag: Box<str>,
    allowed: bool,
    freshness: Freshness,
    /// It holds from here: a clock may be set back.
    from: Timestamp,
    until: Timestamp,
    links: Box<[u64]>,
    serial: u64,
    used: AtomicBool,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.rest.len() + ENTRY_BYTES + self.links.len() * LINK_BYTES
    }
}

#[derive(Debug, Default)]
struct Table {
    /// Size of the log up to which touched answers were dropped.
    followed: u64,
    root: Option<Digest>,
    erasures: u64,
    answers: HashMap<Arc<str>, Arc<Kept>>,
    /// What finds the answers that a thing bears on.
    links: HashMap<u64, Vec<Arc<str>>>,
    /// In the order of their coming; the eldest that was not used lately goes first.
    queue: VecDeque<(Arc<str>, u64)>,
    bytes: usize,
    serial: u64,
}

/// The view.
#[derive(Debug)]
pub struct View {
    table: RwLock<Table>,
    bytes_max: usize,
}

impl View {
    /// An empty view of so many octets.
    pub fn new(bytes_max: usize) -> Self {
        Self { table: RwLock::default(), bytes_max }
    }

    /// The answer, when it is at hand.
    pub fn look(&self, desk: &Desk, opportunity: &OpportunityId, to: &str) -> Option<Quick> {
        let store = &desk.engine.store;
        // A record that cannot be written any more is answered from no longer, wherever the answer lies.
        store.alive().ok()?;
        let (freshness, now) = (desk.freshness(), Timestamp::now());
        let (size, root) = self.at(store, FOLLOW_QUICK_MAX)?;
        let name = name_of(opportunity, to);
        let kept = {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            if table.followed != size || table.erasures != store.erasures() {
                return None;
            }
            Arc::clone(table.answers.get(name.as_str())?)
        };
        if kept.freshness != freshness || now < kept.from || now >= kept.until {
            return None;
        }
        kept.used.store(true, Ordering::Relaxed);
        count_answer(kept.allowed);
        let body = format!("{{\"as_of\":\"{now}\",\"log_size\":{size},\"log_root\":\"{root}\",{}", kept.rest);
        Some(Quick { body, tag: kept.tag.to_string() })
    }

    /// The answer from the record, which is kept when it holds for a while. Blocking.
    pub fn answer(&self, desk: &Desk, opportunity: &OpportunityId, to: &str) -> Response {
        let store = &desk.engine.store;
        let (freshness, now) = (desk.freshness(), Timestamp::now());
        // What comes from here on touches what is made now.
        self.at(store, u64::MAX);
        let noted =
            Noted { records: Records(store), links: RefCell::default(), whole: AtomicBool::new(false) };
        let context = Context { freshness, ..desk.context_at(now) };
        let until = now.checked_add(KEPT).unwrap_or(now);
        let holds = |case: &Case, given: &GateAnswer| {
            let late = answer::gate_in(case, to, Context { now: until, ..context });
            matches!(&late, Response::Gate(late) if same(given, late))
        };
        match gate_over(&noted, store, (opportunity, to), context, holds) {
            Ok((given, holds, moment)) => {
                if holds && !noted.whole.load(Ordering::Relaxed) {
                    let links = noted.links.take().into_iter().collect();
                    self.keep(moment, &name_of(opportunity, to), &given, freshness, (now, until), links);
                }
                Response::Gate(given)
            }
            Err(other) => *other,
        }
    }

    /// Follows the log to its end, when that is at most `most` entries away: its size and root there. `None` while a commit
    /// is between the two.
    fn at(&self, store: &Store, most: u64) -> Option<(u64, Digest)> {
        let (size, erasures) = (store.size(), store.erasures());
        {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            if let (true, Some(root)) = (table.followed == size && table.erasures == erasures, table.root) {
                return Some((size, root));
            }
        }
        let (head, root) = store.log_head();
        if head != size {
            return None;
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.followed > size {
            return None;
        }
        let from = table.followed;
        if size - from > most {
            return None;
        }
        let entries = (table.erasures == erasures && size - from <= FOLLOW_MAX)
            .then(|| store.entries(from..size).ok())
            .flatten();
        match entries {
            Some(entries) => entries.iter().for_each(|entry| table.touch(entry)),
            None => table.forget(),
        }
        (table.followed, table.erasures, table.root) = (size, erasures, Some(root));
        Some((size, root))
    }

    fn keep(
        &self,
        moment: Moment,
        name: &str,
        given: &GateAnswer,
        freshness: Freshness,
        (from, until): (Timestamp, Timestamp),
        links: Vec<u64>,
    ) {
        let Some((rest, tag)) = text_of(given) else { return };
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // Followed further, or not so far: whether what lies between touches the answer, the next question finds out.
        if (table.followed, table.erasures) != (moment.size, moment.erasures) {
            return;
        }
        table.serial += 1;
        let kept = Kept {
            rest,
            tag,
            allowed: given.allowed,
            freshness,
            from,
            until,
            links: links.into(),
            serial: table.serial,
            used: AtomicBool::new(false),
        };
        table.insert(name, kept);
        table.shrink(self.bytes_max);
    }
}

impl Table {
    fn insert(&mut self, name: &str, kept: Kept) {
        self.drop_answer(name);
        let name: Arc<str> = name.into();
        self.bytes += kept.bytes();
        for link in &kept.links {
            self.links.entry(*link).or_default().push(Arc::clone(&name));
        }
        self.queue.push_back((Arc::clone(&name), kept.serial));
        self.answers.insert(name, Arc::new(kept));
    }

    fn drop_answer(&mut self, name: &str) {
        let Some(kept) = self.answers.remove(name) else { return };
        self.bytes = self.bytes.saturating_sub(kept.bytes());
        for link in &kept.links {
            if let Some(names) = self.links.get_mut(link) {
                names.retain(|n| &**n != name);
                if names.is_empty() {
                    self.links.remove(link);
                }
            }
        }
    }

    /// Makes room: what was asked since it came to the front of the queue gets another round.
    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max || self.queue.len() > 2 * self.answers.len() + 16 {
            let Some((name, serial)) = self.queue.pop_front() else { return };
            let Some(kept) = self.answers.get(&name).filter(|kept| kept.serial == serial) else { continue };
            if self.bytes <= bytes_max || kept.used.swap(false, Ordering::Relaxed) {
                self.queue.push_back((name, serial));
            } else {
                self.drop_answer(&name);
            }
        }
    }

    fn forget(&mut self) {
        *self = Self { serial: self.serial, ..Self::default() };
    }

    /// Drops the answers that an entry bears on.
    fn touch(&mut self, entry: &Entry) {
        let Some(touched) = touched(entry) else { return self.forget() };
        for link in touched {
            for name in self.links.get(&link).cloned().unwrap_or_default() {
                self.drop_answer(&name);
            }
        }
    }
}

/// What an entry bears on; `None` for everything.
fn touched(entry: &Entry) -> Option<Vec<u64>> {
    match entry {
        Entry::Considered(outcome) => {
            let ids = outcome.message_id.iter().chain(&outcome.parents).chain(&outcome.answers);
            let mut links: Vec<u64> = ids.map(|id| link("message", id)).collect();
            links.push(link("copy", &outcome.sha256));
            links.extend(outcome.opportunity.as_ref().map(|id| link("opportunity", id)));
            // An author's mail elsewhere bears on a deal only as an objection that names none. One that was an objection before
            // is found by its copy.
            let from = outcome.from.as_ref().filter(|_| outcome.has("stray_objection"));
            links.extend(from.map(|from| link("author", from)));
            Some(links)
        }
        Entry::Seen(seen) => {
            let ids = seen.links.message_id.iter().chain(&seen.links.parents);
            Some(ids.map(|id| link("message", id)).chain([link("copy", &seen.sha256)]).collect())
        }
        Entry::Act(act) if matches!(act.deed, Deed::Erase { .. }) => None,
        Entry::Act(act) => Some(act.subjects().iter().map(link_of).collect()),
        // Keys and letters bear on nothing until a mail is considered with them.
        Entry::Key(_)
        | Entry::Gate { .. }
        | Entry::Letter(_)
        | Entry::Posting { .. }
        | Entry::Posted { .. }
        | Entry::Order(_)
        | Entry::SetAside(_)
        | Entry::Released(_) => Some(Vec::new()),
        _ => None,
    }
}

fn link_of(subject: &Subject) -> u64 {
    match subject {
        Subject::Opportunity(id) => link("opportunity", id),
        Subject::Message(identity) => link("identity", identity),
    }
}

/// A name for a thing. Two things of one name only drop an answer too many.
fn link(kind: &str, thing: &impl std::fmt::Display) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (kind, thing.to_string()).hash(&mut hasher);
    hasher.finish()
}

fn name_of(opportunity: &OpportunityId, to: &str) -> String {
    format!("{opportunity}\n{to}")
}

/// The JSON of an answer without its brace and what is new each time, and its tag.
fn text_of(given: &GateAnswer) -> Option<(Box<str>, Box<str>)> {
    let mut value = serde_json::to_value(given).ok()?;
    let map = value.as_object_mut()?;
    for key in ANEW {
        map.remove(key);
    }
    let tag = crate::edge::http::tag_of(&value);
    Some((value.to_string().strip_prefix('{')?.into(), tag.into()))
}

/// Whether two answers say the same but for their time.
fn same(one: &GateAnswer, other: &GateAnswer) -> bool {
    let plain = |answer: &GateAnswer| -> Option<Value> {
        let mut value = serde_json::to_value(answer).ok()?;
        let map = value.as_object_mut()?;
        for key in ANEW {
            map.remove(key);
        }
        Some(value)
    };
    plain(one) == plain(other)
}

/// The record, and what it was asked about.
struct Noted<'a> {
    records: Records<'a>,
    links: RefCell<BTreeSet<u64>>,
    /// Something was asked that any entry may change.
    whole: AtomicBool,
}

impl Noted<'_> {
    fn note(&self, link: u64) {
        self.links.borrow_mut().insert(link);
    }

    fn copies_of(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        outcomes.iter().for_each(|outcome| self.note(link("copy", &outcome.sha256)));
        outcomes
    }

    fn all<T>(&self, found: T) -> T {
        self.whole.store(true, Ordering::Relaxed);
        found
    }
}

impl Register for Noted<'_> {
    fn outcomes(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable> {
        self.note(link("opportunity", opportunity));
        Ok(self.copies_of(self.records.outcomes(opportunity)?))
    }

    fn opportunities(
        &self,
        after: Option<&OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, Unavailable> {
        self.all(self.records.opportunities(after, limit))
    }

    fn unlinked(&self, limit: usize) -> Result<Vec<Outcome>, Unavailable> {
        self.all(self.records.unlinked(limit))
    }

    fn strays(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable> {
        self.note(link("author", author));
        Ok(self.copies_of(self.records.strays(author)?))
    }

    fn thread(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable> {
        self.note(link("message", id));
        Ok(self.copies_of(self.records.thread(id)?))
    }

    fn copies(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable> {
        self.note(link("message", id));
        Ok(self.copies_of(self.records.copies(id)?))
    }

    fn copy(&self, sha256: &Digest) -> Result<Option<Outcome>, Unavailable> {
        self.note(link("copy", sha256));
        self.records.copy(sha256)
    }

    fn linked(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable> {
        self.note(link("opportunity", opportunity));
        Ok(self.copies_of(self.records.linked(opportunity)?))
    }

    fn review(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<Outcome>, Unavailable> {
        self.all(self.records.review(after, limit))
    }

    fn written_by(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable> {
        self.all(self.records.written_by(author))
    }

    fn acts(&self, subject: &Subject) -> Result<Vec<Act>, Unavailable> {
        self.note(link_of(subject));
        self.records.acts(subject)
    }

    fn act(&self, name: &str) -> Result<Option<Act>, Unavailable> {
        self.all(self.records.act(name))
    }
}
