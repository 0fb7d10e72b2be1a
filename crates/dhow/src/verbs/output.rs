//! Commands that only print, and the question before those that destroy.

use crate::cli::{FetchOptions, Global};
use crate::project::{self, Project};
use crate::report::{Event, Human, Redaction, Report, Verbosity};
use crate::session::SessionError;
use dhow_core::config::{Computed, reference};
use dhow_core::secrets::inline;
use std::io::{self, IsTerminal, Write};

/// Prints a line on standard output.
pub fn print(text: &str) -> Result<(), SessionError> {
    let mut out = io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| format!("standard output: {error}").into()),
    }
}

/// `dhow config`.
pub async fn config(global: &Global) -> Result<(), SessionError> {
    let project = Project::read(global)?;
    let report = Human::new(Verbosity::Normal, Redaction::default());
    project.config.warnings.iter().for_each(|warning| report.event(Event::Warn(warning)));
    let (version, _) = project.version_and_origin().await?;
    print(project.config.to_yaml(&version).trim_end())
}

/// `dhow config --explain KEY`. The files need not be sound, unless the key is one that only `dhow config` has.
pub async fn explain(global: &Global, key: &str) -> Result<(), SessionError> {
    let Some(computed) = Computed::named(key) else {
        return print(project::explain(global, key)?.trim_end());
    };
    let project = Project::read(global)?;
    let (version, origin) = match computed.needs_version() {
        true => project.version_and_origin().await?,
        false => (String::new(), ""),
    };
    print(computed.explain(&project.config, &version, origin).trim_end())
}

/// `dhow docs`.
pub fn docs(topic: Option<&str>) -> Result<(), SessionError> {
    let text = reference::docs(topic).map_err(|unknown| unknown.to_string())?;
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print(if colour { painted(&text) } else { text }.trim_end())
}

/// Commented YAML with keys and values in colour: what is read is the comments.
fn painted(text: &str) -> String {
    let paint = |line: &str| match line.trim_start().starts_with('#') || line.is_empty() {
        true => format!("{line}\n"),
        false => format!("\x1b[36m{line}\x1b[0m\n"),
    };
    text.lines().map(paint).collect()
}

/// `dhow secrets print`: the one place that shows them, because it was asked to.
pub fn secrets(global: &Global) -> Result<(), SessionError> {
    let secrets = Project::read(global)?.secrets()?;
    secrets.iter().try_for_each(|(key, value)| print(&format!("{key}={}", value.reveal())))
}

/// `dhow secrets fetch`: one line of JSON. The project's files are not needed for it.
pub fn fetch(global: &Global, options: &FetchOptions) -> Result<(), SessionError> {
    let directory = std::env::current_dir().map_err(|error| error.to_string())?;
    print(project::fetch(global, options, &directory)?.to_json().reveal())
}

/// `dhow secrets extract`.
pub fn extract(name: &str, json: &str) -> Result<(), SessionError> {
    let value = inline::extract(name, json).map_err(|error| error.to_string())?;
    print(value.reveal())
}

/// Asks, unless it was answered on the command line. Anything but `y`, the end of input included, is a no.
pub fn confirm(yes: bool, question: &str) -> Result<(), SessionError> {
    if yes {
        return Ok(());
    }
    let mut errors = io::stderr();
    let _nobody_reads = write!(errors, "{question} [y, N] ").and_then(|()| errors.flush());
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    match read.is_ok() && answer.trim() == "y" {
        true => Ok(()),
        false => Err("Aborted: nothing was changed (-y answers yes)".to_string().into()),
    }
}
