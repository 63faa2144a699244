//! The configuration file (TOML): unknown keys are refused with `path:line` and the nearest known key.

mod accounts;
mod error;
mod http;
mod letters;
mod limits;
mod log;
mod mailbox;
mod oauth2;
mod receiver;
mod retention;
mod smtp;
mod webhook;

pub use accounts::load as load_accounts;
pub use error::{ConfigError, Problem};
pub use http::{HttpSection, Open, ProxySection, TlsSection};
pub use letters::{BuyerSection, LettersSection};
pub use limits::LimitsSection;
pub use log::LogSection;
pub use mailbox::{MailboxKind, MailboxSection};
pub use oauth2::{OAuth2Section, Provider};
pub use receiver::ReceiverSection;
pub use retention::RetentionSection;
pub use smtp::SmtpSection;
pub use webhook::WebhookSection;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::edge::imap::Password;
use crate::gate::{GateFileError, GateProblem, Gates};
use crate::judge::{RuleError, Rules};
use crate::model::{Accounts, Address, Policy, Seller, Terms};

/// Where the program looks when `--config` is not given.
pub const DEFAULT_PATH: &str = "/etc/endorsed/endorsed.toml";

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who we are.
    pub seller: SellerSection,
    /// Where the record lives.
    #[serde(default)]
    pub store: StoreSection,
    /// Mailboxes to watch.
    #[serde(default)]
    pub mailbox: Vec<MailboxSection>,
    /// Who signs the log.
    #[serde(default)]
    pub log: LogSection,
    /// How letters leave.
    pub smtp: Option<SmtpSection>,
    /// Letters as files instead of SMTP.
    pub outbox: Option<OutboxSection>,
    /// What the operator says about letters.
    pub letters: Option<LettersSection>,
    /// Where HTTP is served; without it there is none.
    pub http: Option<HttpSection>,
    /// Who is told of events.
    #[serde(default)]
    pub webhook: Vec<WebhookSection>,
    /// A file instead of the system resolver.
    pub dns: Option<FileSection>,
    /// Who may speak for the buyers.
    pub accounts: Option<FileSection>,
    /// The server whose Authentication-Results are a second witness.
    pub receiver: Option<ReceiverSection>,
    /// Gates instead of the shipped ones.
    pub gates: Option<FileSection>,
    /// Rules instead of the shipped ones.
    pub rules: Option<RulesSection>,
    /// What counts.
    #[serde(default)]
    pub policy: PolicySection,
    /// Who decides what is doubtful.
    #[serde(default)]
    pub review: ReviewSection,
    /// How long mail is kept.
    #[serde(default)]
    pub retention: RetentionSection,
    /// What one message may cost.
    #[serde(default)]
    pub limits: LimitsSection,
}

/// `[review]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewSection {
    /// Above this amount two persons must decide the same, and so they must where no amount is registered.
    pub second_person_above: Option<u64>,
}

/// `[seller]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SellerSection {
    /// Mail domains.
    pub domains: Vec<String>,
    /// Names that "we recommend …" must name, if it names anybody.
    #[serde(default)]
    pub names: Vec<String>,
    /// The evidence mailbox's address.
    pub evidence: String,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// Folder.
    pub path: PathBuf,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { path: "/var/lib/endorsed".into() }
    }
}

/// `[outbox]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSection {
    /// Folder for letters as `.eml`.
    pub dir: PathBuf,
}

/// `[dns]`, `[accounts]`, `[gates]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSection {
    /// Path, relative to the configuration file's folder.
    pub file: PathBuf,
}

/// `[rules]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesSection {
    /// Folder that replaces the shipped rules, relative to the configuration file's folder.
    pub dir: PathBuf,
}

/// `[policy]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySection {
    /// Without an accounts file: let the To of an authenticated declaration say who the champion is.
    pub trust_declared_champions: bool,
    /// Oldest age of a signature when we first see it, in days.
    pub signature_age_days_max: i64,
    /// Whether a champion's mail counts that somebody attached to another mail; its own signature must hold.
    pub accept_attached: bool,
    /// After so many minutes without a completed mailbox cycle a gate that asks for the win stays closed.
    pub mailbox_stale_minutes: u64,
    /// A yes older than so many days counts as nothing until it is given again; not set: a yes does not age.
    pub evidence_days_max: Option<u32>,
}

