//! What the sections of a configuration must be to each other, in Kamal's order and words.

use super::errors::Errors;
use super::minimum_version;
use super::role::{Shared, merged_proxy};
use super::setting::Setting;
use super::*;

/// Checks everything that no section can check alone. A rule is left out where its sections are already in error.
pub(super) fn check(config: &Config, root: &Setting, context: &Context, errors: &mut Errors) {
    if root.bool("require_destination") == Some(true) && context.destination.is_none() {
        let setting = root.section("require_destination");
        errors.plain(&setting, "You must specify a destination").hint("name it, for example -d production");
    }
    check_required(config, root, errors);
    check_hosts(config, root, errors);
    if let Some(version) = root.get("minimum_version") {
        minimum_version::check(&version, errors);
    }
    if config.retain_containers < 1 {
        errors.plain(&root.section("retain_containers"), "Must retain at least 1 container");
    }
    check_service_name(root, errors);
    check_hook_names(config, root, context, errors);
    check_tls(config, root, errors);
    check_remote_builder(config, root, context, errors);
    check_proxy_runs(config, root, errors);
    HookOutput::check(&root.section("hooks_output"), errors);
    warn(root, errors);
    routes::warn_of_shared(config, root, errors);
}

fn check_required(config: &Config, root: &Setting, errors: &mut Errors) {
    if root.section("service").node.is_blank() && !errors.any_under("service") {
        let missing = errors.plain(&root.section("service"), "Missing required configuration for service");
        missing.hint("the name of the app, for example `service: shop`");
    }
    if config.image.is_empty() && !errors.any_under("image") && !config.registry.is_local() {
        let missing = errors.plain(&root.section("image"), "Missing required configuration for image");
        missing.hint("the image without its registry, for example `image: acme/shop`");
    }
}

fn check_hosts(config: &Config, root: &Setting, errors: &mut Errors) {
    if errors.any_under("servers") {
        return;
    }
    let servers = root.section("servers");
    if root.get("servers").is_none() {
        if root.section("accessories").node.is_blank() {
            let hint = "where the app runs, for example:\nservers:\n  - 1.1.1.1";
            errors.plain(&servers, "No servers or accessories specified").hint(hint);
        }
        return;
    }
    let primary = &config.primary_role;
    match config.role(primary) {
        None => {
            let names: Vec<&str> = config.roles.iter().map(|role| role.name.as_str()).collect();
            let hint = format!("name one of the roles: `primary_role: {}`", names.first().unwrap_or(&"web"));
            errors.plain(&servers, format!("The primary_role {primary} isn't defined")).hint(hint);
            return;
        }
        Some(role) if role.hosts.is_empty() => {
            errors.plain(
                &servers.section(primary),
                format!("No servers specified for the {primary} primary_role"),
            );
            return;
        }
        Some(_) => {}
    }
    if root.bool("allow_empty_roles") == Some(true) {
        return;
    }
    for role in config.roles.iter().filter(|role| role.hosts.is_empty()) {
        let hint = "You can ignore this with allow_empty_roles: true";
        errors.plain(
            &servers.section(&role.name),
            format!("No servers specified for the {} role. {hint}", role.name),
        );
    }
}

/// Also anchored at line ends, unlike Kamal's: the name ends up in shell commands.
fn check_service_name(root: &Setting, errors: &mut Errors) {
    let service = root.section("service");
    let is_text = matches!(service.node.value, node::Value::Text(_) | node::Value::Symbol(_));
    let name = service.node.text().unwrap_or_default();
    let fits = is_text && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if !fits && !name.is_empty() && !errors.any_under("service") {
        let text = "Service name can only include alphanumeric characters, hyphens, and underscores";
        errors.plain(&service, text);
    }
}

fn check_hook_names(config: &Config, root: &Setting, context: &Context, errors: &mut Errors) {
    let old = ["pre-traefik-reboot", "post-traefik-reboot"];
    let hooks = context.surroundings.names(&config.hooks_path);
    let found: Vec<&str> = old.into_iter().filter(|name| hooks.iter().any(|hook| hook == name)).collect();
    if !found.is_empty() {
        let text = format!("Found {}, these should be renamed to (pre|post)-proxy-reboot", found.join(", "));
        errors.plain(&root.section("hooks_path"), text);
    }
}

fn check_tls(config: &Config, root: &Setting, errors: &mut Errors) {
    let shared = Shared::new(root, &config.primary_role);
    let servers = root.section("servers");
    for role in &config.roles {
        let setting = servers.section(&role.name);
        check_merged_proxy(&setting, &shared, errors);
        check_proof(role, &ssl_setting(&setting, root), errors);
    }
    check_tls_names(config, root, errors);
}

