//! From a real Dovecot to durable, considered records: `cargo bench --bench mailbox [-- MESSAGES | FOLDER]`.
//!
//! FOLDER holds other mail than the generated, one message a file. Prints messages a second, CPU of the daemon a message, and what an idle daemon with an empty store costs.

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
    let count = mails.len();
    let server = Dovecot::start();
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    configure(folder.path(), &server, port);
    println!("idle, empty store:");
    let daemon = Daemon::start(folder.path(), port);
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
    for mail in &mails {
        server.deliver(mail);
    }
    // One session first, so that Dovecot's own indexing of new files is not what is measured.
    server.doveadm(&["search", "-u", USER, "mailbox", "INBOX", "all"]);
    let start = Instant::now();
    let daemon = Daemon::start(folder.path(), port);
    let mut stored = None;
    loop {
        let health = get(port, "/healthz");
        let number = |key: &str| {
            health
                .split(&format!("\"{key}\":"))
                .nth(1)
                .and_then(|t| t.split([',', '}']).next()?.parse::<usize>().ok())
                .unwrap()
        };
        let (size, waiting) = (number("size"), number("waiting"));
        if stored.is_none() && size >= count {
            stored = Some(start.elapsed());
        }
        if size >= 2 * count && waiting == 0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(300), "{health}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (whole, stored) = (start.elapsed(), stored.unwrap());
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    println!("{count} messages over TLS, from the start of the process:");
    println!("  raw and durable       {:8.0} messages/s", rate(stored));
    println!("  judged and recorded   {:8.0} messages/s", rate(whole));
    let status = daemon.status();
    println!("  {} µs CPU a message, {} KiB resident", status.cpu_ms * 1000 / count as u64, status.rss_kib);
}

fn mails_in(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect()
}

fn configure(folder: &Path, server: &Dovecot, port: u16) {
    std::fs::write(folder.join("password"), PASSWORD).unwrap();
    std::fs::write(folder.join("dns.json"), "{}").unwrap();
    let text = format!(
        "[seller]\ndomains = [\"northwind-labs.example\", \"vendor.example\"]\nnames = [\"Cascade\"]\nevidence = \"evidence@northwind-labs.example\"\n[store]\npath = \"store\"\n[dns]\nfile = \"dns.json\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n[[mailbox]]\nkind = \"imap\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\n",
        server.imaps,
        server.ca().display()
    );
    std::fs::write(folder.join("endorsed.toml"), text).unwrap();
}

struct Daemon(Child);

#[derive(Default)]
struct Status {
    rss_kib: u64,
    cpu_ms: u64,
    switches: u64,
}

impl Daemon {
    fn start(folder: &Path, port: u16) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_endorsed"))
            .args(["run", "--config"])
            .arg(folder.join("endorsed.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "no daemon");
            std::thread::sleep(Duration::from_millis(2));
        }
        Self(child)
    }

    /// Read from proc(5), over all threads.
    fn status(&self) -> Status {
        let mut status = Status::default();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap().flatten() {
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
        status
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
