//! What we know of the hosts: asked with one script per host, read once, and nowhere else.

use crate::commands::app;
use crate::commands::proxy::{self, ListedService};
use crate::config::{Config, Role};
use crate::plan::{Job, Line, Output, Place};
use crate::shell::{Command, Script, Word, docker};
use std::collections::BTreeMap;

/// Facts of every host that was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts(BTreeMap<String, HostFacts>);

/// What one host said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostFacts {
    /// State of its Docker.
    pub docker: Docker,
    /// Containers with a `service` label, running or not, newest first.
    pub containers: Vec<Container>,
    /// References (`repository:tag`) of the images asked about that are there.
    pub images: Vec<String>,
    /// The proxy's container, if there is one.
    pub proxy: Option<ProxyFacts>,
    /// Names below `.kamal/apps`.
    pub apps: Vec<String>,
}

/// State of a host's Docker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Docker {
    /// No `docker` command.
    #[default]
    Missing,
    /// The command is there and cannot talk to its daemon: what it said.
    Failing(String),
    /// The server's version.
    Running(String),
}

/// A container with a `service` label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Twelve hex digits.
    pub id: String,
    /// `shop-web-v1`.
    pub name: String,
    /// `running`, `exited`, `created`, `restarting`, `paused`, `dead`.
    pub state: String,
    /// The reference it was made from.
    pub image: String,
    /// Label.
    pub service: String,
    /// Label; empty for accessories.
    pub role: String,
    /// Label; empty without destination.
    pub destination: String,
}

impl Container {
    /// Running, or being restarted by Docker.
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "running" | "restarting")
    }

    /// Shown to some visitors only (`app rollout`).
    pub fn is_of_rollout(&self) -> bool {
        self.name.ends_with(app::ROLLOUT)
    }
}

/// The proxy of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyFacts {
    /// Reference its container was made from.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// What it serves.
    pub services: Vec<ListedService>,
}

/// The question: everything about a host that plans depend on.
pub fn probe(config: &Config, host: &str, images: &[String]) -> Job {
    let lines = vec![
        Line::quiet(Script::Text(ASK_DOCKER)),
        Line::quiet(list_containers()),
        Line::quiet(list_images(config, images)).optional(),
        Line::quiet(Script::Text(ASK_PROXY)).optional(),
        Line::quiet(Script::Text(ASK_APPS)).optional(),
    ];
    Job::new(Place::host(host), lines).showing(Output::Evidence)
}

/// Ends the probe early, and successfully, where there is no working Docker to ask more.
const ASK_DOCKER: &str = r#"command -v docker > /dev/null || { echo '@docker missing'; exit 0; }
if version=$(docker version --format '{{.Server.Version}}' 2>&1); then echo "@docker running $version"
else echo "@docker failing $(echo "$version" | tail -n 1)"; exit 0; fi"#;

const ASK_PROXY: &str = r#"docker inspect kamal-proxy --format '@proxy {{.State.Running}} {{.Config.Image}}' 2> /dev/null &&
docker exec kamal-proxy kamal-proxy list 2> /dev/null | sed 's/^/@list /'"#;

const ASK_APPS: &str = "ls .kamal/apps 2> /dev/null | sed 's/^/@app /'";

fn list_containers() -> Command {
    let format = r#"@container|{{.ID}}|{{.Names}}|{{.State}}|{{.Image}}|{{.Label "service"}}|{{.Label "role"}}|{{.Label "destination"}}"#;
    docker(["ps", "--all", "--filter", "label=service"]).option("--format", format)
}

fn list_images(config: &Config, images: &[String]) -> Script {
    let list = |reference: &str| {
        let filter = Word::literal(format!("reference={reference}"));
        docker(["image", "ls"])
            .option("--filter", filter)
            .option("--format", "@image {{.Repository}}:{{.Tag}}")
            .into()
    };
    Script::then(images.iter().map(String::as_str).chain([config.repository().as_str()]).map(list))
}

impl HostFacts {
    /// Reads what the probe printed.
    pub fn read(reply: &str) -> HostFacts {
        let mut facts = HostFacts::default();
        let mut listed = String::new();
        for line in reply.lines() {
            let (kind, rest) = line.split_once([' ', '|']).unwrap_or((line, ""));
            match kind {
                "@docker" => facts.docker = Docker::read(rest),
                "@container" => facts.containers.extend(Container::read(rest)),
                "@image" => facts.images.push(rest.to_string()),
                "@proxy" => facts.proxy = Some(ProxyFacts::read(rest)),
                "@list" => listed = listed + rest + "\n",
                "@app" => facts.apps.push(rest.to_string()),
                _ => {}
            }
        }
        if let Some(proxy) = &mut facts.proxy {
            proxy.services = proxy::parse_list(&listed);
        }
        facts
    }

