//! What a deploy asks for: the options of a service and of its targets, in the shape of kamal-proxy's state file.

pub mod dns;
pub mod tuning;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::policy::options::PolicyOptions;
use dns::DnsOptions;
use tuning::TargetTuning;

/// Options of a whole service: where it is mounted and how its clients are treated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceOptions {
    /// Host names served; `[""]` stands for any host.
    #[serde(deserialize_with = "null_as_default")]
    pub hosts: Vec<String>,
    /// Mount points, normalised to one leading and no trailing slash.
    #[serde(deserialize_with = "null_as_default")]
    pub path_prefixes: Vec<String>,
    /// Whether the service is served over TLS.
    pub tls_enabled: bool,
    /// Custom certificate chain (PEM file), empty for automatic certificates.
    pub tls_certificate_path: String,
    /// Key of the custom certificate (PEM file).
    pub tls_private_key_path: String,
    /// Endpoint that is asked before a certificate is requested for a new host.
    pub tls_on_demand_url: String,
    /// Whether plain requests are redirected to https when TLS is on.
    pub tls_redirect: bool,
    /// Host that all other hosts of the service are redirected to.
    pub canonical_host: String,
    /// ACME directory; empty for Let's Encrypt's production one.
    pub acme_directory: String,
    /// Where ACME accounts and certificates are kept.
    pub acme_cache_path: String,
    /// Directory with `<status>.html` files, empty for the built-in pages.
    pub error_page_path: String,
    /// Whether the matched prefix is removed before forwarding.
    pub strip_prefix: bool,
    /// How long reads of a client that has just written go to a writer.
    #[serde(with = "nanoseconds")]
    pub writer_affinity_timeout: Duration,
    /// Whether readers may take WebSocket upgrades.
    pub read_targets_accept_websockets: bool,
    /// Exact paths that are not counted in the metrics.
    #[serde(deserialize_with = "null_as_default")]
    pub exclude_metrics_paths: Vec<String>,
    /// Header whose value replaces `X-Forwarded-For`.
    pub client_ip_header: String,
    /// What kamal-proxy has no word for; it reads past it.
    #[serde(rename = "dhow", skip_serializing_if = "PolicyOptions::is_empty")]
    pub policy: PolicyOptions,
    /// How hosts are proven over DNS, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_dns: Option<DnsOptions>,
}

/// Options of every target of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetOptions {
    /// How targets are probed.
    pub health_check_config: HealthCheckConfig,
    /// Time a target has for its response header; zero for no limit.
    #[serde(with = "nanoseconds")]
    pub response_timeout: Duration,
    /// Whether request bodies are read in full before a target sees them.
    pub buffer_requests: bool,
    /// Whether responses are read in full before the client sees them.
    pub buffer_responses: bool,
    /// Bytes of each buffered body kept in memory; the rest goes to a temporary file.
    pub max_memory_buffer_size: i64,
    /// Limit of a buffered request body in bytes; zero for none.
    pub max_request_body_size: i64,
    /// Limit of a buffered response body in bytes; zero for none.
    pub max_response_body_size: i64,
    /// Extra request headers in the access log.
    #[serde(deserialize_with = "null_as_default")]
    pub log_request_headers: Vec<String>,
    /// Extra response headers in the access log.
    #[serde(deserialize_with = "null_as_default")]
    pub log_response_headers: Vec<String>,
    /// Whether incoming `X-Forwarded-*` headers are trusted.
    pub forward_headers: bool,
    /// Whether `Set-Cookie` paths are moved under the stripped prefix.
    pub scope_cookie_paths: bool,
    /// What targets are spoken to in. kamal-proxy knows only one.
    #[serde(skip_serializing_if = "TargetProtocol::is_usual")]
    pub target_protocol: TargetProtocol,
    /// What kamal-proxy has no word for; it reads past it.
    #[serde(rename = "dhow", skip_serializing_if = "TargetTuning::is_usual")]
    pub tuning: TargetTuning,
}

/// The version of HTTP that targets want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS, from the first byte on: gRPC.
    H2c,
}

