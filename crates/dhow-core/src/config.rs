//! What `config/deploy.yml` says, read once and checked: nothing below this module looks at YAML again.
//!
//! The types here are the answer; how text becomes them is in the modules beside (`node`, `reader` and one file per
//! section). Field names are Kamal's keys. Defaults are already filled in unless a field is an `Option`.

mod accessory;
mod acme;
mod alias;
mod boot;
mod builder;
pub(crate) mod compose;
mod document;
mod env;
mod erb;
mod errors;
mod explain;
mod hints;
mod hook_output;
mod json_schema;
mod keys;
mod logging;
mod minimum_version;
pub(crate) mod node;
mod options;
mod output;
mod proxy;
mod proxy_answers;
mod proxy_policy;
mod proxy_run;
mod proxy_targets;
mod read;
pub mod reference;
mod registry;
mod role;
mod routes;
mod rules;
mod scalar;
mod schema;
mod setting;
mod show;
mod ssh;
mod written;
pub(crate) mod yaml;

pub use accessory::{Accessory, HostDirectory, HostFile, Ownership};
pub use acme::{Acme, DnsProof};
pub use alias::KAMALS_COMMANDS;
pub use boot::{Boot, BootLimit};
pub use builder::{Builder, BuilderCache, BuilderPack, CacheKind};
pub use compose::is_caught_panic;
pub use document::{Context, Document, aliases, merged_json, rendered_file};
pub use env::{Env, SecretName};
pub use errors::{ConfigError, ConfigErrors};
pub use explain::{Computed, NotExplained, explain};
pub use hook_output::HookOutput;
pub use json_schema::json_schema;
pub use logging::Logging;
pub use node::Place;
pub use options::{OptionValue, Options};
pub use output::Output;
pub use proxy::{Buffering, CustomCertificate, HealthCheck, Proxy, ProxyLogging, Tls};
pub use proxy_answers::{Hsts, ProxyAnswers};
pub use proxy_policy::{BasicAuth, ProxyPolicy, RateLimit};
pub use proxy_run::ProxyRun;
pub use proxy_targets::ProxyTargets;
pub use registry::{Credential, Registry};
pub use role::{Host, Role};
pub use ssh::{Ssh, SshConfigFiles, Sshkit};
pub use written::Written;

pub(crate) use scalar::ruby_float;

use std::collections::BTreeMap;

/// One project's configuration for one destination, ready to plan with.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Prefix of container names, labels, directories, lock and audit log.
    pub service: String,
    /// The image as written, without the registry's server: `acme/shop`.
    pub image: String,
    /// `-d`, if given.
    pub destination: Option<String>,
    /// Where images go and come from.
    pub registry: Registry,
    /// Sorted by name, as Kamal orders them.
    pub roles: Vec<Role>,
    /// Name of the role that boots first and gates the others: `primary_role`, default `web`.
    pub primary_role: String,
    /// In file order.
    pub accessories: Vec<Accessory>,
    /// How images are built.
    pub builder: Builder,
    /// `ssh:`.
    pub ssh: Ssh,
    /// `sshkit:`.
    pub sshkit: Sshkit,
    /// `boot:`: groups of hosts, the pause between them.
    pub boot: Boot,
    /// `logging:` of the root, which accessories use; roles carry their own merged copy.
    pub logging: Logging,
    /// `aliases:` name → command line.
    pub aliases: BTreeMap<String, String>,
    /// Directory of hook files, default `.kamal/hooks`.
    pub hooks_path: String,
    /// `hooks_output:` for every hook (key `None`) or for one by name.
    pub hooks_output: BTreeMap<Option<String>, HookOutput>,
    /// Prefix of the secrets files, default `.kamal/secrets`.
    pub secrets_path: String,
    /// Local directory of `4xx.html`/`5xx.html` pages for the proxy.
    pub error_pages_path: Option<String>,
    /// Stopped app containers kept per role, default 5.
    pub retain_containers: u32,
    /// Seconds a container without proxy must stay `running`, default 7; negative means no delay.
    pub readiness_delay: i64,
    /// Seconds a new container has to become healthy, default 30.
    pub deploy_timeout: u32,
    /// Seconds in-flight requests of the old container may take, default 30.
    pub drain_timeout: u32,
    /// Things accepted but worth saying, each one sentence with its place.
    pub warnings: Vec<String>,
    /// `output:`: other sinks for what dhow says.
    pub output: Output,
    /// The files' own words, for `dhow config`.
    pub written: Written,
}

impl Config {
    /// `SERVICE[-DEST]`: name of the lock, the audit log and the app's directory.
    pub fn app(&self) -> String {
        self.with_destination(&self.service)
    }

    /// `SERVICE-ROLE[-DEST]`: prefix of a role's containers and its service name in the proxy.
    pub fn prefix(&self, role: &Role) -> String {
        self.with_destination(&format!("{}-{}", self.service, role.name))
    }

    /// `[registry.server/]image`.
    pub fn repository(&self) -> String {
        match &self.registry.server {
            Some(server) => format!("{server}/{}", self.image),
            None => self.image.clone(),
        }
    }

    /// `REPOSITORY:VERSION`.
    pub fn absolute_image(&self, version: &str) -> String {
        format!("{}:{version}", self.repository())
    }

    /// `latest[-DEST]`: the tag that follows the last deploy.
    pub fn latest_tag(&self) -> String {
        self.with_destination("latest")
    }

    /// `REPOSITORY:latest[-DEST]`.
    pub fn latest_image(&self) -> String {
        format!("{}:{}", self.repository(), self.latest_tag())
    }

    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The accessory of that name.
    pub fn accessory(&self, name: &str) -> Option<&Accessory> {
        self.accessories.iter().find(|accessory| accessory.name == name)
    }

    fn with_destination(&self, name: &str) -> String {
        match &self.destination {
            Some(destination) => format!("{name}-{destination}"),
            None => name.to_string(),
        }
    }
}
