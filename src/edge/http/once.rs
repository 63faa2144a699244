//! `Idempotency-Key`: a write that is sent again with its key is answered again and not done again.
//!
//! A key is on disk before its write begins, and the answer before it is given. What a crash left between the two is
//! 409 `outcome_unknown`: the caller looks before asking with another key. Keys are kept for a day.

use std::collections::{BTreeMap, VecDeque};
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
/// Octets of all answers that are kept: a day's keys with answers of the usual length.
const ANSWERS_BYTES_MAX: usize = 32 << 20;
/// A shorter file is never written anew, in lines.
const REWRITE_MIN: usize = 1_000;
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
    /// Lines, and whether their write goes on.
    lines: BTreeMap<Digest, (Line, bool)>,
    /// Keys in the order of their coming.
    queue: VecDeque<Digest>,
    /// Keys with answers, in the order of these, and the octets of all answers.
    answered: VecDeque<Digest>,
    answer_bytes: usize,
    /// Lines in the file: two for a write, and those of keys that are forgotten.
    written: usize,
    file: Option<(PathBuf, File)>,
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
        memory.forget(now);
        let line = Line { key, request, at: now, answer: None };
        memory.write(&line)?;
        memory.add(line, true);
        Ok(Known::New)
    }

    /// Notes its end. Blocking. Without an answer nobody knows what it did.
    fn end(&self, key: Digest, answer: Option<(u16, String)>) -> std::io::Result<()> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((line, runs)) = memory.lines.get_mut(&key) else { return Ok(()) };
        *runs = false;
        line.answer = answer;
        let line = line.clone();
        if line.answer.is_none() {
            return Ok(());
        }
        memory.count(&line);
        memory.write(&line)
    }

    /// Notes that a write goes on no longer, however it ended.
    fn rest(&self, key: Digest) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, runs)) = memory.lines.get_mut(&key) {
            *runs = false;
        }
    }
}

impl Memory {
    fn add(&mut self, line: Line, runs: bool) {
        self.queue.push_back(line.key);
        self.count(&line);
        self.lines.insert(line.key, (line, runs));
    }

    /// Counts an answer, and drops the eldest ones where they are too many octets: their keys stay, and are answered with
    /// `outcome_unknown`.
    fn count(&mut self, line: &Line) {
        let Some((_, text)) = &line.answer else { return };
        self.answer_bytes += text.len();
        self.answered.push_back(line.key);
        while self.answer_bytes > ANSWERS_BYTES_MAX {
            let Some(eldest) = self.answered.pop_front() else { return };
            let dropped = self.lines.get_mut(&eldest).and_then(|(line, _)| line.answer.take());
            self.answer_bytes -= dropped.map_or(0, |(_, text)| text.len()).min(self.answer_bytes);
        }
    }

    /// Forgets the eldest keys: those of more than a day ago, and one where there are too many.
    fn forget(&mut self, now: Timestamp) {
        while let Some(eldest) = self.queue.front().copied() {
            let is_old = self.lines.get(&eldest).is_none_or(|(line, runs)| !runs && !is_kept(line, now));
            if !is_old && self.lines.len() < KEYS_MAX {
                return;
            }
            self.queue.pop_front();
            if let Some((Line { answer: Some((_, text)), .. }, _)) = self.lines.remove(&eldest) {
                self.answer_bytes -= text.len().min(self.answer_bytes);
                self.answered.retain(|key| *key != eldest);
            }
        }
    }

    /// Adds a line to the file, durably; a file that is half made of forgotten keys is written anew.
    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_data()?;
        self.written += 1;
        if self.written > REWRITE_MIN + 4 * self.lines.len() {
            let path = path.clone();
            self.rewrite(&path)?;
        }
        Ok(())
    }

    fn rewrite(&mut self, path: &Path) -> std::io::Result<()> {
        let mut kept = Vec::new();
        for key in &self.queue {
            let Some((line, _)) = self.lines.get(key) else { continue };
            serde_json::to_writer(&mut kept, line)?;
            kept.push(b'\n');
        }
        replace_file(path, &kept).map_err(|e| std::io::Error::other(e.to_string()))?;
        self.written = self.lines.len();
        self.file = Some((path.to_owned(), File::options().append(true).open(path)?));
        Ok(())
    }
}

