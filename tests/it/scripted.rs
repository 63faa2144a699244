//! An IMAP server that keeps a small mailbox and misbehaves as a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use endorsed::edge::imap::{Password, Settings, Tls};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::dovecot::quick;
use crate::source_contract::message;

/// What the server does instead of its usual answer.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends text; `{T}` stands for the command's tag.
    Say(String),
    /// A message with this UID arrives.
    Arrive(u32),
    /// Sends the usual answer.
    Usual,
    /// Sends the usual answer up to this octet.
    UsualUpTo(usize),
    /// Closes the connection.
    Close,
    /// Says nothing more on this connection.
    Hang,
    /// Sends `* OK Still here` at this interval until the next command.
    Keepalive(Duration),
}

pub fn say(text: &str) -> Act {
    Act::Say(format!("{text}\r\n"))
}

/// A command as the server sees it.
pub struct Call<'a> {
    /// Number of the connection, from 0.
    pub connection: usize,
    /// Without tag and line end.
    pub command: &'a str,
}

impl Call<'_> {
    pub fn is_listing(&self) -> bool {
        self.command.starts_with("UID FETCH") && !self.command.contains("BODY")
    }

    pub fn is_bodies(&self) -> bool {
        self.command.starts_with("UID FETCH") && self.command.contains("BODY")
    }
}

/// What EXAMINE shows.
#[derive(Debug, Clone)]
pub struct Folder {
    pub uid_validity: Option<u32>,
    pub uid_next: Option<u32>,
    /// UIDs; the message of UID n is `message(n)`.
    pub uids: Vec<u32>,
}

impl Folder {
    pub fn new(uids: impl IntoIterator<Item = u32>) -> Self {
        let uids: Vec<u32> = uids.into_iter().collect();
        Self { uid_validity: Some(7), uid_next: uids.last().map(|last| last + 1), uids }
    }
}

/// A running server.
pub struct Server {
    pub port: u16,
    pub folder: Arc<Mutex<Folder>>,
    /// Every command with its connection; passwords left out.
    pub calls: Arc<Mutex<Vec<(usize, String)>>>,
    task: JoinHandle<()>,
}

type Script = dyn Fn(&Call<'_>) -> Option<Vec<Act>> + Send + Sync;

impl Server {
    /// Starts a server that asks `script` before each answer; `None` means the usual one.
    pub async fn start(
        folder: Folder,
        script: impl Fn(&Call<'_>) -> Option<Vec<Act>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = Arc::new(Mutex::new(folder));
        let calls: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let (shared, noted) = (folder.clone(), calls.clone());
        let task = tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let connection = Connection {
                    number,
                    folder: shared.clone(),
                    calls: noted.clone(),
                    script: script.clone(),
                };
                tokio::spawn(connection.serve(stream));
            }
        });
        Self { port, folder, calls, task }
    }

    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new("127.0.0.1", "evidence", Password::Fixed("pw".into()));
        settings.port = self.port;
        settings.tls = Tls::None;
        settings.timings = quick();
        settings.timings.backoff_min = Duration::from_millis(20);
        settings.timings.backoff_max = Duration::from_millis(100);
        settings.timings.command = Duration::from_millis(500);
        settings.timings.done = Duration::from_millis(300);
        settings.timings.idle_renew = Duration::from_millis(200);
        settings
    }

    pub fn connections(&self) -> usize {
        self.calls.lock().unwrap().iter().map(|(connection, _)| connection + 1).max().unwrap_or(0)
    }

    pub fn count(&self, start: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(_, command)| command.starts_with(start)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            return;
        }
        // Whatever the test was about: the mailbox is only ever read.
        for (_, command) in self.calls.lock().unwrap().iter() {
            let verb = command.split(' ').next().unwrap();
            let reads =
                ["LOGIN", "CAPABILITY", "EXAMINE", "UID", "NOOP", "IDLE", "DONE", "LOGOUT", "STARTTLS", "ID"];
            assert!(reads.contains(&verb), "{command}");
            if verb == "UID" {
                assert!(
                    command.starts_with("UID FETCH ")
                        && (!command.contains("BODY") || command.contains("BODY.PEEK[")),
                    "{command}"
                );
                assert!(command.len() < 8_000);
            }
        }
    }
}

