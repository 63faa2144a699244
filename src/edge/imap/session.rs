//! The strict session: a command succeeds by a tagged OK and by nothing else.
//!
//! Only `run_command` and `read_response` of async-imap are used. NO and BAD end one command; everything else
//! (end of the connection, BYE, silence, an unreadable line) ends the session, because nobody knows any more
//! which answer belongs to which command.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, Capability, MailboxDatum, Response, ResponseCode, Status};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio::sync::watch as signal;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_io_timeout::TimeoutStream;

use super::error::{Error, printable};
use super::name;
use super::settings::Timings;
use crate::edge::source::{BATCH_BYTES_MAX, Intake, MESSAGE_BYTES_MAX};

/// A whole command may take this many times the longest silence: servers may send "still working" lines for
/// long, but not for ever.
pub(super) const COMMAND_SILENCES_MAX: u32 = 30;
/// Most octets of bodies that one FETCH may bring, whatever sizes were announced: a full batch and one large
/// message more. Beyond it the session ends, and the next one goes on behind what came.
const FETCH_BYTES_MAX: usize = BATCH_BYTES_MAX + MESSAGE_BYTES_MAX;
/// How long the farewell may take; nothing depends on it.
const LOGOUT_MAX: Duration = Duration::from_secs(1);

/// What lies under the protocol: plain or TLS.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Duplex for T {}

/// The stream of a session. Buffered, because async-imap writes each command in four pieces; with a limit on
/// silence, because async-imap has none.
pub(super) type Transport = Pin<Box<TimeoutStream<BufWriter<Box<dyn Duplex>>>>>;

/// A folder as EXAMINE showed it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Folder {
    pub(super) exists: u32,
    /// RFC 3501 §2.3.1.1; absent from broken servers.
    pub(super) uid_validity: Option<u32>,
    /// The UID that the next message will get, or a later one; absent from some servers.
    pub(super) uid_next: Option<u32>,
}

/// A message as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) uid: u32,
    /// RFC822.SIZE in bytes: a hint that some servers get wrong; `None` if the server did not say.
    pub(super) size: Option<u32>,
}

/// How an IDLE round ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Something in the folder changed.
    News,
    /// Nothing happened for as long as we wait.
    Quiet,
    /// The server ended it on its own: it does not really support IDLE.
    EndedByServer,
    /// We are to stop.
    Stopped,
}

/// A logged-in session.
#[derive(Debug)]
pub(super) struct Session {
    inner: async_imap::Session<Transport>,
    timings: Timings,
    capabilities: BTreeSet<String>,
    folder: Folder,
    /// EXISTS moved since the last open-ended listing was sent.
    news: bool,
    /// UIDVALIDITY changed after EXAMINE.
    epoch_changed: bool,
    dead: bool,
}

impl Session {
    pub(super) fn new(inner: async_imap::Session<Transport>, timings: Timings) -> Self {
        Self {
            inner,
            timings,
            capabilities: BTreeSet::new(),
            folder: Folder::default(),
            news: false,
            epoch_changed: false,
            dead: false,
        }
    }

