//! The app's images on a host.

use crate::config::Config;
use crate::shell::{Command, docker, sh};

/// The table of the app's images, for people.
pub fn images(config: &Config) -> Command {
    docker(["image", "ls"]).word(config.repository())
}

/// Lets the `latest` tag follow a version that was deployed.
pub fn tag_latest(config: &Config, version: &str) -> Command {
    docker(["tag"]).word(config.absolute_image(version)).word(config.latest_image())
}

/// Removes the images of this app's repository that no container uses. Kamal goes by the service label alone and so
/// takes other destinations' with it: here their containers and their `latest` keep what they need.
pub fn remove_images(config: &Config) -> Command {
    remove_unused(config, &config.repository(), &config.latest_image())
}

/// Removes the images of the service that no container uses, in whatever repository, but no `latest`.
pub fn remove_unused_images(config: &Config) -> Command {
    remove_unused(config, "", "")
}

fn remove_unused(config: &Config, repository: &str, latest: &str) -> Command {
    sh(REMOVE_UNUSED, [&config.service, repository, latest])
}

/// `$1` service, `$2` repository or any, `$3` the one `latest` that may go.
const REMOVE_UNUSED: &str = r#"used=$(docker container ls --all --format '{{.Image}}') || exit 1
docker image ls --filter "label=service=$1" ${2:+--filter "reference=$2"} --format '{{.Repository}}:{{.Tag}}' |
while read -r image; do
  case $image in "$3") ;; *:latest | *:latest-* | *:'<none>') continue ;; esac
  printf '%s\n' "$used" | grep -qxF -e "$image" || docker image rm "$image" || true
done"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{config, staging};

    #[test]
    fn latest_follows_the_version() {
        assert_eq!(
            tag_latest(&staging(), "2").to_string(),
            "docker tag ghcr.io/acme/shop:2 ghcr.io/acme/shop:latest-staging"
        );
        assert_eq!(images(&config()).to_string(), "docker image ls ghcr.io/acme/shop");
    }

    #[test]
    fn removal_is_restricted_to_the_repository_and_its_own_latest() {
        assert_eq!(
            remove_images(&staging()).argv()[4..],
            ["shop", "ghcr.io/acme/shop", "ghcr.io/acme/shop:latest-staging"]
        );
        assert_eq!(remove_unused_images(&config()).argv()[4..], ["shop", "", ""]);
    }
}
