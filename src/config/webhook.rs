//! `[[webhook]]`: who is told of events.

use serde::Deserialize;

use crate::answer::Event;
use crate::edge::Password;
use crate::edge::oauth::is_safe;
use crate::edge::webhook::Settings;

/// `[[webhook]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// What it is called; its place in the log is kept under this name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// `whsec_…` (Standard Webhooks).
    pub secret: Password,
    /// Types of events; all of them without.
    #[serde(default)]
    pub events: Vec<String>,
}

impl WebhookSection {
    /// The receiver.
    pub fn settings(&self) -> Settings {
        Settings {
            name: self.name.clone(),
            url: self.url.clone(),
            secret: self.secret.clone(),
            types: self.events.clone(),
        }
    }

    /// What the types can not say.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            problems.push(("name", format!("`{}`: letters, digits, `-` and `_`, at most 64", self.name)));
        }
        if !is_safe(&self.url) {
            problems.push(("url", format!("`{}` must be https (http only to this machine)", self.url)));
        }
        for event in self.events.iter().filter(|e| !Event::TYPES.contains(&e.as_str())) {
            problems.push(("events", format!("`{event}` is no event; known: {}", Event::TYPES.join(", "))));
        }
        problems
    }
}
