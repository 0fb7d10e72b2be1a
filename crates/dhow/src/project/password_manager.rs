//! Password managers: their programs are run here, and asked what `dhow_core::secrets::adapters` says.

use super::{ProjectError, environment};
use crate::cli::{FetchOptions, Global};
use dhow_core::secrets::Secret;
use dhow_core::secrets::adapters::{Adapter, Answer, Ask, Fetch, Fetched, Manner, NotFetched, Outside};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// `secrets fetch`: asks the adapter's program, which may ask the user in turn.
///
/// # Errors
/// What the adapter says of it; never what the program printed.
pub fn fetch(global: &Global, options: &FetchOptions, directory: &Path) -> Result<Fetched, ProjectError> {
    let environment = environment(global);
    let mut ask = |question: &Ask| answer(question, &environment, directory).unwrap_or(Answer::NotStarted);
    let mut outside = Outside { env: &environment, ask: &mut ask };
    let fetched = request(options).and_then(|fetch| fetch.run(&mut outside));
    fetched.map_err(|error| ProjectError::Said(error.to_string()))
}

fn request(options: &FetchOptions) -> Result<Fetch, NotFetched> {
    Ok(Fetch {
        adapter: Adapter::named(&options.adapter)?,
        account: options.account.clone(),
        from: options.from.clone(),
        names: options.names.clone(),
    })
}

/// Runs a program with our terminal.
fn answer(question: &Ask, environment: &BTreeMap<String, String>, directory: &Path) -> io::Result<Answer> {
    let words = question.command.argv();
    let given = question.env.iter().map(|(name, value)| (*name, value.reveal()));
    let (stdout, stderr) = outputs(question.manner)?;
    let ended = Command::new(&words[0])
        .args(&words[1..])
        .env_clear()
        .envs(environment)
        .envs(given)
        .current_dir(directory)
        .stdin(Stdio::inherit())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()?
        .wait_with_output()?;
    // Half a secret is none: what is not text is as good as a failure.
    let printed = String::from_utf8(ended.stdout).ok().filter(|_| ended.status.success());
    Ok(printed.map_or(Answer::Failed, |text| Answer::Printed(Secret::new(text))))
}

/// Our own standard output is for the secrets, so a login talks on standard error.
fn outputs(manner: Manner) -> io::Result<(Stdio, Stdio)> {
    Ok(match manner {
        Manner::Ask => (Stdio::piped(), Stdio::inherit()),
        Manner::Probe => (Stdio::piped(), Stdio::null()),
        Manner::Login => (io::stderr().as_fd().try_clone_to_owned()?.into(), Stdio::inherit()),
    })
}
