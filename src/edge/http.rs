//! HTTP (CONTRACT "HTTP"): JSON, UTC, `application/problem+json` (RFC 9457) on errors. "Not allowed" is 200
//! with `allowed:false`; reading never writes.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::health;
use super::socket::Ask;
use crate::answer::{LogAnswer, LogQuestion, Request, Response};
use crate::model::OpportunityId;

/// Serves until `stop` turns true.
pub async fn serve(listener: TcpListener, ask: Ask, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let until = async move {
        let _ = stop.wait_for(|s| *s).await;
    };
    axum::serve(listener, router(ask)).with_graceful_shutdown(until).await
}

/// The routes.
pub fn router(ask: Ask) -> Router {
    Router::new()
        .route("/v1/gate", get(read_gate).post(record_gate))
        .route("/v1/opportunities", get(opportunities))
        .route("/v1/opportunities/{id}", get(opportunity))
        .route("/healthz", get(health))
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "not_found", "There is no such page.") })
        .method_not_allowed_fallback(|| async {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This page does not take that method.",
            )
        })
        .with_state(Ask::clone(&ask))
        .merge(health::router(ask))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateQuestion {
    opportunity: String,
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

async fn read_gate(
    State(ask): State<Ask>,
    question: Result<Query<GateQuestion>, QueryRejection>,
) -> HttpResponse {
    match question {
        Ok(Query(question)) => gate(ask, question, false).await,
        Err(rejection) => problem(StatusCode::BAD_REQUEST, "bad_request", &rejection.body_text()),
    }
}

async fn record_gate(
    State(ask): State<Ask>,
    question: Result<Json<GateQuestion>, JsonRejection>,
) -> HttpResponse {
    match question {
        Ok(Json(question)) => gate(ask, question, true).await,
        Err(rejection) => problem(rejection.status(), "bad_request", &rejection.body_text()),
    }
}

async fn gate(ask: Ask, question: GateQuestion, record: bool) -> HttpResponse {
    match OpportunityId::new(&question.opportunity) {
        Some(opportunity) => answer(ask, Request::Gate { opportunity, to: question.to, record }).await,
        None => bad_id(&question.opportunity),
    }
}

async fn opportunities(State(ask): State<Ask>, page: Result<Query<Page>, QueryRejection>) -> HttpResponse {
    let page = match page {
        Ok(Query(page)) => page,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_request", &rejection.body_text()),
    };
    let after = match page.after.as_deref().map(|a| OpportunityId::new(a).ok_or(a)) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(text)) => return bad_id(text),
    };
    answer(ask, Request::List { after, limit: page.limit }).await
}

async fn opportunity(State(ask): State<Ask>, Path(id): Path<String>) -> HttpResponse {
    answer(ask, Request::Show { what: id }).await
}

async fn health(State(ask): State<Ask>) -> HttpResponse {
    answer(ask, Request::Health).await
}

async fn checkpoint(State(ask): State<Ask>) -> HttpResponse {
    public(ask, "checkpoint".into(), "text/plain; charset=utf-8").await
}

async fn tile(State(ask): State<Ask>, Path(path): Path<String>) -> HttpResponse {
    public(ask, format!("tile/{path}"), "application/octet-stream").await
}

/// The log for auditors (C2SP tlog-tiles). Nothing in it says anything about anybody.
async fn public(ask: Ask, path: String, media_type: &'static str) -> HttpResponse {
    let request = Request::Log(LogQuestion::Public { path });
    let octets = match tokio::task::spawn_blocking(move || ask(request)).await {
        Ok(Response::Log(answer)) => match *answer {
            LogAnswer::Public(Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        },
        Ok(Response::Failed { code, text }) => return problem(StatusCode::SERVICE_UNAVAILABLE, &code, &text),
        _ => None,
    };
    match octets {
        Some(octets) => ([(header::CONTENT_TYPE, media_type)], octets).into_response(),
        None => problem(StatusCode::NOT_FOUND, "not_found", "The log has no such tile."),
    }
}

fn bad_id(text: &str) -> HttpResponse {
    let detail =
        format!("`{text}` is no opportunity id: letters, digits, `-`, `_`, `.`, with at least one digit.");
    problem(StatusCode::BAD_REQUEST, "bad_request", &detail)
}

async fn answer(ask: Ask, request: Request) -> HttpResponse {
    let answered = tokio::task::spawn_blocking(move || ask(request)).await;
    match answered {
        Ok(Response::Gate(answer)) => Json(answer).into_response(),
        Ok(Response::Opportunity(answer)) => Json(answer).into_response(),
        Ok(Response::Opportunities { opportunities, unlinked }) => {
            Json(serde_json::json!({ "opportunities": opportunities, "unlinked": unlinked })).into_response()
        }
        Ok(Response::Health { size, waiting, fresh }) => {
            Json(serde_json::json!({ "ok": true, "size": size, "waiting": waiting, "fresh": fresh }))
                .into_response()
        }
        Ok(Response::Unknown { text }) => problem(StatusCode::NOT_FOUND, "not_found", &text),
        Ok(Response::Failed { code, text }) => problem(StatusCode::SERVICE_UNAVAILABLE, &code, &text),
        // Only the local socket asks for the others.
        Ok(_) | Err(_) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The question could not be answered.")
        }
    }
}

fn problem(status: StatusCode, code: &str, detail: &str) -> HttpResponse {
    let title = status.canonical_reason().unwrap_or("error");
    let body = serde_json::json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
