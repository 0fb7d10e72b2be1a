//! Bitwarden Secrets Manager: the ids of secrets, `PROJECT/all`, or `all`.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::shell::Command;
use serde_json::Value;

const TOOL: &str = "Bitwarden Secrets Manager";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    if wanted.names.is_empty() {
        return said("You must specify what to retrieve from Bitwarden Secrets Manager");
    }
    outside.needs("bws", "--version", TOOL)?;
    if outside.answer(bws(["project", "list"])).is_none() {
        return said(
            "Could not authenticate to Bitwarden Secrets Manager. Did you set a valid access token?",
        );
    }
    match wanted.prefixed()?.as_slice() {
        [all] if all == "all" => list(bws(["secret", "list"]), outside),
        [name] if name.ends_with("/all") => {
            list(bws(["secret", "list"]).word(name.trim_end_matches("/all")), outside)
        }
        ids => each(ids, outside),
    }
}

fn list(command: Command, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let Some(reply) = outside.answer(command) else {
        return said("Could not read secrets from Bitwarden Secrets Manager");
    };
    let mut fetched = Fetched::default();
    for item in reply::list(&reply, TOOL)? {
        insert(&item, &mut fetched)?;
    }
    Ok(fetched)
}

fn each(ids: &[String], outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let mut fetched = Fetched::default();
    for id in ids {
        let Some(reply) = outside.answer(bws(["secret", "get"]).word(id)) else {
            return said(format!("Could not read {id} from Bitwarden Secrets Manager"));
        };
        insert(&reply::json(&reply, TOOL)?, &mut fetched)?;
    }
    Ok(fetched)
}

fn insert(item: &Value, fetched: &mut Fetched) -> Result<(), NotFetched> {
    fetched.insert(reply::field(item, "key", TOOL)?, reply::text(&item["value"]));
    Ok(())
}

fn bws(words: [&str; 2]) -> Command {
    Command::new("bws").words(words)
}
