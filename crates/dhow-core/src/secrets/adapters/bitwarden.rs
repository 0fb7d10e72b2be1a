//! Bitwarden's password manager: `ITEM` or `ITEM/FIELD`.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::secrets::Secret;
use crate::shell::Command;
use serde_json::Value;

const TOOL: &str = "Bitwarden";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let items = items(&wanted.prefixed()?);
    outside.needs("bw", "--version", TOOL)?;
    let mut vault = Vault { session: None, outside };
    vault.open(wanted.account())?;
    let mut fetched = Fetched::default();
    for (item, fields) in items {
        let Some(reply) = vault.ask(bw(["get", "item"]).word(&item)) else {
            return said(format!("Could not read {item} from Bitwarden"));
        };
        let reply = reply::json(&reply, TOOL)?;
        for field in fields {
            match field {
                Some(field) => {
                    fetched.insert(format!("{item}/{field}"), custom_field(&reply, &item, &field)?)
                }
                None => take_item(&reply, &item, &mut fetched)?,
            }
        }
    }
    Ok(fetched)
}

/// Items in the order they are first named, with the fields wanted of each.
fn items(names: &[String]) -> Vec<(String, Vec<Option<String>>)> {
    let mut items: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for name in names {
        let mut parts = name.split('/').map(str::to_string);
        let (item, field) = (parts.next().unwrap_or_default(), parts.next());
        match items.iter_mut().find(|(known, _)| *known == item) {
            Some((_, fields)) => fields.push(field),
            None => items.push((item, vec![field])),
        }
    }
    items
}

/// The password of a login, else every field of its own that an item has.
fn take_item(reply: &Value, item: &str, fetched: &mut Fetched) -> Result<(), NotFetched> {
    if let Some(password) = reply::text(&reply["login"]["password"]) {
        fetched.insert(item, Some(password));
        return Ok(());
    }
    let fields = reply["fields"].as_array().filter(|fields| !fields.is_empty());
    let Some(fields) = fields else {
        return said(format!("Item {item} is not a login type item and no fields were specified"));
    };
    for field in fields {
        let name = reply::field(field, "name", TOOL)?;
        fetched.insert(format!("{item}/{name}"), reply::text(&field["value"]));
    }
    Ok(())
}

fn custom_field(reply: &Value, item: &str, name: &str) -> Result<Option<Secret>, NotFetched> {
    let mut fields = reply["fields"].as_array().into_iter().flatten();
    match fields.find(|field| field["name"] == name) {
        Some(field) => Ok(reply::text(&field["value"])),
        None => said(format!("Could not find field {name} in item {item} in Bitwarden")),
    }
}

/// The vault, and the session it was unlocked with; it travels in the environment.
struct Vault<'a, 'b> {
    session: Option<Secret>,
    outside: &'a mut Outside<'b>,
}

impl Vault<'_, '_> {
    fn open(&mut self, account: &str) -> Result<(), NotFetched> {
        let mut status = self.status()?;
        if status == "unauthenticated" {
            // Its status tells how it went. What it prints is a session, and not for the terminal.
            self.ask(bw(["login"]).word(account));
            status = self.status()?;
        }
        if status == "locked" {
            let session =
                self.ask(bw(["unlock", "--raw"])).map(|session| Secret::new(session.reveal().trim()));
            self.session = session.filter(|session| !session.reveal().is_empty());
            status = self.status()?;
        }
        if status != "unlocked" {
            return said("Failed to login to and unlock Bitwarden");
        }
        if self.ask(bw(["sync"])).is_none() {
            return said("Failed to sync Bitwarden");
        }
        Ok(())
    }

    fn status(&mut self) -> Result<String, NotFetched> {
        let reply = self.ask(bw(["status"])).unwrap_or_else(|| Secret::new("{}"));
        Ok(reply::json(&reply, TOOL)?["status"].as_str().unwrap_or_default().to_string())
    }

    fn ask(&mut self, command: Command) -> Option<Secret> {
        let session = self.session.iter().map(|session| ("BW_SESSION", session.clone()));
        self.outside.answer_with(session.collect(), command)
    }
}

fn bw<const N: usize>(words: [&str; N]) -> Command {
    Command::new("bw").words(words)
}
