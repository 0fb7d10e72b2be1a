//! What is asked of the local Docker.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

/// A local `docker` command that could not be started, failed, or answered in no form we know.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The program is not there or may not be run.
    #[error("cannot start `{program}`: {source}. Is Docker installed on this machine, and on the PATH?")]
    Start {
        /// The program that was to be run.
        program: String,
        /// Why it was not.
        source: io::Error,
    },
    /// It ended with another status than 0.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// The command line.
        command: String,
        /// What it wrote to stderr, or else its status.
        said: String,
    },
    /// Its answer is not what Docker 20.10 and later give.
    #[error(
        "`{command}` gave an answer that dhow cannot read: {source}. Is this Docker 20.10 or later, or podman's stand-in for it?"
    )]
    Answer {
        /// The command line.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The `docker` of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    program: &'a str,
    environment: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Client<'a> {
    /// The program of this name, in dhow's own environment.
    pub fn named(program: &'a str) -> Client<'a> {
        Client { program, environment: None }
    }

    /// The same in another environment: `DOCKER_HOST` in it says which Docker is meant.
    pub fn within(self, environment: &'a BTreeMap<String, String>) -> Client<'a> {
        Client { environment: Some(environment), ..self }
    }
}

/// What `docker image inspect` tells about an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    /// The image's ID: it changes when anything in the image changes.
    pub id: String,
    /// Every name the image has, in full. Docker writes null for none.
    #[serde(default)]
    pub repo_tags: Option<Vec<String>>,
}

/// Looks an image up. One that is not there is `DockerError::Failed`, in Docker's words.
pub(super) async fn inspect(docker: Client<'_>, reference: &str) -> Result<Inspected, DockerError> {
    let line = command_line(docker.program, &["image", "inspect"], reference);
    let output = command(docker, &["image", "inspect"], reference)
        .output()
        .await
        .map_err(|source| DockerError::Start { program: docker.program.to_owned(), source })?;
    if !output.status.success() {
        return Err(failed(line, &output));
    }
    match serde_json::from_slice::<[Inspected; 1]>(&output.stdout) {
        Ok([image]) => Ok(image),
        Err(source) => Err(DockerError::Answer { command: line, source }),
    }
}

/// Runs `docker save` and hands its output, a tar archive, to `read` on a thread that may block. `read` must read to
/// the end, whatever it finds: the command would fail otherwise, and hide why. When the returned future is dropped
/// the command is killed, so `read` comes to the end of its input.
pub(super) async fn save<T: Send + 'static>(
    docker: Client<'_>,
    reference: &str,
    read: impl FnOnce(File) -> T + Send + 'static,
) -> Result<T, DockerError> {
    let start = |source| DockerError::Start { program: docker.program.to_owned(), source };
    let mut child = command(docker, &["save"], reference).spawn().map_err(start)?;
    let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
    let stdout = File::from(stdout.into_owned_fd().map_err(start)?);
    let reading = tokio::task::spawn_blocking(move || read(stdout));
    let output = child.wait_with_output().await.map_err(start)?;
    let value = reading.await.expect("the reader does not panic and nobody aborts it");
    if !output.status.success() {
        return Err(failed(command_line(docker.program, &["save"], reference), &output));
    }
    Ok(value)
}

fn command(docker: Client<'_>, verb: &[&str], reference: &str) -> Command {
    let mut command = Command::new(docker.program);
    if let Some(environment) = docker.environment {
        command.env_clear().envs(environment);
    }
    command.args(verb).arg(reference).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn command_line(docker: &str, verb: &[&str], reference: &str) -> String {
    format!("{docker} {} {reference}", verb.join(" "))
}

fn failed(command: String, output: &std::process::Output) -> DockerError {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = match stderr.trim() {
        "" => output.status.to_string(),
        text => text.to_owned(),
    };
    DockerError::Failed { command, said }
}
