//! `accessories:`: Postgres, Redis, Meilisearch and the like.

use super::errors::Errors;
use super::keys::accessory::FIELDS;
use super::node::Value;
use super::role::check_labels;
use super::schema::check;
use super::setting::Setting;
use super::{Env, Options, Proxy, Registry, Role, options};

/// A container that is not the app, kept across deploys.
#[derive(Debug, Clone, PartialEq)]
pub struct Accessory {
    /// Its key under `accessories:`.
    pub name: String,
    /// Container name, `service` label and directory on the host: `service`, default `SERVICE-NAME`.
    pub service: String,
    /// Full reference, its own registry's server already in front.
    pub image: String,
    /// Its own registry, if it has one.
    pub registry: Option<Registry>,
    /// Hosts from `host(s)`, `role(s)` or `tag(s)`.
    pub hosts: Vec<String>,
    /// Unquoted tail of `docker run`.
    pub cmd: Option<String>,
    /// Ready for `--publish`: `3306:3306`.
    pub publish: Option<String>,
    /// Without the reserved `service`.
    pub labels: Vec<(String, String)>,
    /// Any flags of `docker run`, without `restart`.
    pub options: Options,
    /// Default `unless-stopped`.
    pub restart: String,
    /// Its own environment; independent of the root's.
    pub env: Env,
    /// Uploaded before the container is made.
    pub files: Vec<HostFile>,
    /// Created before the container is made.
    pub directories: Vec<HostDirectory>,
    /// `--volume` as written.
    pub volumes: Vec<String>,
    /// Default `kamal`.
    pub network: String,
    /// If requests reach it through the proxy.
    pub proxy: Option<Proxy>,
}

/// An item of `files:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Path on the operator's machine, relative to the project.
    pub local: String,
    /// Path in the container; the host keeps it at `SERVICE` + this.
    pub remote: String,
    /// Mount options.
    pub options: Option<String>,
    /// Mode (default `755`) and owner.
    pub ownership: Ownership,
}

/// An item of `directories:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDirectory {
    /// Absolute, or relative to `$PWD/SERVICE` on the host.
    pub local: String,
    /// Path in the container.
    pub remote: String,
    /// Mount options.
    pub options: Option<String>,
    /// Applied only where given.
    pub ownership: Ownership,
}

/// Mode and owner of a file or directory on the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ownership {
    /// As `chmod` takes it: `0600`.
    pub mode: Option<String>,
    /// As `chown` takes it: `uid:gid`.
    pub owner: Option<String>,
}

const PLACES: [&str; 6] = ["host", "hosts", "role", "roles", "tag", "tags"];

impl Accessory {
    /// Checks a section.
    pub(super) fn check(accessory: &Setting, root: &Setting, errors: &mut Errors) {
        check(accessory, FIELDS, errors);
        if accessory.node.map().is_none() {
            return;
        }
        if PLACES.iter().filter(|key| accessory.get(key).is_some()).count() != 1 {
            let text = "specify one of `host`, `hosts`, `role`, `roles`, `tag` or `tags`";
            errors.at(accessory, text).hint("where it runs, for example `host: 1.1.1.1`");
        }
        check_image(accessory, errors);
        check_labels(accessory, errors);
        options::check_restart(accessory, errors);
        check_roles(accessory, root, errors);
        let section = |key| accessory.get(key).filter(|section| section.node.map().is_some());
        if let Some(env) = section("env") {
            Env::check(&env, errors);
        }
        check_proxy(accessory, errors);
        if let Some(registry) = section("registry").filter(|registry| !registry.node.is_blank()) {
            Registry::check(&registry, errors);
        }
    }

