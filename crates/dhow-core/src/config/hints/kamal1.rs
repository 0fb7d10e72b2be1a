//! What Kamal 1 files say, in the words of Kamal 2.

use super::{Node, Setting, Value};

/// A key that Kamal 2 no longer has.
pub(super) fn removed_key(section: &Setting, value: &Setting) -> Option<String> {
    let text = value.node.text().unwrap_or_else(|| "…".to_string());
    let parts: Vec<&str> = value.path.split('/').collect();
    Some(match parts.as_slice() {
        ["traefik"] => traefik(section, value),
        ["healthcheck"] => healthcheck(value),
        ["servers", _, "healthcheck"] => role_healthcheck(value),
        ["servers", _, "traefik"] => format!("Kamal 2 calls it `proxy: {text}`"),
        ["stop_wait_time"] => format!("Kamal 2 calls it `stop_timeout: {text}`"),
        ["primary_web_role"] => format!("Kamal 2 calls it `primary_role: {text}`"),
        ["audit_broadcast_cmd"] => "remove it: write a hook instead, .kamal/hooks/post-deploy".to_string(),
        ["builder", "multiarch"] => multiarch(value),
        _ => return None,
    })
}

/// A key that Kamal 2 has, in a form that it has not.
pub(super) fn old_form(section: &Setting, value: &Setting) -> Option<String> {
    let last = value.path.rsplit('/').next().unwrap_or_default();
    match (value.path.as_str(), last, &value.node.value) {
        ("builder/remote" | "builder/local", _, Value::Map(_)) => Some(builder(section)),
        (_, "env", Value::List(names)) => Some(env(names)),
        (_, "secret", Value::Map(_)) => {
            let names = value.entries().map(|(name, _)| format!("\n  - {}", name.key_text()));
            Some(format!(
                "the names are enough, values are in .kamal/secrets:\nsecret:{}",
                names.collect::<String>()
            ))
        }
        _ => None,
    }
}

/// `clear` with a list, or `secret` with a mapping, in the form of the other.
pub(in crate::config) fn env_part(part: &Setting, key: &str) -> Option<String> {
    match (key, &part.node.value) {
        ("clear", Value::List(items)) => {
            let names = || items.iter().filter_map(Node::text).map(|name| format!("\n  {name}: …")).collect();
            Some(format!(
                "each name has its value:\nclear:{}",
                assignments(items, "  ").unwrap_or_else(names)
            ))
        }
        ("secret", Value::Map(_)) => {
            let names: String =
                part.entries().map(|(name, _)| format!("\n  - {}", name.key_text())).collect();
            Some(format!("names only, the values are in .kamal/secrets:\nsecret:{names}"))
        }
        ("secret", Value::Text(name)) => Some(format!("it is a list:\nsecret:\n  - {name}")),
        _ => None,
    }
}

/// `NAME=VALUE` items as a mapping, a line for each; `None` if one is something else.
pub(super) fn assignments(items: &[Node], indent: &str) -> Option<String> {
    let line = |item: &Node| {
        let text = item.text()?;
        let (name, value) = text.split_once('=')?;
        Some(format!("\n{indent}{name}: {value:?}"))
    };
    items.iter().map(line).collect()
}

/// A list of names was a list of secrets; values are what docker compose has.
fn env(items: &[Node]) -> String {
    if let Some(clear) = assignments(items, "    ") {
        return format!("env:\n  clear:{clear}");
    }
    let names = items.iter().filter_map(Node::text).map(|name| format!("\n    - {name}"));
    format!("names of secrets go under secret:\nenv:\n  secret:{}", names.collect::<String>())
}

/// Architectures were named where they were built; now there is one list, and a remote is an address.
fn builder(section: &Setting) -> String {
    let of = |place: &str, key: &str| section.section(place).text(key);
    let mut lines = "in Kamal 2:\nbuilder:".to_string();
    let arches: Vec<String> = ["local", "remote"].into_iter().filter_map(|place| of(place, "arch")).collect();
    if !arches.is_empty() {
        lines +=
            &format!("\n  arch:{}", arches.iter().map(|arch| format!("\n    - {arch}")).collect::<String>());
    }
    let remote = of("remote", "host").or_else(|| section.text("remote"));
    lines + &remote.map(|host| format!("\n  remote: {host}")).unwrap_or_default()
}

/// Kamal 1's proxy: what its settings and the routing labels say, for the new one.
fn traefik(root: &Setting, value: &Setting) -> String {
    let labels = routing_labels(root.node);
    let said: Vec<String> = labels
        .iter()
        .flat_map(|(key, text)| [key.clone(), text.clone()])
        .chain(all_texts(value.node))
        .collect();
    let find = |start: &str| said.iter().find_map(|text| between_backticks(text, start));
    let is_tls = |text: &String| {
        ["certresolver", "certificatesresolvers"].iter().any(|word| text.to_lowercase().contains(word))
    };
    let ssl = if said.iter().any(is_tls) { "  ssl: true\n" } else { "" };
    let host = find("Host(`").unwrap_or_else(|| "app.example.com".to_string());
    let path = find("PathPrefix(`").map(|path| format!("\n  path_prefix: {path}"));
    let port = labels.iter().find(|(key, _)| key.to_lowercase().ends_with("loadbalancer.server.port"));
    let port = port.map(|(_, port)| format!("\n  app_port: {port}"));
    let http_port = value.text("host_port").map(|port| format!("\n  run:\n    http_port: {port}"));
    let publish = (value.bool("publish") == Some(false)).then(|| "\n  run:\n    publish: false".to_string());
    let rest: String = [path, port, publish.or(http_port)].into_iter().flatten().collect();
    format!(
        "kamal-proxy took the place of Traefik in Kamal 2; instead of `traefik:` and its labels write\nproxy:\n{ssl}  host: {host}{rest}"
    )
}

/// Labels that Traefik reads, wherever they are.
fn routing_labels(node: &Node) -> Vec<(String, String)> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(routing_labels).collect(),
        Value::Map(map) => map
            .iter()
            .flat_map(|(key, value)| match value.text() {
                Some(text) if key.key_text().starts_with("traefik.") => vec![(key.key_text(), text)],
                _ => routing_labels(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Every key and text below.
fn all_texts(node: &Node) -> Vec<String> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(all_texts).collect(),
        Value::Map(map) => {
            map.iter().flat_map(|(key, value)| [all_texts(key), all_texts(value)].concat()).collect()
        }
        _ => node.text().into_iter().collect(),
    }
}

/// The first host in a Traefik rule: Host(`app.example.com`).
pub(in crate::config) fn traefik_host(rule: &str) -> Option<String> {
    between_backticks(rule, "Host(`")
}

fn between_backticks(rule: &str, start: &str) -> Option<String> {
    let begin = rule.find(start)? + start.len();
    rule[begin..].split('`').next().map(str::to_string)
}

/// A role behind no proxy had a command; docker itself has that.
fn role_healthcheck(value: &Setting) -> String {
    match value.text("cmd") {
        Some(command) => format!("docker can run it:\noptions:\n  health-cmd: {command:?}"),
        None => healthcheck(value),
    }
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
