//! `/review/SHA256`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response as HttpResponse;

use super::{html, instead};
use crate::answer::{MailAnswer, Request, Response, ReviewItem};
use crate::edge::http::App;
use crate::model::{Digest, Endorser};
use crate::page::{Refused, ReviewPage, Viewer, review};

pub(super) async fn page(State(app): State<App>, Path(name): Path<String>) -> HttpResponse {
    let viewer = Viewer::default();
    show(&app, &name, &viewer, None, None).await
}

/// What a review needs to know.
struct Facts {
    item: ReviewItem,
    mail: MailAnswer,
    others: Vec<ReviewItem>,
    endorsers: Vec<Endorser>,
}

/// The page of a mail, with what came of a decision.
async fn show(
    app: &App,
    name: &str,
    viewer: &Viewer,
    done: Option<&str>,
    refused: Option<&Refused>,
) -> HttpResponse {
    let Facts { item, mail, others, endorsers } = match facts(app, name).await {
        Ok(facts) => facts,
        Err(response) => return instead(*response, viewer),
    };
    let page = ReviewPage {
        item: &item,
        mail: &mail,
        others: &others,
        endorsers: &endorsers,
        viewer,
        done,
        refused,
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, review(&page))
}

/// `name` is the sha256 of a copy, or a Message-ID.
async fn facts(app: &App, name: &str) -> Result<Facts, Box<Response>> {
    let mut items = match app.ask(Request::Review { message: name.to_owned() }).await {
        Response::Review { items } => items,
        other => return Err(Box::new(other)),
    };
    let unknown = || Box::new(Response::Unknown { text: format!("No mail `{name}` is on record.") });
    let item = (!items.is_empty()).then(|| items.remove(0)).ok_or_else(unknown)?;
    let sha256 = Digest::from_hex(&item.message.sha256).ok_or_else(unknown)?;
    if let (Some(id), true) = (&item.message.message_id, items.is_empty()) {
        // Asked by its hash, a copy comes alone.
        if let Response::Review { items: all } = app.ask(Request::Review { message: id.clone() }).await {
            items = all.into_iter().filter(|i| i.message.sha256 != item.message.sha256).collect();
        }
    }
    let mail = match app.ask(Request::Mail { sha256 }).await {
        Response::Mail(mail) => *mail,
        other => return Err(Box::new(other)),
    };
    let endorsers = match &item.opportunity {
        Some(id) => match app.ask(Request::Show { what: id.to_string() }).await {
            Response::Opportunity(answer) => answer.report.endorsers,
            other => return Err(Box::new(other)),
        },
        None => Vec::new(),
    };
    // Copies of one content are one mail.
    let others =
        items.into_iter().filter(|_| item.message.reasons.iter().any(|r| r.code == "message_conflict"));
    Ok(Facts { others: others.collect(), item, mail, endorsers })
}
