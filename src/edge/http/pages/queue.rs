//! `/`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response as HttpResponse;

use super::{html, instead};
use crate::answer::{Request, Response};
use crate::edge::http::App;
use crate::page::{Viewer, queue};

pub(super) async fn page(State(app): State<App>) -> HttpResponse {
    let viewer = Viewer::default();
    match app.ask(Request::Board).await {
        Response::Board(board) => html(StatusCode::OK, queue(&board, &viewer)),
        other => instead(other, &viewer),
    }
}
