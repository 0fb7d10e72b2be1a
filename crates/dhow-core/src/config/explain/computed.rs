//! Keys that only `dhow config` has: made of others.

use crate::config::Config;

/// A key of what `dhow config` prints that stands in no file.
#[derive(Debug, Clone, Copy)]
pub struct Computed {
    name: &'static str,
    parts: &'static [&'static str],
}

const fn of(name: &'static str, parts: &'static [&'static str]) -> Computed {
    Computed { name, parts }
}

const ALL: [Computed; 9] = [
    of("roles", &["servers"]),
    of("hosts", &["servers", "accessories"]),
    of("primary_host", &["primary_role", "servers"]),
    of("version", &["version"]),
    of("repository", &["registry.server", "image"]),
    of("absolute_image", &["registry.server", "image", "version"]),
    of("service_with_version", &["service", "version"]),
    of("volume_args", &["volumes"]),
    of("ssh_options", &["ssh"]),
];

impl Computed {
    /// The key of that name, if it is one of those.
    pub fn named(key: &str) -> Option<Computed> {
        ALL.into_iter().find(|computed| computed.name == key)
    }

    /// Is the version a part of it?
    pub fn needs_version(self) -> bool {
        self.parts.contains(&"version")
    }

    /// Its value, and the place of each part; `origin` says where the version is from.
    pub fn explain(self, config: &Config, version: &str, origin: &str) -> String {
        let value = config.output_of(self.name, version).unwrap_or_else(|| format!("{}:\n", self.name));
        if self.parts == ["version"] {
            return format!("{value}\nfrom {origin}\n");
        }
        let parts = self.parts.iter().map(|part| match *part {
            "version" => format!("  the version, from {origin}\n"),
            part => match config.written.at(part) {
                Some(node) => format!("  {part} in {}\n", node.place),
                None => format!("  {part}, which is not written\n"),
            },
        });
        format!("{value}\nmade of\n{}", parts.collect::<String>())
    }
}
