//! How the names of a service are proven over DNS. kamal-proxy knows no such thing: an untouched state file says nothing
//! of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ServiceOptions, nanoseconds};
use crate::acme::dns::resolver::Resolver;
use crate::acme::dns::{PROVIDERS, unknown};

/// Who holds the zones of a service's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsOptions {
    /// One of [`PROVIDERS`].
    pub provider: String,
    /// A file with what the provider wants to know.
    pub credentials_path: String,
    /// Who looks names up, `IP[:PORT]`; empty for the system's own.
    pub resolver: String,
    /// How long the zone's servers may take to show a record; zero for not looking.
    #[serde(with = "nanoseconds")]
    pub propagation_timeout: Duration,
}

impl DnsOptions {
    /// What keeps a service from being proven like that.
    pub(super) fn broken_rule(&self, service: &ServiceOptions) -> Option<String> {
        let rule = if !service.tls_enabled {
            "TLS must be enabled to use a DNS provider"
        } else if !service.tls_certificate_path.is_empty() {
            "cannot use a custom TLS certificate with a DNS provider"
        } else if !service.tls_on_demand_url.is_empty() {
            "cannot use a TLS on-demand URL with a DNS provider"
        } else if !PROVIDERS.contains(&self.provider.as_str()) {
            return Some(unknown(&self.provider));
        } else {
            return Resolver::new(&self.resolver).err().filter(|_| !self.resolver.is_empty());
        };
        Some(rule.into())
    }
}
