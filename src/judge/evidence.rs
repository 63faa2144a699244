//! Evidence besides the champion's yes: `rules/evidence/kinds.toml` names the kinds, `rules/evidence/<lang>/*.toml` the
//! words. They are read together with all other rules of the language, so that whatever stops a yes stops these too, in
//! a rule set of their own, so that they never make a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;

use super::language::{Rule, Says};
use super::rules::{RuleError, Rules, TaggedFile};
use crate::model::is_fact_name;
use crate::text::squeeze;

/// Folder of the files.
const FOLDER: &str = "evidence/";

/// Whose word a kind of evidence must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// One of the people whom the accounts file lists for the buyer.
    Buyer,
    /// One of the seller's people, but the SE of the deal.
    Seller,
}

/// A kind of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRule {
    /// What it shows, in words.
    pub text: String,
    /// Whose word it must be.
    pub by: Side,
    /// The role that it fills; `own` is the writer's.
    pub fills: Option<String>,
    /// Roles that may say it; without them the role that it fills.
    #[serde(default)]
    pub from: Vec<String>,
    /// It waives the role.
    #[serde(default)]
    pub waiver: bool,
    /// The fact that it states.
    pub states: Option<String>,
    /// It must be addressed to the buyer's own people.
    pub to: Option<Side>,
    /// Mail without any of these words is not looked at.
    pub words: Vec<String>,
    /// Words that may stand in the clause of a yes besides those of the rules' own examples.
    #[serde(default)]
    pub beside: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Words that may stand in the clause of any yes.
    #[serde(default)]
    beside: Vec<String>,
    #[serde(default)]
    kind: BTreeMap<String, EvidenceRule>,
}

/// The kinds, and the rules that know their words.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub kinds: BTreeMap<String, EvidenceRule>,
    beside: Vec<String>,
    files: Vec<TaggedFile>,
    /// Where each kind stands: file and line.
    places: BTreeMap<String, (String, usize)>,
    /// Read when the first mail needs them.
    rules: OnceLock<Option<Box<Rules>>>,
    /// Of each kind the words that may stand in the clause of a yes.
    plain: OnceLock<BTreeMap<String, BTreeSet<String>>>,
}

/// Whether a path below `rules/` is one of the files of this module.
pub(super) fn is_evidence(path: &str) -> bool {
    path.starts_with(FOLDER) && path.ends_with(".toml")
}

impl Evidence {
    /// From all rule files: those of this module, and those of the languages but their cases.
    pub fn new(own: &[(&str, &str)], languages: &[TaggedFile], errors: &mut Vec<RuleError>) -> Self {
        let mut evidence = Self::default();
        if own.is_empty() {
            return evidence;
        }
        let is_cases =
            |file: &&TaggedFile| !file.path.rsplit('/').next().unwrap_or_default().starts_with("cases");
        evidence.files = languages.iter().filter(is_cases).cloned().collect();
        for (path, text) in own {
            match path.strip_prefix(FOLDER).unwrap_or_default().split_once('/') {
                Some((tag, _)) => evidence.files.push(TaggedFile::new(path, tag, text)),
                None => evidence.read(path, text, errors),
            }
        }
        evidence.check(errors);
        evidence
    }

