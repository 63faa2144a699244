//! `/readyz` and `/metrics`: both are answered from completed work, never from a fresh attempt.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Json, Router};

use super::App;
use crate::answer::{Request, Response};

/// Media type of the exposition format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The two routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// 200 while every mailbox was read lately, else 503 with the reasons.
async fn ready(State(app): State<App>) -> HttpResponse {
    match app.ask(Request::Ready).await {
        Response::Ready(readiness) => {
            let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(readiness)).into_response()
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn metrics(State(app): State<App>) -> HttpResponse {
    match app.ask(Request::Metrics).await {
        Response::Metrics { text } => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
