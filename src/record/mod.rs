//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod chain;
mod entry;
mod fold;
mod letter;

pub use entry::{Cursor, Entry, Links, Place, Seen};
pub use fold::standing;
pub use letter::{Command, Letter, Order, Posted, Posting, Side};
