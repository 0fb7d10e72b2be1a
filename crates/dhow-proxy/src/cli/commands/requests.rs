//! What the flags of the larger commands mean.

use std::path::Path;
use std::time::Duration;

use crate::cli::flags::Arguments;
use crate::control::{Deployment, Request, Rollout};
use crate::credentials;
use crate::http::encoding::Encoding;
use crate::options::dns::DnsOptions;
use crate::options::tuning::{PathTimeout, TargetTuning, parse_weights};
use crate::options::{HealthCheckConfig, ServiceOptions, TargetOptions, TargetProtocol};
use crate::policy::answers::{AnswerOptions, Answers};
use crate::policy::options::PolicyOptions;
use crate::policy::rate::RateOptions;
use crate::policy::www::Www;

/// Let's Encrypt's directory for tests, chosen by `--tls-staging`.
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

pub(super) fn deployment(service: String, arguments: &Arguments, data: &Path) -> Result<Deployment, String> {
    for (kind, buffer) in [("request", "buffer-requests"), ("response", "buffer-responses")] {
        let limit = format!("max-{kind}-body");
        if arguments.is_given(&limit) && !arguments.is_given(buffer) {
            return Err(format!("{limit} can only be set when {kind} buffering is enabled"));
        }
    }
    refuse_stray_dns_flags(arguments)?;
    if arguments.switch("tls-staging") && arguments.is_given("tls-acme-directory") {
        return Err("tls-staging is a directory by itself; give it or tls-acme-directory".into());
    }
    let options = service_options(&service, arguments, data)?;
    options.validate()?;
    require_target(arguments)?;
    require_both(arguments, ["tls-certificate-path", "tls-private-key-path"])?;
    Ok(Deployment {
        service,
        targets: arguments.list("target"),
        read_targets: arguments.list("read-target"),
        target_options: target_options(arguments, options.tls_enabled)?,
        options,
        deploy_timeout: arguments.duration("deploy-timeout"),
        drain_timeout: arguments.duration("drain-timeout"),
        force: arguments.switch("force"),
    })
}

fn service_options(service: &str, arguments: &Arguments, data: &Path) -> Result<ServiceOptions, String> {
    let cache = arguments.text("tls-acme-cache-path");
    let default_cache = || data.join("certs").display().to_string();
    let directory = arguments.text("tls-acme-directory");
    let directory = if arguments.switch("tls-staging") { STAGING.to_owned() } else { directory };
    Ok(ServiceOptions {
        hosts: arguments.list("host"),
        path_prefixes: arguments.list("path-prefix"),
        tls_enabled: arguments.switch("tls"),
        tls_certificate_path: arguments.text("tls-certificate-path"),
        tls_private_key_path: arguments.text("tls-private-key-path"),
        tls_on_demand_url: arguments.text("tls-on-demand-url"),
        tls_redirect: arguments.switch("tls-redirect"),
        canonical_host: arguments.text("canonical-host"),
        acme_directory: directory,
        acme_cache_path: if cache.is_empty() { default_cache() } else { cache },
        error_page_path: arguments.text("error-pages"),
        strip_prefix: arguments.switch("strip-path-prefix"),
        writer_affinity_timeout: arguments.duration("writer-affinity-timeout"),
        read_targets_accept_websockets: arguments.switch("read-target-websockets"),
        exclude_metrics_paths: arguments.list("exclude-metrics-path"),
        client_ip_header: arguments.text("client-ip-header"),
        tls_dns: arguments.is_given("tls-dns-provider").then(|| dns_options(service, arguments, data)),
        policy: policy_options(arguments)?,
    })
}

/// The flags that kamal-proxy does not have.
fn policy_options(arguments: &Arguments) -> Result<PolicyOptions, String> {
    let burst = arguments.is_given("rate-limit-burst").then(|| arguments.number("rate-limit-burst"));
    let burst = burst.map(|burst| u64::try_from(burst).unwrap_or_default());
    let rate = arguments.text("rate-limit");
    if rate.is_empty() && burst.is_some() {
        return Err("rate-limit-burst needs a rate-limit".into());
    }
    let options = PolicyOptions {
        trusted_proxies: arguments.list("trusted-proxy"),
        allowed_ips: arguments.list("allow-ip"),
        denied_ips: arguments.list("deny-ip"),
        rate_limit: (!rate.is_empty()).then(|| RateOptions::parse(&rate, burst)).transpose()?,
        basic_auth_path: arguments.text("basic-auth-path"),
        basic_auth_except: arguments.list("basic-auth-except"),
        www: Www::parse(&arguments.text("www-redirect"))?,
        answers: answer_options(arguments)?,
        sticky_sessions: arguments.switch("sticky-sessions"),
        sticky_key: None,
    };
    if options.basic_auth_path.is_empty() && !options.basic_auth_except.is_empty() {
        return Err("basic-auth-except needs a basic-auth-path".into());
    }
    Ok(options)
}

