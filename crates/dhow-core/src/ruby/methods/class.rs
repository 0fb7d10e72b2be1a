//! Which table belongs to which class or module.

use super::modules;
use super::{
    Method, Sent, date, dir, dotenv, environment, erb, file, json, method, object, plain, time, uri,
    with_block, yaml,
};
use super::{enumerable, grouping};
use crate::ruby::exceptions;
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{Default, Exception, Map, Value};
use std::rc::Rc;

/// The methods of a class itself.
pub fn tables(name: &str) -> &'static [&'static [Method]] {
    match name {
        "ENV" => &[environment::METHODS, enumerable::METHODS, grouping::METHODS, object::METHODS],
        "File" => &[file::METHODS, METHODS, object::METHODS],
        "Dir" => &[dir::METHODS, METHODS, object::METHODS],
        "IO" => &[file::IO_METHODS, METHODS, object::METHODS],
        "Dotenv" => &[dotenv::METHODS, METHODS, object::METHODS],
        "YAML" => &[yaml::METHODS, METHODS, object::METHODS],
        "JSON" => &[json::METHODS, METHODS, object::METHODS],
        "ERB" => &[erb::CLASS_METHODS, METHODS, object::METHODS],
        "URI" => &[uri::CLASS_METHODS, METHODS, object::METHODS],
        "Time" => &[time::CLASS_METHODS, METHODS, object::METHODS],
        "Date" => &[date::CLASS_METHODS, METHODS, object::METHODS],
        "SecureRandom" => &[modules::RANDOM, METHODS, object::METHODS],
        "Kamal::Utils" => &[modules::KAMAL, METHODS, object::METHODS],
        "Base64" => &[modules::BASE64, METHODS, object::METHODS],
        "Shellwords" => &[modules::SHELLWORDS, METHODS, object::METHODS],
        "Math" => &[modules::MATH, METHODS, object::METHODS],
        "Regexp" => &[modules::REGEXP, METHODS, object::METHODS],
        "Gem::Specification" => &[modules::GEMS, METHODS, object::METHODS],
        "Array" | "Hash" | "String" | "Object" => &[NEW, METHODS, object::METHODS],
        name if exceptions::is_known(name) => &[EXCEPTIONS, METHODS, object::METHODS],
        _ => &[METHODS, object::METHODS],
    }
}

const METHODS: &[Method] = &[
    plain("name", |machine, sent| machine.text_of(&sent.receiver, sent.span)),
    plain("to_s", |_, sent| match sent.receiver {
        Value::Class(name) => Ok(Value::text(name)),
        _ => Ok(Value::Nil),
    }),
];

const EXCEPTIONS: &[Method] = &[with_block("new", 0, 1, exception), method("exception", 0, 1, exception)];

const NEW: &[Method] = &[with_block("new", 0, 2, new)];

fn exception(machine: &mut Machine, sent: &Sent) -> Outcome {
    let Value::Class(class) = sent.receiver else { return Ok(Value::Nil) };
    let message = match sent.arguments.first() {
        Some(message) => machine.string_of(message, sent.span)?,
        None => class.to_string(),
    };
    Ok(Value::Exception(Rc::new(Exception { class, message, is_own: true })))
}

fn new(machine: &mut Machine, sent: &Sent) -> Outcome {
    let Value::Class(class) = sent.receiver else { return Ok(Value::Nil) };
    match (class, sent.arguments.as_slice()) {
        ("String", []) => Ok(Value::text("")),
        ("String", [_]) => sent.text_arg(machine, 0).map(Value::text),
        ("Hash", []) => {
            let default = sent.block.clone().map_or(Default::Value(Value::Nil), Default::Block);
            Ok(Value::Map(Map::with_default(Vec::new(), default)))
        }
        ("Hash", [default]) => Ok(Value::Map(Map::with_default(Vec::new(), Default::Value(default.clone())))),
        ("Array", []) => Ok(Value::list([])),
        ("Array", [Value::List(list)]) => Ok(Value::list(list.get())),
        ("Array", [_, ..]) => {
            let count = sent.count_arg(machine, 0)?;
            machine.afford(count.saturating_mul(8), sent.span)?;
            let mut items = Vec::new();
            for index in 0..count {
                items.push(match sent.block {
                    Some(_) => sent.yields(machine, Value::size(index))?,
                    None => sent.arg(1),
                });
            }
            Ok(Value::list(items))
        }
        _ => Err(Stop::refuse(
            format!("{class}.new is not among the Ruby that dhow evaluates itself"),
            sent.span,
        )),
    }
}
