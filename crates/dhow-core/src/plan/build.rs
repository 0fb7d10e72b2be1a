//! Building the image here, and bringing it to the hosts.

use super::{Input, Job, Line, Output, Place, Request, Step, audit, hooks, registry, short};
use crate::commands::builder::{self, Build, ImageBuilder};
use crate::shell::{Command, Script, Word, docker};

/// What is known of the operator's machine and project, besides the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Where dhow was started.
    pub directory: String,
    /// The git repository around it, if there is one.
    pub git: Option<GitFacts>,
    /// Docker's architecture word for this machine.
    pub architecture: String,
    /// Does `docker` answer?
    pub has_docker: bool,
    /// Does `docker buildx` answer?
    pub has_buildx: bool,
    /// Where clones to build from are kept.
    pub clones: String,
    /// Is the Dockerfile there?
    pub has_dockerfile: bool,
}

/// A git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Its top directory.
    pub root: String,
    /// Full hash of the commit.
    pub revision: String,
    /// `git status --porcelain`.
    pub changes: String,
}

/// How to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// Build every layer again.
    pub no_cache: bool,
    /// `registry`, or `docker` to keep the result here.
    pub output: String,
}

/// Builds and pushes (`build push`).
pub fn push(request: &Request, wanted: &BuildRequest) -> Result<Step, String> {
    let workspace = &request.workspace;
    let method = Method::choose(request)?;
    if !workspace.has_dockerfile && request.config.builder.pack.is_none() {
        return Err(format!(
            "Missing {}\n  hint: builder.dockerfile in config/deploy.yml names another file",
            request.config.builder.dockerfile
        ));
    }
    let mut lines = prepare_source(request);
    lines.extend(method.lines(request, wanted));
    let env = builder(request).environment(&request.secrets).map_err(|error| error.to_string())?;
    let job = Job { env, ..Job::new(Place::Here, lines).waiting(0).showing(Output::Progress) };
    let login = login_here(request, wanted)?;
    Ok(Step::InOrder(vec![login, hooks::hook(request, "pre-build"), say_changes(request), job.step()]))
}

/// Brings the image to every app host (`build pull`).
pub fn pull(request: &Request) -> Result<Step, String> {
    let pulls = request
        .targets
        .app_hosts()
        .into_iter()
        .map(|host| pull_on(request, host))
        .collect::<Result<_, _>>()?;
    Ok(Step::AtOnce(pulls))
}

fn pull_on(request: &Request, host: &str) -> Result<Step, String> {
    let config = &request.config;
    let image = config.absolute_image(&request.version);
    let name = format!("docker pull {}", config.absolute_image(short(&request.version)));
    let mut lines = vec![audit(request, None, &format!("Pulled image with version {}", request.version))];
    if config.registry.is_local() {
        lines.extend(pull_from_here(host, &image, name));
        let job = Job::new(Place::host(host), lines).waiting(3600).reading(Input::ServedImage);
        return Ok(job.step());
    }
    lines.extend(registry::login(request, &config.registry)?);
    lines.push(Line::new(name, builder::pull(config, &request.version)));
    Ok(Job::new(Place::host(host), lines).waiting(3600).step())
}

/// From the registry that dhow itself offers to the host for a moment, under a port that differs each time.
fn pull_from_here(host: &str, image: &str, name: String) -> Vec<Line> {
    let is_there = Line::quiet(Script::from(docker(["image", "inspect", image])).silent());
    if host == "localhost" {
        return vec![is_there];
    }
    let (_, path) = image.split_once('/').expect("a local registry is written localhost:PORT/IMAGE");
    let offered = || Word::raw("\"localhost:$DHOW_REGISTRY_PORT/\"").then(path);
    let name_changes = Script::and([
        Command::new("docker").word("tag").word(offered()).word(image).into(),
        Script::from(Command::new("docker").words(["image", "rm"]).word(offered())).silent(),
    ]);
    let pull = Command::new("docker").words(["pull", "--quiet"]).word(offered());
    let pull = Script::WriteTo(Word::literal("/dev/null"), Box::new(pull.into()));
    vec![Line::new(name, pull), Line::quiet(name_changes), is_there]
}

/// `build create`.
pub fn create(request: &Request) -> Step {
    let create = builder(request).create();
    here(create.map(|create| Line::new("create the builder", create)), Output::Progress)
}

/// `build remove`.
pub fn remove(request: &Request) -> Step {
    let remove = builder(request).remove();
    here(remove.map(|remove| Line::new("remove the builder", remove)), Output::Progress)
}

/// `build details`.
pub fn details(request: &Request) -> Step {
    here(Some(Line::quiet(builder(request).details())), Output::Raw)
}

