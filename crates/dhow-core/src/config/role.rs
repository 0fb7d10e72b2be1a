//! Roles, their hosts, and what every container takes from `logging`, `options` and `boot`.

use super::errors::Errors;
use super::keys::servers::FIELDS;
use super::node::{Node, Value};
use super::schema::{check, check_hosts};
use super::setting::Setting;
use super::{Env, Logging, Options, Proxy, options};

/// A role: a group of hosts that run the image with the same command, labels and environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// `web`, `workers`, …
    pub name: String,
    /// In the order written, each once.
    pub hosts: Vec<Host>,
    /// Appended unquoted to `docker run`, so the host's shell reads it, as in Kamal.
    pub cmd: Option<String>,
    /// Root labels, then the role's; the reserved ones are not in here.
    pub labels: Vec<(String, String)>,
    /// Any flags of `docker run`, without `restart`.
    pub options: Options,
    /// `options.restart`, default `unless-stopped`.
    pub restart: String,
    /// Root logging merged with the role's.
    pub logging: Logging,
    /// Root volumes, as written: the host's shell expands `$HOME` and the like.
    pub volumes: Vec<String>,
    /// `asset_path`, split at its first colon: path in the container, mount options.
    pub asset_path: Option<(String, Option<String>)>,
    /// The merged proxy settings, if requests reach this role through the proxy.
    pub proxy: Option<Proxy>,
    /// `docker stop -t`: the role's or the root's, in seconds.
    pub stop_timeout: Option<u32>,
}

impl Role {
    /// Does this role run on that host?
    pub fn runs_on(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.name == host)
    }

    /// The environment on one of the role's hosts: root, role, then the host's tags in their order.
    pub fn env_on(&self, host: &str) -> Option<&Env> {
        self.hosts.iter().find(|own| own.name == host).map(|own| &own.env)
    }
}

/// A host of a role with what its tags make of the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// As written: a name or an address. `localhost` is this machine, without SSH.
    pub name: String,
    /// Tags, for `env.tags` and for accessories.
    pub tags: Vec<String>,
    /// Root ⊕ role ⊕ tags.
    pub env: Env,
}

/// The sections of the root that every role takes from.
pub(super) struct Shared<'a> {
    root: &'a Setting<'a>,
    primary_role: &'a str,
    env: Env,
    tags: Vec<(String, Env)>,
}

impl<'a> Shared<'a> {
    /// From the checked root.
    pub fn new(root: &'a Setting<'a>, primary_role: &'a str) -> Shared<'a> {
        let env = root.section("env");
        Shared { root, primary_role, env: Env::read(&env), tags: Env::read_tags(&env) }
    }
}

impl Role {
    /// Checks `servers` and every role in it.
    pub(super) fn check_all(root: &Setting, errors: &mut Errors) {
        let Some(servers) = root.get("servers") else { return };
        if servers.node.list().is_some() {
            return check_hosts(&servers, errors);
        }
        for (key, role) in sorted(&servers) {
            if matches!(key.value, Value::Text(_)) {
                Role::check(&role, root, errors);
            } else {
                errors.at(&role, "the name of a role should be a string").hint("write it in quotes");
            }
        }
    }

    fn check(role: &Setting, root: &Setting, errors: &mut Errors) {
        if role.node.list().is_some() {
            return check_hosts(role, errors);
        }
        if role.node.map().is_none() {
            errors.at(role, "should be an array or a hash").hint("a role is a list of hosts:\n- 1.1.1.1");
            return;
        }
        check(role, FIELDS, errors);
        check_labels(role, errors);
        options::check_restart(role, errors);
        let sections = |key| role.get(key).filter(|section| section.node.map().is_some());
        if let Some(env) = sections("env") {
            Env::check(&env, errors);
        }
        if let Some(logging) = sections("logging") {
            Logging::check(&logging, errors);
        }
        if let Some(proxy) = sections("proxy") {
            Proxy::check(&proxy, root.node.get("proxy"), errors);
        }
    }

    /// Reads all roles of the checked `servers`, sorted by name.
    pub(super) fn read_all(shared: &Shared, errors: &mut Errors) -> Vec<Role> {
        let Some(servers) = shared.root.get("servers") else { return Vec::new() };
        if servers.node.list().is_some() {
            let web = Setting { path: "servers/web".to_string(), node: servers.node };
            return vec![Role::read(&web, shared, errors)];
        }
        sorted(&servers).into_iter().map(|(_, role)| Role::read(&role, shared, errors)).collect()
    }

