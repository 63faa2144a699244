//! HTTP (CONTRACT "HTTP"): JSON, UTC, `application/problem+json` (RFC 9457) on errors. "Not allowed" is 200
//! with `allowed:false`; reading never writes.
//!
//! `listen` takes connections, `guard` says who asks and whether the request may come in at all, and each part of the
//! interface brings its own routes. A page finds the caller as [`Caller`](crate::answer::Caller) in its arguments.

mod api;
mod crm;
mod endpoints;
mod events;
mod guard;
mod health;
mod listen;
mod once;
mod openapi;
mod pages;
mod problem;
mod rate;
mod reply;
mod session;
mod settings;
mod shape;
mod shapes;
mod writes;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, watch};

pub use self::endpoints::{ENDPOINTS, Endpoint};
pub use self::listen::{Bound, bind};
pub use self::openapi::document;
pub use self::reply::tag_of;
pub use self::settings::{Limits, Listen, Proxy, Settings, TlsFiles};

use self::once::Once;
use self::problem::problem;
use self::rate::Rate;
use self::session::Sessions;
use super::socket::Ask;
use super::tokens::Tokens;
use crate::answer::{Request, Response};
use crate::model::OpportunityId;

/// Wrong tokens from one address: one in six seconds, and twenty at once. A token cannot be guessed; this keeps the log
/// readable.
const REFUSED_PER_SECOND: f64 = 1.0 / 6.0;
/// See [`REFUSED_PER_SECOND`].
const REFUSED_BURST: f64 = 20.0;

/// Event streams and exports at one time: each is a connection that stays.
const STREAMS_MAX: usize = 64;

/// Questions that are answered at one time: the threads that may block are shared with those who store mail.
const ASKING_MAX: usize = 8;

/// Audit samples that are packed at one time: the mail of one is in memory several times over.
const PACKING_MAX: usize = 1;

/// A gate's answer from memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quick {
    /// JSON.
    pub body: String,
    /// Its tag, in quotes.
    pub tag: String,
}

/// Finds a gate's answer in memory; must not block.
pub type Look = Arc<dyn Fn(&OpportunityId, &str) -> Option<Quick> + Send + Sync>;

/// What every handler shares.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    look: Option<Look>,
}

struct Shared {
    ask: Ask,
    settings: Settings,
    tokens: Option<Tokens>,
    sessions: Sessions,
    rate: Rate,
    refused: Rate,
    once: Once,
    streams: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    packing: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl App {
    /// Handlers that ask `ask`, and know the tokens in the folder `store`.
    pub fn new(ask: Ask, settings: Settings, store: Option<&Path>, stop: watch::Receiver<bool>) -> Self {
        let per_second = f64::from(settings.limits.requests_per_second.max(1));
        let shared = Arc::new(Shared {
            ask,
            tokens: store.map(Tokens::new),
            sessions: Sessions::default(),
            rate: Rate::new(per_second, per_second * 2.0),
            refused: Rate::new(REFUSED_PER_SECOND, REFUSED_BURST),
            once: Once::new(store),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            asking: Arc::new(Semaphore::new(ASKING_MAX)),
            packing: Arc::new(Semaphore::new(PACKING_MAX)),
            stop,
            settings,
        });
        Self { shared, look: None }
    }

    /// The same, with a view of gate answers.
    #[must_use]
    pub fn with_view(self, look: Look) -> Self {
        Self { look: Some(look), ..self }
    }

    fn look(&self, opportunity: &OpportunityId, to: &str) -> Option<Quick> {
        self.look.as_ref().and_then(|look| look(opportunity, to))
    }

    /// Asks off the event loop: an answer reads the store, and an act waits for the disk.
    pub(crate) async fn ask(&self, request: Request) -> Response {
        let ask = Ask::clone(&self.shared.ask);
        let failed = || Response::Failed {
            code: "internal".into(),
            text: "The question could not be answered.".into(),
        };
        let Ok(place) = Arc::clone(&self.shared.asking).acquire_owned().await else { return failed() };
        let answer = move || {
            // Given back when the answer is there, also when nobody waits for it any more.
            let _place = place;
            ask(request)
        };
        tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| failed())
    }

    /// Signs somebody in who has this token: the value of `Set-Cookie`.
    pub fn sign_in(&self, token: &str, headers: &HeaderMap) -> Option<String> {
        self.shared.sessions.open(self.shared.tokens.as_ref()?, token, self.is_secure(headers))
    }

    fn is_secure(&self, headers: &HeaderMap) -> bool {
        session::is_secure(self.shared.settings.tls.is_some(), headers)
    }

    /// Signs out whoever sent these fields: the value of `Set-Cookie`.
    pub fn sign_out(&self, headers: &HeaderMap) -> String {
        self.shared.sessions.close(headers, self.is_secure(headers))
    }

    fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn tokens(&self) -> Option<&Tokens> {
        self.shared.tokens.as_ref()
    }

    fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    fn rate(&self) -> &Rate {
        &self.shared.rate
    }

    fn once(&self) -> &Once {
        &self.shared.once
    }

    fn streams(&self) -> &Arc<Semaphore> {
        &self.shared.streams
    }

    fn packing(&self) -> &Arc<Semaphore> {
        &self.shared.packing
    }

    /// Waits until the server stops: a stream must not hold it up.
    async fn stopping(&self) {
        let mut stop = self.shared.stop.clone();
        let _stopped = stop.wait_for(|s| *s).await;
    }

    fn refused(&self) -> &Rate {
        &self.shared.refused
    }
}

/// Serves until the stop that `app` knows turns true.
pub async fn serve(bound: Bound, app: App) {
    let stop = app.shared.stop.clone();
    bound.serve(router(app), stop).await;
}

/// The routes: each part of the interface brings its own.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(endpoints::routes(&app))
        .merge(health::routes())
        .merge(pages::routes())
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "not_found", "There is no such page.") })
        .method_not_allowed_fallback(|| async {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This page does not take that method.",
            )
        })
        .layer(DefaultBodyLimit::max(app.settings().limits.body_bytes_max))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}
