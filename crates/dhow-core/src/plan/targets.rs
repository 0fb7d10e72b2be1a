//! Which hosts and roles a run is about: `--hosts`, `--roles`, `--primary` (kamal-commands 1.4).

use crate::config::{Config, Role};
use std::fmt;

/// The filters of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Shell globs over all hosts.
    pub hosts: Option<Vec<String>>,
    /// Shell globs over role names.
    pub roles: Option<Vec<String>>,
    /// Only the primary host.
    pub primary: bool,
}

/// What the filters leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    hosts: Vec<String>,
    roles: Vec<Role>,
    primary_host: String,
}

/// A filter that matches nothing, in Kamal's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetsError {
    option: &'static str,
    given: String,
    known: Vec<String>,
}

impl fmt::Display for TargetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "No {} match for {}\n  known: {}", self.option, self.given, self.known.join(", "))
    }
}

impl std::error::Error for TargetsError {}

impl Targets {
    /// Applies the filters to the configuration.
    pub fn select(config: &Config, selection: &Selection) -> Result<Targets, TargetsError> {
        let all_hosts = all_hosts(config);
        let role_names: Vec<String> = config.roles.iter().map(|role| role.name.clone()).collect();
        let hosts = filter("--hosts", &selection.hosts, &all_hosts)?;
        let role_filter = filter("--roles", &selection.roles, &role_names)?;
        let mut targets = narrow(config, hosts, &role_filter, selection.roles.is_some());
        targets.primary_host = primary_host(config, selection, &targets);
        if selection.primary {
            targets = narrow(config, vec![targets.primary_host], &role_filter, selection.roles.is_some());
            targets.primary_host = targets.hosts.first().cloned().unwrap_or_default();
        }
        Ok(targets)
    }

    /// Every selected host, accessories' among them; hosts of the primary role first.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// The selected roles that have a selected host; the primary role first.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Where the lock lives, and where interactive commands go.
    pub fn primary_host(&self) -> &str {
        &self.primary_host
    }

    /// The role that gates the others on this selection.
    pub fn primary_role(&self) -> Option<&Role> {
        self.roles.first()
    }

    /// Selected hosts of the selected roles.
    pub fn app_hosts(&self) -> Vec<&str> {
        self.hosts.iter().filter(|host| !self.roles_on(host).is_empty()).map(String::as_str).collect()
    }

    /// The selected roles of a host, the primary one first.
    pub fn roles_on(&self, host: &str) -> Vec<&Role> {
        self.roles.iter().filter(|role| role.runs_on(host)).collect()
    }

    /// Selected hosts with a proxied role or accessory.
    pub fn proxy_hosts(&self, config: &Config) -> Vec<&str> {
        let serves_app = |host: &str| self.roles_on(host).iter().any(|role| role.proxy.is_some());
        let serves_accessory = |host: &str| {
            config
                .accessories
                .iter()
                .any(|own| own.proxy.is_some() && own.hosts.iter().any(|other| other == host))
        };
        let hosts = self.hosts.iter().map(String::as_str);
        hosts.filter(|host| serves_app(host) || serves_accessory(host)).collect()
    }

    /// The selected hosts of an accessory.
    pub fn accessory_hosts<'a>(&self, hosts: &'a [String]) -> Vec<&'a str> {
        hosts.iter().filter(|host| self.hosts.contains(host)).map(String::as_str).collect()
    }
}

/// Roles' hosts, then accessories', each once, hosts of the primary role first.
fn all_hosts(config: &Config) -> Vec<String> {
    let of_roles = config.roles.iter().flat_map(|role| role.hosts.iter().map(|host| &host.name));
    let of_accessories = config.accessories.iter().flat_map(|accessory| &accessory.hosts);
    let mut hosts: Vec<String> = Vec::new();
    for host in of_roles.chain(of_accessories) {
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    }
    let primary = config.role(&config.primary_role);
    hosts.sort_by_key(|host| !primary.is_some_and(|role| role.runs_on(host)));
    hosts
}

fn filter(
    option: &'static str,
    patterns: &Option<Vec<String>>,
    known: &[String],
) -> Result<Vec<String>, TargetsError> {
    let Some(patterns) = patterns else {
        return Ok(known.to_vec());
    };
    let mut found: Vec<String> = Vec::new();
    for name in patterns.iter().flat_map(|pattern| known.iter().filter(|name| matches(pattern, name))) {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    match found.is_empty() {
        true => Err(TargetsError { option, given: patterns.join(","), known: known.to_vec() }),
        false => Ok(found),
    }
}

fn narrow(config: &Config, hosts: Vec<String>, role_names: &[String], by_role: bool) -> Targets {
    let wanted =
        |role: &&Role| role_names.contains(&role.name) && hosts.iter().any(|host| role.runs_on(host));
    let mut roles: Vec<Role> = config.roles.iter().filter(wanted).cloned().collect();
    roles.sort_by_key(|role| role.name != config.primary_role);
    let hosts = match by_role {
        true => hosts.into_iter().filter(|host| roles.iter().any(|role| role.runs_on(host))).collect(),
        false => hosts,
    };
    Targets { hosts, roles, primary_host: String::new() }
}

fn primary_host(config: &Config, selection: &Selection, targets: &Targets) -> String {
    let of_role = |role: &Role| {
        role.hosts.iter().find(|host| targets.hosts.contains(&host.name)).map(|host| host.name.clone())
    };
    let first_selected = || targets.hosts.first().cloned();
    let chosen = if selection.hosts.is_some() {
        first_selected()
    } else {
        let primary =
            targets.roles.iter().find(|role| role.name == config.primary_role).or(targets.roles.first());
        primary.and_then(of_role).or_else(first_selected)
    };
    chosen.unwrap_or_default()
}

/// Shell globs: `*`, `?`, `[abc]`, `[a-z]`.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_from(&pattern, &name)
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skipped| matches_from(rest, &name[skipped..])),
        ['?', rest @ ..] => !name.is_empty() && matches_from(rest, &name[1..]),
        ['[', rest @ ..] if rest.contains(&']') => {
            let end = rest.iter().position(|c| *c == ']').expect("just seen");
            let (class, rest) = (&rest[..end], &rest[end + 1..]);
            name.first().is_some_and(|c| in_class(class, *c)) && matches_from(rest, &name[1..])
        }
        [c, rest @ ..] => name.first() == Some(c) && matches_from(rest, &name[1..]),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let (negated, class) = match class {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let ranges = class.windows(3).any(|range| range[1] == '-' && (range[0]..=range[2]).contains(&c));
    negated != (ranges || class.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("10.0.0.*", "10.0.0.12", true),
            ("10.0.0.?", "10.0.0.12", false),
            ("web[1-3]", "web2", true),
            ("web[!1-3]", "web2", false),
            ("web", "web", true),
            ("web", "web2", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} against {name}");
        }
    }
}
