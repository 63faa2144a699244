//! `endorsed judge`: a pure dry run over files, read as one mailbox.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::{FAILED, Judging, runtime, say, say_json, table};
use crate::answer::MessageAnswer;
use crate::config::{Config, ConfigError, load_accounts, load_rules};
use crate::edge::dkim;
use crate::edge::dns::Resolver;
use crate::edge::mailfile;
use crate::judge::Rules;
use crate::model::{Message, Policy, Seller, Witnessed};
use crate::parse::parse;
use crate::pipeline::{Corpus, needs, unfold_all, witness_all};

/// What to judge.
#[derive(Debug, Args)]
pub struct Judge {
    /// `.eml` files, mbox files, Maildirs or folders.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON object a line for each message.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judging: Judging,
}

/// Runs the command.
pub fn run(judge: &Judge, config: &Config) -> u8 {
    let Some(mailbox) = Mailbox::read(&judge.paths, &judge.judging, config) else { return FAILED };
    let outcomes = mailbox.corpus().consider_all(&mailbox.tools.rules, &mailbox.tools.policy);
    let answers: Vec<MessageAnswer> = outcomes
        .iter()
        .zip(&mailbox.labels)
        .map(|(outcome, label)| MessageAnswer::new(outcome).in_file(label))
        .collect();
    if judge.json {
        answers.iter().for_each(say_json);
    } else {
        print_table(&answers);
    }
    if mailbox.readable { 0 } else { FAILED }
}

/// Files read as one mailbox, with what judging them needs.
pub struct Mailbox {
    /// Rules and policy.
    pub tools: Tools,
    /// File names, attached messages as `outer.eml#1`.
    pub labels: Vec<String>,
    /// Whether every path could be read.
    pub readable: bool,
    witnessed: Vec<Witnessed>,
}

impl Mailbox {
    /// Reads the paths; what can not be read is named on standard error.
    pub fn read(paths: &[PathBuf], judging: &Judging, config: &Config) -> Option<Self> {
        let tools = Tools::load(judging, config).map_err(|error| eprintln!("{error}")).ok()?;
        let (mails, readable) = read_all(paths);
        let seller = &tools.policy.seller;
        let unfolded = |(label, raw): (String, Vec<u8>)| {
            let all = unfold_all(parse(&raw), seller).into_iter();
            all.map(|(place, message)| (format!("{label}{place}"), message)).collect()
        };
        let mails = mails.into_iter().map(unfolded).collect();
        let (labels, witnessed) = witness(mails, seller, &tools.resolver, judging.now)?.into_iter().unzip();
        Some(Self { tools, labels, readable, witnessed })
    }

    /// The mails, to be considered together.
    pub fn corpus(&self) -> Corpus {
        Corpus::new(self.witnessed.clone(), &self.tools.policy.seller)
    }
}

/// What judging needs besides mail.
pub struct Tools {
    /// Rules.
    pub rules: Rules,
    /// Policy.
    pub policy: Policy,
    resolver: Resolver,
}

impl Tools {
    fn load(options: &Judging, config: &Config) -> Result<Self, ConfigError> {
        let rules = match &options.rules {
            Some(folder) => load_rules(Some(folder))?,
            None => config.load_rules()?,
        };
        let mut policy = config.policy(true)?;
        if let Some(file) = &options.accounts {
            policy.accounts = Some(load_accounts(file, &policy.seller.domains)?);
        }
        let file = options.dns.as_ref().or(config.dns.as_ref().map(|d| &d.file));
        Ok(Self { rules, policy, resolver: open_resolver(file)? })
    }
}

/// The resolver of a file, or the system's.
pub fn open_resolver(file: Option<&PathBuf>) -> Result<Resolver, ConfigError> {
    match file {
        Some(path) => Resolver::file(path).map_err(|e| ConfigError::one(path, 0, e.to_string())),
        None => Resolver::system()
            .map_err(|e| ConfigError::one(&PathBuf::from("/etc/resolv.conf"), 0, e.to_string())),
    }
}

/// Reads every path; those that can not be read are named on standard error.
pub fn read_all(paths: &[PathBuf]) -> (Vec<(String, Vec<u8>)>, bool) {
    let mut mails = Vec::new();
    let mut readable = true;
    for path in paths {
        match mailfile::read(path) {
            Ok(found) => mails.extend(found),
            Err(error) => {
                eprintln!("{error}");
                readable = false;
            }
        }
    }
    (mails, readable)
}

/// Looks up the keys that the messages need and checks their signatures. Each mail comes with what it carries, its own
/// message last.
fn witness(
    mails: Vec<Vec<(String, Message)>>,
    seller: &Seller,
    resolver: &Resolver,
    now: Option<Timestamp>,
) -> Option<Vec<(String, Witnessed)>> {
    let clock = Timestamp::now();
    let runtime = runtime().map_err(|e| eprintln!("no runtime: {e}")).ok()?;
    let mut names: Vec<String> = mails.iter().flatten().flat_map(|(_, m)| needs(m).keys).collect();
    names.sort();
    names.dedup();
    let keys = runtime.block_on(resolver.keys(&names, now.unwrap_or(clock)));
    let witnessed = mails.into_iter().flat_map(|messages| {
        let arrived = messages.last().and_then(|(_, outer)| outer.own_time()).unwrap_or(clock);
        witness_all(messages, seller, |message, sighting| Witnessed {
            sighting,
            signatures: dkim::check(&message, &keys),
            seen_at: now.or(message.own_time()).unwrap_or(arrived),
            message: message.into(),
            carried_by: None,
        })
    });
    Some(witnessed.collect())
}

fn print_table(answers: &[MessageAnswer]) {
    let rows: Vec<Vec<String>> = answers
        .iter()
        .map(|a| {
            let verdict = a.verdict.map_or("-", |v| v.as_str());
            vec![
                a.file.clone().unwrap_or_default(),
                format!("{:?}", a.kind).to_lowercase(),
                format!("{verdict}{}", if a.verdict.is_some() && !a.sure { "?" } else { "" }),
                a.authorship.clone().unwrap_or_else(|| "-".into()),
                if a.endorsed { "yes" } else { "no" }.into(),
                table::short(if a.quote.is_empty() { &a.fresh_text } else { &a.quote }, 60),
            ]
        })
        .collect();
    for line in table::lines(&["file", "kind", "verdict", "author", "endorsed", "words"], &rows) {
        say(&line);
    }
}
