//! Values as the file has them, each with the place it came from.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// A value of the configuration and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is.
    pub place: Place,
    /// How it was written, where Ruby's YAML reads a plain word as something else than text: `0600`, `yes`.
    pub written: Option<String>,
}

/// Two nodes are the same when they say the same, wherever they say it.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.value == other.value
    }
}

/// What YAML 1.1 knows, as Psych reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// `true`, `yes`, `on` …
    Bool(bool),
    /// Any integer; octal, hexadecimal and base 60 are already numbers.
    Int(i128),
    /// With a dot.
    Float(f64),
    /// Text.
    Text(String),
    /// `:name`.
    Symbol(String),
    /// A date or a time, which Kamal accepts nowhere.
    Date(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Map),
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path of the file, as it was given.
    pub file: Arc<str>,
    /// From 1; 0 where something is missing and no line can be named.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

impl Node {
    /// An empty mapping that stands for a section nobody wrote.
    pub fn absent() -> &'static Node {
        static ABSENT: LazyLock<Node> = LazyLock::new(|| Node::unplaced(Value::Map(Map::default())));
        &ABSENT
    }

    /// A value that is written nowhere.
    pub fn unplaced(value: Value) -> Node {
        Node { value, place: Place { file: "".into(), line: 0, column: 0 }, written: None }
    }

    /// The text of anything Kamal takes for a string: text, symbols, numbers, booleans.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Symbol(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(super::scalar::ruby_float(*number)),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Null | Value::Date(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The mapping, if it is one.
    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key)
    }

    /// Rails' `blank?`: nothing, false, or empty.
    pub fn is_blank(&self) -> bool {
        match &self.value {
            Value::Null | Value::Bool(false) => true,
            Value::Text(text) | Value::Symbol(text) => text.trim().is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Bool(true) | Value::Int(_) | Value::Float(_) | Value::Date(_) => false,
        }
    }

    /// The key as messages and paths name it.
    pub fn key_text(&self) -> String {
        self.text().unwrap_or_default()
    }

    /// This with another on top: mappings are merged key by key, anything else is replaced. Places stay with values.
    pub fn merged_with(&self, over: &Node) -> Node {
        match (&self.value, &over.value) {
            (Value::Map(base), Value::Map(changes)) => {
                Node { value: Value::Map(base.merged_with(changes)), ..over.clone() }
            }
            _ => over.clone(),
        }
    }
}

/// A mapping: keys are any scalars, order is kept, a key set again keeps its first position as in Ruby.
#[derive(Debug, Clone, Default)]
pub struct Map(Vec<(Node, Node)>);

/// Order does not matter to Ruby's `==`.
impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(key, value)| other.find(key) == Some(value))
    }
}

impl Map {
    /// Sets a key; the value it had before comes back.
    pub fn insert(&mut self, key: Node, value: Node) -> Option<Node> {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// The value of a key written as text.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let is_key = |node: &Node| matches!(&node.value, Value::Text(text) if text == key);
        self.0.iter().find(|(known, _)| is_key(known)).map(|(_, value)| value)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Node, &Node)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys written as symbols become text, as Kamal does at the top of the file.
    pub fn with_text_keys(self) -> Map {
        let mut map = Map::default();
        for (mut key, value) in self.0 {
            if let Value::Symbol(name) = key.value {
                key.value = Value::Text(name);
            }
            map.insert(key, value);
        }
        map
    }

    fn find(&self, key: &Node) -> Option<&Node> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    fn merged_with(&self, changes: &Map) -> Map {
        let mut merged = self.clone();
        for (key, change) in changes.iter() {
            let value = self.find(key).map_or_else(|| change.clone(), |base| base.merged_with(change));
            merged.insert(key.clone(), value);
        }
        merged
    }
}
