//! `ssh:` and `sshkit:`.

use super::errors::Errors;
use super::keys::ssh::{LOG_LEVELS, SSH, SSHKIT};
use super::schema::check;
use super::setting::Setting;

/// How to reach the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// Default `root`.
    pub user: String,
    /// Default 22.
    pub port: u16,
    /// Jump host `[user@]host`, `root@` already added.
    pub proxy: Option<String>,
    /// Used only without `proxy`.
    pub proxy_command: Option<String>,
    /// Default `fatal`.
    pub log_level: Option<String>,
    /// `IdentitiesOnly`.
    pub keys_only: Option<bool>,
    /// Paths of private keys.
    pub keys: Vec<String>,
    /// Names of secrets with key text, or (deprecated) the text.
    pub key_data: Vec<String>,
    /// Which ssh_config files apply.
    pub config: SshConfigFiles,
    /// Unset means yes.
    pub forward_agent: Option<bool>,
}

/// `ssh.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshConfigFiles {
    /// The user's and the system's.
    Default,
    /// None at all.
    None,
    /// Only these.
    Files(Vec<String>),
}

/// `sshkit:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sshkit {
    /// Default 30.
    pub max_concurrent_starts: u32,
    /// Seconds, default 900.
    pub pool_idle_timeout: u32,
    /// Default 3.
    pub dns_retries: u32,
}

impl Ssh {
    /// Checks the section.
    pub(super) fn check(ssh: &Setting, errors: &mut Errors) {
        check(ssh, SSH, errors);
    }

    /// Reads the checked section.
    pub(super) fn read(ssh: &Setting, errors: &mut Errors) -> Ssh {
        warn_of_inline_keys(ssh, errors);
        let with_user = |host: String| if host.contains('@') { host } else { format!("root@{host}") };
        Ssh {
            user: ssh.text("user").unwrap_or_else(|| "root".to_string()),
            port: read_port(ssh, errors),
            proxy: ssh.text("proxy").map(with_user),
            proxy_command: ssh.text("proxy_command"),
            log_level: read_log_level(ssh, errors),
            keys_only: ssh.bool("keys_only"),
            keys: ssh.texts("keys"),
            key_data: ssh.texts("key_data"),
            config: SshConfigFiles::read(ssh),
            forward_agent: ssh.bool("forward_agent"),
        }
    }
}

impl SshConfigFiles {
    fn read(ssh: &Setting) -> SshConfigFiles {
        match (ssh.bool("config"), ssh.text("config")) {
            (Some(true), _) => SshConfigFiles::Default,
            (Some(false), _) => SshConfigFiles::None,
            (None, Some(file)) => SshConfigFiles::Files(vec![file]),
            (None, None) if ssh.get("config").is_some() => SshConfigFiles::Files(ssh.texts("config")),
            (None, None) => SshConfigFiles::Default,
        }
    }
}

impl Sshkit {
    /// Checks the section.
    pub(super) fn check(sshkit: &Setting, errors: &mut Errors) {
        check(sshkit, SSHKIT, errors);
    }

    /// Reads the checked section.
    pub(super) fn read(sshkit: &Setting, errors: &mut Errors) -> Sshkit {
        Sshkit {
            max_concurrent_starts: sshkit.number("max_concurrent_starts", errors).unwrap_or(30),
            pool_idle_timeout: sshkit.number("pool_idle_timeout", errors).unwrap_or(900),
            dns_retries: sshkit.number("dns_retries", errors).unwrap_or(3),
        }
    }
}

fn warn_of_inline_keys(ssh: &Setting, errors: &mut Errors) {
    let is_inline = |key: &Setting| key.node.text().is_some_and(|text| text.contains("PRIVATE KEY"));
    for key in ssh.section("key_data").items().filter(is_inline) {
        let advice = "Please store your key_data in a secret";
        errors.warn(key.place(), format!("{}: inline keys are deprecated. {advice}", key.path));
    }
}

fn read_port(ssh: &Setting, errors: &mut Errors) -> u16 {
    let Some(port) = ssh.get("port") else { return 22 };
    let number = port.node.text().and_then(|text| text.trim().parse().ok()).filter(|port| *port != 0);
    number.unwrap_or_else(|| {
        errors.at(&port, "should be a port between 1 and 65535");
        22
    })
}

fn read_log_level(ssh: &Setting, errors: &mut Errors) -> Option<String> {
    let level = ssh.get("log_level")?;
    let name = level.node.text()?;
    let is_known = LOG_LEVELS.contains(&name.to_lowercase().as_str()) || name.parse::<i64>().is_ok();
    if !is_known {
        errors
            .plain(&level, format!("invalid log level: {name}"))
            .hint(format!("one of {}", LOG_LEVELS.join(", ")));
    }
    Some(name)
}
