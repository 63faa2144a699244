//! What is asked about webhooks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Look, or try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "webhooks", rename_all = "snake_case")]
pub enum WebhooksAsk {
    /// How each webhook stands.
    List,
    /// Send what was given up again.
    Retry {
        /// Of which webhook.
        name: String,
        /// Which event; all of them without one.
        event: Option<u64>,
    },
}

/// How a webhook stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Its name.
    pub name: String,
    /// Where it goes; never with a secret.
    pub url: String,
    /// Entries of the log that were read for it.
    pub read: u64,
    /// Entries of the log that were not read yet: what is in them is not lost.
    pub behind: u64,
    /// Events that wait to be taken.
    pub waiting: usize,
    /// When the receiver is tried again, while it does not answer.
    pub paused_until: Option<Timestamp>,
    /// What it said last, when it did not take something.
    pub error: Option<String>,
    /// What was given up.
    pub dead: Vec<DeadRow>,
}

/// An event that the receiver refused until we gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadRow {
    /// Its id.
    pub event: u64,
    /// Its opportunity.
    pub opportunity: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// What the receiver said.
    pub error: String,
    /// When it was tried last.
    pub at: Timestamp,
}
