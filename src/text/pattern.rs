//! Patterns that are part of the program (not of a rule file): compiled once, tested to compile.

use regex::{Regex, RegexSet};

/// Compiles a pattern that is written in the program's own source.
///
/// Use it only in a `LazyLock` with a literal; a wrong literal is a programming error that the first test which
/// touches it shows. Patterns of rule files go through `judge::rules`, which reports errors as values.
#[allow(clippy::expect_used)]
pub fn fixed(source: &str) -> Regex {
    Regex::new(source).expect("a pattern literal of the program compiles")
}

/// Like [`fixed`], for a set of patterns that are tried together.
#[allow(clippy::expect_used)]
pub fn fixed_set(sources: &[&str]) -> RegexSet {
    RegexSet::new(sources).expect("pattern literals of the program compile")
}
