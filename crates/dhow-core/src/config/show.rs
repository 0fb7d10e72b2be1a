//! What `dhow config` prints: the merged configuration in Kamal's words, and in the layout of Ruby's YAML.

use super::node::Node;
use super::yaml::Yaml;
use super::{Config, Logging, Ssh};
use crate::secrets::ruby_dump::ruby_quote;

impl Config {
    /// `kamal config`, for one version. Keys and values are Kamal's; names of secrets stand in place of their values.
    pub fn to_yaml(&self, version: &str) -> String {
        symbols(self.output(version)).document()
    }

    /// One key of it, as YAML without colons in front.
    pub(super) fn output_of(&self, key: &str, version: &str) -> Option<String> {
        let (name, value) = self.output(version).into_iter().find(|(name, _)| *name == key)?;
        let document = Yaml::Map(vec![(Yaml::text(name), value)]).document();
        Some(document.trim_start_matches("---\n").to_string())
    }

    fn output(&self, version: &str) -> Vec<(&'static str, Yaml<'_>)> {
        let mut entries = vec![
            ("roles", texts(self.roles.iter().map(|role| role.name.as_str()))),
            ("hosts", texts(self.all_hosts())),
            ("primary_host", self.primary_host().map_or(Yaml::Null, Yaml::text)),
            ("version", Yaml::text(version)),
            ("repository", Yaml::text(&self.repository())),
            ("absolute_image", Yaml::text(&self.absolute_image(version))),
            ("service_with_version", Yaml::text(&format!("{}-{version}", self.service))),
            ("volume_args", self.volume_arguments()),
            ("ssh_options", self.ssh_options()),
            ("sshkit", self.as_written("sshkit")),
            ("builder", self.as_written("builder")),
        ];
        if let Some(accessories) = self.written.section("accessories") {
            entries.push(("accessories", Yaml::Node(accessories)));
        }
        entries.push(("logging", self.logging.arguments()));
        entries
    }

    fn all_hosts(&self) -> Vec<&str> {
        let of_roles = self.roles.iter().flat_map(|role| role.hosts.iter().map(|host| host.name.as_str()));
        let of_accessories =
            self.accessories.iter().flat_map(|accessory| accessory.hosts.iter().map(String::as_str));
        let mut hosts = Vec::new();
        for host in of_roles.chain(of_accessories) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    fn primary_host(&self) -> Option<&str> {
        self.role(&self.primary_role)?.hosts.first().map(|host| host.name.as_str())
    }

    fn volume_arguments(&self) -> Yaml<'_> {
        let volumes = self.written.section("volumes").and_then(Node::list).unwrap_or_default();
        let words = volumes.iter().flat_map(|volume| [Yaml::text("--volume"), Yaml::Node(volume)]);
        Yaml::List(words.collect())
    }

    fn as_written(&self, section: &str) -> Yaml<'_> {
        self.written.section(section).map_or_else(|| Yaml::Map(Vec::new()), Yaml::Node)
    }

    fn ssh_options(&self) -> Yaml<'_> {
        let written =
            |key| self.written.section("ssh").and_then(|ssh| ssh.get(key)).map_or(Yaml::Null, Yaml::Node);
        let with_default = |key, default| match written(key) {
            Yaml::Null => default,
            value => value,
        };
        symbols(vec![
            ("user", with_default("user", Yaml::text("root"))),
            ("port", with_default("port", Yaml::Plain("22".to_string()))),
            ("proxy", self.ssh.proxy_object()),
            ("keepalive", Yaml::Plain("true".to_string())),
            ("keepalive_interval", Yaml::Plain("30".to_string())),
            ("keys_only", written("keys_only")),
            ("keys", written("keys")),
            ("key_data", self.ssh.names_of_keys()),
            ("config", written("config")),
            ("forward_agent", written("forward_agent")),
            ("log_level", with_default("log_level", Yaml::Symbol("fatal".to_string()))),
        ])
    }
}

impl Ssh {
    /// As Ruby writes the objects that Kamal makes of them.
    fn proxy_object(&self) -> Yaml<'_> {
        let object =
            |class: &str, entries| Yaml::Object(format!("!ruby/object:Net::SSH::Proxy::{class}"), entries);
        match (&self.proxy, &self.proxy_command) {
            (Some(host), _) => object("Jump", vec![(Yaml::text("jump_proxies"), Yaml::text(host))]),
            (None, Some(command)) => {
                let entries = vec![
                    (Yaml::text("command_line_template"), Yaml::text(command)),
                    (Yaml::text("command_line"), Yaml::Null),
                    (Yaml::text("timeout"), Yaml::Plain("60".to_string())),
                ];
                object("Command", entries)
            }
            (None, None) => Yaml::Null,
        }
    }

    /// Names of secrets; a key that is written out (which Kamal deprecates) is not shown.
    fn names_of_keys(&self) -> Yaml<'_> {
        let shown = |entry: &String| {
            if entry.contains("PRIVATE KEY") { "[REDACTED]".to_string() } else { entry.clone() }
        };
        match self.key_data.as_slice() {
            [] => Yaml::Null,
            entries => Yaml::List(entries.iter().map(|entry| Yaml::text(&shown(entry))).collect()),
        }
    }
}

impl Logging {
    /// Flags of `docker run`, quoted as for a shell.
    fn arguments(&self) -> Yaml<'_> {
        if self.driver.is_none() && self.options.is_empty() {
            return texts(["--log-opt", "max-size=\"10m\""]);
        }
        let driver = self.driver.iter().flat_map(|driver| ["--log-driver".to_string(), ruby_quote(driver)]);
        let option = |(name, value): &(String, String)| match value.as_str() {
            "" => name.clone(),
            "false" => format!("{name}=false"),
            value => format!("{name}={}", ruby_quote(value)),
        };
        let options = self.options.iter().flat_map(|pair| ["--log-opt".to_string(), option(pair)]);
        Yaml::List(driver.chain(options).map(|word| Yaml::text(&word)).collect())
    }
}

fn texts<'a>(words: impl IntoIterator<Item = &'a str>) -> Yaml<'static> {
    Yaml::List(words.into_iter().map(Yaml::text).collect())
}

/// A mapping with symbols for keys; what is absent is left out.
fn symbols<'a>(entries: Vec<(&str, Yaml<'a>)>) -> Yaml<'a> {
    let entries = entries.into_iter().filter(|(_, value)| !matches!(value, Yaml::Null));
    Yaml::Map(entries.map(|(key, value)| (Yaml::Symbol(key.to_string()), value)).collect())
}
