//! What `list --json` tells: every service as it stands now.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::acme::Acme;
use crate::acme::keeper::Standing;
use crate::clock;
use crate::options::{ServiceOptions, TargetOptions};
use crate::pause::Pause;
use crate::pool::Pool;
use crate::router::Router;
use crate::service::Service;
use crate::target::Target;

/// A proxy and its services.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inventory {
    /// Of the proxy that answers.
    pub version: String,
    /// Sorted by name.
    pub services: Vec<ServiceEntry>,
}

/// A service. Times are RFC 3339; durations within the options are nanoseconds, as in the state file.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// Unique name.
    pub service: String,
    /// `running`, `paused` or `stopped`.
    pub state: String,
    /// What the 503 page of a stopped service says.
    pub message: Option<String>,
    /// Hosts served, none for any.
    pub hosts: Vec<String>,
    /// Mount points.
    pub path_prefixes: Vec<String>,
    /// Whether served over TLS.
    pub tls: bool,
    /// The targets that serve.
    pub targets: Vec<TargetEntry>,
    /// The targets of a rollout, if one was deployed.
    pub rollout: Option<RolloutEntry>,
    /// One per host, if the service has certificates.
    pub certificates: Vec<CertificateEntry>,
    /// As deployed.
    pub options: ServiceOptions,
    /// As deployed.
    pub target_options: TargetOptions,
}

/// A target.
#[derive(Debug, Serialize, Deserialize)]
pub struct TargetEntry {
    /// As given.
    pub address: String,
    /// `writer` or `reader`.
    pub role: String,
    /// `adding`, `healthy` or `unhealthy`.
    pub health: String,
    /// Whether others are asked first, because connections to it fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_passed_over: bool,
    /// Why the last probe failed, if it did.
    pub last_error: Option<String>,
    /// Requests under way.
    pub in_flight: usize,
}

/// A rollout.
#[derive(Debug, Serialize, Deserialize)]
pub struct RolloutEntry {
    /// Its targets.
    pub targets: Vec<TargetEntry>,
    /// Share of cookie values that are sent there, if it was set.
    pub percentage: Option<i64>,
    /// Cookie values that always are.
    pub allowlist: Vec<String>,
}

/// The certificate of a host.
#[derive(Debug, Serialize, Deserialize)]
pub struct CertificateEntry {
    /// The name it is for.
    pub host: String,
    /// `acme` or `file`.
    pub source: String,
    /// When the present certificate expires; none while there is none.
    pub expires_at: Option<String>,
    /// Why the last attempt to get or load one failed, if it did.
    pub last_error: Option<String>,
    /// When it is renewed, or tried again; none while it is tried, and if it never will be.
    pub next_attempt_at: Option<String>,
}

impl Inventory {
    /// Takes stock.
    pub fn of(router: &Router, acme: &Acme) -> Self {
        let entry = |service: &Arc<Service>| ServiceEntry::of(service, router, acme);
        let services = router.snapshot().values().map(entry).collect();
        Self { version: env!("CARGO_PKG_VERSION").into(), services }
    }
}

impl ServiceEntry {
    fn of(service: &Service, router: &Router, acme: &Acme) -> Self {
        let options = &service.options;
        Self {
            service: service.name.clone(),
            state: service.pause.name().into(),
            message: match &service.pause {
                Pause::Stopped { message } => Some(message.clone()),
                Pause::Running | Pause::Paused { .. } => None,
            },
            hosts: options.hosts.iter().filter(|host| !host.is_empty()).cloned().collect(),
            path_prefixes: options.path_prefixes.clone(),
            tls: options.tls_enabled,
            targets: targets(&service.active),
            rollout: service.rollout.as_ref().map(|pool| RolloutEntry {
                targets: targets(pool),
                percentage: service.split.as_ref().map(|split| split.percentage()),
                allowlist: service.split.as_ref().map(|split| split.allowlist().to_vec()).unwrap_or_default(),
            }),
            certificates: certificates(service, router, acme),
            options: shown(options),
            target_options: (*service.target_options).clone(),
        }
    }
}

/// The options without what is nobody's business.
fn shown(options: &ServiceOptions) -> ServiceOptions {
    let mut shown = options.clone();
    shown.policy.sticky_key = None;
    shown
}

fn targets(pool: &Pool) -> Vec<TargetEntry> {
    let entry = |role: &str, target: &Target| TargetEntry {
        address: target.address.as_str().into(),
        role: role.into(),
        health: target.health().to_string(),
        is_passed_over: target.is_passed_over(),
        last_error: target.probe_error(),
        in_flight: target.in_flight(),
    };
    let writers = pool.writers.iter().map(|target| entry("writer", target));
    writers.chain(pool.readers.iter().map(|target| entry("reader", target))).collect()
}

fn certificates(service: &Service, router: &Router, acme: &Acme) -> Vec<CertificateEntry> {
    let options = &service.options;
    let hosts = options.hosts.iter();
    if options.has_custom_certificate() {
        let present = service.certificate.as_ref().and_then(|certificate| certificate.validity());
        let trouble = router.certificate_trouble(&service.name);
        return hosts.map(|host| from_file(host, present.map(|validity| validity.until), &trouble)).collect();
    }
    if options.has_certificates_on_demand() {
        let kept = acme.kept_on_demand();
        return kept.iter().map(|(host, kept)| from_authority(host, &kept.standing())).collect();
    }
    if !options.has_automatic_certificates() {
        return Vec::new();
    }
    hosts.filter_map(|host| Some(from_authority(host, &acme.kept(host)?.standing()))).collect()
}

fn from_file(host: &str, expires: Option<Duration>, trouble: &Option<String>) -> CertificateEntry {
    CertificateEntry {
        host: host.to_owned(),
        source: "file".into(),
        expires_at: expires.map(clock::rfc3339),
        last_error: trouble.clone().or_else(|| expires.is_none().then(|| "it could not be loaded".into())),
        next_attempt_at: None,
    }
}

fn from_authority(host: &str, standing: &Standing) -> CertificateEntry {
    let validity = standing.certificate.as_ref().and_then(|certificate| certificate.validity());
    CertificateEntry {
        host: host.to_owned(),
        source: "acme".into(),
        expires_at: validity.map(|validity| clock::rfc3339(validity.until)),
        last_error: standing.failure.clone(),
        next_attempt_at: standing.next_attempt.map(clock::rfc3339),
    }
}
