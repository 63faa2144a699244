//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod entry;

pub use entry::{Cursor, Entry, Links, Place, Seen};
