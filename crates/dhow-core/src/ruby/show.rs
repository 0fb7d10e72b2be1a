//! Values as text: `to_s`, `inspect`, and what messages call them.

use super::machine::Machine;
use super::stop::{Outcome, Stop};
use super::syntax::Span;
use super::value::{Text, Value};
use crate::config::ruby_float;

/// Lists in lists that are still shown.
const DEEPEST: usize = 50;

impl Machine<'_> {
    /// `to_s`.
    pub fn string_of(&mut self, value: &Value, span: Span) -> Result<String, Stop> {
        Ok(match value {
            Value::Nil => String::new(),
            Value::Text(text) => {
                self.spend(text.len() / 64, span)?;
                text.get()
            }
            Value::Symbol(name) => name.to_string(),
            Value::Exception(exception) => exception.message.clone(),
            Value::Regexp(regexp) => regexp.embedded(),
            Value::Match(found) => found.group(0).unwrap_or_default().to_string(),
            value => self.inspected(value, span)?,
        })
    }

    /// `inspect`.
    pub fn inspected(&mut self, value: &Value, span: Span) -> Result<String, Stop> {
        let text = Text::new("");
        self.inspect_into(value, &text, 0, span)?;
        Ok(text.get())
    }

    fn inspect_into(&mut self, value: &Value, text: &Text, depth: usize, span: Span) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Err(Stop::exhausted("this value nests too deeply to be shown", span));
        }
        self.spend(1, span)?;
        match value {
            Value::List(list) => {
                text.push("[");
                for (index, item) in list.get().iter().enumerate() {
                    text.push(if index > 0 { ", " } else { "" });
                    self.inspect_into(item, text, depth + 1, span)?;
                }
                text.push("]");
                Ok(())
            }
            Value::Map(map) => {
                text.push("{");
                for (index, (key, value)) in map.get().iter().enumerate() {
                    text.push(if index > 0 { ", " } else { "" });
                    self.inspect_key(key, text, depth, span)?;
                    self.inspect_into(value, text, depth + 1, span)?;
                }
                text.push("}");
                Ok(())
            }
            Value::Range(range) => {
                let shown = |machine: &mut Self, bound: &Value| match bound {
                    Value::Nil => Ok(()),
                    bound => machine.inspect_into(bound, text, depth + 1, span),
                };
                shown(self, &range.from)?;
                text.push(if range.excludes_end { "..." } else { ".." });
                shown(self, &range.to)
            }
            value => {
                let plain = plain(value).ok_or_else(|| {
                    Stop::refuse(
                        format!("showing a {} is not something dhow can do", class_name(value)),
                        span,
                    )
                })?;
                self.append(text, &plain, span)
            }
        }
    }

    /// `a: `, `"a b": `, `1 => `.
    fn inspect_key(&mut self, key: &Value, text: &Text, depth: usize, span: Span) -> Result<(), Stop> {
        if let Value::Symbol(name) = key {
            let is_word = is_word(name.trim_end_matches(['?', '!']));
            let shown = if is_word { format!("{name}: ") } else { format!("{}: ", quoted(name)) };
            return self.append(text, &shown, span);
        }
        self.inspect_into(key, text, depth + 1, span)?;
        self.append(text, " => ", span)
    }

    /// `TypeError`, as Ruby words it.
    pub fn wrong_type(&self, value: &Value, wanted: &str, span: Span) -> Stop {
        let name = match value {
            Value::Nil => "nil",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            value => class_name(value),
        };
        Stop::raise("TypeError", format!("no implicit conversion of {name} into {wanted}"), span)
    }

    /// `to_s` as a value.
    pub fn text_of(&mut self, value: &Value, span: Span) -> Outcome {
        Ok(Value::text(self.string_of(value, span)?))
    }
}

fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Nil => "nil".to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => ruby_float(*number),
        Value::Text(text) => quoted(&text.get()),
        Value::Symbol(name) => inspected_symbol(name),
        Value::Class(name) => (*name).to_string(),
        Value::Exception(exception) => format!("#<{}: {}>", exception.class, exception.message),
        Value::Regexp(regexp) => regexp.inspected(),
        Value::Time(time) => time.shown(),
        Value::Date(date) => date.shown(),
        Value::Uri(uri) => uri.text.clone(),
        Value::Main => "main".to_string(),
        _ => return None,
    })
}

fn inspected_symbol(name: &str) -> String {
    let is_operator =
        ["[]", "[]=", "+", "-", "*", "/", "%", "<<", ">>", "<", ">", "<=", ">=", "==", "!", "=~"];
    let plain = is_word(name.trim_end_matches(['?', '!', '='])) || is_operator.contains(&name);
    if plain { format!(":{name}") } else { format!(":{}", quoted(name)) }
}

fn is_word(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `String#inspect`.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let mut interpolates = || characters.peek().is_some_and(|next| "{$@".contains(*next));
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '#' if interpolates() => quoted.push_str("\\#"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            '\x1b' => quoted.push_str("\\e"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(c)))
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The class of a value.
pub fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "NilClass",
        Value::Bool(true) => "TrueClass",
        Value::Bool(false) => "FalseClass",
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
        Value::Text(_) => "String",
        Value::Symbol(_) => "Symbol",
        Value::List(_) => "Array",
        Value::Map(_) => "Hash",
        Value::Range(_) => "Range",
        Value::Regexp(_) => "Regexp",
        Value::Match(_) => "MatchData",
        Value::Proc(_) => "Proc",
        Value::Enumerator(_) => "Enumerator",
        Value::Class(_) => "Class",
        Value::Exception(exception) => exception.class,
        Value::Time(_) => "Time",
        Value::Date(_) => "Date",
        Value::Uri(_) => "URI::Generic",
        Value::Template(_) => "ERB",
        Value::Gem(_) => "Gem::Specification",
        Value::Status(_) => "Process::Status",
        Value::Main => "Object",
    }
}
