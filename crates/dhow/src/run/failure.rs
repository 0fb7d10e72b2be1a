//! What can go wrong in a run, and how it reads to a tired person.

use super::held_lock::HeldLock;
use crate::world::{Finished, WorldError};
use dhow_core::plan::{Job, Output, Place};
use std::fmt;

/// Why a run ended early.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A command failed.
    Job(Box<JobFailure>),
    /// A command could not be run to its end.
    World(WorldError),
    /// A plan found that it cannot go on.
    Said(String),
    /// Somebody else holds the deploy lock.
    LockHeld(HeldLock),
    /// The lock could not be given back.
    LockStays(Box<Failure>),
    /// The primary role did not become healthy, so this role was not touched.
    Halted {
        /// The role it waited for.
        primary: String,
        /// The role that waited.
        role: String,
        /// On this host.
        host: String,
    },
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// Several at once, each different.
    Many(Vec<Failure>),
}

/// A command that ended with another status than 0.
#[derive(Debug, Clone)]
pub struct JobFailure {
    at: Place,
    name: String,
    command: String,
    complaint: Option<String>,
    advice: Option<String>,
    raw: bool,
    /// How it ended.
    pub finished: Finished,
}

impl JobFailure {
    /// Of a job's last begun line.
    pub fn new(job: &Job, finished: Finished) -> JobFailure {
        let line = job.lines.get(finished.line).or(job.lines.first());
        JobFailure {
            at: job.at.clone(),
            name: line.map(|line| line.name.clone()).unwrap_or_default(),
            command: line.map(|line| line.script.to_string()).unwrap_or_default(),
            complaint: line.and_then(|line| line.complaint.clone()),
            advice: line.and_then(|line| line.advice.clone()),
            raw: job.output == Output::Raw,
            finished,
        }
    }
}

impl Failure {
    /// No failure, the only one, or all of them.
    pub fn all(failures: Vec<Failure>) -> Result<(), Failure> {
        let mut flat: Vec<Failure> = Vec::new();
        for failure in failures {
            match failure {
                Failure::Many(inner) => flat.extend(inner),
                Failure::Interrupted if flat.iter().any(|seen| matches!(seen, Failure::Interrupted)) => {}
                single => flat.push(single),
            }
        }
        match flat.len() {
            0 => Ok(()),
            1 => Err(flat.remove(0)),
            _ => Err(Failure::Many(flat)),
        }
    }

    /// Was it the user's own command, whose output and exit status were passed on?
    pub fn is_remote_status(&self) -> bool {
        matches!(self, Failure::Job(job) if job.raw)
    }

    /// The exit status of dhow: the remote one where a single command decided, 130 after an interrupt.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Interrupted => 130,
            Failure::Job(job) if job.raw => u8::try_from(job.finished.status).unwrap_or(255),
            Failure::Many(all) if all.iter().any(|one| matches!(one, Failure::Interrupted)) => 130,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Job(job) => job.fmt(f),
            Failure::World(error) => error.fmt(f),
            Failure::Said(text) => f.write_str(text),
            Failure::LockHeld(held) => held.fmt(f),
            Failure::LockStays(why) => {
                write!(
                    f,
                    "the deploy lock could not be released and stays: {why}\n  release it with: dhow lock release"
                )
            }
            Failure::Halted { primary, role, host } => {
                write!(f, "First {primary} container is unhealthy, not booting {role} on {host}")
            }
            Failure::Interrupted => f.write_str("interrupted"),
            Failure::Many(all) => {
                write!(f, "{} things failed:", all.len())?;
                all.iter().try_for_each(|one| write!(f, "\n- {}", one.to_string().replace('\n', "\n  ")))
            }
        }
    }
}

/// Lines of output kept in a message.
const TAIL: usize = 20;

impl fmt::Display for JobFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.name.is_empty() { first_line(&self.command) } else { &self.name };
        match &self.complaint {
            Some(complaint) => f.write_str(complaint)?,
            None => write!(f, "{what} failed on {} with exit status {}", self.at, self.finished.status)?,
        }
        for (stream, bytes) in [("stdout", &self.finished.stdout), ("stderr", &self.finished.stderr)] {
            for line in tail(bytes) {
                write!(f, "\n  {stream}: {line}")?;
            }
        }
        let said = String::from_utf8_lossy(&self.finished.stderr);
        match self.advice.as_deref().or_else(|| hint(&said)) {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn tail(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(String::from).collect();
    lines[lines.len().saturating_sub(TAIL)..].to_vec()
}

/// What usually helps, by what Docker says; the only place that reads its messages.
fn hint(stderr: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 10] = [
        (
            "docker: not found",
            "Docker is not installed there: `dhow setup` or `dhow server bootstrap` installs it",
        ),
        (
            "docker: command not found",
            "Docker is not installed there: `dhow setup` or `dhow server bootstrap` installs it",
        ),
        (
            "no space left on device",
            "the host's disk is full: `dhow prune all`, or `docker system prune` on the host",
        ),
        (
            "manifest unknown",
            "that version was never pushed to the registry: deploy without --skip-push, or check --version",
        ),
        (
            "manifest for",
            "that version was never pushed to the registry: deploy without --skip-push, or check --version",
        ),
        (
            "unauthorized",
            "the registry does not accept the user name or password: check registry.username and registry.password",
        ),
        (
            "denied: requested access",
            "the account may not use that repository: check image and registry in config/deploy.yml",
        ),
        (
            "permission denied while trying to connect to the Docker daemon",
            "the SSH user may not use Docker: add it to the docker group, or set ssh.user",
        ),
        (
            "Cannot connect to the Docker daemon",
            "Docker is installed but does not run: `systemctl start docker` on the host",
        ),
        ("port is already allocated", "another program or container on the host uses that port"),
    ];
    HINTS.iter().find(|(said, _)| stderr.contains(said)).map(|(_, hint)| *hint)
}
