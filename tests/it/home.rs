//! A daemon as a process, with a folder of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::letters::{Letters, SELLER};

/// How long anything may take before a test gives up; nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon with a folder of its own.
pub struct Home {
    pub folder: TempDir,
    pub letters: Letters,
    pub port: u16,
}

impl Home {
    pub fn new(mailbox: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("edd").tempdir_in("/tmp").unwrap();
        let letters = Letters::new();
        std::fs::write(folder.path().join("dns.json"), letters.dns()).unwrap();
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[seller]\ndomains = [\"{SELLER}\"]\nnames = [\"Cascade\"]\nevidence = \"evidence@{SELLER}\"\n\
             [store]\npath = \"store\"\n[dns]\nfile = \"dns.json\"\n[http]\nlisten = \"127.0.0.1:{port}\"\nopen_on_loopback = \"read\"\n\
             [policy]\ntrust_declared_champions = true\n{mailbox}"
        );
        std::fs::write(folder.path().join("endorsed.toml"), config).unwrap();
        for name in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.path().join("Maildir").join(name)).unwrap();
        }
        Self { folder, letters, port }
    }

    pub fn maildir() -> Self {
        Self::new("[[mailbox]]\nkind = \"maildir\"\npath = \"Maildir\"\npoll_seconds = 1\n")
    }

    pub fn imap(server: &Dovecot) -> Self {
        Self::imap_at(server, server.imaps)
    }

    /// Over TLS through another port, where a proxy stands.
    pub fn imap_at(server: &Dovecot, port: u16) -> Self {
        Self::new(&format!(
            "[[mailbox]]\nkind = \"imap\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\n",
            port,
            server.ca().display()
        ))
    }

    /// The same with access tokens instead of a password.
    pub fn imap_with_tokens(server: &Dovecot, port: u16, token_url: &str) -> Self {
        let home = Self::imap_at(server, port);
        let config = home.path().join("endorsed.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let tokens = format!(
            "[mailbox.oauth2]\ntoken_url = \"{token_url}\"\nclient_id = \"daemon\"\nclient_secret = {{ file = \"secret\" }}\n"
        );
        std::fs::write(home.path().join("secret"), "s3cret\n").unwrap();
        std::fs::write(config, text.replace("password = { file = \"password\" }\n", &tokens)).unwrap();
        home
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_endorsed"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("endorsed.toml"));
        command
    }

    pub fn ask(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Exit status of the gate into commercial review.
    pub fn gate(&self, opportunity: &str) -> i32 {
        self.ask(&["gate", opportunity, "--to", "commercial_review"]).status.code().unwrap()
    }

    pub fn wait_for_gate(&self, opportunity: &str, status: i32) {
        let start = Instant::now();
        while self.gate(opportunity) != status {
            assert!(
                start.elapsed() < PATIENCE,
                "the gate of {opportunity} never answered {status}: {:?}\n{}",
                self.ask(&["show", opportunity]),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn shown(&self, opportunity: &str) -> String {
        String::from_utf8_lossy(&self.ask(&["show", opportunity]).stdout).into_owned()
    }

    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// With more in its environment.
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Running {
        let mut running = self.spawn(environment);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = running.0.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "no daemon ({ended:?}): {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    /// The same, without waiting until it stands.
    pub fn spawn(&self, environment: &[(&str, &str)]) -> Running {
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command(&["run"]);
        if std::env::var_os(TRACE_DIR).is_some() {
            command.env("RUST_LOG", "trace");
        }
        let child =
            command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Running(child)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn deliver(&self, name: &str, raw: &[u8]) {
        let maildir = self.folder.path().join("Maildir");
        std::fs::write(maildir.join("tmp").join(name), raw).unwrap();
        std::fs::rename(maildir.join("tmp").join(name), maildir.join("new").join(name)).unwrap();
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.get_text(path);
        (status, serde_json::from_str(&body).unwrap())
    }

    pub fn get_text(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

/// Where `tests/run` collects what daemons log at TRACE, to look for secrets in it.
const TRACE_DIR: &str = "ENDORSED_TRACE_DIR";

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(folder) = std::env::var_os(TRACE_DIR) {
            let name = self.path().file_name().unwrap().to_owned();
            let _ = std::fs::write(Path::new(&folder).join(name), self.log());
        }
    }
}

/// A process that ends with the value.
pub struct Running(pub Child);

impl Running {
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and what it ended with.
    pub fn stop(mut self) -> Option<i32> {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "SIGTERM takes longer than ten seconds");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
