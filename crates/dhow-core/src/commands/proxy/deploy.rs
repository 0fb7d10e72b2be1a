//! `kamal-proxy deploy`: sends a service's requests to a container, with flags in Kamal's order.

use std::fmt::Display;

use super::{app_directory_in_proxy, services};
use crate::commands::app;
use crate::config::{
    Accessory, Acme, Config, Hsts, Proxy, ProxyAnswers, ProxyPolicy, ProxyTargets, Role, Tls,
};
use crate::shell::{Command, Word};

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePaths {
    /// The PEM chain.
    pub certificate: String,
    /// The PEM key.
    pub private_key: String,
}

impl CertificatePaths {
    /// In the directory `tls/NAME` of an app.
    pub(super) fn under(app_directory: &str, name: &str) -> CertificatePaths {
        let file = |file| format!("{app_directory}/tls/{name}/{file}.pem");
        CertificatePaths { certificate: file("cert"), private_key: file("key") }
    }
}

/// What a deploy says besides the proxy settings themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deploy {
    /// Seconds for the target to become healthy.
    pub deploy_timeout: u32,
    /// Seconds for requests of the replaced target.
    pub drain_timeout: u32,
    /// As the proxy sees them.
    pub certificate: Option<CertificatePaths>,
    /// File of users and hashed passwords, as the proxy sees it.
    pub users: Option<String>,
    /// Directory of error pages, as the proxy sees it.
    pub error_pages: Option<String>,
}

/// Sends a role's requests to this container (its id or name). Blocks until it is healthy and the old one has drained.
/// `None` for a role without proxy.
pub fn deploy_for_role(config: &Config, role: &Role, container: &Word, version: &str) -> Option<Command> {
    let proxy = role.proxy.as_ref()?;
    let paths = CertificatePaths::under(&app_directory_in_proxy(config), &role.name);
    let pages = config.error_pages_path.as_ref().map(|_| app::error_pages_in_proxy(config, version));
    let users = users(proxy, users_under(&app_directory_in_proxy(config), &role.name));
    let settings =
        Deploy { certificate: custom(proxy, paths), users, error_pages: pages, ..timeouts(config) };
    Some(deploy(&config.prefix(role), container, proxy, &settings))
}

/// The same for an accessory. The app's error pages are not used: they exist per version, which an accessory has not.
pub fn deploy_for_accessory(config: &Config, accessory: &Accessory, container: &Word) -> Option<Command> {
    let proxy = accessory.proxy.as_ref()?;
    let paths = CertificatePaths::under(&app_directory_in_proxy(config), &accessory.service);
    let users = users(proxy, users_under(&app_directory_in_proxy(config), &accessory.service));
    let settings = Deploy { certificate: custom(proxy, paths), users, ..timeouts(config) };
    Some(deploy(&accessory.service, container, proxy, &settings))
}

/// Sends the requests of a service to the port of a container.
pub fn deploy(name: &str, container: &Word, proxy: &Proxy, settings: &Deploy) -> Command {
    let target = Word::literal("--target=").then(container.clone()).then(format!(":{}", proxy.app_port));
    services::call("deploy", name).word(target).extend(flags(proxy, settings))
}

fn timeouts(config: &Config) -> Deploy {
    Deploy { deploy_timeout: config.deploy_timeout, drain_timeout: config.drain_timeout, ..Deploy::default() }
}

fn custom(proxy: &Proxy, paths: CertificatePaths) -> Option<CertificatePaths> {
    matches!(proxy.tls, Tls::Custom(_)).then_some(paths)
}

/// Where the users who may come are kept, in the directory `auth/NAME` of an app.
pub(super) fn users_under(app_directory: &str, name: &str) -> String {
    format!("{app_directory}/auth/{name}/users")
}

fn users(proxy: &Proxy, path: String) -> Option<String> {
    proxy.policy.basic_auth.as_ref().map(|_| path)
}

