//! How many requests a client may send: a bucket of tokens for each name or address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Clients that are counted at one time; then those that did nothing lately are forgotten.
const CLIENTS_MAX: usize = 10_000;

/// Counts.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    clients: Mutex<HashMap<String, (f64, Instant)>>,
}

impl Rate {
    /// So many a second, and `burst` at once.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, clients: Mutex::default() }
    }

    /// Takes one; otherwise the seconds to wait for it.
    ///
    /// # Errors
    /// With the seconds to wait.
    pub fn take(&self, client: &str) -> Result<(), u64> {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: &str, now: Instant) -> Result<(), u64> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(client) {
            // A full bucket says nothing that a new one would not.
            let full = |left: f64, at: Instant| {
                left + now.duration_since(at).as_secs_f64() * self.per_second >= self.burst
            };
            clients.retain(|_, (left, at)| !full(*left, *at));
            if clients.len() >= CLIENTS_MAX {
                return Err(1);
            }
        }
        if !clients.contains_key(client) {
            clients.insert(client.to_owned(), (self.burst, now));
        }
        let Some((left, at)) = clients.get_mut(client) else { return Err(1) };
        *left = (*left + now.duration_since(*at).as_secs_f64() * self.per_second).min(self.burst);
        *at = now;
        self.enough(*left)?;
        *left -= 1.0;
        Ok(())
    }

    fn enough(&self, left: f64) -> Result<(), u64> {
        if left >= 1.0 {
            return Ok(());
        }
        let wait = ((1.0 - left) / self.per_second).ceil();
        // Between one second and an hour, whatever the settings.
        Err(wait.clamp(1.0, 3_600.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let rate = Rate::new(10.0, 20.0);
        let start = Instant::now();
        for _ in 0..20 {
            assert_eq!(rate.take_at("a", start), Ok(()));
        }
        assert_eq!(rate.take_at("a", start), Err(1));
        assert_eq!(rate.take_at("b", start), Ok(()), "another client is not held up");
        let later = start + Duration::from_secs(1);
        for _ in 0..10 {
            assert_eq!(rate.take_at("a", later), Ok(()));
        }
        assert_eq!(rate.take_at("a", later), Err(1));
    }

    #[test]
    fn many_clients_do_not_fill_the_memory() {
        let rate = Rate::new(1.0, 2.0);
        let start = Instant::now();
        for n in 0..CLIENTS_MAX {
            assert_eq!(rate.take_at(&n.to_string(), start), Ok(()));
        }
        assert_eq!(rate.take_at("late", start), Err(1));
        assert_eq!(rate.take_at("late", start + Duration::from_secs(5)), Ok(()));
    }
}
