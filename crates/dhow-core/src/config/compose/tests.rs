//! The reader against Psych: `psych.txt` holds what Ruby made of each document.

use super::super::scalar::ruby_float;
use super::*;
use crate::ruby::quoted;

/// `inspect`, as the table has it.
fn inspected(node: &Node) -> String {
    match &node.value {
        Value::Null => "nil".to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => ruby_float(*number),
        Value::Text(text) => quoted(text),
        Value::Symbol(name) if is_word(name) => format!(":{name}"),
        Value::Symbol(name) => format!(":{}", quoted(name)),
        Value::Date(text) if text.len() > "2024-01-01".len() => "<time>".to_string(),
        Value::Date(text) => {
            let parts: Vec<String> = text.split('-').map(|part| format!("{part:0>2}")).collect();
            format!("<date {}>", parts.join("-"))
        }
        Value::List(items) => format!("[{}]", items.iter().map(inspected).collect::<Vec<_>>().join(", ")),
        Value::Map(map) if map.is_empty() => "{}".to_string(),
        Value::Map(map) => format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", ")),
    }
}

fn entry((key, value): (&Node, &Node)) -> String {
    match &key.value {
        Value::Symbol(name) if is_word(name) => format!("{name}: {}", inspected(value)),
        Value::Symbol(name) => format!("{}: {}", quoted(name), inspected(value)),
        _ => format!("{} => {}", inspected(key), inspected(value)),
    }
}

fn is_word(name: &str) -> bool {
    let name = name.strip_suffix(['?', '!']).unwrap_or(name);
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn shown(document: &str) -> String {
    match read("a.yml", document.to_string()) {
        Ok(Some(root)) => inspected(&root),
        Ok(None) => "nothing".to_string(),
        Err(problem) => format!("! {problem}"),
    }
}

#[test]
fn documents_read_as_psych_reads_them() {
    let lines = include_str!("psych.txt").lines().filter(|line| line.starts_with('"'));
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines {
        let (document, answers) = line.split_once("  #=> ").unwrap();
        let (ruby, on_purpose) = answers.split_once("  #but ").unwrap_or((answers, answers));
        let document: String = serde_json::from_str(document).unwrap();
        let found = shown(&document);
        // Which error it is in Ruby is of no interest.
        let is_same =
            found == on_purpose || (on_purpose == ruby && ruby.starts_with('!') && found.starts_with('!'));
        count += 1;
        if !is_same {
            wrong.push(format!("{document:?}\n    Ruby {ruby}\n    dhow {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 500, "the table is there: {count}");
}
