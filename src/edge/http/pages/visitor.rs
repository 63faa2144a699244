//! Who looks at a page, and the token that every form of theirs carries.

use std::convert::Infallible;
use std::sync::OnceLock;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use subtle::ConstantTimeEq as _;

use super::html;
use crate::answer::{Caller, Means, Right};
use crate::edge::http::session;
use crate::model::Digest;
use crate::page::{Viewer, notice};

/// Whoever sent the request.
pub(super) struct Visitor {
    caller: Option<Caller>,
    csrf: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>().cloned();
        // Only our own cookie: others of the same host come and go while a form is open.
        let session = session::names(&parts.headers).next().unwrap_or_default();
        let name = caller.as_ref().map_or("", |caller| caller.name.as_str());
        let csrf = Digest::of_fields([&secret()[..], name.as_bytes(), session.as_bytes()]).to_string();
        Ok(Self { caller, csrf })
    }
}

impl Visitor {
    /// What pages show of them.
    pub fn viewer(&self) -> Viewer {
        let known = self.caller.as_ref().filter(|caller| caller.means != Means::Open);
        Viewer {
            name: known.map(|caller| caller.name.clone()),
            may_decide: known.is_some_and(|caller| caller.may(Right::Decide)),
            may_audit: self.caller.as_ref().is_some_and(|caller| caller.may(Right::Audit)),
            may_sign_out: known.is_some_and(|caller| caller.means == Means::Session),
            csrf: self.csrf.clone(),
        }
    }

    /// The caller with this right. Whoever is not known is sent to the sign-in, and comes back from there.
    ///
    /// # Errors
    /// With the page to send instead.
    pub fn with(&self, right: Right, uri: &Uri) -> Result<&Caller, Box<HttpResponse>> {
        match &self.caller {
            Some(caller) if caller.may(right) => Ok(caller),
            Some(caller) if caller.means != Means::Open => {
                let text =
                    format!("The role `{}` of {} does not allow this.", caller.role.as_str(), caller.name);
                let page = notice("Not for this role", &text, &self.viewer());
                Err(Box::new(html(StatusCode::FORBIDDEN, page)))
            }
            _ => Err(Box::new(to_sign_in(uri))),
        }
    }

    /// Whether a form came from a page that this visitor was shown.
    ///
    /// # Errors
    /// With the page to send instead.
    pub fn sent(&self, csrf: &str) -> Result<(), Box<HttpResponse>> {
        if bool::from(self.csrf.as_bytes().ct_eq(csrf.as_bytes())) {
            return Ok(());
        }
        let text = "The form is from another session, or older than the program's last start. Go back, load the page \
                    again, and send it once more.";
        Err(Box::new(html(StatusCode::FORBIDDEN, notice("Not recorded", text, &self.viewer()))))
    }
}

/// Of this process: forms do not outlive a restart, as sessions do not.
fn secret() -> &'static [u8; 32] {
    static SECRET: OnceLock<[u8; 32]> = OnceLock::new();
    SECRET.get_or_init(|| {
        let mut secret = [0; 32];
        // Without randomness no session begins either, and the cookie that is part of the token is random.
        let _ = getrandom::fill(&mut secret);
        secret
    })
}

fn to_sign_in(uri: &Uri) -> HttpResponse {
    let back = uri.path_and_query().map_or("/", |p| p.as_str());
    redirect(&format!("/sign-in?to={}", quoted(back)))
}

/// 303: the browser asks for that page with GET.
pub(super) fn redirect(to: &str) -> HttpResponse {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
    )
        .into_response()
}

/// A value of a query (RFC 3986 §2.3: what is not unreserved is quoted).
pub(super) fn quoted(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~/".contains(b);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
