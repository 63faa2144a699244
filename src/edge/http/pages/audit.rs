//! `/audit`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use super::visitor::Visitor;
use super::{html, instead};
use crate::answer::pack::sealed;
use crate::answer::{LogAnswer, LogQuestion, Request, Response, Right, SAMPLE, Window};
use crate::edge::archive;
use crate::edge::http::App;
use crate::page::{Viewer, audit, notice};

/// Days of the window when nobody chooses one: four weeks.
const WINDOW_DAYS: i64 = 28;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    csrf: String,
    from: Option<String>,
    to: Option<String>,
    seed: Option<String>,
    sample: Option<String>,
}

impl Asked {
    /// The window that was asked for, or what is wrong with it.
    fn window(&self) -> Result<Window, String> {
        let date = |text: &Option<String>| -> Result<Option<Date>, String> {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            let wrong = |text: &str| format!("`{text}` is no day: write it like 2026-11-22.");
            text.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
        };
        let to = date(&self.to)?.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
        let from = date(&self.from)?.unwrap_or_else(|| to.saturating_sub((WINDOW_DAYS - 1).days()));
        if from > to {
            return Err(format!("The window begins on {from}, after its end on {to}."));
        }
        let sample = self.sample.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let sample = sample.map(|n| n.parse().map_err(|_| format!("`{n}` is no number of opportunities.")));
        Ok(Window { from, to, seed: self.seed.clone(), sample: sample.transpose()?.unwrap_or(SAMPLE) })
    }
}

pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Audit, &uri) {
        return *page;
    }
    let viewer = visitor.viewer();
    let window = match asked.window() {
        Ok(window) => window,
        Err(text) => return html(StatusCode::BAD_REQUEST, notice("No such window", &text, &viewer)),
    };
    match app.ask(Request::Window(window)).await {
        Response::Window(answer) => html(StatusCode::OK, audit(&answer, &viewer)),
        other => instead(other, &viewer),
    }
}

/// The packs of the sample in one archive. They hold raw mail: a form with its token asks for them, not a link.
pub(super) async fn packs(
    State(app): State<App>,
    visitor: Visitor,
    uri: Uri,
    Form(asked): Form<Asked>,
) -> HttpResponse {
    let name = match visitor.with(Right::Audit, &uri) {
        Ok(caller) => caller.name.clone(),
        Err(page) => return *page,
    };
    if let Err(page) = visitor.sent(&asked.csrf) {
        return *page;
    }
    let viewer = visitor.viewer();
    let window = match asked.window() {
        Ok(window) => window,
        Err(text) => return html(StatusCode::BAD_REQUEST, notice("No such window", &text, &viewer)),
    };
    let Ok(room) = Arc::clone(app.packing()).try_acquire_owned() else {
        let text = "Another sample is being packed. Try again when that is done.";
        return html(StatusCode::TOO_MANY_REQUESTS, notice("One sample at a time", text, &viewer));
    };
    // Also when nobody waits for it any more: what was begun is in memory until it is done.
    let work = tokio::spawn(async move {
        let _room = room;
        packed(&app, window, name, &viewer).await
    });
    work.await.unwrap_or_else(|error| instead(failed(&error), &visitor.viewer()))
}

/// Draws the sample and packs it.
async fn packed(app: &App, window: Window, name: String, viewer: &Viewer) -> HttpResponse {
    let sample = match app.ask(Request::Window(window)).await {
        Response::Window(answer) => answer.sample,
        other => return instead(other, viewer),
    };
    tracing::info!(event = "audit.packs", by = name, opportunities = sample.len());
    let opportunities = sample.into_iter().map(|brief| brief.opportunity).collect();
    let packs = match app.ask(Request::Log(LogQuestion::Packs { opportunities, by: name })).await {
        Response::Log(answer) => match *answer {
            LogAnswer::Packs(packs) => packs,
            other => return instead(Response::Log(Box::new(other)), viewer),
        },
        Response::Refused { text, .. } => {
            return html(StatusCode::PAYLOAD_TOO_LARGE, notice("Too much", &text, viewer));
        }
        other => return instead(other, viewer),
    };
    match tokio::task::spawn_blocking(move || archive_of(packs)).await {
        Ok(Ok(octets)) => download("sample-packs.tar.gz", octets),
        Ok(Err(error)) => instead(*error, viewer),
        Err(error) => instead(failed(&error), viewer),
    }
}

/// One archive of the archives of each opportunity, as `endorsed pack` writes them, without the rule files.
fn archive_of(packs: BTreeMap<String, BTreeMap<String, String>>) -> Result<Vec<u8>, Box<Response>> {
    let mut files = BTreeMap::new();
    for (id, encoded) in packs {
        let decode = |(path, text): (String, String)| STANDARD.decode(text).map(|octets| (path, octets));
        let own = encoded.into_iter().map(decode).collect::<Result<BTreeMap<_, _>, _>>();
        let own = own.map_err(|error| Box::new(failed(&error)))?;
        let octets = archive::write(&id, &sealed(own)).map_err(|error| Box::new(failed(&error)))?;
        files.insert(format!("{id}-pack.tar.gz"), octets);
    }
    archive::write("sample", &files).map_err(|error| Box::new(failed(&error)))
}

fn failed(error: &dyn std::error::Error) -> Response {
    Response::Failed { code: "internal".into(), text: error.to_string() }
}

fn download(name: &'static str, octets: Vec<u8>) -> HttpResponse {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (fields, octets).into_response()
}
