use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::PATIENCE;
use super::backend::Backend;
use super::client::Connection;
use super::daemon::{Directory, Proxy};

/// A certificate authority that the test's clients trust.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// A certificate and its key, in PEM.
pub struct Pair {
    pub chain: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(parameters, key), root }
    }

    /// A certificate for these names, with a key of its own.
    pub fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, &KeyPair::generate().unwrap())
    }

    pub fn issue_with(&self, names: &[&str], key: &KeyPair) -> Pair {
        self.issue_as(CertificateParams::new(owned(names)).unwrap(), key)
    }

    /// A certificate that is made otherwise than usual.
    pub fn issue_as(&self, parameters: CertificateParams, key: &KeyPair) -> Pair {
        Pair { chain: parameters.signed_by(key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Its own certificate, in PEM.
    pub fn root_pem(&self) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", self.root.to_vec()))
    }

    /// Its key, in PEM.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A client that trusts this authority and nobody else.
    pub fn client(&self) -> TlsClient {
        TlsClient::trusting(self.root.clone())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

impl Pair {
    /// Puts both files into the directory; the flags that deploy them.
    pub fn flags(&self, directory: &Directory, name: &str) -> [String; 5] {
        let chain = directory.write(&format!("{name}/cert.pem"), &self.chain);
        let key = directory.write(&format!("{name}/key.pem"), &self.key);
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            "--tls".into(),
            "--tls-certificate-path".into(),
            text(chain),
            "--tls-private-key-path".into(),
            text(key),
        ]
    }
}

/// What a browser does before it sends a request.
#[derive(Clone)]
pub struct TlsClient {
    config: ClientConfig,
}

/// A connection after its handshake, and what was agreed on.
pub struct Secured {
    pub http: Connection,
    pub version: ProtocolVersion,
    pub kind: HandshakeKind,
    pub suite: CipherSuite,
    pub leaf: Vec<u8>,
}

impl TlsClient {
    pub fn trusting(root: CertificateDer<'static>) -> Self {
        Self::with(root, default_provider(), rustls::ALL_VERSIONS)
    }

    fn with(
        root: CertificateDer<'static>,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { config }
    }

    /// The same client, which cannot do TLS 1.3.
    pub fn without_tls13(authority: &Authority) -> Self {
        Self::with(authority.root.clone(), default_provider(), &[&rustls::version::TLS12])
    }

    /// The same client, which names this cipher first.
    pub fn preferring(authority: &Authority, suite: CipherSuite) -> Self {
        let mut provider = default_provider();
        provider.cipher_suites.sort_by_key(|known| known.suite() != suite);
        Self::with(authority.root.clone(), provider, rustls::ALL_VERSIONS)
    }

    /// The same client, which does not say whom it wants.
    pub fn without_sni(mut self) -> Self {
        self.config.enable_sni = false;
        self
    }

    /// The same client, which speaks this after TLS.
    pub fn speaking(mut self, protocol: &str) -> Self {
        self.config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        self
    }

    /// What rustls is told.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::new(self.config.clone())
    }

    /// Does the handshake.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Result<Secured, io::Error> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut tls = ClientConnection::new(Arc::new(self.config.clone()), name).unwrap();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE * 2))?;
        stream.set_nodelay(true)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Secured {
            version: tls.protocol_version().unwrap(),
            kind: tls.handshake_kind().unwrap(),
            suite: tls.negotiated_cipher_suite().unwrap().suite(),
            leaf: tls.peer_certificates().unwrap()[0].to_vec(),
            http: Connection::over(StreamOwned::new(tls, stream)),
        })
    }

    /// Why the handshake fails.
    pub fn refused(&self, address: SocketAddr, name: &str) -> String {
        match self.connect(address, name) {
            Ok(_) => panic!("{name} was served"),
            Err(error) => error.to_string(),
        }
    }
}

/// An EC key in the encoding that kamal-proxy writes: the part of PKCS#8 that begins with `SEQUENCE { INTEGER 1, …`.
pub fn sec1(key: &KeyPair) -> String {
    pem::encode(&pem::Pem::new("EC PRIVATE KEY", unwrapped(key, &[2, 1, 1, 4, 32], 2)))
}

/// An RSA key in its older encoding: the part of PKCS#8 that begins with `SEQUENCE { INTEGER 0, INTEGER …`.
pub fn pkcs1(key: &KeyPair) -> String {
    pem::encode(&pem::Pem::new("RSA PRIVATE KEY", unwrapped(key, &[2, 1, 0, 2, 0x82], 4)))
}

fn unwrapped(key: &KeyPair, begin: &[u8], header: usize) -> Vec<u8> {
    let der = key.serialize_der();
    let at = der.windows(begin.len()).rposition(|window| window == begin).unwrap();
    der[at - header..].to_vec()
}

/// A proxy with an app that is served over TLS.
pub struct Scene {
    pub proxy: Proxy,
    pub app: Backend,
    pub authority: Authority,
}

impl Scene {
    pub fn new() -> Self {
        Self::of(Proxy::start(), Backend::named("app"))
    }

    pub fn of(proxy: Proxy, app: Backend) -> Self {
        Self { proxy, app, authority: Authority::new() }
    }

    /// Deploys the app under these names, with a certificate for them.
    pub fn deploy(&self, service: &str, names: &[&str], flags: &[&str]) -> Pair {
        let pair = self.authority.issue(names);
        self.deploy_with(service, names, &pair, flags);
        pair
    }

    pub fn deploy_with(&self, service: &str, names: &[&str], pair: &Pair, flags: &[&str]) {
        let tls = pair.flags(&self.proxy.directory, service);
        let hosts = names.join(",");
        let all = [&["--host", hosts.as_str()], flags, &tls.each_ref().map(String::as_str)].concat();
        self.proxy.deploy(service, &self.app, &all);
    }

    pub fn text(&self, client: &TlsClient, name: &str) -> String {
        client.connect(self.proxy.https, name).unwrap().http.get(name, "/").text()
    }

    pub fn failures(&self) -> Vec<String> {
        let told = |line: &serde_json::Value| line["msg"].as_str().unwrap().to_owned();
        let lines = self.proxy.all_lines();
        lines.iter().map(told).filter(|text| text.starts_with("http: TLS handshake error from 127")).collect()
    }
}

/// The first certificate of a PEM file.
pub fn leaf(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}
