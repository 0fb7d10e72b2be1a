//! Certificate authorities: how they are reached, and our accounts with them.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use instant_acme::{Account, AccountBuilder, Error, Key, LetsEncrypt, NewAccount, Problem};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsConnector;

use super::AcmeConfig;
use super::cache::Cache;
use super::external_account::ExternalAccount;
use super::https::{Https, told};

/// Orders at a time with one authority. Authorities limit their rate, and a restart may begin with hundreds.
const ORDERS: usize = 4;

/// A directory of a certificate authority, and where what it gives is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The directory's URL; empty for Let's Encrypt's production one.
    pub directory: String,
    /// The root of the cache on disk.
    pub cache: PathBuf,
}

impl Authority {
    /// Its part of the cache.
    pub fn cache(&self) -> Cache {
        Cache::new(&self.cache, &self.directory)
    }

    fn url(&self) -> String {
        match self.directory.as_str() {
            "" => LetsEncrypt::Production.url().to_owned(),
            url => url.to_owned(),
        }
    }
}

/// The authorities in use, and our accounts with them.
pub struct Directories {
    tls: TlsConnector,
    offices: Mutex<HashMap<Authority, Arc<Office>>>,
    customer: Option<(String, ExternalAccount)>,
}

impl Directories {
    /// Trusts the public authorities, and the one in this file besides.
    pub fn new(acme: &AcmeConfig) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &acme.root {
            let told = |error: &dyn std::fmt::Display| {
                format!("root of the ACME directory: {}: {error}", path.display())
            };
            let pem = fs::read(path).map_err(|error| told(&error))?;
            let root = CertificateDer::from_pem_slice(&pem).map_err(|error| told(&error))?;
            roots.add(root).map_err(|error| told(&error))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS is not available: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let external = acme.external_account.as_deref().map(ExternalAccount::read).transpose()?;
        let customer = acme.directory.clone().zip(external);
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), offices: Mutex::default(), customer })
    }

    /// What this trusts, for other questions than to directories.
    pub fn tls(&self) -> TlsConnector {
        self.tls.clone()
    }

    /// Requests to whom this trusts.
    pub fn https(&self) -> Https {
        Https::new(self.tls.clone())
    }

    /// The right to order there, until the result is dropped.
    pub async fn turn(&self, authority: &Authority) -> OwnedSemaphorePermit {
        let turns = Arc::clone(&self.office(authority).turns);
        turns.acquire_owned().await.expect("nobody closes it")
    }

    /// Our account with an authority; made, with the terms agreed to, if there is none yet. Who asks meanwhile waits for
    /// the same answer; who asks other authorities does not wait at all.
    pub async fn account(&self, authority: &Authority) -> Result<Account, String> {
        let office = self.office(authority);
        let opening = Arc::clone(&*office.opening());
        let account = opening.get_or_init(|| self.opened(authority)).await.clone();
        if account.is_err() {
            office.forget(&opening);
        }
        account
    }

    async fn opened(&self, authority: &Authority) -> Result<Account, String> {
        match &self.customer {
            Some((directory, external)) if *directory == authority.directory => {
                self.customers_account(authority, external).await
            }
            _ => self.own_account(authority).await,
        }
    }

    async fn own_account(&self, authority: &Authority) -> Result<Account, String> {
        let key = account_key(&authority.cache())?;
        let opened = self.builder().create_from_key(key, authority.url()).await;
        opened.map(|(account, _)| account).map_err(|error| told(&error))
    }

    /// The account that we have, if the authority knows it; else a new one, bound to the customer's.
    async fn customers_account(
        &self,
        authority: &Authority,
        external: &ExternalAccount,
    ) -> Result<Account, String> {
        let cache = authority.cache();
        if cache.account_key()?.is_some() {
            match self.builder().from_key(account_key(&cache)?, authority.url()).await {
                Ok((account, _)) => return Ok(account),
                Err(Error::Api(problem)) if is_unknown_account(&problem) => {}
                Err(error) => return Err(told(&error)),
            }
        }
        let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let created = self.builder().create(&new, authority.url(), Some(&external.key())).await;
        let (account, credentials) = created.map_err(|error| told(&error))?;
        let key = rcgen::KeyPair::try_from(credentials.private_key().secret_pkcs8_der());
        cache.keep_account_key(&key.map_err(|error| error.to_string())?.serialize_pem())?;
        Ok(account)
    }

    fn builder(&self) -> AccountBuilder {
        Account::builder_with_http(Box::new(self.https()))
    }

    /// Opens the account anew next time: the directory may have moved, or forgotten it.
    pub fn forget(&self, authority: &Authority) {
        *self.office(authority).opening() = Arc::default();
    }

    fn office(&self, authority: &Authority) -> Arc<Office> {
        let mut offices = self.offices.lock().expect("no holder panics");
        Arc::clone(offices.entry(authority.clone()).or_default())
    }
}

/// What goes on with one authority. A slow one does not hold up what goes on with others.
struct Office {
    opening: Mutex<Opening>,
    turns: Arc<Semaphore>,
}

/// An account, as soon as it is open.
type Opening = Arc<OnceCell<Result<Account, String>>>;

impl Default for Office {
    fn default() -> Self {
        Self { opening: Mutex::default(), turns: Arc::new(Semaphore::new(ORDERS)) }
    }
}

impl Office {
    fn opening(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().expect("no holder panics")
    }

    /// Does not keep a failure, unless somebody has tried again already.
    fn forget(&self, failed: &Opening) {
        let mut opening = self.opening();
        if Arc::ptr_eq(&opening, failed) {
            *opening = Arc::default();
        }
    }
}

fn is_unknown_account(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

fn account_key(cache: &Cache) -> Result<(Key, PrivateKeyDer<'static>), String> {
    let der = match cache.account_key()? {
        Some(pem) => pkcs8(&pem)?,
        None => {
            let key = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
            cache.keep_account_key(&key.serialize_pem())?;
            PrivatePkcs8KeyDer::from(key.serialize_der())
        }
    };
    let key = Key::from_pkcs8_der(der.clone_key()).map_err(|error| error.to_string())?;
    Ok((key, der.into()))
}

/// The key in the encoding that is wanted today; kamal-proxy writes the older SEC1.
fn pkcs8(pem: &[u8]) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    let unusable =
        "the account's key is no EC P-256 key; move the file acme_account+key away to get a new account";
    let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| unusable)?;
    let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_der());
    let document = key.map_err(|_| unusable)?.to_pkcs8v1().map_err(|_| unusable)?;
    Ok(PrivatePkcs8KeyDer::from(document.as_ref().to_vec()))
}
