//! The project on disk: configuration, secrets, git, hooks. Read at the edge, handed to the core as values.

mod accessory_files;
mod key_files;
mod password_manager;
mod secrets_files;
mod surroundings;
mod tools;

pub use key_files::{KeyFiles, key_files};
pub use password_manager::fetch;
pub use surroundings::LocalSurroundings;

use crate::cli::Global;
use crate::images::Digest;
use dhow_core::config::{self, Config, ConfigErrors, Context, Document};
use dhow_core::plan::LocalFile;
use dhow_core::plan::build::Workspace;
use dhow_core::secrets::Secrets;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a project cannot be read.
#[derive(Debug)]
pub enum ProjectError {
    /// A file that has to be there.
    Missing(PathBuf),
    /// A file that cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What the configuration gets wrong.
    Config(ConfigErrors),
    /// What the secrets files get wrong, or anything else with a message of its own.
    Said(String),
}

impl fmt::Display for ProjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProjectError::Missing(path) => write!(
                f,
                "Configuration file not found in {}\n  hint: run dhow in the project's directory, name the file with -c, or write one with `dhow init`",
                path.display()
            ),
            ProjectError::Unreadable(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            // Whoever prints an error writes the first `error:`.
            ProjectError::Config(errors) => f.write_str(errors.to_string().trim_start_matches("error: ")),
            ProjectError::Said(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ProjectError {}

/// The configuration files a command line means, and what they say.
pub struct Project {
    /// Checked.
    pub config: Config,
    directory: PathBuf,
    global: Global,
    /// dhow's own, with what the configuration's ERB has set in it.
    environment: BTreeMap<String, String>,
}

impl Project {
    /// Reads the configuration and, with a destination, the file merged over it.
    pub fn read(global: &Global) -> Result<Project, ProjectError> {
        let directory =
            std::env::current_dir().map_err(|error| ProjectError::Unreadable(".".into(), error))?;
        let (base, destination) = documents(global)?;
        let surroundings = Arc::new(LocalSurroundings::new(&directory, environment(global), global));
        let context = context(global, Arc::clone(&surroundings));
        let config = Config::read(&base, destination.as_ref(), &context).map_err(ProjectError::Config)?;
        Ok(Project { config, directory, global: global.clone(), environment: surroundings.environment() })
    }

    /// dhow's environment with what the configuration's ERB has set in it: for programs on this machine.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn here(&self) -> tools::Here<'_> {
        tools::Here { directory: &self.directory, environment: &self.environment }
    }

    /// Evaluates the secrets files, running the commands in them.
    pub fn secrets(&self) -> Result<Secrets, ProjectError> {
        secrets_files::read(&self.global, &self.config, &self.environment, &self.directory)
    }

    /// Names of the hooks that exist.
    pub fn hooks(&self) -> Vec<String> {
        let names = dhow_core::commands::hook::NAMES.iter();
        let exists = |name: &&&str| self.directory.join(&self.config.hooks_path).join(name).is_file();
        names.filter(exists).map(ToString::to_string).collect()
    }

    /// Error pages to upload: `4??.html` and `5??.html` in `error_pages_path`.
    pub fn error_pages(&self) -> Result<Vec<(String, Vec<u8>)>, ProjectError> {
        let Some(path) = self.config.error_pages_path.as_ref().map(|path| self.directory.join(path)) else {
            return Ok(Vec::new());
        };
        let unreadable = |error| ProjectError::Unreadable(path.clone(), error);
        let mut pages = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_error_page(&name) {
                pages.push((name, std::fs::read(entry.path()).map_err(unreadable)?));
            }
        }
        pages.sort();
        Ok(pages)
    }

    /// Files that accessories mount. Those whose names end in `erb` are evaluated, in the accessory's environment.
    pub fn accessory_files(&self, secrets: &Secrets) -> Vec<LocalFile> {
        let files = |own| accessory_files::of(own, secrets, &self.global, &self.environment, &self.directory);
        self.config.accessories.iter().flat_map(files).collect()
    }

    /// Who runs this, for audit lines, hooks and the lock.
    pub async fn user(&self) -> User {
        let (name, email) = tools::git_user(self.here()).await;
        let login =
            std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
        User { name: name.unwrap_or_else(|| login.clone()), performer: email.unwrap_or(login) }
    }

    /// The version that would be deployed, and who says so. git is asked for no more than that takes.
    pub async fn version_and_origin(&self) -> Result<(String, &'static str), ProjectError> {
        let given = self.global.version.as_deref();
        let (commit, origin) = match (given, self.version_from_environment()) {
            (Some(_), _) => (None, "--version"),
            (None, Some(_)) => (None, "the environment variable VERSION"),
            (None, None) => {
                let with_changes = self.config.builder.context.is_some();
                (tools::commit(self.here(), with_changes).await, "git: the commit checked out here")
            }
        };
        let commit = commit.as_ref().map(|(revision, changes)| (revision.as_str(), changes.as_str()));
        Ok((version(given, self, commit, "0000000000000000")?, origin))
    }

    fn version_from_environment(&self) -> Option<String> {
        self.environment.get("VERSION").filter(|version| !version.is_empty()).cloned()
    }

    /// What plans need to know of this machine.
    pub async fn workspace(&self, builds: bool) -> Workspace {
        let git = tools::git(self.here()).await;
        let (has_docker, has_buildx) = if builds { tools::docker(self.here()).await } else { (false, false) };
        let digest = Digest::of(self.directory.as_os_str().as_encoded_bytes());
        let temporary = std::env::temp_dir().display().to_string();
        Workspace {
            directory: self.directory.display().to_string(),
            git,
            architecture: architecture().to_string(),
            has_docker,
            has_buildx,
            clones: dhow_core::commands::builder::clone_directory(
                &temporary,
                &self.config.service,
                digest.hex(),
            ),
            has_dockerfile: self.directory.join(&self.config.builder.dockerfile).is_file(),
        }
    }
}

