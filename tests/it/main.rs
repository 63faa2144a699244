//! The integration tests: one binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(missing_docs)]

mod backfill;
mod clients;
mod config;
mod conversations;
mod daemon;
mod dns;
mod docs;
mod dovecot;
mod fixtures_make;
mod fixtures_sign;
mod fold;
mod fuzz_laws;
mod home;
mod house;
mod imap;
mod imap_faults;
mod imap_oauth;
mod imap_proxy;
mod letters;
mod liveness;
mod lmtp;
mod machines;
mod maildir;
mod operators;
mod outbox;
mod package;
mod poison;
mod postfix;
mod prompts_answers;
mod prompts_smtp;
mod prompts_text;
mod prompts_year;
mod proofs;
mod proxy;
mod quarantine;
mod review;
mod scripted;
mod second_opinion;
mod sign;
mod soak;
mod source_contract;
mod standing;
mod store;
mod verify;
mod verify_accounts;
mod verify_bytes;
mod verify_deals;
mod verify_laws;
mod verify_people;
mod verify_results;
