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
mod crm;
mod daemon;
mod damage;
mod desk_story;
mod digest;
mod disk;
mod disputes;
mod dns;
mod docs;
mod dovecot;
mod evidence;
mod evidence_words;
mod facts;
mod faults;
mod fixtures_make;
mod fixtures_sign;
mod fold;
mod fuzz_laws;
mod gone;
mod heads;
mod home;
mod house;
mod http_access;
mod http_api;
mod http_board;
mod http_crm;
mod http_listen;
mod http_served;
mod http_view;
mod http_webhooks;
mod imap;
mod imap_faults;
mod imap_oauth;
mod imap_proxy;
mod junk;
mod letters;
mod liveness;
mod lmtp;
mod machines;
mod maildir;
mod old_stores;
mod operators;
mod orders;
mod outbox;
mod package;
mod pages;
mod poison;
mod postfix;
mod powercut;
mod prompts_answers;
mod prompts_smtp;
mod prompts_text;
mod prompts_year;
mod proofs;
mod proxy;
mod quarantine;
mod retention;
mod review;
mod roles;
mod scripted;
mod second_opinion;
mod sign;
mod slow;
mod soak;
mod source_contract;
mod standing;
mod store;
mod subjects;
mod two_daemons;
mod verify;
mod verify_accounts;
mod verify_bytes;
mod verify_deals;
mod verify_laws;
mod verify_people;
mod verify_results;
