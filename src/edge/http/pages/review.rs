//! `/review/SHA256`

use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response as HttpResponse;
use serde::Deserialize;

use super::visitor::{Visitor, quoted, redirect};
use super::{html, instead};
use crate::answer::{ActRequest, Choice, MailAnswer, Request, Response, ReviewItem, Right, Wanted};
use crate::edge::http::App;
use crate::model::{Address, Digest, Endorser, OpportunityId, Verdict};
use crate::page::{Refused, ReviewPage, Viewer, review};

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    done: Option<String>,
}

/// The form as it was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Decided {
    csrf: String,
    #[serde(default)]
    choice: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    named: String,
}

pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    uri: Uri,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> HttpResponse {
    if let Err(page) = visitor.with(Right::Read, &uri) {
        return *page;
    }
    show(&app, &name, &visitor.viewer(), asked.done.as_deref(), None).await
}

pub(super) async fn decide(
    State(app): State<App>,
    visitor: Visitor,
    uri: Uri,
    Path(name): Path<String>,
    Form(decided): Form<Decided>,
) -> HttpResponse {
    let by = match visitor.with(Right::Decide, &uri) {
        Ok(caller) => caller.name.clone(),
        Err(page) => return *page,
    };
    if let Err(page) = visitor.sent(&decided.csrf) {
        return *page;
    }
    let response = match wanted(&name, &decided) {
        Ok(what) => app.ask(Request::Act(ActRequest { by, reason: decided.reason.clone(), what })).await,
        Err(text) => Response::Refused { code: "bad_request".into(), text },
    };
    match response {
        // A reload sends nothing twice.
        Response::Done { act, .. } => redirect(&format!("/review/{}?done={act}", quoted(&name))),
        Response::Refused { text, .. } => {
            let Decided { choice, reason, named, .. } = decided;
            let refused = Refused { text, choice, reason, named };
            show(&app, &name, &visitor.viewer(), None, Some(&refused)).await
        }
        other => instead(other, &visitor.viewer()),
    }
}

/// What the form asks for, or what is wrong with it.
fn wanted(name: &str, decided: &Decided) -> Result<Wanted, String> {
    let verdict = match decided.choice.as_str() {
        "confirmed" => Some(Verdict::Confirmed),
        "conditional" => Some(Verdict::Conditional),
        "deferred" => Some(Verdict::Deferred),
        "declined" => Some(Verdict::Declined),
        "retracted" => Some(Verdict::Retracted),
        _ => None,
    };
    let named = decided.named.trim();
    let choice = match (decided.choice.as_str(), verdict) {
        (_, Some(_)) => {
            let speaks_for = Some(named).filter(|named| !named.is_empty());
            let speaks_for =
                speaks_for.map(|who| Address::new(who).ok_or(format!("`{who}` is no mail address.")));
            Choice::Accept { verdict, speaks_for: speaks_for.transpose()? }
        }
        ("reject", _) => Choice::Reject,
        ("not_about", _) => Choice::NotAbout,
        ("ask_se", _) => Choice::AskSe,
        ("clear", _) => Choice::Clear,
        ("undo", _) => return Ok(Wanted::Undo { act: named.to_owned() }),
        ("link", _) => {
            let unknown = || format!("`{named}` is no opportunity id: letters, digits, `-`, `_`, `.`.");
            let opportunity = OpportunityId::new(named).ok_or_else(unknown)?;
            return Ok(Wanted::Link { message: name.to_owned(), copy: None, opportunity });
        }
        _ => return Err("Say what the mail means.".into()),
    };
    Ok(Wanted::Decide { message: name.to_owned(), copy: None, opportunity: None, choice })
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
