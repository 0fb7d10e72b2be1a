//! Regular expressions and what they found.

use super::{Method, Sent, method, plain, string_search::found_at};
use crate::ruby::machine::Machine;
use crate::ruby::regexp::{Match, Regexp};
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{Map, Value};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    method("=~", 1, 1, |machine, sent| match (own(sent), sent.arg(0)) {
        (Some(regexp), Value::Text(text)) => found_at(machine, &regexp, &text.get(), sent.span),
        (_, Value::Nil) => Ok(Value::Nil),
        (_, value) => Err(machine.wrong_type(&value, "String", sent.span)),
    }),
    method("match?", 1, 1, |machine, sent| {
        let found = finds(machine, sent)?;
        Ok(Value::Bool(found.is_some()))
    }),
    method("match", 1, 1, |machine, sent| {
        let found = finds(machine, sent)?;
        machine.last_match = Value::or_nil(found.map(|found| Value::Match(Rc::new(found))));
        Ok(machine.last_match.clone())
    }),
    plain("source", |_, sent| Ok(own(sent).map_or(Value::Nil, |regexp| Value::text(regexp.source())))),
];

pub const MATCH_METHODS: &[Method] = &[
    method("[]", 1, 1, |machine, sent| match own_match(sent) {
        Some(found) => group_of(machine, &found, &sent.arg(0), sent),
        None => Ok(Value::Nil),
    }),
    plain("to_a", |_, sent| groups(sent, 0)),
    plain("captures", |_, sent| groups(sent, 1)),
    plain("named_captures", |_, sent| {
        let Some(found) = own_match(sent) else { return Ok(Value::Nil) };
        let entry =
            |name: &str| (Value::text(name), Value::or_nil(found.named(name).flatten().map(Value::text)));
        Ok(Value::Map(Map::new(found.names().map(entry).collect())))
    }),
    plain("names", |_, sent| {
        Ok(own_match(sent).map_or(Value::Nil, |found| Value::texts(found.names().map(String::from))))
    }),
    plain("pre_match", |_, sent| Ok(own_match(sent).map_or(Value::Nil, |found| Value::text(found.before())))),
    plain("post_match", |_, sent| Ok(own_match(sent).map_or(Value::Nil, |found| Value::text(found.after())))),
];

fn own(sent: &Sent) -> Option<Rc<Regexp>> {
    match &sent.receiver {
        Value::Regexp(regexp) => Some(Rc::clone(regexp)),
        _ => None,
    }
}

fn own_match(sent: &Sent) -> Option<Rc<Match>> {
    match &sent.receiver {
        Value::Match(found) => Some(Rc::clone(found)),
        _ => None,
    }
}

fn finds(machine: &mut Machine, sent: &Sent) -> Result<Option<Match>, Stop> {
    let text = match sent.arg(0) {
        Value::Nil => return Ok(None),
        Value::Symbol(name) => name.to_string(),
        _ => sent.text_arg(machine, 0)?,
    };
    machine.spend(text.len() / 16, sent.span)?;
    Ok(own(sent).and_then(|regexp| regexp.find(&text.into(), 0)))
}

/// A group by number or name.
pub fn group_of(machine: &Machine, found: &Match, group: &Value, sent: &Sent) -> Outcome {
    let text = match group {
        Value::Int(number) => usize::try_from(*number).ok().and_then(|number| found.group(number)),
        Value::Text(_) | Value::Symbol(_) => {
            let name = match group {
                Value::Text(name) => name.get(),
                Value::Symbol(name) => name.to_string(),
                _ => String::new(),
            };
            let undefined =
                || Stop::raise("IndexError", format!("undefined group name reference: {name}"), sent.span);
            found.named(&name).ok_or_else(undefined)?
        }
        value => return Err(machine.wrong_type(value, "Integer", sent.span)),
    };
    Ok(Value::or_nil(text.map(Value::text)))
}

fn groups(sent: &Sent, from: usize) -> Outcome {
    let Some(found) = own_match(sent) else { return Ok(Value::Nil) };
    Ok(Value::list((from..found.len()).map(|number| Value::or_nil(found.group(number).map(Value::text)))))
}