    /// Asks for the capabilities, which may differ after login (RFC 3501 §6.1.1), and introduces ourselves to
    /// servers that insist on it (RFC 2971).
    pub(super) async fn introduce(&mut self) -> Result<(), Error> {
        let mut found = BTreeSet::new();
        self.command("CAPABILITY", |response| {
            if let Response::Capabilities(list) = response {
                found.extend(list.iter().map(capability));
            }
            Ok(())
        })
        .await?;
        self.capabilities = found;
        if self.can("ID") {
            let id = concat!("ID (\"name\" \"endorsed\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
            match self.command(id, |_| Ok(())).await {
                Err(error) if !error.leaves_session() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// True when the server has the capability (in upper case).
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// The folder as EXAMINE showed it, EXISTS kept up to date.
    pub(super) fn folder(&self) -> Folder {
        self.folder
    }

    /// Opens a folder read-only (RFC 3501 §6.3.2): the server then keeps even `\Recent` as it is.
    pub(super) async fn examine(&mut self, folder: &str) -> Result<Folder, Error> {
        self.folder = Folder::default();
        let mut opened = Folder::default();
        let command = format!("EXAMINE {}", name::folder(folder));
        let result = self
            .command(&command, |response| {
                match response {
                    Response::Data { outcome, .. } => match outcome.code {
                        Some(ResponseCode::UidValidity(n)) => opened.uid_validity = Some(n),
                        Some(ResponseCode::UidNext(n)) => opened.uid_next = Some(n),
                        _ => {}
                    },
                    Response::MailboxData(MailboxDatum::Exists(n)) => opened.exists = *n,
                    _ => {}
                }
                Ok(())
            })
            .await;
        self.folder = opened;
        self.news = false;
        self.epoch_changed = false;
        result.map(|()| opened)
    }

    /// Lists the messages from UID `lo` to `hi`, or to the end: sorted, without those outside the range
    /// (`n:*` returns the last message even if its UID is lower, RFC 3501 §6.4.8).
    ///
    /// Asking for sizes makes some servers open every message, and fail at one that they cannot read; what
    /// they listed before is in `listed` also then.
    pub(super) async fn list(
        &mut self,
        lo: u32,
        hi: Option<u32>,
        sizes: bool,
        listed: &mut Vec<Listed>,
    ) -> Result<(), Error> {
        let end = match hi {
            Some(hi) => hi.to_string(),
            None => {
                // Whatever is announced from now on may be missing in the answer.
                self.news = false;
                "*".to_owned()
            }
        };
        let items = if sizes { "UID RFC822.SIZE" } else { "UID" };
        let range = lo..=hi.unwrap_or(u32::MAX);
        let result = self
            .command(&format!("UID FETCH {lo}:{end} ({items})"), |response| {
                let Response::Fetch(_, attributes) = response else { return Ok(()) };
                let (mut uid, mut size) = (None, None);
                for attribute in attributes {
                    match attribute {
                        AttributeValue::Uid(n) => uid = Some(*n),
                        AttributeValue::Rfc822Size(n) => size = Some(*n),
                        _ => {}
                    }
                }
                // A FETCH without UID is an unsolicited change of flags (RFC 3501 §7.4.2).
                if let Some(uid) = uid.filter(|uid| range.contains(uid)) {
                    listed.push(Listed { uid, size });
                }
                Ok(())
            })
            .await;
        listed.sort_by_key(|l| (l.uid, l.size.is_none()));
        listed.dedup_by_key(|l| l.uid);
        result
    }

    /// Fetches whole messages of a range without touching their flags (BODY.PEEK, RFC 3501 §6.4.5). What
    /// `sink` got before an error is complete; what it did not get may exist all the same.
    ///
    /// `cut` asks for no more than the first octets of each message: for messages whose size nobody told.
    /// Otherwise the plain form is used, since partial fetches are a less trodden path in servers.
    pub(super) async fn bodies(
        &mut self,
        (lo, hi): (u32, u32),
        cut: Option<usize>,
        mut sink: impl FnMut(u32, Vec<u8>),
    ) -> Result<(), Error> {
        let partial = cut.map(|octets| format!("<0.{octets}>")).unwrap_or_default();
        let mut octets = 0;
        self.command(&format!("UID FETCH {lo}:{hi} (UID BODY.PEEK[]{partial})"), |response| {
            let Response::Fetch(_, attributes) = response else { return Ok(()) };
            let (mut uid, mut body) = (None, None);
            for attribute in attributes {
                match attribute {
                    AttributeValue::Uid(n) => uid = Some(*n),
                    // NIL: expunged meanwhile, or unreadable; the caller finds out which.
                    AttributeValue::BodySection {
                        section: None,
                        index: None | Some(0),
                        data: Some(data),
                    } => {
                        body = Some(data);
                    }
                    _ => {}
                }
            }
            if let (Some(uid), Some(body)) = (uid.filter(|uid| (lo..=hi).contains(uid)), body) {
                octets += body.len();
                sink(uid, body.to_vec());
            }
            if octets > FETCH_BYTES_MAX { Err(Error::TooMuch) } else { Ok(()) }
        })
        .await
    }

    /// Names of the account's folders, as on the wire (RFC 3501 §6.3.8).
    pub(super) async fn folders(&mut self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        self.command("LIST \"\" \"*\"", |response| {
            if let Response::MailboxData(MailboxDatum::List(list)) = response {
                names.push(printable(&list.name));
            }
            Ok(())
        })
        .await?;
        Ok(names)
    }

    /// When the server received a message, in its own words (RFC 3501 §2.3.3).
    pub(super) async fn internal_date(&mut self, uid: u32) -> Result<Option<String>, Error> {
        let mut date = None;
        self.command(&format!("UID FETCH {uid} (UID INTERNALDATE)"), |response| {
            let Response::Fetch(_, attributes) = response else { return Ok(()) };
            for attribute in attributes {
                if let AttributeValue::InternalDate(text) = attribute {
                    date = Some(text.to_string());
                }
            }
            Ok(())
        })
        .await?;
        Ok(date)
    }

    /// UID, size in bytes and INTERNALDATE of each message of a range.
    pub(super) async fn dated(&mut self, lo: u32, hi: u32) -> Result<Vec<(u32, u64, Option<String>)>, Error> {
        let mut found = Vec::new();
        self.command(&format!("UID FETCH {lo}:{hi} (UID RFC822.SIZE INTERNALDATE)"), |response| {
            let Response::Fetch(_, attributes) = response else { return Ok(()) };
            let (mut uid, mut size, mut date) = (None, 0, None);
            for attribute in attributes {
                match attribute {
                    AttributeValue::Uid(n) => uid = Some(*n),
                    AttributeValue::Rfc822Size(n) => size = u64::from(*n),
                    AttributeValue::InternalDate(text) => date = Some(text.to_string()),
                    _ => {}
                }
            }
            found.extend(uid.filter(|uid| (lo..=hi).contains(uid)).map(|uid| (uid, size, date)));
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Lets the server tell what it has been holding back, such as EXPUNGE (RFC 3501 §6.1.2).
    pub(super) async fn noop(&mut self) -> Result<(), Error> {
        self.command("NOOP", |_| Ok(())).await
    }

    /// One IDLE round (RFC 2177). Returns at news, after the longest silence, at the hard end of the round
    /// (keepalives do not extend it), or at the stop signal.
    ///
    /// # Errors
    /// [`Error::No`] or [`Error::Bad`] if the server refuses IDLE (the session goes on), else the session's end.
    pub(super) async fn idle(
        &mut self,
        stop: &mut signal::Receiver<bool>,
        intake: &Intake,
    ) -> Result<Wake, Error> {
        if self.news {
            return Ok(Wake::News);
        }
        let result = self.idle_round(stop, intake).await;
        self.limit_silence(Some(self.timings.command));
        self.dead |= result.as_ref().is_err_and(|e| !e.leaves_session());
        result
    }

    /// Says good-bye (RFC 3501 §6.1.3); the answer does not matter.
    pub(super) async fn logout(mut self) {
        let _ = timeout(LOGOUT_MAX, self.command("LOGOUT", |_| Ok(()))).await;
    }

    async fn idle_round(
        &mut self,
        stop: &mut signal::Receiver<bool>,
        intake: &Intake,
    ) -> Result<Wake, Error> {
        let tag = self.send("IDLE").await?;
        loop {
            let begun = self
                .response(|response| match response {
                    Response::Continue(_) => Some(Ok(())),
                    Response::Done { tag: t, status, outcome } if *t == tag => {
                        Some(Err(refusal(status, outcome.information.as_deref())))
                    }
                    _ => None,
                })
                .await?;
            if let Some(begun) = begun {
                begun?;
                break;
            }
        }
        self.limit_silence(None);
        let end = Instant::now() + self.timings.idle_round_max;
        // An EXISTS that came before the "+" is news as well.
        let mut wake = self.news.then_some(Wake::News);
        while wake.is_none() {
            let silence = (Instant::now() + self.timings.idle_renew).min(end);
            let ended =
                |response: &Response<'_>| matches!(response, Response::Done { tag: t, .. } if *t == tag);
            // Reading is cancel-safe: what has arrived stays in the session's buffer.
            let answer = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => { wake = Some(Wake::Stopped); break }
                () = intake.nudged() => { wake = Some(Wake::Quiet); break }
                answer = timeout_at(silence, self.response(ended)) => answer,
            };
            match answer {
                Err(_) => wake = Some(Wake::Quiet),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(true)) => return Ok(Wake::EndedByServer),
                Ok(_) if self.news => wake = Some(Wake::News),
                Ok(_) if Instant::now() >= end => wake = Some(Wake::Quiet),
                Ok(_) => {}
            }
        }
        let done = timeout(self.timings.done, self.end_idle(&tag)).await;
        done.map_err(|_| Error::Timeout("no answer to DONE"))??;
        Ok(wake.unwrap_or(Wake::Quiet))
    }

    async fn end_idle(&mut self, tag: &async_imap::imap_proto::RequestId) -> Result<(), Error> {
        self.inner.run_command_untagged("DONE").await?;
        loop {
            let status = self
                .response(|response| match response {
                    Response::Done { tag: t, status, outcome } if t == tag => Some(match status {
                        Status::Ok => Ok(()),
                        status => Err(refusal(status, outcome.information.as_deref())),
                    }),
                    _ => None,
                })
                .await?;
            if let Some(status) = status {
                return status;
            }
        }
    }

    /// Runs one command; `on` sees every other response that comes before its end.
    async fn command(
        &mut self,
        command: &str,
        on: impl FnMut(&Response<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let limit = self.timings.command * COMMAND_SILENCES_MAX;
        let result = timeout(limit, self.run(command, on)).await.unwrap_or(Err(Error::Timeout("no end")));
        self.dead |= result.as_ref().is_err_and(|e| !e.leaves_session());
        result
    }

    async fn run(
        &mut self,
        command: &str,
        mut on: impl FnMut(&Response<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let tag = self.send(command).await?;
        loop {
            let end = self
                .response(|response| match response {
                    Response::Done { tag: t, status, outcome } if *t == tag => Ok(Some(match status {
                        Status::Ok => Ok(()),
                        status => Err(refusal(status, outcome.information.as_deref())),
                    })),
                    other => on(other).map(|()| None),
                })
                .await??;
            if let Some(end) = end {
                return end;
            }
        }
    }

    async fn send(&mut self, command: &str) -> Result<async_imap::imap_proto::RequestId, Error> {
        if self.dead {
            return Err(Error::Eof);
        }
        let sent = timeout(self.timings.command, self.inner.run_command(command)).await;
        Ok(sent.map_err(|_| Error::Timeout("sending"))??)
    }

    /// The next response, handed to `f` (async-imap's response cannot be named outside it).
    async fn response<T>(&mut self, f: impl FnOnce(&Response<'_>) -> T) -> Result<T, Error> {
        let Some(response) = self.inner.read_response().await? else { return Err(Error::Eof) };
        let parsed = response.parsed();
        match parsed {
            Response::Data { status: Status::Bye, outcome } => {
                return Err(Error::Bye(printable(outcome.information.as_deref().unwrap_or_default())));
            }
            Response::Data { outcome, .. } => {
                if let Some(ResponseCode::UidValidity(n)) = outcome.code
                    && self.folder.uid_validity.is_some_and(|known| known != n)
                {
                    self.epoch_changed = true;
                }
            }
            Response::MailboxData(MailboxDatum::Exists(n)) => {
                // Some servers repeat EXISTS with every answer: only a change is news.
                self.news |= *n != self.folder.exists;
                self.folder.exists = *n;
            }
            Response::Expunge(_) => self.folder.exists = self.folder.exists.saturating_sub(1),
            _ => {}
        }
        if self.epoch_changed { Err(Error::Epoch) } else { Ok(f(parsed)) }
    }

    fn limit_silence(&mut self, limit: Option<Duration>) {
        self.inner.as_mut().as_mut().set_read_timeout_pinned(limit);
    }
}

/// A tagged answer other than OK.
fn refusal(status: &Status, information: Option<&str>) -> Error {
    let text = printable(information.unwrap_or_default());
    // Microsoft 365 signs anybody in and refuses the first command on a mailbox that is not theirs to read.
    if text.contains("authenticated but not connected") {
        return Error::Permission(text);
    }
    match status {
        Status::No => Error::No(text),
        Status::Ok | Status::Bad | Status::PreAuth | Status::Bye => Error::Bad(text),
    }
}

/// In upper case, because servers differ and capability names do not (RFC 3501 §7.2.1).
fn capability(capability: &Capability<'_>) -> String {
    match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(name) => format!("AUTH={name}").to_uppercase(),
        Capability::Atom(name) => name.to_uppercase(),
    }
}
