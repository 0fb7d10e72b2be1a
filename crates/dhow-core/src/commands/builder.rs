//! Building the image, on the operator's machine: which builder, how it is made, and what it is told.
//!
//! These run locally through `sh`, since build arguments and `ssh` may name variables of the operator's environment.

mod build;
mod cache;
mod clone;
mod pull;

pub use build::Build;
pub use clone::{clone, clone_directory, is_clean_at, reset};
pub use pull::pull;

use crate::config::{BuilderPack, Config};
use crate::shell::{Command, Script, docker, sh};

/// How the image is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuilderKind {
    /// Here.
    Local,
    /// On `builder.remote`.
    Remote,
    /// Here for our own architecture, on `builder.remote` for the others.
    Hybrid,
    /// In Docker Build Cloud.
    Cloud,
    /// Buildpacks instead of a Dockerfile.
    Pack,
}

/// The configured builder, on a machine of some architecture.
#[derive(Debug, Clone, Copy)]
pub struct ImageBuilder<'a> {
    config: &'a Config,
    architecture: &'a str,
}

impl<'a> ImageBuilder<'a> {
    /// `architecture` is this machine's, in Docker's words: see [`parse_architecture`].
    pub fn new(config: &'a Config, architecture: &'a str) -> Self {
        ImageBuilder { config, architecture }
    }

    /// Which kind the configuration asks for.
    pub fn kind(&self) -> BuilderKind {
        let builder = &self.config.builder;
        let [ours, theirs] = self.split_architectures();
        match &builder.remote {
            Some(_) if !theirs.is_empty() && !ours.is_empty() => BuilderKind::Hybrid,
            Some(_) if !theirs.is_empty() => BuilderKind::Remote,
            _ if builder.pack.is_some() => BuilderKind::Pack,
            _ if self.driver().starts_with("cloud") => BuilderKind::Cloud,
            _ => BuilderKind::Local,
        }
    }

    /// Name of the buildx builder, as Kamal calls it; `None` where Docker's own is used.
    pub fn name(&self) -> Option<String> {
        let registry = if self.config.registry.is_local() { "-local-registry" } else { "" };
        match self.kind() {
            BuilderKind::Local if self.driver() == "docker" => None,
            BuilderKind::Local if registry.is_empty() => Some(format!("kamal-local-{}", self.driver())),
            BuilderKind::Local => Some(format!("kamal-local-registry-{}", self.driver())),
            BuilderKind::Remote => Some(format!("kamal-remote-{}{registry}", self.remote_slug())),
            BuilderKind::Hybrid => {
                Some(format!("kamal-hybrid-{}-{}{registry}", self.driver(), self.remote_slug()))
            }
            BuilderKind::Cloud => Some(self.driver().replace([' ', '/'], "-")),
            BuilderKind::Pack => None,
        }
    }

    /// The builder that builds; as in Kamal, the driver `docker` leaves even a remote one unused.
    fn used_builder(&self) -> Option<String> {
        self.name().filter(|_| self.driver() != "docker")
    }

    /// Succeeds if the builder exists and, for a remote, points where the configuration says. `None`: nothing to ask.
    pub fn inspect(&self) -> Option<Script> {
        if let Some(pack) = self.pack() {
            return Some(Command::new("pack").words(["builder", "inspect", &pack.builder]).into());
        }
        let name = self.name()?;
        Some(match self.kind() {
            BuilderKind::Remote | BuilderKind::Hybrid => sh(INSPECT_REMOTE, [&name, self.remote()]).into(),
            _ => docker(["buildx", "inspect", &name]).into(),
        })
    }

    /// Makes the builder. `None`: nothing to make.
    pub fn create(&self) -> Option<Script> {
        let name = self.name()?;
        Some(match self.kind() {
            BuilderKind::Local | BuilderKind::Pack => self.create_here(&name).into(),
            BuilderKind::Cloud => {
                docker(["buildx", "create", "--driver"]).words(self.driver().split(' ')).into()
            }
            BuilderKind::Remote => {
                Script::and([self.create_context(&name), self.create_there(&name, &[]).into()])
            }
            BuilderKind::Hybrid => self.create_both(&name),
        })
    }