/// Who runs dhow.
pub struct User {
    /// git's `user.name`, else the login name.
    pub name: String,
    /// git's `user.email`, else the login name.
    pub performer: String,
}

/// The time as the lock and the audit log write it: `2026-01-02T03:04:05Z`.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Where layers stay packed between runs: `$XDG_CACHE_HOME/dhow`, else `~/.cache/dhow`.
pub fn cache_directory() -> PathBuf {
    let given = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir).join(".cache");
    given.unwrap_or_else(home).join("dhow")
}

/// The version to deploy: as given, from `VERSION`, or the git commit (kamal-config 13), whose hash comes with what is not
/// committed.
pub fn version(
    given: Option<&str>,
    project: &Project,
    commit: Option<(&str, &str)>,
    random: &str,
) -> Result<String, ProjectError> {
    let config = &project.config;
    let version = match (given.map(String::from).or_else(|| project.version_from_environment()), commit) {
        (Some(version), _) => version,
        (None, Some((revision, changes))) if config.builder.context.is_some() && !changes.is_empty() => {
            format!("{revision}_uncommitted_{random}")
        }
        (None, Some((revision, _))) => revision.to_string(),
        (None, None) => {
            let text = "Can't use commit hash as version, no git repository found in CWD\n  hint: give one with --version, or `git init` and commit";
            return Err(ProjectError::Said(text.into()));
        }
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match version.chars().all(fits) && !version.is_empty() && version.len() <= 128 {
        true => Ok(version),
        false => Err(ProjectError::Said(format!(
            "'{version}' cannot be a version: it becomes an image tag, so letters, digits, `_`, `.` and `-` only"
        ))),
    }
}

/// `aliases:` as written, before anything else is checked.
pub fn aliases(global: &Global) -> BTreeMap<String, String> {
    // Whatever is wrong with the files is told by the command that needs them.
    let Ok((base, destination)) = documents(global) else { return BTreeMap::new() };
    let Ok(directory) = std::env::current_dir() else { return BTreeMap::new() };
    let context = context(global, Arc::new(LocalSurroundings::new(&directory, environment(global), global)));
    config::aliases(&base, destination.as_ref(), &context).unwrap_or_default()
}

/// `dhow config --explain KEY`, for keys of the files.
pub fn explain(global: &Global, key: &str) -> Result<String, ProjectError> {
    let directory = std::env::current_dir().map_err(|error| ProjectError::Unreadable(".".into(), error))?;
    let (base, destination) = documents(global)?;
    let surroundings = LocalSurroundings::new(&directory, environment(global), global);
    let context = context(global, Arc::new(surroundings));
    config::explain(&base, destination.as_ref(), &context, key)
        .map_err(|error| ProjectError::Said(error.to_string()))
}

fn context(global: &Global, surroundings: Arc<LocalSurroundings>) -> Context {
    Context {
        destination: global.destination.clone(),
        env: surroundings.environment(),
        local_arch: architecture().to_string(),
        surroundings,
    }
}

fn documents(global: &Global) -> Result<(Document, Option<Document>), ProjectError> {
    let base = document(&global.config_file)?;
    let over =
        global.destination.as_ref().map(|name| global.config_file.with_extension(format!("{name}.yml")));
    Ok((base, over.as_deref().map(document).transpose()?))
}

fn document(path: &Path) -> Result<Document, ProjectError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Document { path: path.display().to_string(), text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ProjectError::Missing(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())))
        }
        Err(error) => Err(ProjectError::Unreadable(path.to_path_buf(), error)),
    }
}

/// The process environment as a load of Kamal sees it: `KAMAL_DESTINATION` is set or removed.
pub fn environment(global: &Global) -> BTreeMap<String, String> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let mut environment: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
    environment.remove("KAMAL_DESTINATION");
    environment.extend(global.destination.iter().map(|name| ("KAMAL_DESTINATION".to_string(), name.clone())));
    environment
}

fn is_error_page(name: &str) -> bool {
    let status = name.strip_suffix(".html").unwrap_or_default();
    status.len() == 3 && status.starts_with(['4', '5'])
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }
}
