//! Posts events to the receivers that the configuration names (Standard Webhooks 1.0.0: `webhook-id`,
//! `webhook-timestamp`, `webhook-signature`).

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::Password;
use crate::answer::Event;

/// How long a receiver may take.
const POST_MAX: Duration = Duration::from_secs(15);
/// Octets of an answer that are read, for the error's text.
const ANSWER_BYTES_MAX: u64 = 4_096;
/// Characters of an answer that are kept.
const TEXT_CHARS_MAX: usize = 200;
/// Longest wait that a receiver may ask for.
pub const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// A receiver.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it is called.
    pub name: String,
    /// Where it is: https, or a loopback address.
    pub url: String,
    /// `whsec_…`.
    pub secret: Password,
    /// Types of events that it gets; all of them when empty.
    pub types: Vec<String>,
}

impl Settings {
    /// Whether it gets the event.
    pub fn wants(&self, event: &Event) -> bool {
        self.types.is_empty() || self.types.contains(&event.kind_of)
    }
}

/// Why the receiver did not take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer, or cannot now: the same event later.
    Later {
        /// What happened.
        text: String,
        /// How long it wants to be left alone.
        wait: Option<Duration>,
    },
    /// It refuses this event.
    Refused(String),
}

/// Posts one event. Blocking.
///
/// # Errors
/// When it was not taken.
pub fn post(settings: &Settings, id: u64, at: Timestamp, body: &str) -> Result<(), Trouble> {
    let later = |text: String| Trouble::Later { text, wait: None };
    let secret = settings.secret.read().map_err(&later)?;
    let name = format!("evt_{id}");
    let signature = sign(&secret, &name, at, body).ok_or_else(|| {
        later(format!("{:?} holds no `whsec_` and base64 of 24 to 64 octets", settings.secret))
    })?;
    let sent = agent()
        .post(&settings.url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("endorsed/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &name)
        .header("webhook-timestamp", at.as_second().to_string())
        .header("webhook-signature", signature)
        .send(body);
    let mut answer = sent.map_err(|e| later(e.to_string()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let wait = wait.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
    let words = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().unwrap_or_default();
    let words: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect();
    let text = format!("{status} {}", words.trim()).trim().to_owned();
    let passes = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    if passes { Err(Trouble::Later { text, wait }) } else { Err(Trouble::Refused(text)) }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; `None` when the secret is none.
pub fn sign(secret: &str, id: &str, at: Timestamp, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    if !(24..=64).contains(&key.len()) {
        return None;
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let text = format!("{id}.{}.{body}", at.as_second());
    Some(format!("v1,{}", STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()))))
}

/// One for all: the certificates are read once, and connections are kept.
fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(new_agent)
}

fn new_agent() -> Agent {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = certificates.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
    Agent::config_builder()
        .timeout_global(Some(POST_MAX))
        // A redirect would let the receiver choose whom we speak to: our own network, for instance.
        .max_redirects(0)
        .http_status_as_error(false)
        // Only what the configuration names is spoken to, no proxy of the environment.
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_standards_own_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}");
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(sign("secret", "a", at, "").is_none() && sign("whsec_AAAA", "a", at, "").is_none());
    }
}
