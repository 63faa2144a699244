//! From an address to a logged-in session.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_imap::imap_proto::{Response, Status};
use async_imap::{Authenticator, Client};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::BufWriter;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::{Error, printable};
use super::session::{Duplex, Session, Transport};
use super::settings::{Settings, SignIn, Tls};
use crate::edge::oauth::{Token, Tokens};
use crate::edge::source::Fatal;

/// Keepalive probes find a dead peer in about two minutes, also between our own commands.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_PROBES: u32 = 3;
/// Octets that were sent and never acknowledged end the connection after this time.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Loads the certificates to trust and makes TLS ready; `None` without TLS.
///
/// # Errors
/// [`Fatal::Settings`] when there is nothing to trust.
pub(super) fn tls(settings: &Settings) -> Result<Option<TlsConnector>, Fatal> {
    if settings.tls == Tls::None {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        Some(path) => {
            let fail = |e: String| Fatal::Settings(format!("ca_file {}: {e}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fail(e.to_string()))? {
                let certificate = certificate.map_err(|e| fail(e.to_string()))?;
                roots.add(certificate).map_err(|e| fail(e.to_string()))?;
            }
        }
        None => {
            // Single certificates that cannot be read are normal in system stores.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(Fatal::Settings("no certificates to trust: set ca_file".into()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Fatal::Settings(format!("TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

/// Connects, secures, greets and logs in; every step has its own time limit.
pub(super) async fn connect(settings: &Settings, tls: Option<&TlsConnector>) -> Result<Session, Error> {
    let secret = Secret::read(settings).await?;
    let limit = settings.timings.connect;
    let tcp = within(limit, "connect", TcpStream::connect((settings.host.as_str(), settings.port))).await?;
    harden(&tcp).map_err(Error::Io)?;
    let client = match (settings.tls, tls) {
        (Tls::Implicit, Some(tls)) => {
            let mut client = Client::new(transport(secure(settings, tls, tcp).await?, settings));
            within(limit, "greeting", greeting(&mut client)).await?;
            client
        }
        (Tls::StartTls, Some(tls)) => {
            let mut plain = Client::new(tcp);
            within(limit, "greeting", greeting(&mut plain)).await?;
            within(limit, "STARTTLS", plain.run_command_and_check_ok("STARTTLS", None)).await?;
            // What came in plain text behind the OK is dropped with the client: it could be injected.
            Client::new(transport(secure(settings, tls, plain.into_inner()).await?, settings))
        }
        (Tls::None, _) => {
            // `localhost` is a name like any other: what counts is where it led.
            if !tcp.peer_addr().map_err(Error::Io)?.ip().is_loopback() {
                return Err(Error::Tls("plain text is only for loopback".into()));
            }
            let mut client = Client::new(transport(Box::new(tcp), settings));
            within(limit, "greeting", greeting(&mut client)).await?;
            client
        }
        (Tls::Implicit | Tls::StartTls, None) => return Err(Error::Tls("not set up".into())),
    };
    let signed_in = timeout(limit, sign_in(client, settings, secret)).await;
    let inner = signed_in.map_err(|_| Error::Timeout("login"))??;
    let mut session = Session::new(inner, settings.timings);
    session.introduce().await?;
    Ok(session)
}

/// What we sign in with; read anew for each connection.
enum Secret {
    Password(String),
    Token(Tokens, Token),
}

impl Secret {
    async fn read(settings: &Settings) -> Result<Self, Error> {
        let source = settings.sign_in.clone();
        let read = move || match source {
            SignIn::Password(password) => password.read().map(Self::Password).map_err(Error::Password),
            SignIn::OAuth2(tokens) => match tokens.token() {
                Ok(token) => Ok(Self::Token(tokens, token)),
                Err(error) => Err(Error::from(error)),
            },
        };
        tokio::task::spawn_blocking(read).await.map_err(|e| Error::Password(e.to_string()))?
    }
}

async fn sign_in(
    client: Client<Transport>,
    settings: &Settings,
    secret: Secret,
) -> Result<async_imap::Session<Transport>, Error> {
    let (tokens, token) = match secret {
        Secret::Password(password) => {
            let login = client.login_with_capabilities(&settings.user, &password).await;
            return login.map(|(session, _)| session).map_err(|(error, _)| Error::from_login(error));
        }
        Secret::Token(tokens, token) => (tokens, token),
    };
    let mechanism = tokens.mechanism();
    let first = mechanism.first_message(&settings.user, &settings.host, settings.port, &token.secret);
    let mut exchange = Exchange { first: Some(first), farewell: mechanism.farewell(), explanation: None };
    match client.authenticate(mechanism.name(), &mut exchange).await {
        Ok(session) => Ok(session),
        Err((error, _)) => Err(match Error::from_login(error) {
            // A held token may have been withdrawn: the next connection asks for another one.
            Error::Credentials(text) if !token.fresh => {
                tokens.discard();
                Error::Token { text: exchange.explain(text), wait: None }
            }
            Error::Credentials(text) => {
                tokens.discard();
                Error::Credentials(exchange.explain(text))
            }
            other => other,
        }),
    }
}

/// The client's side of XOAUTH2 and OAUTHBEARER: the token, then a farewell to the server's explanation.
struct Exchange {
    first: Option<String>,
    farewell: &'static str,
    explanation: Option<String>,
}

impl Exchange {
    fn explain(&self, text: String) -> String {
        self.explanation.as_ref().map_or(text.clone(), |why| format!("{text} {why}"))
    }
}

impl Authenticator for &mut Exchange {
    type Response = String;

    fn process(&mut self, challenge: &[u8]) -> String {
        self.first.take().unwrap_or_else(|| {
            // JSON with a status (RFC 7628 §3.2.2); it must be answered before the server says NO.
            self.explanation = Some(printable(&String::from_utf8_lossy(challenge)));
            self.farewell.to_owned()
        })
    }
}

async fn secure(settings: &Settings, tls: &TlsConnector, tcp: TcpStream) -> Result<Box<dyn Duplex>, Error> {
    let name = ServerName::try_from(settings.host.clone()).map_err(|e| Error::Tls(e.to_string()))?;
    match timeout(settings.timings.connect, tls.connect(name, tcp)).await {
        Err(_) => Err(Error::Timeout("TLS handshake")),
        Ok(Err(error)) => Err(Error::Tls(error.to_string())),
        Ok(Ok(stream)) => Ok(Box::new(stream)),
    }
}

fn transport(stream: Box<dyn Duplex>, settings: &Settings) -> Transport {
    let mut stream = TimeoutStream::new(BufWriter::new(stream));
    stream.set_read_timeout(Some(settings.timings.command));
    stream.set_write_timeout(Some(settings.timings.command));
    Box::pin(stream)
}

fn harden(tcp: &TcpStream) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// Reads the greeting (RFC 3501 §7.1): OK or nothing. PREAUTH would skip both our login and STARTTLS.
async fn greeting<T: Duplex>(client: &mut Client<T>) -> Result<(), Error> {
    let Some(response) = client.read_response().await? else { return Err(Error::Eof) };
    match response.parsed() {
        Response::Data { status: Status::Ok, .. } => Ok(()),
        Response::Data { status: Status::Bye, outcome } => {
            Err(Error::Bye(printable(outcome.information.as_deref().unwrap_or_default())))
        }
        _ => Err(Error::Unreadable),
    }
}

async fn within<T, E: Into<Error>>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    timeout(limit, work).await.map_err(|_| Error::Timeout(what))?.map_err(Into::into)
}
