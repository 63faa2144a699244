//! A round of considering: some messages on threads of their own, each within a time.
//!
//! Considering is pure and every input of it has a limit, so it ends; when it ends must not be for a mail to say. Nobody can
//! end a thread from outside. One that takes too long is left alone with its message, which is set aside; it ends behind
//! it, since nobody listens any more.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::{Duration, Instant};

use super::engine::{Considering, Engine};
use super::library::Shelf;
use crate::edge::store::StoreError;
use crate::judge::Rules;
use crate::model::{Digest, KeyRecord, Outcome, Policy, Witnessed};
use crate::pipeline::{Known, gather, needs};

/// Fewer messages than these are not worth a thread of their own.
const SHARE_MIN: usize = 8;
/// A wait is cut into so many: when the whole process was stopped meanwhile, only one of them is lost.
const TICKS: u32 = 20;

/// The digests of the key records that an outcome rests on.
pub(super) type Keys = Vec<(String, Option<Digest>)>;

/// What a round works with.
pub(super) struct Round {
    pub(super) engine: Arc<Engine>,
    pub(super) considering: Arc<Considering>,
    pub(super) policy: Arc<Policy>,
    pub(super) rules: Arc<Rules>,
    /// Key records that were looked up just now.
    pub(super) keys: BTreeMap<String, KeyRecord>,
    /// Longest time for one message.
    pub(super) limit: Duration,
}

/// What a round found out. Messages that are nowhere in it wait for the next round.
#[derive(Default)]
pub(super) struct Findings {
    /// Outcomes, with the keys that they rest on.
    pub(super) considered: Vec<(Outcome, Keys)>,
    /// Messages whose octets are gone.
    pub(super) gone: Vec<Digest>,
    /// Messages that could not be considered.
    pub(super) failed: Vec<Failed>,
    /// Names of key records that must be looked up first.
    pub(super) missing: BTreeSet<String>,
    /// Records to keep of look-ups that did not end.
    pub(super) noted: BTreeMap<String, KeyRecord>,
    /// The first error of the store.
    pub(super) error: Option<StoreError>,
    /// Threads that were left alone.
    pub(super) left: Vec<JoinHandle<()>>,
}

/// A message that could not be considered.
pub(super) struct Failed {
    pub(super) sha256: Digest,
    /// As far as it was read; `None` when that was it.
    pub(super) read: Option<Arc<Known>>,
    /// Why not.
    pub(super) text: String,
}

/// What a thread tells of its work.
enum Told {
    Begins(Digest, Option<Arc<Known>>),
    Gone(Digest),
    Considered(Box<Outcome>, Keys),
    /// It is through.
    Over(Rest),
}

#[derive(Default)]
struct Rest {
    missing: BTreeSet<String>,
    noted: Vec<KeyRecord>,
    error: Option<StoreError>,
}

impl Round {
    /// Considers these messages side by side, in as many shares as there are cores. Blocking; takes no longer than four
    /// times the limit for one message, and leaves what does not fit to the next round.
    pub(super) fn consider(self, messages: &[Digest]) -> Findings {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let share = messages.len().div_ceil(cores).max(SHARE_MIN);
        let round = Arc::new(self);
        let begun: Vec<_> = messages.chunks(share).map(|part| begin(&round, part)).collect();
        let mut findings = Findings::default();
        for (told, thread) in begun {
            if let Some(failed) = listen(&told, round.limit, &mut findings) {
                findings.failed.push(failed);
                findings.left.extend(thread);
            }
        }
        findings
    }

    fn work(&self, part: &[Digest], tell: &Sender<Told>) {
        let shelf = Shelf::new(&self.engine.store, &self.keys, &self.policy.seller);
        // Who does not listen any more has given us up.
        let is_heard = |told| tell.send(told).is_ok();
        let end = Instant::now() + self.limit;
        let mut subjects = Vec::with_capacity(part.len());
        for digest in part {
            if !is_heard(Told::Begins(*digest, None)) {
                return;
            }
            match shelf.load(digest) {
                Some(subject) => subjects.push((gather(&subject, &shelf), subject)),
                None if !is_heard(Told::Gone(*digest)) => return,
                None => {}
            }
            if Instant::now() > end {
                break;
            }
        }
        let missing = shelf.missing();
        if missing.is_empty() {
            let end = Instant::now() + self.limit;
            for (facts, subject) in &subjects {
                let digest = subject.witnessed.message.digest;
                if !is_heard(Told::Begins(digest, Some(Arc::clone(subject)))) {
                    return;
                }
                let outcome = (self.considering)(subject, facts, &self.rules, &self.policy);
                let keys = keys_of(&subject.witnessed, &shelf);
                if !is_heard(Told::Considered(Box::new(outcome), keys)) {
                    return;
                }
                if Instant::now() > end {
                    break;
                }
            }
        }
        is_heard(Told::Over(Rest { missing, noted: shelf.noted(), error: shelf.error() }));
    }
}

type Begun = (Receiver<Told>, Option<JoinHandle<()>>);

fn begin(round: &Arc<Round>, part: &[Digest]) -> Begun {
    let (tell, told) = channel();
    let work = {
        let (round, part, tell) = (Arc::clone(round), part.to_vec(), tell.clone());
        // A panic ends the thread without `Over`: that is how it is noticed.
        move || drop(catch_unwind(AssertUnwindSafe(|| round.work(&part, &tell))))
    };
    let thread = Builder::new().name("consider".into()).spawn(work).ok();
    if thread.is_none() {
        // Where the system gives no other thread, this one does the work, without a limit.
        let _ = catch_unwind(AssertUnwindSafe(|| round.work(part, &tell)));
    }
    (told, thread)
}

/// Hears one thread out; the message at which it stopped, if it did not come to its end.
fn listen(told: &Receiver<Told>, limit: Duration, findings: &mut Findings) -> Option<Failed> {
    let mut at = None;
    let text = loop {
        match next(told, limit) {
            Ok(Told::Begins(sha256, read)) => at = Some((sha256, read)),
            Ok(Told::Gone(digest)) => findings.gone.push(digest),
            Ok(Told::Considered(outcome, keys)) => findings.considered.push((*outcome, keys)),
            Ok(Told::Over(rest)) => {
                findings.missing.extend(rest.missing);
                findings.noted.extend(rest.noted.into_iter().map(|record| (record.name.clone(), record)));
                findings.error = findings.error.take().or(rest.error);
                return None;
            }
            Err(RecvTimeoutError::Timeout) => {
                break format!("considering it takes longer than {} seconds", limit.as_secs());
            }
            Err(RecvTimeoutError::Disconnected) => break "a defect of the program".to_owned(),
        }
    };
    at.map(|(sha256, read)| Failed { sha256, read, text })
}

fn next(told: &Receiver<Told>, limit: Duration) -> Result<Told, RecvTimeoutError> {
    for _ in 1..TICKS {
        match told.recv_timeout(limit / TICKS) {
            Err(RecvTimeoutError::Timeout) => {}
            other => return other,
        }
    }
    told.recv_timeout(limit / TICKS)
}

fn keys_of(witnessed: &Witnessed, shelf: &Shelf<'_>) -> Keys {
    let carrier = witnessed.carried_by.iter().map(|carrier| carrier.message.as_ref());
    let names: BTreeSet<String> =
        carrier.chain([witnessed.message.as_ref()]).flat_map(|message| needs(message).keys).collect();
    let digest = |name: &String| shelf.key(name, witnessed.seen_at).and_then(|record| record.digest());
    names.into_iter().map(|name| (name.clone(), digest(&name))).collect()
}
