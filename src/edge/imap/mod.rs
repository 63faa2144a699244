//! The IMAP source: reads one folder and never changes it.
//!
//! async-imap turns many failures into empty successes (a FETCH answered NO, or a closed connection, yields
//! `Ok` with fewer messages), so `session` speaks to the server through its two primitives only and lets a
//! command succeed in one way: a tagged OK. `connect` makes such a session, `reader` reads what is new and
//! hands it over batch by batch, and [`watch`](fn@watch) is the loop around them.
//!
//! **Logging.** async-imap logs whole commands at TRACE, LOGIN with its password among them. Whoever installs
//! a subscriber must append [`LOG_CAP`] to its filter, whatever the user asked for.

mod backfill;
mod backoff;
mod connect;
mod error;
mod name;
mod probe;
mod reader;
mod reconcile;
mod session;
mod settings;
mod watch;

pub use crate::edge::Password;
pub use backfill::{BackfillError, Survey, read as backfill, survey};
pub use probe::{Probed, probe};
pub use settings::{Settings, SignIn, Timings, Tls};
pub use watch::watch;

/// Filter directives that keep passwords and mail out of the log: append them to every filter. The others speak to mail
/// servers and token endpoints; what they would print is theirs to change.
pub const LOG_CAP: &str = "async_imap=info,imap_proto=info,lettre=info,rustls=info,ureq=info,ureq_proto=info";
