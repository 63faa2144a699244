//! Evidence besides the champion's yes: `rules/evidence/kinds.toml` names the kinds, `rules/evidence/<lang>/*.toml` the
//! words. They are read together with all other rules of the language, so that whatever stops a yes stops these too, in
//! a rule set of their own, so that they never make a verdict.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::rules::{RuleError, Rules, TaggedFile};

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
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    kind: BTreeMap<String, EvidenceRule>,
}

/// The kinds, and the rules that know their words.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub kinds: BTreeMap<String, EvidenceRule>,
    files: Vec<TaggedFile>,
    /// Read when the first mail needs them.
    rules: OnceLock<Option<Box<Rules>>>,
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
                None => match toml::from_str::<File>(text) {
                    Ok(file) => evidence.kinds.extend(file.kind),
                    Err(error) => {
                        let before = error.span().map_or("", |s| text.get(..s.start).unwrap_or_default());
                        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
                        errors.push(RuleError {
                            path: (*path).into(),
                            line,
                            message: error.message().into(),
                        });
                    }
                },
            }
        }
        evidence.check(own, errors);
        evidence
    }

    fn check(&self, own: &[(&str, &str)], errors: &mut Vec<RuleError>) {
        let path = own.first().map_or("evidence", |(path, _)| *path);
        for (name, kind) in &self.kinds {
            let mut error = |what: &str| {
                let message = format!("kind.{name}: {what}");
                errors.push(RuleError { path: path.to_owned(), line: 1, message });
            };
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
        }
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
        errors
    }
}

/// The kind that a rule speaks of: `security_review` of `en/security_review.passed`.
pub(super) fn kind_of(id: &str) -> &str {
    let name = id.split_once('/').map_or(id, |(_, name)| name);
    name.split_once('.').map_or(name, |(kind, _)| kind)
}
