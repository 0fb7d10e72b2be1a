//! 1Password: `[op://]VAULT/ITEM[/SECTION]/FIELD`, the field being `password` if left out.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::secrets::Secret;
use crate::shell::{Command, Word};
use serde_json::Value;

const TOOL: &str = "1Password";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let items = items(wanted)?;
    outside.needs("op", "--version", TOOL)?;
    let session = login(wanted.account(), outside)?;
    let mut fetched = Fetched::default();
    for item in &items {
        let Some(reply) = outside.answer(item.get(wanted.account(), session.as_ref())) else {
            return said(item.unread());
        };
        for field in item.fields_in(reply::json(&reply, TOOL)?) {
            fetched.insert(key(&field)?, reply::text(&field["value"]));
        }
    }
    Ok(fetched)
}

/// A session, unless the desktop app or the environment keeps one. It travels as an argument, as `op` wants it: the
/// variable it would be read from is named after an id that only `op` knows.
fn login(account: &str, outside: &mut Outside) -> Result<Option<Secret>, NotFetched> {
    let known = Command::new("op").words(["account", "get"]).option("--account", account);
    if outside.probe(known).is_some() {
        return Ok(None);
    }
    let signin = Command::new("op").word("signin").option("--account", account).words(["--force", "--raw"]);
    let Some(session) = outside.answer(signin) else { return said("Failed to login to 1Password") };
    Ok(Some(Secret::new(session.reveal().trim())).filter(|session| !session.reveal().is_empty()))
}

/// An item and the fields wanted of it; all of them if none is named.
struct Item {
    vault: String,
    name: String,
    fields: Vec<String>,
}

/// Items in the order they are first named: `op` is asked once for each.
fn items(wanted: &Fetch) -> Result<Vec<Item>, NotFetched> {
    if wanted.names.is_empty() {
        let from = wanted.from.as_deref().ok_or(NotFetched::NothingNamed)?;
        return Ok(vec![Item::named(from)?.0]);
    }
    let mut items: Vec<Item> = Vec::new();
    for name in wanted.prefixed()? {
        let (mut item, field) = Item::named(&name)?;
        let field = if field.is_empty() { "password".to_string() } else { field };
        match items.iter_mut().find(|known| known.vault == item.vault && known.name == item.name) {
            Some(known) => known.fields.push(field),
            None => {
                item.fields.push(field);
                items.push(item);
            }
        }
    }
    Ok(items)
}

impl Item {
    /// With the rest of the name: section and field joined by a dot, as `--fields` takes them.
    fn named(reference: &str) -> Result<(Item, String), NotFetched> {
        let mut parts = reference.strip_prefix("op://").unwrap_or(reference).split('/');
        let (Some(vault), Some(name)) = (parts.next(), parts.next()) else {
            return said(format!(
                "{reference} names no item\n  hint: write VAULT/ITEM/FIELD, or --from VAULT/ITEM and FIELD"
            ));
        };
        let item = Item { vault: vault.to_string(), name: name.to_string(), fields: Vec::new() };
        Ok((item, parts.collect::<Vec<_>>().join(".")))
    }

    fn get(&self, account: &str, session: Option<&Secret>) -> Command {
        let get = Command::new("op").words(["item", "get"]).word(&self.name);
        let mut get =
            get.option("--vault", &self.vault).option("--format", "json").option("--account", account);
        if let Some(session) = session {
            get = get.option("--session", Word::secret(session.clone()));
        }
        if self.fields.is_empty() {
            return get;
        }
        let labels: Vec<String> = self.fields.iter().map(|field| format!("label={field}")).collect();
        get.option("--fields", labels.join(","))
    }

    fn unread(&self) -> String {
        let fields = if self.fields.is_empty() { String::new() } else { self.fields.join(", ") + " " };
        format!("Could not read {fields}from {} in the {} 1Password vault", self.name, self.vault)
    }

    /// One field comes alone, several in a list, and an item as an object that lists all of its own.
    fn fields_in(&self, mut reply: Value) -> Vec<Value> {
        let reply = if self.fields.is_empty() { reply["fields"].take() } else { reply };
        match reply {
            Value::Array(fields) => fields,
            field => vec![field],
        }
    }
}

/// The `VAULT/ITEM/FIELD` of a reference, without a last `/password`.
fn key(field: &Value) -> Result<&str, NotFetched> {
    let reference = reply::field(field, "reference", TOOL)?;
    let key = reference.strip_prefix("op://").unwrap_or(reference);
    Ok(key.strip_suffix("/password").unwrap_or(key))
}
