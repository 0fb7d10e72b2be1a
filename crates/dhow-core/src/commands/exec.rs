//! The user's own command, in a container or on a server. The host's shell reads it as it is written.

use super::{accessory, app, options};
use crate::config::{Accessory, Config, Role};
use crate::shell::{Command, Word, docker};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec<'a> {
    /// Shell text: `bin/rails db:migrate && date`.
    pub command: &'a str,
    /// `-e`: an empty value is taken from the host's session.
    pub env: &'a [(String, String)],
    /// What connects us to it.
    pub attached: Attached,
}

/// What connects us to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// Its output.
    Output,
    /// Its output and, byte for byte, our standard input.
    Input,
    /// Our terminal.
    Terminal,
    /// Nothing: it goes on alone.
    Not,
}

impl Attached {
    fn flag(self) -> Option<&'static str> {
        match self {
            Attached::Output => None,
            Attached::Input => Some("-i"),
            Attached::Terminal => Some("-it"),
            Attached::Not => Some("--detach"),
        }
    }

    /// A container nobody waits for is kept, so that its output can be looked up.
    fn removal(self) -> Option<&'static str> {
        (self != Attached::Not).then_some("--rm")
    }
}

/// In a container that runs, of the app or an accessory.
pub fn in_container(container: &str, exec: &Exec) -> Command {
    docker(["exec"])
        .words(exec.attached.flag())
        .extend(options::assignments("--env", exec.env))
        .word(container)
        .word(Word::raw(exec.command))
}

/// In a new container of a role's image, with the role's environment, volumes and options. `suffix` is 6 hex digits.
pub fn in_new_container(
    config: &Config,
    role: &Role,
    host: &str,
    version: &str,
    suffix: &str,
    exec: &Exec,
) -> Command {
    docker(["run"])
        .words(exec.attached.flag())
        .words(exec.attached.removal())
        .option("--name", app::container_name(config, role, &format!("exec-{version}-{suffix}")))
        .option("--network", app::NETWORK)
        .extend(app::role_env(config, role, host))
        .extend(options::assignments("--env", exec.env))
        .extend(options::logging(&role.logging))
        .extend(options::volumes(&role.volumes))
        .extend(options::options(&role.options))
        .word(config.absolute_image(version))
        .word(Word::raw(exec.command))
}

/// In a new container like an accessory's.
pub fn in_new_accessory(config: &Config, accessory: &Accessory, exec: &Exec) -> Command {
    docker(["run"])
        .words(exec.attached.flag())
        .words(exec.attached.removal())
        .option("--network", &accessory.network)
        .extend(accessory::env(config, accessory))
        .extend(options::assignments("--env", exec.env))
        .extend(accessory::volumes(accessory))
        .extend(options::options(&accessory.options))
        .word(&accessory.image)
        .word(Word::raw(exec.command))
}

/// On the server itself.
pub fn on_server(command: &str) -> Command {
    Command::new(Word::raw(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{added, config, pairs};

    const DATE: Exec = Exec { command: "date && echo $X", env: &[], attached: Attached::Output };

    fn in_new(exec: &Exec) -> String {
        let config = config();
        in_new_container(&config, &config.roles[0], "1.1.1.1", "2", "abcdef", exec).to_string()
    }

    #[test]
    fn a_running_container_is_entered() {
        assert_eq!(in_container("shop-web-2", &DATE).to_string(), "docker exec shop-web-2 date && echo $X");
        let env = pairs(&[("A", "b c"), ("B", "")]);
        let with_input = Exec { env: &env, attached: Attached::Input, ..DATE };
        assert_eq!(
            in_container("shop-web-2", &with_input).to_string(),
            r#"docker exec -i --env A="b c" --env B shop-web-2 date && echo $X"#
        );
    }

    #[test]
    fn a_new_container_is_like_the_roles() {
        assert_eq!(
            in_new(&DATE),
            "docker run --rm --name shop-web-exec-2-abcdef --network kamal \
             --env-file .kamal/apps/shop/env/roles/web.env --log-opt max-size=10m ghcr.io/acme/shop:2 \
             date && echo $X"
        );
        let env = pairs(&[("A", "b")]);
        assert_eq!(added(&in_new(&DATE), &in_new(&Exec { env: &env, ..DATE })), r#"--env A="b""#);
    }

    #[test]
    fn a_terminal_is_passed_on_and_a_detached_container_kept() {
        let attached = |attached| in_new(&Exec { attached, ..DATE });
        assert!(attached(Attached::Terminal).starts_with("docker run -it --rm --name"));
        assert!(attached(Attached::Input).starts_with("docker run -i --rm --name"));
        assert!(attached(Attached::Not).starts_with("docker run --detach --name"));
    }

    #[test]
    fn an_accessorys_copy_has_no_name_to_clash_with() {
        let config = config();
        assert_eq!(
            in_new_accessory(&config, &config.accessories[0], &DATE).to_string(),
            "docker run --rm --network kamal --env-file .kamal/apps/shop/env/accessories/db.env postgres:16 \
             date && echo $X"
        );
    }

    #[test]
    fn a_server_reads_the_command_itself() {
        assert_eq!(on_server("ls -l | wc -l").to_string(), "ls -l | wc -l");
    }
}
