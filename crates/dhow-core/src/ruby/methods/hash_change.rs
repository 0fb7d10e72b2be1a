//! Mappings: changing them in place.

use super::{MANY, Method, Sent, each, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{Default, Map, Value};

pub const METHODS: &[Method] = &[
    method("[]=", 2, 2, store),
    method("store", 2, 2, store),
    with_block("delete", 1, 1, |machine, sent| {
        let at = machine.position(&sent.own_map(), &sent.arg(0), sent.span)?;
        match (at, &sent.block) {
            (Some(at), _) => Ok(sent.own_map().change(|entries| entries.remove(at)).1),
            (None, Some(_)) => sent.yields(machine, sent.arg(0)),
            (None, None) => Ok(Value::Nil),
        }
    }),
    with_block("merge!", 0, MANY, update),
    with_block("update", 0, MANY, update),
    method("reverse_merge", 1, 1, |machine, sent| {
        let over = sent.own_map();
        let merged = Value::Map(Map::new(sent.map_arg(machine, 0)?.get()));
        machine.send(merged, "merge", vec![Value::Map(over)], sent.span)
    }),
    plain("clear", |_, sent| {
        sent.own_map().set(Vec::new());
        Ok(sent.receiver.clone())
    }),
    each("delete_if", |machine, sent| keep(machine, sent, false)),
    each("reject!", |machine, sent| keep(machine, sent, false)),
    each("keep_if", |machine, sent| keep(machine, sent, true)),
    each("select!", |machine, sent| keep(machine, sent, true)),
    each("transform_values!", |machine, sent| {
        for (index, (_, value)) in sent.own_map().get().into_iter().enumerate() {
            let value = sent.yields(machine, value)?;
            sent.own_map().change(|entries| {
                if let Some(entry) = entries.get_mut(index) {
                    entry.1 = value;
                }
            });
        }
        Ok(sent.receiver.clone())
    }),
    plain("compact!", |_, sent| {
        let before = sent.own_map().len();
        sent.own_map().change(|entries| entries.retain(|(_, value)| !matches!(value, Value::Nil)));
        Ok(if sent.own_map().len() == before { Value::Nil } else { sent.receiver.clone() })
    }),
    plain("shift", |_, sent| {
        let first = sent.own_map().change(|entries| (!entries.is_empty()).then(|| entries.remove(0)));
        Ok(first.map_or(Value::Nil, |(key, value)| Value::list([key, value])))
    }),
    method("default=", 1, 1, |_, sent| {
        sent.own_map().set_default(Default::Value(sent.arg(0)));
        Ok(sent.arg(0))
    }),
];

fn store(machine: &mut Machine, sent: &Sent) -> Outcome {
    machine.insert(&sent.own_map(), sent.arg(0), sent.arg(1), sent.span)?;
    Ok(sent.arg(1))
}

fn update(machine: &mut Machine, sent: &Sent) -> Outcome {
    merge_into(machine, &sent.own_map(), sent)?;
    Ok(sent.receiver.clone())
}

/// Every argument over it; a block decides where both have a key.
pub fn merge_into(machine: &mut Machine, map: &Map, sent: &Sent) -> Result<(), Stop> {
    for index in 0..sent.arguments.len() {
        for (key, value) in sent.map_arg(machine, index)?.get() {
            let known = if sent.block.is_some() { machine.find(map, &key, sent.span)? } else { None };
            let value = match known {
                Some(known) => sent.yields_all(machine, vec![key.clone(), known, value])?,
                None => value,
            };
            machine.insert(map, key, value, sent.span)?;
        }
    }
    Ok(())
}

fn keep(machine: &mut Machine, sent: &Sent, wanted: bool) -> Outcome {
    let kept = super::hash::chosen(machine, sent, wanted)?;
    let tells = sent.name.ends_with('!') && kept.len() == sent.own_map().len();
    sent.own_map().set(kept.get());
    // A method that ends in `!` answers `nil` if there was nothing to change.
    Ok(if tells { Value::Nil } else { sent.receiver.clone() })
}
