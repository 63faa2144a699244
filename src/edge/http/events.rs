//! `/v1/events`: pages of what happened, or a stream that goes on (`text/event-stream`, HTML "Server-sent events").

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::guard::may_still;
use super::listen::Peer;
use super::problem::problem;
use super::reply::{Reply, Wanted, bad_request, fresh, limit, otherwise};
use crate::answer::{Event, Request, Response, Right};

/// How often a stream looks for something new.
const LOOK: Duration = Duration::from_millis(500);
/// After so long without an event a stream says that it is alive: proxies close what is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);
/// Events that a stream reads at once.
const PAGE: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    after: Option<u64>,
    limit: Option<usize>,
}

pub async fn events(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Wanted(since): Wanted<Since>,
) -> Reply {
    let limit = limit(since.limit)?;
    if since.after.is_some_and(|after| i64::try_from(after).is_err()) {
        return Err(bad_request("after is no id of an event.").into());
    }
    let accepts = |v: &axum::http::HeaderValue| v.to_str().is_ok_and(|v| v.contains("text/event-stream"));
    if headers.get_all(header::ACCEPT).iter().any(accepts) {
        // A browser that comes back says how far it was.
        let last = headers.get("last-event-id").map(|v| v.to_str().ok().and_then(|v| v.parse().ok()));
        let after = match last {
            None => since.after.unwrap_or(0),
            Some(Some(id)) => id,
            Some(None) => return Err(bad_request("Last-Event-ID is no id of an event.").into()),
        };
        let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
        return stream(app, (peer, headers), after);
    }
    match app.ask(Request::Events { after: since.after.unwrap_or(0), limit }).await {
        Response::Events { events, next, more } => {
            Ok(fresh(&headers, &json!({ "events": events, "next": next, "more": more })))
        }
        other => Err(otherwise(other)),
    }
}

/// What a stream is at: read events that wait to be sent, and the id behind which it reads on.
struct Place {
    app: App,
    /// Whoever asked, as they said it.
    from: (Peer, HeaderMap),
    after: u64,
    read: std::collections::VecDeque<Event>,
    _room: OwnedSemaphorePermit,
}

fn stream(app: App, from: (Peer, HeaderMap), after: u64) -> Reply {
    let Ok(room) = Arc::clone(app.streams()).try_acquire_owned() else {
        let text = "Too many streams are open; ask for pages.";
        return Err(problem(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", text).into());
    };
    let place = Place { app, from, after, read: std::collections::VecDeque::new(), _room: room };
    let events = unfold(place, |mut place| async move {
        loop {
            if let Some(event) = place.read.pop_front() {
                let sent = Sent::default().id(event.id.to_string()).event(&event.kind_of);
                let sent = sent.json_data(&event).unwrap_or_else(|_| Sent::default().comment("unreadable"));
                return Some((Ok::<_, Infallible>(sent), place));
            }
            if !may_still(&place.app, place.from.0, &place.from.1, Right::Read) {
                return None;
            }
            match place.app.ask(Request::Events { after: place.after, limit: PAGE }).await {
                Response::Events { events, next, .. } => {
                    let rest = events.is_empty() && next == place.after;
                    place.after = next;
                    place.read = events.into();
                    if rest {
                        tokio::select! {
                            () = tokio::time::sleep(LOOK) => {}
                            () = place.app.stopping() => return None,
                        }
                    }
                }
                // The client comes back with the last id.
                _ => return None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}