    fn read(role: &Setting, shared: &Shared, errors: &mut Errors) -> Role {
        let root = shared.root;
        let name = role.name_in("servers").to_string();
        let proxy = merged_proxy(role, shared);
        let logging = root.section("logging").node.merged_with(role.section("logging").node);
        let asset_path = role.text("asset_path").or_else(|| root.text("asset_path"));
        Role {
            hosts: read_hosts(role, shared, errors),
            cmd: role.text("cmd"),
            labels: merged_labels(root.pairs("labels"), role.pairs("labels")),
            options: options::read(role, errors),
            restart: options::read_restart(role),
            logging: Logging::read(&role.section("logging").with(&logging)),
            volumes: root.texts("volumes"),
            asset_path: asset_path.filter(|path| !path.trim().is_empty()).map(|path| split_once(&path)),
            proxy: proxy
                .map(|proxy| Proxy::read(&role.section("proxy").with(&proxy), &mut Errors::unheard())),
            stop_timeout: role.number("stop_timeout", errors).or_else(|| root.number("stop_timeout", errors)),
            name,
        }
    }
}

/// The role's proxy settings over the root's, if requests reach it through the proxy at all.
pub(super) fn merged_proxy(role: &Setting, shared: &Shared) -> Option<Node> {
    let root = shared.root.section("proxy");
    let own = role.get("proxy");
    let own_map = own.as_ref().filter(|own| own.node.map().is_some());
    let is_on = match own.as_ref().and_then(|own| own.node.bool()) {
        Some(switch) => switch,
        None => own.is_some() || role.name_in("servers") == shared.primary_role,
    };
    is_on.then(|| own_map.map_or_else(|| root.node.clone(), |own| root.node.merged_with(own.node)))
}

/// `service`, `role` and `destination` are how Kamal and dhow find containers.
pub(super) fn check_labels(section: &Setting, errors: &mut Errors) {
    for (key, label) in section.section("labels").entries() {
        if ["destination", "role", "service"].contains(&key.key_text().as_str()) {
            errors.at(&label, "invalid label. destination, role, and service are reserved labels");
        }
    }
}

/// Addresses and tags of a checked list of hosts; a host listed twice counts once, with its last tags.
pub(super) fn tagged_hosts(hosts: &Setting) -> Vec<(String, Vec<String>)> {
    let mut tagged: Vec<(String, Vec<String>)> = Vec::new();
    for host in hosts.items() {
        let (name, tags) = match host.entries().next() {
            Some((name, tags)) => (name.key_text(), texts_of(tags.node)),
            None => (host.node.text().unwrap_or_default(), Vec::new()),
        };
        match tagged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = tags,
            None => tagged.push((name, tags)),
        }
    }
    tagged
}

fn texts_of(node: &Node) -> Vec<String> {
    match node.list() {
        Some(items) => items.iter().filter_map(Node::text).collect(),
        None => node.text().into_iter().collect(),
    }
}

/// Kamal passes over them, and so do we; but somebody may have meant another host.
fn warn_of_repeated_hosts(hosts: &Setting, errors: &mut Errors) {
    let name = |host: &Setting| host.entries().next().map_or(host.node.text(), |(name, _)| name.text());
    let mut known: Vec<String> = Vec::new();
    for host in hosts.items() {
        let Some(name) = name(&host) else { continue };
        if known.contains(&name) {
            errors.warn(host.place(), format!("{name} is listed twice; it counts once, with its last tags"));
        }
        known.push(name);
    }
}

fn read_hosts(role: &Setting, shared: &Shared, errors: &mut Errors) -> Vec<Host> {
    let list = if role.node.list().is_some() { role.clone() } else { role.section("hosts") };
    warn_of_repeated_hosts(&list, errors);
    let mut env = shared.env.clone();
    env.merge(&Env::read(&role.section("env")));
    let host = |(name, tags): (String, Vec<String>)| {
        let mut env = env.clone();
        for tag in &tags {
            shared.tags.iter().filter(|(known, _)| known == tag).for_each(|(_, over)| env.merge(over));
        }
        Host { name, tags, env }
    };
    tagged_hosts(&list).into_iter().map(host).collect()
}

fn sorted<'a>(servers: &Setting<'a>) -> Vec<(&'a Node, Setting<'a>)> {
    let mut roles: Vec<_> = servers.entries().collect();
    roles.sort_by_key(|(key, _)| key.key_text());
    roles
}

fn merged_labels(mut labels: Vec<(String, String)>, own: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in own {
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => labels.push((name, value)),
        }
    }
    labels
}

fn split_once(path: &str) -> (String, Option<String>) {
    match path.split_once(':') {
        Some((path, options)) => (path.to_string(), Some(options.to_string())),
        None => (path.to_string(), None),
    }
}
