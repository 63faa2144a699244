//! Logs go to standard error: text on a terminal, JSON otherwise. No body, no secret, at no level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Installs the subscriber; `quiet` shows warnings only unless RUST_LOG says otherwise.
pub fn install(quiet: bool) {
    let wanted =
        std::env::var("RUST_LOG").unwrap_or_else(|_| if quiet { "warn".into() } else { "info".into() });
    // Whatever RUST_LOG says: async-imap prints LOGIN with the password at TRACE.
    let capped = format!("{wanted},{}", crate::edge::imap::LOG_CAP);
    let filter = EnvFilter::try_new(&capped).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    if let Err(error) = done {
        eprintln!("no log: {error}");
    }
    // Whoever reads a log sees whether it holds everything.
    tracing::trace!(event = "log.begun", filter = capped);
}
