//! `/`

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response as HttpResponse;

use super::visitor::Visitor;
use super::{html, instead};
use crate::answer::{Request, Response, Right};
use crate::edge::http::App;
use crate::page::queue;

pub(super) async fn page(State(app): State<App>, visitor: Visitor, uri: Uri) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Read, &uri) {
        return *page;
    }
    let viewer = visitor.viewer();
    match app.ask(Request::Board).await {
        Response::Board(board) => html(StatusCode::OK, queue(&board, &viewer)),
        other => instead(other, &viewer),
    }
}
