//! Which service a host and a path belong to. Pure look-ups over a table that is built anew for every change.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::service::Service;

/// All services by name: the table that commands change.
pub type Services = BTreeMap<String, Arc<Service>>;

/// The immutable snapshot that requests are routed with.
#[derive(Default)]
pub struct Routes {
    by_host: HashMap<String, Vec<Mount>>,
    has_wildcards: bool,
    default_tls_host: Option<String>,
}

struct Mount {
    prefix: String,
    service: Arc<Service>,
}

/// A service and the part of the path that its prefix covers.
pub struct Route<'a> {
    /// The service that the request belongs to.
    pub service: &'a Arc<Service>,
    /// The prefix that matched, `/` for the root.
    pub prefix: &'a str,
    /// Bytes of the raw path that the prefix covers; 0 for the root.
    pub covered: usize,
}

impl Routes {
    /// Builds the table. Host names are compared without case and without a trailing dot.
    pub fn new(services: &Services) -> Self {
        let mut routes = Self::default();
        for service in services.values() {
            for (host, prefix) in bindings(service) {
                let mount = Mount { prefix: prefix.to_owned(), service: Arc::clone(service) };
                routes.by_host.entry(canonical_host(host).into_owned()).or_default().push(mount);
            }
        }
        for mounts in routes.by_host.values_mut() {
            mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
        }
        routes.has_wildcards = routes.by_host.keys().any(|host| host.starts_with('*'));
        routes.default_tls_host = default_tls_host(services);
        routes
    }

    /// The host to assume for a TLS client that does not say which one it wants.
    pub fn default_tls_host(&self) -> Option<&str> {
        self.default_tls_host.as_deref()
    }

    /// Finds the service for a host (without port) and a raw path.
    ///
    /// The exact host is tried first, then its one-label wildcard, then the services without a host. The first
    /// that exists wins: a host whose services do not match the path is not served by the next one.
    pub fn find(&self, host: &str, path: &str) -> Option<Route<'_>> {
        let mounts = self.mounts(&canonical_host(host))?;
        mounts.iter().find_map(|mount| {
            let covered = covered_by(&mount.prefix, path)?;
            Some(Route { service: &mount.service, prefix: &mount.prefix, covered })
        })
    }

    fn mounts(&self, host: &str) -> Option<&Vec<Mount>> {
        let wildcard = || self.by_host.get(&format!("*{}", &host[host.find('.').filter(|dot| *dot > 0)?..]));
        let wildcard = || if self.has_wildcards { wildcard() } else { None };
        self.by_host.get(host).or_else(wildcard).or_else(|| self.by_host.get(""))
    }
}

/// The first host of the first service (by name) that is served over TLS.
fn default_tls_host(services: &Services) -> Option<String> {
    let options = services.values().map(|service| &service.options);
    options
        .filter(|options| options.tls_enabled && !options.serves_any_host())
        .find_map(|options| options.hosts.first().cloned())
}

/// The service, other than `name`, that already has one of these hosts and prefixes.
pub fn conflicting<'a>(
    services: &'a Services,
    name: &str,
    hosts: &[String],
    prefixes: &[String],
) -> Option<&'a str> {
    let taken = |(host, prefix): (&str, &str)| {
        let same_host = hosts.iter().any(|wanted| canonical_host(wanted) == canonical_host(host));
        same_host && prefixes.iter().any(|wanted| wanted == prefix)
    };
    let owner = services.values().find(|service| service.name != name && bindings(service).any(taken));
    owner.map(|service| service.name.as_str())
}

/// The host of a `Host` header: without port, brackets of an IPv6 address removed.
pub fn without_port(host: &str) -> &str {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().unwrap_or(rest),
        None => host,
    };
    match name.rsplit_once(':') {
        Some((name, _port)) if !name.is_empty() && !name.contains(':') => name,
        _ => name,
    }
}

fn bindings(service: &Service) -> impl Iterator<Item = (&str, &str)> {
    let prefixes = &service.options.path_prefixes;
    service
        .options
        .hosts
        .iter()
        .flat_map(move |host| prefixes.iter().map(move |prefix| (host.as_str(), prefix.as_str())))
}

