//! `[letters]`: what the operator says about letters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::error::line_at;
use super::{Config, ConfigError};
use crate::edge::outbox::Outbox;
use crate::edge::smtp::Smtp;
use crate::model::Address;
use crate::prompt::{
    Calendar, Clocks, Habits, Person, PromptRuleError, PromptRules, Sender, Settings, Texts, holidays,
};

/// `[letters]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LettersSection {
    /// Time zone of the seller's people (IANA name), and of buyers of whom nothing else is said.
    pub zone: Option<String>,
    /// Holiday calendars of the seller's people: shipped ones by name, or files.
    pub holidays: Option<Vec<String>>,
    /// The deal desk's address: told of retractions, forgeries and objections.
    pub deal_desk: Option<String>,
    /// Who gets the digest of every week: addresses of the seller.
    pub digest_to: Vec<String>,
    /// Whether champions get a receipt of what was recorded.
    pub receipts_to_champions: bool,
    /// Address at which people reach the pages, e.g. `https://deals.example.com`.
    pub pages: Option<String>,
    /// A file instead of the shipped `prompts.toml`.
    pub rules: Option<PathBuf>,
    /// A folder with templates that replace shipped ones: `LANGUAGE/NAME.txt`.
    pub templates: Option<PathBuf>,
    /// Buyers by mail domain.
    pub buyers: BTreeMap<String, BuyerSection>,
}

/// `[letters.buyers."acme.example"]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuyerSection {
    /// Time zone of its people.
    pub zone: Option<String>,
    /// Holiday calendars of its people.
    pub holidays: Option<Vec<String>>,
    /// Language of letters to them.
    pub language: Option<String>,
    /// They want no letters.
    pub opt_out: bool,
}

impl LettersSection {
    /// Roots relative paths in the configuration file's folder.
    pub(super) fn root(&mut self, root: impl Fn(&mut PathBuf)) {
        [&mut self.rules, &mut self.templates].into_iter().flatten().for_each(root);
    }
}

impl Config {
    /// Everything that letters need; `folder` is that of the configuration file, for holiday files.
    ///
    /// # Errors
    /// The first problem of a file or a value.
    pub fn letters(&self) -> Result<Settings, ConfigError> {
        let section = self.letters.clone().unwrap_or_default();
        let here = |message: String| ConfigError::one(Path::new("[letters]"), 0, message);
        let rules = rules(section.rules.as_deref())?;
        let seller = calendar(&rules, section.zone.as_deref(), section.holidays.as_deref(), None)?;
        let mut buyers = BTreeMap::new();
        for (domain, buyer) in &section.buyers {
            let zone = buyer.zone.as_deref().or(section.zone.as_deref());
            let habits = Habits {
                calendar: calendar(&rules, zone, buyer.holidays.as_deref(), Some(&seller))?,
                language: buyer.language.clone(),
                opt_out: buyer.opt_out,
            };
            buyers.insert(domain.to_ascii_lowercase(), habits);
        }
        let policy = self.seller().ok_or_else(|| here("evidence is no address".into()))?;
        let from = self.smtp.as_ref().map_or(self.seller.evidence.as_str(), |s| s.from.as_str());
        let from = Address::new(from).ok_or_else(|| here(format!("`{from}` is no address")))?;
        if !from.is_at(&policy.domains) {
            return Err(here(format!("[smtp] from: `{from}` is not at one of the seller's domains")));
        }
        let deal_desk = match &section.deal_desk {
            None => None,
            Some(text) => Some(
                Address::new(text)
                    .filter(|a| a.is_at(&policy.domains))
                    .ok_or_else(|| here(format!("deal_desk: `{text}` is no address of the seller")))?,
            ),
        };
        let own = |text: &String| {
            let address = Address::new(text).filter(|a| a.is_at(&policy.domains));
            address.ok_or_else(|| here(format!("digest_to: `{text}` is no address of the seller")))
        };
        let digest_to = section.digest_to.iter().map(own).collect::<Result<Vec<_>, _>>()?;
        Ok(Settings {
            digest_to,
            others: Habits { calendar: seller.clone(), language: None, opt_out: false },
            seller,
            buyers,
            texts: texts(section.templates.as_deref())?,
            sender: Sender {
                from,
                evidence: policy.evidence,
                pages: section.pages.map(|p| p.trim_end_matches('/').to_owned()),
            },
            deal_desk: deal_desk.map(|address| Person { name: None, address }),
            receipts: section.receipts_to_champions,
            auditors: self.log.auditors(&self.seller.evidence),
            terms: self.terms(),
            rules,
        })
    }
}

