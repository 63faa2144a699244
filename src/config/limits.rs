//! `[limits]`: what one message may cost.

use std::time::Duration;

use serde::Deserialize;

/// Longest time for one message, unless the operator says otherwise. Honest mail takes milliseconds; the largest mail
/// that we know how to build takes seconds.
const CONSIDER_SECONDS: u64 = 30;
/// A round takes up to six times as long and must come to its end before the watchdog thinks that it hangs.
const CONSIDER_SECONDS_MAX: u64 = 40;

/// `[limits]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// A message that takes longer to consider is set aside, in seconds.
    pub consider_seconds: u64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { consider_seconds: CONSIDER_SECONDS }
    }
}

impl LimitsSection {
    /// Longest time for considering one message.
    pub fn consider(self) -> Duration {
        Duration::from_secs(self.consider_seconds)
    }

    /// What the types can not say.
    pub(super) fn problems(self) -> Option<(&'static str, String)> {
        let is_fit = (1..=CONSIDER_SECONDS_MAX).contains(&self.consider_seconds);
        (!is_fit).then(|| ("consider_seconds", format!("between 1 and {CONSIDER_SECONDS_MAX}")))
    }
}
