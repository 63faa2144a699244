//! A real Dovecot for one test: own ports, own folder, ended with the value.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use endorsed::edge::imap::{Password, Settings, Timings, Tls};
use tempfile::TempDir;

/// The user whose mailbox is watched.
pub const USER: &str = "evidence";
/// Everybody's password.
pub const PASSWORD: &str = "s3cret-in-tests";
/// What a machine without Dovecot is told.
const INSTALL: &str = "Dovecot is missing. Install it with: \
    apt-get update && apt-get install -y --no-install-recommends dovecot-imapd openssl";

/// A running server.
pub struct Dovecot {
    root: TempDir,
    /// Port for plain text and STARTTLS.
    pub imap: u16,
    /// Port for TLS.
    pub imaps: u16,
    owner: Owner,
    guard: Child,
}

/// As whom the mail is kept.
#[derive(Clone)]
struct Owner {
    root: bool,
    user: String,
    group: String,
    ids: (u32, u32),
}

impl Dovecot {
    /// Starts a server and waits until it greets.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server with more configuration.
    pub fn start_with(extra: &str) -> Self {
        Self::start_asking(extra, None)
    }

    /// Starts a server that asks about access tokens at an address (RFC 7662).
    pub fn start_asking(extra: &str, introspection: Option<&str>) -> Self {
        assert!(found("dovecot") && found("doveadm") && found("openssl"), "{INSTALL}");
        // Somebody may take a port between our look and Dovecot's start.
        (0..3).find_map(|_| Self::try_start(extra, introspection)).expect("Dovecot does not start")
    }

