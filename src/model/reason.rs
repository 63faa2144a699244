//! The trail: every outcome carries reasons, each a code, a sentence, a fix, a rule and a place.

use serde::{Deserialize, Serialize};

/// Which text a span counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `fresh_text`.
    #[default]
    Fresh,
    /// `unsure_text`.
    Unsure,
    /// `signature_text`.
    Signature,
}

/// One reason for an outcome. Codes are API: once shipped they only grow (docs and README list them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable lower-case code, e.g. `conditional_open`.
    pub code: String,
    /// One plain sentence.
    pub text: String,
    /// One plain sentence: what somebody can do about it.
    pub fix: Option<String>,
    /// The rule that said so, e.g. `en/affirm.recommend`.
    pub rule: Option<String>,
    /// Byte span in the text that `source` names.
    pub span: Option<[usize; 2]>,
    /// Which text `span` counts in; left out of JSON when it is `fresh_text`.
    #[serde(rename = "in", default, skip_serializing_if = "Source::is_fresh")]
    pub source: Source,
}

impl Source {
    /// Whether it is `fresh_text`, which JSON does not say.
    pub fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }
}

impl Reason {
    /// A reason without fix, rule and span.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
            fix: None,
            rule: None,
            span: None,
            source: Source::Fresh,
        }
    }

    /// Adds the sentence that says what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the rule and the span that it matched.
    #[must_use]
    pub fn by(mut self, rule: impl Into<String>, source: Source, span: std::ops::Range<usize>) -> Self {
        self.rule = Some(rule.into());
        self.source = source;
        self.span = Some([span.start, span.end]);
        self
    }
}
