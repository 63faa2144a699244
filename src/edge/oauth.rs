//! Access tokens for mail servers that want OAuth 2.0 instead of a password (RFC 6749): by a refresh token (§6) or
//! by the client's own credentials (§4.4). A token is asked for when a connection needs one and held until most of
//! its life is over.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::Agent;
use ureq::http::{StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::metrics::{Counter, count};
use super::password::Password;

/// How long one request to the token endpoint may take.
const REQUEST_MAX: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes: Microsoft's tokens have 2 to 4 KiB.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// Life of a token whose answer does not tell it (RFC 6749 §5.1 leaves `expires_in` out at will).
const LIFE_DEFAULT: Duration = Duration::from_secs(300);
/// Share of its life after which a token is replaced, in percent: it must outlive the login that it is for.
const LIFE_USED_PERCENT: u32 = 80;
/// Longest part of an endpoint's own words that is repeated, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// The SASL mechanism that carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// Google's and Microsoft's own form; both document it.
    #[default]
    XOAuth2,
    /// RFC 7628.
    OAuthBearer,
}

impl Mechanism {
    /// The name as AUTHENTICATE takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// The client's first message.
    pub fn first_message(self, user: &str, host: &str, port: u16, token: &str) -> String {
        match self {
            Self::XOAuth2 => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
            // `=` and `,` of a name are escaped (RFC 5801 §4).
            Self::OAuthBearer => {
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01")
            }
        }
    }

    /// What the client says to the server's explanation of a refusal (RFC 7628 §3.2.3).
    pub fn farewell(self) -> &'static str {
        match self {
            Self::XOAuth2 => "",
            Self::OAuthBearer => "\x01",
        }
    }
}

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// Token endpoint.
    pub url: String,
    /// Registered client.
    pub client_id: String,
    /// Its secret; public clients have none.
    pub client_secret: Option<Password>,
    /// The mailbox owner's refresh token; without one the client asks in its own name.
    pub refresh_token: Option<Password>,
    /// Scope to ask for.
    pub scope: Option<String>,
    /// How the token is presented.
    pub mechanism: Mechanism,
}

/// Asks for tokens and holds the last one. Clones share it.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    settings: TokenSettings,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    until: Instant,
}

/// A token, and whether it was asked for just now: a fresh one that is refused is no matter of age.
#[derive(Clone)]
pub struct Token {
    /// The secret.
    pub secret: String,
    /// Whether the endpoint gave it in this call.
    pub fresh: bool,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The endpoint refuses client, secret or grant (RFC 6749 §5.2): only a person can mend that.
    #[error("the token endpoint refuses: {0}")]
    Refused(String),
    /// The endpoint is not to be had now, or asks for patience; with the wait that it asks for.
    #[error("no token now: {text}")]
    Later {
        /// What happened.
        text: String,
        /// What `Retry-After` says.
        wait: Option<Duration>,
    },
}

impl Tokens {
    /// Tokens by these settings.
    pub fn new(settings: TokenSettings) -> Self {
        Self(Arc::new(Inner { settings, held: Mutex::default() }))
    }

    /// How the token is presented.
    pub fn mechanism(&self) -> Mechanism {
        self.0.settings.mechanism
    }

    /// A token that is good for a login now. Blocking.
    ///
    /// # Errors
    /// [`TokenError`], told apart by whether waiting can help.
    pub fn token(&self) -> Result<Token, TokenError> {
        // Held while asking: connections that start together ask once.
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.until) {
            return Ok(Token { secret: held.token.clone(), fresh: false });
        }
        let granted = ask(&self.0.settings);
        let result = match &granted {
            Ok(_) => "ok",
            Err(TokenError::Refused(_)) => "refused",
            Err(TokenError::Later { .. }) => "later",
        };
        count(Counter::OAuthRefresh, &[result]);
        let granted = granted?;
        let life = granted.expires_in.map_or(LIFE_DEFAULT, |seconds| Duration::from_secs(seconds.0));
        *held = Some(Held {
            token: granted.access_token.clone(),
            until: Instant::now() + life / 100 * LIFE_USED_PERCENT,
        });
        Ok(Token { secret: granted.access_token, fresh: true })
    }

    /// Forgets the held token: the server refused it.
    pub fn discard(&self) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Names the source and never shows a secret.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OAuth 2.0 tokens of {} for {}", self.0.settings.url, self.0.settings.client_id)
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.0.settings == other.0.settings
    }
}

/// Whether secrets may be sent to a URL: over TLS, or without leaving this machine.
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        _ => false,
    }
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<Seconds>,
}

/// Seconds as a number; Microsoft's older endpoints write them as a string.
#[derive(Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Seconds(u64);

impl TryFrom<serde_json::Value> for Seconds {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.map(Self).ok_or_else(|| "expires_in is no number of seconds".into())
    }
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

