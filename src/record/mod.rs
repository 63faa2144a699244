//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod aside;
mod chain;
mod entry;
mod fold;

pub use aside::{Release, SetAside, Trouble};
pub use entry::{Cursor, Entry, Links, Place, Seen};
pub use fold::standing;
