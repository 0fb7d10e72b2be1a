//! What a verb will do, as a value: printed by `--dry-run`, compared by tests, executed by the runner.
//!
//! A verb is planned in phases. A phase is a plain function of configuration, facts and request; where a later one
//! needs to see what the earlier ones did, the plan says [`Step::Decide`] and the runner observes again first.

pub mod accessory;
pub mod app;
pub mod boot;
pub mod build;
pub mod deploy;
mod hooks;
pub mod lock;
mod phase;
pub mod proxy;
mod registry;
pub mod remove;
mod request;
pub mod rollback;
pub mod server;
mod targets;

pub use phase::Phase;
pub use request::{Ids, LocalFile, Request};
pub use targets::{Selection, Targets, TargetsError};

use crate::commands::auditor;
use crate::config::{Config, Role};
use crate::secrets::Secret;
use crate::shell::Script;
use std::fmt;

/// Where something runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The operator's machine, in the project's directory.
    Here,
    /// A server, in the SSH user's home directory. `localhost` is this machine without SSH.
    Host(String),
}

impl Place {
    /// The server of that name.
    pub fn host(name: &str) -> Place {
        Place::Host(name.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Here => f.write_str("this machine"),
            Place::Host(host) => f.write_str(host),
        }
    }
}

/// A step of a plan. Closed: everything a verb does is one of these shapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Tell the operator, in Kamal's words.
    Say(String),
    /// Tell the operator something that wants attention.
    Warn(String),
    /// Run a job.
    Run(Job),
    /// One after the other; the first failure ends it.
    InOrder(Vec<Step>),
    /// At the same time; all finish, then the failures are reported together.
    AtOnce(Vec<Step>),
    /// Hold the deploy lock around the body, and give it back however the body ends.
    Holding {
        /// Takes the lock.
        acquire: Job,
        /// Gives it back.
        release: Job,
        /// Whether to wait where another deploy holds it.
        wait: Option<LockWait>,
        /// What is done under the lock.
        body: Box<Step>,
    },
    /// If the body fails or is interrupted, undo.
    OrUndo {
        /// What is tried.
        body: Box<Step>,
        /// What puts things back.
        undo: Box<Step>,
    },
    /// Kamal's barrier: the first body to succeed opens the gate, a body that fails first closes it.
    OpensGate(Box<Step>),
    /// Wait until the gate is decided; closed is a failure.
    AwaitGate {
        /// The role that opens it.
        primary: String,
        /// The role that waits.
        role: String,
        /// The host that waits.
        host: String,
    },
    /// Pause for so many seconds.
    Pause(u32),
    /// Observe the hosts again, then plan this phase and go on with it.
    Decide(Phase),
    /// Fail with this message.
    Fail(String),
}

/// `--lock-wait`: how long, and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWait {
    /// Seconds at most.
    pub timeout: u32,
    /// Seconds between tries.
    pub interval: u32,
}

impl Step {
    /// Nothing to do.
    pub fn nothing() -> Step {
        Step::InOrder(Vec::new())
    }

    /// Does it take the deploy lock, so that an interrupt has things to put back?
    pub fn takes_lock(&self) -> bool {
        match self {
            Step::InOrder(steps) | Step::AtOnce(steps) => steps.iter().any(Step::takes_lock),
            Step::Holding { .. } => true,
            _ => false,
        }
    }

    /// Is there nothing to do?
    pub fn is_nothing(&self) -> bool {
        match self {
            Step::InOrder(steps) | Step::AtOnce(steps) => steps.iter().all(Step::is_nothing),
            _ => false,
        }
    }
}

/// A few commands at one place, sent together and answered together.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Where.
    pub at: Place,
    /// In order; the first failure ends the job unless the line says otherwise.
    pub lines: Vec<Line>,
    /// Seconds after which it is given up, on the host as well.
    pub deadline: u32,
    /// What an interrupt does to it while it runs.
    pub when_interrupted: WhenInterrupted,
    /// What becomes of its standard output.
    pub output: Output,
    /// What its last line reads as standard input.
    pub input: Input,
    /// Variables for a local program, secrets among them.
    pub env: Vec<(String, Secret)>,
    /// The host is connected to anew afterwards: the user's groups have changed.
    pub renews_connection: bool,
}

impl Job {
    /// A job whose output only matters when it fails.
    pub fn new(at: Place, lines: Vec<Line>) -> Job {
        Job {
            at,
            lines,
            deadline: 120,
            when_interrupted: WhenInterrupted::Finish,
            output: Output::OnFailure,
            input: Input::Nothing,
            env: Vec::new(),
            renews_connection: false,
        }
    }

    /// With another deadline, in seconds, and free to be cut short by an interrupt.
    #[must_use]
    pub fn waiting(mut self, deadline: u32) -> Job {
        self.deadline = deadline;
        self.when_interrupted = WhenInterrupted::Abandon;
        self
    }

    /// With its output shown.
    #[must_use]
    pub fn showing(mut self, output: Output) -> Job {
        self.output = output;
        self
    }

    /// With standard input. Anything but [`Input::Nothing`] and [`Input::ServedImage`] wants a single line.
    #[must_use]
    pub fn reading(mut self, input: Input) -> Job {
        self.input = input;
        self
    }

    /// The byte that begins a mark on standard error: the number of the line that starts now, then a newline.
    pub const MARK: u8 = 0x1e;