impl Config {
    /// What must have happened by when.
    ///
    /// # Errors
    /// The first problem of the rules for letters or of the holidays.
    pub fn clocks(&self) -> Result<Clocks, ConfigError> {
        let section = self.letters.clone().unwrap_or_default();
        let rules = rules(section.rules.as_deref())?;
        let seller = calendar(&rules, section.zone.as_deref(), section.holidays.as_deref(), None)?;
        Ok(rules.clocks(&seller))
    }

    /// Where letters leave; without `[smtp]` and `[outbox]` none are written.
    ///
    /// # Errors
    /// When `[smtp]` says not how to sign in.
    pub fn outbox(&self) -> Result<Option<Outbox>, ConfigError> {
        let Some(section) = &self.smtp else {
            return Ok(self.outbox.as_ref().map(|section| Outbox::Folder(section.dir.clone())));
        };
        let incomplete = || ConfigError::one(Path::new("endorsed.toml"), 0, "[smtp] says not how to sign in");
        let settings = section.settings().ok_or_else(incomplete)?;
        Ok(Some(Outbox::Smtp(Box::new(Smtp::new(settings)))))
    }
}

fn rules(file: Option<&Path>) -> Result<PromptRules, ConfigError> {
    let (path, text) = match file {
        Some(path) => (path.to_owned(), read(path)?),
        None => ("prompts.toml".into(), shipped("prompts.toml").unwrap_or_default()),
    };
    PromptRules::load(&text).map_err(|e| at(&path, &text, &e))
}

fn calendar(
    rules: &PromptRules,
    zone: Option<&str>,
    names: Option<&[String]>,
    default: Option<&Calendar>,
) -> Result<Calendar, ConfigError> {
    let mut calendar = rules.hours.clone();
    if let Some(zone) = zone {
        calendar.zone = TimeZone::get(zone)
            .map_err(|e| ConfigError::one(Path::new("[letters]"), 0, format!("zone `{zone}`: {e}")))?;
    }
    calendar.holidays = match (names, default) {
        (Some(names), _) => all_holidays(names)?,
        (None, Some(default)) => default.holidays.clone(),
        (None, None) => all_holidays(&rules.holidays)?,
    };
    Ok(calendar)
}

fn all_holidays(names: &[String]) -> Result<BTreeSet<jiff::civil::Date>, ConfigError> {
    let mut all = BTreeSet::new();
    for name in names {
        let (path, text) = match shipped(&format!("letters/holidays/{name}.toml")) {
            Some(text) => (PathBuf::from(name), text),
            None => (PathBuf::from(name), read(Path::new(name))?),
        };
        all.extend(holidays(&text).map_err(|e| at(&path, &text, &e))?);
    }
    Ok(all)
}

fn texts(folder: Option<&Path>) -> Result<Texts, ConfigError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut files: BTreeMap<String, String> =
        crate::embedded::RULES.iter().map(|(name, bytes)| ((*name).to_owned(), text(bytes))).collect();
    if let Some(folder) = folder {
        let failed = |e: std::io::Error| ConfigError::one(folder, 0, e.to_string());
        for language in std::fs::read_dir(folder).map_err(failed)? {
            let language = language.map_err(failed)?.path();
            for file in std::fs::read_dir(&language).into_iter().flatten().flatten() {
                let path = file.path();
                if let Ok(name) = path.strip_prefix(folder) {
                    files.insert(format!("letters/{}", name.display()), read(&path)?);
                }
            }
        }
    }
    Ok(Texts::new(&files.into_iter().collect::<Vec<_>>()))
}

fn shipped(name: &str) -> Option<String> {
    let (_, bytes) = crate::embedded::RULES.iter().find(|(path, _)| *path == name)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|e| ConfigError::one(path, 0, e.to_string()))
}

fn at(path: &Path, text: &str, error: &PromptRuleError) -> ConfigError {
    ConfigError::one(path, line_at(text, error.offset), error.message.clone())
}
