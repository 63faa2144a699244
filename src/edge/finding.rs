//! What a check of the surroundings found, with what to do about it.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Well.
    Ok,
    /// It works, and could be better.
    Warning,
    /// It does not work.
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `sign_in`, `idle`, …
    pub check: &'static str,
    /// How it ended.
    pub result: Grade,
    /// One plain sentence.
    pub text: String,
    /// What to do, unless all is well.
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, result: Grade::Ok, text: text.into(), fix: None }
    }

    /// It works, and could be better.
    pub fn warning(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, result: Grade::Warning, text: text.into(), fix: Some(fix.into()) }
    }

    /// It does not work.
    pub fn failed(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, result: Grade::Failed, text: text.into(), fix: Some(fix.into()) }
    }
}
