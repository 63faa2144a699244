//! From a real Dovecot to durable, considered records: `cargo bench --bench mailbox [-- MESSAGES | FOLDER] [peers]`.
//!
//! FOLDER holds other mail than the generated, one message a file. Prints what an idle daemon with an empty store costs, how
//! long one message takes, messages a second and CPU of the daemon a message. `peers` runs the daemon, mbsync and imapflow by
//! turns over the same mailbox (`apt-get install isync nodejs npm`; imapflow is fetched by npm into a folder that is removed again).

#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../tests/it/dovecot.rs"]
mod dovecot;
#[path = "shared/generate.rs"]
mod generate;
#[path = "shared/notice.rs"]
mod notice;
#[path = "shared/peers.rs"]
mod peers;
#[path = "shared/raw.rs"]
mod raw;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dovecot::{Dovecot, PASSWORD, USER};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mails = match arguments.iter().find(|a| Path::new(a).is_dir()) {
        Some(folder) => mails_in(Path::new(folder)),
        None => generate::mails(arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(1_000)),
    };
    let server = Dovecot::start();
    if arguments.iter().any(|a| a == "peers") {
        deliver(&server, &mails);
        return race(&server, mails.len());
    }
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &over_tls(&server));
    println!("idle, empty store:");
    std::thread::sleep(Duration::from_secs(2));
    let before = daemon.status();
    std::thread::sleep(Duration::from_secs(10));
    let after = daemon.status();
    println!(
        "  {} KiB resident, {} ms CPU and {} wake-ups in 10 s",
        after.rss_kib,
        after.cpu_ms - before.cpu_ms,
        after.switches - before.switches
    );
    drop(daemon);
    let times = notice::to_verdict(&server, &mails[..mails.len().min(NOTICED)]);
    println!("one message after the other, from Dovecot's notice to the committed verdict:");
    println!(
        "  {:.0} ms (median), {:.0} ms (worst of {})",
        times[times.len() / 2],
        times[times.len() - 1],
        times.len()
    );
    server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "all"]);
    deliver(&server, &mails);
    println!("{} messages over TLS: messages/s and µs CPU of the client a message", mails.len());
    println!("  {}", raw::raw(&server, mails.len()).line(RAW));
    let run = fill(&server, mails.len());
    println!("  {}", run.stored.line("the daemon, durable by then"));
    println!("  {}", run.judged.line(JUDGED));
    println!("  {} KiB resident", run.rss_kib);
}

fn deliver(server: &Dovecot, mails: &[Vec<u8>]) {
    for mail in mails {
        server.deliver(mail);
    }
    // One session first, so that Dovecot's own indexing of new files is not what is measured.
    server.doveadm(&["search", "-u", USER, "mailbox", "INBOX", "all"]);
}

/// The daemon and its peers by turns: on a busy machine only what ran side by side can be compared.
fn race(server: &Dovecot, count: usize) {
    let peers = peers::Peers::install();
    println!(
        "{count} messages over TLS, {ROUNDS} rounds by turns: messages/s and µs CPU of the client a message"
    );
    for _ in 0..ROUNDS {
        println!("  {}", raw::raw(server, count).line(RAW));
        println!("  {}", fill(server, count).judged.line(JUDGED));
        println!("  {}", peers.mbsync(server, count).line("mbsync, durable (its default)"));
        println!("  {}", peers.imapflow(server, count).line("imapflow, to memory"));
    }
}

const RAW: &str = "endorsed, raw and durable";
const JUDGED: &str = "endorsed, judged and recorded";

/// How fast, and at what cost to the client.
pub struct Pace {
    /// Messages a second.
    rate: f64,
    /// µs a message.
    cpu: f64,
}

impl Pace {
    /// Of so many messages in so many seconds, with so many seconds of CPU.
    pub fn of(count: usize, seconds: f64, cpu: f64) -> Self {
        Self { rate: count as f64 / seconds, cpu: cpu * 1e6 / count as f64 }
    }