impl Default for PolicySection {
    fn default() -> Self {
        Self {
            trust_declared_champions: false,
            signature_age_days_max: Policy::SIGNATURE_AGE_DAYS_MAX,
            accept_attached: true,
            mailbox_stale_minutes: 20,
            evidence_days_max: None,
        }
    }
}

impl Config {
    /// Reads and checks a file; relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// Every problem found, each with its place.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::one(path, 0, format!("{e}; name a file with --config")))?;
        let mut config: Self = toml::from_str(&text).map_err(|e| ConfigError::of_toml(path, &text, &e))?;
        config.root(path.parent().unwrap_or(Path::new(".")));
        let problems = config.problems(path, &text);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    /// The seller as the core knows it.
    pub fn seller(&self) -> Option<Seller> {
        Some(Seller {
            domains: self.seller.domains.iter().map(|d| d.to_ascii_lowercase()).collect(),
            names: self.seller.names.clone(),
            evidence: Address::new(&self.seller.evidence)?,
        })
    }

    /// Everything that the core needs, with the accounts file read.
    ///
    /// # Errors
    /// Problems of the accounts file.
    pub fn policy(&self, trust_without_accounts: bool) -> Result<Policy, ConfigError> {
        let seller = self
            .seller()
            .ok_or_else(|| ConfigError::one(Path::new("seller"), 0, "evidence is no address"))?;
        let accounts: Option<Accounts> =
            self.accounts.as_ref().map(|a| load_accounts(&a.file, &seller.domains)).transpose()?;
        Ok(Policy {
            seller,
            accounts,
            trust_declared_champions: trust_without_accounts || self.policy.trust_declared_champions,
            signature_age_days_max: self.policy.signature_age_days_max,
            accept_attached: self.policy.accept_attached,
            receiver: self.receiver.as_ref().map(ReceiverSection::receiver),
        })
    }

    /// What lets a standing count.
    pub fn terms(&self) -> Terms {
        Terms {
            second_person_above: self.review.second_person_above,
            evidence_days_max: self.policy.evidence_days_max,
        }
    }

    /// The rules: a folder, or the shipped ones.
    ///
    /// # Errors
    /// Every error of every rule file.
    pub fn load_rules(&self) -> Result<Rules, ConfigError> {
        load_rules(self.rules.as_ref().map(|r| r.dir.as_path()))
    }

    /// The gates: a file, or the shipped ones.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn load_gates(&self) -> Result<Gates, ConfigError> {
        let Some(section) = &self.gates else { return shipped_gates() };
        let path = &section.file;
        read_gates(path)
    }

    fn root(&mut self, folder: &Path) {
        let root = |path: &mut PathBuf| *path = folder.join(&*path);
        root(&mut self.store.path);
        for section in [&mut self.dns, &mut self.accounts, &mut self.gates].into_iter().flatten() {
            root(&mut section.file);
        }
        if let Some(rules) = &mut self.rules {
            root(&mut rules.dir);
        }
        if let Some(outbox) = &mut self.outbox {
            root(&mut outbox.dir);
        }
        if let Some(Password::File(path)) = &mut self.log.key {
            root(path);
        }
        self.mailbox.iter_mut().for_each(|mailbox| mailbox.root(folder));
        for webhook in &mut self.webhook {
            if let Password::File(path) = &mut webhook.secret {
                root(path);
            }
        }
        if let Some(http) = &mut self.http {
            http.root(folder);
        }
        if let Some(letters) = &mut self.letters {
            letters.root(root);
        }
        if let Some(smtp) = &mut self.smtp {
            smtp.root(root);
        }
    }

    /// What the types can not say.
    fn problems(&self, path: &Path, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem =
            |key: &str, message: String| problems.push(Problem::at_key(path, text, key, message));
        match Address::new(&self.seller.evidence) {
            None => problem("evidence", format!("`{}` is no mail address", self.seller.evidence)),
            Some(evidence) if !evidence.is_at(&self.seller().map(|s| s.domains).unwrap_or_default()) => {
                problem("evidence", format!("`{evidence}` is not at one of the seller's domains"));
            }
            Some(_) => {}
        }
        if self.seller.domains.is_empty() {
            problem("domains", "name at least one mail domain of the seller".into());
        }
        for (key, message) in self.mailbox.iter().flat_map(MailboxSection::problems) {
            problem(key, message);
        }
        for (key, message) in self.http.iter().flat_map(HttpSection::problems) {
            problem(key, message);
        }
        for (key, message) in self.webhook.iter().flat_map(WebhookSection::problems) {
            problem(key, message);
        }
        let mut names = std::collections::BTreeSet::new();
        for webhook in self.webhook.iter().filter(|w| !names.insert(&w.name)) {
            problem("name", format!("two webhooks are called `{}`", webhook.name));
        }
        for (key, message) in self.log.problems() {
            problem(key, message);
        }
        for (key, message) in self.receiver.iter().flat_map(ReceiverSection::problems) {
            problem(key, message);
        }
        if let Some(smtp) = &self.smtp {
            for (key, message) in smtp.problems() {
                problem(key, message);
            }
        }
        if let Some((key, message)) = self.limits.problems() {
            problem(key, message);
        }
        for (key, message) in self.retention.problems(self.policy.evidence_days_max) {
            problem(key, message);
        }
        if !self.log.checkpoint_to.is_empty() && self.smtp.is_none() && self.outbox.is_none() {
            problem("checkpoint_to", "without [smtp] or [outbox] no letter leaves".into());
        }
        if self.smtp.is_some() && self.outbox.is_some() {
            problem("outbox", "[smtp] and [outbox] exclude each other".into());
        }
        problems
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The gates of a policy file.
///
/// # Errors
/// Every problem of the file.
pub fn read_gates(path: &Path) -> Result<Gates, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError::one(path, 0, e.to_string()))?;
    let name = path.file_name().map_or_else(|| "gates.toml".into(), |n| n.to_string_lossy().into_owned());
    Gates::load(&name, &text).map_err(|e| in_gates(path, e))
}