    fn try_start(extra: &str, introspection: Option<&str>) -> Option<Self> {
        // Unix sockets need a short path, and the mail user must get through.
        let root = tempfile::Builder::new().prefix("edv").tempdir_in("/tmp").unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let owner = Owner::find();
        let (imap, imaps) = free_ports();
        for folder in ["base", "state", "tls", "mail"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        owner.give(&root.path().join("mail"));
        certificates(&root.path().join("tls"));
        fs::write(root.path().join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        fs::write(root.path().join("extra.conf"), extra).unwrap();
        if let Some(url) = introspection {
            let asked = root.path().join("oauth2.conf");
            fs::write(&asked, include_str!("../dovecot/oauth2.conf.in").replace("@URL@", url)).unwrap();
            let passdb = format!(
                "auth_mechanisms = plain login xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  \
                 mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n",
                asked.display()
            );
            fs::write(root.path().join("auth.conf"), passdb).unwrap();
        }
        let config = configuration(root.path(), imap, imaps, &owner);
        fs::write(root.path().join("dovecot.conf"), config).unwrap();
        let guard = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dovecot/guard.sh"))
            .arg(root.path().join("dovecot.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { root, imap, imaps, owner, guard };
        server.create_maildir();
        server.wait_for_greeting().then_some(server)
    }

    /// Settings to watch the mailbox with, impatient as a test.
    pub fn settings(&self, tls: Tls) -> Settings {
        let mut settings = Settings::new("localhost", USER, Password::Fixed(PASSWORD.into()));
        settings.port = if tls == Tls::Implicit { self.imaps } else { self.imap };
        settings.tls = tls;
        settings.ca_file = Some(self.ca());
        settings.timings = quick();
        settings
    }

    /// The certificate to trust.
    pub fn ca(&self) -> PathBuf {
        self.root.path().join("tls/ca.pem")
    }

    /// Folder of all mail.
    pub fn mail(&self) -> PathBuf {
        self.root.path().join("mail")
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.root.path().join("dovecot.conf")
    }

    /// Gives a user a Sieve script (RFC 5228).
    pub fn put_sieve(&self, user: &str, script: &str) {
        let home = self.mail().join(user);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join(".dovecot.sieve"), script).unwrap();
        self.owner.give(&home);
        self.owner.give(&home.join(".dovecot.sieve"));
    }

    /// Name of the user who keeps the mail.
    pub fn mail_user(&self) -> &str {
        &self.owner.user
    }

    /// Folder of its sockets.
    pub fn base(&self) -> PathBuf {
        self.root.path().join("base")
    }

    /// As whom the mail is kept: user and group.
    pub fn ids(&self) -> (u32, u32) {
        self.owner.ids
    }

    /// Whether it runs as root.
    pub fn is_root(&self) -> bool {
        self.owner.root
    }

    /// The watched Maildir.
    pub fn maildir(&self) -> PathBuf {
        self.root.path().join("mail").join(USER).join("Maildir")
    }

    /// Delivers as an MTA does: a complete file, renamed into `new/`. Returns its name.
    pub fn deliver(&self, raw: &[u8]) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.M{n:08}P{}.test", 1_700_000_000 + n, std::process::id());
        let (tmp, new) = (self.maildir().join("tmp").join(&name), self.maildir().join("new").join(&name));
        fs::write(&tmp, raw).unwrap();
        self.owner.give(&tmp);
        fs::rename(&tmp, new).unwrap();
        name
    }

    /// Runs doveadm and returns what it printed.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let config = self.root.path().join("dovecot.conf");
        let output = command("doveadm").arg("-c").arg(config).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "doveadm {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Closes the user's connections; a connection that is just closing is fine too.
    pub fn kick(&self) {
        let config = self.root.path().join("dovecot.conf");
        let _ = command("doveadm").arg("-c").arg(config).args(["kick", USER]).output().unwrap();
    }

    /// Makes a message unreadable for the server (but still listed).
    pub fn poison(&self, name: &str) {
        let file = self.find(name);
        if self.owner.root {
            chown(&file, Some(0), Some(0)).unwrap();
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    }

    /// Makes it readable again.
    pub fn cure(&self, name: &str) {
        let file = self.find(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        self.owner.give(&file);
    }

    fn find(&self, name: &str) -> PathBuf {
        let files = ["new", "cur"].map(|f| fs::read_dir(self.maildir().join(f)).unwrap());
        let mut files = files.into_iter().flatten().map(|e| e.unwrap().path());
        files.find(|f| f.file_name().unwrap().to_string_lossy().starts_with(name)).expect("no such message")
    }

    fn create_maildir(&self) {
        let mut folder = self.root.path().join("mail");
        for part in [USER, "Maildir"] {
            folder.push(part);
            fs::create_dir(&folder).unwrap();
            self.owner.give(&folder);
        }
        for part in ["new", "cur", "tmp"] {
            fs::create_dir(folder.join(part)).unwrap();
            self.owner.give(&folder.join(part));
        }
    }

    fn wait_for_greeting(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.guard.try_wait().unwrap().is_none() {
            if greets(self.imap) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        eprintln!("{}", fs::read_to_string(self.root.path().join("dovecot.log")).unwrap_or_default());
        false
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The guard ends Dovecot when its standard input ends.
        drop(self.guard.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.guard.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Owner {
    fn find() -> Self {
        let name = |arguments: &[&str]| {
            let output = Command::new("id").args(arguments).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let root = name(&["-u"]) == "0";
        let user = if root { "mail".to_owned() } else { name(&["-un"]) };
        let id = |option: &str| name(&[option, &user]).parse().unwrap();
        Self { root, group: name(&["-gn", &user]), ids: (id("-u"), id("-g")), user }
    }

    fn give(&self, path: &Path) {
        if self.root {
            chown(path, Some(self.ids.0), Some(self.ids.1)).unwrap();
        }
    }
}

/// Intervals for tests: everything that waits for long in production is short here.
pub fn quick() -> Timings {
    Timings {
        connect: Duration::from_secs(10),
        command: Duration::from_secs(5),
        idle_renew: Duration::from_secs(2),
        done: Duration::from_secs(5),
        poll: Duration::from_millis(200),
        backoff_min: Duration::from_millis(50),
        backoff_max: Duration::from_millis(400),
        stable: Duration::from_secs(1),
        stop_grace: Duration::from_secs(1),
        ..Timings::default()
    }
}

/// Dovecot's programs live where an ordinary user's PATH may not look.
fn command(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    command
}

fn found(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin").split(':').any(|folder| Path::new(folder).join(program).is_file())
}

fn free_ports() -> (u16, u16) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [a, b] = listeners.map(|l| l.local_addr().unwrap().port());
    (a, b)
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut start = [0; 4];
    let greeted = stream.read_exact(&mut start).is_ok() && &start == b"* OK";
    let _ = stream.write_all(b"x LOGOUT\r\n");
    greeted
}

fn configuration(root: &Path, imap: u16, imaps: u16, owner: &Owner) -> String {
    let (internal, login) = if owner.root { ("dovecot", "dovenull") } else { (&*owner.user, &*owner.user) };
    let internal_group = if owner.root { "dovecot" } else { &owner.group };
    let mut config = include_str!("../dovecot/dovecot.conf.in").to_owned();
    for (word, value) in [
        ("ROOT", root.to_str().unwrap()),
        ("IMAP_PORT", &imap.to_string()),
        ("IMAPS_PORT", &imaps.to_string()),
        ("MAIL_USER", &owner.user),
        ("MAIL_GROUP", &owner.group),
        ("INTERNAL_USER", internal),
        ("INTERNAL_GROUP", internal_group),
        ("LOGIN_USER", login),
    ] {
        config = config.replace(&format!("@{word}@"), value);
    }
    config
}

/// A certificate authority and a server certificate below it: rustls takes no authority as a server.
pub fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output =
            command("openssl").current_dir(folder).args(arguments.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=endorsed-test-CA \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
         -keyout ca.key -out ca.pem",
    );
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out req.pem",
    );
    let extensions =
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n";
    fs::write(folder.join("ext"), extensions).unwrap();
    openssl(
        "x509 -req -in req.pem -CA ca.pem -CAkey ca.key -set_serial 2 -days 30 -extfile ext -out cert.pem",
    );
}
