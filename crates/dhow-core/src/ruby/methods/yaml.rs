//! `YAML` and `to_yaml`, by the reader and the writer that configurations have.

use super::{Method, Sent, method};
use crate::config::compose::read;
use crate::config::node::{Node, Value as YamlValue};
use crate::config::yaml::Yaml;
use crate::ruby::machine::Machine;
use crate::ruby::show::class_name;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::time::Date;
use crate::ruby::value::{Map, Value};

pub const METHODS: &[Method] = &[
    method("load", 1, 2, load),
    method("safe_load", 1, 2, load),
    method("unsafe_load", 1, 2, load),
    method("load_file", 1, 2, load_file),
    method("safe_load_file", 1, 2, load_file),
    method("unsafe_load_file", 1, 2, load_file),
    method("dump", 1, 1, |machine, sent| dumped(machine, &sent.arg(0), sent.span)),
];

fn load(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = sent.text_arg(machine, 0)?;
    from_yaml(machine, "(yaml)", text, sent)
}

fn load_file(machine: &mut Machine, sent: &Sent) -> Outcome {
    let path = sent.text_arg(machine, 0)?;
    let text = machine.file(&path, sent.span)?;
    from_yaml(machine, &path, text, sent)
}

fn from_yaml(machine: &mut Machine, path: &str, text: String, sent: &Sent) -> Outcome {
    machine.spend(text.len() / 4, sent.span)?;
    let symbols = sent.option("symbolize_names").is_some_and(|yes| yes.is_true());
    match read(path, text) {
        Ok(None) if sent.name.starts_with("unsafe") => Ok(Value::Bool(false)),
        Ok(None) => Ok(Value::Nil),
        Ok(Some(node)) => value(machine, &node, symbols, sent.span),
        Err(problem) => Err(Stop::raise("Psych::SyntaxError", problem, sent.span)),
    }
}

fn value(machine: &mut Machine, node: &Node, symbols: bool, span: Span) -> Outcome {
    machine.spend(1, span)?;
    Ok(match &node.value {
        YamlValue::Null => Value::Nil,
        YamlValue::Bool(yes) => Value::Bool(*yes),
        YamlValue::Int(number) => Value::Int(*number),
        YamlValue::Float(number) => Value::Float(*number),
        YamlValue::Text(text) => Value::text(text),
        YamlValue::Symbol(name) => Value::Symbol(name.as_str().into()),
        YamlValue::Date(text) => match Date::read(text) {
            Some(date) => Value::Date(date),
            None => return Err(Stop::refuse("a point in time in YAML is not something dhow reads", span)),
        },
        YamlValue::List(items) => {
            let items: Result<Vec<Value>, Stop> =
                items.iter().map(|item| value(machine, item, symbols, span)).collect();
            Value::list(items?)
        }
        YamlValue::Map(entries) => {
            let map = Map::new(Vec::new());
            for (key, entry) in entries.iter() {
                let key = match value(machine, key, symbols, span)? {
                    Value::Text(name) if symbols => Value::Symbol(name.get().into()),
                    key => key,
                };
                let entry = value(machine, entry, symbols, span)?;
                // The reader has seen to it that keys are there once.
                map.change(|entries| entries.push((key, entry)));
            }
            Value::Map(map)
        }
    })
}

/// `to_yaml`.
pub fn dumped(machine: &mut Machine, value: &Value, span: Span) -> Outcome {
    let yaml = yaml(machine, value, 0, span)?;
    machine.new_text(yaml.document(), span)
}

fn yaml(machine: &mut Machine, value: &Value, depth: usize, span: Span) -> Result<Yaml<'static>, Stop> {
    if depth > 50 {
        return Err(Stop::exhausted("this value nests too deeply for YAML", span));
    }
    machine.spend(1, span)?;
    Ok(match value {
        Value::Nil => Yaml::Null,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Date(_) => {
            Yaml::Plain(machine.string_of(value, span)?)
        }
        Value::Text(text) => Yaml::Text(text.get()),
        Value::Symbol(name) => Yaml::Symbol(name.to_string()),
        Value::List(list) => {
            let items: Result<Vec<Yaml>, Stop> =
                list.get().iter().map(|item| yaml(machine, item, depth + 1, span)).collect();
            Yaml::List(items?)
        }
        Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.get() {
                entries
                    .push((yaml(machine, &key, depth + 1, span)?, yaml(machine, &value, depth + 1, span)?));
            }
            Yaml::Map(entries)
        }
        value => {
            let what = format!("a {} in YAML is not something dhow writes", class_name(value));
            return Err(Stop::refuse(what, span));
        }
    })
}
