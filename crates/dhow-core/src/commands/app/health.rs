//! Whether a container that no proxy watches has come up.

use crate::config::Config;
use crate::shell::{Command, sh};

/// Waits on the host until a container is `healthy`, or `running` and still so after the readiness delay. Fails after the
/// deploy timeout with Kamal's words on standard error; as in Kamal, the delay itself does not count against it.
pub fn wait_until_healthy(config: &Config, container: &str) -> Command {
    let seconds = [config.deploy_timeout.to_string(), config.readiness_delay.to_string()];
    sh(WAIT, [container, STATUS]).words(seconds)
}

const STATUS: &str = "{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}";

/// `$1` container, `$2` format of its status, `$3` seconds to wait, `$4` readiness delay. Polls four times a second for the
/// first ten seconds, then every second; a `sleep` that knows whole seconds only just polls slower.
const WAIT: &str = r#"status() { docker inspect --format "$2" "$1" 2> /dev/null || echo missing; }
deadline=$(($(date +%s) + $3)) polls=0
while :; do
  status=$(status "$1" "$2")
  if [ "$status" = running ] && [ "$4" -gt 0 ]; then sleep "$4"; status=$(status "$1" "$2"); fi
  case $status in running | healthy) exit 0 ;; esac
  [ "$(date +%s)" -le "$deadline" ] || break
  polls=$((polls + 1))
  [ "$polls" -le 40 ] && sleep 0.25 2> /dev/null || sleep 1
done
echo "container not ready after $3 seconds ($status)" >&2
exit 1"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::config;

    #[test]
    fn waiting_is_one_script_with_its_numbers_handed_in() {
        let argv = wait_until_healthy(&config(), "shop-workers-1").argv();
        assert_eq!(argv, ["sh", "-c", WAIT, "sh", "shop-workers-1", STATUS, "30", "7"]);
    }
}
