//! Automatic certificates (ACME, RFC 8555): one per host name, got in the background and renewed in time.
//!
//! Every name of every service with automatic TLS has a [`keeper`], a task on the control thread. Workers ask for the
//! certificate of a name, and answer the [`challenges`] by which the authority convinces itself. Accounts and
//! certificates are kept on disk as kamal-proxy keeps them ([`cache`]).

pub mod cache;
pub mod challenges;
pub mod directory;
pub mod keeper;
pub mod order;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::log::Log;
use crate::options::ServiceOptions;
use crate::routes::{Services, canonical_host};
use challenges::Challenges;
use directory::{Authority, Directories};
use keeper::{Keeper, Kept};

/// How certificates are got.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    /// The directory to use in the place of Let's Encrypt's production one.
    pub directory: Option<String>,
    /// PEM file with the root that a private directory's own certificate is signed by.
    pub root: Option<PathBuf>,
    /// The pause after the first failure; it doubles with each further one, up to an hour.
    pub first_retry: Duration,
}

/// The names that certificates are kept for. Shared by the control thread, which gets them, and the workers.
pub struct Acme {
    kept: Mutex<HashMap<String, Arc<Kept>>>,
    directories: Arc<Directories>,
    challenges: Arc<Challenges>,
    config: AcmeConfig,
    log: Log,
}

impl Acme {
    /// Keeps no name yet. The error is one of the configuration.
    pub fn new(config: AcmeConfig, log: Log) -> Result<Self, String> {
        let directories = Arc::new(Directories::new(config.root.as_deref())?);
        Ok(Self { kept: Mutex::default(), directories, challenges: Arc::default(), config, log })
    }

    /// Keeps certificates for just the names that these services need. For use inside the control thread's runtime.
    pub fn keep(&self, services: &Services) {
        let mut kept = self.names();
        let wanted = self.wanted(services);
        kept.retain(|name, kept| wanted.get(name).is_some_and(|authority| *authority == kept.authority));
        for (name, authority) in wanted {
            kept.entry(name).or_insert_with_key(|name| Arc::new(self.begin(name, authority)));
        }
    }

    /// The keeper of a name's certificate, if this is the name of a service with automatic TLS.
    pub fn kept(&self, name: &str) -> Option<Arc<Kept>> {
        self.names().get(&*canonical_host(name)).cloned()
    }

    /// Tries again for those of these hosts whose last attempt failed.
    pub fn try_soon(&self, hosts: &[String]) {
        hosts.iter().filter_map(|host| self.kept(host)).for_each(|kept| kept.try_soon());
    }

    /// When the certificate of each name that has one expires, since the epoch.
    pub fn certificate_ends(&self) -> BTreeMap<String, Duration> {
        let end = |kept: &Kept| kept.standing().certificate?.validity().map(|validity| validity.until);
        self.names().iter().filter_map(|(name, kept)| Some((name.clone(), end(kept)?))).collect()
    }

    /// Answers to the authority's questions.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    fn begin(&self, name: &str, authority: Authority) -> Kept {
        if let Err(why) = check(name) {
            self.log.error("Unable to get a certificate", &[("host", &name), ("error", &why)]);
            return Kept::refused(authority, why);
        }
        Kept::begin(Keeper {
            name: name.to_owned(),
            authority,
            directories: Arc::clone(&self.directories),
            challenges: Arc::clone(&self.challenges),
            first_retry: self.config.first_retry,
            log: self.log.clone(),
        })
    }

    fn wanted(&self, services: &Services) -> HashMap<String, Authority> {
        let automatic = services.values().filter(|service| service.options.has_automatic_certificates());
        let names = automatic.flat_map(|service| {
            let options = &service.options;
            options.hosts.iter().map(|host| (canonical_host(host).into_owned(), self.authority(options)))
        });
        names.collect()
    }

    fn authority(&self, options: &ServiceOptions) -> Authority {
        let replacement = self.config.directory.clone().filter(|_| options.acme_directory.is_empty());
        Authority {
            directory: replacement.unwrap_or_else(|| options.acme_directory.clone()),
            cache: PathBuf::from(&options.acme_cache_path),
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Arc<Kept>>> {
        self.kept.lock().expect("no holder panics")
    }
}

/// Whether an authority could certify a name, and its file could be called by it.
fn check(name: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_allowed);
    let why = if name.contains('*') {
        "automatic TLS does not support wildcards"
    } else if !name.contains('.') || name.parse::<IpAddr>().is_ok() {
        "only public names, with a dot in them, can get certificates"
    } else if !name.is_ascii() {
        "write the name as browsers ask for it (xn--…)"
    } else if !name.split('.').all(is_label) {
        "this is no host name"
    } else {
        return Ok(());
    };
    Err(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_host_names_can_get_certificates() {
        for good in ["a.com", "x-1.b.a.com", "xn--caf-dma.com"] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in
            ["localhost", "*.a.com", "1.2.3.4", "::1", "café.com", "a..com", "../a.com", "a.com/", ".com", ""]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
