//! LastPass: names are `[FOLDER/]NAME`.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::shell::Command;

const TOOL: &str = "LastPass";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.prefixed()?;
    outside.needs("lpass", "--version", TOOL)?;
    login(wanted.account(), outside)?;
    let show = Command::new("lpass").word("show").words(&names).word("--json");
    let Some(reply) = outside.answer(show) else {
        return said(format!("Could not read {names:?} from LastPass"));
    };
    let mut fetched = Fetched::default();
    for item in reply::list(&reply, TOOL)? {
        fetched.insert(reply::field(&item, "fullname", TOOL)?, reply::text(&item["password"]));
    }
    let missing: Vec<String> = names.into_iter().filter(|name| !fetched.has(name)).collect();
    if missing.is_empty() {
        Ok(fetched)
    } else {
        said(format!("Could not find {} in LastPass", missing.join(", ")))
    }
}

fn login(account: &str, outside: &mut Outside) -> Result<(), NotFetched> {
    let status = outside.answer(Command::new("lpass").words(["status", "--color", "never"]));
    let expected = format!("Logged in as {account}.");
    if status.is_some_and(|status| status.reveal().trim() == expected) {
        return Ok(());
    }
    match outside.logs_in(Command::new("lpass").word("login").word(account)) {
        true => Ok(()),
        false => said("Failed to login to LastPass"),
    }
}
