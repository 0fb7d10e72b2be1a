//! `aliases:`: command lines with a name of their own.

use super::errors::Errors;
use super::setting::Setting;

/// Kamal's top-level commands, which an alias must not hide.
pub const KAMALS_COMMANDS: [&str; 21] = [
    "accessory",
    "app",
    "audit",
    "build",
    "config",
    "deploy",
    "details",
    "docs",
    "init",
    "lock",
    "proxy",
    "prune",
    "redeploy",
    "registry",
    "remove",
    "rollback",
    "secrets",
    "server",
    "setup",
    "upgrade",
    "version",
];

/// Checks one alias.
pub(super) fn check(alias: &Setting, errors: &mut Errors) {
    if alias.node.text().is_none() {
        errors.at(alias, "should be a string").hint("a command line, for example `app exec -i bash`");
        return;
    }
    let name = alias.name_in("aliases");
    if name.is_empty()
        || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
    {
        let rule = "Must only contain lowercase letters, alphanumeric, hyphens and underscores.";
        errors.at(alias, format!("Invalid alias name: '{name}'. {rule}"));
        return;
    }
    if KAMALS_COMMANDS.contains(&name) {
        errors.at(alias, format!("Alias '{name}' conflicts with a built-in command."));
    }
}