    /// Containers of a role for this destination, newest first.
    pub fn of_role<'a>(&'a self, config: &'a Config, role: &'a Role) -> impl Iterator<Item = &'a Container> {
        let destination = config.destination.as_deref().unwrap_or_default();
        self.containers.iter().filter(move |container| {
            container.service == config.service
                && container.role == role.name
                && container.destination == destination
        })
    }

    /// The container of a role that serves now: the one the proxy sends requests to, else the newest that runs.
    pub fn current<'a>(&'a self, config: &'a Config, role: &'a Role) -> Option<&'a Container> {
        let running = || self.of_role(config, role).filter(|container| container.is_running());
        let service = config.prefix(role);
        let targets =
            self.proxy.iter().flat_map(|proxy| &proxy.services).find(|listed| listed.service == service);
        let is_target =
            |container: &&Container| targets.is_some_and(|listed| listed.targets_container(&container.id));
        running().find(is_target).or_else(|| running().find(|container| !container.is_of_rollout()))
    }

    /// Running containers of a role other than the current one, those of rollouts aside.
    pub fn stale<'a>(&'a self, config: &'a Config, role: &'a Role) -> Vec<&'a Container> {
        let current = self.current(config, role);
        let others = self.of_role(config, role).filter(|own| own.is_running() && !own.is_of_rollout());
        others.filter(|container| Some(*container) != current).collect()
    }

    /// Containers of a role that are shown to some visitors only, running or not.
    pub fn rollouts<'a>(&'a self, config: &'a Config, role: &'a Role) -> Vec<&'a Container> {
        self.of_role(config, role).filter(|own| own.is_of_rollout()).collect()
    }

    /// The container of exactly this name.
    pub fn named(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// The version in a container's name: `shop-web-v1` of `shop-web`.
pub fn version_of(container: &Container, prefix: &str) -> String {
    container.name.strip_prefix(&format!("{prefix}-")).unwrap_or(&container.name).to_string()
}

impl Docker {
    fn read(text: &str) -> Docker {
        match text.split_once(' ') {
            Some(("running", version)) => Docker::Running(version.to_string()),
            Some(("failing", why)) => Docker::Failing(why.to_string()),
            _ => Docker::Missing,
        }
    }
}

impl Container {
    fn read(text: &str) -> Option<Container> {
        let fields: Vec<String> = text.split('|').map(String::from).collect();
        let [id, name, state, image, service, role, destination] = fields.try_into().ok()?;
        Some(Container { id, name, state, image, service, role, destination })
    }
}

impl ProxyFacts {
    fn read(text: &str) -> ProxyFacts {
        let (running, image) = text.split_once(' ').unwrap_or((text, ""));
        ProxyFacts { image: image.to_string(), running: running == "true", services: Vec::new() }
    }
}

impl Facts {
    /// Adds a host's answer.
    pub fn insert(&mut self, host: &str, facts: HostFacts) {
        self.0.insert(host.to_string(), facts);
    }

    /// What a host said. Asking for one that was never probed is a mistake in a plan, answered as an empty host.
    pub fn of(&self, host: &str) -> HostFacts {
        self.0.get(host).cloned().unwrap_or_default()
    }

    /// Every host and what it said.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &HostFacts)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_reads_back() {
        let facts = HostFacts::read(
            "@docker running 20.10.24\n@container|0123456789ab|shop-web-v1|running|acme/shop:v1|shop|web|\n\
             @image acme/shop:v1\n@proxy true dhow-proxy:v1.1.0\n@app shop\n",
        );
        assert_eq!(facts.docker, Docker::Running("20.10.24".into()));
        assert_eq!(facts.containers[0].name, "shop-web-v1");
        assert!(facts.containers[0].is_running());
        assert_eq!(facts.images, ["acme/shop:v1"]);
        assert!(facts.proxy.is_some_and(|proxy| proxy.running));
        assert_eq!(facts.apps, ["shop"]);
    }

    #[test]
    fn a_host_without_docker_says_only_that() {
        assert_eq!(HostFacts::read("@docker missing\n"), HostFacts::default());
        let failing = HostFacts::read("@docker failing Cannot connect to the Docker daemon\n");
        assert_eq!(failing.docker, Docker::Failing("Cannot connect to the Docker daemon".into()));
    }
}
