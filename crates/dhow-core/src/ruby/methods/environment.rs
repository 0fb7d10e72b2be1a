//! `ENV`.

use super::{MANY, Method, Sent, each, hash, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{Map, Value};

pub const METHODS: &[Method] = &[
    method("[]", 1, 1, |machine, sent| {
        let name = sent.text_arg(machine, 0)?;
        Ok(Value::or_nil(machine.environment.get(&name).map(Value::text)))
    }),
    with_block("fetch", 1, 2, fetch),
    method("[]=", 2, 2, set),
    method("store", 2, 2, set),
    method("key?", 1, 1, has),
    method("has_key?", 1, 1, has),
    method("include?", 1, 1, has),
    method("member?", 1, 1, has),
    method("delete", 1, 1, |machine, sent| {
        let name = sent.text_arg(machine, 0)?;
        let value = machine.environment.get(&name).map(Value::text);
        machine.set_environment(name, None);
        Ok(Value::or_nil(value))
    }),
    method("update", 1, 1, update),
    method("merge!", 1, 1, update),
    each("each_pair", |machine, sent| {
        for pair in items(machine) {
            sent.yields(machine, pair)?;
        }
        Ok(sent.receiver.clone())
    }),
    with_block("to_h", 0, 0, as_map),
    plain("to_hash", as_map),
    plain("keys", as_map_method),
    plain("values", as_map_method),
    plain("empty?", as_map_method),
    plain("length", as_map_method),
    plain("size", as_map_method),
    method("values_at", 0, MANY, as_map_method),
    method("slice", 0, MANY, as_map_method),
    method("except", 0, MANY, as_map_method),
    method("value?", 1, 1, as_map_method),
    method("key", 1, 1, as_map_method),
    each("select", as_map_method),
    each("filter", as_map_method),
    each("reject", as_map_method),
    plain("to_s", |_, _| Ok(Value::text("ENV"))),
];

/// `[name, value]` of each, sorted by name.
pub fn items(machine: &Machine) -> Vec<Value> {
    let pairs = machine.environment.iter();
    pairs.map(|(name, value)| Value::list([Value::text(name), Value::text(value)])).collect()
}

fn map(machine: &Machine) -> Map {
    let pairs = machine.environment.iter();
    Map::new(pairs.map(|(name, value)| (Value::text(name), Value::text(value))).collect())
}

fn fetch(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = sent.text_arg(machine, 0)?;
    match (machine.environment.get(&name), &sent.block, sent.arguments.get(1)) {
        (Some(value), ..) => Ok(Value::text(value)),
        (None, Some(_), _) => sent.yields(machine, Value::text(name)),
        (None, None, Some(default)) => Ok(default.clone()),
        (None, None, None) => Err(hash::missing(machine, &Value::text(name), sent.span)),
    }
}

fn set(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = sent.text_arg(machine, 0)?;
    let value = match sent.arg(1) {
        Value::Nil => None,
        _ => Some(sent.text_arg(machine, 1)?),
    };
    machine.set_environment(name, value);
    Ok(sent.arg(1))
}

fn has(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = sent.text_arg(machine, 0)?;
    Ok(Value::Bool(machine.environment.contains_key(&name)))
}

fn update(machine: &mut Machine, sent: &Sent) -> Outcome {
    for (name, value) in sent.map_arg(machine, 0)?.get() {
        match (name, value) {
            (Value::Text(name), Value::Text(value)) => machine.set_environment(name.get(), Some(value.get())),
            (name, _) => return Err(machine.wrong_type(&name, "String", sent.span)),
        }
    }
    Ok(sent.receiver.clone())
}

fn as_map(machine: &mut Machine, sent: &Sent) -> Outcome {
    let map = Value::Map(map(machine));
    if sent.block.is_some() { on(machine, sent, map) } else { Ok(map) }
}

fn as_map_method(machine: &mut Machine, sent: &Sent) -> Outcome {
    let map = Value::Map(map(machine));
    on(machine, sent, map)
}

/// The same call of a mapping.
fn on(machine: &mut Machine, sent: &Sent, receiver: Value) -> Result<Value, Stop> {
    let (name, arguments, block) = (sent.name.clone(), sent.arguments.clone(), sent.block.clone());
    super::send(machine, Sent { receiver, name, arguments, block, ..*sent })
}
