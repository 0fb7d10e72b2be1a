//! Certificates for handshakes over QUIC, where there is no waiting: a client whose certificate is still on its way goes on over
//! TCP, from where it has learnt of HTTP/3 in the first place.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwap;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::acme::Acme;
use crate::router::Router;
use crate::routes::Routes;
use crate::tls::certificate::Certificate;

/// TLS for QUIC: 1.3 only, and nothing is taken before the handshake is done (no 0-RTT: what comes then can be replayed).
pub fn settings(router: &Router) -> Result<QuicServerConfig, String> {
    let told = |error: &dyn fmt::Display| format!("HTTP/3 is not available: {error}");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let mut settings = builder
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| told(&error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates { routes: router.routes(), acme: router.acme() }));
    settings.ticketer = Ticketer::new().map_err(|error| told(&error))?;
    settings.alpn_protocols = vec![b"h3".to_vec()];
    QuicServerConfig::try_from(settings).map_err(|error| told(&error))
}

struct Certificates {
    routes: Arc<ArcSwap<Routes>>,
    acme: Arc<Acme>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let routes = self.routes.load();
        let name = hello.server_name().or_else(|| routes.default_tls_host())?;
        let service = routes.find(name, "/")?.service;
        if !service.options.tls_enabled {
            return None;
        }
        let certificate = service.certificate.clone().or_else(|| self.kept(name)).or_else(|| {
            let is_wanted = service.options.has_certificates_on_demand();
            is_wanted.then(|| self.on_demand(name)).flatten()
        });
        certificate.map(|certificate| certificate.pair())
    }
}

impl Certificates {
    fn kept(&self, name: &str) -> Option<Certificate> {
        self.acme.kept(name)?.standing().certificate
    }

    /// What is decided already is answered at once; else it is asked about from now on.
    fn on_demand(&self, name: &str) -> Option<Certificate> {
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(self.acme.on_demand(name)).poll(&mut cx) {
            Poll::Ready(Ok(kept)) => kept.standing().certificate,
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }
}
