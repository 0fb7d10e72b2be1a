//! Removing what no rollback will need.

use super::app;
use crate::config::{Config, Role};
use crate::shell::{Command, Script, docker};

/// Removes a role's stopped containers but the newest `retain`. Kamal counts those of all roles and destinations of the
/// service together, so that what one could roll back to is gone early.
pub fn containers(config: &Config, role: &Role, retain: u32) -> Script {
    let stopped = ["created", "exited", "dead"].map(|status| format!("status={status}"));
    let newest_first = docker(["ps", "--quiet", "--all"])
        .extend(app::role_filters(config, role))
        .words(stopped.iter().flat_map(|status| ["--filter", status]));
    let surplus = Command::new("tail").option("-n", format!("+{}", u64::from(retain) + 1));
    Script::Pipe(vec![newest_first.into(), surplus.into(), Script::Text(REMOVE)])
}

/// Removes the service's images that have no name or that no container uses; `latest` of every destination stays.
pub fn images(config: &Config) -> Script {
    let service = format!("label=service={}", config.service);
    let unnamed = docker(["image", "prune", "--force", "--filter", &service]);
    Script::and([unnamed.into(), app::remove_unused_images(config).into()])
}

const REMOVE: &str = "while read -r id; do docker rm \"$id\"; done";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::config;

    #[test]
    fn containers_are_counted_per_role_and_destination() {
        assert_eq!(
            containers(&config(), &config().roles[0], 5).to_string(),
            "docker ps --quiet --all --filter label=service=shop --filter label=destination= \
             --filter label=role=web --filter status=created --filter status=exited --filter status=dead \
             | tail -n +6 | { while read -r id; do docker rm \"$id\"; done; }"
        );
    }

    #[test]
    fn images_without_a_name_go_first() {
        let line = images(&config()).to_string();
        assert!(
            line.starts_with("docker image prune --force --filter label=service=shop && sh -c"),
            "{line}"
        );
        assert!(line.ends_with(" sh shop '' ''"), "{line}");
    }
}
