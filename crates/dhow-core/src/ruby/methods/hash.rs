//! Mappings: asking and making new ones.

use super::{MANY, Method, Sent, each, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::show::quoted;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Map, Value};

pub const METHODS: &[Method] = &[
    method("[]", 1, 1, |machine, sent| machine.lookup(&sent.own_map(), &sent.arg(0), sent.span)),
    method("dig", 1, MANY, dig),
    with_block("fetch", 1, 2, fetch),
    method("key?", 1, 1, has_key),
    method("has_key?", 1, 1, has_key),
    method("include?", 1, 1, has_key),
    method("member?", 1, 1, has_key),
    method("value?", 1, 1, has_value),
    method("has_value?", 1, 1, has_value),
    method("key", 1, 1, |machine, sent| {
        for (key, value) in sent.own_map().get() {
            if machine.equal(&value, &sent.arg(0), sent.span)? {
                return Ok(key);
            }
        }
        Ok(Value::Nil)
    }),
    plain("keys", |_, sent| Ok(Value::list(sent.own_map().get().into_iter().map(|(key, _)| key)))),
    plain("values", |_, sent| Ok(Value::list(sent.own_map().get().into_iter().map(|(_, value)| value)))),
    method("values_at", 0, MANY, |machine, sent| {
        let values: Result<Vec<Value>, Stop> =
            sent.arguments.iter().map(|key| machine.lookup(&sent.own_map(), key, sent.span)).collect();
        values.map(Value::list)
    }),
    method("fetch_values", 0, MANY, |machine, sent| {
        let mut values = Vec::new();
        for key in &sent.arguments {
            values.push(
                machine
                    .find(&sent.own_map(), key, sent.span)?
                    .ok_or_else(|| missing(machine, key, sent.span))?,
            );
        }
        Ok(Value::list(values))
    }),
    plain("length", |_, sent| Ok(Value::size(sent.own_map().len()))),
    plain("size", |_, sent| Ok(Value::size(sent.own_map().len()))),
    plain("empty?", |_, sent| Ok(Value::Bool(sent.own_map().len() == 0))),
    each("each_pair", |machine, sent| {
        for (key, value) in sent.own_map().get() {
            sent.yields(machine, Value::list([key, value]))?;
        }
        Ok(sent.receiver.clone())
    }),
    each("each_key", |machine, sent| {
        for (key, _) in sent.own_map().get() {
            sent.yields(machine, key)?;
        }
        Ok(sent.receiver.clone())
    }),
    each("each_value", |machine, sent| {
        for (_, value) in sent.own_map().get() {
            sent.yields(machine, value)?;
        }
        Ok(sent.receiver.clone())
    }),
    each("select", |machine, sent| chosen(machine, sent, true).map(Value::Map)),
    each("filter", |machine, sent| chosen(machine, sent, true).map(Value::Map)),
    each("reject", |machine, sent| chosen(machine, sent, false).map(Value::Map)),
    each("transform_values", |machine, sent| {
        let map = Map::new(Vec::new());
        for (key, value) in sent.own_map().get() {
            let value = sent.yields(machine, value)?;
            map.change(|entries| entries.push((key, value)));
        }
        Ok(Value::Map(map))
    }),
    each("transform_keys", |machine, sent| {
        let map = Map::new(Vec::new());
        for (key, value) in sent.own_map().get() {
            let key = sent.yields(machine, key)?;
            machine.insert(&map, key, value, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    plain("invert", |machine, sent| {
        let map = Map::new(Vec::new());
        for (key, value) in sent.own_map().get() {
            machine.insert(&map, value, key, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    with_block("merge", 0, MANY, |machine, sent| {
        let merged = Map::with_default(sent.own_map().get(), sent.own_map().default());
        super::hash_change::merge_into(machine, &merged, sent)?;
        Ok(Value::Map(merged))
    }),
    method("deep_merge", 1, 1, |machine, sent| {
        let other = sent.map_arg(machine, 0)?;
        deep_merged(machine, &sent.own_map(), &other, 0, sent.span).map(Value::Map)
    }),
    method("slice", 0, MANY, |machine, sent| {
        let map = Map::new(Vec::new());
        for key in &sent.arguments {
            if let Some(value) = machine.find(&sent.own_map(), key, sent.span)? {
                machine.insert(&map, key.clone(), value, sent.span)?;
            }
        }
        Ok(Value::Map(map))
    }),
    method("except", 0, MANY, |machine, sent| {
        let map = Map::new(Vec::new());
        for (key, value) in sent.own_map().get() {
            if !super::list::contains(machine, &sent.arguments, &key, sent.span)? {
                map.change(|entries| entries.push((key, value)));
            }
        }
        Ok(Value::Map(map))
    }),
    plain("compact", |_, sent| {
        let entries = sent.own_map().get().into_iter().filter(|(_, value)| !matches!(value, Value::Nil));
        Ok(Value::Map(Map::new(entries.collect())))
    }),
    plain("compact_blank", |machine, sent| {
        let mut kept = Vec::new();
        for (key, value) in sent.own_map().get() {
            if machine.send(value.clone(), "present?", Vec::new(), sent.span)?.is_true() {
                kept.push((key, value));
            }
        }
        Ok(Value::Map(Map::new(kept)))
    }),
    with_block("to_h", 0, 0, |machine, sent| {
        if sent.block.is_none() {
            return Ok(sent.receiver.clone());
        }
        let map = Map::new(Vec::new());
        for (key, value) in sent.own_map().get() {
            let pair = sent.yields_all(machine, vec![key, value])?;
            let (key, value) = super::grouping::pair_of(&pair, sent)?;
            machine.insert(&map, key, value, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    plain("to_hash", |_, sent| Ok(sent.receiver.clone())),
    plain("symbolize_keys", |machine, sent| {
        with_keys(machine, sent, false, |name| Value::Symbol(name.into()))
    }),
    plain("stringify_keys", |machine, sent| with_keys(machine, sent, false, Value::text)),
    plain("deep_symbolize_keys", |machine, sent| {
        with_keys(machine, sent, true, |name| Value::Symbol(name.into()))
    }),
    plain("deep_stringify_keys", |machine, sent| with_keys(machine, sent, true, Value::text)),
];

/// `dig`, of lists too.
pub fn dig(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut value = sent.receiver.clone();
    for key in &sent.arguments {
        value = match value {
            Value::Nil => return Ok(Value::Nil),
            Value::Map(map) => machine.lookup(&map, key, sent.span)?,
            Value::List(_) => machine.send(value, "[]", vec![key.clone()], sent.span)?,
            other => {
                let name = crate::ruby::show::class_name(&other);
                return Err(Stop::raise("TypeError", format!("{name} does not have #dig method"), sent.span));
            }
        };
    }
    Ok(value)
}

fn fetch(machine: &mut Machine, sent: &Sent) -> Outcome {
    match (machine.find(&sent.own_map(), &sent.arg(0), sent.span)?, &sent.block, sent.arguments.get(1)) {
        (Some(value), ..) => Ok(value),
        (None, Some(_), _) => sent.yields(machine, sent.arg(0)),
        (None, None, Some(default)) => Ok(default.clone()),
        (None, None, None) => Err(missing(machine, &sent.arg(0), sent.span)),
    }
}

/// `KeyError`.
pub fn missing(machine: &mut Machine, key: &Value, span: Span) -> Stop {
    let shown = match key {
        Value::Text(name) => quoted(&name.get()),
        key => match machine.inspected(key, span) {
            Ok(shown) => shown,
            Err(stop) => return stop,
        },
    };
    Stop::raise("KeyError", format!("key not found: {shown}"), span)
}

fn has_key(machine: &mut Machine, sent: &Sent) -> Outcome {
    Ok(Value::Bool(machine.position(&sent.own_map(), &sent.arg(0), sent.span)?.is_some()))
}

fn has_value(machine: &mut Machine, sent: &Sent) -> Outcome {
    let values: Vec<Value> = sent.own_map().get().into_iter().map(|(_, value)| value).collect();
    super::list::contains(machine, &values, &sent.arg(0), sent.span).map(Value::Bool)
}

/// Entries for which the block holds, or does not.
pub fn chosen(machine: &mut Machine, sent: &Sent, wanted: bool) -> Result<Map, Stop> {
    let mut kept = Vec::new();
    for (key, value) in sent.own_map().get() {
        if sent.yields_all(machine, vec![key.clone(), value.clone()])?.is_true() == wanted {
            kept.push((key, value));
        }
    }
    Ok(Map::new(kept))
}

fn deep_merged(machine: &mut Machine, base: &Map, over: &Map, depth: usize, span: Span) -> Result<Map, Stop> {
    if depth > 50 {
        return Err(Stop::exhausted("these mappings nest too deeply", span));
    }
    let merged = Map::new(base.get());
    for (key, value) in over.get() {
        let value = match (machine.find(&merged, &key, span)?, &value) {
            (Some(Value::Map(base)), Value::Map(over)) => {
                Value::Map(deep_merged(machine, &base, over, depth + 1, span)?)
            }
            _ => value,
        };
        machine.insert(&merged, key, value, span)?;
    }
    Ok(merged)
}

fn with_keys(machine: &mut Machine, sent: &Sent, deep: bool, key: fn(String) -> Value) -> Outcome {
    renamed(machine, &sent.receiver, deep, key, 0, sent.span)
}

fn renamed(
    machine: &mut Machine,
    value: &Value,
    deep: bool,
    key: fn(String) -> Value,
    depth: usize,
    span: Span,
) -> Outcome {
    if depth > 50 {
        return Err(Stop::exhausted("this mapping nests too deeply", span));
    }
    machine.spend(1, span)?;
    match value {
        Value::Map(map) => {
            let new = Map::new(Vec::new());
            for (name, value) in map.get() {
                let name = match name {
                    Value::Text(_) | Value::Symbol(_) => key(machine.string_of(&name, span)?),
                    name => name,
                };
                let value = if deep { renamed(machine, &value, deep, key, depth + 1, span)? } else { value };
                machine.insert(&new, name, value, span)?;
            }
            Ok(Value::Map(new))
        }
        Value::List(list) if deep => {
            let items: Result<Vec<Value>, Stop> =
                list.get().iter().map(|item| renamed(machine, item, deep, key, depth + 1, span)).collect();
            items.map(Value::list)
        }
        value => Ok(value.clone()),
    }
}
