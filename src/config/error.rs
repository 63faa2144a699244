//! Problems of our own files: `path:line: what, expected what`, all at once.

use std::path::{Path, PathBuf};

use crate::text::nearest;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File.
    pub path: PathBuf,
    /// Line from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What, and what was expected.
    pub message: String,
}

/// Every problem that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In order of place.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ConfigError {}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}: {}", problem.path.display(), problem.line.max(1), problem.message)?;
        }
        Ok(())
    }
}

impl Problem {
    /// A problem at the first line that sets `key`.
    pub fn at_key(path: &Path, text: &str, key: &str, message: String) -> Self {
        let sets = |line: &str| line.split('=').next().is_some_and(|k| k.trim() == key);
        let line = text.lines().position(sets).map_or(1, |i| i + 1);
        Self { path: path.into(), line, message }
    }
}

impl ConfigError {
    /// A single problem.
    pub fn one(path: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { problems: vec![Problem { path: path.into(), line, message: message.into() }] }
    }

    /// A problem that the TOML reader found, with the nearest known key for an unknown one.
    pub fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let line = line_at(text, error.span().map_or(0, |s| s.start));
        Self::one(path, line, with_nearest(error.message()))
    }
}

/// The line, from 1, of a byte offset.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// Adds "did you mean" to serde's message about an unknown field or variant.
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| quoted.next()).flatten();
    match unknown.and_then(|word| nearest(word, quoted)) {
        Some(known) => format!("{message}; did you mean `{known}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_neighbour() {
        let text = "unknown field `evidense`, expected one of `domains`, `names`, `evidence`";
        assert_eq!(with_nearest(text), format!("{text}; did you mean `evidence`?"));
        assert_eq!(with_nearest("missing field `x`"), "missing field `x`");
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_at("a\nb\nc", 0), 1);
        assert_eq!(line_at("a\nb\nc", 4), 3);
    }
}
