//! The servers themselves: Docker, registry accounts, commands, the audit log, old containers and images.

use super::registry::login;
use super::{Input, Job, Line, Output, Place, Request, Step, audit, hooks};
use crate::commands::{auditor, exec, prune, registry, server};
use crate::facts::{Docker, Facts};

/// Installs Docker on hosts without it, then runs hook `docker-setup`.
pub fn install_docker(request: &Request, facts: &Facts) -> Result<Step, String> {
    let missing = facts.iter().filter(|(_, facts)| facts.docker == Docker::Missing).map(|(host, _)| host);
    let install = |host: &String| {
        let docker = Line::new("install Docker", server::install_docker());
        // Its exit status says that the group is news, which is no failure.
        let group = Line::quiet(server::join_docker_group()).optional();
        let join = Job { renews_connection: true, ..Job::new(Place::host(host), vec![group]) };
        Step::InOrder(vec![
            Step::Say(format!("Missing Docker on {host}. Installing…")),
            Job::new(Place::host(host), vec![docker]).waiting(1800).step(),
            join.step(),
        ])
    };
    let installs = Step::AtOnce(missing.map(install).collect());
    Ok(Step::InOrder(vec![installs, hooks::hook(request, "docker-setup")]))
}

/// The last lines of every host's audit log.
pub fn audit_log(request: &Request) -> Step {
    on_hosts(request, |host| {
        let output = Output::Result { heading: "App".into(), if_failed: None };
        Job::new(Place::host(host), vec![Line::quiet(auditor::tail(&request.config))]).showing(output)
    })
}

/// `server exec`: on every host; standard input goes to a single one.
pub fn run_command(request: &Request, command: &str) -> Step {
    let hosts = request.targets.hosts();
    let alone = hosts.len() == 1;
    let say = Step::Say(format!("Running '{command}' on {}...", hosts.join(", ")));
    let audits = on_hosts(request, |host| {
        Job::new(
            Place::host(host),
            vec![audit(request, None, &format!("Executed cmd '{command}' on {host}"))],
        )
    });
    let runs = on_hosts(request, |host| {
        let output =
            if alone { Output::Raw } else { Output::Result { heading: "App".into(), if_failed: None } };
        let input = if request.passes_input && alone { Input::Stdin } else { Input::Nothing };
        let line = Line::quiet(exec::on_server(command));
        Job::new(Place::host(host), vec![line]).waiting(0).showing(output).reading(input)
    });
    Step::InOrder(vec![say, audits, runs])
}

/// `registry login`: here, and on the hosts.
pub fn registry_login(request: &Request, here: bool, hosts: bool) -> Result<Step, String> {
    let registry = &request.config.registry;
    let login = login(request, registry)?.ok_or(
        "Cannot use login command with a local registry: it has no accounts, and dhow serves it itself",
    )?;
    Ok(everywhere(request, here, hosts, &login))
}

/// `registry logout`: here, and on the hosts.
pub fn registry_logout(request: &Request, here: bool, hosts: bool) -> Result<Step, String> {
    let registry = &request.config.registry;
    if registry.is_local() {
        return Err(
            "Cannot use logout command with a local registry: it has no accounts, and dhow serves it itself"
                .into(),
        );
    }
    Ok(everywhere(request, here, hosts, &Line::new("docker logout", registry::logout(registry))))
}

/// Removes containers beyond those retained and images nobody uses, on every host.
pub fn prune_all(request: &Request, containers: bool, images: bool, retain: Option<u32>) -> Step {
    on_hosts(request, |host| {
        let lines = [
            if containers { prune_containers(request, retain) } else { Vec::new() },
            if images { prune_images(request) } else { Vec::new() },
        ];
        Job { deadline: 600, ..Job::new(Place::host(host), lines.concat()) }
    })
}

/// Containers beyond those retained. What fails can be repeated, so a deploy does not stop at it.
pub fn prune_containers(request: &Request, retain: Option<u32>) -> Vec<Line> {
    let config = &request.config;
    let retain = retain.unwrap_or(config.retain_containers);
    let of_roles =
        config.roles.iter().map(|role| Line::quiet(prune::containers(config, role, retain)).optional());
    [audit(request, None, "Pruned containers")].into_iter().chain(of_roles).collect()
}

/// Images nobody uses, likewise.
pub fn prune_images(request: &Request) -> Vec<Line> {
    vec![audit(request, None, "Pruned images"), Line::quiet(prune::images(&request.config)).optional()]
}

fn everywhere(request: &Request, here: bool, hosts: bool, line: &Line) -> Step {
    let at = |place| Job::new(place, vec![line.clone()]);
    let here = if here { at(Place::Here).step() } else { Step::nothing() };
    let there = if hosts { on_hosts(request, |host| at(Place::host(host))) } else { Step::nothing() };
    Step::AtOnce(vec![here, there])
}

fn on_hosts(request: &Request, job: impl Fn(&str) -> Job) -> Step {
    Step::AtOnce(request.targets.hosts().iter().map(|host| job(host).step()).collect())
}
