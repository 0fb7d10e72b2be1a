//! The top of the file.

use super::{Section, accessory, alias, boot, builder, env, logging, output, proxy, registry, servers, ssh};
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "configuration",
    path: "",
    title: "Configuration",
    intro: "`config/deploy.yml` says what is deployed, where and how: Kamal's file, key by key. ERB tags \
        (`<%= ENV[\"HOST\"] %>`) are evaluated first, then YAML is read. With `-d staging`, \
        `config/deploy.staging.yml` is merged over it: mappings key by key, anything else is replaced.\n\n\
        Keys that begin with `x-` hold whatever you like, such as YAML anchors for use further down. Any \
        other key that is not known is an error. `dhow config` shows what the files come to, `dhow config \
        --explain KEY` where a value is from.",
};

pub(in crate::config) const FIELDS: Fields = &[
    field("service", Kind::Word, "the name of the app", "shop")
        .more(
            "It begins the names of containers, labels and directories on the servers. Letters, digits, `-` \
             and `_`.",
        )
        .like("^[a-zA-Z0-9_-]+$")
        .required(),
    field("image", Kind::Text, "the image without its registry", "acme/shop")
        .in_dhow(
            "without a registry it may be left out, and is then the service's name, as with a registry at \
             `localhost:PORT`.",
        )
        .required(),
    field("servers", Kind::Servers(servers::FIELDS), "hosts, or roles with their hosts", servers::EXAMPLE)
        .more("May be left out where there are accessories only.")
        .required(),
    field(
        "registry",
        Kind::Section(registry::FIELDS),
        "where images are kept",
        "{server: ghcr.io, username: acme, password: [KAMAL_REGISTRY_PASSWORD]}",
    )
    .otherwise("dhow brings the image to the servers itself")
    .in_dhow("it may be left out."),
    field(
        "proxy",
        Kind::SectionOr(proxy::FIELDS, &[]),
        "how requests reach the app",
        "{host: app.example.com, app_port: 3000}",
    )
    .default("{}"),
    field(
        "env",
        Kind::Env(env::FIELDS),
        "the environment of the app",
        "{clear: {RAILS_ENV: production}, secret: [RAILS_MASTER_KEY]}",
    )
    .default("{}"),
    field("builder", Kind::Section(builder::FIELDS), "how images are built", "{arch: amd64}")
        .required()
        .in_dhow("without a registry it may be left out."),
    field("accessories", Kind::Named(accessory::FIELDS), "databases and the like", accessory::EXAMPLE)
        .default("{}"),
    field("volumes", Kind::Texts, "volumes of the app's containers", "[shop_storage:/rails/storage]")
        .more("As docker's `--volume` takes them; variables such as `$HOME` are those of the host.")
        .default("[]"),
    field("asset_path", Kind::Text, "assets that outlive a version", "/rails/public/assets")
        .more(
            "A directory in the container. While a deploy is under way, both versions serve the files of \
             both. Mount options may follow after `:`.",
        )
        .otherwise("assets are those of the version that runs"),
    field("labels", Kind::TextMap, "labels of the app's containers", "{team: growth}")
        .more("`service`, `role` and `destination` are taken.")
        .default("{}"),
    field("logging", Kind::Section(logging::FIELDS), "docker's log driver", "{driver: local}").default("{}"),
    field("boot", Kind::Section(boot::FIELDS), "how many hosts at a time", "{limit: 25%, wait: 10}")
        .default("{}"),
    field("primary_role", Kind::Text, "the role that boots first", "web")
        .more(
            "The other roles wait until it is healthy. It is the one that gets requests, unless roles say \
             otherwise.",
        )
        .default("web"),
    field("allow_empty_roles", Kind::Boolean, "whether roles may have no hosts", "true").default("false"),
    field("require_destination", Kind::Boolean, "whether -d must be given", "true")
        .more("For projects whose base file is not meant to be deployed.")
        .default("false"),
    field("deploy_timeout", Kind::Integer, "seconds a container has to become healthy", "60")
        .at_least(0)
        .default("30"),
    field("drain_timeout", Kind::Integer, "seconds requests have to finish", "60")
        .at_least(0)
        .more(
            "Those the old version has begun; roles without proxy have that long to stop, unless \
             `stop_timeout` is given.",
        )
        .default("30"),
    field("stop_timeout", Kind::Integer, "seconds a container has to stop", "60")
        .at_least(0)
        .more("Between SIGTERM and SIGKILL.")
        .otherwise("docker's own, 10; for roles without proxy, `drain_timeout`"),
    field("readiness_delay", Kind::Integer, "seconds a container without proxy must run", "4")
        .more("One that has a health check of docker's must become healthy besides.")
        .default("7"),
    field("retain_containers", Kind::Integer, "stopped containers that are kept", "3")
        .at_least(1)
        .more("They are what `dhow rollback` can go back to. At least 1.")
        .default("5"),
    field("hooks_path", Kind::Text, "the directory of hooks", "bin/hooks")
        .more("Programs that run on this machine at fixed points, such as `pre-deploy`.")
        .default(".kamal/hooks"),
    field(
        "hooks_output",
        Kind::HooksOutput,
        "how much of hooks is shown",
        "{pre-build: verbose, post-deploy: quiet}",
    )
    .more("For all hooks, or by hook. Flags `-v` and `-q` have the last word.")
    .one_of(&["quiet", "verbose"])
    .otherwise("that a hook runs, but not what it prints"),
    field("secrets_path", Kind::Text, "the secrets files", ".kamal/secrets")
        .more(
            "The beginning of their names: `-common` is added for what all destinations share, \
             `.DESTINATION` for one of them.",
        )
        .default(".kamal/secrets"),
    field("error_pages_path", Kind::Text, "a directory of error pages", "public")
        .more("Its files `4xx.html` and `5xx.html` (`404.html`, `503.html` …) are shown by the proxy.")
        .otherwise("the proxy's own pages"),
    field("minimum_version", Kind::Text, "the oldest Kamal that may deploy", "2.0.0")
        .in_dhow("it counts as Kamal 2.12.0.")
        .otherwise("any"),
    field("run_directory", Kind::Text, "nothing any more", ".kamal")
        .more("Accepted, but the directory on the servers is always `.kamal`.")
        .otherwise("`.kamal`"),
    field("aliases", Kind::CommandLines, "command lines with a name", alias::EXAMPLE).default("{}"),
    field("ssh", Kind::Section(ssh::SSH), "how hosts are reached", "{user: deploy}").default("{}"),
    field(
        "sshkit",
        Kind::Section(ssh::SSHKIT),
        "how connections are opened and kept",
        "{max_concurrent_starts: 10}",
    )
    .default("{}"),
    field(
        "output",
        Kind::Section(output::FIELDS),
        "where else output goes",
        "{file: {path: /var/log/kamal/}}",
    )
    .default("{}"),
];
