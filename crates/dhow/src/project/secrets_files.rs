//! `.kamal/secrets`: which files count (kamal-config 14.1), and running the commands in them.

use super::ProjectError;
use crate::cli::{Cli, Global, Secrets as Verbs, Verb};
use clap::Parser;
use dhow_core::config::{Config, Document};
use dhow_core::secrets::dotenv::CommandFailed;
use dhow_core::secrets::inline;
use dhow_core::secrets::{Secret, Secrets};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Reads `SECRETS-common`, then `SECRETS.DEST` or `SECRETS`; missing files are passed over.
pub fn read(
    global: &Global,
    config: &Config,
    environment: &Environment,
    directory: &Path,
) -> Result<Secrets, ProjectError> {
    let paths = Secrets::paths(&config.secrets_path, config.destination.as_deref());
    let mut files = Vec::new();
    for path in &paths {
        match std::fs::read_to_string(directory.join(path)) {
            Ok(text) => files.push(Document { path: path.clone(), text }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ProjectError::Unreadable(path.into(), error)),
        }
    }
    let mut run = |command: &str| substitute(command, global, environment, directory);
    let secrets = Secrets::read(&files, environment, &mut run);
    secrets.map(|secrets| secrets.searched(paths)).map_err(|error| ProjectError::Said(error.to_string()))
}

type Environment = std::collections::BTreeMap<String, String>;

/// What a command prints. `kamal secrets fetch` and `extract` need no program of that name: they are answered here.
fn substitute(
    command: &str,
    global: &Global,
    environment: &Environment,
    directory: &Path,
) -> Result<String, CommandFailed> {
    match inline::arguments(command) {
        Some(words) => answer(&words, global, directory)
            .map(|secret| secret.reveal().to_string())
            .map_err(|status| CommandFailed { status, stderr: String::new() }),
        None => shell(command, environment, directory)
            .unwrap_or_else(|error| Err(CommandFailed { status: error.to_string(), stderr: String::new() })),
    }
}

/// The answer of `secrets` with these words behind it.
pub fn answer(words: &[String], global: &Global, directory: &Path) -> Result<Secret, String> {
    let line = ["dhow", "secrets"].map(String::from).into_iter().chain(words.iter().cloned());
    match Cli::try_parse_from(line).map_err(|usage| misused(words, &usage))?.verb {
        Verb::Secrets(Verbs::Fetch(options)) => {
            let fetched = super::fetch(global, &options, directory).map_err(|error| error.to_string())?;
            Ok(fetched.to_word())
        }
        Verb::Secrets(Verbs::Extract { name, json }) => {
            inline::extract(&name, &json).map_err(|error| error.to_string())
        }
        _ => Err("only `fetch` and `extract` can be used in a secrets file".to_string()),
    }
}

/// A word too many of `extract` is a piece of the secrets: only what is wrong with `fetch` is told in detail.
fn misused(words: &[String], usage: &clap::Error) -> String {
    match words.first().map(String::as_str) {
        Some("fetch") => usage.to_string().trim_start_matches("error: ").trim_end().to_string(),
        _ => "`extract` takes a name and, as one word, what `fetch` printed".to_string(),
    }
}

/// In a pipeline, too, `kamal secrets` is ours, whether or not a program of that name is installed.
const OURS: &str = concat!(
    r#"dhow() { "$DHOW_PROGRAM" "$@"; }; "#,
    r#"kamal() { if [ "$1" = secrets ]; then dhow "$@"; else command kamal "$@"; fi; }; "#
);

/// Runs it with our terminal, so that a password manager can ask; what it says is shown as it comes, and kept.
fn shell(
    command: &str,
    environment: &Environment,
    directory: &Path,
) -> io::Result<Result<String, CommandFailed>> {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{OURS}{command}")])
        .env_clear()
        .envs(environment)
        .env("DHOW_PROGRAM", std::env::current_exe()?)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().map(|stderr| std::thread::spawn(move || shown(stderr)));
    let mut printed = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut printed)?;
    }
    let status = child.wait()?;
    let stderr = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Ok(match status.success() {
        true => Ok(String::from_utf8_lossy(&printed).into_owned()),
        false => Err(CommandFailed {
            status: status.to_string(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }),
    })
}

fn shown(mut stderr: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        let _nobody_reads = io::stderr().write_all(&buffer[..length]);
    }
    kept
}
