//! `rules/prompts.toml`: who is written to, in which situation, after how long, and how often at most.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Wait};
use super::clock::{ClockRule, Clocks, Start};

/// A situation that a letter may be written in. Each is about one message or one declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Something was declared.
    Declared,
    /// Declared, and the champion has not answered.
    Silent,
    /// The champion answered without a verdict: a compliment, an emoji, a neutral word.
    WordsWanted,
    /// "Yes, but."
    Conditional,
    /// "We need more time."
    Deferred,
    /// Endorsed by everybody who must.
    Confirmed,
    /// They said no.
    Declined,
    /// They took it back.
    Retracted,
    /// A mail contradicts its own claim of who wrote it.
    Forged,
    /// Somebody of the buyer objects.
    Objection,
    /// An answer came that can not be proven to be the champion's.
    Unverified,
    /// An answer came that a person must read.
    Review,
    /// The seller pasted the champion's words into a mail of their own.
    ForwardedInline,
    /// Mail to the champion came back.
    Bounced,
    /// An order by mail was carried out.
    OrderDone,
    /// An order by mail was not carried out.
    OrderRefused,
}

/// Who is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The buyer's champion.
    Champion,
    /// Who declared.
    Se,
    /// The account executive, when the declaration names one who is in its To or Cc.
    Ae,
    /// The deal desk, when the configuration names one.
    DealDesk,
}

/// One kind of letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRule {
    /// Its id; part of what makes a letter unique, so never reuse one.
    pub id: String,
    /// In which situation.
    pub when: When,
    /// How long after it began.
    pub after: Wait,
    /// To whom.
    pub to: Vec<Recipient>,
    /// Which template.
    pub template: String,
    /// For champions: how long before it the SE is warned.
    pub warn: Option<Wait>,
    /// For champions: how long after its time it is still worth sending.
    pub late: Wait,
    /// Whether it asks for a verdict.
    pub asks: bool,
    /// Whether it goes at any hour.
    pub any_hour: bool,
    /// Whether there is only one for each declaration, whatever happens.
    pub once: bool,
    /// Whether the operator must have switched on receipts for champions.
    pub receipt: bool,
}

/// How often at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Letters to one champion about one declaration.
    pub thread: usize,
    /// Letters to one champion on one day, about whatever.
    pub champion_per_day: usize,
    /// Letters to one of the seller's people on one day.
    pub seller_per_day: usize,
    /// Letters of the daemon in 24 hours.
    pub all_per_day: usize,
}

/// The rules.
#[derive(Debug, Clone)]
pub struct PromptRules {
    /// Letters in order.
    pub letters: Vec<LetterRule>,
    /// Clocks in order.
    pub clocks: Vec<ClockRule>,
    /// Caps.
    pub caps: Caps,
    /// A message that was older than this when it was first seen starts nothing, in hours.
    pub live_hours_max: i64,
    /// Working hours in the default time zone, without holidays.
    pub hours: Calendar,
    /// Holiday calendars that hold where nothing else is configured.
    pub holidays: Vec<String>,
    /// The month with which the fiscal year begins, 1 to 12.
    pub fiscal_month: i8,
}

/// What is wrong with a prompt rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptRuleError {
    /// Byte offset into the file.
    pub offset: usize,
    /// What, and what was expected.
    pub message: String,
}

