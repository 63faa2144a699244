//! What the CRM says and takes back, as CSV: the same import and export as on the command line (docs/CRM.md).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::guard::may_still;
use super::listen::Peer;
use super::problem::problem;
use super::reply::{Reply, Sheet, Wanted, bad_request, fresh, otherwise};
use crate::answer::{BadRow, Caller, ImportRequest, Imported, Request, Response, Right};
use crate::model::OpportunityId;

/// Longest reason, in characters.
const REASON_MAX: usize = 1_000;
/// Rows of each list in the answer to an import: enough to see what is wrong with a file, and few enough for the answer to be
/// kept with its `Idempotency-Key`.
const LISTED_MAX: usize = 100;
/// Characters of what is said of one row: a cell may hold 2,000 bytes.
const TEXT_MAX: usize = 500;
/// Opportunities of an export that are read at once.
const PAGE: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportOrder {
    reason: String,
    #[serde(default)]
    dry_run: bool,
}

pub async fn import(
    State(app): State<App>,
    caller: Caller,
    Wanted(order): Wanted<ImportOrder>,
    Sheet(csv): Sheet,
) -> Reply {
    let ImportOrder { reason, dry_run } = order;
    if reason.trim().is_empty() || reason.chars().count() > REASON_MAX {
        return Err(bad_request(&format!("`reason` says why, in at most {REASON_MAX} characters.")).into());
    }
    match app.ask(Request::Import(ImportRequest { by: caller.name, reason, csv, dry_run })).await {
        Response::Imported(imported) => Ok(fresh(&HeaderMap::new(), &told(&imported))),
        other => Err(otherwise(other)),
    }
}

/// The answer: all counts, and the beginning of each list.
fn told(imported: &Imported) -> Value {
    let notes = |rows: &[BadRow]| -> Vec<Value> {
        let note = |row: &BadRow| json!({ "line": row.line, "message": cut(&row.message) });
        rows.iter().take(LISTED_MAX).map(note).collect()
    };
    let changed = imported.changed.iter().take(LISTED_MAX).map(|change| {
        let changes: Vec<String> = change.changes.iter().map(|text| cut(text)).collect();
        json!({ "line": change.line, "opportunity": change.opportunity, "changes": changes })
    });
    json!({
        "applied": imported.applied,
        "rows": imported.rows,
        "unchanged": imported.unchanged,
        "changed_count": imported.changed.len(),
        "bad_count": imported.bad.len(),
        "kept_count": imported.kept.len(),
        "changed": changed.collect::<Vec<_>>(),
        "bad": notes(&imported.bad),
        "kept": notes(&imported.kept),
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub async fn export(State(app): State<App>, peer: Option<Extension<Peer>>, headers: HeaderMap) -> Reply {
    let Ok(room) = Arc::clone(app.streams()).try_acquire_owned() else {
        let text = "Too many streams and exports are open; try again when one has ended.";
        return Err(problem(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", text).into());
    };
    let wants_csv = |v: &axum::http::HeaderValue| v.to_str().is_ok_and(|v| v.contains("text/csv"));
    let kind = match headers.get_all(header::ACCEPT).iter().any(wants_csv) {
        true => "text/csv; charset=utf-8; header=present",
        false => "text/plain; charset=utf-8",
    };
    // What fails before the first row still has a status of its own.
    let (text, next) = match app.ask(Request::ExportDeals { after: None, limit: Some(PAGE) }).await {
        Response::Csv { text, next } => (text, next),
        other => return Err(otherwise(other)),
    };
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    let place = Place { app, from: (peer, headers), ready: Some(text), next, _room: room };
    let body = Body::from_stream(unfold(Some(place), |place| async move {
        match place?.page().await {
            Ok(Some((text, place))) => Some((Ok(text), Some(place))),
            Ok(None) => None,
            // The connection is cut: half a file must not look like a whole one.
            Err(error) => Some((Err(error), None)),
        }
    }));
    Ok(([(header::CONTENT_TYPE, kind), (header::VARY, "accept")], body).into_response())
}

/// What an export is at.
struct Place {
    app: App,
    /// Whoever asked, as they said it.
    from: (Peer, HeaderMap),
    /// A page that waits to be sent.
    ready: Option<String>,
    /// The opportunity behind which it reads on.
    next: Option<OpportunityId>,
    _room: OwnedSemaphorePermit,
}

impl Place {
    /// The next page; none at the end.
    async fn page(mut self) -> std::io::Result<Option<(String, Self)>> {
        if let Some(text) = self.ready.take() {
            return Ok(Some((text, self)));
        }
        let Some(after) = self.next.take() else { return Ok(None) };
        if !may_still(&self.app, self.from.0, &self.from.1, Right::Read) {
            return Err(std::io::Error::other("whoever asked may no longer read"));
        }
        let request = Request::ExportDeals { after: Some(after), limit: Some(PAGE) };
        let answer = tokio::select! {
            answer = self.app.ask(request) => answer,
            () = self.app.stopping() => return Err(std::io::Error::other("the daemon stops")),
        };
        match answer {
            Response::Csv { text, next } => {
                self.next = next;
                Ok(Some((text, self)))
            }
            _ => Err(std::io::Error::other("the record cannot be read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Role;
    use crate::edge::http::{Settings, router};
    use crate::edge::socket::Ask;
    use tower::ServiceExt as _;

    /// A server whose second page is what `second` says.
    async fn exported(second: fn() -> Response) -> Result<axum::body::Bytes, axum::Error> {
        let ask: Ask = Arc::new(move |request| match request {
            Request::ExportDeals { after: None, .. } => {
                Response::Csv { text: "a\r\n1\r\n".into(), next: OpportunityId::new("OPP-1") }
            }
            Request::ExportDeals { .. } => second(),
            other => panic!("{other:?}"),
        });
        let folder = tempfile::tempdir().unwrap();
        let tokens = crate::edge::tokens::Tokens::new(folder.path());
        let token = tokens.create("bi", Role::Read, None).unwrap();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let router = router(App::new(ask, Settings::loopback(0), Some(folder.path()), stopped));
        let request = axum::http::Request::get("/v1/export")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"));
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        axum::body::to_bytes(answer.into_body(), 1_000).await
    }

    #[tokio::test]
    async fn half_an_export_is_an_error_to_whoever_reads_it() {
        let whole = exported(|| Response::Csv { text: "2\r\n".into(), next: None }).await.unwrap();
        assert_eq!(whole, "a\r\n1\r\n2\r\n");
        let failed = || Response::Failed { code: "store_unavailable".into(), text: "the disk".into() };
        assert!(exported(failed).await.is_err());
    }

    #[test]
    fn the_answer_to_an_import_is_short() {
        let row = BadRow { line: 2, message: "ä".repeat(5_000) };
        let imported = Imported { bad: vec![row; 5_000], ..Imported::default() };
        let told = told(&imported);
        assert_eq!((&told["bad_count"], told["bad"].as_array().unwrap().len()), (&json!(5_000), LISTED_MAX));
        assert!(told["bad"][0]["message"].as_str().unwrap().ends_with('…'));
        assert!(told.to_string().len() < 1 << 18);
    }
}