fn builder(request: &Request) -> ImageBuilder<'_> {
    ImageBuilder::new(&request.config, &request.workspace.architecture)
}

fn here(line: Option<Line>, output: Output) -> Step {
    let job = |line| Job::new(Place::Here, vec![line]).waiting(600).showing(output).step();
    line.map_or_else(
        || {
            Step::Say(
                "This configuration uses Docker's own builder: there is nothing to create or remove".into(),
            )
        },
        job,
    )
}

/// How the image is built, given what this machine has.
enum Method {
    Plain,
    Builder,
}

impl Method {
    /// Plain `docker build` where it does the same: no builder container to fetch and to keep.
    fn choose(request: &Request) -> Result<Method, String> {
        let (config, workspace) = (&request.config, &request.workspace);
        if !workspace.has_docker {
            return Err("Docker is not installed locally, or does not run\n  hint: `docker version` shows why; with `--skip-push` an image from the registry is deployed".into());
        }
        let plain_does = builder(request).builds_plainly();
        let plain_wanted = config.registry.is_local() || config.builder.driver.as_deref() == Some("docker");
        match () {
            () if plain_does && (plain_wanted || !workspace.has_buildx) => Ok(Method::Plain),
            () if workspace.has_buildx || config.builder.pack.is_some() => Ok(Method::Builder),
            () => Err("Docker buildx plugin is not installed locally\n  hint: this configuration needs it (architectures, cache, secrets, ssh or a remote builder); the package is docker-buildx or docker-buildx-plugin".into()),
        }
    }

    fn lines(&self, request: &Request, wanted: &BuildRequest) -> Vec<Line> {
        let config = &request.config;
        let builder = builder(request);
        let keep_here = config.registry.is_local();
        let output = if keep_here { "docker" } else { &wanted.output };
        let context = config.builder.context.as_deref().unwrap_or(".");
        let build =
            Build { version: &request.version, output, context, no_cache: wanted.no_cache, dirty: false };
        let name = format!("docker build {}", config.absolute_image(short(&request.version)));
        match self {
            Method::Plain => {
                let push = (output == "registry").then(|| Line::new("docker push", builder.push(&build)));
                [Line::new(name, builder.plain_build(&build))].into_iter().chain(push).collect()
            }
            Method::Builder => {
                let ensure = builder.inspect().zip(builder.create());
                let ensure = ensure.map(|(inspect, create)| Line::quiet(inspect.silent().or(create)));
                ensure.into_iter().chain([Line::new(name, builder.build(&build))]).collect()
            }
        }
    }
}

fn login_here(request: &Request, wanted: &BuildRequest) -> Result<Step, String> {
    if wanted.output != "registry" || builder(request).used_remote().is_some() {
        return Ok(Step::nothing());
    }
    let login = registry::login(request, &request.config.registry)?;
    Ok(login.map_or_else(Step::nothing, |login| Job::new(Place::Here, vec![login]).step()))
}

/// A clean clone, unless `builder.context` says what to build from or there is no repository.
fn prepare_source(request: &Request) -> Vec<Line> {
    let workspace = &request.workspace;
    let Some(git) = workspace.git.as_ref().filter(|_| request.config.builder.context.is_none()) else {
        return Vec::new();
    };
    let name = git.root.rsplit('/').next().unwrap_or_default();
    let clone = format!("{}/{name}", workspace.clones);
    let directory = format!("{clone}{}", workspace.directory.strip_prefix(&git.root).unwrap_or_default());
    let is_clean = || Script::from(builder::is_clean_at(&clone, &git.revision));
    let exists: Script = Command::new("test").option("-d", &clone).into();
    let reset = Script::and([exists, builder::reset(&clone, &git.root, &git.revision), is_clean()]);
    let again = Script::and([
        Command::new("rm").option("-rf", &clone).into(),
        builder::clone(&git.root, &workspace.clones),
        is_clean(),
    ]);
    let prepare = Line::new(format!("clone the repository to {clone}"), reset.silent().or(again));
    vec![prepare, Line::quiet(Command::new("cd").word(directory))]
}

fn say_changes(request: &Request) -> Step {
    let Some(git) = request.workspace.git.as_ref().filter(|git| !git.changes.is_empty()) else {
        return Step::nothing();
    };
    let changes = git.changes.lines().map(|line| format!("\n  {line}")).collect::<String>();
    Step::Warn(match request.config.builder.context {
        None => format!("Building from a local git clone, so ignoring these uncommitted changes:{changes}"),
        Some(_) => format!("Building with uncommitted changes:{changes}"),
    })
}
