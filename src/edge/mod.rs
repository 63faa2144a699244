//! All IO, each port in one place. Nothing here decides.

pub mod dkim;
pub mod dns;
pub mod http;
pub mod imap;
pub mod maildir;
pub mod mailfile;
pub mod oauth;
mod password;
pub mod socket;
pub mod source;
pub mod store;

pub use password::Password;