fn dns_options(service: &str, arguments: &Arguments, data: &Path) -> DnsOptions {
    let given = arguments.text("tls-dns-credentials");
    let kept = || credentials::path(data, service).display().to_string();
    DnsOptions {
        provider: arguments.text("tls-dns-provider"),
        credentials_path: if given.is_empty() { kept() } else { given },
        resolver: arguments.text("tls-dns-resolver"),
        propagation_timeout: arguments.duration("tls-dns-propagation-timeout"),
    }
}

fn refuse_stray_dns_flags(arguments: &Arguments) -> Result<(), String> {
    let others = ["tls-dns-credentials", "tls-dns-propagation-timeout", "tls-dns-resolver"];
    match others.into_iter().find(|flag| arguments.is_given(flag)) {
        Some(flag) if !arguments.is_given("tls-dns-provider") => {
            Err(format!("{flag} can only be set with tls-dns-provider"))
        }
        _ => Ok(()),
    }
}

fn answer_options(arguments: &Arguments) -> Result<AnswerOptions, String> {
    let options = AnswerOptions {
        set_headers: arguments.list("response-header"),
        removed_headers: arguments.list("remove-response-header"),
        hsts: arguments.text("hsts"),
        compression: arguments
            .list("compress")
            .iter()
            .map(|name| Encoding::parse(name))
            .collect::<Result<_, _>>()?,
    };
    Answers::new(&options)?;
    Ok(options)
}

fn target_options(arguments: &Arguments, is_tls: bool) -> Result<TargetOptions, String> {
    let port = arguments.number("health-check-port");
    let port =
        u16::try_from(port).map_err(|_| format!("health-check-port {port} is no port; use 1 to 65535"))?;
    let forwards =
        if arguments.is_given("forward-headers") { arguments.switch("forward-headers") } else { !is_tls };
    Ok(TargetOptions {
        health_check_config: HealthCheckConfig {
            path: arguments.text("health-check-path"),
            port,
            interval: arguments.duration("health-check-interval"),
            timeout: arguments.duration("health-check-timeout"),
            host: arguments.text("health-check-host"),
        },
        response_timeout: arguments.duration("target-timeout"),
        buffer_requests: arguments.switch("buffer-requests"),
        buffer_responses: arguments.switch("buffer-responses"),
        max_memory_buffer_size: arguments.number("buffer-memory"),
        max_request_body_size: arguments.number("max-request-body"),
        max_response_body_size: arguments.number("max-response-body"),
        log_request_headers: arguments.list("log-request-header"),
        log_response_headers: arguments.list("log-response-header"),
        forward_headers: forwards,
        scope_cookie_paths: arguments.switch("scope-cookie-paths"),
        tuning: tuning(arguments)?,
        target_protocol: TargetProtocol::parse(&arguments.text("target-protocol"))?,
    })
}

fn tuning(arguments: &Arguments) -> Result<TargetTuning, String> {
    let targets = [arguments.list("target"), arguments.list("read-target")].concat();
    let connect = arguments.is_given("target-connect-timeout");
    let connect = if connect { arguments.duration("target-connect-timeout") } else { Duration::ZERO };
    let timeouts = arguments.list("path-timeout");
    Ok(TargetTuning {
        path_timeouts: timeouts.iter().map(|text| PathTimeout::parse(text)).collect::<Result<_, _>>()?,
        connect_timeout: connect,
        idle_timeout: arguments.duration("target-idle-timeout"),
        weights: parse_weights(&arguments.list("target-weight"), &targets)?,
    })
}

pub(super) fn rollout(service: String, arguments: &Arguments) -> Result<Rollout, String> {
    require_target(arguments)?;
    Ok(Rollout {
        service,
        targets: arguments.list("target"),
        read_targets: arguments.list("read-target"),
        deploy_timeout: arguments.duration("deploy-timeout"),
        drain_timeout: arguments.duration("drain-timeout"),
    })
}

pub(super) fn rollout_set(service: String, arguments: &Arguments) -> Result<Request, String> {
    if !arguments.is_given("percent") && !arguments.is_given("list") {
        return Err("at least one of the flags in the group [percent list] is required".into());
    }
    Ok(Request::RolloutSet {
        service,
        percentage: arguments.number("percent"),
        allowlist: arguments.list("list"),
    })
}

fn require_target(arguments: &Arguments) -> Result<(), String> {
    if arguments.is_given("target") { Ok(()) } else { Err("required flag(s) \"target\" not set".into()) }
}

fn require_both(arguments: &Arguments, [one, other]: [&str; 2]) -> Result<(), String> {
    let missing = match (arguments.is_given(one), arguments.is_given(other)) {
        (true, false) => other,
        (false, true) => one,
        _ => return Ok(()),
    };
    Err(format!(
        "if any flags in the group [{one} {other}] are set they must all be set; missing [{missing}]"
    ))
}
