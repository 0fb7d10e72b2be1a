//! Doppler: names in `--from PROJECT/CONFIG`, or `PROJECT/CONFIG/NAME`, where the first name decides.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::shell::Command;

const TOOL: &str = "Doppler";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.prefixed()?;
    outside.needs("doppler", "--version", TOOL)?;
    login(outside)?;
    let bare = names.iter().map(|name| name.rsplit('/').next().unwrap_or(name));
    let get = Command::new("doppler").words(["secrets", "get"]).words(bare).word("--json");
    let Some(reply) = outside.answer(get.words(place(&names, outside)?)) else {
        return said(format!("Could not read {names:?} from Doppler"));
    };
    let reply = reply::json(&reply, TOOL)?;
    let secrets = reply.as_object().ok_or(NotFetched::Unreadable(TOOL))?;
    Ok(secrets.iter().map(|(name, secret)| (name.clone(), reply::text(&secret["computed"]))).collect())
}

fn login(outside: &mut Outside) -> Result<(), NotFetched> {
    if outside.probe(Command::new("doppler").words(["me", "--json"])).is_some() {
        return Ok(());
    }
    match outside.logs_in(Command::new("doppler").words(["login", "-y"])) {
        true => Ok(()),
        false => said("Failed to login to Doppler"),
    }
}

/// A service token is for one configuration and takes no other.
fn place(names: &[String], outside: &Outside) -> Result<Vec<String>, NotFetched> {
    if outside.variable("DOPPLER_TOKEN").is_some_and(|token| token.starts_with("dp.st")) {
        return Ok(Vec::new());
    }
    let mut parts = names.iter().take(1).flat_map(|name| name.split('/')).map(str::to_string);
    match (parts.next(), parts.next()) {
        (Some(project), Some(config)) => Ok(vec!["-p".to_string(), project, "-c".to_string(), config]),
        _ => said("Missing project or config from '--from=project/config' option"),
    }
}
