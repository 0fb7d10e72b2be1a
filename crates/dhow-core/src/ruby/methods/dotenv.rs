//! `Dotenv`: the gem that Kamal brings along, with our reader of its files.

use super::{MANY, Method, Sent, method};
use crate::config::Document;
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::surroundings::FileKind;
use crate::ruby::value::{Map, Value};
use crate::secrets::dotenv::{self, CommandFailed};
use std::collections::BTreeMap;

pub const METHODS: &[Method] = &[
    method("load", 0, MANY, |machine, sent| load(machine, sent, false)),
    method("load!", 0, MANY, |machine, sent| load(machine, sent, false)),
    method("overload", 0, MANY, |machine, sent| load(machine, sent, true)),
    method("overload!", 0, MANY, |machine, sent| load(machine, sent, true)),
    method("parse", 0, MANY, |machine, sent| {
        let values = values(machine, sent)?;
        let entries = values.into_iter().map(|(name, value)| (Value::text(name), Value::text(value)));
        Ok(Value::Map(Map::new(entries.collect())))
    }),
    method("require_keys", 0, MANY, |machine, sent| {
        for index in 0..sent.arguments.len() {
            let name = sent.text_arg(machine, index)?;
            if !machine.environment.contains_key(&name) {
                return Err(Stop::raise(
                    "KeyError",
                    format!("Missing required configuration key: {name}"),
                    sent.span,
                ));
            }
        }
        Ok(Value::Nil)
    }),
];

/// What is set already stays, unless asked otherwise.
fn load(machine: &mut Machine, sent: &Sent, overwrites: bool) -> Outcome {
    let values = values(machine, sent)?;
    let mut entries = Vec::new();
    for (name, value) in values {
        if overwrites || !machine.environment.contains_key(&name) {
            machine.set_environment(name.clone(), Some(value.clone()));
        }
        entries.push((Value::text(name), Value::text(value)));
    }
    Ok(Value::Map(Map::new(entries)))
}

/// Of all files; of two values of a name the first counts, or the last where they overwrite.
fn values(machine: &mut Machine, sent: &Sent) -> Result<BTreeMap<String, String>, Stop> {
    let flat = machine.send(Value::list(sent.positions().to_vec()), "flatten", Vec::new(), sent.span)?;
    let mut paths = machine.items(&flat, sent.span)?;
    if paths.is_empty() {
        paths.push(Value::text(".env"));
    }
    let mut values = BTreeMap::new();
    for path in paths {
        let path = machine.string_of(&path, sent.span)?;
        for (name, value) in file(machine, &path, sent)? {
            if sent.name.starts_with("overload") {
                values.insert(name, value);
            } else {
                values.entry(name).or_insert(value);
            }
        }
    }
    Ok(values)
}

/// A file that is not there is passed over, but not by `load!`.
fn file(machine: &mut Machine, path: &str, sent: &Sent) -> Result<Vec<(String, String)>, Stop> {
    let is_missing = machine.surroundings.kind(path) != Some(FileKind::File);
    if is_missing && !sent.name.ends_with('!') {
        return Ok(Vec::new());
    }
    let text = machine.file(path, sent.span)?;
    let document = Document { path: path.to_string(), text };
    let environment = machine.environment.clone();
    let surroundings = machine.surroundings;
    let mut run = |command: &str| match surroundings.run(command, &environment) {
        Ok(ran) => Ok(ran.printed),
        Err(status) => Err(CommandFailed { status, stderr: String::new() }),
    };
    let values = dotenv::parse(&document, &environment, &mut run);
    let values = values.map_err(|error| Stop::raise("ArgumentError", error.to_string(), sent.span))?;
    Ok(values.into_iter().map(|(name, value)| (name, value.reveal().to_string())).collect())
}
