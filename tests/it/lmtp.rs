//! The LMTP source: the contract of every source, and the protocol's own rules.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use endorsed::edge::lmtp::{self, Listen};
use endorsed::edge::source::{Fatal, MESSAGE_BYTES_MAX};
use tokio::sync::watch as signal;

use crate::dovecot::Dovecot;
use crate::home::Home;
use crate::letters::{BUYER, SELLER};
use crate::postfix::Postfix;
use crate::source_contract::{self, Mailbox, Running, Sink, message};

const TICK: Duration = Duration::from_millis(100);

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A client that says one line and reads the answer's lines.
struct Client(BufReader<Box<dyn Duplex>>);

impl Client {
    fn connect(address: SocketAddr) -> std::io::Result<Self> {
        Self::connect_to(&Listen::Tcp(address))
    }

    fn connect_to(listen: &Listen) -> std::io::Result<Self> {
        let limit = Some(Duration::from_secs(10));
        let stream: Box<dyn Duplex> = match listen {
            Listen::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
            Listen::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
        };
        let mut client = Self(BufReader::new(stream));
        client.answer()?;
        client.say("LHLO mta.example")?;
        Ok(client)
    }

    fn send(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(octets)
    }

    fn answer(&mut self) -> std::io::Result<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    fn say(&mut self, line: &str) -> std::io::Result<String> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    /// Hands one message over to so many recipients; the answers to its end.
    fn deliver(&mut self, raw: &[u8], recipients: usize) -> std::io::Result<Vec<String>> {
        self.say("MAIL FROM:<dana@acme.example>")?;
        for _ in 0..recipients {
            self.say("RCPT TO:<evidence@northwind-labs.example>")?;
        }
        self.say("DATA")?;
        let mut at_start = true;
        for line in raw.split_inclusive(|b| *b == b'\n') {
            if at_start && line.starts_with(b".") {
                self.send(b".")?;
            }
            at_start = line.ends_with(b"\r\n");
            self.send(line)?;
        }
        self.send(b".\r\n")?;
        (0..recipients).map(|_| self.answer()).collect()
    }
}

/// A mail server in small: a queue, tried until it is taken.
struct Mta {
    listen: Listen,
    queue: Arc<Mutex<VecDeque<Vec<u8>>>>,
    over: Arc<AtomicBool>,
}

impl Mta {
    fn new(listen: Listen) -> Self {
        let mta = Self { listen, queue: Arc::default(), over: Arc::default() };
        let (listen, queue, over) = (mta.listen.clone(), Arc::clone(&mta.queue), Arc::clone(&mta.over));
        std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                let _ = Self::try_queue(&listen, &queue);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        mta
    }

