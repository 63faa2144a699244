//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod chain;
mod entry;
mod fold;

pub use entry::{Cursor, Entry, Links, Place, Seen};
pub use fold::standing;
