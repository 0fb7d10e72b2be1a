//! `env:`: clear values, and names of secrets whose values are looked up only when a container is made.

use super::errors::Errors;
use super::hints;
use super::keys::env::FIELDS;
use super::node::Node;
use super::schema::{check_keys, check_text_map, check_texts};
use super::setting::Setting;

/// The environment of a container.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Env {
    /// In order, each name once. A blank value makes a bare `--env NAME`, as in Kamal.
    pub clear: Vec<(String, String)>,
    /// In order: what goes into the env file.
    pub secret: Vec<SecretName>,
}

/// An entry of `env.secret`: `NAME` or `NAME:KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// The variable in the container.
    pub variable: String,
    /// The key in the secrets files.
    pub key: String,
}

impl SecretName {
    /// Reads `NAME` or `NAME:KEY`, split at the first colon.
    pub fn parse(entry: &str) -> SecretName {
        let (variable, key) = entry.split_once(':').unwrap_or((entry, entry));
        SecretName { variable: variable.to_string(), key: key.to_string() }
    }
}

impl Env {
    /// Checks a section of either form: plain values, or `clear`, `secret` and (in the root) `tags`.
    pub(super) fn check(env: &Setting, errors: &mut Errors) {
        let special = |key: &Node| SPECIAL_KEYS.contains(&key.key_text().as_str());
        if !env.entries().any(|(key, _)| special(key)) {
            return check_text_map(env, errors);
        }
        check_keys(env, FIELDS, errors);
        let before = errors.count();
        if let Some(clear) = env.get("clear") {
            check_text_map(&clear, errors);
            hint_at(&clear, "clear", before, errors);
        }
        let before = errors.count();
        if let Some(secret) = env.get("secret") {
            check_texts(&secret, errors);
            hint_at(&secret, "secret", before, errors);
        }
        if let Some(tags) = env.get("tags") {
            check_tags(env, &tags, errors);
        }
    }

    /// Reads a checked section.
    pub(super) fn read(env: &Setting) -> Env {
        let is_complex = SPECIAL_KEYS.iter().any(|key| env.get(key).is_some());
        let clear = if is_complex { env.section("clear") } else { env.clone() };
        let clear = clear.entries().filter_map(|(key, value)| Some((key.key_text(), value.node.text()?)));
        let secret = if is_complex { env.texts("secret") } else { Vec::new() };
        let mut read = Env::default();
        read.add_clear(clear);
        read.secret = secret.iter().map(|entry| SecretName::parse(entry)).collect();
        read
    }

    /// The environments of `env.tags`, by tag.
    pub(super) fn read_tags(env: &Setting) -> Vec<(String, Env)> {
        env.section("tags").entries().map(|(tag, env)| (tag.key_text(), Env::read(&env))).collect()
    }

    /// Another environment on top of this: its values win, its secrets join, each once.
    pub(super) fn merge(&mut self, over: &Env) {
        self.add_clear(over.clear.iter().cloned());
        let all = std::mem::take(&mut self.secret).into_iter().chain(over.secret.iter().cloned());
        for secret in all {
            if !self.secret.contains(&secret) {
                self.secret.push(secret);
            }
        }
    }

    fn add_clear(&mut self, values: impl Iterator<Item = (String, String)>) {
        for (name, value) in values {
            match self.clear.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => self.clear.push((name, value)),
            }
        }
    }
}

/// The right form of a part that was found wrong.
fn hint_at(part: &Setting, key: &str, before: usize, errors: &mut Errors) {
    if let Some(hint) = hints::env_part(part, key).filter(|_| errors.count() > before) {
        errors.hint_last(hint);
    }
}

const SPECIAL_KEYS: [&str; 3] = ["clear", "secret", "tags"];

fn check_tags(env: &Setting, tags: &Setting, errors: &mut Errors) {
    if env.path != "env" {
        errors.at(env, "tags are only allowed in the root env");
        return;
    }
    if tags.node.map().is_none() {
        errors.at(tags, "should be a hash");
    }
    for (_, tag) in tags.entries() {
        match tag.node.map() {
            Some(_) => Env::check(&tag, errors),
            None => {
                errors.at(&tag, "should be a hash").hint("a tag names variables, for example {JOBS: 1}");
            }
        }
    }
}
