//! Booting a version: the heart of `deploy`, `redeploy`, `rollback` and `app boot` (kamal-commands 5.1).
//!
//! On each host a role's new container is started beside the old one, becomes healthy, takes the requests, and only
//! then is the old one stopped. Whatever fails before that is undone and the old one serves on.

mod role_boot;
pub mod rollout;

use super::{Job, Line, Phase, Place, Request, Step, accessory, audit, hooks, proxy, server, short};
use crate::commands::app;
use crate::config::{Credential, Role, Tls};
use crate::facts::{Docker, Facts, HostFacts, version_of};
use role_boot::{Audience, RoleBoot};

/// What goes with booting the app's containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The version.
    pub version: String,
    /// See that the proxy runs, first.
    pub ensure_proxy: bool,
    /// Boot accessories that have no container yet.
    pub accessories: bool,
    /// Look for running containers that are not the current ones.
    pub detect_stale: bool,
    /// Remove old containers and images at the end.
    pub prune: bool,
    /// Run hook `pre-deploy`.
    pub pre_deploy: bool,
}

/// Plans it for every selected host.
pub fn plan(request: &Request, facts: &Facts, boot: &Boot) -> Result<Step, String> {
    // Hooks and error pages go with the version that boots, which a rollback may know from the hosts only.
    let request = &Request { version: boot.version.clone(), ..request.clone() };
    docker_runs_everywhere(facts)?;
    if !boot.ensure_proxy {
        proxy::runs_everywhere(request, facts)?;
    }
    let mut steps = Vec::new();
    if boot.pre_deploy {
        steps.push(hooks::hook(request, "pre-deploy"));
    }
    if boot.ensure_proxy {
        steps.push(proxy::ensure_running(request, facts)?);
    }
    if boot.accessories {
        steps.push(accessory::boot_all(request, facts)?);
    }
    if boot.detect_stale {
        steps.push(stop_stale(request, facts));
    }
    let version = &boot.version;
    steps
        .push(Step::Say(format!("Start container with version {version} (or reboot if already running)...")));
    let groups = groups(request)
        .iter()
        .map(|group| boot_group(request, facts, version, group))
        .collect::<Result<_, _>>()?;
    steps.push(Step::OrUndo {
        body: Box::new(Step::InOrder(groups)),
        undo: Box::new(Step::Decide(Phase::Survey)),
    });
    steps.push(finish(request, boot));
    Ok(Step::InOrder(steps))
}

/// After a failure on some hosts: which version runs where, if not the same everywhere.
pub fn survey(request: &Request, facts: &Facts) -> Step {
    let mut running: Vec<(String, String)> = Vec::new();
    for host in request.targets.app_hosts() {
        let on_host = facts.of(host);
        for role in request.targets.roles_on(host) {
            let prefix = request.config.prefix(role);
            if let Some(current) = on_host.current(&request.config, role) {
                let version = short(&version_of(current, &prefix)).to_string();
                running.push((format!("{} on {host}", role.name), version));
            }
        }
    }
    if running.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Step::nothing();
    }
    let lines: String = running.iter().map(|(place, version)| format!("\n  {version}: {place}")).collect();
    Step::Warn(format!("not every host runs the same version now:{lines}"))
}

/// What is known to keep containers from starting without asking any host: a missing secret. Said before an image is
/// built for them.
pub fn could_start(request: &Request) -> Result<(), String> {
    let facts = &HostFacts::default();
    request.secrets.require(needed_secrets(request)).map_err(|error| error.to_string())?;
    for host in request.targets.app_hosts() {
        for role in request.targets.roles_on(host) {
            let audience = Audience::Everyone;
            RoleBoot { request, facts, host, role, version: &request.version, audience }.start()?;
        }
    }
    Ok(())
}

/// Of the registry, of the environments and certificates of every role on every host.
fn needed_secrets(request: &Request) -> Vec<&str> {
    let registry = &request.config.registry;
    let account = if registry.is_local() { [&None, &None] } else { [&registry.username, &registry.password] };
    let mut keys: Vec<&str> = account.into_iter().flatten().filter_map(Credential::secret).collect();
    for host in request.targets.app_hosts() {
        for role in request.targets.roles_on(host) {
            keys.extend(
                role.env_on(host).into_iter().flat_map(|env| &env.secret).map(|name| name.key.as_str()),
            );
            if let Some(Tls::Custom(own)) = role.proxy.as_ref().map(|proxy| &proxy.tls) {
                keys.extend([own.certificate_pem.as_str(), &own.private_key_pem]);
            }
            let auth = role.proxy.as_ref().and_then(|proxy| proxy.policy.basic_auth.as_ref());
            keys.extend(auth.map(|auth| auth.users.as_str()));
            let dns = role.proxy.as_ref().and_then(|proxy| proxy.acme.dns.as_ref());
            keys.extend(dns.iter().flat_map(|dns| &dns.credentials).map(String::as_str));
        }
    }
    keys
}

