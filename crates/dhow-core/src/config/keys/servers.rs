//! `servers:` and its roles.

use super::{Section, env, logging, proxy};
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SERVERS: Section = Section {
    name: "servers",
    path: "servers",
    title: "Servers",
    intro: "Where the app runs. A list of hosts is the role `web`; otherwise each role has a name and its \
        hosts, as a list, or as a mapping with more settings (see `dhow docs role`). A role runs the same \
        image with a command, labels and an environment of its own.\n\n\
        A host is a name or an address, as a text: put IPv6 addresses in quotes. With tags it is a mapping: \
        `- 1.1.1.1: eu` or `- 1.1.1.1: [eu, primary]`. Tags choose variables of `env.tags` and hosts of \
        accessories. In dhow, `localhost` is this machine, without SSH.",
};

pub(in crate::config) const ROLE: Section = Section {
    name: "role",
    path: "servers.ROLE",
    title: "Roles",
    intro: "A group of hosts that run the image in the same way. The primary role (`web`, unless \
        `primary_role` says otherwise) boots first, and gets the requests unless it says `proxy: false`.",
};

pub(in crate::config) const EXAMPLE: &str =
    "{web: [10.0.0.1, 10.0.0.2: primary], workers: {hosts: [10.0.0.3], cmd: bin/jobs}}";

/// Keys of `options` that mean something to dhow.
pub(in crate::config) const OPTIONS: Fields =
    &[field("restart", Kind::Word, "when docker starts the container again", "always")
        .more(
            "`no`, `always`, `unless-stopped`, `on-failure` or `on-failure:N`. Put `\"no\"` in quotes: it is \
             a boolean otherwise.",
        )
        .like("^(no|always|unless-stopped|on-failure(:[0-9]+)?)$")
        .default("unless-stopped")];

/// Of a role.
pub(in crate::config) const FIELDS: Fields = &[
    field("hosts", Kind::Hosts { tagged: true }, "where it runs", "[10.0.0.1, 10.0.0.2: [eu, primary]]")
        .more("Names or addresses, with tags after them if there are any.")
        .required(),
    field("cmd", Kind::Text, "command instead of the image's own", "bin/jobs")
        .more("The shell of the host reads it, so its variables and quotes work.")
        .otherwise("the image's own"),
    field(
        "proxy",
        Kind::SectionOr(proxy::FIELDS, &[true, false]),
        "whether and how requests reach it",
        "true",
    )
    .more("A mapping comes on top of the `proxy` at the top of the file, key by key; lists are replaced.")
    .or_root("true for the primary role, false for others"),
    field("env", Kind::Env(env::WITHOUT_TAGS), "its environment", "{QUEUES: default}")
        .more("On top of the `env` at the top of the file.")
        .or_root("none"),
    field("labels", Kind::TextMap, "labels of its containers", "{team: growth}")
        .more("On top of those at the top of the file. `service`, `role` and `destination` are taken.")
        .or_root("none"),
    field("logging", Kind::Section(logging::FIELDS), "docker's log driver", "{driver: local}")
        .more("On top of the `logging` at the top of the file.")
        .or_root("files of at most 10 MB"),
    field(
        "options",
        Kind::Flags(OPTIONS),
        "flags of docker run",
        "{memory: 2g, cap-add: [NET_ADMIN], init: true}",
    )
    .more("For what has no key here: `true` is a bare flag, a list repeats it.")
    .default("{}"),
    field("asset_path", Kind::Text, "assets that outlive a version", "/rails/public/assets")
        .or_root("assets are those of the version that runs"),
    field("stop_timeout", Kind::Integer, "seconds a container has to stop", "60")
        .at_least(0)
        .or_root("docker's own, 10"),
];
