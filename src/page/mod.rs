//! Pages for people: HTML as a pure function of answers. No script, nothing loaded from anywhere but the one style
//! sheet; whatever came by mail is shown as text, with what could turn it around or hide in it made visible. State is said
//! in a word and a shape, never by colour alone.
//!
//! `maud` escapes whatever is put into a page; `text::Shown` is for words that somebody else wrote.

mod audit;
mod body;
mod frame;
mod opportunity;
mod queue;
mod report;
mod review;
mod shape;
mod sign_in;
mod tally;
mod text;
mod words;

pub use audit::audit;
pub use frame::{Viewer, notice};
pub use opportunity::{OpportunityPage, opportunity};
pub use queue::queue;
pub use report::{metrics_page, week_page};
pub use review::{Refused, ReviewPage, review};
pub use sign_in::sign_in;

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("style.css");
