//! Requests that two services behind one proxy would both claim: the proxy refuses the second.

use super::errors::Errors;
use super::setting::Setting;
use super::{Config, Proxy};

/// A role or an accessory behind the proxy.
struct Service<'a> {
    name: &'a str,
    setting: Setting<'a>,
    servers: Vec<&'a str>,
    proxy: &'a Proxy,
}

/// Warns of each pair once; Kamal finds out when it deploys the second.
pub(super) fn warn_of_shared(config: &Config, root: &Setting, errors: &mut Errors) {
    let services = services(config, root);
    for (index, second) in services.iter().enumerate() {
        for first in &services[..index] {
            let server = first.servers.iter().find(|server| second.servers.contains(server));
            if let (Some(server), Some(route)) = (server, shared(first.proxy, second.proxy)) {
                let names = format!("{} and {}", first.name, second.name);
                let text =
                    format!("{names} both want the requests for {route} on {server}; the proxy takes one");
                errors.warn(second.setting.place(), text);
            }
        }
    }
}

fn services<'a>(config: &'a Config, root: &Setting<'a>) -> Vec<Service<'a>> {
    let (servers, accessories) = (root.section("servers"), root.section("accessories"));
    let roles = config.roles.iter().filter_map(|role| {
        let hosts = role.hosts.iter().map(|host| host.name.as_str()).collect();
        let setting = servers.get(&role.name).unwrap_or_else(|| servers.clone());
        Some(Service { name: &role.name, setting, servers: hosts, proxy: role.proxy.as_ref()? })
    });
    let others = config.accessories.iter().filter_map(|accessory| {
        let hosts = accessory.hosts.iter().map(String::as_str).collect();
        let setting = accessories.section(&accessory.name);
        Some(Service { name: &accessory.name, setting, servers: hosts, proxy: accessory.proxy.as_ref()? })
    });
    roles.chain(others).collect()
}

/// A name and a path that both have; without names or paths a service takes all that no other has.
fn shared(first: &Proxy, second: &Proxy) -> Option<String> {
    let host = common(&first.hosts, &second.hosts, "any name")?;
    let path = common(&first.path_prefixes, &second.path_prefixes, "/")?;
    Some(if path == "/" { host.to_string() } else { format!("{host}{path}") })
}

fn common<'a>(first: &'a [String], second: &[String], neither: &'a str) -> Option<&'a str> {
    match (first, second) {
        ([], []) => Some(neither),
        (first, second) => first.iter().find(|one| second.contains(one)).map(String::as_str),
    }
}
