//! A compiled rule set: loading all files of all languages, with every error at once.

use std::collections::BTreeMap;

use super::compile;
use super::language::{Case, Language, Rule};
use super::scan::Sets;
use super::source::{self, Source};
use crate::model::Digest;

/// An error in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// File as named to [`Rules::load`].
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A compiled rule set.
#[derive(Debug)]
pub struct Rules {
    digest: Digest,
    pub(super) rules: Vec<Rule>,
    pub(super) languages: BTreeMap<String, Language>,
    pub(super) cases: Vec<Case>,
    pub(super) sets: Sets,
}

impl Rules {
    /// Compiles rule files, given as (path below `rules/`, content). Files that are not of the form
    /// `<lang>/<name>.toml` are somebody else's and are skipped.
    ///
    /// # Errors
    /// Every error of every file, in order; also when no rule was found at all, since a judge without rules
    /// would call everything unknown in silence.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<RuleError>> {
        let mut files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        files.sort_unstable();
        files.retain(|(path, _)| language_of(path).is_some());
        let digest = Digest::of_fields(files.iter().flat_map(|(p, c)| [p.as_bytes(), c.as_bytes()]));

        let mut errors = Vec::new();
        let mut source = Source::default();
        for (path, text) in &files {
            if let Some(tag) = language_of(path) {
                source::read(path, tag, text, &mut source, &mut errors);
            }
        }
        if source.rules.is_empty() && errors.is_empty() {
            let path = files.first().map_or("rules", |(path, _)| path).to_owned();
            let message = "found no rules, expected `[[rule]]` tables in `<lang>/<name>.toml`".to_owned();
            errors.push(RuleError { path, line: 1, message });
        }
        let (rules, languages) = compile::compile(&source, &mut errors);
        let sets = match Sets::build(&rules) {
            Ok(sets) => sets,
            Err(message) => {
                errors.push(RuleError { path: "rules".to_owned(), line: 1, message });
                Sets::default()
            }
        };
        if errors.is_empty() {
            Ok(Self { digest, rules, languages, cases: source.cases, sets })
        } else {
            errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
            Err(errors)
        }
    }

    /// Digest of all files: each verdict records it.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// The language tag of a rule file's path; `None` for files that are no rule files.
fn language_of(path: &str) -> Option<&str> {
    let (tag, name) = path.split_once('/')?;
    (!tag.is_empty() && name.ends_with(".toml") && !name.contains('/')).then_some(tag)
}
