//! The proxy: one container per host, `kamal-proxy`, shared by all apps.

mod deploy;
mod rollout;
mod run;
mod services;
mod upgrade;

pub use deploy::{CertificatePaths, Deploy, deploy, deploy_for_accessory, deploy_for_role};
pub use rollout::{Share, rollout_deploy, rollout_set, rollout_stop};
pub use run::{boot, image_of, run};
pub use services::{
    ListedService, ServiceState, keep_credentials, list, parse_list, pause, remove, resume, stop_service,
};
pub use upgrade::{create_next, has_same_settings, remove_next, take_over_in_place};

use super::app::NETWORK;
use super::{logs::LogOptions, server};
use crate::config::{Accessory, Config, Role};
use crate::shell::{Command, Script, Word, docker};

/// Name of the proxy's container and of the program in it.
pub const CONTAINER: &str = "kamal-proxy";

/// The label of the proxy's images, by which Kamal finds what to remove.
pub const IMAGE_LABEL: &str = "org.opencontainers.image.title=kamal-proxy";

/// The oldest kamal-proxy that understands every flag of a deploy.
pub const MINIMUM_VERSION: &str = "v0.9.2";

/// Kamal's own proxy.
pub const KAMALS_IMAGE: &str = "basecamp/kamal-proxy:v0.9.2";

/// Is this an image of kamal-proxy itself?
pub fn is_kamals(image: &str) -> bool {
    let name = image.rsplit_once(':').map_or(image, |(name, _)| name);
    name.rsplit('/').next() == Some(CONTAINER)
}

/// Makes the network, unless it is there.
pub fn create_network() -> Script {
    let there = Script::from(docker(["network", "inspect", NETWORK])).silent();
    there.or(docker(["network", "create", NETWORK]))
}

/// Makes the directory that apps share with the proxy.
pub fn prepare_directory() -> Command {
    Command::new("mkdir").option("-p", apps_directory())
}

/// Is this an image of dhow's own proxy?
pub fn is_ours(image: &str) -> bool {
    image.split(':').next() == Some(OURS)
}

/// Name of the images of dhow's own proxy.
pub const OURS: &str = "dhow-proxy";

/// Starts the container that is there.
pub fn start() -> Command {
    docker(["container", "start", CONTAINER])
}

/// Waits until the proxy takes commands and requests: Docker says it runs before it does.
pub fn wait_until_it_answers() -> Script {
    Script::Text(WAIT)
}

const WAIT: &str = r#"tries=0; until docker exec kamal-proxy kamal-proxy list > /dev/null 2>&1; do
tries=$((tries + 1)); [ $tries -lt 100 ] || { echo 'kamal-proxy does not answer; its log:' >&2; docker logs --tail 20 kamal-proxy >&2; exit 1; }
sleep 0.2; done"#;

/// Stops the container.
pub fn stop() -> Command {
    docker(["container", "stop", CONTAINER])
}

/// Docker's table of it, for people.
pub fn details() -> Command {
    docker(["ps"]).option("--filter", format!("name=^{CONTAINER}$"))
}

/// The proxy's log.
pub fn logs(logs: &LogOptions) -> Script {
    logs.of(&Word::literal(CONTAINER))
}

/// Is this the image of a kamal-proxy older than [`MINIMUM_VERSION`]? Not when its tag is no version number (`latest`, a
/// digest) or it is another program.
pub fn is_too_old(image: &str) -> bool {
    let Some((_, tag)) = image.rsplit_once(':') else { return false };
    is_kamals(image) && version(tag).is_some_and(|tag| Some(tag) < version(MINIMUM_VERSION))
}

/// Removes the container, if there is one.
pub fn remove_container() -> Script {
    container_exists().if_then(docker(["container", "rm", "--force", CONTAINER]))
}

/// Removes the proxy's images, Kamal's and ours.
pub fn remove_image() -> Command {
    docker(["image", "prune", "--all", "--force"]).option("--filter", format!("label={IMAGE_LABEL}"))
}

/// Removes the proxy's directory with every app's error pages and certificates.
pub fn remove_directory() -> Command {
    Command::new("rm").word("-rf").word(host_directory())
}

/// An app's directory beside the proxy: error pages, certificates.
pub fn app_directory(config: &Config) -> String {
    format!("{}/{}", apps_directory(), config.app())
}

/// The same directory as the proxy sees it.
pub fn app_directory_in_proxy(config: &Config) -> String {
    format!("{APPS_DIRECTORY_IN_PROXY}/{}", config.app())
}

/// Where a role's own certificate is kept on the host.
pub fn role_certificate(config: &Config, role: &Role) -> CertificatePaths {
    CertificatePaths::under(&app_directory(config), &role.name)
}

/// Where an accessory's own certificate is kept on the host. Kamal never uploads it.
pub fn accessory_certificate(config: &Config, accessory: &Accessory) -> CertificatePaths {
    CertificatePaths::under(&app_directory(config), &accessory.service)
}

/// Where the users who may come to a role are kept on the host.
pub fn role_users(config: &Config, role: &Role) -> String {
    deploy::users_under(&app_directory(config), &role.name)
}

/// Where the users who may come to an accessory are kept on the host.
pub fn accessory_users(config: &Config, accessory: &Accessory) -> String {
    deploy::users_under(&app_directory(config), &accessory.service)
}

fn container_exists() -> Script {
    Script::from(docker(["container", "inspect", CONTAINER])).silent()
}

const APPS_DIRECTORY_IN_PROXY: &str = "/home/kamal-proxy/.apps-config";

fn host_directory() -> String {
    format!("{}/proxy", server::RUN_DIRECTORY)
}

fn apps_directory() -> String {
    format!("{}/apps-config", host_directory())
}

fn version(tag: &str) -> Option<Vec<u32>> {
    let numbers = tag.strip_prefix('v').unwrap_or(tag);
    numbers.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_versions_of_kamal_proxy_can_be_too_old() {
        assert!(is_too_old("basecamp/kamal-proxy:v0.8.7"));
        assert!(is_too_old("localhost:5000/kamal-proxy:0.9"));
        let fine =
            ["basecamp/kamal-proxy:v0.9.2", "basecamp/kamal-proxy:v0.10.0", "basecamp/kamal-proxy:latest"];
        let others = ["dhow-proxy:0.1.0", "basecamp/kamal-proxy", "localhost:5000/kamal-proxy"];
        for image in fine.into_iter().chain(others) {
            assert!(!is_too_old(image), "{image}");
        }
    }

    #[test]
    fn the_network_is_made_once() {
        assert_eq!(
            create_network().to_string(),
            "docker network inspect kamal > /dev/null 2>&1 || docker network create kamal"
        );
    }

    #[test]
    fn removing_tolerates_that_there_is_nothing() {
        assert_eq!(
            remove_container().to_string(),
            "if docker container inspect kamal-proxy > /dev/null 2>&1; \
             then docker container rm --force kamal-proxy; fi"
        );
    }
}