impl TargetProtocol {
    /// As the command line calls it. The error is for the one who typed it.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "http1" => Ok(Self::Http1),
            "h2c" => Ok(Self::H2c),
            _ => Err(format!("target-protocol {name:?} is unknown; use http1 or h2c")),
        }
    }

    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// How a target's health is probed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheckConfig {
    /// Path, and since dhow also query, of the probe.
    pub path: String,
    /// Port of the probe; zero for the target's own.
    pub port: u16,
    /// Time between the starts of two probes.
    #[serde(with = "nanoseconds")]
    pub interval: Duration,
    /// Time one probe may take.
    #[serde(with = "nanoseconds")]
    pub timeout: Duration,
    /// Host header of the probe; empty for the target's address.
    pub host: String,
}

impl ServiceOptions {
    /// Fills in what an omitted list means and brings prefixes into their one form.
    pub fn normalize(&mut self) {
        if self.hosts.is_empty() {
            self.hosts.push(String::new());
        }
        if self.path_prefixes.is_empty() {
            self.path_prefixes.push(String::new());
        }
        for prefix in &mut self.path_prefixes {
            *prefix = format!("/{}", prefix.trim_matches('/'));
        }
    }

    /// kamal-proxy's rules, checked by the command line and again by the daemon. The error is its text.
    pub fn validate(&self) -> Result<(), String> {
        self.broken_rule().map_or(Ok(()), |rule| Err(format!("service options invalid: {rule}")))
    }

    /// Whether every request reaches this service whatever its host (an empty entry means just that).
    pub fn serves_any_host(&self) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(String::is_empty)
    }

    /// Whether the service brings its own certificate.
    pub fn has_custom_certificate(&self) -> bool {
        self.tls_enabled && !self.tls_certificate_path.is_empty()
    }

    /// Whether certificates are got from an authority, one per host.
    pub fn has_automatic_certificates(&self) -> bool {
        self.tls_enabled
            && self.tls_certificate_path.is_empty()
            && self.serves_root()
            && !self.serves_any_host()
    }

    /// Whether the names that get certificates are asked for as clients come.
    pub fn has_certificates_on_demand(&self) -> bool {
        self.tls_enabled && !self.tls_on_demand_url.is_empty() && self.serves_root()
    }

    fn broken_rule(&self) -> Option<String> {
        if !self.tls_on_demand_url.is_empty()
            && let Some(rule) = self.broken_on_demand_rule()
        {
            return Some(rule);
        }
        if self.tls_enabled && self.tls_on_demand_url.is_empty() && self.serves_any_host() {
            return Some("host must be set when using TLS".into());
        }
        if self.tls_enabled && !self.serves_root() {
            return Some("TLS settings must be specified on the root path service".into());
        }
        let dns = self.tls_dns.as_ref().and_then(|dns| dns.broken_rule(self));
        dns.or_else(|| self.broken_canonical_rule()).or_else(|| self.broken_www_rule())
    }

    fn broken_on_demand_rule(&self) -> Option<String> {
        if !self.tls_enabled {
            return Some("TLS must be enabled to use a TLS on-demand URL".into());
        }
        if self.hosts.iter().any(|host| !host.is_empty()) {
            return Some("cannot set hosts when using a TLS on-demand URL".into());
        }
        if !self.tls_certificate_path.is_empty() || !self.tls_private_key_path.is_empty() {
            return Some("cannot use a custom TLS certificate with a TLS on-demand URL".into());
        }
        if !self.canonical_host.is_empty() {
            return Some("cannot set a canonical host when using a TLS on-demand URL".into());
        }
        broken_url_rule(&self.tls_on_demand_url)
    }

    fn broken_canonical_rule(&self) -> Option<String> {
        let listed = |host: &String| host.eq_ignore_ascii_case(&self.canonical_host);
        if self.canonical_host.is_empty() || self.serves_any_host() || self.hosts.iter().any(listed) {
            return None;
        }
        let hosts = self.hosts.join(" ");
        Some(format!("canonical-host '{}' must be present in the hosts list: [{hosts}]", self.canonical_host))
    }

    fn broken_www_rule(&self) -> Option<String> {
        let www = self.policy.www?;
        if !self.canonical_host.is_empty() {
            return Some("www-redirect and canonical-host exclude each other".into());
        }
        let missing =
            || "www-redirect needs a host and its www. among the hosts (example.com and www.example.com)";
        (!www.applies_to(&self.hosts)).then(|| missing().into())
    }

    fn serves_root(&self) -> bool {
        self.path_prefixes.is_empty()
            || self.path_prefixes.iter().any(|prefix| prefix.trim_matches('/').is_empty())
    }
}

