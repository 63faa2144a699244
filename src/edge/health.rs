//! `/readyz` and `/metrics`: both are answered from completed work, never from a fresh attempt.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Json, Router};

use super::socket::Ask;
use crate::answer::{Request, Response};

/// Media type of the exposition format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The two routes.
pub fn router(ask: Ask) -> Router {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(ask)
}

/// 200 while every mailbox was read lately, else 503 with the reasons.
async fn ready(State(ask): State<Ask>) -> HttpResponse {
    match tokio::task::spawn_blocking(move || ask(Request::Ready)).await {
        Ok(Response::Ready(readiness)) => {
            let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(readiness)).into_response()
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn metrics(State(ask): State<Ask>) -> HttpResponse {
    match tokio::task::spawn_blocking(move || ask(Request::Metrics)).await {
        Ok(Response::Metrics { text }) => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