struct Connection {
    number: usize,
    folder: Arc<Mutex<Folder>>,
    calls: Arc<Mutex<Vec<(usize, String)>>>,
    script: Arc<Script>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut tag = "*".to_owned();
        let mut command = "GREETING".to_owned();
        loop {
            let call = Call { connection: self.number, command: &command };
            let acts = (self.script)(&call).unwrap_or_else(|| vec![Act::Usual]);
            let usual = self.usual(&command);
            let mut keepalive = None;
            for act in acts {
                let text = match act {
                    Act::Say(text) => text,
                    Act::Arrive(uid) => {
                        self.folder.lock().unwrap().uids.push(uid);
                        continue;
                    }
                    Act::Usual => usual.clone(),
                    Act::UsualUpTo(n) => usual.replace("{T}", &tag).chars().take(n).collect(),
                    Act::Close => return,
                    Act::Hang => return std::future::pending().await,
                    Act::Keepalive(interval) => {
                        keepalive = Some(interval);
                        continue;
                    }
                };
                if write.write_all(text.replace("{T}", &tag).as_bytes()).await.is_err() {
                    return;
                }
            }
            let next = tokio::select! {
                line = lines.next_line() => line,
                () = keep_alive(&mut write, keepalive) => return,
            };
            let Ok(Some(line)) = next else { return };
            if line == "DONE" {
                // Ends the command whose tag we still have.
                command = line;
            } else {
                let (new_tag, rest) = line.split_once(' ').unwrap();
                (tag, command) = (new_tag.to_owned(), rest.to_owned());
            }
            let noted = if command.starts_with("LOGIN") { "LOGIN" } else { &command };
            self.calls.lock().unwrap().push((self.number, noted.to_owned()));
        }
    }

    fn usual(&self, command: &str) -> String {
        let folder = self.folder.lock().unwrap().clone();
        let end = "{T} OK done\r\n";
        match command.split(' ').next().unwrap() {
            "GREETING" => "* OK ready\r\n".to_owned(),
            "IDLE" => "+ idling\r\n".to_owned(),
            "LOGOUT" => format!("* BYE bye\r\n{end}"),
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 Idle\r\n{end}"),
            "EXAMINE" => {
                let code = |name: &str, value: Option<u32>| {
                    value.map(|n| format!("* OK [{name} {n}] x\r\n")).unwrap_or_default()
                };
                let exists = folder.uids.len();
                let (validity, next) =
                    (code("UIDVALIDITY", folder.uid_validity), code("UIDNEXT", folder.uid_next));
                format!("* FLAGS ()\r\n* {exists} EXISTS\r\n{validity}{next}{{T}} OK [READ-ONLY] done\r\n")
            }
            "UID" => {
                let mut words = command.split(' ').skip(2);
                let (lo, hi) = words.next().unwrap().split_once(':').unwrap();
                let lo: u32 = lo.parse().unwrap();
                let last = folder.uids.last().copied().unwrap_or(0);
                // `n:*` always holds the last message (RFC 3501 §6.4.8).
                let range = hi.parse().map_or(lo.min(last)..=lo.max(last), |hi: u32| lo..=hi);
                let bodies = command.contains("BODY");
                let lines = folder.uids.iter().zip(1..).filter(|(uid, _)| range.contains(uid));
                lines.map(|(uid, n)| fetch(*uid, n, bodies)).collect::<String>() + end
            }
            _ => end.to_owned(),
        }
    }
}

/// One line of an answer to FETCH.
pub fn fetch(uid: u32, n: usize, body: bool) -> String {
    let raw = String::from_utf8(message(uid as usize)).unwrap();
    let size = raw.len();
    if body {
        format!("* {n} FETCH (UID {uid} BODY[] {{{size}}}\r\n{raw})\r\n")
    } else {
        format!("* {n} FETCH (UID {uid} RFC822.SIZE {size})\r\n")
    }
}

async fn keep_alive(write: &mut OwnedWriteHalf, interval: Option<Duration>) {
    let Some(interval) = interval else { return std::future::pending().await };
    loop {
        tokio::time::sleep(interval).await;
        if write.write_all(b"* OK Still here\r\n").await.is_err() {
            return;
        }
    }
}
