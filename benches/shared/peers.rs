//! Other programs that pull mail by IMAP, over the same mailbox.

use std::path::Path;
use std::process::Command;

use super::Pace;
use super::dovecot::{Dovecot, PASSWORD, USER};

const IMAPFLOW: &str = r"
const { ImapFlow } = require('imapflow');
const fs = require('fs');
(async () => {
  const [port, ca, user, pass] = process.argv.slice(2);
  const tls = { ca: fs.readFileSync(ca) };
  const client = new ImapFlow({ host: 'localhost', port: +port, secure: true, auth: { user, pass }, tls, logger: false });
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  let count = 0;
  for await (const message of client.fetch('1:*', { uid: true, source: true })) count += message.source.length > 0;
  await client.logout();
  console.log(count);
})();
";

/// What is installed for the time of the bench.
pub struct Peers {
    folder: tempfile::TempDir,
}

impl Peers {
    /// Fetches imapflow and writes its script.
    pub fn install() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let npm = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder.path())
            .arg("imapflow@1")
            .status()
            .expect("apt-get install nodejs npm");
        assert!(npm.success(), "npm cannot install imapflow");
        std::fs::write(folder.path().join("pull.js"), IMAPFLOW).unwrap();
        Self { folder }
    }

    /// mbsync into a Maildir, as it comes: each message is synced to disk.
    pub fn mbsync(&self, server: &Dovecot, count: usize) -> Pace {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        std::fs::create_dir(folder.path().join("mail")).unwrap();
        let text = format!(
            "IMAPAccount a\nHost localhost\nPort {}\nUser {USER}\nPass {PASSWORD}\nSSLType IMAPS\nCertificateFile {}\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nInbox {at}/mail/inbox\n\nChannel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nSyncState {at}/state\n",
            server.imaps,
            server.ca().display()
        );
        std::fs::write(folder.path().join("rc"), text).unwrap();
        let (pace, _) = timed(count, &["mbsync", "-q", "-c", &format!("{at}/rc"), "c"]);
        let stored = ["new", "cur"].map(|sub| files(&folder.path().join("mail/inbox").join(sub)));
        assert_eq!(stored.iter().sum::<usize>(), count, "mbsync");
        pace
    }

    /// imapflow into memory.
    pub fn imapflow(&self, server: &Dovecot, count: usize) -> Pace {
        let script = self.folder.path().join("pull.js").display().to_string();
        let (port, ca) = (server.imaps.to_string(), server.ca().display().to_string());
        let (pace, told) = timed(count, &["node", &script, &port, &ca, USER, PASSWORD]);
        assert_eq!(told.trim(), count.to_string(), "imapflow");
        pace
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Runs a command to its end under the shell's `time`; what it wrote.
fn timed(count: usize, command: &[&str]) -> (Pace, String) {
    let output = Command::new("bash").args(["-c", "time -p \"$@\"", "bash"]).args(command).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {errors}", command[0]);
    let seconds = |key: &str| {
        let line = errors.lines().rev().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    let pace = Pace::of(count, seconds("real"), seconds("user") + seconds("sys"));
    (pace, String::from_utf8_lossy(&output.stdout).into_owned())
}
