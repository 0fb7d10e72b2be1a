//! The app's containers: one per role, host and version, named `SERVICE-ROLE[-DEST]-VERSION`.

mod assets;
mod error_pages;
mod health;
mod images;

pub use assets::{asset_clean, asset_extract, asset_sync};
pub use error_pages::{error_pages_clean, error_pages_directory, error_pages_in_proxy};
pub use health::wait_until_healthy;
pub(super) use images::remove_unused_images;
pub use images::{images, remove_images, tag_latest};

use super::{logs::LogOptions, options, proxy, server};
use crate::config::{Config, Role};
use crate::shell::{Command, Script, Word, docker};

/// The network that the app, its accessories and the proxy share.
pub const NETWORK: &str = "kamal";

/// Name of a role's container for a version.
pub fn container_name(config: &Config, role: &Role, version: &str) -> String {
    format!("{}-{version}", config.prefix(role))
}

/// Name the container of a version gets when the same version is deployed again; `suffix` is 16 hex digits.
pub fn replaced_name(config: &Config, role: &Role, version: &str, suffix: &str) -> String {
    format!("{}_replaced_{suffix}", container_name(config, role, version))
}

/// Name of the container that a rollout shows to some visitors only, beside the current one.
pub fn rollout_name(config: &Config, role: &Role, version: &str) -> String {
    format!("{}{ROLLOUT}", container_name(config, role, version))
}

/// What the names of rollouts' containers end with.
pub const ROLLOUT: &str = "_rollout";

/// Starts a container of a version; prints its id. `hostname_suffix` is 12 hex digits, new for every run.
pub fn run(
    config: &Config,
    role: &Role,
    host: &str,
    version: &str,
    name: &str,
    hostname_suffix: &str,
) -> Command {
    docker(["run", "--detach"])
        .option("--restart", &role.restart)
        .option("--name", name)
        .option("--network", NETWORK)
        .option("--hostname", hostname(host, hostname_suffix))
        .extend(own_env(config, name, host, version))
        .extend(role_env(config, role, host))
        .extend(options::logging(&role.logging))
        .extend(options::volumes(&role.volumes))
        .extend(assets::volume(config, role, version))
        .extend(own_labels(config, role))
        .extend(options::labels(&role.labels))
        .extend(options::options(&role.options))
        .word(config.absolute_image(version))
        .words(role.cmd.as_ref().map(Word::raw))
}

/// The role's environment on a host: clear values as arguments, secrets from the env file.
pub(super) fn role_env(config: &Config, role: &Role, host: &str) -> Vec<Word> {
    let clear = role.env_on(host).map(options::env).unwrap_or_default();
    [clear, vec!["--env-file".into(), env_file_path(config, role).into()]].concat()
}

/// Starts a container that was stopped.
pub fn start(container: &str) -> Command {
    docker(["start", container])
}

/// Stops a container: after `stop_timeout`, or after `drain_timeout` where no proxy has drained it before.
pub fn stop(config: &Config, role: &Role, container: &str) -> Command {
    let drain = role.proxy.is_none().then_some(config.drain_timeout);
    let timeout = role.stop_timeout.or(drain).map(|seconds| ["-t".to_string(), seconds.to_string()]);
    docker(["stop"]).words(timeout.into_iter().flatten()).word(container)
}

/// Gives a container another name.
pub fn rename(container: &str, name: &str) -> Command {
    docker(["rename", container, name])
}

/// Removes a stopped container.
pub fn remove_container(container: &str) -> Command {
    docker(["container", "rm", container])
}

/// Removes every stopped container of a role.
pub fn remove_containers(config: &Config, role: &Role) -> Command {
    docker(["container", "prune", "--force"]).extend(role_filters(config, role))
}

/// Prints the short id of a container, nothing if there is none.
pub fn container_id(container: &str) -> Command {
    let name = format!("name=^{container}$");
    docker(["container", "ls", "--all"]).option("--filter", name).word("--quiet")
}

/// The table of a role's running containers, for people.
pub fn details(config: &Config, role: &Role) -> Command {
    docker(["ps"]).extend(role_filters(config, role))
}

/// The table of all the app's containers, for people.
pub fn containers(config: &Config) -> Command {
    docker(["container", "ls", "--all"]).extend(app_filters(config))
}

