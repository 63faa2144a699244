//! Signing in with access tokens, against Dovecot and a token endpoint that misbehaves as a test says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use endorsed::edge::imap::{self, Password, Settings, SignIn, Tls};
use endorsed::edge::oauth::{Mechanism, TokenSettings, Tokens};
use endorsed::edge::source::Fatal;
use serde_json::{Value, json};

use crate::dovecot::{Dovecot, USER};
use crate::scripted::{Call, Folder, Server, say};
use crate::source_contract::{Running, Sink, message};

const SOON: Duration = Duration::from_secs(10);

/// Gives tokens, and tells Dovecot whose they are.
#[derive(Default)]
pub struct Issuer {
    /// Whose tokens are given out.
    user: Mutex<String>,
    valid: Mutex<BTreeSet<String>>,
    asked: AtomicUsize,
    /// Answered instead of a token, one after the other.
    failures: Mutex<Vec<(StatusCode, &'static str)>>,
}

impl Issuer {
    /// Starts it; returns its address.
    pub async fn start() -> (Arc<Self>, String) {
        let issuer = Arc::new(Self { user: Mutex::new(USER.into()), ..Self::default() });
        let app = Router::new()
            .route("/token", post(give))
            .route("/introspect", post(tell))
            .with_state(Arc::clone(&issuer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (issuer, address)
    }

    pub fn revoke_all(&self) {
        self.valid.lock().unwrap().clear();
    }

    fn fail_next(&self, status: StatusCode, error: &'static str) {
        self.failures.lock().unwrap().push((status, error));
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn give(State(issuer): State<Arc<Issuer>>, form: String) -> (StatusCode, Json<Value>) {
    let n = issuer.asked.fetch_add(1, Ordering::SeqCst);
    assert!(
        form.contains("grant_type=client_credentials") && form.contains("client_secret=s3cret"),
        "{form}"
    );
    if let Some((status, error)) = issuer.failures.lock().unwrap().pop() {
        return (status, Json(json!({ "error": error })));
    }
    let token = format!("t0ken-{n}");
    issuer.valid.lock().unwrap().insert(token.clone());
    (StatusCode::OK, Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 })))
}

async fn tell(State(issuer): State<Arc<Issuer>>, form: String) -> Json<Value> {
    let token = form.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let active = issuer.valid.lock().unwrap().contains(token);
    Json(json!({ "active": active, "email": issuer.user.lock().unwrap().clone() }))
}

pub fn tokens(address: &str, mechanism: Mechanism) -> SignIn {
    SignIn::OAuth2(Tokens::new(TokenSettings {
        url: format!("{address}/token"),
        client_id: "daemon".into(),
        client_secret: Some(Password::Fixed("s3cret".into())),
        refresh_token: None,
        scope: None,
        mechanism,
    }))
}

/// The token endpoint, a Dovecot that trusts it, and settings to sign in with its tokens.
async fn peers(mechanism: Mechanism) -> (Arc<Issuer>, Dovecot, Settings) {
    let (issuer, address) = Issuer::start().await;
    let asked = format!("{address}/introspect");
    // The issuer lives on this thread: do not block it while Dovecot starts.
    let server = tokio::task::spawn_blocking(move || Dovecot::start_asking("", Some(&asked))).await.unwrap();
    let mut settings = server.settings(Tls::Implicit);
    settings.sign_in = tokens(&address, mechanism);
    (issuer, server, settings)
}

fn run(settings: &Settings, sink: &Sink) -> Running {
    Running::start(|stop| imap::watch(settings.clone(), sink.cursor(), sink.intake.clone(), stop))
}

#[tokio::test]
async fn both_mechanisms_sign_in() {
    for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
        let (issuer, server, settings) = peers(mechanism).await;
        server.deliver(&message(0));
        let sink = Sink::new();
        let running = run(&settings, &sink);
        sink.wait_for(1, SOON).await;
        running.stop().await;
        assert_eq!(issuer.asked(), 1);
    }
}

#[tokio::test]
async fn a_token_is_held_over_sessions_and_replaced_once_when_refused() {
    let (issuer, server, settings) = peers(Mechanism::XOAuth2).await;
    let sink = Sink::new();
    let running = run(&settings, &sink);
    sink.wait_for_first_cycle().await;
    for n in 0..2 {
        server.kick();
        server.deliver(&message(n));
        sink.wait_for(n + 1, SOON).await;
    }
    assert_eq!(issuer.asked(), 1, "one token serves several sessions");
    issuer.revoke_all();
    server.kick();
    server.deliver(&message(2));
    sink.wait_for(3, SOON).await;
    assert_eq!(issuer.asked(), 2, "one forced refresh");
    running.stop().await;
}

#[tokio::test]
async fn a_busy_token_endpoint_is_waited_for() {
    let (issuer, server, settings) = peers(Mechanism::XOAuth2).await;
    issuer.fail_next(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
    issuer.fail_next(StatusCode::TOO_MANY_REQUESTS, "slow_down");
    server.deliver(&message(0));
    let sink = Sink::new();
    let running = run(&settings, &sink);
    sink.wait_for(1, SOON).await;
    running.stop().await;
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_refused_client_ends_the_start_and_is_not_hammered_later() {
    let (issuer, server, mut settings) = peers(Mechanism::XOAuth2).await;
    issuer.fail_next(StatusCode::UNAUTHORIZED, "invalid_client");
    let sink = Sink::new();
    let ended = run(&settings, &sink).end().await;
    assert!(matches!(&ended, Err(Fatal::Credentials(text)) if text.contains("invalid_client")), "{ended:?}");

    settings.timings.credentials_retry = Duration::from_secs(3);
    let running = run(&settings, &sink);
    sink.wait_for_first_cycle().await;
    let before = issuer.asked();
    for _ in 0..50 {
        issuer.fail_next(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    issuer.revoke_all();
    server.kick();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(issuer.asked() - before, 1, "a refused client is parked");
    running.stop().await;
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused_with_the_servers_reason() {
    let (issuer, _server, settings) = peers(Mechanism::XOAuth2).await;
    *issuer.user.lock().unwrap() = "mallory".into();
    let sink = Sink::new();
    let ended = run(&settings, &sink).end().await;
    assert!(matches!(&ended, Err(Fatal::Credentials(_))), "{ended:?}");
}

#[tokio::test]
async fn a_mailbox_without_permission_is_parked() {
    let refuse = |call: &Call<'_>| {
        call.command
            .starts_with("EXAMINE")
            .then(|| vec![say("{T} NO User is authenticated but not connected.")])
    };
    let server = Server::start(Folder::new(1..=1), refuse).await;
    let mut settings = server.settings();
    settings.timings.credentials_retry = Duration::from_secs(5);
    let sink = Sink::new();
    let running = run(&settings, &sink);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((server.count("EXAMINE"), sink.len()), (1, 0));
    running.stop().await;
}
