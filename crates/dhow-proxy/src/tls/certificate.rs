//! A certificate chain with its private key.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use super::identity::Identity;
use super::ocsp::Subject;
use super::validity::Validity;
use super::x509::Parts;

/// A chain, leaf first, and the key that belongs to the leaf. Cheap to clone; never printed.
#[derive(Clone)]
pub struct Certificate {
    pair: Arc<CertifiedKey>,
    staple: Arc<Staple>,
}

/// What its responder says of it, shared by all clones.
#[derive(Default)]
struct Staple {
    pair: ArcSwapOption<CertifiedKey>,
    is_kept: AtomicBool,
}

/// A certificate that may be gone already.
pub struct Unstapled {
    pair: Arc<CertifiedKey>,
    staple: Weak<Staple>,
}

impl Unstapled {
    /// The certificate, if somebody else holds it too.
    pub fn held(&self) -> Option<Certificate> {
        Some(Certificate { pair: Arc::clone(&self.pair), staple: self.staple.upgrade()? })
    }
}

impl Certificate {
    /// Reads two PEM files. The key may be PKCS#8, PKCS#1 or SEC1. The error names the file, never what is in it.
    ///
    /// Like kamal-proxy, this accepts a certificate that has expired: an old certificate is better than none.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let (chain_pem, key_pem) = (read(chain)?, read(key)?);
        let chain_der = chain_in(&chain_pem).map_err(|error| format!("{}: {error}", chain.display()))?;
        let key_der = key_in(&key_pem).map_err(|error| format!("{}: {error}", key.display()))?;
        Self::new(chain_der, key_der)
            .map_err(|error| format!("{} with {}: {error}", chain.display(), key.display()))
    }

    /// Reads a key and its chain from one PEM text, as certificate authorities' clients keep them.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        Self::new(chain_in(pem)?, key_in(pem)?)
    }

    /// The certificate that answers a TLS-ALPN-01 challenge (RFC 8737, section 3).
    pub fn for_challenge(name: &str, digest: &[u8]) -> Result<Self, String> {
        let told = |error: rcgen::Error| error.to_string();
        let key = rcgen::KeyPair::generate().map_err(told)?;
        let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).map_err(told)?;
        parameters.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
        let certificate = parameters.self_signed(&key).map_err(told)?;
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        let key = default_provider().key_provider.load_private_key(der.into());
        let key = key.map_err(|error| error.to_string())?;
        // Not checked against each other: the extension is one that nobody but the authority may accept.
        Ok(Self::of(CertifiedKey::new(vec![certificate.der().clone()], key)))
    }

    /// When it is valid.
    pub fn validity(&self) -> Option<Validity> {
        Validity::of(self.pair.cert.first()?)
    }

    /// What its authority knows it by, if it tells.
    pub fn identity(&self) -> Option<Identity<'_>> {
        Identity::of(self.pair.cert.first()?)
    }

    /// Whether another one has the same chain.
    pub fn is_same(&self, other: &Self) -> bool {
        self.pair.cert == other.pair.cert
    }

    /// Whether it is for this host name, or for any name below a wildcard.
    pub fn covers(&self, name: &str) -> bool {
        let any = name.strip_prefix("*.").map(|above| format!("any-name.{above}"));
        let name = any.as_deref().unwrap_or(name);
        let (Some(leaf), Ok(name)) = (self.pair.cert.first(), ServerName::try_from(name)) else {
            return false;
        };
        ParsedCertificate::try_from(leaf).is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }

    /// A certificate in use, for a handshake; with what its responder says, if that is known.
    pub fn pair(&self) -> Arc<CertifiedKey> {
        self.staple.pair.load_full().unwrap_or_else(|| Arc::clone(&self.pair))
    }

    /// The URL of its responder, if it names one.
    pub fn responder(&self) -> Option<String> {
        Parts::of(self.pair.cert.first()?)?.responder().map(str::to_owned)
    }

    /// How its responder knows it.
    pub fn subject(&self) -> Option<Subject<'_>> {
        let [leaf, issuer, ..] = self.pair.cert.as_slice() else { return None };
        Subject::new(leaf, issuer)
    }

    /// Hands this response out with it from now on, in all its clones.
    pub fn staple(&self, response: Option<Vec<u8>>) {
        let stapled = response.map(|ocsp| {
            let mut pair = CertifiedKey::clone(&self.pair);
            pair.ocsp = Some(ocsp);
            Arc::new(pair)
        });
        self.staple.pair.store(stapled);
    }

    /// For who staples it while others hold it: once per certificate, and only if it names a responder.
    pub fn unstapled(&self) -> Option<Unstapled> {
        let is_first = !self.staple.is_kept.swap(true, Ordering::Relaxed);
        (is_first && self.responder().is_some())
            .then(|| Unstapled { pair: Arc::clone(&self.pair), staple: Arc::downgrade(&self.staple) })
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, String> {
        let pair = CertifiedKey::from_der(chain, key, &default_provider());
        Ok(Self::of(pair.map_err(|error| told(&error))?))
    }

    fn of(pair: CertifiedKey) -> Self {
        Self { pair: Arc::new(pair), staple: Arc::default() }
    }
}

fn chain_in(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err("no certificate in this file".into()),
        chain => chain.map_err(|error| error.to_string()),
    }
}

fn key_in(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "no private key in this file (PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase)".into())
}

fn told(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "the key does not belong to the certificate".into(),
        error => error.to_string(),
    }
}
