//! `builder:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "builder",
    path: "builder",
    title: "Builder",
    intro: "How the image is built. Unless `context` says otherwise, it is built from a fresh clone of the \
        git repository: what is not committed does not get in.",
};

const CACHE: Fields = &[
    field("type", Kind::Text, "where layers are cached", "registry")
        .more("`gha` is the cache of GitHub Actions, `registry` an image beside the app's.")
        .one_of(&["gha", "registry"])
        .otherwise("no cache"),
    field("options", Kind::Text, "options of the cache", "mode=max")
        .more("As docker's `--cache-to` takes them, separated by commas.")
        .otherwise("none"),
    field("image", Kind::Text, "repository of the cache", "acme/shop-build-cache")
        .more("For `type: registry`; the registry's server is put in front.")
        .otherwise("the app's image followed by `-build-cache`"),
];

const PACK: Fields = &[
    field("builder", Kind::Text, "the builder image", "heroku/builder:24")
        .more("Any Cloud Native Buildpacks builder.")
        .required(),
    field("buildpacks", Kind::Texts, "buildpacks in their order", "[heroku/ruby, heroku/procfile]")
        .otherwise("those the builder finds fitting"),
];

pub(in crate::config) const FIELDS: Fields = &[
    field("arch", Kind::TextOrTexts, "what to build for", "amd64")
        .more("The processor architectures of the servers, as docker names them: `amd64`, `arm64`.")
        .in_dhow("without a registry it may be left out, and is this machine's.")
        .required(),
    field("remote", Kind::Text, "a docker host to build on", "ssh://docker@builder")
        .more("It builds what this machine is not made for; with `local: false`, everything.")
        .like("^(ssh|tcp)://")
        .otherwise("images are built on this machine"),
    field("local", Kind::Boolean, "whether to build on this machine too", "true")
        .more("`false` needs a `remote`.")
        .default("true"),
    field("driver", Kind::Text, "what builds", "docker-container")
        .more(
            "A driver of docker buildx: `docker-container`, `docker` (no cache, one architecture), or `cloud \
             ORG/NAME` for Docker Build Cloud.",
        )
        .otherwise("docker-container"),
    field("context", Kind::Text, "directory to build instead of a clean clone", ".")
        .more("With `.` the files are taken as they are, uncommitted changes included.")
        .otherwise("a clean clone of the git repository; without git, `.`"),
    field("dockerfile", Kind::Text, "path of the Dockerfile", "Dockerfile.production").default("Dockerfile"),
    field("target", Kind::Text, "stage to build", "production").otherwise("the last one of the Dockerfile"),
    field("args", Kind::Flags(&[]), "build arguments", "{RUBY_VERSION: 3.4.1}")
        .more("They stay visible in the image: secrets belong under `secrets`.")
        .default("{}"),
    field("secrets", Kind::Texts, "names of secrets for the build", "[GITHUB_TOKEN]")
        .more(
            "The Dockerfile reads them with `RUN --mount=type=secret,id=NAME`; they do not stay in the \
             image.",
        )
        .default("[]"),
    field("ssh", Kind::Text, "agent or keys for the build", "default=$SSH_AUTH_SOCK")
        .more("As docker's `--ssh` takes it; variables are those of this machine.")
        .otherwise("none"),
    field("cache", Kind::Fields(CACHE), "cache of layers", "{type: registry, options: mode=max}")
        .more("Layers that another machine has built are not built again.")
        .otherwise("no cache beside the builder's own"),
    field("provenance", Kind::Text, "provenance attestation", "mode=max")
        .more("As docker's `--provenance` takes it, `false` included.")
        .otherwise("docker's own default"),
    field("sbom", Kind::Boolean, "list of what is in the image", "true")
        .more("An attestation made by docker, as `--sbom` does.")
        .otherwise("docker's own default"),
    field("pack", Kind::Fields(PACK), "buildpacks instead of a Dockerfile", "{builder: heroku/builder:24}")
        .more("Built by `pack`, for one architecture.")
        .otherwise("the Dockerfile is built"),
];