/// A host name in the form that is compared: lower case, no trailing dot; allocates only where the name is not in that form already.
pub fn canonical_host(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// How many bytes of the raw path a prefix covers, if it does.
///
/// Percent-encoded characters count as what they encode, so that `/%61pi` is under `/api`; the prefix has to end
/// at a real slash or at the end of the path. Only the prefix is decoded: the rest reaches the app untouched.
fn covered_by(prefix: &str, path: &str) -> Option<usize> {
    if prefix == "/" {
        return Some(0);
    }
    let raw = path.as_bytes();
    let mut at = 0;
    for wanted in prefix.bytes() {
        let (byte, width) = decoded_byte(raw, at)?;
        if byte != wanted {
            return None;
        }
        at += width;
    }
    (at == raw.len() || raw[at] == b'/').then_some(at)
}

fn decoded_byte(raw: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *raw.get(at)?;
    if byte != b'%' {
        return Some((byte, 1));
    }
    let digit = |offset: usize| raw.get(at + offset).and_then(|c| char::from(*c).to_digit(16));
    match (digit(1), digit(2)) {
        (Some(high), Some(low)) => Some(((high * 16 + low) as u8, 3)),
        _ => Some((byte, 1)),
    }
}

/// A path with its percent escapes decoded, for logs and comparisons.
pub fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some((byte, width)) = decoded_byte(path.as_bytes(), at) {
        bytes.push(byte);
        at += width;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ServiceOptions;
    use crate::pool::Pool;

    fn services(specs: &[(&str, &[&str], &[&str])]) -> Services {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let service = |(name, hosts, prefixes): &(&str, &[&str], &[&str])| {
            let mut options =
                ServiceOptions { hosts: owned(hosts), path_prefixes: owned(prefixes), ..Default::default() };
            options.normalize();
            let service = Service {
                name: (*name).to_owned(),
                options,
                target_options: Arc::default(),
                active: Arc::new(Pool::new(&[], &[], &Arc::default()).unwrap()),
                rollout: None,
                split: None,
                pause: crate::pause::Pause::Running,
                policy: None,
                error_pages: None,
                certificate: None,
            };
            ((*name).to_owned(), Arc::new(service))
        };
        specs.iter().map(service).collect()
    }

    fn found(table: &Services, host: &str, path: &str) -> Option<(String, usize)> {
        let routes = Routes::new(table);
        routes.find(host, path).map(|route| (route.service.name.clone(), route.covered))
    }

    fn owner(table: &Services, host: &str, path: &str) -> Option<String> {
        found(table, host, path).map(|(name, _)| name)
    }

    #[test]
    fn t_141_exact_beats_wildcard_beats_any() {
        let table = services(&[
            ("exact", &["app.example.com"], &[]),
            ("wild", &["*.example.com"], &[]),
            ("any", &[], &[]),
        ]);
        assert_eq!(owner(&table, "app.example.com", "/").unwrap(), "exact");
        assert_eq!(owner(&table, "www.example.com", "/").unwrap(), "wild");
        for host in ["a.b.example.com", "example.com", ".example.com", "localhost", "other.org"] {
            assert_eq!(owner(&table, host, "/").unwrap(), "any", "{host}");
        }
        assert_eq!(owner(&services(&[("exact", &["a.b"], &[])]), "c.d", "/"), None);
    }

    #[test]
    fn o_18_hosts_are_compared_without_case_and_trailing_dot() {
        let table = services(&[("one", &["App.Example.com"], &[]), ("two", &["*.wild.com"], &[])]);
        assert_eq!(owner(&table, "app.EXAMPLE.com", "/").unwrap(), "one");
        assert_eq!(owner(&table, "app.example.com.", "/").unwrap(), "one");
        assert_eq!(owner(&table, "X.Wild.com.", "/").unwrap(), "two");
    }

    #[test]
    fn t_142_the_longest_prefix_wins() {
        let table = services(&[
            ("root", &["a.com"], &[]),
            ("api", &["a.com"], &["/api"]),
            ("special", &["a.com"], &["/api/special"]),
            ("any-api", &[], &["/api"]),
        ]);
        for (path, name) in [
            ("/random", "root"),
            ("/apiary", "root"),
            ("/api", "api"),
            ("/api/x", "api"),
            ("/%61pi/x", "api"),
            ("/api/special/x", "special"),
            ("//api/x", "root"),
        ] {
            assert_eq!(owner(&table, "a.com", path).unwrap(), name, "{path}");
        }
        assert_eq!(owner(&table, "b.com", "/api").unwrap(), "any-api");
    }

    #[test]
    fn t_126_a_host_without_the_path_does_not_fall_through() {
        let table = services(&[("any", &[], &["/first", "/second"]), ("host", &["a.com"], &["/second"])]);
        assert_eq!(owner(&table, "a.com", "/second/x").unwrap(), "host");
        assert_eq!(owner(&table, "a.com", "/first"), None);
        assert_eq!(owner(&table, "b.com", "/first").unwrap(), "any");
        assert_eq!(owner(&table, "b.com", "/"), None);
    }

    #[test]
    fn a_prefix_covers_raw_bytes() {
        let table = services(&[("api", &[], &["/api"])]);
        assert_eq!(found(&table, "", "/%61pi/a%2Fb").unwrap().1, "/%61pi".len());
        assert_eq!(found(&table, "", "/api%2Fx"), None);
    }

    #[test]
    fn t_143_only_the_same_host_and_prefix_conflict() {
        let table = services(&[("one", &["a.com"], &["/"]), ("any", &[], &["/"])]);
        let owner = |name: &str, host: &str, prefix: &str| {
            conflicting(&table, name, &[host.to_owned()], &[prefix.to_owned()]).map(str::to_owned)
        };
        assert_eq!(owner("two", "A.com", "/").unwrap(), "one");
        assert_eq!(owner("two", "", "/").unwrap(), "any");
        assert_eq!(owner("one", "a.com", "/"), None);
        assert_eq!(owner("two", "a.com", "/api"), None);
        assert_eq!(owner("two", "*.com", "/"), None);
    }

    #[test]
    fn t_108_ports_are_no_part_of_a_host() {
        for (header, host) in [
            ("a.com:80", "a.com"),
            ("a.com", "a.com"),
            ("[::1]:8080", "::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
        ] {
            assert_eq!(without_port(header), host);
        }
    }
}
