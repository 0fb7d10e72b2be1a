//! `accessories:`.

use super::{Section, env, proxy, registry, servers::OPTIONS};
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "accessory",
    path: "accessories.NAME",
    title: "Accessories",
    intro: "Databases, caches and other containers beside the app. They have a life of their own: a deploy \
        leaves them alone, and changes here take effect with `dhow accessory reboot NAME`.\n\n\
        Each says where it runs in one way: `host`, `hosts`, `role`, `roles`, `tag` or `tags`.",
};

pub(in crate::config) const EXAMPLE: &str = "{db: {image: \"postgres:17\", host: 10.0.0.2}}";

/// Of an item of `files` or `directories`.
const PATH: Fields = &[
    field("local", Kind::Text, "path outside the container", "config/my.cnf")
        .more("A file of the project; or a directory of the host, relative to that of the accessory.")
        .required(),
    field("remote", Kind::Text, "path in the container", "/etc/mysql/my.cnf").like("^/").required(),
    field("mode", Kind::Word, "its mode on the host", "\"0640\"")
        .more("As `chmod` takes it. Put it in quotes: YAML reads a leading zero as octal.")
        .like("^[0-7]{3,4}$|^[ugoa,rwxXst+=-]+$")
        .otherwise("`755` for files, unchanged for directories"),
    field("owner", Kind::Text, "its owner on the host", "\"1000:1000\"")
        .more("As `chown` takes it.")
        .otherwise("the SSH user"),
    field("options", Kind::Text, "mount options", "ro")
        .more("As docker's `--volume` takes them.")
        .otherwise("none"),
];

const DIRECTORY: &str =
    "[data:/var/lib/postgresql/data, {local: logs, remote: /var/log/postgresql, mode: \"0750\"}]";
const FILE: &str =
    "[config/my.cnf:/etc/mysql/my.cnf:ro, {local: config/init.sql, remote: /init.sql, mode: \"0640\"}]";

pub(in crate::config) const FIELDS: Fields = &[
    field("image", Kind::Text, "image with its registry and tag", "postgres:17").required(),
    field("host", Kind::Text, "where it runs", "10.0.0.2")
        .more("It need not be one of the app's hosts.")
        .otherwise("another key says where it runs"),
    field("hosts", Kind::Hosts { tagged: false }, "where it runs", "[10.0.0.2, 10.0.0.3]")
        .instead_of("host")
        .otherwise("another key says where it runs"),
    field("role", Kind::Text, "runs where this role runs", "web")
        .instead_of("host")
        .otherwise("another key says where it runs"),
    field("roles", Kind::Texts, "runs where these roles run", "[web]")
        .instead_of("host")
        .otherwise("another key says where it runs"),
    field("tag", Kind::Text, "runs on hosts with this tag", "primary")
        .instead_of("host")
        .otherwise("another key says where it runs"),
    field("tags", Kind::Texts, "runs on hosts with these tags", "[primary, eu]")
        .instead_of("host")
        .otherwise("another key says where it runs"),
    field("port", Kind::Text, "port on the host, and in the container", "\"127.0.0.1:5432:5432\"")
        .more(
            "`5432` is the same on both sides, on all addresses of the host; `127.0.0.1:` in front keeps it \
             to the host itself.",
        )
        .otherwise("no port is published"),
    field(
        "env",
        Kind::Env(env::WITHOUT_TAGS),
        "its environment",
        "{clear: {POSTGRES_USER: shop}, secret: [POSTGRES_PASSWORD]}",
    )
    .more("That of the app is not part of it.")
    .default("{}"),
    field("directories", Kind::Paths(PATH), "directories to make and mount", DIRECTORY)
        .more(
            "`LOCAL:REMOTE[:OPTIONS]`. What lies there outlives the container; a relative path is below the \
             accessory's directory on the host.",
        )
        .default("[]"),
    field("files", Kind::Paths(PATH), "files to upload and mount", FILE)
        .more("`LOCAL:REMOTE[:OPTIONS]`: from the project to the host, and from there into the container.")
        .default("[]"),
    field("volumes", Kind::Texts, "volumes to mount", "[/srv/data:/data]")
        .more("As docker's `--volume` takes them.")
        .default("[]"),
    field("cmd", Kind::Text, "command instead of the image's own", "postgres -c max_connections=200")
        .more("The shell of the host reads it.")
        .otherwise("the image's own"),
    field("options", Kind::Flags(OPTIONS), "flags of docker run", "{memory: 2g, shm-size: 512m}")
        .more("For what has no key here: `true` is a bare flag, a list repeats it.")
        .default("{}"),
    field("labels", Kind::TextMap, "labels of its container", "{team: growth}")
        .more("`service`, `role` and `destination` are taken.")
        .default("{}"),
    field("network", Kind::Text, "docker network", "backend")
        .more(
            "It has to exist, unless it is `kamal`, in which the app finds the accessory by the name of its \
             container.",
        )
        .default("kamal"),
    field("service", Kind::Text, "name of its container", "shop-postgres")
        .more("Also that of its directory on the host, and the name by which the app finds it.")
        .otherwise("the app's `service` and the accessory's name: `shop-db`"),
    field(
        "registry",
        Kind::Section(registry::FIELDS),
        "a registry of its own",
        "{server: ghcr.io, username: acme, password: [GHCR_TOKEN]}",
    )
    .more("Its server is put in front of `image`.")
    .otherwise("the `registry` at the top of the file, for the account only"),
    field(
        "proxy",
        Kind::SectionOr(proxy::FIELDS, &[false]),
        "how requests reach it through the proxy",
        "{host: db.example.com, app_port: 8080}",
    )
    .default("false"),
];
