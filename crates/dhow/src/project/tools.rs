//! What git and docker on this machine say.

use dhow_core::commands::{builder, git};
use dhow_core::plan::build::GitFacts;
use dhow_core::shell::Command;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

/// Where programs are asked.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// The project's directory.
    pub directory: &'a Path,
    /// What they find in their environment.
    pub environment: &'a BTreeMap<String, String>,
}

/// The repository around a directory.
pub async fn git(here: Here<'_>) -> Option<GitFacts> {
    let (root, revision, changes) = tokio::join!(
        ask(git::root(), here),
        ask(git::revision(), here),
        ask(git::uncommitted_changes(), here),
    );
    Some(GitFacts { root: root?, revision: revision?, changes: changes? })
}

/// The commit checked out and, if asked for, what is not committed.
pub async fn commit(here: Here<'_>, with_changes: bool) -> Option<(String, String)> {
    let revision = ask(git::revision(), here).await?;
    let changes = match with_changes {
        true => ask(git::uncommitted_changes(), here).await?,
        false => String::new(),
    };
    Some((revision, changes))
}

/// `user.name` and `user.email`, as far as git knows them.
pub async fn git_user(here: Here<'_>) -> (Option<String>, Option<String>) {
    let given = |answer: Option<String>| answer.filter(|text| !text.is_empty());
    let (name, email) = tokio::join!(ask(git::user_name(), here), ask(git::user_email(), here));
    (given(name), given(email))
}

/// Does Docker answer, and does its buildx?
pub async fn docker(here: Here<'_>) -> (bool, bool) {
    let (docker, buildx) =
        tokio::join!(ask(builder::docker_version(), here), ask(builder::buildx_version(), here));
    (docker.is_some(), buildx.is_some())
}

/// The standard output of a successful command, without the last newline.
async fn ask(command: Command, here: Here<'_>) -> Option<String> {
    let words = command.argv();
    let asked = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .env_clear()
        .envs(here.environment)
        .current_dir(here.directory)
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).trim_end_matches('\n').to_string())
}