    /// Reads a checked section.
    pub(super) fn read(accessory: &Setting, service: &str, roles: &[Role], errors: &mut Errors) -> Accessory {
        let name = accessory.name_in("accessories").to_string();
        let registry = accessory.get("registry").filter(|registry| !registry.node.is_blank());
        let registry = registry.map(|registry| Registry::read(&registry));
        let proxy = accessory.get("proxy").filter(|proxy| !proxy.node.is_blank());
        Accessory {
            service: accessory.text("service").unwrap_or_else(|| format!("{service}-{name}")),
            image: read_image(accessory, registry.as_ref()),
            registry,
            hosts: read_hosts(accessory, roles, errors),
            cmd: accessory.text("cmd"),
            publish: read_port(accessory, errors),
            labels: accessory.pairs("labels"),
            options: options::read(accessory, errors),
            restart: options::read_restart(accessory),
            env: Env::read(&accessory.section("env")),
            files: accessory
                .section("files")
                .items()
                .filter_map(|file| HostFile::read(&file, errors))
                .collect(),
            directories: read_directories(accessory, errors),
            volumes: accessory.texts("volumes"),
            network: accessory.text("network").unwrap_or_else(|| "kamal".to_string()),
            proxy: proxy.map(|proxy| Proxy::read(&proxy, &mut Errors::unheard())),
            name,
        }
    }
}

impl HostFile {
    fn read(file: &Setting, errors: &mut Errors) -> Option<HostFile> {
        let (local, remote, options) = read_mount(file, errors)?;
        let mut ownership = Ownership::read(file, errors);
        ownership.mode.get_or_insert_with(|| "755".to_string());
        Some(HostFile { local, remote, options, ownership })
    }
}

impl HostDirectory {
    fn read(directory: &Setting, errors: &mut Errors) -> Option<HostDirectory> {
        let (local, remote, options) = read_mount(directory, errors)?;
        Some(HostDirectory { local, remote, options, ownership: Ownership::read(directory, errors) })
    }
}

impl Ownership {
    /// YAML reads `0600` as the number 384, which Kamal hands to `chmod`.
    fn read(item: &Setting, errors: &mut Errors) -> Ownership {
        if let Some(mode) = item.get("mode")
            && let Some(written) =
                mode.node.written.as_ref().filter(|written| mode.node.text().as_ref() != Some(*written))
        {
            errors
                .at(&mode, "should be a string")
                .hint(format!("put the mode in quotes: mode: \"{written}\""));
        }
        Ownership { mode: item.text("mode"), owner: item.text("owner") }
    }
}

fn read_directories(accessory: &Setting, errors: &mut Errors) -> Vec<HostDirectory> {
    let directories = accessory.section("directories");
    directories.items().filter_map(|directory| HostDirectory::read(&directory, errors)).collect()
}

/// Local path, path in the container, mount options.
fn read_mount(item: &Setting, errors: &mut Errors) -> Option<(String, String, Option<String>)> {
    warn_of_unknown_keys(item, errors);
    let written = item.node.text();
    let mut parts = written.iter().flat_map(|text| text.splitn(3, ':')).map(str::to_string);
    let mut part = |key| item.text(key).or_else(|| parts.next());
    let (local, remote, options) = (part("local"), part("remote"), part("options"));
    let filled = |part: Option<String>| part.filter(|part| !part.trim().is_empty());
    match (filled(local), filled(remote)) {
        (Some(local), Some(remote)) => Some((local, remote, filled(options))),
        _ => {
            let error = errors.at(item, "should name a local path and a path in the container");
            error.hint("write LOCAL:REMOTE, for example - config/my.cnf:/etc/mysql/my.cnf");
            None
        }
    }
}

fn warn_of_unknown_keys(item: &Setting, errors: &mut Errors) {
    let known = ["local", "remote", "mode", "owner", "options"];
    for (key, value) in item.entries().filter(|(key, _)| !known.contains(&key.key_text().as_str())) {
        errors.warn(&key.place, format!("{} means nothing here; known are {}", value.path, known.join(", ")));
    }
}

