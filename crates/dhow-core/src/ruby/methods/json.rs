//! `JSON` and `to_json`.

use super::{Method, method};
use crate::ruby::json::Json;
use crate::ruby::machine::Machine;
use crate::ruby::show::class_name;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Map, Value};

pub const METHODS: &[Method] = &[
    method("parse", 1, 2, |machine, sent| {
        let text = sent.text_arg(machine, 0)?;
        let symbols = sent.option("symbolize_names").is_some_and(|yes| yes.is_true());
        parsed(machine, &text, symbols, sent.span)
    }),
    method("load_file", 1, 2, |machine, sent| {
        let path = sent.text_arg(machine, 0)?;
        let text = machine.file(&path, sent.span)?;
        let symbols = sent.option("symbolize_names").is_some_and(|yes| yes.is_true());
        parsed(machine, &text, symbols, sent.span)
    }),
    method("generate", 1, 1, |machine, sent| generated(machine, &sent.arg(0), sent.span)),
    method("dump", 1, 1, |machine, sent| generated(machine, &sent.arg(0), sent.span)),
    method("pretty_generate", 1, 1, |machine, sent| written(machine, &sent.arg(0), true, sent.span)),
];

fn parsed(machine: &mut Machine, text: &str, symbols: bool, span: Span) -> Outcome {
    machine.spend(text.len() / 8, span)?;
    match serde_json::from_str(text) {
        Ok(json) => value(machine, json, symbols, span),
        // The text may be a secret: only the place is told.
        Err(error) => {
            let message = format!("this is not JSON at line {} column {}", error.line(), error.column());
            Err(Stop::raise("JSON::ParserError", message, span))
        }
    }
}

fn value(machine: &mut Machine, json: Json, symbols: bool, span: Span) -> Outcome {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Int(number) => Value::Int(number),
        Json::Float(number) => Value::Float(number),
        Json::Text(text) => Value::text(text),
        Json::List(items) => {
            let items: Result<Vec<Value>, Stop> =
                items.into_iter().map(|item| value(machine, item, symbols, span)).collect();
            Value::list(items?)
        }
        Json::Map(entries) => {
            let map = Map::new(Vec::new());
            for (name, entry) in entries {
                let key = if symbols { Value::Symbol(name.into()) } else { Value::text(name) };
                let entry = value(machine, entry, symbols, span)?;
                machine.insert(&map, key, entry, span)?;
            }
            Value::Map(map)
        }
    })
}

/// `to_json`.
pub fn generated(machine: &mut Machine, value: &Value, span: Span) -> Outcome {
    written(machine, value, false, span)
}

fn written(machine: &mut Machine, value: &Value, is_pretty: bool, span: Span) -> Outcome {
    let mut writer = Writer { text: String::new(), is_pretty, depth: 0 };
    writer.value(machine, value, span)?;
    machine.new_text(writer.text, span)
}

/// Writes keys in the mapping's own order.
struct Writer {
    text: String,
    is_pretty: bool,
    depth: usize,
}

impl Writer {
    fn value(&mut self, machine: &mut Machine, value: &Value, span: Span) -> Result<(), Stop> {
        machine.afford(self.text.len() / 64, span)?;
        match value {
            Value::List(list) => {
                let items = list.get();
                self.group(['[', ']'], items.len(), span, |writer, index| {
                    writer.value(machine, &items[index], span)
                })
            }
            Value::Map(map) => {
                let entries = map.get();
                self.group(['{', '}'], entries.len(), span, |writer, index| {
                    let (key, value) = &entries[index];
                    let key = machine.string_of(key, span)?;
                    writer.text.push_str(&serde_json::Value::String(key).to_string());
                    writer.text.push_str(if writer.is_pretty { ": " } else { ":" });
                    writer.value(machine, value, span)
                })
            }
            scalar => {
                self.text.push_str(&scalar_json(machine, scalar, span)?.to_string());
                Ok(())
            }
        }
    }

    fn group(
        &mut self,
        brackets: [char; 2],
        count: usize,
        span: Span,
        mut write: impl FnMut(&mut Self, usize) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if self.depth > 50 {
            return Err(Stop::exhausted("this value nests too deeply for JSON", span));
        }
        self.text.push(brackets[0]);
        self.depth += 1;
        for index in 0..count {
            self.text.push_str(if index > 0 { "," } else { "" });
            self.line_end();
            write(self, index)?;
        }
        self.depth -= 1;
        if count > 0 {
            self.line_end();
        }
        self.text.push(brackets[1]);
        Ok(())
    }

    fn line_end(&mut self) {
        if self.is_pretty {
            self.text.push('\n');
            self.text.push_str(&"  ".repeat(self.depth));
        }
    }
}

fn scalar_json(machine: &mut Machine, value: &Value, span: Span) -> Result<serde_json::Value, Stop> {
    Ok(match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(yes) => (*yes).into(),
        Value::Int(number) => match i64::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => return Err(Stop::refuse("an integer this large in JSON", span)),
        },
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Text(_) | Value::Symbol(_) | Value::Uri(_) | Value::Date(_) => {
            machine.string_of(value, span)?.into()
        }
        value => return Err(Stop::refuse(format!("a {} in JSON", class_name(value)), span)),
    })
}
