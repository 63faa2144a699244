//! The record: entries of an append-only log, and the fold that turns them into a standing.

mod act;
mod aside;
mod chain;
mod condition;
mod deal;
mod entry;
mod explain;
mod facts;
mod fold;
mod freeze;
mod letter;
pub mod log;
mod plan;
mod roles;
mod rulings;
mod versions;

pub use act::{Act, Decision, Deed, Reviewed, Subject, may_be_same};
pub use aside::{Release, SetAside, Trouble};
pub use entry::{Cursor, Entry, Governing, JUNK, Links, Place, Seen, Tombstone, record_leaf};
pub use fold::{Dossier, fold, may_be_accepted, standing};
pub use letter::{Command, Letter, Order, Posted, Posting, Side};
pub use rulings::{Review, Ruling, Rulings, is_put_aside, needs_person};
