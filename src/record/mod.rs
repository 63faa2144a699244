//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod chain;
mod entry;
mod fold;
pub mod log;

pub use entry::{Cursor, Entry, Links, Place, Seen, Tombstone, record_leaf};
pub use fold::standing;
