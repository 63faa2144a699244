//! Hands letters to a mail server (RFC 5321). What matters is what a failure means: before the message's text went over
//! the wire nothing was taken and the letter may be tried again; after it, a missing answer leaves it uncertain.

use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::{Instant, timeout};

use super::imap::{SignIn, Tls};
use super::outbox::{Delivery, Parcel};

/// Limit for name lookup, TCP connect, TLS handshake, greeting and login, each.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Limit for the answer to a command (RFC 5321 §4.5.3.2 asks for five minutes; letters are few and can wait).
const COMMAND_MAX: Duration = Duration::from_secs(120);
/// Limit for the answer to the end of the text (RFC 5321 §4.5.3.2.6): who gives up earlier sends twice.
const TEXT_MAX: Duration = Duration::from_secs(600);
/// A connection that was quiet for longer is closed and made anew: servers drop it without a word.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address; with TLS the certificate must carry it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Certificates (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Account and how it signs in; passwords are read again at each connect. Tokens go by XOAUTH2.
    pub login: Option<(String, SignIn)>,
}

/// A client with at most one open connection.
pub struct Smtp {
    settings: Settings,
    open: Option<(AsyncSmtpConnection, Instant)>,
}

/// A failure, and what it means for the letter.
struct Failure(Delivery);

impl Failure {
    /// Before the text went out nothing was taken: only a plain 5yz is a no for ever.
    fn before(what: &str, error: &lettre::transport::smtp::Error) -> Self {
        let text = describe(what, error);
        Self(if error.is_permanent() { Delivery::Refused(text) } else { Delivery::Deferred(text) })
    }

    fn later(text: impl Into<String>) -> Self {
        Self(Delivery::Deferred(text.into()))
    }
}

impl Smtp {
    /// A client that has not connected yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, open: None }
    }

    /// Hands over one letter; says what became of it. Never fails in another way.
    pub async fn deliver(&mut self, parcel: &Parcel<'_>) -> Delivery {
        match self.try_deliver(parcel).await {
            Ok(answer) => Delivery::Sent(answer),
            Err(Failure(delivery)) => delivery,
        }
    }

    /// Connects and signs in, and sends nothing; why not, otherwise.
    ///
    /// # Errors
    /// One plain sentence.
    pub async fn probe(mut self) -> Result<(), String> {
        match self.connection().await {
            Ok(connection) => {
                self.open = Some((connection, Instant::now()));
                self.close().await;
                Ok(())
            }
            Err(Failure(Delivery::Deferred(text) | Delivery::Refused(text) | Delivery::Uncertain(text))) => {
                Err(text)
            }
            Err(Failure(Delivery::Sent(text))) => Err(text),
        }
    }

    /// Ends the connection, if one is open.
    pub async fn close(&mut self) {
        if let Some((mut connection, _)) = self.open.take() {
            let _ = timeout(Duration::from_secs(5), connection.quit()).await;
        }
    }

    async fn try_deliver(&mut self, parcel: &Parcel<'_>) -> Result<String, Failure> {
        let address = |a: &crate::model::Address| {
            a.as_str().parse::<lettre::Address>().map_err(|e| Failure(Delivery::Refused(format!("{a}: {e}"))))
        };
        let (from, to) = (address(parcel.from)?, address(parcel.to)?);
        let mut connection = self.connection().await?;
        let mut options = Vec::new();
        if connection.server_info().supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        for (what, command) in [
            ("MAIL", Mail::new(Some(from), options).to_string()),
            ("RCPT", Rcpt::new(to, Vec::new()).to_string()),
            ("DATA", Data.to_string()),
        ] {
            match timeout(COMMAND_MAX, connection.command(command)).await {
                Err(_) => return Err(Failure::later(format!("{what}: no answer"))),
                Ok(Err(error)) => {
                    self.keep_after(connection, &error).await;
                    return Err(Failure::before(what, &error));
                }
                Ok(Ok(_)) => {}
            }
        }
        match timeout(TEXT_MAX, connection.message(parcel.raw)).await {
            Ok(Ok(response)) => {
                self.open = Some((connection, Instant::now()));
                Ok(said(&response))
            }
            // The server answered: that is its word on the whole letter.
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => {
                let failure = Failure::before("end of text", &error);
                self.keep_after(connection, &error).await;
                Err(failure)
            }
            Ok(Err(error)) => Err(Failure(Delivery::Uncertain(describe("end of text", &error)))),
            Err(_) => Err(Failure(Delivery::Uncertain("end of text: no answer".into()))),
        }
    }

    /// Keeps a connection on which the server only said no to one letter.
    async fn keep_after(
        &mut self,
        mut connection: AsyncSmtpConnection,
        error: &lettre::transport::smtp::Error,
    ) {
        let answered = error.is_permanent() || error.is_transient();
        if answered && matches!(timeout(CONNECT_MAX, connection.command(Rset)).await, Ok(Ok(_))) {
            self.open = Some((connection, Instant::now()));
        }
    }

    async fn connection(&mut self) -> Result<AsyncSmtpConnection, Failure> {
        if let Some((mut connection, used)) = self.open.take()
            && used.elapsed() < IDLE_MAX
            && timeout(CONNECT_MAX, connection.test_connected()).await == Ok(true)
        {
            return Ok(connection);
        }
        let settings = &self.settings;
        let hello = ClientId::default();
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Implicit | Tls::StartTls => Some(tls(settings).map_err(Failure::later)?),
        };
        let server = server(settings).await.map_err(Failure::later)?;
        let implicit = tls.clone().filter(|_| settings.tls == Tls::Implicit);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(server.as_slice(), Some(CONNECT_MAX), &hello, implicit, None);
        let connected = timeout(CONNECT_MAX * 2, connecting).await;
        let mut connection = connected
            .map_err(|_| Failure::later("connect: no answer"))?
            .map_err(|e| Failure::later(describe("connect", &e)))?;
        if let (Tls::StartTls, Some(tls)) = (settings.tls, tls) {
            timeout(CONNECT_MAX, connection.starttls(tls, &hello))
                .await
                .map_err(|_| Failure::later("STARTTLS: no answer"))?
                .map_err(|e| Failure::later(describe("STARTTLS", &e)))?;
        }
        if let Some((user, sign_in)) = &settings.login {
            authenticate(&mut connection, user, sign_in).await.map_err(Failure::later)?;
        }
        Ok(connection)
    }
}

