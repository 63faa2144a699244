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
mod fixtures_make;
mod house;
mod store;
