//! TLS 1.3, with the one key exchange that all of the proxies know.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http1::LINES;
use super::{Aim, Times, answer, connect};
use crate::rows::SECURE_HOST;

/// A client that trusts the certificate of the bench, and nothing else.
pub fn client(aim: &Aim, protocol: &str, is_resumed: bool) -> Arc<ClientConfig> {
    let mut provider = default_provider();
    provider.kx_groups = vec![kx_group::X25519];
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&aim.root).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    config.resumption = if is_resumed { Resumption::in_memory_sessions(16) } else { Resumption::disabled() };
    Arc::new(config)
}

/// Opens a connection.
pub async fn open(aim: &Aim, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = connect(&aim.secure).await;
    let name = ServerName::try_from(SECURE_HOST).unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap()
}

/// A handshake and a request, for ever. The tickets of one handshake are for the next.
pub async fn ask(aim: Rc<Aim>, is_resumed: bool, times: Rc<Times>) {
    let config = client(&aim, "http/1.1", is_resumed);
    let request = format!("GET /2 HTTP/1.1\r\nHost: {SECURE_HOST}\r\n{LINES}Connection: close\r\n\r\n");
    let mut input = vec![0; 16 * 1024];
    for turn in 0.. {
        let begun = Instant::now();
        let mut stream = open(&aim, &config).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(&mut stream, &mut input).await;
        let kind = stream.get_ref().1.handshake_kind();
        let expected = if is_resumed && turn > 0 { HandshakeKind::Resumed } else { HandshakeKind::Full };
        assert_eq!(kind, Some(expected));
        times.note(begun);
    }
}