    /// Removes the builder, and the context of a remote. `None`: nothing to remove.
    pub fn remove(&self) -> Option<Script> {
        let name = self.name()?;
        let builder = docker(["buildx", "rm", &name]);
        Some(match self.kind() {
            BuilderKind::Remote | BuilderKind::Hybrid => {
                Script::then([docker(["context", "rm"]).word(context_name(&name)).into(), builder.into()])
            }
            _ => builder.into(),
        })
    }

    /// Docker's table of builders, for people.
    pub fn details(&self) -> Script {
        match self.pack() {
            Some(pack) => Command::new("pack").words(["builder", "inspect", &pack.builder]).into(),
            None => Script::then([docker(["context", "ls"]).into(), docker(["buildx", "ls"]).into()]),
        }
    }

    /// `builder.remote`, where the build uses it.
    pub fn used_remote(&self) -> Option<&'a str> {
        matches!(self.kind(), BuilderKind::Remote | BuilderKind::Hybrid).then(|| self.remote())
    }

    fn pack(&self) -> Option<&'a BuilderPack> {
        self.config.builder.pack.as_ref().filter(|_| self.kind() == BuilderKind::Pack)
    }

    fn is_local(&self) -> bool {
        self.kind() == BuilderKind::Local
    }

    fn driver(&self) -> &'a str {
        self.config.builder.driver.as_deref().unwrap_or("docker-container")
    }

    fn remote(&self) -> &'a str {
        self.config.builder.remote.as_deref().unwrap_or_default()
    }

    fn remote_slug(&self) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        self.remote().chars().map(|c| if plain(c) { c } else { '-' }).collect()
    }

    /// Architectures built here and on the remote.
    fn split_architectures(&self) -> [Vec<&'a str>; 2] {
        let builder = &self.config.builder;
        let here = |arch: &&str| builder.local && *arch == self.architecture;
        let (ours, theirs) = builder.arch.iter().map(String::as_str).partition(here);
        [ours, theirs]
    }

    fn create_here(&self, name: &str) -> Command {
        self.on_host_network(
            docker(["buildx", "create", "--name", name]).word(format!("--driver={}", self.driver())),
        )
    }

    fn create_context(&self, name: &str) -> Script {
        let create = docker(["context", "create"]).word(context_name(name));
        let host = format!("host={}", self.remote());
        create.option("--description", format!("{name} host")).option("--docker", host).into()
    }

    fn create_there(&self, name: &str, more: &[&str]) -> Command {
        let create = docker(["buildx", "create"]).words(more.iter().copied()).option("--name", name);
        self.on_host_network(create).word(context_name(name))
    }

    fn create_both(&self, name: &str) -> Script {
        let [ours, theirs] = self.split_architectures().map(|archs| platforms(&archs));
        let here = docker(["buildx", "create", "--platform", &ours, "--name", name]);
        let here = self.on_host_network(here.word(format!("--driver={}", self.driver())));
        let there = self.create_there(name, &["--platform", &theirs, "--append"]);
        Script::and([here.into(), self.create_context(name), there.into()])
    }

    /// A local registry is on this machine's loopback.
    fn on_host_network(&self, create: Command) -> Command {
        create.words(
            self.config.registry.is_local().then_some(["--driver-opt", "network=host"]).into_iter().flatten(),
        )
    }
}

/// Succeeds if Docker is here.
pub fn docker_version() -> Command {
    docker(["--version"])
}

/// Succeeds if Docker's buildx plugin is here.
pub fn buildx_version() -> Command {
    docker(["buildx", "version"])
}

fn context_name(builder: &str) -> String {
    format!("{builder}-context")
}

fn platforms(architectures: &[impl AsRef<str>]) -> String {
    let all: Vec<String> = architectures.iter().map(|arch| format!("linux/{}", arch.as_ref())).collect();
    all.join(",")
}

