//! Values as YAML, each with the place it comes from, and without what nobody should see.

use crate::config::Document;
use crate::config::errors::{is_secretive, shown};
use crate::config::node::{Node, Place, Value};
use crate::config::reference::{Part, find};
use crate::config::schema::Kind;
use crate::config::yaml::Yaml;

/// Where excerpts come from.
pub struct Origin<'a> {
    pub documents: [Option<&'a Document>; 2],
}

/// A line of a value and, where it holds one, the place of a scalar.
struct Line<'a> {
    text: String,
    place: Option<&'a Place>,
}

impl Origin<'_> {
    /// `KEY: VALUE`, a mapping with the place of each line beside it.
    pub fn value(&self, key: &str, value: &Node) -> String {
        if is_leaf(value) {
            return format!("{key}: {}\n", scalar(value, hides(key)));
        }
        let mut lines = Vec::new();
        collect(key, value, "  ", &mut lines);
        let width = lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0).min(60);
        let beside = |line: &Line| match line.place {
            Some(place) => format!("{:width$}  # {}\n", line.text, self.place(place)),
            None => format!("{}\n", line.text),
        };
        format!("{key}:\n{}", lines.iter().map(beside).collect::<String>())
    }

    /// `written in FILE:LINE:COLUMN` and that line.
    pub fn of(&self, key: &str, value: &Node, words: &str) -> String {
        let line = self.line(&value.place);
        let by = if line.contains("<%") { ", by ERB" } else { "" };
        let is_hidden = hides(key) || is_private_key(value);
        match shown(if is_hidden { "password" } else { "" }, line).as_str() {
            "" => format!("{words} {}{by}\n", self.place(&value.place)),
            line => format!("{words} {}{by}\n  {line}\n", self.place(&value.place)),
        }
    }

    /// With the column, but for lines that ERB has changed: there it would be wrong.
    fn place(&self, place: &Place) -> String {
        match self.line(place).contains("<%") || place.line == 0 {
            true => place.to_string(),
            false => format!("{place}:{}", place.column),
        }
    }

    fn line(&self, place: &Place) -> &str {
        let document = self.documents.iter().flatten().find(|document| document.path == *place.file);
        document
            .and_then(|document| document.text.lines().nth(place.line.checked_sub(1)?))
            .unwrap_or_default()
    }
}

fn collect<'a>(path: &str, node: &'a Node, indent: &str, lines: &mut Vec<Line<'a>>) {
    match &node.value {
        Value::Map(map) => {
            for (key, value) in map.iter() {
                let (name, path) = (scalar(key, false), format!("{path}.{}", key.key_text()));
                if is_leaf(value) {
                    let text = format!("{indent}{name}: {}", scalar(value, hides(&path)));
                    lines.push(Line { text, place: Some(&value.place) });
                } else {
                    lines.push(Line { text: format!("{indent}{name}:"), place: None });
                    collect(&path, value, &format!("{indent}  "), lines);
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let from = lines.len();
                collect(&format!("{path}.{index}"), item, &format!("{indent}  "), lines);
                if let Some(first) = lines.get_mut(from) {
                    first.text.replace_range(indent.len()..indent.len() + 1, "-");
                }
            }
        }
        _ => lines
            .push(Line { text: format!("{indent}{}", scalar(node, hides(path))), place: Some(&node.place) }),
    }
}

fn is_private_key(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains("PRIVATE KEY"))
}

fn is_leaf(node: &Node) -> bool {
    node.text().is_some() || node.is_blank() || matches!(node.value, Value::Date(_))
}

fn scalar(node: &Node, hidden: bool) -> String {
    if hidden || is_private_key(node) {
        return "[REDACTED]".to_string();
    }
    match &node.value {
        Value::Map(_) => "{}".to_string(),
        Value::List(_) => "[]".to_string(),
        Value::Null => "null".to_string(),
        _ => {
            let document = Yaml::Node(node).document();
            let text = document.trim_start_matches("---").trim_start_matches(' ').trim_end();
            text.trim_end_matches("...").trim_end().to_string()
        }
    }
}

/// A password in the file, or a name of the user's choice that sounds like one. Lists hold names of secrets.
fn hides(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    match find(path).ok().and_then(|found| found.0.last().cloned()) {
        Some(Part::Key(field)) => matches!(field.kind, Kind::Credential) && field.key == "password",
        _ => {
            last.parse::<usize>().is_err()
                && is_secretive(last)
                && !path.contains(".secret.")
                && !path.contains(".secrets.")
        }
    }
}