/// The first thing that would go wrong, said before anything is changed.
pub fn docker_runs_everywhere(facts: &Facts) -> Result<(), String> {
    let complaints: Vec<String> =
        facts.iter().filter_map(|(host, facts)| docker_complaint(host, facts)).collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

fn docker_complaint(host: &str, facts: &HostFacts) -> Option<String> {
    match &facts.docker {
        Docker::Running(_) => None,
        Docker::Missing => Some(format!(
            "Docker is not installed on {host}\n  hint: `dhow setup` or `dhow server bootstrap` installs it"
        )),
        Docker::Failing(why) => Some(format!(
            "Docker on {host} does not answer: {why}\n  hint: is it running, and may the SSH user use it?"
        )),
    }
}

/// Running containers that are neither the current nor about to be.
fn stop_stale(request: &Request, facts: &Facts) -> Step {
    let mut steps = vec![Step::Say("Detect stale containers...".into())];
    let stops =
        request.targets.app_hosts().into_iter().filter_map(|host| stop_stale_on(request, facts, host));
    steps.push(Step::AtOnce(stops.collect()));
    Step::InOrder(steps)
}

fn stop_stale_on(request: &Request, facts: &Facts, host: &str) -> Option<Step> {
    let config = &request.config;
    let on_host = facts.of(host);
    let mut lines = Vec::new();
    for role in request.targets.roles_on(host) {
        for container in on_host.stale(config, role) {
            let version = version_of(container, &config.prefix(role));
            let name = format!("Stopping stale container for role {} with version {version}", role.name);
            lines.push(Line::new(name, app::stop(config, role, &container.name)).optional());
        }
    }
    let deadline = lines.len() as u32 * stop_deadline(request);
    (!lines.is_empty()).then(|| Job { deadline, ..Job::new(Place::host(host), lines) }.step())
}

/// Hosts in the slices of `boot.limit`, hosts of the primary role first.
fn groups(request: &Request) -> Vec<Vec<String>> {
    let hosts: Vec<String> = request.targets.app_hosts().into_iter().map(String::from).collect();
    let all = hosts.len().max(1);
    let size = request.config.boot.limit.map_or(all, |limit| limit.group_size(all)).max(1);
    hosts.chunks(size).map(<[String]>::to_vec).collect()
}

fn boot_group(request: &Request, facts: &Facts, version: &str, group: &[String]) -> Result<Step, String> {
    let on_hosts =
        group.iter().map(|host| boot_host(request, facts, version, host)).collect::<Result<Vec<_>, _>>()?;
    Ok(Step::InOrder(vec![
        hooks::hook_for_hosts(request, "pre-app-boot", group),
        Step::AtOnce(on_hosts),
        hooks::hook_for_hosts(request, "post-app-boot", group),
        if request.config.boot.wait > 0 { Step::Pause(request.config.boot.wait) } else { Step::nothing() },
    ]))
}

fn boot_host(request: &Request, facts: &Facts, version: &str, host: &str) -> Result<Step, String> {
    let roles = request.targets.roles_on(host);
    let on_host = facts.of(host);
    let audience = Audience::Everyone;
    let boot = |role: &&Role| RoleBoot { request, facts: &on_host, host, role, version, audience }.plan();
    let roles = roles.iter().map(boot).collect::<Result<Vec<_>, _>>()?;
    Ok(if request.config.boot.parallel_roles { Step::AtOnce(roles) } else { Step::InOrder(roles) })
}

/// `latest` follows, then the old is removed.
fn finish(request: &Request, boot: &Boot) -> Step {
    let config = &request.config;
    let tagging = format!("Tagging {} as the latest image", config.absolute_image(&boot.version));
    let app_hosts = request.targets.app_hosts();
    let on_host = |host: &String| {
        let mut lines = Vec::new();
        if app_hosts.contains(&host.as_str()) {
            lines.push(audit(request, None, &tagging));
            lines.push(Line::quiet(app::tag_latest(config, &boot.version)));
        }
        if boot.prune {
            lines.extend(server::prune_containers(request, None));
            lines.extend(server::prune_images(request));
        }
        Job { deadline: 300, ..Job::new(Place::host(host), lines) }
    };
    let jobs = request.targets.hosts().iter().map(on_host).filter(|job| !job.lines.is_empty()).map(Job::step);
    let say =
        if boot.prune { Step::Say("Prune old containers and images...".into()) } else { Step::nothing() };
    Step::InOrder(vec![say, Step::AtOnce(jobs.collect())])
}

/// Seconds `docker stop` may take: the container's own time, and some.
fn stop_deadline(request: &Request) -> u32 {
    let longest = request.config.roles.iter().filter_map(|role| role.stop_timeout).max().unwrap_or(10);
    longest.max(request.config.drain_timeout) + 30
}
