//! Examples, written in one line in the tables, as people write them in a file.

use crate::config::compose;
use crate::config::node::{Node, Value};

/// `key:` and its value, line by line.
pub fn block(key: &str, yaml: &str) -> Vec<String> {
    let node = compose::read("example", yaml.to_string()).ok().flatten();
    let node = node.unwrap_or_else(|| Node::unplaced(Value::Null));
    let below = lines(&node);
    match &node.value {
        Value::Map(_) | Value::List(_) if !node.is_blank() => {
            std::iter::once(format!("{key}:")).chain(below.iter().map(|line| format!("  {line}"))).collect()
        }
        // As it is written: `40_000_000` and `"no"` have a reason.
        _ => vec![format!("{key}: {yaml}")],
    }
}

fn lines(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Map(map) => map.iter().flat_map(|(key, value)| entry(key, value)).collect(),
        Value::List(items) => items.iter().flat_map(item).collect(),
        _ => vec![scalar(node)],
    }
}

fn entry(key: &Node, value: &Node) -> Vec<String> {
    let key = scalar(key);
    match &value.value {
        // Tags of a host read better beside it.
        Value::List(items) if items.iter().all(|item| item.text().is_some()) && key.contains('.') => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            vec![format!("{key}: [{}]", items.join(", "))]
        }
        Value::Map(_) | Value::List(_) if !value.is_blank() => std::iter::once(format!("{key}:"))
            .chain(lines(value).iter().map(|line| format!("  {line}")))
            .collect(),
        Value::Map(_) => vec![format!("{key}: {{}}")],
        Value::List(_) => vec![format!("{key}: []")],
        _ => vec![format!("{key}: {}", scalar(value))],
    }
}

fn item(item: &Node) -> Vec<String> {
    let mark = |(index, line): (usize, &String)| format!("{} {line}", if index == 0 { "-" } else { " " });
    lines(item).iter().enumerate().map(mark).collect()
}

/// Plain where that reads as the same, else in double quotes.
fn scalar(node: &Node) -> String {
    let Value::Text(text) = &node.value else { return node.written.clone().unwrap_or_default() };
    let read = compose::read("example", format!("- {text}")).ok().flatten();
    let is_same = read.as_ref().and_then(Node::list).is_some_and(|items| items == [node.clone()]);
    if is_same { text.clone() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
