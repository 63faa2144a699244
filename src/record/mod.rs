//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod act;
mod aside;
mod chain;
mod entry;
mod explain;
mod fold;
pub mod log;

pub use aside::{Release, SetAside, Trouble};
pub use entry::{Cursor, Entry, Links, Place, Seen, Tombstone};
mod freeze;
mod rulings;

pub use act::{Act, Decision, Deed, Reviewed, Subject, may_be_same};
pub use fold::{Dossier, fold, may_be_accepted, standing};
pub use rulings::{Review, Ruling, Rulings, is_put_aside, needs_person};
mod letter;

pub use letter::{Command, Letter, Order, Posted, Posting, Side};