/// `$1` builder, `$2` where its context should point.
const INSPECT_REMOTE: &str = r#"docker buildx inspect "$1" | grep -q "Endpoint:.*$1-context" &&
docker context inspect "$1-context" --format '{{.Endpoints.docker.Host}}' | grep -xqF -e "$2""#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{registry, with};
    use crate::config::Builder;

    fn on_amd64(change: impl FnOnce(&mut Builder), check: impl FnOnce(ImageBuilder)) {
        check(ImageBuilder::new(&with(|config| change(&mut config.builder)), "amd64"));
    }

    fn shows(script: Option<Script>, expected: &str) {
        assert_eq!(script.expect("a script").to_string(), expected);
    }

    #[test]
    fn by_default_a_builder_of_its_own_is_used() {
        on_amd64(
            |_| (),
            |builder| {
                assert_eq!(builder.kind(), BuilderKind::Local);
                shows(builder.inspect(), "docker buildx inspect kamal-local-docker-container");
                shows(
                    builder.create(),
                    "docker buildx create --name kamal-local-docker-container --driver=docker-container",
                );
                shows(builder.remove(), "docker buildx rm kamal-local-docker-container");
            },
        );
    }

    #[test]
    fn dockers_own_builder_is_not_made() {
        on_amd64(
            |builder| builder.driver = Some("docker".to_string()),
            |builder| {
                assert_eq!(builder.name(), None);
                assert_eq!((builder.inspect(), builder.create(), builder.remove()), (None, None, None));
            },
        );
    }

    #[test]
    fn a_remote_builds_what_this_machine_does_not() {
        let remote = |arch: &[&str]| {
            let arch: Vec<String> = arch.iter().map(|arch| (*arch).to_string()).collect();
            move |builder: &mut Builder| {
                builder.remote = Some("ssh://root@1.1.1.9".to_string());
                builder.arch = arch;
            }
        };
        on_amd64(remote(&["amd64"]), |builder| assert_eq!(builder.kind(), BuilderKind::Local));
        on_amd64(remote(&["arm64"]), |builder| {
            let name = "kamal-remote-ssh---root-1-1-1-9";
            assert_eq!(builder.name().as_deref(), Some(name));
            let context = format!(
                "docker context create {name}-context --description '{name} host' --docker host=ssh://root@1.1.1.9"
            );
            shows(
                builder.create(),
                &format!("{context} && docker buildx create --name {name} {name}-context"),
            );
            shows(builder.remove(), &format!("docker context rm {name}-context ; docker buildx rm {name}"));
        });
        on_amd64(remote(&["amd64", "arm64"]), |builder| {
            let name = "kamal-hybrid-docker-container-ssh---root-1-1-1-9";
            assert_eq!(builder.name().as_deref(), Some(name));
            let create = builder.create().expect("a script").to_string();
            let here = format!(
                "docker buildx create --platform linux/amd64 --name {name} --driver=docker-container && "
            );
            let there = format!(
                " && docker buildx create --platform linux/arm64 --append --name {name} {name}-context"
            );
            assert!(create.starts_with(&here) && create.ends_with(&there), "{create}");
        });
    }

    #[test]
    fn local_false_leaves_everything_to_the_remote() {
        let all_there = |builder: &mut Builder| {
            builder.remote = Some("ssh://root@1.1.1.9".to_string());
            builder.local = false;
        };
        on_amd64(all_there, |builder| {
            assert_eq!(builder.kind(), BuilderKind::Remote);
            assert_eq!(builder.used_remote(), Some("ssh://root@1.1.1.9"));
        });
    }

    #[test]
    fn the_cloud_is_a_driver_with_a_name() {
        on_amd64(
            |builder| builder.driver = Some("cloud acme/shop".to_string()),
            |builder| {
                assert_eq!(builder.name().as_deref(), Some("cloud-acme-shop"));
                shows(builder.create(), "docker buildx create --driver cloud acme/shop");
            },
        );
    }

    #[test]
    fn a_builder_for_a_local_registry_shares_this_machines_network() {
        let config = with(|config| config.registry = registry("localhost:5555"));
        let builder = ImageBuilder::new(&config, "amd64");
        shows(
            builder.create(),
            "docker buildx create --name kamal-local-registry-docker-container --driver=docker-container \
             --driver-opt network=host",
        );
    }
}
