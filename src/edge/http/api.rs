//! The JSON interface for machines (CONTRACT "HTTP").

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::App;
use super::problem::problem;
use crate::answer::{LogAnswer, LogQuestion, Request, Response};
use crate::model::OpportunityId;

/// The routes of the interface.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/gate", get(read_gate).post(record_gate))
        .route("/v1/opportunities", get(opportunities))
        .route("/v1/opportunities/{id}", get(opportunity))
        .route("/healthz", get(health))
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
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
    State(app): State<App>,
    question: Result<Query<GateQuestion>, QueryRejection>,
) -> HttpResponse {
    match question {
        Ok(Query(question)) => gate(&app, question, false).await,
        Err(rejection) => problem(StatusCode::BAD_REQUEST, "bad_request", &rejection.body_text()),
    }
}

async fn record_gate(
    State(app): State<App>,
    question: Result<Json<GateQuestion>, JsonRejection>,
) -> HttpResponse {
    match question {
        Ok(Json(question)) => gate(&app, question, true).await,
        Err(rejection) => problem(rejection.status(), "bad_request", &rejection.body_text()),
    }
}

async fn gate(app: &App, question: GateQuestion, record: bool) -> HttpResponse {
    match OpportunityId::new(&question.opportunity) {
        Some(opportunity) => answer(app, Request::Gate { opportunity, to: question.to, record }).await,
        None => bad_id(&question.opportunity),
    }
}

async fn opportunities(State(app): State<App>, page: Result<Query<Page>, QueryRejection>) -> HttpResponse {
    let page = match page {
        Ok(Query(page)) => page,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_request", &rejection.body_text()),
    };
    let after = match page.after.as_deref().map(|a| OpportunityId::new(a).ok_or(a)) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(text)) => return bad_id(text),
    };
    answer(&app, Request::List { after, limit: page.limit }).await
}

async fn opportunity(State(app): State<App>, Path(id): Path<String>) -> HttpResponse {
    answer(&app, Request::Show { what: id }).await
}

async fn health(State(app): State<App>) -> HttpResponse {
    answer(&app, Request::Health).await
}

async fn checkpoint(State(app): State<App>) -> HttpResponse {
    public(&app, "checkpoint".into(), "text/plain; charset=utf-8").await
}

async fn tile(State(app): State<App>, Path(path): Path<String>) -> HttpResponse {
    public(&app, format!("tile/{path}"), "application/octet-stream").await
}

/// The log for auditors (C2SP tlog-tiles). Nothing in it says anything about anybody.
async fn public(app: &App, path: String, media_type: &'static str) -> HttpResponse {
    let request = Request::Log(LogQuestion::Public { path });
    let octets = match app.ask(request).await {
        Response::Log(answer) => match *answer {
            LogAnswer::Public(Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        },
        Response::Failed { code, text } => return problem(StatusCode::SERVICE_UNAVAILABLE, &code, &text),
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

pub(super) async fn answer(app: &App, request: Request) -> HttpResponse {
    match app.ask(request).await {
        Response::Gate(answer) => Json(answer).into_response(),
        Response::Opportunity(answer) => Json(answer).into_response(),
        Response::Opportunities { opportunities, unlinked } => {
            Json(serde_json::json!({ "opportunities": opportunities, "unlinked": unlinked })).into_response()
        }
        Response::Health { size, waiting, fresh } => {
            Json(serde_json::json!({ "ok": true, "size": size, "waiting": waiting, "fresh": fresh }))
                .into_response()
        }
        Response::Unknown { text } => problem(StatusCode::NOT_FOUND, "not_found", &text),
        Response::Failed { code, text } => problem(StatusCode::SERVICE_UNAVAILABLE, &code, &text),
        // Only the local socket asks for the others.
        _ => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The question could not be answered."),
    }
}