/// Signs in. A wrong password is the operator's to mend: no letter is refused for it.
async fn authenticate(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    sign_in: &SignIn,
) -> Result<(), String> {
    let source = sign_in.clone();
    let read = move || match source {
        SignIn::Password(password) => password.read(),
        SignIn::OAuth2(tokens) => tokens.token().map(|token| token.secret).map_err(|e| e.to_string()),
    };
    let secret = tokio::task::spawn_blocking(read).await.map_err(|e| e.to_string())??;
    let mechanisms: &[Mechanism] = match sign_in {
        SignIn::Password(_) => &[Mechanism::Plain, Mechanism::Login],
        SignIn::OAuth2(_) => &[Mechanism::Xoauth2],
    };
    let credentials = Credentials::new(user.to_owned(), secret);
    let asked = timeout(CONNECT_MAX, connection.auth(mechanisms, &credentials)).await;
    match asked.map_err(|_| "AUTH: no answer".to_owned())? {
        Ok(_) => Ok(()),
        Err(error) => {
            // A held token may have been withdrawn: the next try asks for another one.
            if let SignIn::OAuth2(tokens) = sign_in {
                tokens.discard();
            }
            Err(describe("AUTH", &error))
        }
    }
}

/// Where the server is. Plain text never leaves the machine, whatever a name leads to.
async fn server(settings: &Settings) -> Result<Vec<std::net::SocketAddr>, String> {
    let asked = tokio::net::lookup_host((settings.host.as_str(), settings.port));
    let found = timeout(CONNECT_MAX, asked).await.map_err(|_| "name lookup: no answer".to_owned())?;
    let mut found: Vec<_> = found.map_err(|e| format!("{}: {e}", settings.host))?.collect();
    if settings.tls == Tls::None {
        found.retain(|address| address.ip().is_loopback());
    }
    if found.is_empty() {
        return Err(format!("{}: no address to connect to; plain text is only for loopback", settings.host));
    }
    Ok(found)
}

fn tls(settings: &Settings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).map_err(|e| format!("ca_file {}: {e}", path.display()))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|e| format!("ca_file {}: {e}", path.display()))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|e| format!("TLS: {e}"))
}

fn describe(what: &str, error: &lettre::transport::smtp::Error) -> String {
    let mut text = format!("{what}: {error}");
    text.retain(|c| !c.is_control());
    text
}

fn said(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    let mut text = format!("{} {}", response.code(), lines.join(" "));
    text.retain(|c| !c.is_control());
    text
}
