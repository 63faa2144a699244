//! What machines read.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::problem::problem;
use super::reply::{
    Fault, Named, Reply, Wanted, bad_request, fresh, json, limit, opportunity as id_of, otherwise, quick,
};
use crate::answer::{Caller, FactRow, GateOrder, LogAnswer, LogQuestion, Request, Response, WebhooksAsk};
use crate::model::Digest;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateQuestion {
    opportunity: String,
    to: String,
    receipt: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

pub async fn read_gate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Wanted(question): Wanted<GateQuestion>,
) -> Reply {
    let (opportunity, to) = (id_of(&question.opportunity)?, stage(&question.to)?);
    if question.receipt == Some(true) {
        let order = GateOrder { opportunity, to, by: caller.name, record: false, receipt: true };
        return official(&app, &headers, order).await;
    }
    if let Some(found) = app.look(&opportunity, &to) {
        return Ok(quick(&headers, found));
    }
    match app.ask(Request::Gate { opportunity, to }).await {
        Response::Gate(answer) => Ok(fresh(&headers, &json(&answer)?)),
        other => Err(otherwise(other)),
    }
}

/// A gate's answer that is recorded, or signed.
pub async fn official(app: &App, headers: &HeaderMap, order: GateOrder) -> Reply {
    match app.ask(Request::Official(order)).await {
        Response::Official { gate, receipt } => {
            let mut value = json(&gate)?;
            if let (Some(map), Some(receipt)) = (value.as_object_mut(), receipt) {
                map.insert("receipt".into(), receipt.into());
            }
            Ok(fresh(headers, &value))
        }
        other => Err(otherwise(other)),
    }
}

/// A gate's name as it may be asked for; whether there is one is the gate file's part.
pub fn stage(text: &str) -> Result<String, Fault> {
    /// Longest name, in characters.
    const STAGE_MAX: usize = 200;
    if text.is_empty() || text.chars().count() > STAGE_MAX {
        return Err(bad_request(&format!("`to` names a gate, in at most {STAGE_MAX} characters.")).into());
    }
    Ok(text.to_owned())
}

pub async fn opportunities(State(app): State<App>, headers: HeaderMap, Wanted(page): Wanted<Page>) -> Reply {
    let after = page.after.as_deref().map(id_of).transpose()?;
    let (limit, first) = (limit(page.limit)?, after.is_none());
    match app.ask(Request::List { after, limit: Some(limit) }).await {
        Response::Opportunities { opportunities, mut unlinked } => {
            let last = opportunities.last().filter(|_| opportunities.len() == limit);
            let next = last.map(|row| row.opportunity.clone());
            if !first {
                unlinked.clear();
            }
            let value = json!({ "opportunities": opportunities, "unlinked": unlinked, "next": next });
            Ok(fresh(&headers, &value))
        }
        other => Err(otherwise(other)),
    }
}

pub async fn opportunity(State(app): State<App>, headers: HeaderMap, Named(id): Named) -> Reply {
    match app.ask(Request::Show { what: id_of(&id)?.to_string() }).await {
        Response::Opportunity(answer) => Ok(fresh(&headers, &json(&answer)?)),
        other => Err(otherwise(other)),
    }
}

pub async fn facts(State(app): State<App>, headers: HeaderMap, Named(id): Named) -> Reply {
    match app.ask(Request::Facts { opportunity: id_of(&id)? }).await {
        Response::Facts { opportunity, facts } => {
            let rows: Vec<serde_json::Value> = facts.into_iter().map(fact_row).collect();
            Ok(fresh(&headers, &json!({ "opportunity": opportunity, "facts": rows })))
        }
        other => Err(otherwise(other)),
    }
}

/// A fact without a structure that may be missing: the word that counts is the first statement.
fn fact_row(row: FactRow) -> serde_json::Value {
    let stands = row.stated.as_ref().map_or("unstated", |s| s.value.as_str());
    let statements: Vec<_> = row.stated.iter().chain(&row.others).collect();
    json!({
        "id": row.id, "text": row.text, "stated_by": row.stated_by, "gates": row.gates, "stands": stands,
        "statements": statements,
    })
}

pub async fn reviews(State(app): State<App>, headers: HeaderMap, Wanted(page): Wanted<Page>) -> Reply {
    let limit = limit(page.limit)?;
    let after = match &page.after {
        None => None,
        Some(after) => {
            let wrong = || bad_request("after is no `next` of a page.");
            Some(Digest::from_hex(after).ok_or_else(wrong)?)
        }
    };
    match app.ask(Request::Queue { after, limit: Some(limit + 1) }).await {
        Response::Queue { mut items } => {
            let more = items.len() > limit;
            items.truncate(limit);
            let next = items.last().filter(|_| more).map(|item| item.message.sha256.clone());
            Ok(fresh(&headers, &json!({ "items": items, "next": next })))
        }
        other => Err(otherwise(other)),
    }
}

pub async fn review(State(app): State<App>, headers: HeaderMap, Named(message): Named) -> Reply {
    match app.ask(Request::Review { message }).await {
        Response::Review { items } => Ok(fresh(&headers, &json!({ "items": items, "next": null }))),
        other => Err(otherwise(other)),
    }
}

pub async fn webhooks(State(app): State<App>, headers: HeaderMap) -> Reply {
    match app.ask(Request::Webhooks(WebhooksAsk::List)).await {
        Response::Webhooks { webhooks } => Ok(fresh(&headers, &json!({ "webhooks": webhooks }))),
        other => Err(otherwise(other)),
    }
}

pub async fn who(caller: Caller, headers: HeaderMap) -> Reply {
    Ok(fresh(&headers, &json!({ "name": caller.name, "role": caller.role })))
}

pub async fn receipt_keys(State(app): State<App>, headers: HeaderMap) -> Reply {
    match app.ask(Request::Log(LogQuestion::Keys)).await {
        Response::Log(answer) => match *answer {
            LogAnswer::Keys(keys) => Ok(fresh(&headers, &keys)),
            _ => Err(super::reply::internal().into()),
        },
        other => Err(otherwise(other)),
    }
}

pub async fn health(State(app): State<App>) -> Reply {
    match app.ask(Request::Health).await {
        Response::Health { size, waiting, fresh } => {
            let value = json!({ "ok": true, "size": size, "waiting": waiting, "fresh": fresh });
            Ok(axum::Json(value).into_response())
        }
        other => Err(otherwise(other)),
    }
}

pub async fn checkpoint(State(app): State<App>) -> HttpResponse {
    public(&app, "checkpoint".into(), "text/plain; charset=utf-8").await
}

pub async fn tile(State(app): State<App>, Path(path): Path<String>) -> HttpResponse {
    public(&app, format!("tile/{path}"), "application/octet-stream").await
}

/// The log for auditors (C2SP tlog-tiles). Nothing in it says anything about anybody.
async fn public(app: &App, path: String, media_type: &'static str) -> HttpResponse {
    let octets = match app.ask(Request::Log(LogQuestion::Public { path })).await {
        Response::Log(answer) => match *answer {
            LogAnswer::Public(Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        },
        failed @ Response::Failed { .. } => return otherwise(failed).into_response(),
        _ => None,
    };
    match octets {
        Some(octets) => ([(header::CONTENT_TYPE, media_type)], octets).into_response(),
        None => problem(StatusCode::NOT_FOUND, "not_found", "The log has no such tile."),
    }
}
