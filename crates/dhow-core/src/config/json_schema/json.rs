//! JSON that keeps the order in which it is written.

use crate::config::node::{Node, Value};

/// A value of JSON.
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// With a dot.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// An object of these entries.
pub fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, Json)>) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

impl Json {
    /// Text.
    pub fn text(text: &str) -> Json {
        Json::Text(text.to_string())
    }

    /// What YAML says.
    pub fn of(node: &Node) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(yes) => Json::Bool(*yes),
            Value::Int(number) => Json::Int(*number),
            Value::Float(number) => Json::Float(*number),
            Value::Text(text) | Value::Symbol(text) | Value::Date(text) => Json::Text(text.clone()),
            Value::List(items) => Json::List(items.iter().map(Json::of).collect()),
            Value::Map(map) => object(map.iter().map(|(key, value)| (key.key_text(), Json::of(value)))),
        }
    }

    /// For a file, and for a person to look at: what is short stands on one line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write("", &mut text);
        text + "\n"
    }

    fn write(&self, indent: &str, text: &mut String) {
        let deeper = format!("{indent}  ");
        match self {
            Json::List(items) if !items.is_empty() && !self.is_short() => {
                *text += "[";
                for (index, item) in items.iter().enumerate() {
                    *text += &format!("{}\n{deeper}", if index == 0 { "" } else { "," });
                    item.write(&deeper, text);
                }
                *text += &format!("\n{indent}]");
            }
            Json::Object(entries) if !entries.is_empty() && !self.is_short() => {
                *text += "{";
                for (index, (key, value)) in entries.iter().enumerate() {
                    *text += &format!("{}\n{deeper}{}: ", if index == 0 { "" } else { "," }, quoted(key));
                    value.write(&deeper, text);
                }
                *text += &format!("\n{indent}}}");
            }
            _ => *text += &self.on_one_line(),
        }
    }

    fn is_short(&self) -> bool {
        self.on_one_line().len() <= 90
    }

    fn on_one_line(&self) -> String {
        match self {
            Json::Null => "null".to_string(),
            Json::Bool(yes) => yes.to_string(),
            Json::Int(number) => number.to_string(),
            Json::Float(number) => serde_json::to_string(number).unwrap_or_default(),
            Json::Text(text) => quoted(text),
            Json::List(items) => {
                let items: Vec<String> = items.iter().map(Json::on_one_line).collect();
                format!("[{}]", items.join(", "))
            }
            Json::Object(entries) => {
                let entry =
                    |(key, value): &(String, Json)| format!("{}: {}", quoted(key), value.on_one_line());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
