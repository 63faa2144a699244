//! Takes mail into the record and considers what waits there. The raw bytes are durable before anybody looks
//! at them, and what was looked at can be looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::{JoinSet, spawn_blocking};

use super::DaemonError;
use super::rejudge::held_back;
use super::round::{Failed, Round};
use crate::config::LimitsSection;
use crate::edge::dns::Resolver;
use crate::edge::metrics::{Counter, Timer, count, observe};
use crate::edge::source::{Fetched, Known};
use crate::edge::store::{Batch, Store, StoreError};
use crate::judge::Rules;
use crate::model::{Claim, Digest, KeyRecord, KeyState, Kind, Message, Outcome, Policy, Reason};
use crate::parse::{parse, unparsed};
use crate::pipeline::{self, Facts, consider, unfold_all};
use crate::record::{Entry, Links, Place, Release, Seen, SetAside, Trouble};

/// Messages considered in one commit: bounds memory, shares the fdatasync.
const CHUNK: usize = 100;
/// Key look-ups under way at once.
const LOOKUPS: usize = 16;
/// How long a message whose key could not be asked for waits before the next try; twice as long after each.
const RETRY: Duration = Duration::from_secs(60);
/// … but never longer than this.
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// Reason code of a message that our own code could not handle.
const UNCONSIDERED: &str = "unconsidered";
/// Threads that took too long and still run, at which the daemon ends: each holds a core. A restart ends them, and finds
/// their messages set aside.
const LATE_MAX: usize = 4;
/// Most descendants that one arriving message makes us look at again.
const AFFECTED_MAX: usize = 10_000;

/// Which time counts as first sight (CONTRACT "seen at").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAt {
    /// The clock: `run`.
    Clock,
    /// The message's own time: `ingest` and `demo`.
    Message,
    /// A given time.
    Given(Timestamp),
}

/// How many messages were new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Not on record before.
    pub new: usize,
    /// On record already.
    pub known: usize,
}

/// How a message is considered.
pub type Considering = dyn Fn(&pipeline::Known, &Facts, &Rules, &Policy) -> Outcome + Send + Sync;

/// Store, rules, policy and resolver in one place.
pub struct Engine {
    /// The record.
    pub store: Store,
    /// The rules. Verdicts on record keep theirs until somebody rejudges.
    rules: RwLock<Arc<Rules>>,
    /// The policy. A chunk is considered and committed under one: whoever replaces it waits for that.
    policy: RwLock<Arc<Policy>>,
    /// Where keys are looked up.
    pub resolver: Resolver,
    /// Messages whose key could not be asked for, when to try again, and how long to wait then.
    waiting: Mutex<BTreeMap<Digest, (Instant, Duration)>>,
    considering: Arc<Considering>,
    /// Longest time for considering one message.
    consider_max: Duration,
    /// Threads that took longer and were left alone.
    late: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// An engine over an open store.
    pub fn new(store: Store, rules: Rules, policy: Policy, resolver: Resolver) -> Self {
        Self {
            store,
            rules: RwLock::new(Arc::new(rules)),
            policy: RwLock::new(Arc::new(policy)),
            resolver,
            waiting: Mutex::default(),
            considering: Arc::new(consider),
            consider_max: LimitsSection::default().consider(),
            late: Mutex::default(),
        }
    }

    /// The same with another limit for considering one message.
    #[must_use]
    pub fn with_limit(self, consider_max: Duration) -> Self {
        Self { consider_max, ..self }
    }

    /// The same with another way to consider; a test says by it what takes long, or fails.
    #[must_use]
    pub fn with_considering(self, considering: Arc<Considering>) -> Self {
        Self { considering, ..self }
    }

