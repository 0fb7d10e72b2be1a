//! Automatic certificates (ACME, RFC 8555): one per host name, got in the background and renewed in time.
//!
//! Every name of every service with automatic TLS has a [`keeper`], a task on the control thread. Workers ask for the
//! certificate of a name, and answer the [`challenges`] by which the authority convinces itself. Accounts and
//! certificates are kept on disk as kamal-proxy keeps them ([`cache`]). A service for any host may have a URL that is
//! asked about a name when its first client comes ([`on_demand`], [`inquiry`]). Names are proven by answers of this proxy,
//! or by records in their zone ([`dns`]).

pub mod cache;
pub mod challenges;
pub mod directory;
pub mod dns;
pub mod external_account;
pub mod https;
pub mod inquiry;
pub mod keeper;
pub mod on_demand;
pub mod order;
pub mod renewal;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::log::{Field, Log};
use crate::options::ServiceOptions;
use crate::routes::{Services, canonical_host};
use crate::tls::stapling;
use challenges::Challenges;
use directory::{Authority, Directories};
use dns::Dns;
use inquiry::Answer;
use keeper::{Keeper, Kept, Source};
use on_demand::{AskLimit, OnDemand, Refusal, Verdict};

/// How certificates are got.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    /// The directory to use in the place of Let's Encrypt's production one.
    pub directory: Option<String>,
    /// PEM file with the root that a private directory's own certificate is signed by.
    pub root: Option<PathBuf>,
    /// A file with the external account at that directory, for authorities that want one.
    pub external_account: Option<PathBuf>,
    /// The pause after the first failure; it doubles with each further one, up to an hour.
    pub first_retry: Duration,
    /// How often strangers' names may make the proxy ask about them.
    pub ask_limit: AskLimit,
    /// The port of the name servers that show the records which prove names.
    pub name_server_port: u16,
}

/// The names that certificates are kept for. Shared by the control thread, which gets them, and the workers.
pub struct Acme {
    kept: Mutex<HashMap<String, Arc<Kept>>>,
    directories: Arc<Directories>,
    challenges: Arc<Challenges>,
    on_demand: OnDemand,
    config: AcmeConfig,
    log: Log,
}

impl Acme {
    /// Keeps no name yet; what it does, it will do on the runtime of the control thread. The error is one of the
    /// configuration.
    pub fn new(config: AcmeConfig, control: Handle, log: Log) -> Result<Self, String> {
        let directories = Arc::new(Directories::new(&config)?);
        let on_demand = OnDemand::new(config.ask_limit, control);
        Ok(Self { kept: Mutex::default(), directories, challenges: Arc::default(), on_demand, config, log })
    }

    /// Keeps certificates for just the names that these services need, and has those that they bring stapled. For use inside
    /// the control thread's runtime.
    pub fn keep(&self, services: &Services) {
        for certificate in services.values().filter_map(|service| service.certificate.as_ref()) {
            stapling::begin(certificate, self.directories.https(), &self.log);
        }
        let mut kept = self.names();
        let wanted = self.wanted(services);
        kept.retain(|name, kept| wanted.get(name).is_some_and(|source| *source == kept.source));
        for (name, source) in wanted {
            kept.entry(name).or_insert_with_key(|name| Arc::new(self.begin(name, source)));
        }
        let on_demand = services.values().find(|service| service.options.has_certificates_on_demand());
        let source = on_demand.map(|service| self.source(&service.options));
        self.on_demand.serve(on_demand, |kept| Some(&kept.source) == source.as_ref());
    }

    /// The keeper of a name that a service for any host is asked about, unless the answer was no.
    pub async fn on_demand(self: &Arc<Self>, name: &str) -> Result<Arc<Kept>, String> {
        let name = canonical_host(name).into_owned();
        check(&name, false)?;
        let ask = || Arc::clone(self).decide(name.clone());
        self.on_demand.verdict(&name, ask).await.map_err(|refusal| refusal.why)
    }

    /// A name with a certificate on disk was allowed before.
    async fn decide(self: Arc<Self>, name: String) -> Verdict {
        let services = self.on_demand.service();
        let source = services.borrow().as_ref().map(|service| self.source(&service.options));
        let refusal = |why: String, is_lasting| Err(Refusal { why, is_lasting });
        let Some(source) = source else { return refusal("its service is gone".into(), false) };
        if !source.authority.cache().has(&name) {
            if !self.on_demand.may_ask() {
                return refusal(
                    "too many unknown names are asked for; not asked about this one".into(),
                    false,
                );
            }
            let why = match inquiry::ask(services, &name, self.directories.tls()).await {
                Ok(Answer { status: 200, .. }) => None,
                Ok(Answer { status, body }) => {
                    let fields: [(&str, &dyn Field); 3] =
                        [("host", &name), ("status", &status), ("body", &body)];
                    self.log.warn("TLS on-demand check denied host", &fields);
                    Some(format!("(status: {status}, body: {body:?})"))
                }
                Err(error) => {
                    let fields: [(&str, &dyn Field); 2] = [("host", &name), ("error", &error)];
                    self.log.error("TLS on-demand check failed", &fields);
                    Some(format!("({error})"))
                }
            };
            if let Some(why) = why {
                return refusal(format!("{name} is not allowed to get a certificate {why}"), true);
            }
        }
        Ok(Arc::new(self.begin(&name, source)))
    }

