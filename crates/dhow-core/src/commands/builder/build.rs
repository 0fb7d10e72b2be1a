//! The build itself: `docker buildx build`, plain `docker build`, or `pack build`.

use super::{ImageBuilder, cache, platforms};
use crate::config::BuilderPack;
use crate::secrets::{MissingSecret, Secret, Secrets};
use crate::shell::{Command, Script, Word, docker};

/// What one build is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build<'a> {
    /// Tag besides `latest`.
    pub version: &'a str,
    /// Where the result goes: `registry` pushes it, `docker` keeps it in this machine's store, or what else buildx knows.
    pub output: &'a str,
    /// Directory, archive or URL; `.` in a clone.
    pub context: &'a str,
    /// Builds every layer again.
    pub no_cache: bool,
    /// Tags with `-dirty`: built from files that no commit has.
    pub dirty: bool,
}

impl ImageBuilder<'_> {
    /// Builds, and pushes where the output is the registry; with buildx or, for buildpacks, with `pack`.
    pub fn build(&self, build: &Build) -> Script {
        match self.pack() {
            None => self.buildx_build(build).into(),
            Some(pack) if build.output == "registry" => {
                Script::and([self.pack_build(pack, build).into(), self.push(build)])
            }
            Some(pack) => self.pack_build(pack, build).into(),
        }
    }

    /// Can plain `docker build` do the same? For machines without the buildx plugin, and for the driver `docker`.
    pub fn builds_plainly(&self) -> bool {
        let builder = &self.config.builder;
        let needs_buildkit = builder.ssh.is_some()
            || builder.cache.is_some()
            || builder.provenance.is_some()
            || builder.sbom.is_some()
            || !builder.secrets.is_empty();
        self.is_local() && builder.arch == [self.architecture] && !needs_buildkit
    }

    /// Builds into this machine's image store without buildx; the build's output is not looked at.
    pub fn plain_build(&self, build: &Build) -> Command {
        let tagged = docker(["build"]).words(self.tags(build));
        self.instruct(tagged).words(build.no_cache.then_some("--no-cache")).word(build.context)
    }

    /// Pushes both tags from this machine's image store.
    pub fn push(&self, build: &Build) -> Script {
        Script::and(self.images(build).map(|image| docker(["push"]).word(image).into()))
    }

    /// What the build command finds in its environment: its secrets by name, and for a remote a word to BuildKit not to
    /// ask this machine for registry tokens.
    pub fn environment(&self, secrets: &Secrets) -> Result<Vec<(String, Secret)>, MissingSecret> {
        let names = self.config.builder.secrets.iter();
        let found = names.map(|key| Ok((key.clone(), secrets.find(key)?.clone())));
        let no_token =
            self.used_remote().map(|_| Ok(("BUILDKIT_NO_CLIENT_TOKEN".to_string(), Secret::new("1"))));
        found.chain(no_token).collect()
    }

    fn buildx_build(&self, build: &Build) -> Command {
        let tagged = docker(["buildx", "build"])
            .word(format!("--output=type={}", build.output))
            .option("--platform", platforms(&self.config.builder.arch))
            .words(self.used_builder().into_iter().flat_map(|name| ["--builder".to_string(), name]))
            .words(self.tags(build))
            .words(cache::arguments(self.config));
        self.instruct(tagged).words(build.no_cache.then_some("--no-cache")).word(build.context)
    }

    /// Secrets are only named: `pack` takes their values from the environment.
    fn pack_build(&self, pack: &BuilderPack, build: &Build) -> Command {
        let builder = &self.config.builder;
        let buildpacks = pack.buildpacks.iter().map(String::as_str).chain(["paketo-buildpacks/image-labels"]);
        Command::new("pack")
            .option("build", self.config.repository())
            .option("--platform", platforms(&builder.arch))
            .words(["--creation-time", "now", "--builder", &pack.builder])
            .words(buildpacks.flat_map(|buildpack| ["--buildpack", buildpack]))
            .words(self.tags(build))
            .words(build.no_cache.then_some("--clear-cache"))
            .option("--env", format!("BP_IMAGE_LABELS=service={}", self.config.service))
            .extend(self.arguments("--env"))
            .words(builder.secrets.iter().flat_map(|key| ["--env", key]))
            .option("--path", build.context)
    }

    /// The flags that every way to build with a Dockerfile shares.
    fn instruct(&self, command: Command) -> Command {
        let builder = &self.config.builder;
        command
            .option("--label", format!("service={}", self.config.service))
            .extend(self.arguments("--build-arg"))
            .words(builder.secrets.iter().flat_map(|key| ["--secret".to_string(), format!("id={key}")]))
            .option("--file", &builder.dockerfile)
            .words(builder.target.iter().flat_map(|target| ["--target", target]))
            .words(builder.ssh.iter().flat_map(|ssh| [Word::literal("--ssh"), Word::raw(ssh)]))
            .words(builder.provenance.iter().flat_map(|provenance| ["--provenance", provenance]))
            .words(builder.sbom.iter().flat_map(|sbom| ["--sbom".to_string(), sbom.to_string()]))
    }

    /// Not shown, as in Kamal: templates put tokens here.
    fn arguments(&self, flag: &str) -> Vec<Word> {
        let argument = |(name, value): &(String, String)| [Word::literal(flag), argument(name, value)];
        self.config.builder.args.iter().flat_map(argument).collect()
    }

    fn tags(&self, build: &Build) -> Vec<String> {
        self.images(build).into_iter().flat_map(|image| ["-t".to_string(), image]).collect()
    }

    fn images(&self, build: &Build) -> [String; 2] {
        let suffix = if build.dirty { "-dirty" } else { "" };
        [self.config.absolute_image(build.version), self.config.latest_image()].map(|image| image + suffix)
    }
}

