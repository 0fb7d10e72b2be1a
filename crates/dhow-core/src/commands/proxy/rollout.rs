//! `kamal-proxy rollout`: a second container of a service, for some of its visitors (kamal-proxy 10).
//!
//! The proxy tells visitors apart by the value of the cookie `kamal-rollout`, which the app sets.

use super::CONTAINER;
use crate::config::{Config, Role};
use crate::shell::{Command, Word, docker};

/// Who is sent to the second container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// Percent of the cookie's values, by their hash.
    pub percent: Option<u8>,
    /// Values that always are.
    pub list: Vec<String>,
}

impl Share {
    /// Nobody is named.
    pub fn is_empty(&self) -> bool {
        self.percent.is_none() && self.list.is_empty()
    }
}

/// Makes this container (its id) the second one, once it is healthy; one that was it is drained. `None` for a role without
/// proxy.
pub fn rollout_deploy(config: &Config, role: &Role, container: &Word) -> Option<Command> {
    let port = role.proxy.as_ref()?.app_port;
    let target = Word::literal("--target=").then(container.clone()).then(format!(":{port}"));
    let command = rollout("deploy", config, role)
        .word(target)
        .word(format!("--deploy-timeout={}s", config.deploy_timeout))
        .word(format!("--drain-timeout={}s", config.drain_timeout));
    Some(command)
}

/// Says who is sent there, in place of who was before.
pub fn rollout_set(config: &Config, role: &Role, share: &Share) -> Command {
    rollout("set", config, role)
        .words(share.percent.map(|percent| format!("--percent={percent}")))
        .words(share.list.iter().map(|value| Word::literal(format!("--list={value}"))))
}

/// Sends nobody there any more.
pub fn rollout_stop(config: &Config, role: &Role) -> Command {
    rollout("stop", config, role)
}

fn rollout(verb: &str, config: &Config, role: &Role) -> Command {
    docker(["exec", CONTAINER, CONTAINER, "rollout", verb]).word(config.prefix(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{config, staging};

    #[test]
    fn lines_are_those_of_the_proxy() {
        let (config, staging) = (config(), staging());
        let deploy = rollout_deploy(&config, &config.roles[0], &Word::literal("0123456789ab")).unwrap();
        assert_eq!(
            deploy.to_string(),
            "docker exec kamal-proxy kamal-proxy rollout deploy shop-web --target=0123456789ab:80 \
             --deploy-timeout=30s --drain-timeout=30s"
        );
        let share = Share { percent: Some(5), list: vec!["staff".into(), "o'neill".into()] };
        assert_eq!(
            rollout_set(&staging, &staging.roles[0], &share).to_string(),
            "docker exec kamal-proxy kamal-proxy rollout set shop-web-staging --percent=5 --list=staff \
             '--list=o'\\''neill'"
        );
    }
}