    /// The keeper of a name's certificate, or of the wildcard's above it, if a service with automatic TLS has this name.
    pub fn kept(&self, name: &str) -> Option<Arc<Kept>> {
        let name = canonical_host(name);
        let names = self.names();
        let wildcard = || names.get(&format!("*.{}", name.split_once('.')?.1));
        names.get(&*name).or_else(wildcard).cloned()
    }

    /// Whether names could be proven in the way that these options want. Asks nobody but the disk.
    pub fn check_proof(&self, options: &ServiceOptions) -> Result<(), String> {
        let Some(dns) = &options.tls_dns else { return Ok(()) };
        Dns::open(dns, &self.directories.https(), self.config.name_server_port, &self.log).map(drop)
    }

    /// Tries again for those of these hosts whose last attempt failed.
    pub fn try_soon(&self, hosts: &[String]) {
        hosts.iter().filter_map(|host| self.kept(host)).for_each(|kept| kept.try_soon());
    }

    /// When the certificate of each name that has one expires, since the epoch.
    pub fn certificate_ends(&self) -> BTreeMap<String, Duration> {
        let end = |kept: &Kept| kept.standing().certificate?.validity().map(|validity| validity.until);
        let listed: Vec<_> =
            self.names().iter().map(|(name, kept)| (name.clone(), Arc::clone(kept))).collect();
        let all = listed.into_iter().chain(self.on_demand.kept());
        all.filter_map(|(name, kept)| Some((name, end(&kept)?))).collect()
    }

    /// The keepers of the names that were allowed on demand, sorted.
    pub fn kept_on_demand(&self) -> BTreeMap<String, Arc<Kept>> {
        self.on_demand.kept().into_iter().collect()
    }

    /// Answers to the authority's questions.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    fn begin(&self, name: &str, source: Source) -> Kept {
        if let Err(why) = check(name, source.dns.is_some()) {
            self.log.error("Unable to get a certificate", &[("host", &name), ("error", &why)]);
            return Kept::refused(source, why);
        }
        Kept::begin(Keeper {
            name: name.to_owned(),
            source,
            name_server_port: self.config.name_server_port,
            directories: Arc::clone(&self.directories),
            challenges: Arc::clone(&self.challenges),
            first_retry: self.config.first_retry,
            log: self.log.clone(),
        })
    }

    fn wanted(&self, services: &Services) -> HashMap<String, Source> {
        let automatic = services.values().filter(|service| service.options.has_automatic_certificates());
        let names = automatic.flat_map(|service| {
            let options = &service.options;
            options.hosts.iter().map(|host| (canonical_host(host).into_owned(), self.source(options)))
        });
        names.collect()
    }

    fn source(&self, options: &ServiceOptions) -> Source {
        let replacement = self.config.directory.clone().filter(|_| options.acme_directory.is_empty());
        let authority = Authority {
            directory: replacement.unwrap_or_else(|| options.acme_directory.clone()),
            cache: PathBuf::from(&options.acme_cache_path),
        };
        Source { authority, dns: options.tls_dns.clone() }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Arc<Kept>>> {
        self.kept.lock().expect("no holder panics")
    }
}

/// What is said of a wildcard that cannot be proven.
pub const NO_WILDCARDS: &str = "automatic TLS does not support wildcards";

/// Whether an authority could certify a name, and its file could be called by it. Only zones prove wildcards.
fn check(name: &str, is_proven_by_zone: bool) -> Result<(), String> {
    let name = name.strip_prefix("*.").filter(|_| is_proven_by_zone).unwrap_or(name);
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_allowed);
    let why = if name.contains('*') {
        NO_WILDCARDS
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
            assert_eq!(check(good, false), Ok(()));
        }
        assert_eq!(check("*.a.com", true), Ok(()));
        for bad in ["*.com", "*", "*.*.a.com", "x.*.a.com", "*a.com"] {
            assert!(check(bad, true).is_err(), "{bad}");
        }
        for bad in
            ["localhost", "*.a.com", "1.2.3.4", "::1", "café.com", "a..com", "../a.com", "a.com/", ".com", ""]
        {
            assert!(check(bad, false).is_err(), "{bad}");
        }
    }
}
