//! The parts of a verb that are planned from facts.

use super::{Request, Step, accessory, app, boot, proxy, remove, rollback, server};
use crate::facts::Facts;

/// A named part of a verb. The runner observes the hosts it asks for, then plans it.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Proxy, accessories, the app's containers, tags, pruning.
    Boot(boot::Boot),
    /// Another version, if its containers are on every host.
    Rollback {
        /// A version, `previous` or `last-known-good`.
        wanted: String,
    },
    /// Docker where it is missing.
    InstallDocker,
    /// Which version runs where, told if it is not the same everywhere.
    Survey,
    /// Hook `post-deploy`, which is told how long it all took.
    Finished,
    /// The same after a rollback, whose version is only known from the hosts.
    RolledBack,
    /// The proxy's container.
    Proxy(proxy::ProxyVerb),
    /// Accessories.
    Accessory(accessory::AccessoryVerb),
    /// A canary.
    Rollout(boot::rollout::RolloutVerb),
    /// Queries and small changes of the app's containers.
    App(app::AppVerb),
    /// Everything of this app, and the proxy if nobody else uses it.
    Remove,
}

impl Phase {
    /// The hosts whose facts are needed.
    pub fn asks(&self, request: &Request) -> Vec<String> {
        match self {
            Phase::Finished => Vec::new(),
            Phase::RolledBack if !super::hooks::exists(request, "post-deploy") => Vec::new(),
            _ => request.targets.hosts().to_vec(),
        }
    }

    /// Plans it. `elapsed` is how many seconds the run took so far.
    pub fn plan(&self, request: &Request, facts: &Facts, elapsed: u64) -> Result<Step, String> {
        match self {
            Phase::Boot(what) => boot::plan(request, facts, what),
            Phase::Rollback { wanted } => rollback::plan(request, facts, wanted),
            Phase::InstallDocker => server::install_docker(request, facts),
            Phase::Survey => Ok(boot::survey(request, facts)),
            Phase::Finished => Ok(super::hooks::post_deploy(request, elapsed)),
            Phase::RolledBack => {
                let version = app::current_version(request, facts).unwrap_or_else(|| request.version.clone());
                Ok(super::hooks::post_deploy(&Request { version, ..request.clone() }, elapsed))
            }
            Phase::Proxy(verb) => proxy::plan(request, facts, verb),
            Phase::Accessory(verb) => accessory::plan(request, facts, verb),
            Phase::Rollout(verb) => boot::rollout::plan(request, facts, verb),
            Phase::App(verb) => app::plan(request, facts, verb),
            Phase::Remove => remove::plan(request, facts),
        }
    }
}
