//! A real Postfix for one test: own port, own folders, delivering into a Dovecot's Maildirs, ended with the value.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::dovecot::Dovecot;
use crate::letters::{BUYER, SELLER};

/// What a machine without Postfix is told.
const INSTALL: &str = "Postfix or Dovecot's Sieve is missing, or the tests do not run as root. As root: \
    apt-get update && apt-get install -y --no-install-recommends postfix dovecot-sieve";

/// Configuration of Dovecot that lets Postfix ask it for passwords.
pub const AUTH: &str = "service auth {\n  unix_listener auth-postfix {\n    mode = 0666\n  }\n}\n";

/// Configuration of Dovecot that lets a user's Sieve script see what is delivered.
pub const SIEVE: &str =
    "protocol lda {\n  mail_plugins = sieve\n}\nplugin {\n  sieve = file:~/.dovecot.sieve\n}\n";

/// A running server.
pub struct Postfix {
    root: TempDir,
    /// Its port: plain text, STARTTLS.
    pub port: u16,
    mail: PathBuf,
    guard: Child,
}

impl Postfix {
    /// Starts a server before `dovecot` and waits until it greets.
    pub fn start(dovecot: &Dovecot) -> Self {
        Self::start_with(dovecot, "")
    }

    /// The same with more lines in its table of transports (transport(5)).
    pub fn start_with(dovecot: &Dovecot, transports: &str) -> Self {
        let has = |program: &str| Path::new(program).exists();
        assert!(has("/usr/sbin/postfix") && has("/usr/bin/sievec") && dovecot.is_root(), "{INSTALL}");
        let root = tempfile::Builder::new().prefix("edp").tempdir_in("/tmp").unwrap();
        fs::set_permissions(root.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = root.path().join("config");
        for folder in ["config", "queue", "data"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let chown = Command::new("chown").arg("postfix").arg(root.path().join("data")).status().unwrap();
        assert!(chown.success());
        let mail = dovecot.mail();
        let (uid, gid) = dovecot.ids();
        let fill = |text: &str| {
            let mut text = text.to_owned();
            for (word, value) in [
                ("ROOT", root.path().display().to_string()),
                ("MAIL", mail.display().to_string()),
                ("TLS", dovecot.ca().parent().unwrap().display().to_string()),
                ("AUTH", dovecot.base().join("auth-postfix").display().to_string()),
                ("DOVECOT", dovecot.config().display().to_string()),
                ("USER", dovecot.mail_user().to_owned()),
                ("PORT", port.to_string()),
                ("UID", uid.to_string()),
                ("GID", gid.to_string()),
                ("SELLER", SELLER.to_owned()),
                ("BUYER", BUYER.to_owned()),
            ] {
                text = text.replace(&format!("@{word}@"), &value);
            }
            text
        };
        let put = |name: &str, text: String| fs::write(root.path().join(name), text).unwrap();
        put("config/main.cf", fill(include_str!("../postfix/main.cf.in")));
        put("config/master.cf", fill(include_str!("../postfix/master.cf.in")));
        let mailbox = |at: &str, name: &str| format!("{at} {name}/Maildir/\n");
        put(
            "mailboxes",
            mailbox(&format!("evidence@{SELLER}"), "evidence")
                + &mailbox(&format!("kim@{SELLER}"), "kim")
                + &mailbox(&format!("dana@{BUYER}"), "dana"),
        );
        // Dana's mail goes through Dovecot, where her Sieve script sees it.
        put("transport", format!("dana@{BUYER} sieve:\n{transports}"));
        // The seller's address needs a password.
        put("senders", format!("evidence@{SELLER} permit_sasl_authenticated, reject\n"));
        let guard = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postfix/guard.sh"))
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(root.path().join("guard.log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self { root, port, mail, guard };
        let start = Instant::now();
        while !server.greets() {
            assert!(start.elapsed() < Duration::from_secs(30), "Postfix does not start: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.root.path().join(name)).unwrap_or_default();
        format!("{}{}", read("guard.log"), read("postfix.log"))
    }

    /// How many mails it has not got rid of.
    pub fn queued(&self) -> usize {
        let files =
            |name: &str| fs::read_dir(self.root.path().join("queue").join(name)).into_iter().flatten();
        let folders = ["maildrop", "incoming", "active", "deferred", "hold", "corrupt"];
        // What is deferred lies in folders by the first letter of its name.
        let below =
            |path: PathBuf| if path.is_dir() { fs::read_dir(path).into_iter().flatten().count() } else { 1 };
        folders.iter().flat_map(|name| files(name)).map(|entry| below(entry.unwrap().path())).sum()
    }

    /// Every mail that `user` has, in order of delivery.
    pub fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let mut files: Vec<PathBuf> = ["new", "cur"]
            .iter()
            .flat_map(|f| fs::read_dir(self.mail.join(user).join("Maildir").join(f)).into_iter().flatten())
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    /// Hands over a mail as another server does.
    pub fn submit(&self, from: &str, to: &[&str], raw: &[u8]) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut stream = stream;
        let mut expect = |code: &str| loop {
            let line = answers.next().unwrap().unwrap();
            assert!(line.starts_with(code), "{line}: {}", self.log());
            if line.as_bytes().get(3) == Some(&b' ') {
                return;
            }
        };
        expect("220");
        let mut say = |line: String, code: &str| {
            stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
            expect(code);
        };
        say("EHLO mail.example".into(), "250");
        say(format!("MAIL FROM:<{from}>"), "250");
        for to in to {
            say(format!("RCPT TO:<{to}>"), "250");
        }
        say("DATA".into(), "354");
        let text = String::from_utf8(raw.to_vec()).unwrap().replace("\r\n.", "\r\n..");
        say(format!("{text}\r\n."), "250");
        say("QUIT".into(), "221");
    }

    fn greets(&self) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("220")
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The guard ends Postfix when its standard input ends.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
