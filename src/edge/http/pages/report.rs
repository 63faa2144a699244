//! `/week`, `/week/2026-W48`, `/metrics-page`

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response as HttpResponse;
use jiff::Timestamp;

use super::visitor::Visitor;
use super::{html, instead};
use crate::answer::{ReportWanted, Request, Response, Right};
use crate::edge::http::App;
use crate::page::{metrics_page, notice, week_page};
use crate::report::Week;

pub(super) async fn this_week(app: State<App>, visitor: Visitor, uri: Uri) -> HttpResponse {
    show(app, visitor, uri, Week::of(Timestamp::now())).await
}

pub(super) async fn week(
    app: State<App>,
    visitor: Visitor,
    uri: Uri,
    Path(name): Path<String>,
) -> HttpResponse {
    show(app, visitor, uri, Week::parse(&name)).await
}

async fn show(State(app): State<App>, visitor: Visitor, uri: Uri, week: Option<Week>) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Read, &uri) {
        return *page;
    }
    let viewer = visitor.viewer();
    let Some(week) = week else {
        let text = "Name a week as in /week/2026-W48.";
        return html(StatusCode::NOT_FOUND, notice("No such week", text, &viewer));
    };
    let wanted = ReportWanted::Week { week: Some(week.to_string()) };
    match app.ask(Request::Report(wanted)).await {
        Response::Tables { as_of, tables } => html(StatusCode::OK, week_page(week, &tables, as_of, &viewer)),
        other => instead(other, &viewer),
    }
}

pub(super) async fn metrics(State(app): State<App>, visitor: Visitor, uri: Uri) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Read, &uri) {
        return *page;
    }
    let viewer = visitor.viewer();
    match app.ask(Request::Report(ReportWanted::Metrics { from: None, to: None })).await {
        Response::Tables { as_of, tables } => html(StatusCode::OK, metrics_page(&tables, as_of, &viewer)),
        other => instead(other, &viewer),
    }
}
