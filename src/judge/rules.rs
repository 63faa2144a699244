//! A compiled rule set: loading all files of all languages, with every error at once.

use std::sync::{LazyLock, OnceLock};

use super::compile;
use super::evidence::{Evidence, EvidenceRule, is_evidence};
use super::index::Index;
use super::language::{Case, Language, Pack, Rule, Says};
use super::source::{self, Source};
use super::tongue::Lexicon;
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

static NO_PACK: LazyLock<Pack> = LazyLock::new(Pack::default);

/// A rule set.
#[derive(Debug)]
pub struct Rules {
    digest: Digest,
    pub(super) rules: Vec<Rule>,
    pub(super) packs: Vec<Pack>,
    pub(super) lexicon: Lexicon,
    pub(super) cases: Vec<Case>,
    /// One for each pack.
    indexes: Vec<OnceLock<Index>>,
    /// Evidence of other kinds.
    pub(super) evidence: Evidence,
}

/// A rule file with the language that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct TaggedFile {
    pub path: String,
    pub tag: String,
    pub text: String,
}

impl TaggedFile {
    pub(super) fn new(path: &str, tag: &str, text: &str) -> Self {
        Self { path: path.to_owned(), tag: tag.to_owned(), text: text.to_owned() }
    }
}

impl Rules {
    /// Reads rule files, given as (path below `rules/`, content), and compiles every pattern once to find its
    /// mistakes. Files that are not of the form `<lang>/<name>.toml` are somebody else's and are skipped.
    ///
    /// # Errors
    /// Every error of every file, in order; also when no rule was found at all, since a judge without rules
    /// would call everything unknown in silence.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<RuleError>> {
        let (rules, mut errors) = Self::read(files);
        errors.extend(compile::check(&rules.rules, &rules.packs));
        errors.extend(rules.evidence.compile());
        rules.unless(errors)
    }

    /// The same without compiling: for files that were checked before, such as the shipped ones. Patterns are
    /// compiled when a text first needs them.
    ///
    /// # Errors
    /// Every error but those inside patterns.
    pub fn open(files: &[(String, String)]) -> Result<Self, Vec<RuleError>> {
        let (rules, errors) = Self::read(files);
        rules.unless(errors)
    }

    fn read(files: &[(String, String)]) -> (Self, Vec<RuleError>) {
        let mut files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        files.sort_unstable();
        files.retain(|(path, _)| language_of(path).is_some() || is_evidence(path));
        let digest = Digest::of_fields(files.iter().flat_map(|(p, c)| [p.as_bytes(), c.as_bytes()]));
        let (own, languages): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| is_evidence(path));
        let tagged = |(path, text): &(&str, &str)| Some(TaggedFile::new(path, language_of(path)?, text));
        let languages: Vec<TaggedFile> = languages.iter().filter_map(tagged).collect();
        let (rules, mut errors) = Self::read_tagged(&languages);
        let evidence = Evidence::new(&own, &languages, &mut errors);
        (Self { digest, evidence, ..rules }, errors)
    }

    /// The evidence that rules know besides the champion's yes, by name.
    pub fn evidence(&self) -> &std::collections::BTreeMap<String, EvidenceRule> {
        &self.evidence.kinds
    }

    /// A rule set of these files.
    pub(super) fn of_files(files: Vec<TaggedFile>) -> Result<Self, Vec<RuleError>> {
        let (rules, errors) = Self::read_tagged(&files);
        rules.unless(errors)
    }

    pub(super) fn read_tagged(files: &[TaggedFile]) -> (Self, Vec<RuleError>) {
        let mut errors = Vec::new();
        let mut source = Source::default();
        for file in files {
            source::read(&file.path, &file.tag, &file.text, &mut source, &mut errors);
        }
        if source.rules.is_empty() && errors.is_empty() {
            let path = files.first().map_or("rules", |file| file.path.as_str()).to_owned();
            let message = "found no rules, expected `[[rule]]` tables in `<lang>/<name>.toml`".to_owned();
            errors.push(RuleError { path, line: 1, message });
        }
        let (rules, packs) = compile::compile(&source, &mut errors);
        let lexicon = Lexicon::new(&packs, &rules);
        let indexes = packs.iter().map(|_| OnceLock::new()).collect();
        let (digest, cases, evidence) = (Digest::of(b""), source.cases, Evidence::default());
        (Self { digest, rules, packs, lexicon, cases, indexes, evidence }, errors)
    }

    fn unless(self, mut errors: Vec<RuleError>) -> Result<Self, Vec<RuleError>> {
        if errors.is_empty() {
            return Ok(self);
        }
        errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        Err(errors)
    }

    /// The language of a pack.
    pub(super) fn language(&self, pack: usize) -> &Language {
        &self.packs.get(pack).unwrap_or(&NO_PACK).language
    }

    /// The words that the patterns of a pack need, collected at its first use.
    pub(super) fn index(&self, pack: usize) -> Option<&Index> {
        let cell = self.indexes.get(pack)?;
        Some(cell.get_or_init(|| Index::new(&self.rules, self.packs.get(pack).unwrap_or(&NO_PACK))))
    }

    /// Whether the rule of this id affirms every criterion by name (`whole`).
    pub fn speaks_of_all(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id && rule.whole && rule.says == Says::Affirm)
    }

    /// Whether the rule of this id says what it affirms; a bare yes does not.
    pub fn says_what(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id && rule.says == Says::Affirm)
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
