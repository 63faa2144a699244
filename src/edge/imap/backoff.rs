//! How long to wait before the next connection.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Doubling steps with full jitter, so that many daemons do not return in step after an outage.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failures: 0 }
    }

    /// The wait after one more failure: random between half the first step and the present one.
    pub(super) fn next(&mut self) -> Duration {
        let ceiling = self.min.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        let floor = self.min / 2;
        floor + jitter(ceiling.saturating_sub(floor))
    }

    /// The wait after a failure that still brought progress: the first step, and no step further.
    pub(super) fn first(&self) -> Duration {
        self.min / 2 + jitter(self.min / 2)
    }

    /// Starts again at the first step; only a stable session earns it.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Random up to `most`. The standard library's hash keys are random for each process and differ for each
/// `RandomState`; nothing secret hangs on this.
pub(super) fn jitter(most: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    // 53 bits fill the mantissa.
    most.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_limit_and_reset() {
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));
        for ceiling in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            let wait = backoff.next();
            assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_secs(ceiling), "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(2));
    }

    #[test]
    fn an_hour_of_outage_costs_few_connections() {
        for _ in 0..50 {
            let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));
            let (mut time, mut connects) = (Duration::ZERO, 0);
            while time < Duration::from_secs(3600) {
                time += backoff.next();
                connects += 1;
            }
            assert!(connects < 60, "{connects}");
        }
    }
}
