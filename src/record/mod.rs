//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod aside;
mod chain;
mod entry;
mod fold;
pub mod log;

pub use aside::{Release, SetAside, Trouble};
pub use entry::{Cursor, Entry, Links, Place, Seen, Tombstone};
pub use fold::standing;