/// Kamal starts `docker run` without one.
fn check_image(accessory: &Setting, errors: &mut Errors) {
    let image = accessory.get("image");
    if image.as_ref().is_none_or(|image| image.node.is_blank() && image.node.text().is_some()) {
        let image = image.unwrap_or_else(|| accessory.named(format!("{}/image", accessory.path)));
        errors.at(&image, "is required").hint("the image to run, for example `image: postgres:17`");
    }
}

fn read_image(accessory: &Setting, registry: Option<&Registry>) -> String {
    let image = accessory.text("image").unwrap_or_default();
    match registry.and_then(|registry| registry.server.as_ref()) {
        Some(server) => format!("{server}/{image}"),
        None => image,
    }
}

/// `3306` publishes the same port on the host. Addresses, ranges and protocols are docker's to judge.
fn read_port(accessory: &Setting, errors: &mut Errors) -> Option<String> {
    let port = accessory.text("port")?;
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if port.split(':').filter(is_number).any(|part| part.parse::<u16>().is_err()) {
        let setting = accessory.section("port");
        let base_60 = setting.node.written.as_ref().filter(|written| written.contains(':'));
        let error = errors.at(&setting, "should be a port between 1 and 65535");
        if let Some(written) = base_60 {
            error.hint(format!("YAML reads {written} as the number {port}; put it in quotes"));
        }
    }
    Some(if port.contains(':') { port } else { format!("{port}:{port}") })
}

fn read_hosts(accessory: &Setting, roles: &[Role], errors: &mut Errors) -> Vec<String> {
    let mut hosts: Vec<String> = accessory.text("host").into_iter().collect();
    for host in accessory.section("hosts").items() {
        match &host.node.value {
            Value::Text(name) => hosts.push(name.clone()),
            _ => {
                errors.at(&host, "should be a string").hint("hosts of an accessory have no tags");
            }
        }
    }
    let names = [accessory.text("role").into_iter().collect(), accessory.texts("roles")].concat();
    let tags = [accessory.text("tag").into_iter().collect(), accessory.texts("tags")].concat();
    for role in names.iter().filter_map(|name| roles.iter().find(|role| role.name == *name)) {
        hosts.extend(role.hosts.iter().map(|host| host.name.clone()));
    }
    for tag in &tags {
        let tagged = roles.iter().flat_map(|role| &role.hosts).filter(|host| host.tags.contains(tag));
        hosts.extend(tagged.map(|host| host.name.clone()));
    }
    if hosts.is_empty() && !tags.is_empty() {
        errors.warn(
            accessory.place(),
            format!("{}: no host has the tag {}", accessory.path, tags.join(" or ")),
        );
    }
    without_repetition(hosts)
}

fn without_repetition(hosts: Vec<String>) -> Vec<String> {
    let mut known = Vec::new();
    for host in hosts {
        if !known.contains(&host) {
            known.push(host);
        }
    }
    known
}

fn check_roles(accessory: &Setting, root: &Setting, errors: &mut Errors) {
    let servers = root.section("servers");
    let exists = |name: &String| match servers.node.list() {
        Some(_) => name == "web",
        None => servers.get(name).is_some(),
    };
    let missing: Vec<String> = accessory.texts("roles").into_iter().filter(|name| !exists(name)).collect();
    if let Some(roles) = accessory.get("roles").filter(|_| !missing.is_empty()) {
        errors.plain(&roles, format!("{}: unknown roles {}", accessory.path, missing.join(", ")));
    }
    if let Some(role) = accessory.get("role")
        && let Some(name) = role.node.text().filter(|name| !exists(name))
    {
        errors.plain(&role, format!("{}: unknown role {name}", accessory.path));
    }
}

/// `false` and an empty section mean no proxy; `true` says too little.
fn check_proxy(accessory: &Setting, errors: &mut Errors) {
    let Some(proxy) = accessory.get("proxy").filter(|proxy| !proxy.node.is_blank()) else { return };
    if proxy.node.map().is_some() || proxy.node.bool() == Some(true) {
        Proxy::check(&proxy, None, errors);
    }
}
