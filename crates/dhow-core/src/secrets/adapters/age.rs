//! age: a dotenv or JSON file in the repository, named by `--from`. Not in Kamal.
//!
//! The account is the path of an age identity or of an SSH key. Without one, `AGE_IDENTITY`, `SOPS_AGE_KEY_FILE` and the
//! usual places are tried. A file encrypted with a passphrase needs none: age asks for it.

use super::{Answer, Fetch, Fetched, Manner, NotFetched, Outside, reply, said};
use crate::config::Document;
use crate::secrets::Secret;
use crate::secrets::dotenv::{self, CommandFailed};
use crate::shell::{self, Command};
use std::collections::BTreeMap;

const TOOL: &str = "age";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let Some(file) = &wanted.from else { return said("Missing the encrypted file: give it with '--from'") };
    let identities = identities(wanted, outside);
    let decrypt = identities.iter().fold(Command::new("age").word("-d"), |age, path| age.option("-i", path));
    let text = match outside.ask(decrypt.word("--").word(file), Manner::Ask, Vec::new()) {
        Answer::NotStarted => return Err(NotFetched::NotInstalled(TOOL)),
        Answer::Failed => return said(undecrypted(file, &identities)),
        Answer::Printed(text) => text,
    };
    let entries = match reply::object(text.reveal()) {
        Some(entries) => reply::flattened(entries),
        None => assignments(file, &text)?,
    };
    reply::selected(entries, &wanted.names, file)
}

fn undecrypted(file: &str, identities: &[String]) -> String {
    let tried = match identities {
        [] => "no identity was found in the usual places".to_string(),
        identities => format!("tried with {}", identities.join(", ")),
    };
    format!(
        "Could not decrypt {file} with age: {tried}\n  hint: name the identity or SSH key with --account PATH, or in AGE_IDENTITY"
    )
}

/// The identity that was named, else those at the usual places: age's and sops's own, and only without them SSH keys.
fn identities(wanted: &Fetch, outside: &mut Outside) -> Vec<String> {
    let home = outside.variable("HOME").unwrap_or_default().to_string();
    let variables = ["AGE_IDENTITY", "SOPS_AGE_KEY_FILE"];
    let named = variables.into_iter().find_map(|name| outside.variable(name).map(str::to_string));
    if let Some(path) = wanted.account.clone().or(named) {
        // No shell has seen what stands in a secrets file.
        return vec![path.strip_prefix("~/").map_or(path.clone(), |rest| format!("{home}/{rest}"))];
    }
    let config =
        outside.variable("XDG_CONFIG_HOME").map_or_else(|| format!("{home}/.config"), str::to_string);
    let own = ["age/keys.txt", "sops/age/keys.txt"].map(|path| format!("{config}/{path}"));
    let ssh = ["id_ed25519", "id_rsa"].map(|name| format!("{home}/.ssh/{name}"));
    let own = readable(&own, outside);
    if own.is_empty() { readable(&ssh, outside) } else { own }
}

fn readable(paths: &[String], outside: &mut Outside) -> Vec<String> {
    let script = "for path; do [ ! -r \"$path\" ] || printf '%s\\n' \"$path\"; done";
    let found = outside.probe(shell::sh(script, paths));
    found.map(|found| found.reveal().lines().map(String::from).collect()).unwrap_or_default()
}

/// The lines of a dotenv file. Its text is a secret, so an error tells the line and not what stands there.
fn assignments(file: &str, text: &Secret) -> Result<Vec<(String, Option<Secret>)>, NotFetched> {
    let document = Document { path: file.to_string(), text: text.reveal().to_string() };
    let mut refuse = |_: &str| Err(CommandFailed { status: String::new(), stderr: String::new() });
    match dotenv::parse(&document, &BTreeMap::new(), &mut refuse) {
        Ok(values) => Ok(values.into_iter().map(|(key, value)| (key, Some(value))).collect()),
        Err(error) => said(format!(
            "Line {} of what is in {file} cannot be used: a $(command) is not run there, and `export` needs a value",
            error.line
        )),
    }
}
