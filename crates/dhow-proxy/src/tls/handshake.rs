//! Handshakes, on the worker threads: read who is asked for, find the certificate, agree on keys.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::{Acceptor, ResolvesServerCertUsingSni};
use rustls::sign::SingleCertAndKey;
use rustls::{CipherSuite, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use crate::acme::challenges;
use crate::http::front::Front;
use crate::tls::certificate::Certificate;

/// How long a client waits for a certificate that is on its way.
const CERTIFICATE_WAIT: Duration = Duration::from_secs(30);

const HTTP2: &[u8] = b"h2";

/// What all handshakes have in common: TLS 1.2 and 1.3, ciphers in our order, and tickets that every worker understands.
pub fn settings() -> Result<Arc<ServerConfig>, String> {
    let told = |error: rustls::Error| format!("TLS is not available: {error}");
    let mut provider = default_provider();
    provider.cipher_suites.sort_by_key(|suite| rank(suite.suite()));
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let mut settings = builder
        .with_safe_default_protocol_versions()
        .map_err(told)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    settings.ticketer = Ticketer::new().map_err(told)?;
    settings.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

/// AES with 128 bits first: as good as any for a connection's life, and the fastest where the processor knows AES.
fn rank(suite: CipherSuite) -> u8 {
    use CipherSuite as Suite;
    match suite {
        Suite::TLS13_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 0,
        _ => 1,
    }
}

/// Whether a client would rather not do AES: one whose processor does not know it names ChaCha20 first.
fn is_slow_at_aes(hello: &StartHandshake<TcpStream>) -> bool {
    use CipherSuite as Suite;
    let hello = hello.client_hello();
    let is_grease = |suite: &CipherSuite| suite.to_array().map(|byte| byte & 0x0f) == [0x0a; 2];
    hello.cipher_suites().iter().find(|suite| !is_grease(suite)).is_some_and(|first| {
        matches!(
            first,
            Suite::TLS13_CHACHA20_POLY1305_SHA256
                | Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        )
    })
}

/// Whether HTTP/2 was agreed on.
pub fn speaks_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// Does the handshake, each of its two halves within `limit`. One that fails is logged, with kamal-proxy's words.
pub async fn accept(
    front: &Front,
    peer: SocketAddr,
    stream: TcpStream,
    limit: Duration,
) -> Option<TlsStream<TcpStream>> {
    match negotiate(front, stream, limit).await {
        Ok(stream) => stream,
        Err(reason) => {
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            front.log.info(&format!("http: TLS handshake error from {peer}: {reason}"), &[]);
            None
        }
    }
}

async fn negotiate(
    front: &Front,
    stream: TcpStream,
    limit: Duration,
) -> Result<Option<TlsStream<TcpStream>>, String> {
    let hello = timeout(limit, LazyConfigAcceptor::new(Acceptor::default(), stream));
    let hello = hello.await.map_err(late)?.map_err(told)?;
    if is_challenge(&hello) {
        return answer_challenge(front, hello, limit).await;
    }
    let name = asked_for(front, &hello);
    match certificate(front, name.as_deref()).await {
        Ok(certificate) => {
            let mut config = with_certificate(&front.tls, &certificate);
            config.ignore_client_order = !is_slow_at_aes(&hello);
            let stream =
                timeout(limit, hello.into_stream(Arc::new(config))).await.map_err(late)?.map_err(told)?;
            Ok(Some(stream))
        }
        Err(refusal) => {
            refuse(hello.io, refusal.alert).await;
            Err(refusal.reason)
        }
    }
}

fn late(_: Elapsed) -> String {
    "the client took too long".into()
}

fn told(error: io::Error) -> String {
    error.to_string()
}

/// The name in the client's hello; without one, a host that is served over TLS.
fn asked_for(front: &Front, hello: &StartHandshake<TcpStream>) -> Option<String> {
    if let Some(name) = hello.client_hello().server_name() {
        return Some(name.to_owned());
    }
    let host = front.with_routes(|routes| routes.default_tls_host().map(str::to_owned))?;
    front.log.warn("No server name; using default TLS hostname", &[("host", &host)]);
    Some(host)
}

/// Why a client cannot be served, for itself (RFC 8446, section 6) and for the log.
struct Refusal {
    alert: Alert,
    reason: String,
}

#[derive(Clone, Copy)]
enum Alert {
    InternalError = 80,
    UnrecognizedName = 112,
}

async fn certificate(front: &Front, name: Option<&str>) -> Result<Certificate, Refusal> {
    let Some(name) = name else {
        return Err(Refusal {
            alert: Alert::UnrecognizedName,
            reason: "no service is served over TLS".into(),
        });
    };
    let service = front.with_routes(|routes| routes.find(name, "/").map(|route| Arc::clone(route.service)));
    let Some(service) = service.filter(|service| service.options.tls_enabled) else {
        let reason = format!("no service is served over TLS as {name:?}");
        return Err(Refusal { alert: Alert::UnrecognizedName, reason });
    };
    let unavailable = |why: &str| {
        let reason = format!("no certificate for {name:?}: {why}");
        Refusal { alert: Alert::InternalError, reason }
    };
    if let Some(certificate) = &service.certificate {
        return Ok(certificate.clone());
    }
    match front.acme.kept(name) {
        Some(kept) => kept.certificate(CERTIFICATE_WAIT).await.map_err(|why| unavailable(&why)),
        None if service.options.has_certificates_on_demand() => {
            let asked = async { front.acme.on_demand(name).await?.certificate(CERTIFICATE_WAIT).await };
            asked.await.map_err(|why| unavailable(&why))
        }
        None => Err(unavailable("it could not be loaded")),
    }
}

/// A certificate authority that asks us to prove that a name is ours.
fn is_challenge(hello: &StartHandshake<TcpStream>) -> bool {
    hello
        .client_hello()
        .alpn()
        .is_some_and(|mut offered| offered.any(|protocol| protocol == challenges::PROTOCOL))
}

/// The handshake is the whole answer.
async fn answer_challenge(
    front: &Front,
    hello: StartHandshake<TcpStream>,
    limit: Duration,
) -> Result<Option<TlsStream<TcpStream>>, String> {
    let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
    let Some(certificate) = front.acme.challenges().certificate(&name) else {
        refuse(hello.io, Alert::UnrecognizedName).await;
        return Err(format!("no certificate is being ordered for {name:?}"));
    };
    let mut config = with_certificate(&front.tls, &certificate);
    config.alpn_protocols = vec![challenges::PROTOCOL.to_vec()];
    let handshake = timeout(limit, hello.into_stream(Arc::new(config))).await;
    let mut stream = handshake.map_err(late)?.map_err(told)?;
    // The authority may have hung up already.
    stream.shutdown().await.ok();
    Ok(None)
}

fn with_certificate(settings: &ServerConfig, certificate: &Certificate) -> ServerConfig {
    let mut config = settings.clone();
    config.cert_resolver = Arc::new(SingleCertAndKey::from(certificate.pair()));
    config
}

/// Tells the client why. Before keys are agreed on, an alert is seven plain bytes.
async fn refuse(mut stream: TcpStream, alert: Alert) {
    const FATAL: u8 = 2;
    // Who does not read the alert does not miss it.
    stream.write_all(&[21, 3, 3, 0, 2, FATAL, alert as u8]).await.ok();
    stream.shutdown().await.ok();
}
