//! A canary: another version beside the current one, for some of the visitors. `app rollout start`, `set` and `stop`.
//!
//! Its container has a name of its own, so it is neither current nor stale nor something to go back to. Whatever version
//! boots next ends it.

use super::role_boot::{Audience, RoleBoot};
use super::{docker_runs_everywhere, stop_deadline};
use crate::commands::app;
use crate::commands::proxy::{Share, rollout_deploy, rollout_set, rollout_stop};
use crate::config::{Config, Role};
use crate::facts::{Container, Facts, HostFacts, version_of};
use crate::plan::{Job, Line, Place, Request, Step, audit, proxy, short};
use crate::shell::Word;

/// What `dhow app rollout …` is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum RolloutVerb {
    /// `start`: the version beside the current one, for these visitors.
    Start(Share),
    /// `set`: for these instead.
    Set(Share),
    /// `stop`: for nobody, and gone.
    Stop,
}

/// Plans it for every selected host and role that has a proxy.
pub fn plan(request: &Request, facts: &Facts, verb: &RolloutVerb) -> Result<Step, String> {
    docker_runs_everywhere(facts)?;
    proxy::runs_everywhere(request, facts)?;
    let places = proxied(request);
    if places.is_empty() {
        return Err(
            "none of the selected roles has a proxy, which a rollout needs to tell visitors apart".into()
        );
    }
    let steps = places.iter().map(|(host, role)| {
        let on_host = facts.of(host);
        let place = Rollout { request, facts: &on_host, host, role };
        match verb {
            RolloutVerb::Start(share) => place.start(share),
            RolloutVerb::Set(share) => place.set(share),
            RolloutVerb::Stop => Ok(place.stop()),
        }
    });
    let steps = Step::AtOnce(steps.collect::<Result<_, _>>()?);
    let nobody = matches!(verb, RolloutVerb::Start(share) if share.is_empty());
    let hint = match nobody {
        true => Step::Say("Nobody is sent there yet: `dhow app rollout set --percent 10` does".into()),
        false => Step::nothing(),
    };
    Ok(Step::InOrder(vec![steps, hint]))
}

/// Nobody is sent to these containers any more; their last requests finish, and they are removed. `instead` is the id of
/// the container that takes their place in the proxy, which keeps a second one for good.
pub(super) fn retire(
    config: &Config,
    role: &Role,
    rollouts: &[&Container],
    instead: Option<&Word>,
) -> Vec<Line> {
    if rollouts.is_empty() {
        return Vec::new();
    }
    let stop = Line::new(format!("end the rollout of {}", config.prefix(role)), rollout_stop(config, role));
    let drain =
        instead.and_then(|id| rollout_deploy(config, role, id)).map(|drain| Line::quiet(drain).optional());
    let remove = rollouts.iter().flat_map(|container| remove(config, role, container));
    [stop.optional()].into_iter().chain(drain).chain(remove).collect()
}

fn remove(config: &Config, role: &Role, container: &Container) -> [Line; 2] {
    let shown = app::container_name(config, role, short(&version_of(container, &config.prefix(role))));
    [
        Line::new(format!("docker stop {shown}"), app::stop(config, role, &container.name)).optional(),
        Line::quiet(app::remove_container(&container.name)).optional(),
    ]
}

/// One role on one host.
struct Rollout<'a> {
    request: &'a Request,
    facts: &'a HostFacts,
    host: &'a str,
    role: &'a Role,
}

impl Rollout<'_> {
    fn start(&self, share: &Share) -> Result<Step, String> {
        let Request { config, version, .. } = self.request;
        if self.facts.current(config, self.role).is_none() {
            return Err(format!(
                "{} does not run on {} yet: `dhow deploy` comes first, a rollout is beside it",
                config.prefix(self.role),
                self.host
            ));
        }
        let name = app::rollout_name(config, self.role, version);
        let (same, others): (Vec<_>, Vec<_>) =
            self.facts.rollouts(config, self.role).into_iter().partition(|own| own.name == name);
        let boot = match same.first() {
            Some(container) if container.is_running() => {
                Step::Say(format!("{name} runs on {} already", self.host))
            }
            stopped => Step::InOrder(vec![
                self.step(
                    stopped.map(|own| Line::quiet(app::remove_container(&own.name))).into_iter().collect(),
                ),
                self.boot().start_and_take_over()?,
            ]),
        };
        let set = (!share.is_empty()).then(|| self.share(share)).into_iter().flatten();
        let old = others.iter().flat_map(|container| remove(config, self.role, container));
        Ok(Step::InOrder(vec![boot, self.step(set.chain(old).collect())]))
    }

    fn boot(&self) -> RoleBoot<'_> {
        let Rollout { request, facts, host, role } = *self;
        RoleBoot { request, facts, host, role, version: &request.version, audience: Audience::Rollout }
    }

    fn set(&self, share: &Share) -> Result<Step, String> {
        if !self.facts.rollouts(&self.request.config, self.role).iter().any(|own| own.is_running()) {
            return Err(format!(
                "no rollout of {} runs on {}: `dhow app rollout start` begins one",
                self.request.config.prefix(self.role),
                self.host
            ));
        }
        Ok(self.step(self.share(share)))
    }

    fn share(&self, share: &Share) -> Vec<Line> {
        let percent = share.percent.map(|percent| format!("{percent} %"));
        let listed = (!share.list.is_empty()).then(|| share.list.join(", "));
        let who = [percent, listed].into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let name = self.request.config.prefix(self.role);
        let set = rollout_set(&self.request.config, self.role, share);
        vec![
            audit(self.request, Some(self.role), &format!("Set rollout to {who}")),
            Line::new(format!("send {who} of {name}'s visitors to the rollout"), set),
        ]
    }

    fn stop(&self) -> Step {
        let config = &self.request.config;
        let rollouts = self.facts.rollouts(config, self.role);
        if rollouts.is_empty() {
            return Step::Say(format!("no rollout of {} on {}", config.prefix(self.role), self.host));
        }
        let current = self.facts.current(config, self.role).map(|own| Word::literal(&own.id));
        let mut lines = vec![audit(self.request, Some(self.role), "Stopped rollout")];
        lines.extend(retire(config, self.role, &rollouts, current.as_ref()));
        self.step(lines)
    }

    fn step(&self, lines: Vec<Line>) -> Step {
        if lines.is_empty() {
            return Step::nothing();
        }
        let deadline = lines.len() as u32 * stop_deadline(self.request);
        Job { deadline, ..Job::new(Place::host(self.host), lines) }.step()
    }
}

fn proxied(request: &Request) -> Vec<(String, Role)> {
    let on = |host: &str| {
        let roles = request.targets.roles_on(host).into_iter().filter(|role| role.proxy.is_some());
        roles.map(|role| (host.to_string(), role.clone())).collect::<Vec<_>>()
    };
    request.targets.app_hosts().into_iter().flat_map(on).collect()
}
