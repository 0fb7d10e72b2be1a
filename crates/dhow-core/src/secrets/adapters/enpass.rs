//! Enpass: `TITLE` for everything an item has, `TITLE/LABEL` for one of it, in the vault that `--from` is the path of.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said, unique};
use crate::shell::Command;
use serde_json::Value;

const TOOL: &str = "Enpass";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.named()?;
    let Some(vault) = &wanted.from else {
        return said("Missing the path of the vault: give it with '--from'");
    };
    outside.needs("enpass-cli", "version", TOOL)?;
    let show = Command::new("enpass-cli").word("-json").option("-vault", vault).word("show");
    let Some(reply) = outside.answer(show.words(titles(names))) else {
        return said(format!("Could not read {names:?} from Enpass"));
    };
    let mut fetched = Fetched::default();
    for item in reply::list(&reply, TOOL)? {
        take(&item, names, &mut fetched)?;
    }
    Ok(fetched)
}

/// Everything before the last `/`, each once.
fn titles(names: &[String]) -> Vec<&str> {
    unique(names.iter().map(|name| match name.rsplit_once('/') {
        Some(("", title)) => title,
        Some((title, _)) => title,
        None => name,
    }))
}

fn take(item: &Value, names: &[String], fetched: &mut Fetched) -> Result<(), NotFetched> {
    let text = |field: &str| item[field].as_str().filter(|text| !text.is_empty());
    let (Some(title), Some(_)) = (text("title"), text("password")) else { return Ok(()) };
    let key = text("label").map_or_else(|| title.to_string(), |label| format!("{title}/{label}"));
    if !names.iter().any(|name| name == title || *name == key) {
        return Ok(());
    }
    if fetched.has(&key) {
        return said(format!("{key} is present more than once"));
    }
    fetched.insert(key, reply::text(&item["password"]));
    Ok(())
}