fn flags(proxy: &Proxy, settings: &Deploy) -> Vec<Word> {
    let Deploy { certificate, .. } = settings;
    [
        each("host", &proxy.hosts),
        switch("tls", (proxy.tls != Tls::Off).then_some(true)),
        text("tls-certificate-path", certificate.as_ref().map(|paths| &paths.certificate)),
        text("tls-private-key-path", certificate.as_ref().map(|paths| &paths.private_key)),
        seconds("deploy-timeout", Some(settings.deploy_timeout)),
        seconds("drain-timeout", Some(settings.drain_timeout)),
        seconds("health-check-interval", proxy.healthcheck.interval),
        seconds("health-check-timeout", proxy.healthcheck.timeout),
        text("health-check-path", proxy.healthcheck.path.as_ref()),
        seconds("target-timeout", proxy.response_timeout),
        switch("buffer-requests", Some(proxy.buffering.requests)),
        switch("buffer-responses", Some(proxy.buffering.responses)),
        number("buffer-memory", proxy.buffering.memory),
        number("max-request-body", proxy.buffering.max_request_body),
        number("max-response-body", proxy.buffering.max_response_body),
        each("path-prefix", &proxy.path_prefixes),
        switch("strip-path-prefix", proxy.strip_path_prefix),
        switch("forward-headers", proxy.forward_headers),
        switch("tls-redirect", proxy.tls_redirect),
        each("log-request-header", &proxy.logging.request_headers),
        each("log-response-header", &proxy.logging.response_headers),
        text("error-pages", settings.error_pages.as_ref()),
        text("canonical-host", proxy.canonical_host.as_ref()),
        text("target-protocol", proxy.app_protocol.as_ref()),
        switch("tls-staging", proxy.acme.staging.then_some(true)),
        flags_of_ours(&proxy.policy, settings),
        text("tls-on-demand-url", proxy.tls_on_demand_url.as_ref()),
        certificate_flags_of_ours(&proxy.acme),
    ]
    .concat()
}

/// What only dhow's own proxy understands.
fn flags_of_ours(policy: &ProxyPolicy, settings: &Deploy) -> Vec<Word> {
    let rate = policy.rate_limit.as_ref();
    let except = policy.basic_auth.as_ref().map(|auth| auth.except.as_slice());
    [
        text("www-redirect", policy.www_redirect.as_ref()),
        each("trusted-proxy", &policy.trusted_proxies),
        each("exclude-metrics-path", &policy.exclude_metrics_paths),
        text("client-ip-header", policy.client_ip_header.as_ref()),
        each("allow-ip", &policy.allow_ips),
        each("deny-ip", &policy.deny_ips),
        number("rate-limit", rate.map(|rate| format!("{}/{}s", rate.requests, rate.per))),
        number("rate-limit-burst", rate.and_then(|rate| rate.burst)),
        text("basic-auth-path", settings.users.as_ref()),
        each("basic-auth-except", except.unwrap_or_default()),
        flags_for_answers(&policy.answers),
        flags_for_targets(&policy.targets),
    ]
    .concat()
}

fn flags_for_answers(answers: &ProxyAnswers) -> Vec<Word> {
    let lines: Vec<String> =
        answers.set_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [
        each("response-header", &lines),
        each("remove-response-header", &answers.removed_headers),
        text("hsts", answers.hsts.as_ref().map(strict_transport).as_ref()),
        each("compress", &answers.compression),
    ]
    .concat()
}

/// What only dhow's own proxy understands of certificates. The credentials it has been given before.
fn certificate_flags_of_ours(acme: &Acme) -> Vec<Word> {
    let dns = acme.dns.as_ref();
    [
        text("tls-acme-directory", acme.directory.as_ref()),
        text("tls-dns-provider", dns.map(|dns| &dns.provider)),
        seconds("tls-dns-propagation-timeout", dns.and_then(|dns| dns.propagation_timeout)),
        text("tls-dns-resolver", dns.and_then(|dns| dns.resolver.as_ref())),
    ]
    .concat()
}

fn flags_for_targets(targets: &ProxyTargets) -> Vec<Word> {
    let timeouts: Vec<String> =
        targets.path_timeouts.iter().map(|(path, seconds)| format!("{path}={seconds}s")).collect();
    [
        each("path-timeout", &timeouts),
        seconds("target-connect-timeout", targets.connect_timeout),
        seconds("target-idle-timeout", targets.idle_timeout),
        switch("sticky-sessions", targets.sticky_sessions.then_some(true)),
    ]
    .concat()
}

fn strict_transport(hsts: &Hsts) -> String {
    let word = |is_set, word| if is_set { word } else { "" };
    let subdomains = word(hsts.include_subdomains, "; includeSubDomains");
    format!("max-age={}{subdomains}{}", hsts.max_age, word(hsts.preload, "; preload"))
}

