//! `Idempotency-Key`: a write that is sent again with its key is answered again and not done again.
//!
//! A key is on disk before its write begins, and the answer before it is given. What a crash left between the two is
//! 409 `outcome_unknown`: the caller looks before asking with another key. Keys are kept for a day.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::App;
use super::problem::problem;
use crate::answer::Caller;
use crate::edge::store::replace_file;
use crate::model::Digest;

/// The field.
const FIELD: &str = "idempotency-key";
/// How long a key is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Longest key, in octets.
const KEY_BYTES_MAX: usize = 255;
/// Keys at one time; the oldest goes first. A day of one write a second.
const KEYS_MAX: usize = 86_400;
/// Longest answer to a write, in octets; ours have a few hundred.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// File in the store's folder.
const FILE: &str = "idempotency.jsonl";

/// A line of the file: the key, and once there is one the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    key: Digest,
    request: Digest,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<(u16, String)>,
}

#[derive(Debug, Default)]
struct Memory {
    lines: BTreeMap<Digest, (Line, bool)>,
    file: Option<File>,
}

/// The keys that were used lately.
#[derive(Debug, Default)]
pub struct Once(Arc<Mutex<Memory>>);

/// What is known of a key.
enum Known {
    New,
    Answered(u16, String),
    Other,
    Running,
    Unknown,
}

impl Once {
    /// The keys in a store's folder; none are kept where it cannot be read.
    pub fn new(store: Option<&Path>) -> Self {
        let path = store.map(|store| store.join(FILE));
        let memory = path.and_then(|path| {
            load(&path).inspect_err(|error| tracing::error!(event = "http.keys_unreadable", %error)).ok()
        });
        Self(Arc::new(Mutex::new(memory.unwrap_or_default())))
    }

    /// Notes that a write begins. Blocking.
    fn begin(&self, key: Digest, request: Digest) -> std::io::Result<Known> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        if let Some((line, runs)) = memory.lines.get(&key).filter(|(line, _)| is_kept(line, now)) {
            return Ok(match &line.answer {
                _ if line.request != request => Known::Other,
                Some((status, text)) => Known::Answered(*status, text.clone()),
                None if *runs => Known::Running,
                None => Known::Unknown,
            });
        }
        if memory.lines.len() >= KEYS_MAX {
            memory.lines.retain(|_, (line, runs)| *runs || is_kept(line, now));
            let oldest = memory.lines.iter().min_by_key(|(_, (line, _))| line.at).map(|(key, _)| *key);
            oldest.and_then(|key| memory.lines.remove(&key));
        }
        let line = Line { key, request, at: now, answer: None };
        write(&mut memory, &line)?;
        memory.lines.insert(key, (line, true));
        Ok(Known::New)
    }

    /// Notes its end. Blocking. Without an answer nobody knows what it did.
    fn end(&self, key: Digest, answer: Option<(u16, String)>) -> std::io::Result<()> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((line, runs)) = memory.lines.get_mut(&key) else { return Ok(()) };
        *runs = false;
        line.answer = answer;
        let line = line.clone();
        if line.answer.is_some() { write(&mut memory, &line) } else { Ok(()) }
    }
}

/// The middleware around a write.
pub async fn once(
    State(app): State<App>,
    caller: Option<Extension<Caller>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(given) = request.headers().get(FIELD) else { return next.run(request).await };
    let key = match given.to_str() {
        Ok(key) if !key.trim().is_empty() && key.len() <= KEY_BYTES_MAX => key.trim().to_owned(),
        _ => {
            let text = format!("Idempotency-Key is a text of at most {KEY_BYTES_MAX} visible characters.");
            return problem(StatusCode::BAD_REQUEST, "bad_request", &text);
        }
    };
    let name = caller.map(|Extension(caller)| caller.name).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, app.settings().limits.body_bytes_max).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large.");
    };
    let wanted = parts.uri.path_and_query().map_or("", |p| p.as_str()).as_bytes();
    let fingerprint = Digest::of_fields([parts.method.as_str().as_bytes(), wanted, &body]);
    let key = Digest::of_fields([name.as_bytes(), key.as_bytes()]);
    let store = Once(Arc::clone(&app.once().0));
    let known = tokio::task::spawn_blocking(move || store.begin(key, fingerprint)).await;
    match known {
        Ok(Ok(Known::New)) => {}
        Ok(Ok(known)) => return again(known),
        Ok(Err(_)) | Err(_) => return unwritable(),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, ANSWER_BYTES_MAX).await else { return unwritable() };
    // What failed on our side may have been done or not: only a look can tell.
    let text = String::from_utf8_lossy(&body).into_owned();
    let answer = (!parts.status.is_server_error()).then(|| (parts.status.as_u16(), text));
    let store = Once(Arc::clone(&app.once().0));
    match tokio::task::spawn_blocking(move || store.end(key, answer)).await {
        Ok(Ok(())) => Response::from_parts(parts, Body::from(body)),
        _ => unwritable(),
    }
}

fn again(known: Known) -> Response {
    match known {
        Known::Answered(status, text) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
            let mut response = (status, [(header::CONTENT_TYPE, kind)], text).into_response();
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            response
        }
        Known::Running => problem(StatusCode::CONFLICT, "in_progress", "The same write is going on."),
        Known::Other => {
            let text = "The Idempotency-Key was used for another request.";
            problem(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", text)
        }
        Known::Unknown | Known::New => {
            let text = "The write was begun and its end is not known: look whether it is on record, then use a new key.";
            problem(StatusCode::CONFLICT, "outcome_unknown", text)
        }
    }
}

fn unwritable() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The key of the request cannot be kept.")
}

fn is_kept(line: &Line, now: Timestamp) -> bool {
    now.duration_since(line.at) < KEPT
}

/// The lines that still count; the file is written anew without the others.
fn load(path: &PathBuf) -> std::io::Result<Memory> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let now = Timestamp::now();
    // A line that a crash cut off began nothing.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let lines: BTreeMap<Digest, (Line, bool)> =
        lines.filter(|line| is_kept(line, now)).map(|line| (line.key, (line, false))).collect();
    let mut kept = Vec::new();
    for (line, _) in lines.values() {
        serde_json::to_writer(&mut kept, line)?;
        kept.push(b'\n');
    }
    replace_file(path, &kept).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(Memory { lines, file: Some(File::options().append(true).open(path)?) })
}

fn write(memory: &mut Memory, line: &Line) -> std::io::Result<()> {
    let Some(file) = &mut memory.file else { return Ok(()) };
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outlives_a_restart_and_a_crash_between_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let once = Once::new(Some(folder.path()));
        assert!(matches!(once.begin(a, b).unwrap(), Known::New));
        assert!(matches!(once.begin(a, b).unwrap(), Known::Running));
        once.end(a, Some((200, "{}".into()))).unwrap();
        assert!(matches!(once.begin(a, b).unwrap(), Known::Answered(200, _)));
        assert!(matches!(once.begin(a, a).unwrap(), Known::Other));
        assert!(matches!(once.begin(b, b).unwrap(), Known::New));
        drop(once);
        // The second write never ended.
        let once = Once::new(Some(folder.path()));
        assert!(matches!(once.begin(a, b).unwrap(), Known::Answered(200, _)));
        assert!(matches!(once.begin(b, b).unwrap(), Known::Unknown));
    }
}
