//! What git and docker on this machine say.

use dhow_core::commands::{builder, git};
use dhow_core::plan::build::GitFacts;
use dhow_core::shell::Command;
use std::path::Path;
use std::process::Stdio;

/// The repository around a directory.
pub async fn git(directory: &Path) -> Option<GitFacts> {
    let (root, revision, changes) = tokio::join!(
        ask(git::root(), directory),
        ask(git::revision(), directory),
        ask(git::uncommitted_changes(), directory),
    );
    Some(GitFacts { root: root?, revision: revision?, changes: changes? })
}

/// `user.name` and `user.email`, as far as git knows them.
pub async fn git_user(directory: &Path) -> (Option<String>, Option<String>) {
    let given = |answer: Option<String>| answer.filter(|text| !text.is_empty());
    let (name, email) = tokio::join!(ask(git::user_name(), directory), ask(git::user_email(), directory));
    (given(name), given(email))
}

/// Does Docker answer, and does its buildx?
pub async fn docker() -> (bool, bool) {
    let here = Path::new(".");
    let (docker, buildx) =
        tokio::join!(ask(builder::docker_version(), here), ask(builder::buildx_version(), here));
    (docker.is_some(), buildx.is_some())
}

/// The standard output of a successful command, without the last newline.
async fn ask(command: Command, directory: &Path) -> Option<String> {
    let words = command.argv();
    let asked = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).trim_end_matches('\n').to_string())
}