fn ask(settings: &TokenSettings) -> Result<Granted, TokenError> {
    let later = |text: String| TokenError::Later { text, wait: None };
    let read = |secret: &Password| secret.read().map_err(TokenError::Refused);
    let mut form = vec![("client_id", settings.client_id.clone())];
    match &settings.refresh_token {
        Some(token) => form.extend([("grant_type", "refresh_token".into()), ("refresh_token", read(token)?)]),
        None => form.push(("grant_type", "client_credentials".into())),
    }
    if let Some(secret) = &settings.client_secret {
        form.push(("client_secret", read(secret)?));
    }
    if let Some(scope) = &settings.scope {
        form.push(("scope", scope.clone()));
    }
    let mut answer = agent().post(&settings.url).send_form(form).map_err(|e| later(e.to_string()))?;
    let status = answer.status();
    let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let body = body.map_err(|e| later(e.to_string()))?;
    if status.is_success() {
        return serde_json::from_str(&body).map_err(|_| later(format!("{status} without a token")));
    }
    let refusal = serde_json::from_str::<Refusal>(&body).ok();
    let words = match &refusal {
        Some(r) => format!("{}: {}", r.error, r.error_description.as_deref().unwrap_or("no description")),
        None => status.to_string(),
    };
    let text: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect();
    let passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || refusal.is_none_or(|r| r.error == "temporarily_unavailable" || r.error == "slow_down");
    if passing {
        Err(TokenError::Later { text, wait: wait.map(Duration::from_secs) })
    } else {
        Err(TokenError::Refused(text))
    }
}

fn agent() -> Agent {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = certificates.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
    Agent::config_builder()
        .timeout_global(Some(REQUEST_MAX))
        // A redirect would carry the secrets to somebody else.
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A token endpoint that gives one answer after the other, and hands back what it was sent.
    fn endpoint(answers: Vec<(&'static str, &'static str)>) -> (String, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let (sent, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for (head, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut form = vec![0; length];
                reader.read_exact(&mut form).unwrap();
                sent.send(String::from_utf8(form).unwrap()).unwrap();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        (url, received)
    }

    fn tokens(url: String, refresh_token: Option<&str>) -> Tokens {
        let fixed = |text: &str| Password::Fixed(text.into());
        Tokens::new(TokenSettings {
            url,
            client_id: "daemon".into(),
            client_secret: Some(fixed("s3cret")),
            refresh_token: refresh_token.map(fixed),
            scope: Some("mail.read".into()),
            mechanism: Mechanism::default(),
        })
    }

    #[test]
    fn a_token_is_held_until_it_is_discarded() {
        let granted = r#"{"access_token":"one","expires_in":3600}"#;
        let again = r#"{"access_token":"two","expires_in":"3600"}"#;
        let (url, sent) = endpoint(vec![("200 OK", granted), ("200 OK", again)]);
        let tokens = tokens(url, Some("r1"));
        let first = tokens.token().unwrap();
        assert!(first.fresh && first.secret == "one");
        assert!(!tokens.token().unwrap().fresh);
        tokens.discard();
        assert_eq!(tokens.token().unwrap().secret, "two");
        let form = sent.recv().unwrap();
        for part in
            ["grant_type=refresh_token", "refresh_token=r1", "client_secret=s3cret", "scope=mail.read"]
        {
            assert!(form.contains(part), "{form}");
        }
    }

    #[test]
    fn a_short_life_is_not_used_up() {
        let granted = r#"{"access_token":"one","expires_in":0}"#;
        let (url, _sent) = endpoint(vec![("200 OK", granted), ("200 OK", granted)]);
        let tokens = tokens(url, None);
        assert!(tokens.token().unwrap().fresh && tokens.token().unwrap().fresh);
    }

    #[test]
    fn refusals_are_told_from_bad_moments() {
        let refused = r#"{"error":"invalid_grant","error_description":"token revoked"}"#;
        let busy = "503 Busy\r\nRetry-After: 7";
        let (url, _sent) = endpoint(vec![
            ("400 Bad Request", refused),
            (busy, "{}"),
            ("429 Too Many", r#"{"error":"invalid_client"}"#),
            ("200 OK", "<html>"),
        ]);
        let tokens = tokens(url, None);
        let errors: Vec<TokenError> = (0..4).map(|_| tokens.token().err().unwrap()).collect();
        assert_eq!(errors[0], TokenError::Refused("invalid_grant: token revoked".into()));
        assert!(matches!(errors[1], TokenError::Later { wait: Some(wait), .. } if wait.as_secs() == 7));
        assert!(errors[2..].iter().all(|e| matches!(e, TokenError::Later { .. })), "{errors:?}");
    }

    #[test]
    fn no_endpoint_is_a_bad_moment_and_no_secret_is_shown() {
        let tokens = tokens("http://127.0.0.1:9/token".into(), Some("r1"));
        assert!(matches!(tokens.token(), Err(TokenError::Later { .. })));
        let shown = format!("{tokens:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("r1"), "{shown}");
    }

    #[test]
    fn secrets_go_over_tls_or_stay_on_the_machine() {
        for url in ["https://login.example/token", "http://127.0.0.1:8080/token", "http://[::1]/t"] {
            assert!(is_safe(url), "{url}");
        }
        for url in
            ["http://login.example/token", "http://127.0.0.1:80@login.example/", "ftp://127.0.0.1/", "token"]
        {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn names_are_escaped_for_oauthbearer() {
        let message = Mechanism::OAuthBearer.first_message("a=b,c", "imap.example", 993, "t");
        assert_eq!(message, "n,a=a=3Db=2Cc,\x01host=imap.example\x01port=993\x01auth=Bearer t\x01\x01");
    }
}
