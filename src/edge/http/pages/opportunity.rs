//! `/opportunities/ID`

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response as HttpResponse;
use jiff::Timestamp;
use serde::Deserialize;

use super::visitor::Visitor;
use super::{html, instead};
use crate::answer::{LetterRow, LettersAsk, MailAnswer, OpportunityAnswer, Request, Response, Right};
use crate::edge::http::App;
use crate::gate::GateAnswer;
use crate::model::{Digest, OpportunityId};
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
    let answer = match app.ask(Request::Show { what: id.to_string() }).await {
        Response::Opportunity(answer) => answer,
        other => return instead(other, &viewer),
    };
    let gates = match gates(&app, &id, &answer).await {
        Ok(gates) => gates,
        Err(other) => return instead(*other, &viewer),
    };
    let mails = match mails(&app, &answer).await {
        Ok(mails) => mails,
        Err(other) => return instead(*other, &viewer),
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

/// What every gate answers. A gate that cannot be asked makes no page: it would look closed for another reason.
async fn gates(
    app: &App,
    id: &OpportunityId,
    answer: &OpportunityAnswer,
) -> Result<Vec<GateAnswer>, Box<Response>> {
    let mut gates = Vec::new();
    for to in answer.gates.keys() {
        let request = Request::Gate { opportunity: id.clone(), to: to.clone(), record: false };
        match app.ask(request).await {
            Response::Gate(gate) => gates.push(*gate),
            other => return Err(Box::new(other)),
        }
    }
    Ok(gates)
}

/// The newest mails, oldest first.
async fn mails(app: &App, answer: &OpportunityAnswer) -> Result<Vec<MailAnswer>, Box<Response>> {
    let skipped = answer.messages.len().saturating_sub(MAILS_MAX);
    let copies = answer.messages.iter().skip(skipped).filter_map(|m| Digest::from_hex(&m.sha256));
    let mut mails = Vec::new();
    for sha256 in copies {
        match app.ask(Request::Mail { sha256 }).await {
            Response::Mail(mail) => mails.push(*mail),
            // Erased between two questions.
            Response::Unknown { .. } => {}
            other => return Err(Box::new(other)),
        }
    }
    Ok(mails)
}

/// Letters of the deal; none where nobody writes any.
async fn letters(app: &App, id: &OpportunityId) -> Vec<LetterRow> {
    match app.ask(Request::Letters(LettersAsk::List { opportunity: Some(id.clone()) })).await {
        Response::Letters { letters, .. } => letters,
        _ => Vec::new(),
    }
}
