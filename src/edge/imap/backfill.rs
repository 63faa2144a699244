//! Reads a folder once, for a person who waits: what lies in it since a day, with its number known beforehand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use tokio::sync::watch as signal;
use tokio::time::interval;

use super::connect;
use super::error::Error;
use super::probe::why;
use super::settings::Settings;
use super::watch::watch;
use crate::edge::finding::Finding;
use crate::edge::source::{Fatal, Fetched, Intake, Known, Progress};
use crate::record::{Cursor, Place};

/// UIDs in one listing.
const WINDOW: u32 = 2_000;
/// How often we look whether everything was read.
const LOOK: Duration = Duration::from_millis(50);

/// What there is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// UIDVALIDITY when it was made.
    pub uid_validity: Option<u32>,
    /// UID and size in bytes of each message that arrived on the day or later.
    pub wanted: BTreeMap<u32, u64>,
}

/// Why a folder could not be read.
#[derive(Debug)]
pub enum BackfillError {
    /// It could not be opened: the step that failed, and what to do.
    Closed(Box<Finding>),
    /// No waiting can heal it.
    Fatal(Fatal),
    /// The record did not take it.
    NotTaken(String),
}

impl std::fmt::Display for BackfillError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed(finding) => {
                write!(f, "{}. {}", finding.text, finding.fix.as_deref().unwrap_or_default())
            }
            Self::Fatal(fatal) => fatal.fmt(f),
            Self::NotTaken(text) => f.write_str(text),
        }
    }
}

/// Lists what arrived on `since` or later, by the server's own dates (INTERNALDATE, RFC 3501 §2.3.3) and in their own
/// zones: SEARCH SINCE leaves the zone to the server. A date that cannot be read counts as late enough.
///
/// # Errors
/// The step that failed.
pub async fn survey(settings: &Settings, since: Option<Date>) -> Result<Survey, BackfillError> {
    let closed = |error: Error| BackfillError::Closed(Box::new(why(settings, &error)));
    settings.check().map_err(BackfillError::Fatal)?;
    let tls = connect::tls(settings).map_err(BackfillError::Fatal)?;
    let mut session = connect::connect(settings, tls.as_ref()).await.map_err(closed)?;
    let folder = session.examine(&settings.folder).await.map_err(closed)?;
    let mut survey = Survey { uid_validity: folder.uid_validity, wanted: BTreeMap::new() };
    let last = folder.uid_next.map_or(u32::MAX, |next| next.saturating_sub(1));
    let (mut lo, mut window) = (1, WINDOW);
    while lo <= last {
        let hi = lo.saturating_add(window - 1).min(last);
        let dated = session.dated(lo, hi).await.map_err(closed)?;
        window = if dated.is_empty() { window.saturating_mul(4) } else { WINDOW };
        let wanted = dated.into_iter().filter(|(_, _, date)| is_wanted(date.as_deref(), since));
        survey.wanted.extend(wanted.map(|(uid, size, _)| (uid, size)));
        let Some(next) = hi.checked_add(1) else { break };
        lo = next;
    }
    session.logout().await;
    Ok(survey)
}

fn is_wanted(date: Option<&str>, since: Option<Date>) -> bool {
    let (Some(date), Some(since)) = (date, since) else { return true };
    let time = strtime::parse("%d-%b-%Y %H:%M:%S %z", date.trim()).and_then(|parsed| parsed.to_zoned());
    let Ok(time) = time else { return true };
    // By its own zone or by UTC, whichever is later: the day's edge belongs to it.
    time.date().max(time.timestamp().to_zoned(TimeZone::UTC).date()) >= since
}

/// Reads what `survey` found, with everything that watching a folder knows about broken lines and unreadable messages;
/// `take` makes each batch durable. Returns how many could not be read.
///
/// # Errors
/// When no waiting can help, or `take` fails.
pub async fn read(
    settings: &Settings,
    survey: &Survey,
    mut take: impl FnMut(Vec<Fetched>) -> Result<(), String>,
) -> Result<usize, BackfillError> {
    let Some((&first, _)) = survey.wanted.first_key_value() else { return Ok(0) };
    let start = survey.uid_validity.map(|uid_validity| Cursor { uid_validity, uid: first - 1 });
    let progress = Arc::new(Progress::default());
    let (intake, mut deliveries) = Intake::new(Arc::clone(&progress));
    let (stop, stopped) = signal::channel(false);
    let mut watching = tokio::spawn(watch(settings.clone(), Known::from(start), intake, stopped));
    let (mut unreadable, mut look) = (0, interval(LOOK));
    loop {
        tokio::select! {
            biased;
            Some(delivery) = deliveries.recv() => {
                unreadable += delivery.set_aside.len();
                let wanted = delivery.batch.into_iter().filter(|copy| is_listed(&copy.place, survey)).collect();
                let taken = take(wanted);
                let _ = delivery.done.send(taken.clone());
                taken.map_err(BackfillError::NotTaken)?;
            }
            ended = &mut watching => {
                return match ended {
                    Ok(Err(fatal)) => Err(BackfillError::Fatal(fatal)),
                    _ => Ok(unreadable),
                };
            }
            _ = look.tick() => {
                if progress.age().is_some() {
                    let _ = stop.send(true);
                }
            }
        }
    }
}

/// Whether a message is one of those that were listed; in another epoch UIDs mean nothing, and all are taken.
fn is_listed(place: &Place, survey: &Survey) -> bool {
    match place {
        Place::Imap { uid, uid_validity, .. } if survey.uid_validity == Some(*uid_validity) => {
            survey.wanted.contains_key(uid)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_of_the_day_belongs_to_it_in_every_zone() {
        let since: Date = "2026-11-22".parse().unwrap();
        let wanted = |date: &str| is_wanted(Some(date), Some(since));
        assert!(wanted("22-Nov-2026 00:01:00 +0000") && wanted("22-Nov-2026 00:01:00 +0900"));
        assert!(wanted("21-Nov-2026 23:59:00 -0800") && !wanted("21-Nov-2026 23:59:00 +0000"));
        assert!(!wanted(" 2-Nov-2026 12:00:00 +0000") && wanted("no date"));
        assert!(is_wanted(None, Some(since)) && is_wanted(Some("x"), None));
    }
}
