//! Another program in the proxy's container, without a gap: dhow's own proxy takes over from itself (`kamal-proxy upgrade`).
//!
//! Only the program can change like that. Whether the settings did is for Docker to say: the container that would be made
//! now is made, not started, and the two are compared.

use super::CONTAINER;
use super::run::create;
use crate::config::ProxyRun;
use crate::shell::{Command, Script, docker};

/// Makes the container that a reboot would start.
pub fn create_next(settings: Option<&ProxyRun>, image: &str) -> Script {
    create(NEXT, settings, image)
}

/// Removes it, if it is there.
pub fn remove_next() -> Command {
    docker(["container", "rm", "--force", NEXT])
}

/// Did Docker make it as it made the one that runs, apart from the image?
pub fn has_same_settings() -> Script {
    Script::Text(COMPARE)
}

/// Puts its program into the one that runs, and lets that take over. Fails while requests are held.
pub fn take_over_in_place() -> Script {
    let take = docker(["cp", &format!("{NEXT}:{PROGRAM}"), "-"]);
    let put = docker(["cp", "-", &format!("{CONTAINER}:{DIRECTORY}")]);
    Script::and([Script::from(take).pipe(put), docker(["exec", CONTAINER, CONTAINER, "upgrade"]).into()])
}

const NEXT: &str = "kamal-proxy-next";
const DIRECTORY: &str = "/usr/local/bin/";
/// `kamal-proxy` is a link to it.
const PROGRAM: &str = "/usr/local/bin/dhow-proxy";

/// The volumes of a container come in any order.
const COMPARE: &str = r#"{ settings() { docker inspect --format '{{range .HostConfig.Binds}}{{println .}}{{end}}' "$1" | sort
docker inspect --format '{{json .HostConfig}}{{json .Config.Cmd}}{{json .Config.Entrypoint}}{{json .Config.Env}}{{json .Config.ExposedPorts}}' "$1" | sed 's/"Binds":\[[^]]*\],//'; }
[ "$(settings kamal-proxy)" = "$(settings kamal-proxy-next)" ]; }"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::proxy::run;

    #[test]
    fn the_next_container_is_made_like_a_new_one() {
        let new = run(None, "dhow-proxy:1").to_string();
        let next = create(NEXT, None, "dhow-proxy:1").to_string();
        assert_eq!(
            new.replace(
                "run --name kamal-proxy --network kamal --detach",
                "create --name kamal-proxy-next --network kamal"
            ),
            next
        );
    }
}