fn each(flag: &str, values: &[String]) -> Vec<Word> {
    values.iter().map(|value| Word::literal(format!("--{flag}=")).then(Word::expanded(value))).collect()
}

fn text(flag: &str, value: Option<&String>) -> Vec<Word> {
    each(flag, value.map(std::slice::from_ref).unwrap_or_default())
}

fn seconds(flag: &str, value: Option<u32>) -> Vec<Word> {
    value.map(|seconds| format!("--{flag}={seconds}s").into()).into_iter().collect()
}

fn number(flag: &str, value: Option<impl Display>) -> Vec<Word> {
    value.map(|number| format!("--{flag}={number}").into()).into_iter().collect()
}

/// Off has to be said, since some are on by default.
fn switch(flag: &str, on: Option<bool>) -> Vec<Word> {
    let word = |on| if on { format!("--{flag}") } else { format!("--{flag}=false") };
    on.map(|on| word(on).into()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{added, config, proxy, staging, with};
    use crate::config::{BasicAuth, Buffering, CustomCertificate, DnsProof, HealthCheck, RateLimit};

    fn deploys(config: &Config) -> String {
        let id = Word::literal("0123456789ab");
        deploy_for_role(config, &config.roles[0], &id, "2").unwrap().to_string()
    }

    fn adds(change: impl FnOnce(&mut Proxy)) -> String {
        added(&deploys(&config()), &deploys(&with(|config| change(config.roles[0].proxy.as_mut().unwrap()))))
    }

    #[test]
    fn deploy_is_kamals_line() {
        assert_eq!(
            deploys(&config()),
            "docker exec kamal-proxy kamal-proxy deploy shop-web --target=0123456789ab:80 --deploy-timeout=30s \
             --drain-timeout=30s --buffer-requests --buffer-responses --log-request-header=\"Cache-Control\" \
             --log-request-header=\"Last-Modified\" --log-request-header=\"User-Agent\""
        );
        assert!(deploys(&staging()).contains(" deploy shop-web-staging --target"));
    }

    #[test]
    fn settings_add_their_flags() {
        assert_eq!(
            adds(|proxy| proxy.hosts = vec!["a.example.com".to_string(), "b.example.com".to_string()]),
            r#"--host="a.example.com" --host="b.example.com""#
        );
        assert_eq!(adds(|proxy| proxy.tls = Tls::Automatic), "--tls");
        assert_eq!(adds(|proxy| proxy.tls_redirect = Some(false)), "--tls-redirect=false");
        assert_eq!(adds(|proxy| proxy.response_timeout = Some(10)), "--target-timeout=10s");
        assert_eq!(adds(|proxy| proxy.strip_path_prefix = Some(true)), "--strip-path-prefix");
        assert_eq!(adds(|proxy| proxy.path_prefixes = vec!["/api".to_string()]), r#"--path-prefix="/api""#);
        assert_eq!(
            adds(|proxy| proxy.healthcheck =
                HealthCheck { interval: Some(3), timeout: Some(4), path: Some("/ok".to_string()) }),
            r#"--health-check-interval=3s --health-check-timeout=4s --health-check-path="/ok""#
        );
        let limits = Buffering {
            memory: Some(1),
            max_request_body: Some(2),
            max_response_body: Some(3),
            ..Buffering::default()
        };
        assert_eq!(
            adds(|proxy| proxy.buffering = limits),
            "--buffer-memory=1 --max-request-body=2 --max-response-body=3"
        );
        assert_eq!(
            adds(|proxy| proxy.logging.response_headers = vec!["X-Id".to_string()]),
            r#"--log-response-header="X-Id""#
        );
    }

    #[test]
    fn what_only_our_proxy_knows_comes_last() {
        assert_eq!(
            adds(|proxy| proxy.policy.trusted_proxies =
                vec!["cloudflare".to_string(), "10.0.0.0/8".to_string()]),
            r#"--trusted-proxy="cloudflare" --trusted-proxy="10.0.0.0/8""#
        );
        let limit = RateLimit { requests: 100, per: 60, burst: Some(5) };
        assert_eq!(
            adds(|proxy| proxy.policy.rate_limit = Some(limit)),
            "--rate-limit=100/60s --rate-limit-burst=5"
        );
        let auth = BasicAuth { users: "USERS".to_string(), except: vec!["/up".to_string()] };
        assert_eq!(
            adds(|proxy| proxy.policy.basic_auth = Some(auth)),
            "--basic-auth-path=\"/home/kamal-proxy/.apps-config/shop/auth/web/users\" --basic-auth-except=\"/up\""
        );
        assert_eq!(adds(|proxy| proxy.app_protocol = Some("h2c".to_string())), r#"--target-protocol="h2c""#);
        assert_eq!(
            adds(|proxy| {
                let line = ("X-Cost".to_string(), "5 $".to_string());
                let hsts = Hsts { max_age: 300, include_subdomains: true, preload: false };
                proxy.policy.answers = ProxyAnswers {
                    set_headers: vec![line],
                    removed_headers: vec!["Server".to_string()],
                    hsts: Some(hsts),
                    compression: vec!["br".to_string(), "gzip".to_string()],
                };
            }),
            "--response-header=\"X-Cost: 5 \\$\" --remove-response-header=\"Server\" \
             --hsts=\"max-age=300; includeSubDomains\" --compress=\"br\" --compress=\"gzip\""
        );
        assert_eq!(
            adds(|proxy| {
                proxy.policy.targets = ProxyTargets {
                    path_timeouts: vec![("/reports".to_string(), 300), ("/events".to_string(), 0)],
                    connect_timeout: Some(3),
                    idle_timeout: Some(60),
                    sticky_sessions: true,
                };
            }),
            "--path-timeout=\"/reports=300s\" --path-timeout=\"/events=0s\" --target-connect-timeout=3s \
             --target-idle-timeout=60s --sticky-sessions"
        );
        assert_eq!(
            adds(|proxy| proxy.canonical_host = Some("a.example.com".to_string())),
            r#"--canonical-host="a.example.com""#
        );
    }

    #[test]
    fn the_targets_port_is_the_apps() {
        let other = with(|config| config.roles[0].proxy.as_mut().unwrap().app_port = 3000);
        assert!(deploys(&other).contains("--target=0123456789ab:3000 "));
    }

    #[test]
    fn proofs_through_a_zone_are_asked_for() {
        let dns = DnsProof {
            provider: "cloudflare".to_string(),
            credentials: vec!["TOKEN".to_string()],
            settings: Vec::new(),
            propagation_timeout: Some(60),
            resolver: Some("1.1.1.1".to_string()),
        };
        let acme = Acme { staging: true, dns: Some(dns), ..Acme::default() };
        assert_eq!(
            adds(|proxy| proxy.acme = acme),
            "--tls-staging --tls-dns-provider=\"cloudflare\" --tls-dns-propagation-timeout=60s \
             --tls-dns-resolver=\"1.1.1.1\""
        );
        assert_eq!(
            adds(|proxy| proxy.tls_on_demand_url = Some("/tls/check".to_string())),
            "--tls-on-demand-url=\"/tls/check\""
        );
        let directory = Acme { directory: Some("https://acme.example.com".to_string()), ..Acme::default() };
        assert_eq!(adds(|proxy| proxy.acme = directory), "--tls-acme-directory=\"https://acme.example.com\"");
    }

    #[test]
    fn own_certificates_and_error_pages_are_named_as_the_proxy_sees_them() {
        let pem = |name: &str| name.to_string();
        let own = CustomCertificate { certificate_pem: pem("CERT"), private_key_pem: pem("KEY") };
        let apps = "/home/kamal-proxy/.apps-config/shop";
        assert_eq!(
            adds(|proxy| proxy.tls = Tls::Custom(own)),
            format!(
                "--tls --tls-certificate-path=\"{apps}/tls/web/cert.pem\" \
                 --tls-private-key-path=\"{apps}/tls/web/key.pem\""
            )
        );
        let pages = with(|config| config.error_pages_path = Some("public".to_string()));
        assert_eq!(
            added(&deploys(&config()), &deploys(&pages)),
            format!("--error-pages=\"{apps}/error_pages/2\"")
        );
    }

    #[test]
    fn accessories_go_by_their_service_and_roles_without_proxy_nowhere() {
        let mut accessory = config().accessories[0].clone();
        let id = Word::literal("0123456789ab");
        assert_eq!(deploy_for_accessory(&config(), &accessory, &id), None);
        accessory.proxy = Some(proxy());
        let line = deploy_for_accessory(&config(), &accessory, &id).unwrap().to_string();
        assert!(line.contains(" deploy shop-db --target=0123456789ab:80 --deploy-timeout=30s"), "{line}");
        assert_eq!(deploy_for_role(&config(), &config().roles[1], &id, "2"), None);
    }
}
