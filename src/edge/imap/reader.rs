//! Reads what is new in the folder, batch by batch, and gets past messages that the server cannot serve.
//!
//! The rule that nothing is lost: the cursor moves over a message only when it is durable, provably gone, or
//! set aside with an alarm. A complete body counts even if its command failed later, since what was received
//! in full is proven; that something did *not* come proves nothing without a tagged OK.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as signal;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::error::Error;
use super::session::{COMMAND_SILENCES_MAX, Listed, Session};
use super::settings::Timings;
use crate::edge::source::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Fetched, Intake, Known, MESSAGE_BYTES_MAX};
use crate::record::{Cursor, Place, SetAside, Trouble};

/// UIDs in one listing: bounded, so that progress is made on slow lines.
const WINDOW: u32 = 1_000;
/// Growth of a batch after a success, and of a window over UIDs that nobody has.
const GROWTH: u32 = 4;
/// A message that failed alone is set aside at this sum of [`Error::blame`]: the second time when the server
/// itself gave up on it, the fourth time when only the line broke.
const BLAME_MAX: u32 = 4;
/// First wait before a message that was set aside is tried again, and how it grows.
const RETRY_MIN: Duration = Duration::from_secs(30);
const RETRY_GROWTH: u32 = 4;
/// Messages set aside in a row that still count as progress. Beyond it the server is the more likely culprit,
/// and reconnects slow down.
const SET_ASIDE_ROW_MAX: u32 = 3;

/// The place in one folder, kept over all sessions.
pub(super) struct Reader {
    pub(super) mailbox: String,
    pub(super) intake: Intake,
    stop: signal::Receiver<bool>,
    pub(super) timings: Timings,
    pub(super) known: Known,
    pub(super) cursor: Option<Cursor>,
    /// UIDs beyond the cursor that need no more work.
    settled: BTreeSet<u32>,
    batch_max: usize,
    /// The message that stopped a batch, and how much speaks against it.
    suspect: Option<(u32, u32)>,
    /// UID and the number of tries in vain.
    set_aside: VecDeque<(u32, u32)>,
    set_aside_row: u32,
    retry_at: Option<Instant>,
    /// So many are tried without waiting: somebody asked for it.
    retry_now: usize,
    pub(super) reconcile_at: Instant,
    /// UIDs that were in the folder when it was last looked at whole, and those delivered since, sorted.
    pub(super) present: BTreeSet<u32>,
    /// A listing with sizes failed: list without them, and fetch no more of a message than its limit.
    careful: bool,
    moved: bool,
}

impl Reader {
    pub(super) fn new(
        mailbox: String,
        known: Known,
        intake: Intake,
        stop: signal::Receiver<bool>,
        timings: Timings,
    ) -> Self {
        Self {
            mailbox,
            intake,
            stop,
            cursor: known.cursor,
            known,
            settled: BTreeSet::new(),
            batch_max: BATCH_MESSAGES_MAX,
            suspect: None,
            set_aside: VecDeque::new(),
            set_aside_row: 0,
            retry_at: None,
            retry_now: 0,
            reconcile_at: Instant::now() + timings.reconcile,
            present: BTreeSet::new(),
            timings,
            careful: false,
            moved: false,
        }
    }

