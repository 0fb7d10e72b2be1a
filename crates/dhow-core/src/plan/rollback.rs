//! Going back to another version whose containers are still on the hosts.

use super::boot::{self, Boot};
use super::{Request, Step};
use crate::facts::{Container, Facts, version_of};

/// Names for versions besides the versions themselves.
const PREVIOUS: [&str; 4] = ["previous", "previous-version", "last-known-good", "last"];

/// Plans booting the wanted version, if every role has it on every host.
pub fn plan(request: &Request, facts: &Facts, wanted: &str) -> Result<Step, String> {
    boot::docker_runs_everywhere(facts)?;
    let version = resolve(request, facts, wanted)?;
    let missing = missing(request, facts, &version);
    if !missing.is_empty() {
        return Err(format!(
            "The app version '{version}' is not available as a container on {}\n  available: {}",
            missing.join(", "),
            none_or(&available(request, facts))
        ));
    }
    let plan = Boot {
        version,
        ensure_proxy: false,
        accessories: false,
        detect_stale: false,
        prune: false,
        pre_deploy: true,
    };
    boot::plan(request, facts, &plan)
}

/// A version by name: `previous` is the newest one that is on the host and was healthy, other than the current one.
pub fn resolve(request: &Request, facts: &Facts, wanted: &str) -> Result<String, String> {
    if !PREVIOUS.contains(&wanted) {
        return Ok(in_full(request, facts, wanted));
    }
    let host = request.targets.app_hosts().first().map(ToString::to_string).unwrap_or_default();
    let on_host = facts.of(&host);
    let Some(role) = request.targets.roles_on(&host).first().copied() else {
        return Err("no role is selected".into());
    };
    let prefix = request.config.prefix(role);
    let current = on_host.current(&request.config, role).map(|container| version_of(container, &prefix));
    let versions = on_host
        .of_role(&request.config, role)
        .filter(|own| was_booted(own))
        .map(|own| version_of(own, &prefix));
    let mut others = versions.filter(|version| Some(version) != current.as_ref());
    others.next().ok_or_else(|| format!("no version before the current one is left on {host}"))
}

/// The beginning of a single version stands for it, as with commits.
fn in_full(request: &Request, facts: &Facts, wanted: &str) -> String {
    let available = available(request, facts);
    let matching: Vec<&String> = available.iter().filter(|version| version.starts_with(wanted)).collect();
    match matching.as_slice() {
        [only] if !available.iter().any(|version| version == wanted) => only.to_string(),
        _ => wanted.to_string(),
    }
}

/// Not one that was put aside.
fn was_booted(container: &Container) -> bool {
    !container.is_of_rollout() && !["_failed_", "_replaced_"].iter().any(|part| container.name.contains(part))
}

fn missing(request: &Request, facts: &Facts, version: &str) -> Vec<String> {
    let config = &request.config;
    let lacks = |host: &&str| {
        let on_host = facts.of(host);
        let has = |name: String| on_host.named(&name).is_some();
        !request.targets.roles_on(host).iter().all(|role| has(format!("{}-{version}", config.prefix(role))))
    };
    request.targets.app_hosts().into_iter().filter(lacks).map(String::from).collect()
}

/// Versions present on any selected host, newest first.
pub fn available(request: &Request, facts: &Facts) -> Vec<String> {
    let config = &request.config;
    let mut versions = Vec::new();
    for host in request.targets.app_hosts() {
        let on_host = facts.of(host);
        for role in request.targets.roles_on(host) {
            let own = on_host.of_role(config, role).filter(|own| was_booted(own));
            for version in own.map(|container| version_of(container, &config.prefix(role))) {
                if !versions.contains(&version) {
                    versions.push(version);
                }
            }
        }
    }
    versions
}

fn none_or(versions: &[String]) -> String {
    if versions.is_empty() { "none".into() } else { versions.join(", ") }
}
