//! The one list of what this server offers to machines: the router, the rights and the OpenAPI document are made of it.

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post, put};

use super::shape::Content::{self, Csv, Json};
use super::shape::{Field, Kind, may, must};
use super::{App, api, crm, events, guard, once, openapi, shapes, writes};
use crate::answer::{Caller, Right};

/// One operation.
pub struct Endpoint {
    /// Method.
    pub method: &'static str,
    /// Path, with `{…}` for what varies.
    pub path: &'static str,
    /// What the operation is called; API.
    pub id: &'static str,
    /// The right it needs; none for what everybody may see.
    pub right: Option<Right>,
    /// One or two sentences.
    pub about: &'static str,
    /// Members of the path.
    pub parts: &'static [Field],
    /// Parameters.
    pub query: &'static [Field],
    /// The body it takes.
    pub body: Option<Content>,
    /// The body it answers with.
    pub answer: Content,
    route: fn() -> MethodRouter<App>,
}

const ID: Field = must("id", shapes::OPPORTUNITY, "The opportunity's id.");
const MESSAGE: Field = must("message", Kind::Text(998), "Message-ID, or sha256 of a copy.");
const AFTER: Field = may("after", Kind::Text(200), "`next` of the page before.");
const LIMIT: Field = may("limit", Kind::Whole(1, 1_000), "At most so many.");

