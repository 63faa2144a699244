//! What holds for every request before a handler sees it: the right host, a known caller, no foreign page behind it, and
//! limits on rate and time.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::listen::Peer;
use super::problem::problem;
use super::settings::{Proxy, Settings};
use crate::answer::{Caller, Means, Right, Role, name_problem};

/// The scheme of our tokens.
const SCHEME: &[u8] = b"Bearer";

/// The middleware around everything.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
    let (parts, started) = (request.headers(), std::time::Instant::now());
    if !right_host(app.settings(), request.uri(), parts) {
        let detail = "This server does not go by that name: see [http] hosts.";
        return problem(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail);
    }
    let address = peer.address.map_or_else(|| "unix".to_owned(), |a| a.to_string());
    // Whoever has a good token is never held up by others of the same address who have not.
    let caller = match identify(&app, peer, parts) {
        Ok(caller) => caller,
        Err(()) => {
            return match app.refused().take(&address) {
                Ok(()) => unauthorized("The token is not known, was revoked, or has expired."),
                Err(wait) => too_many(wait, "Too many wrong tokens came from this address."),
            };
        }
    };
    let client = match caller.as_ref().filter(|c| c.means != Means::Open) {
        Some(caller) => format!("name {}", caller.name),
        None => address,
    };
    if let Err(wait) = app.rate().take(&client) {
        return too_many(wait, "Too many requests.");
    }
    let means = caller.as_ref().map(|c| c.means);
    if means != Some(Means::Token) && !is_safe(request.method()) && crosses(request.headers(), means) {
        let detail = "A write without a token must come from a page of this server.";
        return problem(StatusCode::FORBIDDEN, "cross_origin", detail);
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let wait = app.settings().limits.request_wait;
    let mut response = match tokio::time::timeout(wait, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "The request took too long; a write may have been done: send it again with its Idempotency-Key.";
            problem(StatusCode::REQUEST_TIMEOUT, "timeout", detail)
        }
    };
    let fields = response.headers_mut();
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    tracing::debug!(
        event = "http.answered",
        status = response.status().as_u16(),
        micros = started.elapsed().as_micros() as u64
    );
    response
}

/// Whoever sent the request, when it has the right; otherwise the answer that says so.
///
/// # Errors
/// With 401 or 403.
pub fn allow(caller: Option<&Caller>, right: Right) -> Result<(), Box<Response>> {
    match caller {
        None => Err(Box::new(unauthorized("This needs a token: `Authorization: Bearer edt_…`."))),
        Some(caller) if caller.may(right) => Ok(()),
        Some(caller) if caller.means == Means::Open => {
            Err(Box::new(unauthorized("This needs a token: `Authorization: Bearer edt_…`.")))
        }
        Some(caller) => {
            let detail =
                format!("The role `{}` of {} does not allow this.", caller.role.as_str(), caller.name);
            Err(Box::new(problem(StatusCode::FORBIDDEN, "forbidden", &detail)))
        }
    }
}

/// A handler that names the caller gets the one that `guard` found; nobody is 401.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthorized("This needs a token."))
    }
}

/// Whether whoever sent these fields may still do this: tokens are revoked and sessions end while an answer goes on.
pub fn may_still(app: &App, peer: Peer, fields: &HeaderMap, right: Right) -> bool {
    identify(app, peer, fields).is_ok_and(|caller| caller.is_some_and(|caller| caller.may(right)))
}

/// Who sent it: nobody known is `Ok(None)`, a token that is not one is an error.
fn identify(app: &App, peer: Peer, fields: &HeaderMap) -> Result<Option<Caller>, ()> {
    let authorization = fields.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    // Another scheme is meant for somebody else, as a proxy's Basic: it says nothing here.
    if let Some((_, token)) = authorization.and_then(bearer) {
        let token = std::str::from_utf8(token).map_err(|_| ())?.trim();
        return app.tokens().and_then(|t| t.check(token)).map(|t| Some(t.caller(Means::Token))).ok_or(());
    }
    let settings = app.settings();
    if let Some(proxy) = settings.proxy.as_ref().filter(|proxy| trusts(proxy, peer))
        && let Some(caller) = proxied(proxy, fields)
    {
        return Ok(Some(caller));
    }
    if let Some(caller) = app.tokens().and_then(|tokens| app.sessions().caller(tokens, fields)) {
        return Ok(Some(caller));
    }
    // A proxy passes on what others send: that is not a process of this machine.
    let is_passed_on = ["forwarded", "x-forwarded-for", "via"].iter().any(|name| fields.contains_key(*name));
    let is_here =
        authorization.is_none() && settings.is_local() && peer.address.is_none_or(|a| a.is_loopback());
    Ok(settings.open.filter(|_| is_here && !is_passed_on).map(|role| Caller {
        name: "local".into(),
        role,
        means: Means::Open,
    }))
}

/// The token of `Bearer` (RFC 6750 §2.1).
fn bearer(value: &[u8]) -> Option<(&[u8], &[u8])> {
    value.split_at_checked(SCHEME.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
}

fn trusts(proxy: &Proxy, peer: Peer) -> bool {
    peer.address.map_or(proxy.trusted.is_empty(), |address: IpAddr| proxy.trusted.contains(&address))
}

/// The person that the proxy signed in. Without a group that has a role nobody; the role is the highest that the name
/// can have.
fn proxied(proxy: &Proxy, fields: &HeaderMap) -> Option<Caller> {
    let one = |name: &str| -> Option<&str> {
        let mut values = fields.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        // Twice the field is once the client's own.
        values.next().is_none().then_some(value)
    };
    let name = one(&proxy.user_field)?.trim();
    let groups: Vec<&str> = one(&proxy.groups_field)?.split(',').map(str::trim).collect();
    let mut roles: Vec<Role> =
        proxy.roles.iter().filter(|(group, _)| groups.contains(&group.as_str())).map(|(_, r)| *r).collect();
    roles.sort();
    let role = roles.into_iter().rev().find(|role| name_problem(name, *role).is_none())?;
    Some(Caller { name: name.to_owned(), role, means: Means::Proxy })
}

/// Whether the request names this server. On loopback any page of the web can make a browser send requests here, under
/// its own name (DNS rebinding).
fn right_host(settings: &Settings, uri: &Uri, fields: &HeaderMap) -> bool {
    let mut hosts = fields.get_all(header::HOST).iter();
    let (first, more) = (hosts.next().and_then(|v| v.to_str().ok()), hosts.next().is_some());
    let Some(host) = uri.authority().map(|a| a.as_str()).or(first).filter(|_| !more) else { return false };
    let name = name_of(host);
    let is_loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_listed = settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    is_listed || (settings.is_local() && is_loopback) || (!settings.is_local() && settings.hosts.is_empty())
}

/// The name in `host:port`, without the brackets of an IPv6 address.
fn name_of(host: &str) -> &str {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a write comes from another site's page, or may: what a browser sends with its cookies says where its page is
/// from (Fetch Metadata, `Origin`); what says neither is no browser, and brings a token.
fn crosses(fields: &HeaderMap, means: Option<Means>) -> bool {
    let text = |name: &str| fields.get(name).and_then(|v| v.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => site != "same-origin",
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host))
        }
        _ => matches!(means, Some(Means::Session | Means::Proxy)),
    }
}

fn unauthorized(detail: &str) -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"endorsed\"")];
    (challenge, problem(StatusCode::UNAUTHORIZED, "unauthorized", detail)).into_response()
}

fn too_many(wait: u64, detail: &str) -> Response {
    let after = [(header::RETRY_AFTER, wait.to_string())];
    (after, problem(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)).into_response()
}
