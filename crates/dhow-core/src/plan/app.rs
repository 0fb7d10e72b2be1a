//! The app's containers: looking at them, starting and stopping them, commands in them.

mod exec;

pub use exec::{ExecRequest, interactive};

use super::boot::{self, Boot};
use super::{Job, Line, Output, Place, Request, Step, audit, rollback, wait_deadline};
use crate::commands::logs::LogOptions;
use crate::commands::{app, proxy};
use crate::config::Role;
use crate::facts::{Facts, HostFacts, version_of};
use crate::shell::{Command, Script, Word};

/// What `dhow app …` is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum AppVerb {
    /// `boot` and `restart`: the version named, else the one that runs.
    Boot,
    /// `start`: the version named, else the newest container.
    Start,
    /// `stop`.
    Stop,
    /// `details`.
    Details,
    /// `containers`.
    Containers,
    /// `images`.
    Images,
    /// `version`.
    Version,
    /// `logs`, of one container if its id is given.
    Logs(LogOptions, Option<String>),
    /// `exec` without a terminal.
    Exec(ExecRequest),
    /// `stale_containers [--stop]`.
    Stale {
        /// Stop them.
        stop: bool,
    },
    /// `live`.
    Live,
    /// `maintenance`.
    Maintenance {
        /// Seconds.
        drain_timeout: Option<u32>,
        /// For the page.
        message: Option<String>,
    },
    /// `remove`.
    Remove,
}

/// Plans it.
pub fn plan(request: &Request, facts: &Facts, verb: &AppVerb) -> Result<Step, String> {
    boot::docker_runs_everywhere(facts)?;
    match verb {
        AppVerb::Boot => boot_current(request, facts),
        AppVerb::Start => start(request, facts),
        AppVerb::Stop => Ok(stop(request, facts)),
        AppVerb::Details => Ok(for_each_role(request, |role, _| app::details(&request.config, role).into())),
        AppVerb::Containers => Ok(on_app_hosts(request, app::containers(&request.config).into())),
        AppVerb::Images => Ok(on_app_hosts(request, app::images(&request.config).into())),
        AppVerb::Version => Ok(version(request, facts)),
        AppVerb::Logs(options, container) => logs(request, facts, options, container.as_deref()),
        AppVerb::Exec(wanted) => exec::exec(request, facts, wanted),
        AppVerb::Stale { stop } => Ok(stale(request, facts, *stop)),
        AppVerb::Live => Ok(in_proxy(request, proxy::resume)),
        AppVerb::Maintenance { drain_timeout, message } => {
            let seconds = drain_timeout.unwrap_or(request.config.drain_timeout);
            Ok(in_proxy(request, |name| proxy::stop_service(name, seconds, message.as_deref())))
        }
        AppVerb::Remove => Ok(remove(request, facts)),
    }
}

fn boot_current(request: &Request, facts: &Facts) -> Result<Step, String> {
    let version = if request.version_given {
        rollback::resolve(request, facts, &request.version)?
    } else {
        current_version(request, facts)
            .ok_or("no version of this app is on the servers yet: `dhow deploy` brings one")?
    };
    let boot = Boot {
        version,
        ensure_proxy: false,
        accessories: false,
        detect_stale: false,
        prune: false,
        pre_deploy: false,
    };
    boot::plan(request, facts, &boot)
}

/// The version that runs on the first host that has one, else the newest there.
pub fn current_version(request: &Request, facts: &Facts) -> Option<String> {
    let of_host = |host: &str| {
        let on_host = facts.of(host);
        let role = *request.targets.roles_on(host).first()?;
        let current = on_host.current(&request.config, role)?;
        Some(version_of(current, &request.config.prefix(role)))
    };
    let running = request.targets.app_hosts().into_iter().find_map(of_host);
    running.or_else(|| rollback::available(request, facts).into_iter().next())
}

