//! The local socket: while the daemon holds the store, the command line asks it here. One JSON object a line
//! each way ([`crate::answer::Request`], [`crate::answer::Response`]).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::answer::{Request, Response};

/// Longest request: `ingest` sends one message a request, base64 of [`crate::edge::source::MESSAGE_BYTES_MAX`].
const REQUEST_BYTES_MAX: u64 = 40 << 20;
/// How long a client waits for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Answers requests; may block on the store.
pub type Ask = Arc<dyn Fn(Request) -> Response + Send + Sync>;

/// Where the socket of a store is.
pub fn path(store: &Path) -> PathBuf {
    store.join("socket")
}

/// Binds the socket; a socket file left behind by a killed daemon is replaced.
///
/// # Errors
/// When it cannot be made.
pub fn bind(store: &Path) -> std::io::Result<UnixListener> {
    let path = path(store);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until `stop` turns true.
pub async fn serve(listener: UnixListener, ask: Ask, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|s| *s) => None,
            accepted = listener.accept() => Some(accepted),
        };
        match accepted {
            None => return,
            Some(Ok((stream, _))) => drop(tokio::spawn(talk(stream, Arc::clone(&ask)))),
            Some(Err(error)) => {
                tracing::warn!(event = "socket.accept", %error);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn talk(stream: UnixStream, ask: Ask) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = AsyncBufReader::new(reader);
    loop {
        let mut line = String::new();
        match (&mut reader).take(REQUEST_BYTES_MAX).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let response = match serde_json::from_str::<Request>(&line) {
            Ok(request) => {
                let ask = Arc::clone(&ask);
                let answered = tokio::task::spawn_blocking(move || ask(request)).await;
                answered.unwrap_or_else(|e| failed(&e.to_string()))
            }
            Err(error) => failed(&format!("not a request: {error}")),
        };
        let Ok(mut text) = serde_json::to_vec(&response) else { return };
        text.push(b'\n');
        if writer.write_all(&text).await.is_err() {
            return;
        }
    }
}

fn failed(text: &str) -> Response {
    Response::Failed { code: "store_unavailable".into(), text: text.to_owned() }
}

/// Asks the daemon of a store; `None` when none is listening.
pub fn ask(store: &Path, request: &Request) -> Option<Response> {
    ask_within(store, request, Some(ANSWER_WAIT))
}

/// Asks for something that may take any time.
pub fn ask_patiently(store: &Path, request: &Request) -> Option<Response> {
    ask_within(store, request, None)
}

fn ask_within(store: &Path, request: &Request, wait: Option<Duration>) -> Option<Response> {
    let stream = BlockingStream::connect(path(store)).ok()?;
    let answer = exchange(stream, request, wait);
    Some(answer.unwrap_or_else(|e| failed(&format!("the daemon did not answer: {e}"))))
}

fn exchange(stream: BlockingStream, request: &Request, wait: Option<Duration>) -> std::io::Result<Response> {
    stream.set_read_timeout(wait)?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    (&stream).write_all(&text)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
