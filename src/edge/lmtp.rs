//! The LMTP source (RFC 2033): a local mail server hands mail over, and hears "taken" only after the durable commit. The
//! queue is the mail server's: what we could not store it tries again.
//!
//! Octets are kept as they came: no Return-Path and no Delivered-To is put in front of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch as signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use super::source::{Fatal, Fetched, Intake, MESSAGE_BYTES_MAX};
use crate::model::Digest;
use crate::record::{Place, SetAside, Trouble};

/// How often the loop shows that it comes round.
pub const TICK: Duration = Duration::from_secs(30);
/// Wait after a connection that could not be taken: there may be no file handle left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Sessions at once: a local mail server opens a few.
const SESSIONS_MAX: usize = 16;
/// Longest silence of a client (RFC 5321 §4.5.3.2.7).
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// Longest command line in octets: RFC 5321 §4.5.3.1.4 asks for 512, extensions add to it.
const COMMAND_BYTES_MAX: u64 = 4_096;
/// Longest piece of a line of the text that is read at once; longer lines come in pieces.
const PIECE_BYTES_MAX: u64 = 64 << 10;
/// Most recipients of one message (RFC 5321 §4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address of this machine.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Listen {
    /// From `127.0.0.1:8024` or `/run/endorsed/lmtp`; `None` for anything else, other machines' addresses included.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Unix(text.into()));
        }
        text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback()).map(Self::Tcp)
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Listens until `stop` turns true; `tick` is how often it shows that it comes round.
///
/// # Errors
/// [`Fatal::Settings`] when the address cannot be had.
pub async fn watch(
    listen: Listen,
    tick: Duration,
    intake: Intake,
    mut stop: signal::Receiver<bool>,
) -> Result<(), Fatal> {
    let mut listener =
        Listener::bind(&listen).await.map_err(|e| Fatal::Settings(format!("lmtp {listen}: {e}")))?;
    intake.opened();
    info!(event = "mail.listening", lmtp = %listen);
    let free = Arc::new(Semaphore::new(SESSIONS_MAX));
    let mut sessions = JoinSet::new();
    loop {
        // Nothing waits here to be read: to come round and to take connections is the whole cycle.
        intake.cycle_completed();
        intake.alive_for(tick * 3 + SILENCE_MAX);
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(tick) => continue,
            () = intake.nudged() => continue,
            Some(_) = sessions.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) => {
                // Closing without a greeting when there are too many: the client tries again later.
                let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { continue };
                let session = Session::new(stream, intake.clone(), listen.to_string());
                sessions.spawn(async move {
                    if let Err(error) = session.run().await {
                        warn!(event = "mail.lmtp", %error);
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(event = "mail.lmtp", %error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // What is not answered is not taken: the mail server has it still.
    sessions.shutdown().await;
    if let Listen::Unix(path) = &listen {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Listener {
    async fn bind(listen: &Listen) -> std::io::Result<Self> {
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix(path) => {
                use std::os::unix::fs::{FileTypeExt, PermissionsExt};
                // A socket that a killed daemon left behind; anything else is not ours to remove.
                if std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket()) {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                // As on loopback, whoever is on this machine may hand mail over; what it says is proven by signatures.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
                Ok(Self::Unix(listener))
            }
        }
    }

    async fn accept(&mut self) -> std::io::Result<Box<dyn Duplex>> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Duplex>)
            }
            Self::Unix(listener) => {
                listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Duplex>)
            }
        }
    }
}

struct Session {
    stream: BufReader<Box<dyn Duplex>>,
    intake: Intake,
    listener: String,
    greeted: bool,
    sender: bool,
    recipients: usize,
}

/// How the text of a message ended.
enum Text {
    Whole(Vec<u8>),
    /// Its octets and their digest; they are not kept.
    TooLarge(u64, Digest),
}

impl Session {
    fn new(stream: Box<dyn Duplex>, intake: Intake, listener: String) -> Self {
        let stream = BufReader::new(stream);
        Self { stream, intake, listener, greeted: false, sender: false, recipients: 0 }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.say("220 endorsed LMTP").await?;
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let upper = rest.to_ascii_uppercase();
            match verb.to_ascii_uppercase().as_str() {
                "LHLO" => {
                    (self.greeted, self.sender, self.recipients) = (true, false, 0);
                    let lines = [
                        "250-endorsed",
                        "250-PIPELINING",
                        "250-8BITMIME",
                        "250-SMTPUTF8",
                        // Without a number (RFC 1870 §4): what is too large must come here to be put on record.
                        "250-SIZE",
                        "250 ENHANCEDSTATUSCODES",
                    ];
                    self.say(&lines.join("\r\n")).await?;
                }
                // RFC 2033 §4.1: so that nobody takes this for SMTP.
                "HELO" | "EHLO" => self.say("500 5.5.1 This is LMTP: say LHLO").await?,
                "MAIL" if !self.greeted || self.sender => self.say("503 5.5.1 Not now").await?,
                "MAIL" if !upper.starts_with("FROM:") => self.say("501 5.5.4 MAIL FROM:<address>").await?,
                "MAIL" => {
                    self.sender = true;
                    self.say("250 2.1.0 Ok").await?;
                }
                "RCPT" if !self.sender => self.say("503 5.5.1 MAIL first").await?,
                "RCPT" if !upper.starts_with("TO:") => self.say("501 5.5.4 RCPT TO:<address>").await?,
                "RCPT" if self.recipients >= RECIPIENTS_MAX => {
                    self.say("452 4.5.3 Too many recipients").await?
                }
                "RCPT" => {
                    self.recipients += 1;
                    self.say("250 2.1.5 Ok").await?;
                }
                // RFC 2033 §4.2: without a valid recipient, DATA fails.
                "DATA" if self.recipients == 0 => self.say("503 5.5.1 RCPT first").await?,
                "DATA" => {
                    self.say("354 End with a dot on a line").await?;
                    let Some(text) = self.text().await? else { return Ok(()) };
                    self.take(text).await?;
                }
                "RSET" => {
                    (self.sender, self.recipients) = (false, 0);
                    self.say("250 2.0.0 Ok").await?;
                }
                "NOOP" => self.say("250 2.0.0 Ok").await?,
                "VRFY" => self.say("252 2.1.5 Send it").await?,
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("500 5.5.2 Unknown command").await?,
            }
        }
    }

    /// One answer for each recipient, after the commit (RFC 2033 §4.2).
    async fn take(&mut self, text: Text) -> std::io::Result<()> {
        let answer = match text {
            Text::TooLarge(bytes, sha256) => self.set_aside(bytes, sha256).await,
            Text::Whole(raw) => {
                let (sha256, octets) = (Digest::of(&raw), raw.len());
                let place = Place::Lmtp { listener: self.listener.clone(), sha256 };
                match self.intake.deliver(vec![Fetched { place, raw }]).await {
                    Ok(()) => {
                        info!(event = "mail.fetched", mailbox = self.listener, messages = 1, bytes = octets);
                        self.intake.cycle_completed();
                        format!("250 2.0.0 Stored as {sha256}")
                    }
                    Err(error) => {
                        warn!(event = "mail.not_stored", mailbox = self.listener, %error);
                        "451 4.3.0 Not stored, try again".to_owned()
                    }
                }
            }
        };
        let answers = vec![answer; self.recipients].join("\r\n");
        (self.sender, self.recipients) = (false, 0);
        self.say(&answers).await
    }

    /// Puts a message that is too large on record, so that a person looks for it, and refuses it: its sender hears of it, too.
    async fn set_aside(&mut self, bytes: u64, sha256: Digest) -> String {
        let place = Place::Lmtp { listener: self.listener.clone(), sha256 };
        let text = format!("larger than {MESSAGE_BYTES_MAX} bytes; it was refused");
        let (why, at) = (Trouble::Oversize, Timestamp::now());
        let aside = SetAside { place, sha256: Some(sha256), why, text, bytes: Some(bytes), attempts: 1, at };
        match self.intake.deliver_with(Vec::new(), vec![aside]).await {
            Ok(()) => format!("552 5.3.4 More than {MESSAGE_BYTES_MAX} octets"),
            Err(error) => {
                warn!(event = "mail.not_stored", mailbox = self.listener, %error);
                "451 4.3.0 Not recorded, try again".to_owned()
            }
        }
    }

    /// The text without its dots (RFC 5321 §4.5.2); `None` when the client went away.
    ///
    /// Only CRLF ends a line here: a dot between bare line feeds is text, so that no second message can be smuggled in.
    async fn text(&mut self) -> std::io::Result<Option<Text>> {
        let (mut raw, mut at_start) = (Vec::new(), true);
        let mut large: Option<(u64, Sha256)> = None;
        loop {
            let Some(piece) = self.piece(PIECE_BYTES_MAX).await? else { return Ok(None) };
            if at_start && piece == b".\r\n" {
                return Ok(Some(match large {
                    Some((octets, hash)) => Text::TooLarge(octets, Digest(hash.finalize().into())),
                    None => Text::Whole(raw),
                }));
            }
            let stuffed = at_start && piece.starts_with(b".");
            let kept = if stuffed { piece.get(1..).unwrap_or_default() } else { &piece };
            at_start = ends_line(&raw, &piece);
            if large.is_none() && raw.len() + kept.len() > MESSAGE_BYTES_MAX {
                large = Some((raw.len() as u64, Sha256::new_with_prefix(&raw)));
            }
            match &mut large {
                Some((octets, hash)) => {
                    *octets += kept.len() as u64;
                    hash.update(kept);
                    // What follows is read and dropped; of the kept, the last octet tells where a line ends.
                    raw = piece.last().copied().into_iter().collect();
                }
                None => raw.extend_from_slice(kept),
            }
        }
    }

    async fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        match self.piece(COMMAND_BYTES_MAX).await? {
            Some(line) if !line.ends_with(b"\n") => {
                self.say("500 5.5.6 Line too long").await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Octets up to the next line feed, or `most` of them; `None` at the end.
    async fn piece(&mut self, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        let mut piece = Vec::new();
        let mut limited = (&mut self.stream).take(most);
        let read = timeout(SILENCE_MAX, limited.read_until(b'\n', &mut piece)).await;
        let read = read.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        Ok((read > 0).then_some(piece))
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        stream.flush().await
    }
}

/// Whether a line ends with this piece; its CR may be the last octet of the piece before.
fn ends_line(before: &[u8], piece: &[u8]) -> bool {
    piece.ends_with(b"\r\n") || (piece == b"\n" && before.ends_with(b"\r"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_to() {
        assert!(matches!(Listen::parse("127.0.0.1:8024"), Some(Listen::Tcp(_))));
        assert!(matches!(Listen::parse("[::1]:8024"), Some(Listen::Tcp(_))));
        assert!(matches!(Listen::parse("/run/endorsed/lmtp"), Some(Listen::Unix(_))));
        for text in ["0.0.0.0:8024", "192.0.2.1:24", "lmtp", ""] {
            assert_eq!(Listen::parse(text), None, "{text}");
        }
    }
}
