//! What machines write. Each act bears the name of the caller; the body says only what and why.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::api::{official, stage};
use super::problem::problem;
use super::reply::{Named, Order, Reply, fresh, opportunity as id_of, otherwise};
use crate::answer::{ActRequest, Caller, Choice, GateOrder, Request, Response, Wanted, WebhooksAsk};
use crate::model::{Address, Verdict};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateBody {
    opportunity: String,
    to: String,
    #[serde(default)]
    receipt: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideBody {
    decision: Decision,
    verdict: Option<Verdict>,
    speaks_for: Option<String>,
    opportunity: Option<String>,
    copy: Option<String>,
    reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Accept,
    Reject,
    NotAbout,
    AskSe,
    Clear,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    opportunity: String,
    copy: Option<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoBody {
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountBody {
    amount: u64,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    event: Option<u64>,
}

pub async fn record_gate(State(app): State<App>, caller: Caller, Order(body): Order<GateBody>) -> Reply {
    let (opportunity, to) = (id_of(&body.opportunity)?, stage(&body.to)?);
    let order = GateOrder { opportunity, to, by: caller.name, record: true, receipt: body.receipt };
    official(&app, &HeaderMap::new(), order).await
}

pub async fn decide(
    State(app): State<App>,
    caller: Caller,
    Named(message): Named,
    Order(body): Order<DecideBody>,
) -> Reply {
    let accepts = matches!(body.decision, Decision::Accept);
    if !accepts && (body.verdict.is_some() || body.speaks_for.is_some()) {
        let text = "verdict and speaks_for belong to the decision `accept`.";
        return Err(problem(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", text).into());
    }
    let speaks_for = match &body.speaks_for {
        None => None,
        Some(text) => Some(Address::new(text).ok_or_else(|| {
            let text = format!("`{text}` is no mail address.");
            problem(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", &text)
        })?),
    };
    let choice = match body.decision {
        Decision::Accept => Choice::Accept { verdict: body.verdict, speaks_for },
        Decision::Reject => Choice::Reject,
        Decision::NotAbout => Choice::NotAbout,
        Decision::AskSe => Choice::AskSe,
        Decision::Clear => Choice::Clear,
    };
    let opportunity = body.opportunity.as_deref().map(id_of).transpose()?;
    let what = Wanted::Decide { message, copy: body.copy, opportunity, choice };
    act(&app, caller, body.reason, what).await
}

pub async fn link(
    State(app): State<App>,
    caller: Caller,
    Named(message): Named,
    Order(body): Order<LinkBody>,
) -> Reply {
    let what = Wanted::Link { message, copy: body.copy, opportunity: id_of(&body.opportunity)? };
    act(&app, caller, body.reason, what).await
}

pub async fn undo(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
    Order(body): Order<UndoBody>,
) -> Reply {
    act(&app, caller, body.reason, Wanted::Undo { act: name }).await
}

pub async fn amount(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    Order(body): Order<AmountBody>,
) -> Reply {
    act(&app, caller, body.reason, Wanted::Amount { opportunity: id_of(&id)?, amount: body.amount }).await
}

pub async fn retry(State(app): State<App>, Named(name): Named, Order(body): Order<RetryBody>) -> Reply {
    match app.ask(Request::Webhooks(WebhooksAsk::Retry { name, event: body.event })).await {
        Response::Settled { text } => Ok(fresh(&HeaderMap::new(), &json!({ "text": text }))),
        other => Err(otherwise(other)),
    }
}

/// Does it, and answers with the act's name.
pub async fn act(app: &App, caller: Caller, reason: String, what: Wanted) -> Reply {
    match app.ask(Request::Act(ActRequest { by: caller.name, reason, what })).await {
        Response::Done { act, text, report } => {
            let standing = report.map(|r| r.standing);
            Ok(fresh(&HeaderMap::new(), &json!({ "act": act, "text": text, "standing": standing })))
        }
        other => Err(otherwise(other)),
    }
}
