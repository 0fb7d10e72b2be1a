//! sops: a file in the repository, named by `--from`; objects within objects are `OUTER/INNER`. Not in Kamal.

use super::{Answer, Fetch, Fetched, Manner, NotFetched, Outside, reply, said};
use crate::shell::Command;

const TOOL: &str = "sops";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let Some(file) = &wanted.from else { return said("Missing the encrypted file: give it with '--from'") };
    let decrypt = Command::new("sops").word("-d").option("--output-type", "json").word(file);
    // `sops --version` would ask the network for a newer one, so starting it is the check.
    let reply = match outside.ask(decrypt, Manner::Ask, Vec::new()) {
        Answer::NotStarted => return Err(NotFetched::NotInstalled(TOOL)),
        Answer::Failed => return said(format!("Could not decrypt {file} with sops")),
        Answer::Printed(reply) => reply,
    };
    let entries = reply::object(reply.reveal()).ok_or(NotFetched::Unreadable(TOOL))?;
    reply::selected(reply::flattened(entries), &wanted.names, file)
}
