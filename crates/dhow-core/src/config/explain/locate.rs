//! Following a dotted path through the files, in all the forms in which the same can be written.

use crate::config::hints::nearest;
use crate::config::node::{Node, Value};

/// The value at a path. `servers.web.hosts` finds the hosts of a plain list, `env.clear.NAME` a variable without `clear`
/// and `env.NAME` one below it, `env.secret.NAME` an item; names with dots in them are found as well.
pub fn locate<'a>(node: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    match parts {
        [] => Some(node),
        ["servers", rest @ ..] => of_servers(node.get("servers")?, rest),
        [..] => inside(node, parts),
    }
}

fn of_servers<'a>(servers: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    match (servers.list(), parts) {
        (Some(_), ["web", rest @ ..]) => of_role(servers, rest),
        (None, [role, rest @ ..]) => of_role(child(servers, role)?, rest),
        _ => inside(servers, parts),
    }
}

fn of_role<'a>(role: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    match (role.list(), parts) {
        (Some(_), ["hosts", rest @ ..]) => inside(role, rest),
        _ => inside(role, parts),
    }
}

fn inside<'a>(node: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    let Some((first, rest)) = parts.split_first() else { return Some(node) };
    if *first == "env"
        && let Some(env) = child(node, "env")
    {
        return of_env(env, rest);
    }
    if let Some(items) = node.list() {
        let item = first.parse::<usize>().ok().and_then(|index| items.get(index));
        return inside(item.or_else(|| item_named(items, first))?, rest);
    }
    (1..=parts.len()).find_map(|length| inside(child(node, &parts[..length].join("."))?, &parts[length..]))
}

fn of_env<'a>(env: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    let is_complex = ["clear", "secret", "tags"].iter().any(|key| env.get(key).is_some());
    let plain = match parts {
        ["clear", rest @ ..] if !is_complex => Some(inside(env, rest)),
        ["tags", tag, rest @ ..] => Some(of_env(child(env.get("tags")?, tag)?, rest)),
        _ => None,
    };
    plain.unwrap_or_else(|| {
        inside(env, parts).or_else(|| inside(env.get("clear").filter(|_| is_complex)?, parts))
    })
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.map()?.iter().find(|(known, _)| known.key_text() == key).map(|(_, value)| value)
}

/// `NAME` or `NAME:KEY` in a list of secrets; a host, with or without tags.
fn item_named<'a>(items: &'a [Node], name: &str) -> Option<&'a Node> {
    items.iter().find(|item| match &item.value {
        Value::Map(map) => map.iter().any(|(key, _)| key.key_text() == name),
        _ => item.text().is_some_and(|text| text == name || text.split(':').next() == Some(name)),
    })
}

/// What there is instead of a name that is not there; `rest` is what was looked for below it.
pub fn names_beside(root: &Node, parts: &[&str], rest: &[&str]) -> Option<String> {
    let (last, above) = parts.split_last().filter(|(_, above)| !above.is_empty())?;
    let node = locate(root, above)?;
    let names: Vec<String> = match &node.value {
        Value::Map(map) => map.iter().map(|(key, _)| key.key_text()).collect(),
        Value::List(items) if above == ["servers"] => {
            items.first().map(|_| "web".to_string()).into_iter().collect()
        }
        Value::List(items) => items.iter().filter_map(Node::text).collect(),
        _ => Vec::new(),
    };
    match (nearest(last, names.iter().map(String::as_str)), names.as_slice()) {
        (Some(near), _) => Some(format!("did you mean `{}`?", [above, &[near], rest].concat().join("."))),
        (None, []) => None,
        (None, names) => Some(format!("{} has {}", above.join("."), names.join(", "))),
    }
}
