//! `setup`, `deploy`, `redeploy`, `rollback`: the order that users see is Kamal's (kamal-commands 4).

use super::boot::rollout::RolloutVerb;
use super::boot::{self, Boot};
use super::build::{self, BuildRequest};
use super::{Phase, Request, Step, accessory, hooks, lock};
use crate::commands::proxy::Share;
use crate::facts::Facts;

/// Flags of the verbs that deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deploy {
    /// The image is in the registry already.
    pub skip_push: bool,
    /// Build every layer again.
    pub no_cache: bool,
}

/// Build, pull, then under the lock: proxy, boot, prune.
pub fn deploy(request: &Request, flags: Deploy) -> Result<Step, String> {
    let boot = full_boot(request, false)?;
    Ok(Step::InOrder(vec![
        image(request, flags)?,
        lock::holding(request, Step::Decide(Phase::Boot(boot))),
        Step::Decide(Phase::Finished),
    ]))
}

/// Build, pull, then under the lock: boot.
pub fn redeploy(request: &Request, flags: Deploy) -> Result<Step, String> {
    let boot = Boot { ensure_proxy: false, prune: false, ..full_boot(request, false)? };
    Ok(Step::InOrder(vec![
        image(request, flags)?,
        lock::holding(request, Step::Decide(Phase::Boot(boot))),
        Step::Decide(Phase::Finished),
    ]))
}

/// Build, pull, then under the lock: a container beside the current one, for some visitors.
pub fn roll_out(request: &Request, flags: Deploy, share: Share) -> Result<Step, String> {
    boot::could_start(request)?;
    let start = Step::Decide(Phase::Rollout(RolloutVerb::Start(share)));
    Ok(Step::InOrder(vec![image(request, flags)?, lock::holding(request, start)]))
}

/// All under the lock: Docker, image, proxy, accessories, boot.
pub fn setup(request: &Request, flags: Deploy) -> Result<Step, String> {
    let boot = full_boot(request, true)?;
    let body = Step::InOrder(vec![
        Step::Say("Ensure Docker is installed...".into()),
        Step::Decide(Phase::InstallDocker),
        image(request, flags)?,
        Step::Decide(Phase::Boot(boot)),
    ]);
    Ok(Step::InOrder(vec![
        hooks::hook(request, "pre-connect"),
        lock::holding(request, body),
        Step::Decide(Phase::Finished),
    ]))
}

/// Another version from the containers and images that are still on the hosts.
pub fn rollback(request: &Request, wanted: &str) -> Step {
    let back = Step::Decide(Phase::Rollback { wanted: wanted.to_string() });
    Step::InOrder(vec![
        hooks::hook(request, "pre-connect"),
        lock::holding(request, back),
        Step::Decide(Phase::RolledBack),
    ])
}

fn full_boot(request: &Request, accessories: bool) -> Result<Boot, String> {
    boot::could_start(request)?;
    if accessories {
        accessory::boot_all(request, &Facts::default())?;
    }
    Ok(Boot {
        version: request.version.clone(),
        ensure_proxy: true,
        accessories,
        detect_stale: true,
        prune: true,
        pre_deploy: true,
    })
}

fn image(request: &Request, flags: Deploy) -> Result<Step, String> {
    let pull = build::pull(request)?;
    if flags.skip_push {
        return Ok(Step::InOrder(vec![connect_first(request), Step::Say("Pull app image...".into()), pull]));
    }
    let wanted = BuildRequest { no_cache: flags.no_cache, output: "registry".into() };
    let push = build::push(request, &wanted)?;
    Ok(Step::InOrder(vec![
        connect_first(request),
        Step::Say("Build and push app image...".into()),
        push,
        pull,
    ]))
}

/// Hook `pre-connect` belongs before the first connection; `setup` and `rollback` have run it before the lock.
fn connect_first(request: &Request) -> Step {
    match request.command.0.as_str() {
        "setup" => Step::nothing(),
        _ => hooks::hook(request, "pre-connect"),
    }
}

/// `build push`, and with `pull` `build deliver`: no lock.
pub fn build_image(request: &Request, wanted: &BuildRequest, pull: bool) -> Result<Step, String> {
    let pull = if pull { build::pull(request)? } else { Step::nothing() };
    Ok(Step::InOrder(vec![hooks::hook(request, "pre-connect"), build::push(request, wanted)?, pull]))
}

/// A step that connects, after hook `pre-connect`.
pub fn connecting(request: &Request, body: Step) -> Step {
    Step::InOrder(vec![hooks::hook(request, "pre-connect"), body])
}
