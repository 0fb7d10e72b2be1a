//! One role's new container on one host: beside the old one, healthy, taking the requests, and only then the old one stops.

use super::{rollout, stop_deadline};
use crate::commands::{app, proxy as proxy_commands};
use crate::config::Role;
use crate::facts::{Container, HostFacts, version_of};
use crate::plan::{Job, Line, Output, Place, Request, Step, audit, proxy, short, wait_deadline};
use crate::secrets::env_file;
use crate::shell::{Command, Script, Word};

/// One role's new container on one host.
pub struct RoleBoot<'a> {
    pub request: &'a Request,
    pub facts: &'a HostFacts,
    pub host: &'a str,
    pub role: &'a Role,
    pub version: &'a str,
    pub audience: Audience,
}

/// Whose requests the new container takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All of them, from the old container.
    Everyone,
    /// Those of a rollout, beside the old container.
    Rollout,
}

impl RoleBoot<'_> {
    /// Started, healthy, taking the requests; then the old one stops.
    pub fn plan(&self) -> Result<Step, String> {
        let body = Step::InOrder(vec![self.make_room(), self.start_and_take_over()?]);
        let is_primary =
            self.request.targets.primary_role().is_some_and(|primary| primary.name == self.role.name);
        let gated = if is_primary {
            Step::OpensGate(Box::new(body))
        } else {
            Step::InOrder(vec![self.await_gate(), body])
        };
        Ok(Step::InOrder(vec![gated, self.stop_old()]))
    }

    /// Started, healthy, taking its requests; undone if it comes to that.
    pub fn start_and_take_over(&self) -> Result<Step, String> {
        Ok(Step::OrUndo {
            body: Box::new(Step::InOrder(vec![self.start()?, self.take_over()])),
            undo: Box::new(self.undo()),
        })
    }

    /// The container as a person reads it.
    fn short_name(&self) -> String {
        self.name(short(self.version))
    }

    fn container(&self) -> String {
        self.name(self.version)
    }

    fn name(&self, version: &str) -> String {
        let name = match self.audience {
            Audience::Everyone => app::container_name,
            Audience::Rollout => app::rollout_name,
        };
        name(&self.request.config, self.role, version)
    }

    fn job(&self, lines: Vec<Line>) -> Job {
        Job::new(Place::host(self.host), lines)
    }

    fn await_gate(&self) -> Step {
        let primary = self.request.targets.primary_role().map_or("primary", |role| role.name.as_str());
        let (role, host) = (&self.role.name, self.host);
        Step::InOrder(vec![
            Step::Say(format!(
                "Waiting for the first healthy {primary} container before booting {role} on {host}..."
            )),
            Step::AwaitGate { primary: primary.to_string(), role: role.clone(), host: host.to_string() },
            Step::Say(format!("First {primary} container is healthy, booting {role} on {host}...")),
        ])
    }

    /// A container that has the new one's name already gets another.
    fn make_room(&self) -> Step {
        let config = &self.request.config;
        if self.facts.named(&self.container()).is_none() {
            return Step::nothing();
        }
        let suffix = self.request.ids.hex(&format!("replaced {} {}", self.host, self.role.name), 16);
        let renamed = app::replaced_name(config, self.role, self.version, &suffix);
        let text = format!("rename the {} that is there already", self.short_name());
        let audited = format!("Renaming container {0} to {0}_replaced_{suffix}", self.version);
        self.job(vec![
            audit(self.request, Some(self.role), &audited),
            Line::new(text, app::rename(&self.container(), &renamed)),
        ])
        .step()
    }

    /// Env file, assets, certificates, and the container itself.
    pub fn start(&self) -> Result<Step, String> {
        let config = &self.request.config;
        let suffix = self.request.ids.hex(&format!("hostname {} {}", self.host, self.role.name), 12);
        let audited = match self.audience {
            Audience::Everyone => format!("Booted app version {}", self.version),
            Audience::Rollout => format!("Booted app version {} for a rollout", self.version),
        };
        let mut lines = vec![audit(self.request, Some(self.role), &audited)];
        lines.extend(self.env_file()?);
        lines.extend(self.proxy_files()?);
        lines.extend(self.assets());
        let run = app::run(config, self.role, self.host, self.version, &self.container(), &suffix);
        lines.push(Line::new(format!("docker run {}", self.short_name()), run));
        Ok(Job { deadline: 600, ..self.job(lines) }.step())
    }

    fn env_file(&self) -> Result<Vec<Line>, String> {
        let config = &self.request.config;
        let env = self.role.env_on(self.host).cloned().unwrap_or_default();
        let content = env_file::env_file(&env, &self.request.secrets).map_err(|error| error.to_string())?;
        Ok(vec![
            Line::quiet(Command::new("mkdir").word("-p").word(app::env_directory(config))),
            Line::quiet(Script::replace_file(
                &app::env_file_path(config, self.role),
                "600",
                Word::secret(content),
            )),
        ])
    }

    /// Custom certificates and error pages, where the proxy reads them.
    fn proxy_files(&self) -> Result<Vec<Line>, String> {
        match &self.role.proxy {
            Some(settings) => proxy::files(self.request, self.role, settings),
            None => Ok(Vec::new()),
        }
    }

    fn assets(&self) -> Vec<Line> {
        let config = &self.request.config;
        let running = self
            .facts
            .current(config, self.role)
            .map(|container| version_of(container, &config.prefix(self.role)));
        let extract = app::asset_extract(config, self.role, self.version);
        let sync = app::asset_sync(config, self.role, self.version, running.as_deref());
        extract.into_iter().chain(sync).map(Line::quiet).collect()
    }

    /// Healthy, and taking the requests.
    fn take_over(&self) -> Step {
        let config = &self.request.config;
        let id = self.container_id();
        let deploy = match self.audience {
            Audience::Everyone => proxy_commands::deploy_for_role(config, self.role, &id, self.version),
            Audience::Rollout => proxy_commands::rollout_deploy(config, self.role, &id),
        };
        let line = match deploy {
            Some(deploy) if self.audience == Audience::Rollout => {
                Line::new(format!("offer {} to the proxy once it is healthy", self.short_name()), deploy)
            }
            Some(deploy) => {
                Line::new(format!("switch requests to {} once it is healthy", self.short_name()), deploy)
            }
            None => Line::new(
                format!("wait until {} is healthy", self.short_name()),
                app::wait_until_healthy(config, &self.container()),
            ),
        };
        let line = line.or_say(format!(
            "{} did not become healthy on {}{}",
            self.short_name(),
            self.host,
            self.who_serves()
        ));
        self.job(vec![line]).waiting(wait_deadline(config)).step()
    }

    fn container_id(&self) -> Word {
        Word::output_of(app::container_id(&self.container()))
    }

    fn who_serves(&self) -> String {
        let prefix = self.request.config.prefix(self.role);
        let current = self.facts.current(&self.request.config, self.role);
        current.map(|old| format!("; {} serves on", short(&version_of(old, &prefix)))).unwrap_or_default()
    }

    /// Unless requests already reach it, the new container is stopped and kept aside for a look; its log is shown.
    fn undo(&self) -> Step {
        let suffix = self.request.ids.hex(&format!("failed {} {}", self.host, self.role.name), 16);
        let script = Script::Then(vec![
            Script::assign("name", self.container()),
            Script::assign("aside", format!("{}_failed_{suffix}", self.container())),
            Script::Text(UNDO),
        ]);
        let seconds = stop_deadline(self.request) + 30;
        let job = self.job(vec![Line::quiet(script)]).showing(Output::Told);
        Step::InOrder(vec![
            Step::Warn(format!("{} on {} was not booted: putting it aside", self.short_name(), self.host)),
            Job { deadline: seconds, ..job }.step(),
        ])
    }

    fn stop_old(&self) -> Step {
        let config = &self.request.config;
        let replaced = self.facts.named(&self.container()).map(|container| container.id.clone());
        let is_old = |own: &&Container| own.is_running() && !own.is_of_rollout();
        let old = self.facts.of_role(config, self.role).filter(is_old);
        let stop = |container: &Container| {
            // By id: a container that had the new one's name has another by now.
            let by = if Some(&container.id) == replaced.as_ref() { &container.id } else { &container.name };
            let version = version_of(container, &config.prefix(self.role));
            let shown = app::container_name(config, self.role, short(&version));
            Line::new(format!("docker stop {shown}"), app::stop(config, self.role, by)).optional()
        };
        let rollouts = self.facts.rollouts(config, self.role);
        let mut lines = rollout::retire(config, self.role, &rollouts, Some(&self.container_id()));
        lines.extend(old.map(stop));
        lines.extend(
            app::asset_clean(config, self.role, self.version).map(|clean| Line::quiet(clean).optional()),
        );
        if self.role.proxy.is_some() && !self.request.error_pages.is_empty() {
            lines.push(Line::quiet(app::error_pages_clean(config, self.version)).optional());
        }
        if lines.is_empty() {
            return Step::nothing();
        }
        let deadline = lines.len() as u32 * stop_deadline(self.request);
        Job { deadline, ..self.job(lines) }.step()
    }
}

/// The proxy may still be waiting for the container, and nobody can call it off: so it is cut from the network, where no
/// probe reaches it any more, before it is stopped, which may take long.
const UNDO: &str = r#"id=$(docker container ls --all --filter "name=^$name\$" --quiet)
[ -n "$id" ] || exit 0
serving() { docker exec kamal-proxy kamal-proxy list 2> /dev/null | grep -q "$id"; }
stays() { echo "$name takes requests on this host by now, so it stays"; exit 0; }
if serving; then stays; fi
docker network disconnect kamal "$id" 2> /dev/null
if serving; then docker network connect kamal "$id"; stays; fi
echo "what the health checks saw:"
docker logs --since 10m kamal-proxy 2>&1 | grep 'Healthcheck failed' | grep "$id" | tail -n 3
echo "last lines of its log:"
docker logs --tail 30 "$id" 2>&1
docker inspect --format '{{if .State.Health}}health: {{json .State.Health}}{{end}}' "$id"
docker stop "$id" > /dev/null
docker network connect kamal "$id" 2> /dev/null
if serving; then docker start "$id" > /dev/null; stays; fi
docker rename "$name" "$aside" && echo "stopped, and kept as $aside""#;
