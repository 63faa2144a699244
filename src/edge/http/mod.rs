//! HTTP (CONTRACT "HTTP"): JSON, UTC, `application/problem+json` (RFC 9457) on errors. "Not allowed" is 200
//! with `allowed:false`; reading never writes.

mod api;
mod health;
mod pages;
mod problem;

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::problem::problem;
use super::socket::Ask;
use crate::answer::{Request, Response};

/// What every handler shares.
#[derive(Clone)]
pub struct App {
    ask: Ask,
}

impl App {
    /// Handlers that ask `ask`.
    pub fn new(ask: Ask) -> Self {
        Self { ask }
    }

    /// Asks off the event loop: an answer reads the store, and an act waits for the disk.
    pub(crate) async fn ask(&self, request: Request) -> Response {
        let ask = Ask::clone(&self.ask);
        tokio::task::spawn_blocking(move || ask(request)).await.unwrap_or_else(|_| Response::Failed {
            code: "internal".into(),
            text: "The question could not be answered.".into(),
        })
    }
}

/// Serves until `stop` turns true.
pub async fn serve(listener: TcpListener, app: App, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let until = async move {
        let _ = stop.wait_for(|s| *s).await;
    };
    axum::serve(listener, router(app)).with_graceful_shutdown(until).await
}

/// The routes: each part of the interface brings its own.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(health::routes())
        .merge(pages::routes())
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "not_found", "There is no such page.") })
        .method_not_allowed_fallback(|| async {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This page does not take that method.",
            )
        })
        .with_state(app)
}
