//! What to write instead of what Kamal 2 does not know: keys of Kamal 1, keys in the wrong place, slips of the pen.

mod kamal1;

pub(super) use kamal1::{env_part, traefik_host};

use super::node::{Node, Value};
use super::schema::{Field, Kind};
use super::setting::Setting;

/// The same value in the form that the key takes, if we can tell: Kamal 1's forms, and those of docker compose.
pub(super) fn wanted_form(section: &Setting, value: &Setting, field: &Field) -> Option<String> {
    let key = field.key;
    let text = value.node.text();
    kamal1::old_form(section, value).or_else(|| match (field.kind, &value.node.value) {
        (Kind::Texts, Value::Text(text)) => Some(format!("it is a list:\n{key}:\n  - {text}")),
        (Kind::Integer, Value::Text(_)) => {
            let number = text?.trim_end_matches('s').parse::<u64>().ok()?;
            Some(format!("write a whole number: `{key}: {number}`"))
        }
        (Kind::Boolean, Value::Text(_)) => {
            let yes = text.filter(|text| ["true", "false", "yes", "no"].contains(&text.as_str()))?;
            Some(format!("write it without quotes: `{key}: {yes}`"))
        }
        (Kind::TextMap, Value::List(items)) => Some(format!("{key}:{}", kamal1::assignments(items, "  ")?)),
        _ => None,
    })
}

/// What to do about an unknown key, if we can tell.
pub(super) fn unknown_key(
    section: &Setting,
    key: &Node,
    value: &Setting,
    fields: &[Field],
) -> Option<String> {
    let name = key.key_text();
    kamal1::removed_key(section, value)
        .or_else(|| known_mistake(value, &name))
        .or_else(|| {
            let keys = fields.iter().map(|field| field.key);
            nearest(&name, keys).map(|key| format!("did you mean `{key}`?"))
        })
        .or_else(|| {
            is_extension(&name).then(|| "keys that begin with x- belong at the top of the file".to_string())
        })
}

/// A host written with attributes, in Kamal's form: the address, then its tags.
pub(super) fn tagged_host(host: &Setting) -> String {
    let is_host = |key: &Node| matches!(key.key_text().as_str(), "host" | "hostname" | "ip");
    let address = host.entries().find(|(key, _)| is_host(key)).and_then(|(_, value)| value.node.text());
    let Some(address) = address else {
        let hosts: Vec<String> =
            host.entries().map(|(key, value)| tagged(&key.key_text(), &[value.node])).collect();
        return format!("each host is an item of its own:\n{}", hosts.join("\n"));
    };
    let tags: Vec<&Node> =
        host.entries().filter(|(key, _)| !is_host(key)).map(|(_, value)| value.node).collect();
    format!(
        "a host is written as its address, with tags after it if there are any:\n{}",
        tagged(&address, &tags)
    )
}

fn tagged(address: &str, tags: &[&Node]) -> String {
    let tags: Vec<String> = tags.iter().filter_map(|tag| tag.text()).collect();
    match tags.as_slice() {
        [] => format!("- {address}"),
        [tag] => format!("- {address}: {tag}"),
        tags => format!("- {address}: [{}]", tags.join(", ")),
    }
}

/// By the path of the section, `*` standing for any name: what was meant by the key.
fn known_mistake(value: &Setting, name: &str) -> Option<String> {
    let text = value.node.text().unwrap_or_else(|| "…".to_string());
    let parts: Vec<&str> = value.path.split('/').collect();
    let hint = match (parts.as_slice(), name) {
        (["host" | "hosts"], _) => format!("hosts are listed under servers:\nservers:\n  - {text}"),
        (["ssl" | "app_port" | "response_timeout" | "path_prefix" | "forward_headers"], key) => {
            format!("this belongs under proxy:\nproxy:\n  {key}: {text}")
        }
        (["args" | "dockerfile" | "arch" | "cache" | "context"], key) => {
            format!("this belongs under builder:\nbuilder:\n  {key}: {text}")
        }
        (["proxy", "acme"] | ["servers", _, "proxy", "acme"], _) => {
            "remove it: certificates come from Let's Encrypt by `ssl: true` alone, without an e-mail address"
                .to_string()
        }
        ([.., "proxy", "healthcheck", "port"], _) => {
            format!("the health check uses the app's port:\nproxy:\n  app_port: {text}")
        }
        ([.., "healthcheck", "max_attempts"], _) => {
            "remove it: a new container has `deploy_timeout` seconds to become healthy".to_string()
        }
        ([.., "healthcheck", "cmd" | "cord"], _) => {
            "remove it: kamal-proxy asks over HTTP, at `path`".to_string()
        }
        (["servers", role, "image" | "volumes" | "drain_timeout"], key) => {
            format!("`{key}` is the same for all roles: move it from {role} to the top of the file")
        }
        (["ssh", "host" | "hosts"], _) => "hosts are listed under servers:".to_string(),
        (["registry", "url" | "host"], _) => format!("write `server: {text}`"),
        (["registry", "user" | "login"], _) => format!("write `username: {text}`"),
        (["registry", "token"], _) => {
            "write `password:` with the name of a secret:\npassword:\n  - KAMAL_REGISTRY_PASSWORD".to_string()
        }
        (["env", _], _) => {
            "with `clear`, `secret` or `tags`, plain values go under clear:\nenv:\n  clear:\n    ".to_string()
                + &format!("{name}: {text}")
        }
        _ => return None,
    };
    Some(hint)
}

fn is_extension(name: &str) -> bool {
    name.starts_with("x-")
}

/// The name that is close enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = (name.chars().count() / 3).clamp(1, 3);
    let plain = name.to_lowercase().replace('-', "_");
    let distances = known.map(|known| (distance(&plain, &known.to_lowercase()), known));
    distances
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Single changes from one to the other: a letter more, less or another, or two neighbours swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let changed = rows[i][j] + usize::from(a[i] != b[j]);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_changes() {
        assert_eq!(distance("servers", "server"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
