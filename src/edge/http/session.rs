//! Sessions of people who signed in on a page with their token. In memory: after a restart one signs in again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::answer::{Caller, Means};
use crate::edge::tokens::Tokens;
use crate::model::Digest;

/// Name of the cookie.
const COOKIE: &str = "endorsed_session";
/// A working day; then one signs in again.
const SESSION_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at one time; the oldest goes first.
const SESSIONS_MAX: usize = 1_000;
/// Random octets that name a session.
const NAME_BYTES: usize = 32;

/// The open sessions: by the hash of their name, the hash of the token and when they began.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<BTreeMap<Digest, (Digest, Instant)>>);

impl Sessions {
    /// Opens a session for whoever has this token; the value of `Set-Cookie`. `None` when nobody has the token.
    pub fn open(&self, tokens: &Tokens, token: &str, secure: bool) -> Option<String> {
        let token = tokens.check(token.trim())?;
        let mut name = [0; NAME_BYTES];
        getrandom::fill(&mut name).ok()?;
        let name = URL_SAFE_NO_PAD.encode(name);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (_, began)| began.elapsed() < SESSION_MAX);
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, (_, began))| *began).map(|(name, _)| *name);
            oldest.and_then(|name| open.remove(&name));
        }
        open.insert(Digest::of(name.as_bytes()), (token.sha256, Instant::now()));
        Some(cookie(&name, SESSION_MAX, secure))
    }

    /// Closes the session of a request; the value of `Set-Cookie`.
    pub fn close(&self, headers: &HeaderMap, secure: bool) -> String {
        for name in names(headers) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&Digest::of(name.as_bytes()));
        }
        cookie("", Duration::ZERO, secure)
    }

    /// Who signed in. A revoked token ends its sessions.
    pub fn caller(&self, tokens: &Tokens, headers: &HeaderMap) -> Option<Caller> {
        let known = names(headers).find_map(|name| {
            let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (token, began) = *open.get(&Digest::of(name.as_bytes()))?;
            (began.elapsed() < SESSION_MAX).then_some(token)
        })?;
        Some(tokens.find(&known)?.caller(Means::Session))
    }
}

/// Whether the browser speaks TLS, to us or to a proxy before us: then it sends the cookie back over nothing else.
pub fn is_secure(tls: bool, headers: &HeaderMap) -> bool {
    let starts = |name: &str, text: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.to_ascii_lowercase().starts_with(text))
    };
    tls || starts("x-forwarded-proto", "https") || starts("origin", "https://")
}

/// RFC 6265 §4.1: no script reads it, and no other site's page sends it.
fn cookie(value: &str, life: Duration, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", life.as_secs())
}

/// The names of sessions that a request carries.
pub fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    pairs.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