    /// The text for a shell, secrets included. It is one function, so a script cut off on its way does nothing at all.
    ///
    /// A job that may be abandoned ends with its connection: it is stopped once its standard input is closed, which
    /// happens however dhow ends. So whoever sends it keeps that open.
    pub fn script(&self) -> String {
        let mut text = String::from("dhow() {\n");
        for (number, line) in self.lines.iter().enumerate() {
            let otherwise = match line.on_failure {
                OnFailure::Stop => "return $?",
                OnFailure::Ignore => "true",
            };
            text +=
                &format!("printf '\\036{number}\\n' >&2\n{{ {}\n}} || {otherwise}\n", line.script.reveal());
        }
        text + match self.when_interrupted {
            WhenInterrupted::Finish => "}\ndhow < /dev/null\n",
            WhenInterrupted::Abandon => ENDING_WITH_INPUT,
        }
    }

    /// The text of a job whose standard input is taken: its line alone, for an argument list.
    pub fn only_line(&self) -> String {
        self.lines.iter().map(|line| line.script.reveal()).collect()
    }

    /// As a step.
    pub fn step(self) -> Step {
        Step::Run(self)
    }
}

/// The job in the background and a watcher on standard input; whichever ends first ends the other. Signal 0 goes to the
/// process group, which is the job's alone: sshd and dhow start every one in a group of its own.
const ENDING_WITH_INPUT: &str = "}
exec 3<&0
dhow < /dev/null 3<&- & job=$!
{ cat <&3 > /dev/null; kill -TERM 0; } > /dev/null 2>&1 & watcher=$!
wait $job; status=$?; kill $watcher 2> /dev/null; exit $status
";

/// One command of a job, with what a person calls it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What a person sees while it runs; empty to stay silent.
    pub name: String,
    /// What is run.
    pub script: Script,
    /// Whether a failure matters.
    pub on_failure: OnFailure,
    /// What a failure means, where that says more than that the command failed.
    pub complaint: Option<String>,
    /// What to look at after a failure, where that is known beforehand.
    pub advice: Option<String>,
}

impl Line {
    /// A command that has to succeed.
    pub fn new(name: impl Into<String>, script: impl Into<Script>) -> Line {
        Line {
            name: name.into(),
            script: script.into(),
            on_failure: OnFailure::Stop,
            complaint: None,
            advice: None,
        }
    }

    /// A command nobody needs to see.
    pub fn quiet(script: impl Into<Script>) -> Line {
        Line::new("", script)
    }

    /// A command whose failure means this, in a sentence that names the host.
    #[must_use]
    pub fn or_say(mut self, complaint: impl Into<String>) -> Line {
        self.complaint = Some(complaint.into());
        self
    }

    /// A command after whose failure this is what to look at.
    #[must_use]
    pub fn or_advise(mut self, advice: impl Into<String>) -> Line {
        self.advice = Some(advice.into());
        self
    }

    /// A command whose failure changes nothing.
    #[must_use]
    pub fn optional(mut self) -> Line {
        self.on_failure = OnFailure::Ignore;
        self
    }
}

/// Whether a failure ends the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The job fails.
    Stop,
    /// The job goes on.
    Ignore,
}

/// What an interrupt (Ctrl-C, SIGTERM) does to a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenInterrupted {
    /// It is short and leaves something half-done when cut: wait for its end.
    Finish,
    /// It only waits or can be repeated: leave it.
    Abandon,
}

/// What becomes of a job's standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Shown only in the error message.
    OnFailure,
    /// A result, under a heading, on standard output once complete: `App Host: 10.0.0.1`.
    Result {
        /// `App`, `Proxy`, `Accessory db`; no heading where empty.
        heading: String,
        /// Shown instead when the command fails.
        if_failed: Option<String>,
    },
    /// Lines as they come on standard error, progress of a build or a hook.
    Progress,
    /// Lines on standard error, all of them once complete: what a person needs to see of one host in one piece.
    Told,
    /// Bytes as they come, untouched, on standard output; errors on standard error.
    Raw,
    /// Lines as they come, each with the host's name in front if there are several.
    Follow,
    /// Kept: evidence for an error message.
    Evidence,
}

/// Standard input of a job's command. Anything but `Nothing` allows one line only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Empty.
    Nothing,
    /// dhow's own standard input.
    Stdin,
    /// The archive of the proxy's image.
    ProxyImage,
    /// Empty, and while the job runs the built image is offered to the host as a registry at
    /// `localhost:$DHOW_REGISTRY_PORT`.
    ServedImage,
}

/// A line of the audit log. A log that cannot be written is no reason to stop.
fn audit(request: &Request, role: Option<&Role>, text: &str) -> Line {
    let role = role.map(|role| role.name.as_str());
    Line::quiet(auditor::record(&request.config, &request.performer, &request.at, role, text)).optional()
}

/// Seconds a job may take that waits for health and for draining.
fn wait_deadline(config: &Config) -> u32 {
    let readiness = u32::try_from(config.readiness_delay).unwrap_or_default();
    config.deploy_timeout + config.drain_timeout + readiness + 30
}

/// A version as a person reads it: seven digits of a commit's hash, any other version in full.
fn short(version: &str) -> &str {
    let is_hash = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &version[..7] } else { version }
}
