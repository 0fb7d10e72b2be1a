//! `proxy:`, the part that only dhow's own proxy knows: who may come, how often, and by which name.

use super::errors::Errors;
use super::keys::proxy::PROTOCOLS;
use super::keys::proxy_policy::{BASIC_AUTH, RATE_LIMIT, WWW};
use super::proxy_answers::ProxyAnswers;
use super::proxy_targets::ProxyTargets;
use super::schema::{Absent, Fields, check};
use super::setting::Setting;

/// What is asked of clients. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyPolicy {
    /// `www_redirect`: `add` or `remove`.
    pub www_redirect: Option<String>,
    /// `trusted_proxies`: addresses, networks, names of lists that the proxy knows.
    pub trusted_proxies: Vec<String>,
    /// `exclude_metrics_paths`.
    pub exclude_metrics_paths: Vec<String>,
    /// `client_ip_header`.
    pub client_ip_header: Option<String>,
    /// `allow_ips`.
    pub allow_ips: Vec<String>,
    /// `deny_ips`.
    pub deny_ips: Vec<String>,
    /// `rate_limit`.
    pub rate_limit: Option<RateLimit>,
    /// `basic_auth`.
    pub basic_auth: Option<BasicAuth>,
    /// What is done to answers.
    pub answers: ProxyAnswers,
    /// How the containers are dealt with.
    pub targets: ProxyTargets,
}

/// `rate_limit:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests …
    pub requests: u32,
    /// … in so many seconds.
    pub per: u32,
    /// How many at once.
    pub burst: Option<u32>,
}

/// `basic_auth:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicAuth {
    /// Secret with an htpasswd file.
    pub users: String,
    /// Paths that need no password.
    pub except: Vec<String>,
}

impl ProxyPolicy {
    /// Checks what goes beyond the types of keys.
    pub(super) fn check_rules(proxy: &Setting, errors: &mut Errors) {
        check_section(proxy, "rate_limit", RATE_LIMIT, errors);
        check_section(proxy, "basic_auth", BASIC_AUTH, errors);
        ProxyAnswers::check_rules(proxy, errors);
        ProxyTargets::check_rules(proxy, errors);
        for (key, words) in [("www_redirect", WWW), ("app_protocol", PROTOCOLS)] {
            if let Some(setting) = proxy.get(key)
                && let Some(text) = setting.node.text().filter(|text| !words.contains(&text.as_str()))
            {
                errors.at(&setting, format!("'{text}' should be one of: {}", words.join(", ")));
            }
        }
        for key in ["rate_limit/requests", "rate_limit/per", "rate_limit/burst"] {
            let (section, key) = key.split_once('/').expect("written so above");
            let section = proxy.section(section);
            if let Some(number) = section.get(key).filter(|number| number.node.text().as_deref() == Some("0"))
            {
                errors.at(&number, "should be at least 1");
            }
        }
    }

    /// Reads a checked section.
    pub(super) fn read(proxy: &Setting, errors: &mut Errors) -> ProxyPolicy {
        ProxyPolicy {
            www_redirect: proxy.text("www_redirect"),
            trusted_proxies: proxy.texts("trusted_proxies"),
            exclude_metrics_paths: proxy.texts("exclude_metrics_paths"),
            client_ip_header: proxy.text("client_ip_header"),
            allow_ips: proxy.texts("allow_ips"),
            deny_ips: proxy.texts("deny_ips"),
            rate_limit: RateLimit::read(&proxy.section("rate_limit"), errors),
            basic_auth: BasicAuth::read(&proxy.section("basic_auth")),
            answers: ProxyAnswers::read(proxy, errors),
            targets: ProxyTargets::read(proxy, errors),
        }
    }
}

/// Checks a section whose keys may be required.
pub(super) fn check_section(proxy: &Setting, key: &str, fields: Fields, errors: &mut Errors) {
    let Some(section) = proxy.get(key).filter(|section| section.node.map().is_some()) else { return };
    let is_sound = check(&section, fields, errors);
    let needed = fields.iter().filter(|field| field.absent == Absent::Required);
    for field in needed.filter(|field| is_sound && section.get(field.key).is_none()) {
        let error = errors.at(&section, format!("{} is required", field.key));
        error.hint(format!("{}, for example `{}: {}`", field.about, field.key, field.example));
    }
}

impl RateLimit {
    fn read(limit: &Setting, errors: &mut Errors) -> Option<RateLimit> {
        let requests = limit.number("requests", errors)?;
        let per = limit.number("per", errors).unwrap_or(60);
        Some(RateLimit { requests, per, burst: limit.number("burst", errors) })
    }
}

impl BasicAuth {
    fn read(auth: &Setting) -> Option<BasicAuth> {
        Some(BasicAuth { users: auth.text("users")?, except: auth.texts("except") })
    }
}
