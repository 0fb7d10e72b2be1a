//! The server itself: dhow's directory on it, and Docker.

use crate::shell::{Command, sh};

/// Everything dhow and Kamal keep on a server, relative to the user's home.
pub const RUN_DIRECTORY: &str = ".kamal";

/// Makes the run directory.
pub fn make_run_directory() -> Command {
    Command::new("mkdir").option("-p", RUN_DIRECTORY)
}

/// Exit status of [`install_docker`] when the user may not install anything.
pub const NOT_SUPERUSER: i32 = 20;

/// Exit status of [`join_docker_group`] when the user has joined it: only a new SSH connection is in the group.
pub const JOINED_DOCKER_GROUP: i32 = 21;

/// Installs Docker with its makers' script. Needs root or `sudo` without a password, else exits with [`NOT_SUPERUSER`],
/// and `curl` or `wget`.
pub fn install_docker() -> Command {
    sh::<&str>(INSTALL, [])
}

/// Lets a user other than root speak to Docker; exits with [`JOINED_DOCKER_GROUP`] if that was news.
pub fn join_docker_group() -> Command {
    sh::<&str>(JOIN_GROUP, [])
}

const INSTALL: &str = r#"advice='Install Docker by hand: https://docs.docker.com/engine/install/'
if [ "$(id -u)" -ne 0 ] && ! sudo -nl usermod > /dev/null 2>&1; then
  echo "Docker is missing, and $(id -un) is neither root nor allowed sudo without a password. $advice" >&2; exit 20
fi
if ! script=$(curl -fsSL https://get.docker.com || wget -qO - https://get.docker.com); then
  echo "Docker is missing, and neither curl nor wget could fetch https://get.docker.com. $advice" >&2; exit 1
fi
printf '%s\n' "$script" | sh"#;

const JOIN_GROUP: &str = r#"[ "$(id -u)" -eq 0 ] && exit
id -nG "$(id -un)" | grep -qw docker && exit
sudo -n usermod -aG docker "$(id -un)" && exit 21"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_exit_with_the_documented_statuses() {
        assert!(INSTALL.contains(&format!("exit {NOT_SUPERUSER}\n")));
        assert!(JOIN_GROUP.ends_with(&format!("exit {JOINED_DOCKER_GROUP}")));
    }
}