fn start(request: &Request, facts: &Facts) -> Result<Step, String> {
    let version = match request.version_given {
        true => Some(rollback::resolve(request, facts, &request.version)?),
        false => rollback::available(request, facts).into_iter().next(),
    };
    let version = version
        .ok_or("no container of this app is on the servers: `dhow deploy` or `dhow app boot` makes one")?;
    let on_host = |role: &Role, host: &str| {
        let config = &request.config;
        let name = app::container_name(config, role, &version);
        let mut lines = vec![
            audit(request, None, &format!("Started app version {version}")),
            Line::new(format!("docker start {name}"), app::start(&name)),
        ];
        let id = Word::output_of(app::container_id(&name));
        let deploy = proxy::deploy_for_role(config, role, &id, &version);
        lines.extend(
            deploy.map(|deploy| Line::new(format!("switch requests to {name} once it is healthy"), deploy)),
        );
        Job::new(Place::host(host), lines).waiting(wait_deadline(config)).step()
    };
    Ok(each_role(request, on_host))
}

fn stop(request: &Request, facts: &Facts) -> Step {
    let on_host = |role: &Role, host: &str| stop_role(request, &facts.of(host), role, host);
    each_role(request, on_host)
}

fn stop_role(request: &Request, on_host: &HostFacts, role: &Role, host: &str) -> Step {
    let config = &request.config;
    let mut lines = vec![audit(request, Some(role), "Stopped app")];
    if role.proxy.is_some() && on_host.proxy.is_some() {
        lines.push(Line::quiet(proxy::remove(&config.prefix(role))).optional());
    }
    let running = on_host.of_role(config, role).filter(|container| container.is_running());
    lines.extend(running.map(|own| {
        Line::new(format!("docker stop {}", own.name), app::stop(config, role, &own.name)).optional()
    }));
    let deadline = 60 * (lines.len() as u32 + 1) + config.drain_timeout;
    Job { deadline, ..Job::new(Place::host(host), lines) }.step()
}

fn version(request: &Request, facts: &Facts) -> Step {
    let show = |host: &str| {
        let on_host = facts.of(host);
        let role = *request.targets.roles_on(host).first()?;
        let version = version_of(on_host.current(&request.config, role)?, &request.config.prefix(role));
        let print = Command::new("echo").word(version);
        Some(Job::new(Place::host(host), vec![Line::quiet(print)]).showing(result()).step())
    };
    Step::AtOnce(request.targets.app_hosts().into_iter().filter_map(show).collect())
}

fn logs(
    request: &Request,
    facts: &Facts,
    options: &LogOptions,
    container: Option<&str>,
) -> Result<Step, String> {
    if options.follow {
        return Ok(follow(request, facts, options, container));
    }
    let show = |role: &Role, host: &str| {
        let on_host = facts.of(host);
        let name = container.map(String::from).or_else(|| log_source(request, &on_host, role));
        let Some(name) = name else {
            return Step::Warn(format!("{} has no container on {host}", role.name));
        };
        let output = Output::Result { heading: "App".into(), if_failed: Some("Nothing found".into()) };
        let script = app::logs(&Word::literal(name), options);
        Job::new(Place::host(host), vec![Line::quiet(script)]).showing(output).step()
    };
    Ok(each_role(request, show))
}

/// The container whose log is wanted: the current one, else the newest.
fn log_source(request: &Request, on_host: &HostFacts, role: &Role) -> Option<String> {
    let current =
        on_host.current(&request.config, role).or_else(|| on_host.of_role(&request.config, role).next());
    current.map(|container| container.name.clone())
}

fn follow(request: &Request, facts: &Facts, options: &LogOptions, container: Option<&str>) -> Step {
    each_role(request, |role, host| {
        let name = container.map(String::from).or_else(|| log_source(request, &facts.of(host), role));
        let Some(name) = name else {
            return Step::Warn(format!("{} has no container on {host}", role.name));
        };
        let script = app::logs(&Word::literal(name), options);
        Job::new(Place::host(host), vec![Line::quiet(script)]).waiting(0).showing(Output::Follow).step()
    })
}