fn broken_url_rule(url: &str) -> Option<String> {
    if url.starts_with("//") {
        return Some("tls-on-demand-url must be a path or an absolute http(s) URL".into());
    }
    if url.starts_with('/') {
        return None;
    }
    let Some((scheme, rest)) = url.split_once(':') else {
        return Some(format!("unable to parse tls-on-demand-url: parse {url:?}: invalid URI for request"));
    };
    if scheme.is_empty() {
        return Some(format!("unable to parse tls-on-demand-url: parse {url:?}: missing protocol scheme"));
    }
    if scheme != "http" && scheme != "https" {
        return Some(format!("unsupported scheme {scheme:?} in tls-on-demand-url"));
    }
    let host = rest.trim_start_matches("//").split(['/', '?', '#']).next().unwrap_or_default();
    host.is_empty().then(|| "missing host in tls-on-demand-url".into())
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Durations as whole nanoseconds, Go's way.
pub mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes nanoseconds.
    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Reads nanoseconds; a negative number is zero.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_nanos(u64::try_from(i64::deserialize(from)?).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(change: impl FnOnce(&mut ServiceOptions)) -> Option<String> {
        let mut options = ServiceOptions { tls_enabled: true, hosts: vec!["a".into()], ..Default::default() };
        change(&mut options);
        options.broken_rule()
    }

    #[test]
    fn t_155_names_the_first_rule_that_is_broken() {
        assert_eq!(rule(|_| ()), None);
        assert_eq!(rule(|o| o.hosts.push("*.a".into())), None);
        assert_eq!(rule(|o| o.hosts.clear()).unwrap(), "host must be set when using TLS");
        assert_eq!(rule(|o| o.hosts.push(String::new())).unwrap(), "host must be set when using TLS");
        let sub_path = rule(|o| o.path_prefixes = vec!["/api".into()]);
        assert_eq!(sub_path.unwrap(), "TLS settings must be specified on the root path service");
        let canonical = rule(|o| {
            o.hosts.push("c".into());
            o.canonical_host = "b".into();
        });
        assert_eq!(canonical.unwrap(), "canonical-host 'b' must be present in the hosts list: [a c]");
    }

    #[test]
    fn t_361_on_demand_urls_are_paths_or_absolute() {
        let url = |url: &str| {
            rule(|o| {
                o.hosts.clear();
                o.tls_on_demand_url = url.into();
            })
        };
        for good in ["/check", "/check?a=b", "http://host/x", "https://host"] {
            assert_eq!(url(good), None, "{good}");
        }
        assert_eq!(url("//host/x").unwrap(), "tls-on-demand-url must be a path or an absolute http(s) URL");
        assert_eq!(url("ftp://host").unwrap(), "unsupported scheme \"ftp\" in tls-on-demand-url");
        assert_eq!(url("http://").unwrap(), "missing host in tls-on-demand-url");
        let bare = "unable to parse tls-on-demand-url: parse \"x\": invalid URI for request";
        assert_eq!(url("x").unwrap(), bare);
    }

    #[test]
    fn prefixes_have_one_form() {
        let prefixes = ["", "/", "api", "/api/"].map(String::from).to_vec();
        let mut options = ServiceOptions { path_prefixes: prefixes, ..Default::default() };
        options.normalize();
        assert_eq!(options.path_prefixes, ["/", "/", "/api", "/api"]);
        assert_eq!(options.hosts, [""]);
    }
}
