//! One run: the request put together, the world opened, a plan executed, everything closed again.

use crate::cli::Global;
use crate::images;
use crate::interrupt;
use crate::project::{self, Project, ProjectError};
use crate::report::{Event, Human, LogFile, Otel, Redaction, Report, Several, Verbosity};
use crate::run::{Effects, Failure, Runner};
use crate::world::{Live, SshOptions};
use dhow_core::facts::Facts;
use dhow_core::plan::{Ids, LockWait, Request, Selection, Step, Targets, deploy};
use dhow_core::secrets::Secrets;
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;
use tokio::sync::watch;

/// What a verb needs before it can be planned; what it does not need is not asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// Values of the secrets files.
    pub secrets: bool,
    /// Docker on this machine.
    pub builds: bool,
    /// A version to deploy.
    pub version: bool,
    /// Contents of accessories' files.
    pub files: bool,
}

impl Needs {
    /// Whether secrets are needed where these hooks exist: `pre-connect` finds them in its environment.
    pub fn secrets_with(&self, hooks: &[String]) -> bool {
        self.secrets || hooks.iter().any(|hook| hook == "pre-connect")
    }
}

/// A run that is ready to be planned.
pub struct Session {
    /// What is asked for.
    pub request: Request,
    /// Prints for the user.
    pub report: Human,
    redaction: Redaction,
    started: Instant,
    effects: Effects,
    live: Live,
}

/// Why a run could not begin, or ended early.
pub enum SessionError {
    /// The project or the command line.
    Project(ProjectError),
    /// Anything with a message.
    Said(String),
    /// The run itself, and what must not show when it is told.
    Failed(Box<Failure>, Redaction),
    /// A command of the user's own ended with this status and has said why.
    Status(u8),
}

impl From<ProjectError> for SessionError {
    fn from(error: ProjectError) -> Self {
        SessionError::Project(error)
    }
}

impl From<String> for SessionError {
    fn from(text: String) -> Self {
        SessionError::Said(text)
    }
}

impl SessionError {
    /// Is there nothing to add to what a command of the user's own has written?
    pub fn is_remote_status(&self) -> bool {
        match self {
            SessionError::Failed(failure, _) => failure.is_remote_status(),
            SessionError::Status(_) => true,
            SessionError::Project(_) | SessionError::Said(_) => false,
        }
    }

    /// Exit status for it.
    pub fn exit_status(&self) -> u8 {
        match self {
            SessionError::Failed(failure, _) => failure.exit_status(),
            SessionError::Status(status) => *status,
            SessionError::Project(_) | SessionError::Said(_) => 1,
        }
    }
}

impl Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SessionError::Project(error) => error.fmt(f),
            SessionError::Said(text) => f.write_str(text),
            SessionError::Failed(failure, redaction) => f.write_str(&redaction.of(&failure.to_string())),
            SessionError::Status(status) => write!(f, "exit status {status}"),
        }
    }
}

impl Session {
    /// Reads the project and puts the request together.
    pub async fn open(
        global: &Global,
        command: (&str, Option<&str>),
        needs: Needs,
    ) -> Result<Session, SessionError> {
        let started = Instant::now();
        let project = Project::read(global)?;
        let with_secrets = needs.secrets_with(&hooks(global, &project));
        let secrets = if with_secrets { project.secrets()? } else { Secrets::default() };
        let redaction = Redaction::new(secrets.iter().map(|(_, value)| value.reveal().to_string()));
        let report = Human::new(verbosity(global), redaction.clone());
        project.config.warnings.iter().for_each(|warning| report.event(Event::Warn(warning)));
        let environment = project.environment().clone();
        let key_files = project::key_files(&project.config, &secrets)?;
        let request = request(global, command, needs, project, secrets).await?;
        let options =
            SshOptions::new(&request.config.ssh, &key_files.paths(), std::io::stdin().is_terminal());
        let starts = request.config.sshkit.max_concurrent_starts as usize;
        let reference = request.config.absolute_image(&request.version);
        let live = Live::new(
            options,
            key_files,
            starts.max(1),
            (reference, &project::cache_directory()),
            environment,
        )
        .map_err(|error| format!("no temporary directory for connections: {error}"))?;
        let effects = if global.dry_run { Effects::Shown } else { Effects::Done };
        Ok(Session { request, report, redaction, started, effects, live })
    }

    /// Executes a plan and closes the connections, however it ends.
    pub async fn run(&self, plan: &Step) -> Result<(), SessionError> {
        let (log, otel) = (self.log_file(plan)?, self.otel(plan));
        let others =
            [log.as_ref().map(|log| log as &dyn Report), otel.as_ref().map(|otel| otel as &dyn Report)];
        let report =
            Several([&self.report as &dyn Report].into_iter().chain(others.into_iter().flatten()).collect());
        let runner = self.runner(&report, interrupt::watch(plan.takes_lock()));
        let (done, ()) = tokio::join!(runner.run(plan), self.connect_ahead());
        self.live.close().await;
        let (failure, took) = (done.as_ref().err().map(ToString::to_string), self.started.elapsed());
        if let Some(log) = log {
            log.finish(failure.as_deref(), took);
            self.report.event(Event::Say(&format!("Logs written to {}", log.path().display())));
        }
        if let Some(otel) = otel {
            match otel.finish(failure.as_deref(), took).await {
                Ok(endpoint) => self.report.event(Event::Say(&format!("Logs sent to {endpoint}"))),
                Err(why) => self.report.event(Event::Warn(&format!("OTel log shipping failed: {why}"))),
            }
        }
        match done {
            // Whoever ends `logs -f` needs no error.
            Err(Failure::Interrupted) if !plan.takes_lock() => {
                Err(SessionError::Status(Failure::Interrupted.exit_status()))
            }
            done => done.map_err(|failure| self.failed(failure)),
        }
    }