/// The logs of a container, both streams joined.
pub fn logs(container: &Word, logs: &LogOptions) -> Script {
    logs.of(container)
}

/// Directory of the app's files on a host, relative to the user's home.
pub fn directory(config: &Config) -> String {
    format!("{}/apps/{}", server::RUN_DIRECTORY, config.app())
}

/// Directory of the roles' env files.
pub fn env_directory(config: &Config) -> String {
    format!("{}/env/roles", directory(config))
}

/// The file with a role's secrets, mode 0600, shared by all versions on the host.
pub fn env_file_path(config: &Config, role: &Role) -> String {
    format!("{}/{}.env", env_directory(config), role.name)
}

/// Removes the app's files, and its error pages and certificates from the proxy.
pub fn remove_app_directories(config: &Config) -> Command {
    Command::new("rm").word("-rf").word(directory(config)).word(proxy::app_directory(config))
}

/// `--filter` for everything of this service and destination.
pub(super) fn app_filters(config: &Config) -> Vec<Word> {
    let destination = config.destination.as_deref().unwrap_or_default();
    filters([format!("service={}", config.service), format!("destination={destination}")])
}

/// `--filter` for everything of a role.
pub(super) fn role_filters(config: &Config, role: &Role) -> Vec<Word> {
    [app_filters(config), filters([format!("role={}", role.name)])].concat()
}

fn filters<const N: usize>(labels: [String; N]) -> Vec<Word> {
    labels.into_iter().flat_map(|label| ["--filter".into(), format!("label={label}").into()]).collect()
}

fn own_env(config: &Config, name: &str, host: &str, version: &str) -> Vec<Word> {
    let destination = config.destination.as_ref();
    [("CONTAINER_NAME", Some(name)), ("VERSION", Some(version)), ("HOST", Some(host))]
        .into_iter()
        .chain([("DESTINATION", destination.map(String::as_str))])
        .filter_map(|(key, value)| Some(format!("KAMAL_{key}={}", value?)))
        .flat_map(|assignment| ["--env".into(), assignment.into()])
        .collect()
}

/// Without a destination its label is there all the same, empty, so that filters find the container.
fn own_labels(config: &Config, role: &Role) -> Vec<Word> {
    let destination = match &config.destination {
        Some(destination) => format!("destination={destination}"),
        None => "destination".to_string(),
    };
    [format!("service={}", config.service), format!("role={}", role.name), destination]
        .into_iter()
        .flat_map(|label| ["--label".into(), label.into()])
        .collect()
}

