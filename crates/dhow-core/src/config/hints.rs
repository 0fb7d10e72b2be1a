//! What to write instead of what Kamal 2 does not know: keys of Kamal 1, keys in the wrong place, slips of the pen.

use super::node::{Node, Value};
use super::schema::Field;
use super::setting::Setting;

/// What to do about an unknown key, if we can tell.
pub(super) fn unknown_key(key: &Node, value: &Setting, fields: &[Field]) -> Option<String> {
    let name = key.key_text();
    known_mistake(value, &name)
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
        (["traefik"], _) => traefik(value),
        (["healthcheck"], _) => healthcheck(value),
        (["stop_wait_time"], _) => format!("Kamal 2 calls it `stop_timeout: {text}`"),
        (["host" | "hosts"], _) => format!("hosts are listed under servers:\nservers:\n  - {text}"),
        (["ssl" | "app_port" | "response_timeout" | "path_prefix" | "forward_headers"], key) => {
            format!("this belongs under proxy:\nproxy:\n  {key}: {text}")
        }
        (["args" | "dockerfile" | "arch" | "cache" | "context"], key) => {
            format!("this belongs under builder:\nbuilder:\n  {key}: {text}")
        }
        (["builder", "multiarch"], _) => multiarch(value),
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
        (["servers", _, "traefik"], _) => format!("Kamal 2 calls it `proxy: {text}`"),
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

/// Kamal 1's proxy: its host rule, if there is one, says what the new one should serve.
fn traefik(value: &Setting) -> String {
    let host = host_rule(value.node).unwrap_or_else(|| "app.example.com".to_string());
    format!(
        "kamal-proxy took the place of Traefik in Kamal 2; instead of `traefik:` write\nproxy:\n  ssl: true\n  host: {host}"
    )
}

/// The first host in a Traefik rule anywhere below: Host(`app.example.com`).
fn host_rule(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => traefik_host(text),
        Value::List(items) => items.iter().find_map(host_rule),
        Value::Map(map) => map.iter().find_map(|(_, value)| host_rule(value)),
        _ => None,
    }
}

/// The first host in one Traefik rule.
pub(super) fn traefik_host(rule: &str) -> Option<String> {
    let start = rule.find("Host(`")? + "Host(`".len();
    rule[start..].split('`').next().map(str::to_string)
}

/// Kamal 1's root `healthcheck`, moved under `proxy` with durations as whole seconds.
fn healthcheck(value: &Setting) -> String {
    let known = |key: &str| ["path", "interval", "timeout"].contains(&key);
    let line = |(key, value): (&Node, Setting)| {
        let text = value.node.text().filter(|_| known(&key.key_text()))?;
        let seconds = text.strip_suffix('s').filter(|number| number.parse::<u32>().is_ok());
        Some(format!("\n    {}: {}", key.key_text(), seconds.unwrap_or(&text)))
    };
    let mut lines: String = value.entries().filter_map(line).collect();
    if lines.is_empty() {
        lines = "\n    path: /up".to_string();
    }
    let port = value.text("port").map(|port| format!("\n  app_port: {port}")).unwrap_or_default();
    format!(
        "in Kamal 2 this belongs under proxy, durations in whole seconds:\nproxy:{port}\n  healthcheck:{lines}"
    )
}

fn multiarch(value: &Setting) -> String {
    match value.node.bool() {
        Some(false) => {
            "remove it: Kamal 2 builds for what `arch` names, for example `arch: amd64`".to_string()
        }
        _ => "list what to build for:\nbuilder:\n  arch:\n    - amd64\n    - arm64".to_string(),
    }
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