    /// Opens the folder and decides whether the cursor still holds in it.
    pub(super) async fn open(&mut self, session: &mut Session, folder: &str) -> Result<(), Error> {
        let opened = session.examine(folder).await?;
        let mailbox = self.mailbox.as_str();
        let Some(uid_validity) = opened.uid_validity else {
            // Without it no UID can be trusted tomorrow: read all, and let the store find the copies.
            error!(
                event = "mail.no_uidvalidity",
                mailbox, "the server gives no UIDVALIDITY; reading everything"
            );
            let (suspect, set_aside, retry_at) =
                (self.suspect, std::mem::take(&mut self.set_aside), self.retry_at);
            self.begin_epoch(0);
            // What stopped the last session may stop this one too.
            self.settled.extend(set_aside.iter().map(|(uid, _)| uid));
            (self.suspect, self.set_aside, self.retry_at) = (suspect, set_aside, retry_at);
            return Ok(());
        };
        match self.cursor {
            Some(c) if c.uid_validity != uid_validity => {
                let old = c.uid_validity;
                warn!(
                    event = "mail.epoch",
                    mailbox,
                    old,
                    new = uid_validity,
                    "UIDVALIDITY changed; reading everything"
                );
                self.begin_epoch(uid_validity);
            }
            Some(c) if opened.uid_next.is_some_and(|next| next <= c.uid) => {
                let (uid, uid_next) = (c.uid, opened.uid_next);
                warn!(event = "mail.epoch", mailbox, uid, uid_next, "UIDNEXT went back; reading everything");
                self.begin_epoch(uid_validity);
            }
            Some(_) => {}
            None => self.begin_epoch(uid_validity),
        }
        self.recall();
        Ok(())
    }

    /// Reads everything behind the cursor. When it returns `Ok`, all that the server listed is durable, gone,
    /// or set aside; or we were told to stop.
    pub(super) async fn catch_up(&mut self, session: &mut Session) -> Result<(), Error> {
        let last = session.folder().uid_next.unwrap_or(0).saturating_sub(1);
        let mut window = WINDOW;
        while self.next() <= last && !self.stopped() {
            let lo = self.next();
            self.intake.lags(u64::from(last - lo) + 1);
            let hi = lo.saturating_add(window - 1).min(last);
            let listed = self.list(session, lo, Some(hi)).await?;
            window = if listed.is_empty() { window.saturating_mul(GROWTH) } else { WINDOW };
            self.read(session, listed, Some(hi)).await?;
        }
        // UIDs end below 2^32 (RFC 3501 §9, nz-number): a folder that used the last one gets no more mail.
        while !self.stopped() && self.cursor.is_none_or(|c| c.uid < u32::MAX) {
            let listed = self.list(session, self.next(), None).await?;
            if listed.is_empty() {
                break;
            }
            self.read(session, listed, None).await?;
        }
        self.intake.lags(0);
        if self.intake.take_retry() {
            self.retry_now = self.set_aside.len();
        }
        self.retry_set_aside(session).await?;
        self.reconcile(session).await
    }

