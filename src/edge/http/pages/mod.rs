//! Pages for people. What they show is made in [`crate::page`]; here they are asked for, and sent with headers that let a
//! browser do nothing but show them.

mod audit;
mod opportunity;
mod queue;
mod report;
mod review;
mod sign_in;
mod visitor;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{get, post};

use super::App;
use crate::answer::Response;
use crate::page::{STYLE, Viewer, notice};

/// No script, no image, no frame, nothing from elsewhere: mail that slips through the escaping still does nothing.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Octets of a form: its largest field is a reason. Whoever has no token yet sends forms, too.
const FORM_BYTES_MAX: usize = 16 << 10;

/// The routes of the pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(queue::page))
        .route("/opportunities/{id}", get(opportunity::page))
        .route("/review/{message}", get(review::page).post(review::decide))
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/week", get(report::this_week))
        .route("/week/{week}", get(report::week))
        .route("/metrics-page", get(report::metrics))
        .route("/audit", get(audit::page))
        .route("/audit/pack", post(audit::packs))
        .route("/style.css", get(style))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

async fn style() -> HttpResponse {
    let fields = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (fields, STYLE).into_response()
}

/// A page with its headers. Pages hold customers' words: no browser or proxy keeps them.
fn html(status: StatusCode, text: String) -> HttpResponse {
    const FIELDS: [(HeaderName, HeaderValue); 8] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    (status, FIELDS, text).into_response()
}

/// The page for an answer that is none.
fn instead(response: Response, viewer: &Viewer) -> HttpResponse {
    match response {
        Response::Unknown { text } => html(StatusCode::NOT_FOUND, notice("Not on record", &text, viewer)),
        Response::Failed { code, text } => {
            let text = format!("{text} ({code}). Take it for a no, and look again later.");
            html(StatusCode::SERVICE_UNAVAILABLE, notice("Could not tell", &text, viewer))
        }
        // No page asks for the others.
        _ => {
            let text = "The question could not be answered.";
            html(StatusCode::INTERNAL_SERVER_ERROR, notice("Could not tell", text, viewer))
        }
    }
}
