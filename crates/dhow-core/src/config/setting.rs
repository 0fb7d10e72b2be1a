//! A value of the configuration together with its path: what sections are read from, once they were checked.

use super::errors::Errors;
use super::node::{Node, Place, Value};

/// A value and its slash-joined path.
#[derive(Debug, Clone)]
pub(super) struct Setting<'a> {
    pub path: String,
    pub node: &'a Node,
}

impl<'a> Setting<'a> {
    /// The whole configuration.
    pub fn root(node: &'a Node) -> Setting<'a> {
        Setting { path: String::new(), node }
    }

    /// Where it is written.
    pub fn place(&self) -> &'a Place {
        &self.node.place
    }

    /// The value of a key, if written.
    pub fn get(&self, key: &str) -> Option<Setting<'a>> {
        self.node.get(key).map(|node| self.child(key, node))
    }

    /// A section below; an empty one if it is not written.
    pub fn section(&self, key: &str) -> Setting<'a> {
        self.get(key).unwrap_or_else(|| self.child(key, Node::absent()))
    }

    /// Items of a list with their positions as last part of the path.
    pub fn items(&self) -> impl Iterator<Item = Setting<'a>> {
        let items = self.node.list().unwrap_or_default();
        items.iter().enumerate().map(|(index, node)| self.child(&index.to_string(), node))
    }

    /// Keys and values of a mapping.
    pub fn entries(&self) -> impl Iterator<Item = (&'a Node, Setting<'a>)> {
        let entries = self.node.map().into_iter().flat_map(|map| map.iter());
        entries.map(|(key, node)| (key, self.child(&key.key_text(), node)))
    }

    /// The same value under another path.
    pub fn named(&self, path: impl Into<String>) -> Setting<'a> {
        Setting { path: path.into(), node: self.node }
    }

    /// Another value under the same path: what merging made of it.
    pub fn with<'b>(&self, node: &'b Node) -> Setting<'b> {
        Setting { path: self.path.clone(), node }
    }

    /// The path below a section: the name of a role, an accessory, an alias.
    pub fn name_in(&self, section: &str) -> &str {
        self.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&self.path)
    }

    /// The text of a key; `false` counts as not written, as with Ruby's `||`.
    pub fn text(&self, key: &str) -> Option<String> {
        self.node.get(key).filter(|node| node.bool() != Some(false))?.text()
    }

    /// The text of a key that is more than blanks.
    pub fn filled_text(&self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.trim().is_empty())
    }

    /// The boolean of a key.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.node.get(key)?.bool()
    }

    /// The texts of a list; empty if it is not written.
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.node.get(key).and_then(Node::list).unwrap_or_default().iter().filter_map(Node::text).collect()
    }

    /// Names and texts of a mapping.
    pub fn pairs(&self, key: &str) -> Vec<(String, String)> {
        self.section(key)
            .entries()
            .filter_map(|(key, value)| Some((key.key_text(), value.node.text()?)))
            .collect()
    }

    /// A whole number that fits its use; another is an error. Types were checked before, so text is not reported again.
    pub fn number<N: TryFrom<i128>>(&self, key: &str, errors: &mut Errors) -> Option<N> {
        let setting = self.get(key)?;
        let Value::Int(number) = setting.node.value else { return None };
        let fitting = N::try_from(number).ok();
        if fitting.is_none() {
            let problem = if number < 0 { "should not be negative" } else { "is too large" };
            errors.at(&setting, problem);
        }
        fitting
    }

    /// A port, 1 to 65535.
    pub fn port(&self, key: &str, errors: &mut Errors) -> Option<u16> {
        let setting = self.get(key)?;
        let Value::Int(number) = setting.node.value else { return None };
        let port = u16::try_from(number).ok().filter(|port| *port != 0);
        if port.is_none() {
            errors.at(&setting, "should be a port between 1 and 65535");
        }
        port
    }

    fn child(&self, name: &str, node: &'a Node) -> Setting<'a> {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}/{name}", self.path) };
        Setting { path, node }
    }
}