    /// Reads a file of kinds.
    fn read(&mut self, path: &str, text: &str, errors: &mut Vec<RuleError>) {
        let line = |at: usize| text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        let mut error = |line, message: String| errors.push(RuleError { path: path.into(), line, message });
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(e) => return error(e.span().map_or(1, |span| line(span.start)), e.message().into()),
        };
        self.beside.extend(file.beside);
        for (name, kind) in file.kind {
            let at = text.find(&format!("[kind.{name}]")).map_or(1, line);
            if let Some((other, at_other)) = self.places.get(&name) {
                error(at, format!("kind.{name}: stands in {other}:{at_other} too, expected once"));
                continue;
            }
            self.places.insert(name.clone(), (path.to_owned(), at));
            self.kinds.insert(name, kind);
        }
    }

    /// A mistake in a kind, at its place.
    fn error(&self, name: &str, what: &str) -> RuleError {
        let (path, line) = self.places.get(name).cloned().unwrap_or_default();
        RuleError { path, line, message: format!("kind.{name}: {what}") }
    }

    fn check(&self, errors: &mut Vec<RuleError>) {
        for (name, kind) in &self.kinds {
            let mut error = |what: &str| errors.push(self.error(name, what));
            if kind.words.is_empty() {
                error("`words` is empty: no mail would ever be looked at");
            }
            if kind.fills.is_some() == kind.states.is_some() {
                error("it either `fills` a role or `states` a fact");
            }
            if kind.by == Side::Seller && kind.fills.is_some() {
                error("the seller's people fill no role");
            }
            if kind.waiver && kind.fills.is_none() {
                error("a waiver needs a role that it `fills`");
            }
            if kind.states.as_deref().is_some_and(|fact| !is_fact_name(fact)) {
                error("`states` is no name of a fact, expected lower-case letters, digits and `_`");
            }
        }
    }

    /// Words that may stand in the clause of a yes of a kind.
    pub fn plain(&self, kind: &str) -> Option<&BTreeSet<String>> {
        self.plain.get_or_init(|| self.all_plain()).get(kind)
    }

    fn all_plain(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, kind) in &self.kinds {
            let own = [&self.beside, &kind.beside, &kind.words].into_iter().flatten();
            all.entry(name.clone()).or_default().extend(own.flat_map(|text| words(text)));
        }
        let rules = self.rules().map(|r| r.rules.as_slice()).unwrap_or_default();
        for rule in rules.iter().filter(|r| is_evidence(&r.path) && r.says == Says::Affirm) {
            if let Some(plain) = all.get_mut(kind_of(&rule.id)) {
                plain.extend(rule.hits.iter().flat_map(|example| words(&example.text)));
            }
        }
        all
    }

    /// The rules of all languages and of this module.
    pub fn rules(&self) -> Option<&Rules> {
        let read = || Rules::of_files(self.files.clone()).ok().map(Box::new);
        if self.kinds.is_empty() {
            return None;
        }
        self.rules.get_or_init(read).as_deref()
    }

    /// Compiles everything now and names every mistake.
    pub fn compile(&self) -> Vec<RuleError> {
        if self.kinds.is_empty() {
            return Vec::new();
        }
        let (rules, mut errors) = Rules::read_tagged(&self.files);
        errors.extend(super::compile::check(&rules.rules, &rules.packs));
        errors.retain(|e| is_evidence(&e.path));
        let unknown =
            rules.rules.iter().filter(|r| is_evidence(&r.path) && !self.kinds.contains_key(kind_of(&r.id)));
        for rule in unknown {
            let message = format!("rule `{}`: no [kind.{}] in kinds.toml", rule.id, kind_of(&rule.id));
            errors.push(RuleError { path: rule.path.clone(), line: 1, message });
        }
        let affirms = |name: &str| {
            let of_kind = |r: &&Rule| is_evidence(&r.path) && kind_of(&r.id) == name;
            rules.rules.iter().filter(of_kind).any(|r| r.says == Says::Affirm)
        };
        let silent = self.kinds.keys().filter(|name| !affirms(name));
        errors.extend(
            silent.map(|name| self.error(name, "no rule of this kind says yes, expected one in <language>/")),
        );
        errors
    }
}

/// The kind that a rule speaks of: `security_review` of `en/security_review.passed`.
pub(super) fn kind_of(id: &str) -> &str {
    let name = id.split_once('/').map_or(id, |(_, name)| name);
    name.split_once('.').map_or(name, |(kind, _)| kind)
}

/// The words of a text as rules see them.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded = squeeze(text);
    folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}
