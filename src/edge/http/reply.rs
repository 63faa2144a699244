//! Answers as JSON with an `ETag`, and what every handler does with what it is given.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Quick;
use super::problem::problem;
use crate::answer::Response;
use crate::model::{Digest, OpportunityId};

/// Members that change with every answer although nothing happened to what was asked.
const VOLATILE: &[&str] = &["as_of", "log_size", "log_root", "receipt"];

/// An error on its way out.
#[derive(Debug)]
pub struct Fault(Box<HttpResponse>);

impl From<HttpResponse> for Fault {
    fn from(response: HttpResponse) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> HttpResponse {
        *self.0
    }
}

/// A handler's end: an answer, or an error.
pub type Reply = Result<HttpResponse, Fault>;

/// The query of a request; what does not fit is 400.
pub struct Wanted<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Wanted<T> {
    type Rejection = HttpResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpResponse> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(wanted)| Self(wanted)).map_err(|e| bad_request(&e.body_text()))
    }
}

/// A member of the path; what does not fit is 400.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = HttpResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpResponse> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name)).map_err(|e| bad_request(&e.body_text()))
    }
}

/// The body of a request: 415 when it is not JSON, 400 when it cannot be read, 413 when it is too large, 422 when it
/// does not say what is needed.
pub struct Order<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Order<T> {
    type Rejection = HttpResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpResponse> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(order)) => Ok(Self(order)),
            Err(rejection) => {
                let code = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => "not_json",
                    JsonRejection::JsonDataError(_) => "unprocessable",
                    _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => "too_large",
                    _ => "bad_request",
                };
                Err(problem(rejection.status(), code, &rejection.body_text()))
            }
        }
    }
}

/// The body of a request as text with a head and rows (RFC 4180, UTF-8): 415 when it is called anything else, 400 when it is
/// not text, 413 when it is too large.
pub struct Sheet(pub String);

impl<S: Send + Sync> FromRequest<S> for Sheet {
    type Rejection = HttpResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpResponse> {
        let named = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let kind = named.and_then(|v| v.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
        if !kind.is_some_and(|kind| ["text/csv", "text/plain"].contains(&kind.as_str())) {
            let detail = "The body is CSV: say `Content-Type: text/csv`.";
            return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_csv", detail));
        }
        String::from_request(request, state).await.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large: split the file.")
            }
            _ => bad_request(&rejection.body_text()),
        })
    }
}

/// The answer with an `ETag`; 304 when the client has it (RFC 9110 §13.1.2).
pub fn fresh(headers: &HeaderMap, value: &Value) -> HttpResponse {
    let tag = tag_of(value);
    let fields = fields_of(&tag);
    if has(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, Json(value)).into_response()
}

/// The same for an answer from memory.
pub fn quick(headers: &HeaderMap, quick: Quick) -> HttpResponse {
    let fields = fields_of(&quick.tag);
    if has(headers, &quick.tag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, [(header::CONTENT_TYPE, "application/json")], quick.body).into_response()
}

fn fields_of(tag: &str) -> [(header::HeaderName, String); 2] {
    [(header::ETAG, format!("W/{tag}")), (header::CACHE_CONTROL, "private, no-cache".to_owned())]
}

/// Whether the client has what this tag names.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let same = |known: &str| known.trim() == "*" || known.trim().trim_start_matches("W/") == tag;
    known.flat_map(|v| v.split(',')).any(same)
}

/// Weak, since the time of the answer is left out (RFC 9110 §8.8.1).
pub fn tag_of(value: &Value) -> String {
    let text = match value.as_object() {
        Some(map) => {
            let kept: serde_json::Map<String, Value> = map
                .iter()
                .filter(|(key, _)| !VOLATILE.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Value::Object(kept).to_string()
        }
        None => value.to_string(),
    };
    format!("\"{}\"", Digest::of(text.as_bytes()).short())
}

/// Any value as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<Value, Fault> {
    serde_json::to_value(value).map_err(|_| internal().into())
}

/// What an answer is that is none to the question.
pub fn otherwise(response: Response) -> Fault {
    let answer = match response {
        Response::Unknown { text } => problem(StatusCode::NOT_FOUND, "not_found", &text),
        Response::Refused { code, text } => {
            let status = match code.as_str() {
                "bad_request" => StatusCode::UNPROCESSABLE_ENTITY,
                "unknown" | "not_found" | "unknown_fact" => StatusCode::NOT_FOUND,
                "own_deal" => StatusCode::FORBIDDEN,
                _ => StatusCode::CONFLICT,
            };
            problem(status, &code, &text)
        }
        Response::Failed { code, text } => problem(StatusCode::SERVICE_UNAVAILABLE, &code, &text),
        _ => internal(),
    };
    answer.into()
}

/// The opportunity of an id.
pub fn opportunity(text: &str) -> Result<OpportunityId, Fault> {
    OpportunityId::new(text).filter(|_| text.trim() == text).ok_or_else(|| {
        bad_request(&format!(
            "`{text}` is no opportunity id: letters, digits, `-`, `_`, `.`, with at least one digit, at most {}.",
            OpportunityId::LENGTH_MAX
        ))
        .into()
    })
}

/// A limit of a page.
pub fn limit(wanted: Option<usize>) -> Result<usize, Fault> {
    let max = crate::answer::PAGE_MAX;
    match wanted {
        None => Ok(max),
        Some(n) if (1..=max).contains(&n) => Ok(n),
        Some(n) => Err(bad_request(&format!("limit is {n}; it must be from 1 to {max}.")).into()),
    }
}

/// 400.
pub fn bad_request(detail: &str) -> HttpResponse {
    problem(StatusCode::BAD_REQUEST, "bad_request", detail)
}

/// 500.
pub fn internal() -> HttpResponse {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The question could not be answered.")
}
