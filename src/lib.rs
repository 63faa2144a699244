//! `endorsed` turns email into proof: it reads an evidence mailbox, decides with rule files whether a
//! champion's reply is an affirmative written endorsement of the declared criteria, proves who wrote it,
//! and answers the deal desk's question "may this opportunity advance?".
//!
//! The modules stand in the order in which a message passes through them; each imports only modules
//! above it. Everything up to [`page`] is pure: no IO and no clock. `docs/ARCHITECTURE.md` tells the house.

#![cfg_attr(test, allow(clippy::string_slice))]

pub mod text;

pub mod model;

pub mod parse;
pub mod read;
pub mod recognise;

pub mod judge;
pub mod verify;

pub mod decide;
pub mod pipeline;
pub mod record;
pub mod report;

pub mod gate;
pub mod prompt;

pub mod answer;

pub mod page;

pub mod edge;

pub mod config;

pub mod cli;
pub mod daemon;

/// Files compiled into the binary: shipped rules and the demo's conversations.
pub mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}
