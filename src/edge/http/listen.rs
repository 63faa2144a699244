//! The listener: TCP, TLS or a Unix socket, with a limit on everything that a client can make us wait for.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt;

use super::settings::{Limits, Listen, Settings, TlsFiles};

/// How long a client may leave an answer unread.
const WRITE_WAIT: Duration = Duration::from_secs(30);
/// How long open requests may go on once the daemon stops.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// Octets of a request's header: cookies and a long query fit, and nothing else has to.
const HEADER_BYTES_MAX: usize = 32 << 10;
/// Fields of a request's header.
const HEADER_FIELDS_MAX: usize = 64;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<IpAddr>,
}

enum Port {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener),
}

/// A listener that is bound and not yet served.
pub struct Bound {
    port: Port,
    limits: Limits,
}

/// Binds the listener.
///
/// # Errors
/// When the settings must not be opened, a file of the certificate can not be read, or the address can not be had.
pub async fn bind(settings: &Settings) -> std::io::Result<Bound> {
    if let Some(problem) = settings.problem() {
        return Err(std::io::Error::other(problem));
    }
    let port = match &settings.listen {
        Listen::Tcp(address) => {
            let tls = settings.tls.as_ref().map(acceptor).transpose()?;
            Port::Tcp(TcpListener::bind(address).await?, tls)
        }
        Listen::Unix(path) => Port::Unix(bind_unix(path)?),
    };
    Ok(Bound { port, limits: settings.limits.clone() })
}

impl Bound {
    /// The address; none of a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.port {
            Port::Tcp(listener, _) => listener.local_addr().ok(),
            Port::Unix(_) => None,
        }
    }

    /// Serves until `stop` turns true.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let room = Arc::new(Semaphore::new(self.limits.connections_max));
        let mut open = JoinSet::new();
        loop {
            let room = Arc::clone(&room);
            let place = tokio::select! {
                _ = stop.wait_for(|s| *s) => break,
                place = room.acquire_owned() => place,
            };
            let accepted = tokio::select! {
                _ = stop.wait_for(|s| *s) => break,
                accepted = self.accept() => accepted,
            };
            while open.try_join_next().is_some() {}
            match accepted {
                Ok((stream, tls, peer)) => {
                    let (router, limits, stop) = (router.clone(), self.limits.clone(), stop.clone());
                    open.spawn(async move {
                        let _place = place;
                        serve_one(stream, tls, peer, router, limits, stop).await;
                    });
                }
                Err(error) => {
                    // Out of file descriptors, as a rule: it passes.
                    tracing::warn!(event = "http.accept", %error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        let _ = tokio::time::timeout(STOP_WAIT, async { while open.join_next().await.is_some() {} }).await;
    }

    async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Option<TlsAcceptor>, Peer)> {
        match &self.port {
            Port::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                // Answers are small: they must not wait to be joined with others.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), tls.clone(), Peer { address: Some(address.ip().to_canonical()) }))
            }
            Port::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), None, Peer::default()))
            }
        }
    }
}

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn serve_one(
    stream: Box<dyn Stream>,
    tls: Option<TlsAcceptor>,
    peer: Peer,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let stream: Box<dyn Stream> = match tls {
        None => stream,
        Some(tls) => match tokio::time::timeout(limits.header_wait, tls.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            _ => return,
        },
    };
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_WAIT));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answered = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_wait)
            .max_buf_size(HEADER_BYTES_MAX)
            .max_headers(HEADER_FIELDS_MAX)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
    );
    tokio::select! {
        // Whatever ends a connection ends that connection only.
        _ended = connection.as_mut() => return,
        _ = stop.wait_for(|s| *s) => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

fn acceptor(files: &TlsFiles) -> std::io::Result<TlsAcceptor> {
    let fail = |path: &Path, why: &dyn std::fmt::Display| {
        std::io::Error::other(format!("[http.tls] {}: {why}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|e| fail(&files.cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| fail(&files.key, &e))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| fail(&files.cert, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Binds a Unix socket for the user and the group; one that a killed daemon left behind is replaced, nothing else is.
fn bind_unix(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            let text = format!("{} is in use: another daemon answers there", path.display());
            return Err(std::io::Error::new(std::io::ErrorKind::AddrInUse, text));
        }
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(std::io::Error::other(format!("{} exists and is no socket", path.display()))),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}
