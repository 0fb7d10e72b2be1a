//! `ssh:` and `sshkit:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SSH_SECTION: Section = Section {
    name: "ssh",
    path: "ssh",
    title: "SSH",
    intro: "How hosts are reached. dhow runs your own `ssh`: agents, hardware keys, certificates, \
        `known_hosts` and `~/.ssh/config` work as they do in a terminal, but for user and port, which come \
        from here.",
};

pub(in crate::config) const SSHKIT_SECTION: Section = Section {
    name: "sshkit",
    path: "sshkit",
    title: "SSH connections",
    intro: "How connections are opened and kept. Kamal names this section after its SSH library.",
};

/// Levels of Ruby's logger, which Kamal hands to its SSH library.
pub(in crate::config) const LOG_LEVELS: [&str; 6] = ["debug", "info", "warn", "error", "fatal", "unknown"];

pub(in crate::config) const SSH: Fields = &[
    field("user", Kind::Text, "the account on the hosts", "deploy")
        .more("It needs to be allowed to use docker.")
        .default("root"),
    field("port", Kind::Text, "the port of the hosts' sshd", "2222")
        .between(1, 65535)
        .like("^[0-9]{1,5}$")
        .default("22"),
    field("proxy", Kind::Text, "a jump host", "root@bastion.example.com")
        .more("`[USER@]HOST`; the user is `root` where none is named.")
        .otherwise("hosts are reached directly"),
    field(
        "proxy_command",
        Kind::Text,
        "a command whose output is the connection",
        "ssh -W %h:%p user@bastion",
    )
    .more("`%h` and `%p` are host and port.")
    .instead_of("proxy")
    .otherwise("none"),
    field("log_level", Kind::Text, "how much SSH says", "debug")
        .one_of(&LOG_LEVELS)
        .otherwise("fatal")
        .in_dhow("has no effect; `ssh` itself says what goes wrong."),
    field("keys_only", Kind::Boolean, "whether only the keys below are tried", "true")
        .more("Keys of the agent are then left out.")
        .otherwise("no, unless `key_data` is given"),
    field("keys", Kind::Texts, "paths of private keys", "[~/.ssh/id_ed25519]")
        .otherwise("those `ssh` tries by itself"),
    field("key_data", Kind::Texts, "names of secrets with private keys", "[SSH_PRIVATE_KEY]")
        .more(
            "Each secret is a key in PEM or OpenSSH form. A key written out here works too, but is \
             deprecated.",
        )
        .otherwise("none"),
    field("config", Kind::SshConfig, "which ssh_config files apply", "true")
        .more("`true` are yours and the system's, `false` none, a path or several paths only those.")
        .default("true"),
    field("forward_agent", Kind::Boolean, "whether the agent is forwarded", "false")
        .more("With it, programs on the hosts can use your keys while connected.")
        .otherwise("true"),
];

pub(in crate::config) const SSHKIT: Fields = &[
    field("max_concurrent_starts", Kind::Integer, "connections opened at the same time", "10")
        .at_least(0)
        .default("30"),
    field("pool_idle_timeout", Kind::Integer, "seconds a connection is kept", "300")
        .at_least(0)
        .default("900")
        .in_dhow("has no effect: a connection lasts as long as the command that opened it."),
    field("dns_retries", Kind::Integer, "how often a name is looked up again", "3")
        .at_least(0)
        .default("3")
        .in_dhow(
            "has no effect: what keeps a connection from opening for a moment is tried again three times.",
        ),
];