/// Docker allows 64 characters: 51 of the host's name leave room for the suffix.
fn hostname(host: &str, suffix: &str) -> String {
    let host: String = host.chars().take(51).collect();
    format!("{}-{suffix}", host.strip_suffix('.').unwrap_or(&host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{added, config, pairs, staging, with};
    use crate::config::{Logging, OptionValue};

    fn runs(config: &Config) -> String {
        let role = &config.roles[0];
        run(config, role, "1.1.1.1", "999", &container_name(config, role, "999"), "0123456789ab").to_string()
    }

    fn adds(change: impl FnOnce(&mut Role)) -> String {
        added(&runs(&config()), &runs(&with(|config| change(&mut config.roles[0]))))
    }

    #[test]
    fn run_is_kamals_line() {
        assert_eq!(
            runs(&config()),
            "docker run --detach --restart unless-stopped --name shop-web-999 --network kamal \
             --hostname 1.1.1.1-0123456789ab --env KAMAL_CONTAINER_NAME=shop-web-999 --env KAMAL_VERSION=999 \
             --env KAMAL_HOST=1.1.1.1 --env-file .kamal/apps/shop/env/roles/web.env --log-opt max-size=10m \
             --label service=shop --label role=web --label destination ghcr.io/acme/shop:999"
        );
    }

    #[test]
    fn a_destination_is_in_names_environment_labels_and_paths() {
        assert_eq!(
            runs(&staging()),
            "docker run --detach --restart unless-stopped --name shop-web-staging-999 --network kamal \
             --hostname 1.1.1.1-0123456789ab --env KAMAL_CONTAINER_NAME=shop-web-staging-999 \
             --env KAMAL_VERSION=999 --env KAMAL_HOST=1.1.1.1 --env KAMAL_DESTINATION=staging \
             --env-file .kamal/apps/shop-staging/env/roles/web.env --log-opt max-size=10m \
             --label service=shop --label role=web --label destination=staging ghcr.io/acme/shop:999"
        );
    }

    #[test]
    fn settings_of_the_role_go_where_kamal_puts_them() {
        assert_eq!(adds(|role| role.cmd = Some("bin/web && true".to_string())), "bin/web && true");
        assert_eq!(adds(|role| role.labels = pairs(&[("a", "b c")])), r#"--label a="b c""#);
        assert_eq!(adds(|role| role.volumes = vec!["$HOME/x:/y".to_string()]), "--volume $HOME/x:/y");
        assert_eq!(adds(|role| role.hosts[0].env.clear = pairs(&[("PORT", "3000")])), r#"--env PORT="3000""#);
        let memory = ("memory".to_string(), OptionValue::Value("1g".to_string()));
        assert_eq!(adds(|role| role.options = vec![memory]), r#"--memory "1g""#);
    }

    #[test]
    fn restart_and_logging_replace_the_defaults() {
        let journal = Logging { driver: Some("journald".to_string()), options: Vec::new() };
        let line = runs(&with(|config| {
            config.roles[0].restart = "on-failure:3".to_string();
            config.roles[0].logging = journal;
        }));
        assert!(line.contains("--restart on-failure:3 "));
        assert!(line.contains(r#" --log-driver "journald" --label"#));
    }

    #[test]
    fn assets_are_mounted_only_behind_the_proxy() {
        let assets = Some(("/rails/public/assets".to_string(), Some("ro".to_string())));
        assert_eq!(
            adds(|role| role.asset_path = assets.clone()),
            r#"--volume "$PWD"/.kamal/apps/shop/assets/volumes/web-999:/rails/public/assets:ro"#
        );
        let mut workers = config().roles[1].clone();
        workers.asset_path = assets;
        let line = run(&config(), &workers, "1.1.1.2", "999", "shop-workers-999", "0123456789ab").to_string();
        assert!(!line.contains("--volume"), "{line}");
    }

    #[test]
    fn long_host_names_are_cut_and_lose_a_last_dot() {
        let host = format!("{}.example.com", "a".repeat(50));
        assert_eq!(hostname(&host, "0123456789ab"), format!("{}-0123456789ab", "a".repeat(50)));
    }

    #[test]
    fn stopping_waits_for_the_roles_time_and_for_the_drain_time_without_a_proxy() {
        let stops = |config: &Config, role: usize| stop(config, &config.roles[role], "x").to_string();
        assert_eq!(stops(&config(), 0), "docker stop x");
        assert_eq!(stops(&config(), 1), "docker stop -t 30 x");
        let patient = with(|config| config.roles[1].stop_timeout = Some(90));
        assert_eq!(stops(&patient, 1), "docker stop -t 90 x");
    }

    #[test]
    fn containers_are_found_by_their_labels() {
        let role = &config().roles[0];
        assert_eq!(
            details(&config(), role).to_string(),
            "docker ps --filter label=service=shop --filter label=destination= --filter label=role=web"
        );
        assert_eq!(
            containers(&staging()).to_string(),
            "docker container ls --all --filter label=service=shop --filter label=destination=staging"
        );
        assert_eq!(
            remove_containers(&config(), role).to_string(),
            "docker container prune --force --filter label=service=shop --filter label=destination= \
             --filter label=role=web"
        );
        assert_eq!(
            container_id("shop-web-1").to_string(),
            "docker container ls --all --filter 'name=^shop-web-1$' --quiet"
        );
    }

    #[test]
    fn the_same_version_again_renames_the_first() {
        let name = replaced_name(&config(), &config().roles[0], "999", "0123456789abcdef");
        assert_eq!(
            rename("shop-web-999", &name).to_string(),
            "docker rename shop-web-999 shop-web-999_replaced_0123456789abcdef"
        );
    }

    #[test]
    fn removing_the_app_leaves_other_apps_files() {
        assert_eq!(
            remove_app_directories(&staging()).to_string(),
            "rm -rf .kamal/apps/shop-staging .kamal/proxy/apps-config/shop-staging"
        );
    }
}
