//! Text tools that every stage may use: folding, fixed patterns, edit distance. No decisions live here.

mod distance;
mod fold;
mod pattern;
pub mod table;

pub use distance::{edit_distance, nearest};
pub use fold::{Folded, fold, fold_pattern, squeeze};
pub use pattern::{fixed, fixed_set};
