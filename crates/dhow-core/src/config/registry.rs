//! `registry:`.

use super::errors::Errors;
use super::keys::registry::FIELDS;
use super::node::{Node, Value};
use super::schema::check_keys;
use super::setting::Setting;
use std::fmt;

/// Where images are pushed to and pulled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `ghcr.io`; `None` is Docker Hub. Without a `registry:` section it is [`Registry::BUILT_IN`].
    pub server: Option<String>,
    /// Absent for a local registry.
    pub username: Option<Credential>,
    /// Absent for a local registry.
    pub password: Option<Credential>,
}

impl Registry {
    /// The name images get when no registry is configured: served by dhow itself through the SSH connection.
    pub const BUILT_IN: &'static str = "localhost:5555";

    /// Kamal's rule: a server of the form `localhost:PORT` needs no account, and dhow serves it itself.
    pub fn is_local(&self) -> bool {
        self.server.as_deref().is_some_and(is_local)
    }
}

/// A user name or password: in the file, or the name of a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Written in the file.
    Plain(String),
    /// `[NAME]`: looked up in the secrets.
    Secret(String),
}

/// What is written out may be a password.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::Plain(_) => f.write_str("Plain([REDACTED])"),
            Credential::Secret(name) => write!(f, "Secret({name})"),
        }
    }
}

impl Registry {
    /// Checks a section: an account is needed unless the registry is local.
    pub(super) fn check(registry: &Setting, errors: &mut Errors) {
        if registry.node.map().is_none() {
            errors.at(registry, "should be a hash");
            return;
        }
        check_keys(registry, FIELDS, errors);
        let server = registry.get("server");
        if let Some(server) = server.as_ref().filter(|server| server.node.text().is_none()) {
            errors
                .at(server, "should be a string")
                .hint("where images are kept, for example `server: ghcr.io`");
        }
        let is_local = server.and_then(|server| server.node.text()).is_some_and(|server| is_local(&server));
        if !is_local {
            check_credential(registry, "username", errors);
            check_credential(registry, "password", errors);
        }
    }

    /// Reads a checked section; an empty one means dhow's own registry.
    pub(super) fn read(registry: &Setting) -> Registry {
        if registry.node.is_blank() {
            return Registry { server: Some(Registry::BUILT_IN.to_string()), username: None, password: None };
        }
        let server = registry.text("server");
        let credential = |key| registry.get(key).and_then(|setting| Credential::read(&setting));
        Registry { server, username: credential("username"), password: credential("password") }
    }
}

impl Credential {
    /// The name of the secret, if it is one.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Credential::Plain(_) => None,
            Credential::Secret(name) => Some(name),
        }
    }

    fn read(setting: &Setting) -> Option<Credential> {
        match setting.node.list() {
            Some(names) => names.first().and_then(Node::text).map(Credential::Secret),
            None => setting.node.text().map(Credential::Plain),
        }
    }
}

fn is_local(server: &str) -> bool {
    server.starts_with("localhost:")
}

fn check_credential(registry: &Setting, key: &str, errors: &mut Errors) {
    let hint =
        format!("the name of a secret, for example:\n{key}:\n  - KAMAL_REGISTRY_{}", key.to_uppercase());
    let Some(setting) = registry.get(key).filter(|setting| !setting.node.is_blank()) else {
        let missing = registry.named(format!("{}/{key}", registry.path));
        errors.at(&missing, "is required").hint(hint);
        return;
    };
    let is_text = |node: &Node| matches!(node.value, Value::Text(_));
    let is_name = setting.node.list().is_some_and(|names| names.len() == 1 && is_text(&names[0]));
    if !is_text(setting.node) && !is_name {
        errors.at(&setting, "should be a string or an array with one string (for secret lookup)").hint(hint);
    }
}