    /// What changes something is told elsewhere too, and what a hook of a running dhow calls is not.
    fn is_told_elsewhere(&self, plan: &Step) -> bool {
        plan.takes_lock() && !self.request.lock_inherited && self.effects == Effects::Done
    }

    /// `output.otel`.
    fn otel(&self, plan: &Step) -> Option<Otel> {
        let endpoint = self.request.config.output.otel_endpoint.as_ref();
        let endpoint = endpoint.filter(|_| self.is_told_elsewhere(plan))?;
        Some(Otel::start(endpoint, (&self.request).into(), self.redaction.clone()))
    }

    /// `output.file`.
    fn log_file(&self, plan: &Step) -> Result<Option<LogFile>, SessionError> {
        let request = &self.request;
        let directory = request.config.output.file_path.as_ref();
        let Some(directory) = directory.filter(|_| self.is_told_elsewhere(plan)) else {
            return Ok(None);
        };
        let (command, subcommand) = &request.command;
        let destination = request.config.destination.as_deref();
        let words: Vec<&str> =
            destination.into_iter().chain([command.as_str()]).chain(subcommand.as_deref()).collect();
        let created = LogFile::create(Path::new(directory), &request.at, &words, self.redaction.clone());
        created.map(Some).map_err(|error| {
            let hint = "output.file.path is where each run writes its log";
            format!("cannot write a log into {directory}: {error}\n  hint: {hint}").into()
        })
    }

    fn failed(&self, failure: Failure) -> SessionError {
        SessionError::Failed(Box::new(failure), self.redaction.clone())
    }

    /// Connects while the image is built, unless hook `pre-connect` has to come first.
    async fn connect_ahead(&self) {
        if !self.request.hooks.iter().any(|hook| hook == "pre-connect") {
            self.live.connect_ahead(self.request.targets.hosts()).await;
        }
    }

    /// Runs hook `pre-connect`, for what is not a plan.
    pub async fn connect(&self) -> Result<(), SessionError> {
        let runner = self.runner(&self.report, interrupt::watch(false));
        let done = runner.run(&deploy::connecting(&self.request, Step::nothing())).await;
        done.map_err(|failure| self.failed(failure))
    }

    /// The same, saying at the end how long it took.
    pub async fn run_timed(&self, plan: &Step) -> Result<(), SessionError> {
        let done = self.run(plan).await;
        let seconds = self.started.elapsed().as_secs_f32();
        self.report.event(Event::Say(&format!("  Finished all in {seconds:.1} seconds")));
        done
    }

    /// What the selected hosts say.
    pub async fn facts(&self) -> Result<Facts, SessionError> {
        let observed = self.runner(&self.report, interrupt::watch(false)).observe_all().await;
        observed.map_err(|failure| self.failed(failure))
    }

    /// The world, for what is not a plan: an interactive command.
    pub fn live(&self) -> &Live {
        &self.live
    }

    fn runner<'a>(&'a self, report: &'a dyn Report, interrupted: watch::Receiver<bool>) -> Runner<'a> {
        Runner::new(&self.live, report, &self.request, interrupted, self.started, self.effects)
    }
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

async fn request(
    global: &Global,
    command: (&str, Option<&str>),
    needs: Needs,
    project: Project,
    secrets: Secrets,
) -> Result<Request, SessionError> {
    let selection =
        Selection { hosts: global.hosts.clone(), roles: global.roles.clone(), primary: global.primary };
    let targets = Targets::select(&project.config, &selection).map_err(|error| error.to_string())?;
    let ids = Ids { seed: RandomState::new().hash_one(std::process::id()) };
    let (workspace, user) = tokio::join!(project.workspace(needs.builds), project.user());
    let version = version(global, needs, &project, &workspace, &ids)?;
    Ok(Request {
        version,
        version_given: global.version.is_some(),
        performer: user.performer,
        locked_by: user.name,
        at: project::now(),
        ids,
        hooks: hooks(global, &project),
        command: (command.0.to_string(), command.1.map(String::from)),
        roles_given: global.roles.clone(),
        lock_inherited: std::env::var("KAMAL_LOCK").is_ok_and(|value| value == "true"),
        lock_wait: global
            .lock_wait
            .then_some(LockWait { timeout: global.lock_wait_timeout, interval: global.lock_wait_interval }),
        passes_input: !std::io::stdin().is_terminal(),
        workspace,
        proxy_image: images::proxy_reference(),
        error_pages: project.error_pages()?,
        files: if needs.files { project.accessory_files(&secrets) } else { Vec::new() },
        config: project.config,
        secrets,
        targets,
    })
}

fn hooks(global: &Global, project: &Project) -> Vec<String> {
    if global.skip_hooks { Vec::new() } else { project.hooks() }
}

fn version(
    global: &Global,
    needs: Needs,
    project: &Project,
    workspace: &dhow_core::plan::build::Workspace,
    ids: &Ids,
) -> Result<String, SessionError> {
    let found = project::version(
        global.version.as_deref(),
        project,
        workspace.git.as_ref().map(|git| (git.revision.as_str(), git.changes.as_str())),
        &ids.hex("uncommitted", 16),
    );
    match found {
        Err(error) if needs.version || global.version.is_some() => Err(error.into()),
        // Whoever only looks at what runs can do without.
        found => Ok(found.unwrap_or_default()),
    }
}