    fn try_queue(listen: &Listen, queue: &Mutex<VecDeque<Vec<u8>>>) -> std::io::Result<()> {
        let next = || queue.lock().unwrap().front().cloned();
        let Some(mut raw) = next() else { return Ok(()) };
        let mut client = Client::connect_to(listen)?;
        loop {
            if !client.deliver(&raw, 1)?[0].starts_with("250") {
                return Ok(());
            }
            queue.lock().unwrap().pop_front();
            match next() {
                Some(more) => raw = more,
                None => return client.say("QUIT").map(drop),
            }
        }
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Mailbox for Mta {
    fn deliver(&self, raw: &[u8]) {
        self.queue.lock().unwrap().push_back(raw.to_vec());
    }

    fn source(
        &self,
        sink: &Sink,
        stop: signal::Receiver<bool>,
    ) -> impl Future<Output = Result<(), Fatal>> + Send + 'static {
        lmtp::watch(self.listen.clone(), TICK, sink.intake.clone(), stop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lmtp_keeps_the_source_contract() {
    source_contract::check(Mta::new(Listen::Tcp(free_address()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lmtp_over_a_unix_socket_keeps_the_source_contract() {
    let folder = tempfile::tempdir().unwrap();
    source_contract::check(Mta::new(Listen::Unix(folder.path().join("lmtp")))).await;
}

#[test]
fn postfix_hands_mail_over_through_a_unix_socket_and_keeps_none() {
    let folder = tempfile::Builder::new().prefix("edl").tempdir_in("/tmp").unwrap();
    // As RuntimeDirectory= makes it: Postfix runs as another user and must reach the socket.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let socket = folder.path().join("lmtp").display().to_string();
    let dovecot = Dovecot::start();
    let postfix = Postfix::start_with(&dovecot, &format!("evidence@{SELLER} lmtp:unix:{socket}\n"));
    let home = Home::new(&format!("[[mailbox]]\nkind = \"lmtp\"\nlisten = \"{socket}\"\n"));
    let daemon = home.start();
    let to = [&*format!("evidence+OPP-70071@{SELLER}")];
    postfix.submit(&format!("kim@{SELLER}"), &to, &home.letters.declaration("OPP-70071"));
    let reply = home.letters.reply("OPP-70071", 1, "Yes, confirmed. All three criteria are met.");
    postfix.submit(&format!("dana@{BUYER}"), &to, &reply);
    home.wait_for_gate("OPP-70071", 0);
    let start = std::time::Instant::now();
    while postfix.queued() > 0 {
        assert!(start.elapsed() < crate::home::PATIENCE, "{} queued: {}", postfix.queued(), postfix.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let page = home.get_text("/metrics").1;
    assert!(page.contains("endorsed_messages_ingested_total{mailbox=\"lmtp\"} 2"), "{page}");
    assert!(postfix.log().contains("status=sent"), "{}", postfix.log());
    assert_eq!(daemon.stop(), Some(0));
}

fn start(address: SocketAddr, sink: &Sink) -> Running {
    let running = Running::start(|stop| lmtp::watch(Listen::Tcp(address), TICK, sink.intake.clone(), stop));
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_hears_of_the_commit_and_the_octets_stay_as_they_came() {
    let (address, sink) = (free_address(), Sink::new());
    let running = start(address, &sink);
    let raw = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nbare\n.\nline\r\nlast".to_vec();
    let sent = [raw.clone(), b"\r\n".to_vec()].concat();
    tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address).unwrap();
        assert!(client.say("EHLO x").unwrap().starts_with("500"), "RFC 2033 §4.1");
        assert!(client.say("DATA").unwrap().starts_with("503"), "RFC 2033 §4.2");
        let answers = client.deliver(&sent, 3).unwrap();
        assert!(
            answers.len() == 3 && answers.iter().all(|answer| answer.starts_with("250 2.0.0")),
            "{answers:?}"
        );
        // A line feed alone ends no line: the dot behind it is text, and what follows is no command.
        client.say("MAIL FROM:<>").unwrap();
        client.say("RCPT TO:<e@x>").unwrap();
        client.say("DATA").unwrap();
        client.send(b"a\n.\nMAIL FROM:<smuggled@x>\r\n.\r\n").unwrap();
        assert!(client.answer().unwrap().starts_with("250"));
        assert!(client.say("NOOP").unwrap().starts_with("250"), "one answer, one message");
        assert!(client.say("x".repeat(5_000).as_str()).unwrap().starts_with("500"));
    })
    .await
    .unwrap();
    running.stop().await;
    let stored: Vec<Vec<u8>> = sink.stored().into_iter().map(|copy| copy.raw).collect();
    assert_eq!(stored[0], [raw, b"\r\n".to_vec()].concat());
    assert_eq!(stored[1..], [b"a\n.\nMAIL FROM:<smuggled@x>\r\n".to_vec()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_not_stored_is_not_said_to_be_taken() {
    let (address, sink) = (free_address(), Sink::new());
    let running = start(address, &sink);
    sink.refuse(1);
    let line = [b"x".repeat(998), b"\r\n".to_vec()].concat();
    let large = line.repeat(MESSAGE_BYTES_MAX / line.len() + 2);
    let (octets, digest) = (large.len() as u64, endorsed::model::Digest::of(&large));
    tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address).unwrap();
        assert!(client.deliver(&message(0), 2).unwrap().iter().all(|answer| answer.starts_with("451")));
        assert!(client.deliver(&large, 1).unwrap()[0].starts_with("552"));
        assert!(client.deliver(&message(1), 1).unwrap()[0].starts_with("250"), "the session goes on");
    })
    .await
    .unwrap();
    running.stop().await;
    assert_eq!(sink.bodies(), [message(1)].into());
    let aside = sink.set_aside();
    assert_eq!((aside.len(), aside[0].bytes), (1, Some(octets)), "a person must look for it: {aside:?}");
    assert_eq!(aside[0].sha256, Some(digest));
}

#[test]
fn a_daemon_takes_mail_over_lmtp_once_and_answers_the_gate() {
    let address = free_address();
    let home = Home::new(&format!("[[mailbox]]\nkind = \"lmtp\"\nlisten = \"{address}\"\n"));
    let daemon = home.start();
    let reply = home.letters.reply("OPP-70070", 1, "Yes, confirmed. All three criteria are met.");
    // HTTP may answer before the mailbox is listened to.
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut client = Client::connect(address).unwrap();
    for raw in [&home.letters.declaration("OPP-70070"), &reply, &reply] {
        assert!(client.deliver(raw, 1).unwrap()[0].starts_with("250"));
    }
    home.wait_for_gate("OPP-70070", 0);
    assert_eq!(home.get("/readyz").0, 200);
    let page = home.get_text("/metrics").1;
    assert!(page.contains("endorsed_messages_duplicate_total{mailbox=\"lmtp\"} 1"), "{page}");
    assert_eq!(daemon.stop(), Some(0));
    let far = Home::new("[[mailbox]]\nkind = \"lmtp\"\nlisten = \"0.0.0.0:24\"\n");
    let refused = far.ask(&["check-config"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("loopback"));
}