    /// The rules that hold now.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other rules in their place, for mail that is considered from now on.
    pub fn replace_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// The policy that holds now.
    pub(super) fn policy(&self) -> RwLockReadGuard<'_, Arc<Policy>> {
        // The policy is only ever replaced whole.
        self.policy.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another policy in its place. Blocks until the chunk at hand is committed.
    pub(super) fn replace_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Stores a batch; durable when it returns. Blocking.
    ///
    /// # Errors
    /// When the store could not make it durable: nothing of the batch counts then.
    pub fn take(&self, fetched: Vec<Fetched>, seen_at: SeenAt) -> Result<Taken, StoreError> {
        let clock = Timestamp::now();
        let mut batch = Batch::default();
        let mut taken = Taken::default();
        let mut in_batch = BTreeSet::new();
        let mut received = Vec::new();
        for copy in fetched {
            // A file may hold other mail than when its path was first seen; a place in a mailbox may not.
            let fixed = !matches!(copy.place, Place::File { .. });
            if self.store.knows_place(&copy.place)?
                && (fixed || self.store.contains(&Digest::of(&copy.raw))?)
            {
                taken.known += 1;
                continue;
            }
            let message = parse_guarded(&copy.raw);
            let first_sight = |message: &Message| match seen_at {
                SeenAt::Clock => clock,
                SeenAt::Given(time) => time,
                SeenAt::Message => message.own_time().unwrap_or(clock),
            };
            let is_new = self.add(&mut batch, &mut in_batch, &message, copy.place, first_sight(&message))?;
            if is_new {
                taken.new += 1;
                received.extend(message.own_time());
            } else {
                taken.known += 1
            }
            let outer = message.digest;
            let seller = self.policy().seller.clone();
            let inner = unfold_all(message, &seller).into_iter().filter(|(place, _)| !place.is_empty());
            for (n, (_, attached)) in (1..).zip(inner) {
                let place = Place::Attached { to: outer, n };
                self.add(&mut batch, &mut in_batch, &attached, place, first_sight(&attached))?;
            }
        }
        self.store.append(batch)?;
        if seen_at == SeenAt::Clock {
            let now = Timestamp::now();
            let ages = received.into_iter().filter_map(|at| Duration::try_from(now.duration_since(at)).ok());
            ages.for_each(|age| observe(Timer::IngestLatency, age));
        }
        Ok(taken)
    }