fn stale(request: &Request, facts: &Facts, stop: bool) -> Step {
    each_role(request, |role, host| {
        let config = &request.config;
        let on_host = facts.of(host);
        let steps = on_host.stale(config, role).into_iter().map(|container| {
            let version = version_of(container, &config.prefix(role));
            if !stop {
                return Step::Say(format!(
                    "Detected stale container for role {} with version {version} on {host} (use `dhow app stale_containers --stop` to stop)",
                    role.name
                ));
            }
            let name = format!("Stopping stale container for role {} with version {version}", role.name);
            Job::new(Place::host(host), vec![Line::new(name, app::stop(config, role, &container.name)).optional()]).step()
        });
        Step::InOrder(steps.collect())
    })
}

fn in_proxy(request: &Request, command: impl Fn(&str) -> Command) -> Step {
    each_role(request, |role, host| {
        if role.proxy.is_none() {
            return Step::nothing();
        }
        let name = request.config.prefix(role);
        let line = Line::new(format!("kamal-proxy {name}"), command(&name));
        Job::new(Place::host(host), vec![line]).waiting(wait_deadline(&request.config)).step()
    })
}

/// Containers, images, directories.
pub fn remove(request: &Request, facts: &Facts) -> Step {
    let config = &request.config;
    // Docker prunes one thing at a time, so the roles of a host take turns.
    let remove_containers = |host: &str| {
        let of_role = |role: &Role| {
            let name = format!("remove containers of {}", config.prefix(role));
            let audited = audit(request, Some(role), "Removed all app containers");
            [audited, Line::new(name, app::remove_containers(config, role))]
        };
        let lines = request.targets.roles_on(host).into_iter().flat_map(of_role).collect();
        Job::new(Place::host(host), lines).step()
    };
    let remove_rest = |host: &str| {
        let lines = vec![
            audit(request, None, "Removed all app images"),
            Line::new("remove images", app::remove_images(config)).optional(),
            audit(request, None, &format!("Removed {}", app::directory(config))),
            Line::quiet(app::remove_app_directories(config)).optional(),
        ];
        Job::new(Place::host(host), lines).step()
    };
    let whole = |host: &&str| {
        config.roles.iter().filter(|role| role.runs_on(host)).count() == request.targets.roles_on(host).len()
    };
    let hosts = request.targets.app_hosts().into_iter().filter(whole);
    Step::InOrder(vec![
        stop(request, facts),
        Step::AtOnce(request.targets.app_hosts().into_iter().map(remove_containers).collect()),
        Step::AtOnce(hosts.map(remove_rest).collect()),
    ])
}

fn result() -> Output {
    Output::Result { heading: "App".into(), if_failed: None }
}

fn places(request: &Request) -> Vec<(String, Role)> {
    let hosts = request.targets.app_hosts().into_iter();
    let roles_on = |host: &str| request.targets.roles_on(host).into_iter().cloned().collect::<Vec<_>>();
    hosts.flat_map(|host| roles_on(host).into_iter().map(move |role| (host.to_string(), role))).collect()
}

fn each_role(request: &Request, step: impl Fn(&Role, &str) -> Step) -> Step {
    Step::AtOnce(places(request).iter().map(|(host, role)| step(role, host)).collect())
}

fn for_each_role(request: &Request, script: impl Fn(&Role, &str) -> Script) -> Step {
    each_role(request, |role, host| {
        Job::new(Place::host(host), vec![Line::quiet(script(role, host))]).showing(result()).step()
    })
}

fn on_app_hosts(request: &Request, script: Script) -> Step {
    let show =
        |host: &str| Job::new(Place::host(host), vec![Line::quiet(script.clone())]).showing(result()).step();
    Step::AtOnce(request.targets.app_hosts().into_iter().map(show).collect())
}
