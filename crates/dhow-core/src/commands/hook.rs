//! Hooks: the user's own programs, run here at fixed points of a command.

use crate::config::Config;

/// Every hook there is; other files in the directory are nobody's.
pub const NAMES: [&str; 9] = [
    "docker-setup",
    "pre-connect",
    "pre-build",
    "pre-deploy",
    "pre-app-boot",
    "post-app-boot",
    "post-deploy",
    "pre-proxy-reboot",
    "post-proxy-reboot",
];

/// The program of a hook. It exists if the file does, and then must be executable.
pub fn path(config: &Config, name: &str) -> String {
    format!("{}/{name}", config.hooks_path)
}

/// Does this hook find all keys of the secrets files in its environment?
pub fn takes_secrets(name: &str) -> bool {
    ["pre-connect", "pre-deploy", "post-deploy"].contains(&name)
}

/// What a hook is told besides the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details<'a> {
    /// RFC 3339 in UTC, whole seconds.
    pub recorded_at: &'a str,
    /// `git config user.email`, else the user's name.
    pub performer: &'a str,
    /// The version being deployed.
    pub version: &'a str,
    /// Hosts selected, or those of the group that boots.
    pub hosts: &'a [String],
    /// `--roles` as given.
    pub roles: Option<&'a [String]>,
    /// Whether the deploy lock is held: commands that the hook runs then do without.
    pub locked: bool,
    /// `deploy`, `app`, …
    pub command: &'a str,
    /// `boot` of `app boot`.
    pub subcommand: Option<&'a str>,
    /// Seconds the deploy took, for `post-deploy`.
    pub runtime: Option<u64>,
}

/// The `KAMAL_*` variables of a hook.
pub fn environment(config: &Config, details: &Details) -> Vec<(String, String)> {
    let owned = |text: &str| Some(text.to_string());
    let variables = [
        ("RECORDED_AT", owned(details.recorded_at)),
        ("PERFORMER", owned(details.performer)),
        ("SERVICE", owned(&config.service)),
        ("VERSION", owned(details.version)),
        ("SERVICE_VERSION", Some(format!("{}@{}", config.service, abbreviated(details.version)))),
        ("DESTINATION", config.destination.clone()),
        ("HOSTS", Some(details.hosts.join(","))),
        ("ROLES", details.roles.map(|roles| roles.join(","))),
        ("LOCK", Some(details.locked.to_string())),
        ("COMMAND", owned(details.command)),
        ("SUBCOMMAND", details.subcommand.and_then(owned)),
        ("RUNTIME", details.runtime.map(|seconds| seconds.to_string())),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((format!("KAMAL_{name}"), value?))).collect()
}

/// A version as people see it: the first seven characters of a commit, any other version in full if it has a `_`.
pub fn abbreviated(version: &str) -> &str {
    if version.contains('_') {
        return version;
    }
    version.char_indices().nth(7).map_or(version, |(end, _)| &version[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{config, staging};

    fn details(hosts: &[String]) -> Details<'_> {
        Details {
            recorded_at: "2026-01-02T03:04:05Z",
            performer: "dev@example.com",
            version: "0123456789abcdef",
            hosts,
            roles: None,
            locked: false,
            command: "deploy",
            subcommand: None,
            runtime: None,
        }
    }

    fn lines(config: &Config, details: &Details) -> String {
        let lines: Vec<String> =
            environment(config, details).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.join("\n")
    }

    #[test]
    fn a_hook_is_told_who_what_and_where() {
        let hosts = ["1.1.1.1".to_string(), "1.1.1.2".to_string()];
        assert_eq!(
            lines(&config(), &details(&hosts)),
            "KAMAL_RECORDED_AT=2026-01-02T03:04:05Z\nKAMAL_PERFORMER=dev@example.com\nKAMAL_SERVICE=shop\n\
             KAMAL_VERSION=0123456789abcdef\nKAMAL_SERVICE_VERSION=shop@0123456\nKAMAL_HOSTS=1.1.1.1,1.1.1.2\n\
             KAMAL_LOCK=false\nKAMAL_COMMAND=deploy"
        );
    }

    #[test]
    fn what_does_not_apply_is_left_out() {
        let roles = ["web".to_string(), "workers".to_string()];
        let full = Details {
            roles: Some(&roles),
            locked: true,
            command: "app",
            subcommand: Some("boot"),
            runtime: Some(12),
            ..details(&[])
        };
        let lines = lines(&staging(), &full);
        let expected = [
            "DESTINATION=staging",
            "ROLES=web,workers",
            "LOCK=true",
            "COMMAND=app",
            "SUBCOMMAND=boot",
            "RUNTIME=12",
        ];
        for line in expected {
            assert!(lines.contains(&format!("KAMAL_{line}")), "{line} in {lines}");
        }
    }

    #[test]
    fn versions_are_abbreviated_like_commits() {
        assert_eq!(abbreviated("0123456789"), "0123456");
        assert_eq!(abbreviated("abc_uncommitted_0123"), "abc_uncommitted_0123");
        assert_eq!(abbreviated("v2"), "v2");
    }

    #[test]
    fn secrets_go_to_hooks_around_a_deploy() {
        assert!(takes_secrets("pre-deploy") && !takes_secrets("pre-app-boot"));
        assert_eq!(path(&config(), "pre-deploy"), ".kamal/hooks/pre-deploy");
        assert!(NAMES.contains(&"docker-setup"));
    }
}
