//! All IO, each port in one place. Nothing here decides.

pub mod archive;
pub mod dkim;
pub mod dns;
pub mod finding;
pub mod http;
pub mod imap;
pub mod lmtp;
pub mod maildir;
pub mod mailfile;
pub mod metrics;
pub mod oauth;
pub mod outbox;
mod password;
mod progress;
pub mod smtp;
pub mod socket;
pub mod source;
pub mod store;
pub mod tokens;
pub mod webhook;

pub use password::Password;
