//! The integration tests: one binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(missing_docs)]

// mod conversations;
mod config;
mod daemon;
mod dovecot;
mod fixtures_make;
mod house;
mod imap;
mod letters;
mod maildir;
mod source_contract;
mod store;