    fn line(&self, what: &str) -> String {
        format!("{what:32}{:8.0}/s {:6.0} µs", self.rate, self.cpu)
    }
}

struct Run {
    stored: Pace,
    judged: Pace,
    rss_kib: u64,
}

/// From the start of the process until everything is considered.
fn fill(server: &Dovecot, count: usize) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let daemon = Daemon::start(folder.path(), &over_tls(server));
    let pace = || Pace::of(count, start.elapsed().as_secs_f64(), daemon.status().cpu_ms as f64 / 1e3);
    let mut stored = None;
    loop {
        let (size, waiting) = health(daemon.port);
        if stored.is_none() && size >= count {
            stored = Some(pace());
        }
        if size >= 2 * count && waiting == 0 {
            return Run { stored: stored.unwrap(), judged: pace(), rss_kib: daemon.status().rss_kib };
        }
        assert!(start.elapsed() < Duration::from_secs(300), "{size} entries, {waiting} messages wait");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mails_in(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect()
}

const ROUNDS: usize = 3;
/// Messages that are delivered one by one.
const NOTICED: usize = 40;

fn over_tls(server: &Dovecot) -> String {
    format!("port = {}\nca_file = \"{}\"", server.imaps, server.ca().display())
}

/// `way`: how the mailbox is reached.
fn configure(folder: &Path, way: &str, port: u16) {
    std::fs::write(folder.join("password"), PASSWORD).unwrap();
    std::fs::write(folder.join("dns.json"), "{}").unwrap();
    let text = format!(
        "[seller]\ndomains = [\"northwind-labs.example\", \"vendor.example\"]\nnames = [\"Cascade\"]\nevidence = \"evidence@northwind-labs.example\"\n[store]\npath = \"store\"\n[dns]\nfile = \"dns.json\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n[[mailbox]]\nkind = \"imap\"\nhost = \"localhost\"\n{way}\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\n"
    );
    std::fs::write(folder.join("endorsed.toml"), text).unwrap();
}

struct Daemon {
    child: Child,
    port: u16,
}

#[derive(Default)]
struct Status {
    rss_kib: u64,
    cpu_ms: u64,
    switches: u64,
}

impl Daemon {
    fn start(folder: &Path, way: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        configure(folder, way, port);
        let child = Command::new(env!("CARGO_BIN_EXE_endorsed"))
            .args(["run", "--config"])
            .arg(folder.join("endorsed.toml"))
            // As the unit says.
            .envs([
                ("MALLOC_ARENA_MAX", "2"),
                ("MALLOC_MMAP_THRESHOLD_", "131072"),
                ("MALLOC_TRIM_THRESHOLD_", "262144"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "no daemon");
            std::thread::sleep(Duration::from_millis(2));
        }
        Self { child, port }
    }

    /// Read from proc(5): of all threads, those that ended too.
    fn status(&self) -> Status {
        let mut status = Status::default();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten() {
            let text = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let number = |key: &str| {
                let line = text.lines().find(|l| l.starts_with(key))?;
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            };
            status.rss_kib = number("VmRSS:").unwrap_or_default();
            status.switches += number("voluntary_ctxt_switches:").unwrap_or_default();
            let times = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            status.cpu_ms +=
                times.split_whitespace().next().and_then(|t| t.parse::<u64>().ok()).unwrap_or(0) / 1_000_000;
        }
        // Threads that ended are in here only, in hundredths of a second.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ms = ticks.filter_map(|t| t.parse::<u64>().ok()).sum::<u64>() * 10;
        status.cpu_ms = status.cpu_ms.max(ms);
        status
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Entries on record, and messages that are not considered yet.
fn health(port: u16) -> (usize, usize) {
    let text = get(port, "/healthz");
    let number = |key: &str| {
        let behind = text.split(&format!("\"{key}\":")).nth(1)?;
        behind.split([',', '}']).next()?.parse().ok()
    };
    (number("size").unwrap(), number("waiting").unwrap())
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