    /// The same, with what a source could not take.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn take_delivery(
        &self,
        fetched: Vec<Fetched>,
        set_aside: Vec<SetAside>,
        seen_at: SeenAt,
    ) -> Result<Taken, StoreError> {
        let taken = self.take(fetched, seen_at)?;
        let entries = set_aside.into_iter().map(Entry::SetAside).collect();
        self.store.append(Batch { entries, ..Batch::default() })?;
        Ok(taken)
    }

    /// What the record holds of a mailbox. Blocking.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn known(self: &Arc<Self>, mailbox: &str) -> Result<Known, StoreError> {
        let of_mailbox = |place: &Place| matches!(place, Place::Imap { mailbox: m, .. } if m == mailbox);
        let set_aside = self.store.set_aside()?.into_iter().map(|(_, aside)| aside);
        let engine = Arc::clone(self);
        Ok(Known {
            cursor: self.store.cursor(mailbox)?,
            set_aside: set_aside.filter(|aside| of_mailbox(&aside.place)).collect(),
            // A record that cannot be read is about to stop the daemon: reading everything again would not help.
            accounts_for: Arc::new(move |place| engine.store.accounts_for(place).unwrap_or(true)),
        })
    }

    fn add(
        &self,
        batch: &mut Batch,
        in_batch: &mut BTreeSet<Digest>,
        message: &Message,
        place: Place,
        seen_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let digest = message.digest;
        let is_new = !self.store.contains(&digest)? && in_batch.insert(digest);
        // What was only attached or in junk so far and now comes by itself weighs more.
        let weighs_more =
            !is_new && self.store.seen(&digest)?.is_some_and(|s| s.place.sighting() < place.sighting());
        batch.entries.push(Entry::Seen(Seen {
            sha256: digest,
            size: message.raw.len() as u64,
            place,
            seen_at,
            links: Links::of(message),
        }));
        if is_new {
            batch.raw.push(message.raw.to_vec());
        }
        if is_new || weighs_more {
            batch.consider.push(digest);
            batch.consider.extend(self.affected(message)?);
        }
        Ok(is_new)
    }

    /// Messages on record whose outcome may change now that `message` is known: its other copies and
    /// everything that answers it, directly or through others.
    fn affected(&self, message: &Message) -> Result<BTreeSet<Digest>, StoreError> {
        let mut affected = BTreeSet::new();
        let Some(id) = &message.message_id else { return Ok(affected) };
        affected.extend(self.store.copies(id)?);
        // What the seller writes beside an answer may be what the answer is about.
        if message.author().is_some_and(|a| a.address.is_at(&self.policy().seller.domains)) {
            for parent in message.parents() {
                affected.extend(self.store.children(parent)?.into_iter().take(AFFECTED_MAX));
            }
        }
        let mut queue = vec![id.clone()];
        while let Some(id) = queue.pop() {
            for child in self.store.children(&id)? {
                if affected.len() < AFFECTED_MAX && affected.insert(child) {
                    queue.extend(self.store.seen(&child)?.and_then(|seen| seen.links.message_id));
                }
            }
        }
        affected.remove(&message.digest);
        Ok(affected)
    }

    /// Considers everything that waits; returns how many messages were considered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn consider_waiting(self: &Arc<Self>) -> Result<usize, DaemonError> {
        let mut done = 0;
        loop {
            match self.consider_some().await? {
                0 => return Ok(done),
                some => done += some,
            }
        }
    }

    /// The same for the next few of them; 0 when nothing waits.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn consider_some(self: &Arc<Self>) -> Result<usize, DaemonError> {
        if self.late().len() >= LATE_MAX {
            return Err(DaemonError::Late);
        }
        let chunk = self.chunk()?;
        if chunk.is_empty() {
            return Ok(0);
        }
        let count = chunk.len();
        let mut keys = BTreeMap::new();
        loop {
            let engine = Arc::clone(self);
            let task = (chunk.clone(), keys.clone());
            let missing = spawn_blocking(move || engine.consider_chunk(&task.0, &task.1)).await??;
            if missing.is_empty() {
                return Ok(count);
            }
            keys.extend(self.look_up(missing).await);
        }
    }

    /// The next messages to consider.
    fn chunk(&self) -> Result<Vec<Digest>, StoreError> {
        let waiting = self.waiting().clone();
        let mut chunk = self.store.todo(CHUNK + waiting.len())?;
        chunk.retain(|digest| waiting.get(digest).is_none_or(|(at, _)| *at <= Instant::now()));
        chunk.truncate(CHUNK);
        Ok(chunk)
    }

    async fn look_up(self: &Arc<Self>, names: BTreeSet<String>) -> BTreeMap<String, KeyRecord> {
        let mut found = BTreeMap::new();
        let mut names = names.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < LOOKUPS {
                let Some(name) = names.next() else { break };
                let engine = Arc::clone(self);
                running.spawn(async move { engine.resolver.key(&name, Timestamp::now()).await });
            }
            match running.join_next().await {
                Some(Ok(record)) => {
                    found.insert(record.name.clone(), record);
                }
                Some(Err(error)) => tracing::error!(event = "dns.task", %error),
                None => return found,
            }
        }
    }

    /// Considers a chunk and commits; or returns the names of key records that must be looked up before.
    fn consider_chunk(
        self: &Arc<Self>,
        chunk: &[Digest],
        keys: &BTreeMap<String, KeyRecord>,
    ) -> Result<BTreeSet<String>, StoreError> {
        // Held until the commit: who replaces the policy waits for it.
        let policy = self.policy();
        let round = Round {
            engine: Arc::clone(self),
            considering: Arc::clone(&self.considering),
            policy: Arc::clone(&policy),
            rules: self.rules(),
            keys: keys.clone(),
            limit: self.consider_max,
        };
        let rules = round.rules.digest();
        let mut found = round.consider(chunk);
        self.late().append(&mut found.left);
        // Their octets are gone: look again later, and do not spin until then.
        found.gone.iter().for_each(|digest| self.wait(*digest));
        if let Some(error) = found.error {
            return Err(error);
        }
        // What failed is put on record at once, so that the next round is rid of it.
        if found.failed.is_empty() && !found.missing.is_empty() {
            return Ok(found.missing);
        }
        for failed in found.failed {
            found.considered.extend(self.unconsidered(failed, rules)?.map(|o| (o, Vec::new())));
        }
        let mut batch = Batch::default();
        let lasting = keys.values().filter(|k| k.state != KeyState::Temporary);
        batch.entries.extend(lasting.cloned().map(Entry::Key));
        batch.entries.extend(found.noted.into_values().map(Entry::Key));
        for (outcome, keys) in found.considered {
            let old = self.store.outcome(&outcome.sha256)?;
            self.quarantine(&outcome, old.as_ref(), &mut batch)?;
            tally(&outcome, old.as_ref());
            let outcome = match old {
                Some(old) => held_back(&old, outcome),
                None => outcome,
            };
            self.follow_up(&outcome, &mut batch)?;
            batch.entries.push(Entry::Considered(Box::new(Outcome { keys, ..outcome })));
        }
        self.reconsider_together(&mut batch)?;
        self.store.append(batch)?;
        Ok(BTreeSet::new())
    }

    /// The outcome of a message that our own code could not handle; `None` when its octets are gone.
    fn unconsidered(&self, failed: Failed, rules: Digest) -> Result<Option<Outcome>, StoreError> {
        let Failed { sha256, read, text } = failed;
        tracing::error!(event = "message.unconsidered", %sha256, text);
        let outcome = match read {
            Some(known) => Outcome::unread(&known.witnessed.message, known.witnessed.seen_at, rules),
            None => {
                let (Some(raw), Some(seen)) = (self.store.raw(&sha256)?, self.store.seen(&sha256)?) else {
                    self.wait(sha256);
                    return Ok(None);
                };
                Outcome::unread(&unparsed(&raw), seen.seen_at, rules)
            }
        };
        Ok(Some(unconsidered(outcome, &text)))
    }

    /// Shows a message that our own code could not handle, and one that it can handle now.
    fn quarantine(&self, now: &Outcome, old: Option<&Outcome>, batch: &mut Batch) -> Result<(), StoreError> {
        let failed = now.reasons.iter().find(|reason| reason.code == UNCONSIDERED);
        if failed.is_none() && !old.is_some_and(|old| old.has(UNCONSIDERED)) {
            return Ok(());
        }
        let Some(Seen { place, size, .. }) = self.store.seen(&now.sha256)? else { return Ok(()) };
        let at = Timestamp::now();
        batch.entries.push(if let Some(reason) = failed {
            let text = reason.text.clone();
            let before = self.store.set_aside_at(&place)?.map_or(0, |aside| aside.attempts);
            let (why, sha256) = (Trouble::Unconsidered, Some(now.sha256));
            let (bytes, attempts) = (Some(size), before + 1);
            Entry::SetAside(SetAside { place, sha256, why, text, bytes, attempts, at })
        } else {
            Entry::Released(Release { place, by: None, reason: "considered".into(), at })
        });
        Ok(())
    }

    /// Mail of an opportunity whose declaration was considered in the same round did not know it yet.
    fn reconsider_together(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let outcomes = batch.entries.iter().filter_map(|entry| match entry {
            Entry::Considered(outcome) => Some(outcome.as_ref()),
            _ => None,
        });
        let mut declared = BTreeSet::new();
        for outcome in outcomes.clone().filter(|o| o.kind == Kind::Declaration) {
            if self.store.outcome(&outcome.sha256)?.is_none() {
                declared.extend(outcome.opportunity.clone());
            }
        }
        let waits = |o: &&Outcome| o.answers.is_none() && o.kind != Kind::Declaration;
        let theirs = |o: &&Outcome| o.opportunity.as_ref().is_some_and(|id| declared.contains(id));
        let again: Vec<Digest> = outcomes.filter(waits).filter(theirs).map(|o| o.sha256).collect();
        batch.consider.extend(again);
        Ok(())
    }

    /// What must be considered again because of this outcome.
    fn follow_up(&self, outcome: &Outcome, batch: &mut Batch) -> Result<(), StoreError> {
        if outcome.has("identity_pending") {
            batch.consider.push(outcome.sha256);
            self.wait(outcome.sha256);
        } else {
            self.waiting().remove(&outcome.sha256);
        }
        if outcome.authorship.as_ref().is_some_and(|a| a.claim == Claim::Forged) {
            let deal = outcome.opportunity.as_ref().map(ToString::to_string);
            tracing::error!(event = "mail.forged", sha256 = %outcome.sha256, opportunity = deal);
        }
        // A new declaration may be what orphans of its opportunity answer.
        if let (Kind::Declaration, Some(id)) = (outcome.kind, &outcome.opportunity)
            && self.store.outcome(&outcome.sha256)?.is_none()
        {
            let others = self.store.of_opportunity(id)?.into_iter().filter(|d| *d != outcome.sha256);
            batch.consider.extend(others);
        }
        Ok(())
    }

    /// Lets a message wait for its next try.
    fn wait(&self, sha256: Digest) {
        let mut waiting = self.waiting();
        let pause = waiting.get(&sha256).map_or(RETRY, |(_, last)| (*last * 2).min(RETRY_MAX));
        waiting.insert(sha256, (Instant::now() + pause, pause));
    }

    /// The threads that were left alone and still run.
    fn late(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        // A list of handles is valid whatever a panicking thread did.
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|thread| !thread.is_finished());
        late
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, (Instant, Duration)>> {
        // The map is valid whatever a panicking thread did: each change is one insert or remove.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what was found out, once for each change.
fn tally(now: &Outcome, old: Option<&Outcome>) {
    if let Some(verdict) = now.verdict
        && old.is_none_or(|old| old.verdict != now.verdict)
    {
        let rule = now.reasons.iter().find_map(|reason| reason.rule.as_deref());
        count(Counter::Verdicts, &[verdict.as_str(), rule.unwrap_or("none")]);
    }
    if let Some(who) = &now.authorship
        && old.is_none_or(|old| old.authorship.as_ref().map(|a| a.claim) != Some(who.claim))
    {
        count(Counter::AuthResults, &["author", who.claim.as_str()]);
        count(Counter::AuthResults, &["dkim", if who.signed_by.is_some() { "pass" } else { "none" }]);
    }
}

/// Parses; a panic of the parser gives an empty message with the right bytes, which a person must look at.
fn parse_guarded(raw: &[u8]) -> Message {
    catch_unwind(|| parse(raw)).unwrap_or_else(|_| unparsed(raw))
}

fn unconsidered(mut outcome: Outcome, why: &str) -> Outcome {
    let text = format!("The message could not be considered: {why}.");
    outcome.reasons.push(
        Reason::new(UNCONSIDERED, text)
            .fix("Read the message yourself and report the defect with its sha256."),
    );
    outcome
}