/// A write that goes on; when it is dropped it does no longer.
struct Running(Once, Digest);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.rest(self.1);
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
        Ok(key) if is_key(key) => key.to_owned(),
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
    // The write goes on when nobody waits for it any more – after a time-out, or on a lost connection –, and so does the note
    // of its end.
    let running = Running(Once(Arc::clone(&app.once().0)), key);
    let work = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, ANSWER_BYTES_MAX).await else { return unwritable() };
        // What failed on our side may have been done or not: only a look can tell.
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = (!parts.status.is_server_error()).then(|| (parts.status.as_u16(), text));
        match tokio::task::spawn_blocking(move || running.0.end(key, answer)).await {
            Ok(Ok(())) => Response::from_parts(parts, Body::from(body)),
            _ => unwritable(),
        }
    });
    work.await.unwrap_or_else(|_| unwritable())
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= KEY_BYTES_MAX && text.chars().all(|c| c.is_ascii_graphic())
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
fn load(path: &Path) -> std::io::Result<Memory> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let now = Timestamp::now();
    // A line that a crash cut off began nothing. The second line of a key has its answer.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let lines: BTreeMap<Digest, Line> =
        lines.filter(|line| is_kept(line, now)).map(|line| (line.key, line)).collect();
    let mut lines: Vec<Line> = lines.into_values().collect();
    lines.sort_by_key(|line| line.at);
    let mut memory = Memory::default();
    lines.into_iter().for_each(|line| memory.add(line, false));
    memory.rewrite(path)?;
    Ok(memory)
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

    #[tokio::test]
    async fn a_write_that_outlives_its_request_is_noted() {
        use tower::ServiceExt as _;
        let folder = tempfile::tempdir().unwrap();
        let wait = std::time::Duration::from_millis(100);
        let ask: crate::edge::socket::Ask = Arc::new(move |_| {
            std::thread::sleep(wait * 5);
            crate::answer::Response::Unknown { text: "No gate is called so.".into() }
        });
        let tokens = crate::edge::tokens::Tokens::new(folder.path());
        let token = tokens.create("crm", crate::answer::Role::Gate, None).unwrap();
        let mut settings = super::super::Settings::loopback(0);
        settings.limits.request_wait = wait;
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let router = super::super::router(App::new(ask, settings, Some(folder.path()), stopped));
        let send = || {
            let request = Request::post("/v1/gate")
                .header("host", "localhost")
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .header("idempotency-key", "once")
                .body(Body::from(r#"{"opportunity":"OPP-1","to":"commercial_review"}"#));
            router.clone().oneshot(request.unwrap())
        };
        assert_eq!(send().await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(send().await.unwrap().status(), StatusCode::CONFLICT, "it goes on");
        let start = std::time::Instant::now();
        loop {
            let again = send().await.unwrap();
            if again.headers().contains_key("idempotency-replayed") {
                assert_eq!(again.status(), StatusCode::NOT_FOUND);
                return;
            }
            assert!(start.elapsed() < wait * 200, "{again:?}");
            tokio::time::sleep(wait).await;
        }
    }

    #[test]
    fn keys_and_answers_take_bounded_room() {
        let folder = tempfile::tempdir().unwrap();
        let once = Once::new(Some(folder.path()));
        let name = |n: usize| Digest::of(n.to_string().as_bytes());
        let large = "x".repeat(ANSWER_BYTES_MAX);
        for n in 0..40 {
            assert!(matches!(once.begin(name(n), name(n)).unwrap(), Known::New));
            once.end(name(n), Some((200, large.clone()))).unwrap();
        }
        assert!(once.0.lock().unwrap().answer_bytes <= ANSWERS_BYTES_MAX);
        assert!(matches!(once.begin(name(0), name(0)).unwrap(), Known::Unknown), "known, but not its answer");
        assert!(matches!(once.begin(name(39), name(39)).unwrap(), Known::Answered(..)));
        // The file is written anew: what is forgotten leaves it.
        let mut memory = once.0.lock().unwrap();
        memory.written = REWRITE_MIN + 4 * memory.lines.len() + 1;
        let old = memory.lines.values().next().unwrap().0.clone();
        memory.write(&old).unwrap();
        assert_eq!(memory.written, memory.lines.len());
    }
}
