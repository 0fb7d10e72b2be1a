//! The user's own programs around a deploy: `.kamal/hooks`.

use super::{Job, Line, Output, Place, Request, Step};
use crate::commands::hook;
use crate::config::HookOutput;
use crate::secrets::Secret;
use crate::shell::Command;

/// The hook of that name, if there is one.
pub fn hook(request: &Request, name: &str) -> Step {
    plan(request, name, request.targets.hosts(), None)
}

/// The same, told about these hosts only.
pub fn hook_for_hosts(request: &Request, name: &str, hosts: &[String]) -> Step {
    plan(request, name, hosts, None)
}

/// `post-deploy`, told how many seconds it all took.
pub fn post_deploy(request: &Request, elapsed: u64) -> Step {
    plan(request, "post-deploy", request.targets.hosts(), Some(elapsed))
}

/// Is there a hook of that name, and is it to be run?
pub fn exists(request: &Request, name: &str) -> bool {
    request.hooks.iter().any(|existing| existing == name)
}

fn plan(request: &Request, name: &str, hosts: &[String], elapsed: Option<u64>) -> Step {
    if !exists(request, name) {
        return Step::nothing();
    }
    let details = hook::Details {
        recorded_at: &request.at,
        performer: &request.performer,
        version: &request.version,
        hosts,
        roles: request.roles_given.as_deref(),
        locked: request.lock_inherited || is_locked(request, name),
        command: &request.command.0,
        subcommand: request.command.1.as_deref(),
        runtime: elapsed,
    };
    let plain = hook::environment(&request.config, &details).into_iter();
    let mut env: Vec<(String, Secret)> = plain.map(|(name, value)| (name, Secret::new(value))).collect();
    if hook::takes_secrets(name) {
        env.extend(request.secrets.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    let path = hook::path(&request.config, name);
    let line = Line::new(format!("hook {name}"), Command::new(path));
    let output = output(request, name);
    Job { env, deadline: 0, ..Job::new(Place::Here, vec![line]).waiting(0).showing(output) }.step()
}

/// Does the hook run while the lock is held? `setup` holds it while it builds.
fn is_locked(request: &Request, name: &str) -> bool {
    LOCKED.contains(&name) || (name == "pre-build" && request.command.0 == "setup")
}

const LOCKED: [&str; 6] =
    ["docker-setup", "pre-deploy", "pre-app-boot", "post-app-boot", "pre-proxy-reboot", "post-proxy-reboot"];

fn output(request: &Request, name: &str) -> Output {
    let outputs = &request.config.hooks_output;
    let wanted = outputs.get(&Some(name.to_string())).or_else(|| outputs.get(&None));
    match wanted {
        Some(HookOutput::Verbose) => Output::Progress,
        Some(HookOutput::Quiet) | None => Output::OnFailure,
    }
}