/// The shipped gates.
///
/// # Errors
/// Only when the binary was built from a broken file.
pub fn shipped_gates() -> Result<Gates, ConfigError> {
    let file = crate::embedded::RULES.iter().find(|(name, _)| *name == "gates.toml");
    let text = file.map_or("", |(_, bytes)| std::str::from_utf8(bytes).unwrap_or_default());
    Gates::load("gates.toml", text).map_err(|e| in_gates(Path::new("gates.toml"), e))
}

fn in_gates(path: &Path, error: GateFileError) -> ConfigError {
    let problem = |p: GateProblem| Problem { path: path.into(), line: p.line, message: p.message };
    ConfigError { problems: error.problems.into_iter().map(problem).collect() }
}

/// Rules of a folder, or the shipped ones.
///
/// # Errors
/// Every error of every rule file.
pub fn load_rules(folder: Option<&Path>) -> Result<Rules, ConfigError> {
    match folder {
        // Ours were compiled by the tests; somebody else's are checked now, not when the first mail needs them.
        None => Rules::open(&shipped_rules()).map_err(|errors| in_folder(None, errors)),
        Some(_) => check_rules(folder),
    }
}

/// The same, with every pattern compiled now.
///
/// # Errors
/// Every mistake of every file.
pub fn check_rules(folder: Option<&Path>) -> Result<Rules, ConfigError> {
    let files = folder.map_or_else(|| Ok(shipped_rules()), read_folder)?;
    Rules::load(&files).map_err(|errors| in_folder(folder, errors))
}

/// The rule files that are in use: path and content, as their digest is taken over them.
///
/// # Errors
/// When a file of the folder cannot be read.
pub fn rule_files(folder: Option<&Path>) -> Result<Vec<(String, String)>, ConfigError> {
    folder.map_or_else(|| Ok(shipped_rules()), read_folder)
}

fn in_folder(folder: Option<&Path>, errors: Vec<RuleError>) -> ConfigError {
    ConfigError {
        problems: errors
            .into_iter()
            .map(|e| Problem {
                path: folder.map_or_else(|| PathBuf::from("rules").join(&e.path), |f| f.join(&e.path)),
                line: e.line,
                message: e.message,
            })
            .collect(),
    }
}

/// The shipped rule files: path below `rules/` and content.
pub fn shipped_rules() -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    crate::embedded::RULES.iter().map(|(name, bytes)| ((*name).to_owned(), text(bytes))).collect()
}

fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let mut files = Vec::new();
    let mut queue = vec![folder.to_path_buf()];
    while let Some(next) = queue.pop() {
        let entries = std::fs::read_dir(&next).map_err(|e| ConfigError::one(&next, 0, e.to_string()))?;
        for entry in entries {
            let path = entry.map_err(|e| ConfigError::one(&next, 0, e.to_string()))?.path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                let text =
                    std::fs::read_to_string(&path).map_err(|e| ConfigError::one(&path, 0, e.to_string()))?;
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                files.push((name, text));
            }
        }
    }
    files.sort();
    Ok(files)
}
