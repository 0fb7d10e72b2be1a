//! `proxy:` of the root, a role or an accessory, already merged.

use super::errors::Errors;
use super::keys::proxy::{FIELDS, TLS};
use super::node::{Node, Value};
use super::schema::{check, ours};
use super::setting::Setting;
use super::{Acme, ProxyPolicy, ProxyRun};

/// How requests reach a role or an accessory through kamal-proxy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proxy {
    /// `host` split at commas, or `hosts`.
    pub hosts: Vec<String>,
    /// Port of the container, default 80.
    pub app_port: u16,
    /// `app_protocol`; `--target-protocol`.
    pub app_protocol: Option<String>,
    /// `ssl`.
    pub tls: Tls,
    /// `ssl`, for certificates by ACME.
    pub acme: Acme,
    /// `ssl_redirect`.
    pub tls_redirect: Option<bool>,
    /// `ssl_on_demand_url`.
    pub tls_on_demand_url: Option<String>,
    /// `forward_headers`.
    pub forward_headers: Option<bool>,
    /// Seconds; `--target-timeout`.
    pub response_timeout: Option<u32>,
    /// `path_prefix` split at commas, or `path_prefixes`.
    pub path_prefixes: Vec<String>,
    /// `strip_path_prefix`.
    pub strip_path_prefix: Option<bool>,
    /// `healthcheck`.
    pub healthcheck: HealthCheck,
    /// `buffering`.
    pub buffering: Buffering,
    /// `logging`.
    pub logging: ProxyLogging,
    /// `canonical_host`.
    pub canonical_host: Option<String>,
    /// Who may come, how often, and by which name.
    pub policy: ProxyPolicy,
    /// The keys written that need dhow's own proxy, dotted.
    pub ours: Vec<String>,
    /// `run`: how the shared proxy container is started; absent when not given or empty.
    pub run: Option<ProxyRun>,
}

/// `ssl:`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// Certificates by ACME.
    Automatic,
    /// Names of secrets that hold certificate and key.
    Custom(CustomCertificate),
}

/// `ssl: {certificate_pem, private_key_pem}`: names of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomCertificate {
    /// Secret with the PEM chain.
    pub certificate_pem: String,
    /// Secret with the PEM key.
    pub private_key_pem: String,
}

/// `healthcheck:`; absent values are the proxy's defaults (1 s, 5 s, `/up`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HealthCheck {
    /// Seconds between probes.
    pub interval: Option<u32>,
    /// Seconds a probe may take.
    pub timeout: Option<u32>,
    /// Path asked for.
    pub path: Option<String>,
}

/// `buffering:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffering {
    /// Default true.
    pub requests: bool,
    /// Default true.
    pub responses: bool,
    /// Bytes kept in memory.
    pub memory: Option<u64>,
    /// Bytes.
    pub max_request_body: Option<u64>,
    /// Bytes.
    pub max_response_body: Option<u64>,
}

impl Default for Buffering {
    fn default() -> Self {
        Buffering {
            requests: true,
            responses: true,
            memory: None,
            max_request_body: None,
            max_response_body: None,
        }
    }
}

/// `logging:` of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyLogging {
    /// Default `Cache-Control`, `Last-Modified`, `User-Agent`.
    pub request_headers: Vec<String>,
    /// Default none.
    pub response_headers: Vec<String>,
}

impl Default for ProxyLogging {
    fn default() -> Self {
        let request_headers = ["Cache-Control", "Last-Modified", "User-Agent"].map(String::from).to_vec();
        ProxyLogging { request_headers, response_headers: Vec::new() }
    }
}

impl Proxy {
    /// Checks a section. `root` is what lies below it: a host may be given there.
    pub(super) fn check(proxy: &Setting, root: Option<&Node>, errors: &mut Errors) {
        check(proxy, FIELDS, errors);
        if proxy.node.map().is_none() {
            return;
        }
        let merged = root.map(|root| root.merged_with(proxy.node));
        let host_in = merged.as_ref().unwrap_or(proxy.node);
        if needs_host(proxy.node) && !has_host(host_in) {
            let error =
                errors.plain(&proxy.section("ssl"), at(proxy, "Must set a host to enable automatic SSL"));
            error.hint("the name the certificate is for, for example `host: app.example.com`");
        }
        check_rules(proxy, errors);
        // Numbers that do not fit are found by reading; what counts is read later, merged.
        Proxy::read(proxy, errors);
    }

    /// Checks what a role's own settings and the root's make together; both are sound by themselves.
    pub(super) fn check_merged(merged: &Setting, errors: &mut Errors) {
        if needs_host(merged.node) && !has_host(merged.node) {
            errors.at(merged, "Must set a host to enable automatic SSL");
        }
        check_rules(merged, errors);
    }

    /// Reads a checked, merged section.
    pub(super) fn read(proxy: &Setting, errors: &mut Errors) -> Proxy {
        Proxy {
            hosts: list_or_commas(proxy, "hosts", "host"),
            app_port: proxy.port("app_port", errors).unwrap_or(80),
            app_protocol: proxy.text("app_protocol"),
            tls: Tls::read(proxy),
            acme: Acme::read(&proxy.section("ssl"), errors),
            tls_redirect: proxy.bool("ssl_redirect"),
            tls_on_demand_url: proxy.filled_text("ssl_on_demand_url"),
            forward_headers: proxy.bool("forward_headers"),
            response_timeout: proxy.number("response_timeout", errors),
            path_prefixes: list_or_commas(proxy, "path_prefixes", "path_prefix"),
            strip_path_prefix: proxy.bool("strip_path_prefix"),
            healthcheck: HealthCheck::read(&proxy.section("healthcheck"), errors),
            buffering: Buffering::read(&proxy.section("buffering"), errors),
            logging: ProxyLogging::read(&proxy.section("logging")),
            canonical_host: proxy.filled_text("canonical_host"),
            policy: ProxyPolicy::read(proxy, errors),
            ours: ours(proxy, FIELDS),
            run: ProxyRun::read(&proxy.section("run"), errors),
        }
    }
}

