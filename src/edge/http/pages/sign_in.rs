//! `/sign-in`, `/sign-out`: a token becomes a session.

use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response as HttpResponse;
use serde::Deserialize;

use super::html;
use super::visitor::{Visitor, redirect};
use crate::edge::http::App;
use crate::edge::http::listen::Peer;
use crate::page::{notice, sign_in};

#[derive(Debug, Deserialize)]
pub(super) struct Back {
    to: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Signing {
    csrf: String,
    token: String,
    #[serde(default)]
    to: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Leaving {
    csrf: String,
}

pub(super) async fn page(visitor: Visitor, Query(back): Query<Back>) -> HttpResponse {
    let to = own(back.to.as_deref().unwrap_or("/"));
    html(StatusCode::OK, sign_in(to, None, &visitor.viewer()))
}

pub(super) async fn enter(
    State(app): State<App>,
    visitor: Visitor,
    peer: Option<Extension<Peer>>,
    fields: HeaderMap,
    Form(signing): Form<Signing>,
) -> HttpResponse {
    if let Err(page) = visitor.sent(&signing.csrf) {
        return *page;
    }
    let to = own(&signing.to);
    let address = peer.and_then(|peer| peer.address).map_or_else(|| "unix".to_owned(), |a| a.to_string());
    match app.sign_in(&signing.token, &fields) {
        Some(cookie) => with_cookie(redirect(to), &cookie),
        None if app.refused().take(&address).is_err() => {
            let text = "Too many wrong tokens came from this address. Try again in a minute.";
            html(StatusCode::TOO_MANY_REQUESTS, notice("Wait a little", text, &visitor.viewer()))
        }
        None => {
            let text = "The token is not known, was revoked, or has expired.";
            html(StatusCode::UNPROCESSABLE_ENTITY, sign_in(to, Some(text), &visitor.viewer()))
        }
    }
}

pub(super) async fn leave(
    State(app): State<App>,
    visitor: Visitor,
    fields: HeaderMap,
    Form(leaving): Form<Leaving>,
) -> HttpResponse {
    match visitor.sent(&leaving.csrf) {
        Ok(()) => with_cookie(redirect("/sign-in"), &app.sign_out(&fields)),
        Err(page) => *page,
    }
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// A path of this server; anything else would lead somebody who just signed in to another site.
fn own(to: &str) -> &str {
    let is_plain = to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if to.starts_with('/') && !to.starts_with("//") && is_plain { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn after_the_sign_in_one_stays_here() {
        assert_eq!(own("/opportunities/OPP-1?to=legal_review"), "/opportunities/OPP-1?to=legal_review");
        for other in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "evil",
            "/a\r\nSet-Cookie: x",
            "/\t/x",
        ] {
            assert_eq!(own(other), "/", "{other}");
        }
    }
}