/// Without the zone's help, a server has to answer for the names of its hosts itself.
fn check_proof(role: &Role, ssl: &Setting, errors: &mut Errors) {
    let is_answered_for = |proxy: &&Proxy| proxy.tls == Tls::Automatic && proxy.acme.dns.is_none();
    let Some(proxy) = role.proxy.as_ref().filter(is_answered_for) else { return };
    if role.hosts.len() > 1 {
        let rule = "SSL is only supported on a single server unless you provide custom certificates";
        let count = role.hosts.len();
        let error = errors.plain(ssl, format!("{rule}, found {count} servers for role {}", role.name));
        error.hint(
            "or prove the hosts through their zone: `ssl: {dns: {provider: …}}`, see `dhow docs proxy`",
        );
    }
    if let Some(wildcard) = proxy.hosts.iter().find(|host| host.contains('*')) {
        let error = errors.plain(ssl, format!("{wildcard} can only get a certificate through its zone"));
        error.hint("say who holds it: `ssl: {dns: {provider: …}}`, or bring a certificate of your own");
    }
}

fn check_merged_proxy(role: &Setting, shared: &Shared, errors: &mut Errors) {
    let own = role.path.clone() + "/proxy";
    let writes_own = role.get("proxy").is_some_and(|proxy| proxy.node.map().is_some());
    if !writes_own || errors.any_under("proxy") || errors.any_under(&own) {
        return;
    }
    if let Some(merged) = merged_proxy(role, shared) {
        Proxy::check_merged(&role.section("proxy").with(&merged).named("proxy"), errors);
    }
}

fn check_tls_names(config: &Config, root: &Setting, errors: &mut Errors) {
    let proxies =
        config.roles.iter().filter_map(|role| role.proxy.as_ref()).filter(|proxy| proxy.tls != Tls::Off);
    let names: Vec<&String> = proxies.flat_map(|proxy| &proxy.hosts).collect();
    let mut shared: Vec<&str> = Vec::new();
    for name in &names {
        if names.iter().filter(|other| *other == name).count() > 1 && !shared.contains(&name.as_str()) {
            shared.push(name);
        }
    }
    if !shared.is_empty() {
        let text = format!("Different roles can't share the same host for SSL: {}", shared.join(", "));
        errors.plain(&root.section("proxy"), text);
    }
}

/// The `ssl` that applies to a role: its own or the root's.
fn ssl_setting<'a>(role: &Setting<'a>, root: &Setting<'a>) -> Setting<'a> {
    let own = role.get("proxy").and_then(|proxy| proxy.get("ssl"));
    own.unwrap_or_else(|| root.section("proxy").section("ssl"))
}

fn check_remote_builder(config: &Config, root: &Setting, context: &Context, errors: &mut Errors) {
    let remote = config.builder.remote.as_deref().unwrap_or_default();
    let is_remote = config.registry.is_local() && config.builder.builds_remotely(&context.local_arch);
    if is_remote && !remote.starts_with("ssh://") {
        let text = "Local registry with remote builder requires an SSH URL (e.g., ssh://user@host)";
        errors.plain(&root.section("builder").section("remote"), text);
    }
}

fn check_proxy_runs(config: &Config, root: &Setting, errors: &mut Errors) {
    let of_roles =
        config.roles.iter().flat_map(|role| role.hosts.iter().map(|host| (&host.name, &role.proxy)));
    let of_accessories =
        config.accessories.iter().flat_map(|own| own.hosts.iter().map(|host| (host, &own.proxy)));
    let mut runs: Vec<(&String, &ProxyRun)> = Vec::new();
    let mut reported: Vec<&String> = Vec::new();
    for (host, proxy) in of_roles.chain(of_accessories) {
        let Some(run) = proxy.as_ref().and_then(|proxy| proxy.run.as_ref()) else { continue };
        let conflicts = runs.iter().any(|(other, known)| *other == host && *known != run);
        if conflicts && !reported.contains(&host) {
            reported.push(host);
            let text = format!("Conflicting proxy run configurations for host {host}");
            errors.plain(&root.section("proxy").section("run"), text);
        }
        runs.push((host, run));
    }
}

fn warn(root: &Setting, errors: &mut Errors) {
    if let Some(directory) = root.get("run_directory") {
        errors
            .warn(directory.place(), "run_directory has no effect: the directory on hosts is always .kamal");
    }
    let roles = root.section("servers");
    let sections = roles.entries().map(|(_, role)| role).chain(std::iter::once(root.clone()));
    for section in sections {
        warn_of_traefik_labels(&section.section("labels"), errors);
    }
}

/// Routing by labels was Kamal 1's way; the labels are kept, but nobody reads them.
fn warn_of_traefik_labels(labels: &Setting, errors: &mut Errors) {
    let traefik = |key: &str| key.starts_with("traefik.");
    let Some((key, _)) = labels.entries().find(|(key, _)| traefik(&key.key_text())) else { return };
    let host = labels.entries().find_map(|(_, value)| hints::traefik_host(&value.node.text()?));
    let host = host.unwrap_or_else(|| "app.example.com".to_string());
    let text =
        format!("{}: Traefik labels do nothing since Kamal 2; write `proxy: {{host: {host}}}`", labels.path);
    errors.warn(&key.place, text);
}