impl Tls {
    fn read(proxy: &Setting) -> Tls {
        let ssl = proxy.section("ssl");
        match (ssl.filled_text("certificate_pem"), ssl.filled_text("private_key_pem")) {
            (Some(certificate_pem), Some(private_key_pem)) => {
                Tls::Custom(CustomCertificate { certificate_pem, private_key_pem })
            }
            _ if has_tls(proxy.node) || is_on_demand(proxy.node) => Tls::Automatic,
            _ => Tls::Off,
        }
    }
}

impl HealthCheck {
    fn read(check: &Setting, errors: &mut Errors) -> HealthCheck {
        let (interval, timeout) = (check.number("interval", errors), check.number("timeout", errors));
        HealthCheck { interval, timeout, path: check.text("path") }
    }
}

impl Buffering {
    fn read(buffering: &Setting, errors: &mut Errors) -> Buffering {
        Buffering {
            requests: buffering.bool("requests").unwrap_or(true),
            responses: buffering.bool("responses").unwrap_or(true),
            memory: buffering.number("memory", errors),
            max_request_body: buffering.number("max_request_body", errors),
            max_response_body: buffering.number("max_response_body", errors),
        }
    }
}

impl ProxyLogging {
    fn read(logging: &Setting) -> ProxyLogging {
        let default = ProxyLogging::default();
        let request_headers = logging.get("request_headers").map(|_| logging.texts("request_headers"));
        ProxyLogging {
            request_headers: request_headers.unwrap_or(default.request_headers),
            response_headers: logging.texts("response_headers"),
        }
    }
}

/// Any mapping switches TLS on, even an empty one, as in Ruby.
fn has_tls(proxy: &Node) -> bool {
    proxy.get("ssl").is_some_and(|ssl| matches!(ssl.value, Value::Bool(true) | Value::Map(_)))
}

/// Certificates on demand are for names that nobody lists.
fn needs_host(proxy: &Node) -> bool {
    has_tls(proxy) && !is_on_demand(proxy)
}

fn is_on_demand(proxy: &Node) -> bool {
    proxy.get("ssl_on_demand_url").is_some_and(|url| !url.is_blank())
}

fn has_host(proxy: &Node) -> bool {
    ["host", "hosts"].iter().any(|key| proxy.get(key).is_some_and(|host| !host.is_blank()))
}

fn at(proxy: &Setting, text: &str) -> String {
    format!("{}: {text}", proxy.path)
}

fn check_rules(proxy: &Setting, errors: &mut Errors) {
    if let (Some(_), Some(hosts)) = (proxy.get("host"), proxy.get("hosts")) {
        errors.plain(&hosts, at(proxy, "Specify one of 'host' or 'hosts', not both"));
    }
    for name in proxy.section("hosts").items().filter(|name| name.node.map().is_some()) {
        errors.at(&name, "should be a string");
    }
    check_on_demand(proxy, errors);
    check_certificate(proxy, errors);
    ProxyRun::check_rules(proxy, errors);
    ProxyPolicy::check_rules(proxy, errors);
}

fn check_on_demand(proxy: &Setting, errors: &mut Errors) {
    let Some(url) = proxy.get("ssl_on_demand_url").filter(|url| !url.node.is_blank()) else { return };
    let is_url = |url: String| ["/", "http://", "https://"].iter().any(|start| url.starts_with(start));
    if !url.node.text().is_some_and(is_url) {
        errors.at(&url, "should be a path (`/tls/check`) or a URL");
    }
    if proxy.bool("ssl") == Some(false) {
        errors.at(&url, "cannot be set with `ssl: false`");
    }
    if has_host(proxy.node) {
        errors.at(&url, "cannot be set with host or hosts: it is for names that nobody lists");
    }
    if let Some(other) = ["certificate_pem", "dns"].iter().find_map(|key| proxy.section("ssl").get(key)) {
        errors.at(&other, "cannot be set with ssl_on_demand_url");
    }
}

fn check_certificate(proxy: &Setting, errors: &mut Errors) {
    let Some(ssl) = proxy.get("ssl").filter(|ssl| ssl.node.map().is_some()) else { return };
    if !check(&ssl, TLS, errors) {
        return;
    }
    let is_set = |key| ssl.get(key).is_some_and(|name| !name.node.is_blank());
    for (given, missing) in [("certificate_pem", "private_key_pem"), ("private_key_pem", "certificate_pem")] {
        if is_set(given) && !is_set(missing) {
            let text = format!("Missing {missing} setting (required when {given} is present)");
            errors.plain(&ssl, at(proxy, &text));
        }
    }
    Acme::check_rules(&ssl, errors);
}

/// A list, or a text with commas; blanks around the parts mean nothing.
fn list_or_commas(proxy: &Setting, list: &str, text: &str) -> Vec<String> {
    match proxy.get(list) {
        Some(_) => proxy.texts(list),
        None => {
            let text = proxy.text(text).unwrap_or_default();
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_string).collect()
        }
    }
}