impl PromptRules {
    /// Reads the file.
    ///
    /// # Errors
    /// The first problem.
    pub fn load(text: &str) -> Result<Self, PromptRuleError> {
        let error = |offset, message: String| PromptRuleError { offset, message };
        let file: File = toml::from_str(text)
            .map_err(|e| error(e.span().map_or(0, |s| s.start), e.message().to_owned()))?;
        let at = |needle: &str| text.find(needle).unwrap_or(0);
        let wait = |value: &str| {
            let wanted = "expected \"N business days\" or \"N hours\"";
            Wait::parse(value).ok_or_else(|| error(at(value), format!("`{value}`: {wanted}")))
        };
        let mut letters = Vec::new();
        let mut ids = BTreeSet::new();
        for raw in file.letter {
            if !ids.insert(raw.id.clone()) {
                return Err(error(at(&raw.id), format!("two letters are called `{}`", raw.id)));
            }
            let champion = raw.to.contains(&Recipient::Champion);
            if champion && raw.to.len() > 1 {
                return Err(error(at(&raw.id), format!("`{}`: a champion is written to alone", raw.id)));
            }
            letters.push(LetterRule {
                after: wait(&raw.after)?,
                warn: raw.warn.as_deref().map(wait).transpose()?.filter(|_| champion),
                late: raw.late.as_deref().map_or(Ok(Wait::BusinessDays(1)), wait)?,
                id: raw.id,
                when: raw.when,
                to: raw.to,
                template: raw.template,
                asks: raw.asks,
                any_hour: raw.any_hour && !champion,
                once: raw.once,
                receipt: raw.receipt,
            });
        }
        let mut clocks = Vec::new();
        for raw in file.clock {
            let after = wait(&raw.after)?;
            clocks.push(ClockRule { after, code: raw.code, when: raw.when, stop: raw.stop, fix: raw.fix });
        }
        let fiscal_month = file.fiscal.first_month;
        if !(1..=12).contains(&fiscal_month) {
            return Err(error(at("first_month"), format!("`{fiscal_month}` is no month from 1 to 12")));
        }
        let hours = file.hours.calendar().map_err(|(word, message)| error(at(&word), message))?;
        Ok(Self {
            letters,
            clocks,
            caps: file.caps,
            live_hours_max: file.live.hours_max,
            hours,
            holidays: file.hours.holidays,
            fiscal_month,
        })
    }

    /// The clocks, counted in the working time of the seller's people.
    pub fn clocks(&self, seller: &Calendar) -> Clocks {
        Clocks { rules: self.clocks.clone(), seller: seller.clone(), fiscal_month: self.fiscal_month }
    }
}

/// Reads a holiday calendar: `days = ["2026-12-25", …]`.
///
/// # Errors
/// The first problem.
pub fn holidays(text: &str) -> Result<BTreeSet<Date>, PromptRuleError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Days {
        days: BTreeSet<Date>,
    }
    toml::from_str::<Days>(text).map(|d| d.days).map_err(|e| PromptRuleError {
        offset: e.span().map_or(0, |s| s.start),
        message: e.message().to_owned(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hours: Hours,
    caps: Caps,
    live: Live,
    #[serde(default)]
    fiscal: Fiscal,
    #[serde(default)]
    letter: Vec<RawLetter>,
    #[serde(default)]
    clock: Vec<RawClock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: Time,
    until: Time,
    weekend: Vec<String>,
    zone: String,
    holidays: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Live {
    hours_max: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fiscal {
    first_month: i8,
}

/// Rules that say nothing mean the calendar's year.
impl Default for Fiscal {
    fn default() -> Self {
        Self { first_month: 1 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLetter {
    id: String,
    when: When,
    after: String,
    to: Vec<Recipient>,
    template: String,
    warn: Option<String>,
    late: Option<String>,
    #[serde(default)]
    asks: bool,
    #[serde(default)]
    any_hour: bool,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    receipt: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClock {
    code: String,
    when: Start,
    after: String,
    stop: Option<String>,
    fix: Option<String>,
}

impl Hours {
    fn calendar(&self) -> Result<Calendar, (String, String)> {
        let day = |word: &String| match word.as_str() {
            "monday" => Ok(Weekday::Monday),
            "tuesday" => Ok(Weekday::Tuesday),
            "wednesday" => Ok(Weekday::Wednesday),
            "thursday" => Ok(Weekday::Thursday),
            "friday" => Ok(Weekday::Friday),
            "saturday" => Ok(Weekday::Saturday),
            "sunday" => Ok(Weekday::Sunday),
            other => Err((word.clone(), format!("`{other}` is no day of the week"))),
        };
        let weekend = self.weekend.iter().map(day).collect::<Result<Vec<_>, _>>()?;
        if weekend.len() > 6 || self.from >= self.until {
            return Err(("[hours]".into(), "somebody must work at some hour".into()));
        }
        let zone = TimeZone::get(&self.zone).map_err(|e| (self.zone.clone(), e.to_string()))?;
        Ok(Calendar { zone, from: self.from, until: self.until, weekend, holidays: BTreeSet::new() })
    }
}