    /// True if anything was gained since the last call.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    pub(super) fn stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    fn begin_epoch(&mut self, uid_validity: u32) {
        self.cursor = Some(Cursor { uid_validity, uid: 0 });
        self.settled.clear();
        self.present.clear();
        self.suspect = None;
        self.set_aside.clear();
        self.retry_at = None;
    }

    /// Takes over what an earlier run set aside in this epoch, and tries it again soon.
    fn recall(&mut self) {
        let epoch = self.epoch();
        for aside in std::mem::take(&mut self.known.set_aside) {
            let Place::Imap { uid_validity, uid, .. } = aside.place else { continue };
            if uid_validity != epoch || !self.settled.insert(uid) || aside.why != Trouble::Unfetchable {
                continue;
            }
            self.set_aside.push_back((uid, aside.attempts));
            self.retry_at = Some(Instant::now());
        }
    }

    /// The first UID that is still unknown.
    fn next(&self) -> u32 {
        self.cursor.map_or(1, |c| c.uid.saturating_add(1))
    }

    fn epoch(&self) -> u32 {
        self.cursor.map_or(0, |c| c.uid_validity)
    }

    /// Lists messages; with their sizes if the server can.
    async fn list(&mut self, session: &mut Session, lo: u32, hi: Option<u32>) -> Result<Vec<Listed>, Error> {
        let mut listed = Vec::new();
        self.alive();
        if !self.careful {
            match session.list(lo, hi, true, &mut listed).await {
                Ok(()) => return Ok(listed),
                Err(error) if error.blame() > 0 && !error.is_throttled() => {
                    self.careful = true;
                    self.moved = true;
                    if !error.leaves_session() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            listed.clear();
        }
        session.list(lo, hi, false, &mut listed).await?;
        Ok(listed)
    }

    /// Reads listed messages; `end` is the last UID that the listing covered.
    pub(super) async fn read(
        &mut self,
        session: &mut Session,
        listed: Vec<Listed>,
        end: Option<u32>,
    ) -> Result<(), Error> {
        let end = end.or(listed.last().map(|l| l.uid)).unwrap_or(0);
        let mut queue: VecDeque<Listed> = listed.into();
        loop {
            let batch = self.cut(&mut queue);
            let result = self.take(session, &batch, &mut queue).await;
            self.alive();
            self.move_cursor(queue.front().map_or(end, |first| first.uid.saturating_sub(1)));
            self.go_on_after(result)?;
            if queue.is_empty() {
                self.careful = false;
                return Ok(());
            }
            if self.stopped() {
                return Ok(());
            }
        }
    }

    /// True failures end the session. After a refusal by a sound session we go on with a smaller batch, unless
    /// the server refuses everything.
    fn go_on_after(&self, result: Result<(), Error>) -> Result<(), Error> {
        match result {
            Err(error)
                if error.leaves_session()
                    && !error.is_throttled()
                    && self.set_aside_row <= SET_ASIDE_ROW_MAX =>
            {
                debug!(event = "mail.fetch_refused", mailbox = self.mailbox, %error);
                Ok(())
            }
            other => other,
        }
    }

    /// Takes the next batch off the queue: neighbours in the listing, so that one range names them.
    fn cut(&mut self, queue: &mut VecDeque<Listed>) -> Vec<Listed> {
        let mut batch: Vec<Listed> = Vec::new();
        let mut bytes = 0;
        while let Some(&next) = queue.front() {
            if self.settled.contains(&next.uid) {
                queue.pop_front();
                if batch.is_empty() { continue } else { break }
            }
            // A message that is said to be too large goes alone.
            bytes += next.size.map_or(0, |size| (size as usize).min(BATCH_BYTES_MAX));
            if !batch.is_empty() && (batch.len() >= self.batch_max || bytes > BATCH_BYTES_MAX) {
                break;
            }
            queue.pop_front();
            batch.push(next);
        }
        batch
    }

    /// Fetches one batch and delivers it; what did not come and may still exist goes back to the queue.
    ///
    /// Delivered is what came before the first message that is still owed. So the highest UID in the record
    /// never passes over one, and a restart at any moment finds it again.
    async fn take(
        &mut self,
        session: &mut Session,
        batch: &[Listed],
        queue: &mut VecDeque<Listed>,
    ) -> Result<(), Error> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        let mut found = BTreeMap::new();
        // RFC822.SIZE is a hint that some servers get wrong: when in doubt we ask for one octet more than the
        // limit, and the body's length rules.
        let doubt = batch.iter().any(|l| l.size.is_none_or(|size| size as usize > MESSAGE_BYTES_MAX));
        let cut = doubt.then_some(MESSAGE_BYTES_MAX + 1);
        let mut result = session
            .bodies((first.uid, last.uid), cut, |uid, raw| {
                if batch.iter().any(|l| l.uid == uid) {
                    found.insert(uid, raw);
                }
            })
            .await;
        let absent: Vec<u32> = batch.iter().map(|l| l.uid).filter(|uid| !found.contains_key(uid)).collect();
        let mut owed = absent.first().copied();
        if result.is_ok() {
            (result, owed) = match self.check_absent(session, &absent).await {
                Ok(None) => (Ok(()), None),
                Ok(unreadable) => (Err(Error::NoBody), unreadable),
                Err(error) => (Err(error), owed),
            };
        }
        let behind = owed.map_or(BTreeMap::new(), |uid| found.split_off(&uid));
        drop(behind);
        if let Err(error) = self.deliver(found).await {
            batch.iter().rev().for_each(|l| queue.push_front(*l));
            return Err(error);
        }
        if let (Err(error), Some(uid)) = (&result, owed) {
            self.blame(uid, batch.len() == 1, error).await?;
        }
        batch.iter().rev().filter(|l| !self.settled.contains(&l.uid)).for_each(|l| queue.push_front(*l));
        if result.is_ok() {
            self.batch_max = (self.batch_max * GROWTH as usize).min(BATCH_MESSAGES_MAX);
            self.suspect = None;
            self.set_aside_row = 0;
        }
        result
    }

    /// Hands complete messages over and waits until they are durable.
    async fn deliver(&mut self, found: BTreeMap<u32, Vec<u8>>) -> Result<(), Error> {
        let uid_validity = self.epoch();
        let (mut batch, mut aside, mut uids, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (uid, raw) in found {
            uids.push(uid);
            if raw.len() > MESSAGE_BYTES_MAX {
                aside.push(self.oversize(uid, raw.len()));
                continue;
            }
            bytes += raw.len();
            batch.push(Fetched { place: self.place(uid), raw });
        }
        let messages = batch.len();
        self.hand_over(batch, aside).await?;
        if let (Some(first), Some(last)) = (uids.first(), uids.last()) {
            let mailbox = self.mailbox.as_str();
            info!(event = "mail.fetched", mailbox, uid_validity, first, last, messages, bytes);
            self.moved = true;
        }
        self.present.extend(&uids);
        self.settled.extend(uids);
        Ok(())
    }

    /// After a tagged OK: messages that did not come are gone, or the server cannot read them. Returns the
    /// first of the latter.
    async fn check_absent(&mut self, session: &mut Session, absent: &[u32]) -> Result<Option<u32>, Error> {
        let (Some(first), Some(last)) = (absent.first(), absent.last()) else { return Ok(None) };
        // The server may not tell of an EXPUNGE during FETCH (RFC 3501 §7.4.1), so a listing could still name it.
        session.noop().await?;
        let mut listed = Vec::new();
        session.list(*first, Some(*last), false, &mut listed).await?;
        let is_listed = |uid: &u32| listed.iter().any(|l| l.uid == *uid);
        let vanished: Vec<u32> = absent.iter().copied().filter(|uid| !is_listed(uid)).collect();
        self.note_vanished(&vanished).await?;
        Ok(absent.iter().copied().find(is_listed))
    }

    /// Notes that messages were removed before they were read.
    async fn note_vanished(&mut self, uids: &[u32]) -> Result<(), Error> {
        let note = |uid: &u32| {
            error!(event = "mail.vanished", mailbox = self.mailbox, uid, "removed before it was read");
            self.trouble(*uid, Trouble::Vanished, "removed before it was read".into(), 0)
        };
        let notes = uids.iter().map(note).collect();
        self.hand_over(Vec::new(), notes).await?;
        self.settled.extend(uids);
        self.moved |= !uids.is_empty();
        Ok(())
    }

    /// Notes that a batch failed at `uid`, and sets it aside if enough speaks against it.
    async fn blame(&mut self, uid: u32, alone: bool, error: &Error) -> Result<(), Error> {
        // The suspect is tried alone next.
        self.batch_max = 1;
        let weight = if error.is_throttled() { 0 } else { error.blame() };
        let before = self.suspect.filter(|(suspect, _)| *suspect == uid).map_or(0, |(_, blame)| blame);
        let blame = before + weight;
        self.suspect = Some((uid, blame));
        if !alone || blame < BLAME_MAX {
            return Ok(());
        }
        let (mailbox, uid_validity) = (self.mailbox.as_str(), self.epoch());
        error!(event = "mail.unfetchable", mailbox, uid_validity, uid, %error, "set aside; will be tried again");
        // On record before the cursor may pass over it: a restart tries it again.
        let note = self.trouble(uid, Trouble::Unfetchable, error.to_string(), 1);
        self.hand_over(Vec::new(), vec![note]).await?;
        self.suspect = None;
        self.settled.insert(uid);
        self.set_aside.push_back((uid, 1));
        self.set_aside_row += 1;
        let retry_at = Instant::now() + self.pause_before_retry(1);
        self.retry_at = Some(self.retry_at.map_or(retry_at, |at| at.min(retry_at)));
        self.moved |= self.set_aside_row <= SET_ASIDE_ROW_MAX;
        Ok(())
    }

    /// Tries what was set aside once more, one failure an interval: each may cost a reconnect.
    async fn retry_set_aside(&mut self, session: &mut Session) -> Result<(), Error> {
        let is_due = |at: Instant| at <= Instant::now();
        while (self.retry_now > 0 || self.retry_at.is_some_and(is_due)) && !self.stopped() {
            self.retry_now = self.retry_now.saturating_sub(1);
            let Some((uid, attempts)) = self.set_aside.pop_front() else {
                self.retry_at = None;
                break;
            };
            let mut found = BTreeMap::new();
            let fetched = session
                .bodies((uid, uid), Some(MESSAGE_BYTES_MAX + 1), |uid, raw| drop(found.insert(uid, raw)))
                .await;
            let came = !found.is_empty();
            // Back to the end of the line first: whatever fails now, it is not forgotten.
            self.set_aside.push_back((uid, attempts + 1));
            self.deliver(found).await?;
            let mut listed = Vec::new();
            if fetched.is_ok() && !came {
                session.list(uid, Some(uid), false, &mut listed).await?;
            }
            let gone = fetched.is_ok() && !came && listed.is_empty();
            if came || gone {
                self.set_aside.pop_back();
                info!(event = "mail.unfetchable_solved", mailbox = self.mailbox, uid, gone);
            } else {
                self.retry_at = Some(Instant::now() + self.pause_before_retry(attempts + 1));
                let text = fetched.as_ref().err().map_or_else(|| Error::NoBody.to_string(), Error::to_string);
                let note = self.trouble(uid, Trouble::Unfetchable, text, attempts + 1);
                self.hand_over(Vec::new(), vec![note]).await?;
            }
            if gone {
                self.note_vanished(&[uid]).await?;
            }
            match fetched {
                Err(error) if !error.leaves_session() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// How long a message waits after so many tries in vain. A line that broke several times at one message looks like a
    /// message that cannot be served, and is soon over: so the first wait is short.
    fn pause_before_retry(&self, attempts: u32) -> Duration {
        let factor = RETRY_GROWTH.saturating_pow(attempts.saturating_sub(1));
        RETRY_MIN.saturating_mul(factor).min(self.timings.unfetchable_retry)
    }

    fn move_cursor(&mut self, uid: u32) {
        if let Some(cursor) = self.cursor.as_mut().filter(|c| c.uid < uid) {
            cursor.uid = uid;
            self.settled = self.settled.split_off(&uid.saturating_add(1));
        }
    }

    fn oversize(&self, uid: u32, bytes: usize) -> SetAside {
        let (mailbox, uid_validity) = (self.mailbox.as_str(), self.epoch());
        error!(
            event = "mail.oversize",
            mailbox, uid_validity, uid, bytes, "too large; a person must look at it"
        );
        let text = format!("larger than {MESSAGE_BYTES_MAX} bytes");
        SetAside { bytes: Some(bytes as u64), ..self.trouble(uid, Trouble::Oversize, text, 1) }
    }

    fn trouble(&self, uid: u32, why: Trouble, text: String, attempts: u32) -> SetAside {
        SetAside {
            place: self.place(uid),
            sha256: None,
            why,
            text,
            bytes: None,
            attempts,
            at: Timestamp::now(),
        }
    }

    pub(super) fn place(&self, uid: u32) -> Place {
        Place::Imap { mailbox: self.mailbox.clone(), uid_validity: self.epoch(), uid }
    }

    /// One command may take long on a slow line, and so may a commit behind another; no step takes longer.
    pub(super) fn alive(&self) {
        self.intake.alive_for(self.timings.command * (COMMAND_SILENCES_MAX + 1));
    }

    async fn hand_over(&self, batch: Vec<Fetched>, aside: Vec<SetAside>) -> Result<(), Error> {
        self.alive();
        self.intake.deliver_with(batch, aside).await.map_err(|e| Error::NotStored(e.to_string()))
    }
}
