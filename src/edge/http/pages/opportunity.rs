//! `/opportunities/ID`

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response as HttpResponse;
use jiff::Timestamp;
use serde::Deserialize;

use super::visitor::Visitor;
use super::{html, instead};
use crate::answer::{LetterRow, LettersAsk, Request, Response, Right};
use crate::edge::http::App;
use crate::model::OpportunityId;
use crate::page::{OpportunityPage, notice, opportunity};

/// Most mails on a page, the newest of them: more than an evaluation has, and few enough to be read in a second.
const MAILS_MAX: usize = 60;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    to: Option<String>,
}

pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    uri: Uri,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Read, &uri) {
        return *page;
    }
    let viewer = visitor.viewer();
    let Some(id) = OpportunityId::new(&id) else {
        let text =
            format!("`{id}` is no opportunity id: letters, digits, `-`, `_`, `.`, with at least one digit.");
        return html(StatusCode::NOT_FOUND, notice("Not on record", &text, &viewer));
    };
    let (answer, gates, mails) =
        match app.ask(Request::Sheet { opportunity: id.clone(), mails: MAILS_MAX }).await {
            Response::Sheet { opportunity, gates, mails } => (opportunity, gates, mails),
            other => return instead(other, &viewer),
        };
    let letters = letters(&app, &id).await;
    let text = opportunity(&OpportunityPage {
        answer: &answer,
        gates: &gates,
        mails: &mails,
        letters: &letters,
        to: asked.to.as_deref(),
        viewer: &viewer,
        now: gates.first().map_or_else(Timestamp::now, |gate| gate.as_of),
    });
    html(StatusCode::OK, text)
}

/// Letters of the deal; none where nobody writes any.
async fn letters(app: &App, id: &OpportunityId) -> Vec<LetterRow> {
    match app.ask(Request::Letters(LettersAsk::List { opportunity: Some(id.clone()) })).await {
        Response::Letters { letters, .. } => letters,
        _ => Vec::new(),
    }
}
