//! `remove`: everything of this app; the proxy too, if nobody else uses it.

use super::proxy::ProxyVerb;
use super::{Job, Line, Place, Request, Step, accessory, app, boot, proxy};
use crate::commands::{self, registry};
use crate::facts::Facts;

/// Plans it.
pub fn plan(request: &Request, facts: &Facts) -> Result<Step, String> {
    boot::docker_runs_everywhere(facts)?;
    let accessories = request.config.accessories.iter().map(|own| accessory::remove(request, own)).collect();
    Ok(Step::InOrder(vec![
        app::remove(request, facts),
        proxy::plan(request, facts, &ProxyVerb::Remove { force: false })?,
        Step::InOrder(accessories),
        remove_directories(request),
        log_out(request),
    ]))
}

/// Env files of accessories that ran where the app did not.
fn remove_directories(request: &Request) -> Step {
    let on_host = |host: &String| {
        let line = Line::quiet(commands::app::remove_app_directories(&request.config)).optional();
        Job::new(Place::host(host), vec![line]).step()
    };
    Step::AtOnce(request.targets.hosts().iter().map(on_host).collect())
}

fn log_out(request: &Request) -> Step {
    let registry = &request.config.registry;
    if registry.is_local() {
        return Step::nothing();
    }
    let on_host = |host: &String| {
        let line = Line::new("docker logout", registry::logout(registry)).optional();
        Job::new(Place::host(host), vec![line]).step()
    };
    Step::AtOnce(request.targets.hosts().iter().map(on_host).collect())
}