/// All of them.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: "get",
        path: "/v1/gate",
        id: "askGate",
        right: Some(Right::Ask),
        about: "May this opportunity move to that stage? Not allowed is 200 with `allowed: false`. Writes nothing.",
        parts: &[],
        query: &[
            must("opportunity", shapes::OPPORTUNITY, "The opportunity's id."),
            must("to", shapes::STAGE, "The gate or stage, e.g. `commercial_review`."),
            may("receipt", Kind::Bool, "Also give the answer as a signed statement, good for 15 minutes."),
        ],
        body: None,
        answer: Json(&shapes::GATE),
        route: || get(api::read_gate),
    },
    Endpoint {
        method: "post",
        path: "/v1/gate",
        id: "recordGate",
        right: Some(Right::Record),
        about: "The same question; the answer is recorded with the caller's name.",
        parts: &[],
        query: &[],
        body: Some(Json(&shapes::GATE_ORDER)),
        answer: Json(&shapes::GATE),
        route: || post(writes::record_gate),
    },
    Endpoint {
        method: "get",
        path: "/v1/opportunities",
        id: "listOpportunities",
        right: Some(Right::Read),
        about: "All opportunities with their standing, a page of them.",
        parts: &[],
        query: &[may("after", shapes::OPPORTUNITY, "`next` of the page before."), LIMIT],
        body: None,
        answer: Json(&shapes::ROWS),
        route: || get(api::opportunities),
    },
    Endpoint {
        method: "get",
        path: "/v1/opportunities/{id}",
        id: "getOpportunity",
        right: Some(Right::Read),
        about: "Everything about one opportunity.",
        parts: &[ID],
        query: &[],
        body: None,
        answer: Json(&shapes::OPPORTUNITY_SHAPE),
        route: || get(api::opportunity),
    },
    Endpoint {
        method: "put",
        path: "/v1/opportunities/{id}/amount",
        id: "setAmount",
        right: Some(Right::Decide),
        about: "Registers the opportunity's amount.",
        parts: &[ID],
        query: &[],
        body: Some(Json(&shapes::AMOUNT)),
        answer: Json(&shapes::ACT),
        route: || put(writes::amount),
    },
    Endpoint {
        method: "get",
        path: "/v1/opportunities/{id}/facts",
        id: "listFacts",
        right: Some(Right::Read),
        about: "The facts that gates ask for, and what was stated of each.",
        parts: &[ID],
        query: &[],
        body: None,
        answer: Json(&shapes::FACTS),
        route: || get(api::facts),
    },
    Endpoint {
        method: "put",
        path: "/v1/opportunities/{id}/facts/{fact}",
        id: "stateFact",
        right: Some(Right::Decide),
        about: "States a fact under the caller's name. Whether that name's word counts is in the gates file.",
        parts: &[ID, must("fact", Kind::Pattern("^[a-z0-9_]+$", 64), "The fact's name.")],
        query: &[],
        body: Some(Json(&shapes::FACT_ORDER)),
        answer: Json(&shapes::ACT),
        route: || put(writes::fact),
    },
    Endpoint {
        method: "get",
        path: "/v1/reviews",
        id: "listReviews",
        right: Some(Right::Read),
        about: "What waits for a person, oldest first: the oldest 1,000.",
        parts: &[],
        query: &[AFTER, LIMIT],
        body: None,
        answer: Json(&shapes::REVIEWS),
        route: || get(api::reviews),
    },
    Endpoint {
        method: "get",
        path: "/v1/reviews/{message}",
        id: "getReview",
        right: Some(Right::Read),
        about: "One mail with what a person needs to decide about it: every content under its Message-ID.",
        parts: &[MESSAGE],
        query: &[],
        body: None,
        answer: Json(&shapes::REVIEWS),
        route: || get(api::review),
    },
    Endpoint {
        method: "post",
        path: "/v1/reviews/{message}/decision",
        id: "decideReview",
        right: Some(Right::Decide),
        about: "Decides what a mail means. The SE of a deal cannot decide about it.",
        parts: &[MESSAGE],
        query: &[],
        body: Some(Json(&shapes::DECIDE)),
        answer: Json(&shapes::ACT),
        route: || post(writes::decide),
    },
    Endpoint {
        method: "post",
        path: "/v1/reviews/{message}/link",
        id: "linkReview",
        right: Some(Right::Decide),
        about: "Links a declaration that names no opportunity to one.",
        parts: &[MESSAGE],
        query: &[],
        body: Some(Json(&shapes::LINK)),
        answer: Json(&shapes::ACT),
        route: || post(writes::link),
    },
    Endpoint {
        method: "post",
        path: "/v1/acts/{act}/undo",
        id: "undoAct",
        right: Some(Right::Decide),
        about: "Takes an act back.",
        parts: &[must("act", Kind::Pattern("^[0-9a-f]{4,64}$", 64), "The act's name.")],
        query: &[],
        body: Some(Json(&shapes::UNDO)),
        answer: Json(&shapes::ACT),
        route: || post(writes::undo),
    },
    Endpoint {
        method: "post",
        path: "/v1/import",
        id: "importDeals",
        right: Some(Right::Decide),
        about: "Takes what the CRM says of opportunities, as CSV. It proves nothing, and opens no gate that the record keeps closed.",
        parts: &[],
        query: &[
            must("reason", shapes::REASON, "Why, or where it comes from; each change bears it."),
            may("dry_run", Kind::Bool, "Only say what would change."),
        ],
        body: Some(Csv("A head, then a row for each opportunity; `opportunity` is required.")),
        answer: Json(&shapes::IMPORTED),
        route: || post(crm::import),
    },
    Endpoint {
        method: "get",
        path: "/v1/export",
        id: "exportDeals",
        right: Some(Right::Read),
        about: "All opportunities as CSV, for an upsert by `opportunity`. With `Accept: text/csv` it is called so.",
        parts: &[],
        query: &[],
        body: None,
        answer: Csv("A head, then a row for each opportunity."),
        route: || get(crm::export),
    },
    Endpoint {
        method: "get",
        path: "/v1/events",
        id: "listEvents",
        right: Some(Right::Read),
        about: "What happened after an event, oldest first. With `Accept: text/event-stream` a stream that goes on.",
        parts: &[],
        query: &[
            may("after", Kind::Whole(0, i64::MAX as u64), "Id of the last event that was read; 0 for all."),
            LIMIT,
        ],
        body: None,
        answer: Json(&shapes::EVENTS),
        route: || get(events::events),
    },
    Endpoint {
        method: "get",
        path: "/v1/webhooks",
        id: "listWebhooks",
        right: Some(Right::Audit),
        about: "How each webhook stands, and what was given up.",
        parts: &[],
        query: &[],
        body: None,
        answer: Json(&shapes::WEBHOOKS),
        route: || get(api::webhooks),
    },
    Endpoint {
        method: "post",
        path: "/v1/webhooks/{name}/retry",
        id: "retryWebhook",
        right: Some(Right::Administer),
        about: "Sends what was given up again.",
        parts: &[must("name", Kind::Text(64), "The webhook's name.")],
        query: &[],
        body: Some(Json(&shapes::RETRY)),
        answer: Json(&shapes::SETTLED),
        route: || post(writes::retry),
    },
    Endpoint {
        method: "get",
        path: "/v1/whoami",
        id: "whoAmI",
        right: Some(Right::Ask),
        about: "As whom this server sees the caller.",
        parts: &[],
        query: &[],
        body: None,
        answer: Json(&shapes::WHO),
        route: || get(api::who),
    },
    Endpoint {
        method: "get",
        path: "/v1/receipt-keys",
        id: "listReceiptKeys",
        right: None,
        about: "The public keys that check receipts, as a JWK Set.",
        parts: &[],
        query: &[],
        body: None,
        answer: Json(&shapes::KEYS),
        route: || get(api::receipt_keys),
    },
    Endpoint {
        method: "get",
        path: "/healthz",
        id: "getHealth",
        right: None,
        about: "The daemon answers.",
        parts: &[],
        query: &[],
        body: None,
        answer: Json(&shapes::HEALTH),
        route: || get(api::health),
    },
];

/// The routes, each behind its right; writes take an `Idempotency-Key`.
pub fn routes(app: &App) -> Router<App> {
    let mut router = Router::new()
        .route("/v1/openapi.json", get(openapi::serve))
        .route("/checkpoint", get(api::checkpoint))
        .route("/tile/{*path}", get(api::tile));
    for endpoint in ENDPOINTS {
        let mut route = (endpoint.route)();
        if let Some(right) = endpoint.right {
            if right.writes() {
                route = route.route_layer(from_fn_with_state(app.clone(), once::once));
            }
            route = route.route_layer(from_fn(move |caller: Option<Extension<Caller>>, request, next| {
                behind(right, caller.map(|Extension(caller)| caller), request, next)
            }));
        }
        router = router.route(endpoint.path, route);
    }
    router
}

async fn behind(right: Right, caller: Option<Caller>, request: Request, next: Next) -> Response {
    match guard::allow(caller.as_ref(), right) {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
    }
}
