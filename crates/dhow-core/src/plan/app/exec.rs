//! The user's own commands in the app's containers.

use super::{current_version, places, result};
use crate::commands::app;
use crate::commands::exec::{self, Attached, Exec};
use crate::config::Role;
use crate::facts::{Container, Facts, HostFacts};
use crate::plan::{Input, Job, Line, Output, Place, Request, Step, audit, boot, registry};
use crate::shell::Command;

/// A command to run in the app's containers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecRequest {
    /// As typed: the host's shell reads it.
    pub command: String,
    /// In the running container.
    pub reuse: bool,
    /// `-e`.
    pub env: Vec<(String, String)>,
    /// In the background.
    pub detach: bool,
    /// Bytes and nothing else.
    pub raw: bool,
}

/// `exec` without a terminal, in a container of every selected role on every host.
pub fn exec(request: &Request, facts: &Facts, wanted: &ExecRequest) -> Result<Step, String> {
    let places: Vec<(String, Role)> = places(request);
    let alone = places.len() == 1;
    if places.is_empty() {
        return Err("no role has a host that is selected".into());
    }
    let steps = places.iter().map(|(host, role)| exec_on(request, facts, wanted, host, role, alone));
    let steps = steps.collect::<Result<Vec<_>, String>>()?;
    let said = if wanted.raw { Step::nothing() } else { Step::Say(exec_text(request, facts, wanted)) };
    Ok(Step::InOrder(vec![said, Step::AtOnce(steps)]))
}

fn exec_text(request: &Request, facts: &Facts, wanted: &ExecRequest) -> String {
    let version = exec_version(request, facts).unwrap_or_else(|| request.config.latest_tag());
    let from = if wanted.reuse { "existing" } else { "new" };
    format!("Launching command with version {version} from {from} container...")
}

fn exec_on(
    request: &Request,
    facts: &Facts,
    wanted: &ExecRequest,
    host: &str,
    role: &Role,
    alone: bool,
) -> Result<Step, String> {
    let stdin = request.passes_input && alone && !wanted.detach;
    let attached = match (wanted.detach, stdin) {
        (true, _) => Attached::Not,
        (false, true) => Attached::Input,
        (false, false) => Attached::Output,
    };
    let command = exec_command(request, facts, wanted, host, role, attached)?;
    let mut before =
        vec![audit(request, Some(role).filter(|_| wanted.reuse), &executed(request, facts, wanted))];
    before.extend(login(request, wanted)?);
    let input = if stdin { Input::Stdin } else { Input::Nothing };
    let output = if alone { Output::Raw } else { result() };
    let job = Job::new(Place::host(host), vec![Line::new(format!("'{}'", wanted.command), command)])
        .waiting(0)
        .showing(output)
        .reading(input);
    Ok(Step::InOrder(vec![Job::new(Place::host(host), before).step(), job.step()]))
}

fn executed(request: &Request, facts: &Facts, wanted: &ExecRequest) -> String {
    let version = exec_version(request, facts).unwrap_or_else(|| request.config.latest_tag());
    format!("Executed cmd '{}' on app version {version}", wanted.command)
}

/// A new container may need its image pulled.
fn login(request: &Request, wanted: &ExecRequest) -> Result<Vec<Line>, String> {
    if wanted.reuse {
        return Ok(Vec::new());
    }
    Ok(registry::login(request, &request.config.registry)?.into_iter().collect())
}

fn exec_command(
    request: &Request,
    facts: &Facts,
    wanted: &ExecRequest,
    host: &str,
    role: &Role,
    attached: Attached,
) -> Result<Command, String> {
    let config = &request.config;
    let exec = Exec { command: &wanted.command, env: &wanted.env, attached };
    if wanted.reuse {
        let on_host = facts.of(host);
        let container = reused(request, &on_host, role).ok_or_else(|| {
            format!(
                "{} does not run on {host}: leave out --reuse to start a new container",
                config.prefix(role)
            )
        })?;
        return Ok(exec::in_container(&container.name, &exec));
    }
    let version = exec_version(request, facts).unwrap_or_else(|| config.latest_tag());
    let suffix = request.ids.hex(&format!("exec {host} {}", role.name), 6);
    Ok(exec::in_new_container(config, role, host, &version, &suffix, &exec))
}

fn reused<'a>(request: &'a Request, on_host: &'a HostFacts, role: &'a Role) -> Option<&'a Container> {
    match request.version_given {
        true => on_host.named(&app::container_name(&request.config, role, &request.version)),
        false => on_host.current(&request.config, role),
    }
}

/// The version named, else the one that runs.
fn exec_version(request: &Request, facts: &Facts) -> Option<String> {
    if request.version_given { Some(request.version.clone()) } else { current_version(request, facts) }
}

/// The command line of an interactive `app exec`, and the host it runs on: the primary one.
pub fn interactive(
    request: &Request,
    facts: &Facts,
    wanted: &ExecRequest,
    tty: bool,
) -> Result<(Place, Command), String> {
    boot::docker_runs_everywhere(facts)?;
    let host = request.targets.primary_host().to_string();
    let roles = request.targets.roles_on(&host);
    let role = roles.first().ok_or_else(|| format!("no selected role runs on {host}"))?;
    let command = exec_command(
        request,
        facts,
        wanted,
        &host,
        role,
        if tty { Attached::Terminal } else { Attached::Input },
    )?;
    Ok((Place::Host(host), command))
}
