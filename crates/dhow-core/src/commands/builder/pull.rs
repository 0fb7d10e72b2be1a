//! Bringing an image to a server.

use crate::config::Config;
use crate::shell::{Script, docker, sh};

/// Pulls a version and makes sure that it is an image of this service. Only layers that are not there are fetched: unlike
/// Kamal we do not remove the image first, which would throw them away.
pub fn pull(config: &Config, version: &str) -> Script {
    let image = config.absolute_image(version);
    Script::and([docker(["pull", &image]).into(), sh(CHECK_LABEL, [&image, &config.service]).into()])
}

/// `$1` image, `$2` service.
const CHECK_LABEL: &str = r#"label=$(docker image inspect --format '{{.Config.Labels.service}}' "$1") || exit
[ "$label" = "$2" ] || { echo "Image $1 is missing the 'service' label" >&2; exit 1; }"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::config;

    #[test]
    fn an_image_is_pulled_and_its_label_checked() {
        let script = pull(&config(), "2").to_string();
        assert!(script.starts_with("docker pull ghcr.io/acme/shop:2 && sh -c "), "{script}");
        assert!(script.ends_with(" sh ghcr.io/acme/shop:2 shop"), "{script}");
    }
}