fn argument(name: &str, value: &str) -> Word {
    if value.trim().is_empty() {
        return Word::literal(name);
    }
    Word::literal(format!("{name}=")).then(Word::expanded_secret(Secret::new(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{added, config, pairs, staging, with};
    use crate::config::{Builder, BuilderCache, CacheKind, Config};

    const BUILD: Build =
        Build { version: "2", output: "registry", context: ".", no_cache: false, dirty: false };

    fn builds(config: &Config, build: &Build) -> String {
        ImageBuilder::new(config, "amd64").build(build).to_string()
    }

    fn adds(change: impl FnOnce(&mut Builder)) -> String {
        added(&builds(&config(), &BUILD), &builds(&with(|config| change(&mut config.builder)), &BUILD))
    }

    #[test]
    fn build_is_kamals_line() {
        assert_eq!(
            builds(&config(), &BUILD),
            "docker buildx build --output=type=registry --platform linux/amd64 \
             --builder kamal-local-docker-container -t ghcr.io/acme/shop:2 -t ghcr.io/acme/shop:latest \
             --label service=shop --file Dockerfile ."
        );
    }

    #[test]
    fn settings_add_their_flags() {
        let text = |text: &str| Some(text.to_string());
        assert_eq!(adds(|builder| builder.secrets = vec!["TOKEN".to_string()]), "--secret id=TOKEN");
        assert_eq!(adds(|builder| builder.target = text("app")), "--target app");
        assert_eq!(
            adds(|builder| builder.ssh = text("default=$SSH_AUTH_SOCK")),
            "--ssh default=$SSH_AUTH_SOCK"
        );
        assert_eq!(adds(|builder| builder.provenance = text("mode=max")), "--provenance mode=max");
        assert_eq!(adds(|builder| builder.sbom = Some(false)), "--sbom false");
        let both = with(|config| config.builder.arch.push("arm64".to_string()));
        assert!(builds(&both, &BUILD).contains(" --platform linux/amd64,linux/arm64 "));
        let gha = BuilderCache { kind: CacheKind::Gha, options: None, image: None };
        assert_eq!(adds(|builder| builder.cache = Some(gha)), "--cache-to type=gha --cache-from type=gha");
        let fresh = Build { no_cache: true, ..BUILD };
        assert_eq!(added(&builds(&config(), &BUILD), &builds(&config(), &fresh)), "--no-cache");
    }

    #[test]
    fn build_arguments_are_not_shown() {
        let args = pairs(&[("TOKEN", "${GH} x"), ("CI", " ")]);
        assert_eq!(
            adds(|builder| builder.args = args.clone()),
            "--build-arg TOKEN=[REDACTED] --build-arg CI"
        );
        let config = with(|config| config.builder.args = args);
        let revealed = ImageBuilder::new(&config, "amd64").build(&BUILD).reveal();
        assert!(revealed.contains(r#" --build-arg TOKEN="${GH} x" --build-arg CI "#), "{revealed}");
    }

    #[test]
    fn a_dirty_build_has_tags_of_its_own() {
        let dirty = Build { dirty: true, output: "docker", ..BUILD };
        let line = builds(&staging(), &dirty);
        assert!(line.contains("--output=type=docker"), "{line}");
        assert!(
            line.contains("-t ghcr.io/acme/shop:2-dirty -t ghcr.io/acme/shop:latest-staging-dirty"),
            "{line}"
        );
    }

    #[test]
    fn plain_docker_builds_one_platform_without_extras() {
        let config = config();
        let builder = ImageBuilder::new(&config, "amd64");
        assert!(builder.builds_plainly() && !ImageBuilder::new(&config, "arm64").builds_plainly());
        assert_eq!(
            builder.plain_build(&BUILD).to_string(),
            "docker build -t ghcr.io/acme/shop:2 -t ghcr.io/acme/shop:latest --label service=shop \
             --file Dockerfile ."
        );
        assert_eq!(
            builder.push(&BUILD).to_string(),
            "docker push ghcr.io/acme/shop:2 && docker push ghcr.io/acme/shop:latest"
        );
        let secret = with(|config| config.builder.secrets = vec!["TOKEN".to_string()]);
        assert!(!ImageBuilder::new(&secret, "amd64").builds_plainly());
    }

    #[test]
    fn secrets_are_in_the_environment_by_name() {
        let config = with(|config| {
            config.builder.secrets = vec!["TOKEN".to_string()];
            config.builder.remote = Some("ssh://root@builder".to_string());
        });
        let secrets = Secrets::new([("TOKEN".to_string(), Secret::new("t"))].into(), Vec::new());
        let environment = ImageBuilder::new(&config, "arm64").environment(&secrets).unwrap();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
        assert_eq!(environment, [("TOKEN", "t"), ("BUILDKIT_NO_CLIENT_TOKEN", "1")]);
        assert!(ImageBuilder::new(&config, "arm64").environment(&Secrets::default()).is_err());
    }

    #[test]
    fn buildpacks_are_built_by_pack_and_pushed_by_docker() {
        let config = with(|config| {
            let buildpacks = vec!["heroku/ruby".to_string()];
            config.builder.pack = Some(BuilderPack { builder: "heroku/builder:24".to_string(), buildpacks });
            config.builder.args = pairs(&[("A", "b")]);
            config.builder.secrets = vec!["TOKEN".to_string()];
        });
        assert_eq!(
            builds(&config, &BUILD),
            "pack build ghcr.io/acme/shop --platform linux/amd64 --creation-time now --builder heroku/builder:24 \
             --buildpack heroku/ruby --buildpack paketo-buildpacks/image-labels -t ghcr.io/acme/shop:2 \
             -t ghcr.io/acme/shop:latest --env BP_IMAGE_LABELS=service=shop --env A=[REDACTED] --env TOKEN --path . \
             && { docker push ghcr.io/acme/shop:2 && docker push ghcr.io/acme/shop:latest; }"
        );
        assert!(!builds(&config, &Build { output: "docker", ..BUILD }).contains("push"));
    }
}
