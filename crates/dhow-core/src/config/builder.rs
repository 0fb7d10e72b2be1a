//! `builder:`.

use super::errors::Errors;
use super::keys::builder::FIELDS;
use super::node::Node;
use super::options;
use super::schema::check;
use super::setting::Setting;

/// How the image is built. See the config sheet, section 8, for what each key turns into.
#[derive(Debug, Clone, PartialEq)]
pub struct Builder {
    /// `amd64`, `arm64`, …; never empty.
    pub arch: Vec<String>,
    /// `ssh://…` or `tcp://…`.
    pub remote: Option<String>,
    /// Default true.
    pub local: bool,
    /// Default `docker-container`; `None` when not written.
    pub driver: Option<String>,
    /// As written; `None` builds from a clean git clone.
    pub context: Option<String>,
    /// Default `Dockerfile`.
    pub dockerfile: String,
    /// `--target`.
    pub target: Option<String>,
    /// `--build-arg`, in file order; a blank value is a bare name.
    pub args: Vec<(String, String)>,
    /// `--secret id=`.
    pub secrets: Vec<String>,
    /// `--ssh`.
    pub ssh: Option<String>,
    /// `--cache-from`, `--cache-to`.
    pub cache: Option<BuilderCache>,
    /// `--provenance`.
    pub provenance: Option<String>,
    /// `--sbom`.
    pub sbom: Option<bool>,
    /// Buildpacks instead of a Dockerfile.
    pub pack: Option<BuilderPack>,
}

/// `builder.cache`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderCache {
    /// `type`.
    pub kind: CacheKind,
    /// As written, comma separated.
    pub options: Option<String>,
    /// Repository of the cache image.
    pub image: Option<String>,
}

/// `builder.cache.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheKind {
    /// GitHub Actions.
    Gha,
    /// An image beside the app's.
    Registry,
}

/// `builder.pack`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderPack {
    /// The builder image.
    pub builder: String,
    /// In order.
    pub buildpacks: Vec<String>,
}

impl Builder {
    /// Checks the section. `arch` may be left out where dhow's own registry is used.
    pub(super) fn check(builder: &Setting, needs_arch: bool, errors: &mut Errors) {
        check(builder, FIELDS, errors);
        let cache = builder.section("cache");
        if let Some(kind) =
            cache.get("type").filter(|kind| kind.node.text().is_some() && kind.node.bool() != Some(false))
            && kind.node.text().as_deref().and_then(CacheKind::named).is_none()
        {
            let name = kind.node.text().unwrap_or_default();
            errors.plain(&kind, format!("builder: Invalid cache type: {name}")).hint("gha or registry");
        }
        let arch = builder.get("arch");
        if needs_arch
            && arch.as_ref().is_none_or(|arch| arch.node.is_blank())
            && !errors.any_under("builder/arch")
        {
            errors.at(builder, "Builder arch not set").hint("builder:\n  arch: amd64");
        }
        let arches = arch.and_then(|arch| arch.node.list().map(<[Node]>::len)).unwrap_or(1);
        if builder.get("pack").is_some() && arches > 1 {
            errors.at(builder, "buildpacks only support building for one arch");
        }
        if builder.bool("local") == Some(false)
            && builder.get("remote").is_none_or(|remote| remote.node.is_blank())
        {
            errors.at(builder, "Cannot disable local builds, no remote is set");
        }
    }

    /// Reads the checked section.
    pub(super) fn read(builder: &Setting, local_arch: &str, errors: &mut Errors) -> Builder {
        let mut arch = builder.text("arch").map_or_else(|| builder.texts("arch"), |arch| vec![arch]);
        if arch.is_empty() {
            arch.push(local_arch.to_string());
        }
        let read = Builder {
            arch,
            remote: builder.filled_text("remote"),
            local: builder.bool("local").unwrap_or(true),
            driver: builder.text("driver"),
            context: builder.text("context"),
            dockerfile: builder.text("dockerfile").unwrap_or_else(|| "Dockerfile".to_string()),
            target: builder.filled_text("target"),
            args: read_args(builder),
            secrets: builder.texts("secrets"),
            ssh: builder.filled_text("ssh"),
            cache: BuilderCache::read(&builder.section("cache")),
            provenance: builder.section("provenance").node.text(),
            sbom: builder.bool("sbom"),
            pack: builder.get("pack").map(|pack| BuilderPack::read(&pack)),
        };
        read.warn_of_docker_driver(builder, errors);
        read
    }

    /// Does part of the build happen on the remote builder?
    pub(super) fn builds_remotely(&self, local_arch: &str) -> bool {
        self.remote.is_some() && (!self.local || self.arch.iter().any(|arch| arch != local_arch))
    }

    /// Kamal means to refuse these and does not; the build fails later.
    fn warn_of_docker_driver(&self, builder: &Setting, errors: &mut Errors) {
        if self.driver.as_deref() != Some("docker") {
            return;
        }
        let unfit = [
            (self.remote.is_some(), "remote"),
            (self.cache.is_some(), "cache"),
            (self.arch.len() > 1, "arch"),
        ];
        for (_, key) in unfit.into_iter().filter(|(unfit, _)| *unfit) {
            let setting = builder.section(key);
            errors.warn(setting.place(), format!("builder/{key}: the docker driver does not support this"));
        }
    }
}

impl BuilderCache {
    fn read(cache: &Setting) -> Option<BuilderCache> {
        let kind = CacheKind::named(&cache.text("type")?)?;
        Some(BuilderCache { kind, options: cache.text("options"), image: cache.text("image") })
    }
}

impl CacheKind {
    fn named(name: &str) -> Option<CacheKind> {
        match name {
            "gha" => Some(CacheKind::Gha),
            "registry" => Some(CacheKind::Registry),
            _ => None,
        }
    }
}

impl BuilderPack {
    fn read(pack: &Setting) -> BuilderPack {
        BuilderPack {
            builder: pack.text("builder").unwrap_or_default(),
            buildpacks: pack.texts("buildpacks"),
        }
    }
}

/// Unlike in `options`, `true` is a value here: `--build-arg NAME="true"`.
fn read_args(builder: &Setting) -> Vec<(String, String)> {
    let args = builder.section("args");
    args.entries().map(|(key, value)| (key.key_text(), options::word(value.node))).collect()
}
