//! What lists, mappings and ranges share: sorting, grouping, adding up, turning into mappings.

use super::enumerable::own_items;
use super::list::contains;
use super::{Method, Sent, each, each_with, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Map, Value};
use std::cmp::Ordering;

pub const METHODS: &[Method] = &[
    with_block("sort", 0, 0, |machine, sent| {
        let items = own_items(machine, sent)?;
        let compare = |machine: &mut Machine, a: &Value, b: &Value| match &sent.block {
            None => machine.ordered(a, b, sent.span),
            Some(_) => {
                let order = sent.yields_all(machine, vec![a.clone(), b.clone()])?;
                machine.ordered(&order, &Value::Int(0), sent.span)
            }
        };
        sorted(machine, items, compare).map(Value::list)
    }),
    each("sort_by", |machine, sent| {
        let keyed = keyed(machine, sent)?;
        let sorted = sorted(machine, keyed, |machine, a, b| compare_keys(machine, a, b, sent.span))?;
        Ok(Value::list(sorted.iter().map(value_of)))
    }),
    with_block("min", 0, 1, |machine, sent| extreme(machine, sent, Ordering::Less)),
    with_block("max", 0, 1, |machine, sent| extreme(machine, sent, Ordering::Greater)),
    each("min_by", |machine, sent| extreme_by(machine, sent, Ordering::Less)),
    each("max_by", |machine, sent| extreme_by(machine, sent, Ordering::Greater)),
    plain("minmax", |machine, sent| {
        let (least, most) =
            (extreme(machine, sent, Ordering::Less)?, extreme(machine, sent, Ordering::Greater)?);
        Ok(Value::list([least, most]))
    }),
    with_block("sum", 0, 1, |machine, sent| {
        let mut sum = if sent.arguments.is_empty() { Value::Int(0) } else { sent.arg(0) };
        for item in own_items(machine, sent)? {
            let item = if sent.block.is_some() { sent.yields(machine, item)? } else { item };
            sum = machine.send(sum, "+", vec![item], sent.span)?;
        }
        Ok(sum)
    }),
    with_block("inject", 0, 2, inject),
    with_block("reduce", 0, 2, inject),
    with_block("uniq", 0, 0, |machine, sent| {
        let (mut keys, mut kept) = (Vec::new(), Vec::new());
        for item in own_items(machine, sent)? {
            let key = if sent.block.is_some() { sent.yields(machine, item.clone())? } else { item.clone() };
            if !contains(machine, &keys, &key, sent.span)? {
                keys.push(key);
                kept.push(item);
            }
        }
        Ok(Value::list(kept))
    }),
    each("group_by", |machine, sent| {
        let groups = Map::new(Vec::new());
        for item in own_items(machine, sent)? {
            let key = sent.yields(machine, item.clone())?;
            match machine.find(&groups, &key, sent.span)? {
                Some(Value::List(group)) => group.change(|items| items.push(item)),
                _ => machine.insert(&groups, key, Value::list([item]), sent.span)?,
            }
        }
        Ok(Value::Map(groups))
    }),
    each("index_by", |machine, sent| {
        let map = Map::new(Vec::new());
        for item in own_items(machine, sent)? {
            let key = sent.yields(machine, item.clone())?;
            machine.insert(&map, key, item, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    with_block("index_with", 0, 1, |machine, sent| {
        let map = Map::new(Vec::new());
        for item in own_items(machine, sent)? {
            let value = if sent.block.is_some() { sent.yields(machine, item.clone())? } else { sent.arg(0) };
            machine.insert(&map, item, value, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    plain("tally", |machine, sent| {
        let map = Map::new(Vec::new());
        for item in own_items(machine, sent)? {
            let count = match machine.find(&map, &item, sent.span)? {
                Some(Value::Int(count)) => count,
                _ => 0,
            };
            machine.insert(&map, item, Value::Int(count + 1), sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    each("partition", |machine, sent| {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for item in own_items(machine, sent)? {
            let holds = sent.yields(machine, item.clone())?.is_true();
            if holds { yes.push(item) } else { no.push(item) }
        }
        Ok(Value::list([Value::list(yes), Value::list(no)]))
    }),
    each_with("each_slice", 1, 1, |machine, sent| {
        let size = sent.count_arg(machine, 0)?;
        if size == 0 {
            return Err(sent.argument_error("invalid slice size"));
        }
        for part in own_items(machine, sent)?.chunks(size) {
            sent.yields(machine, Value::list(part.to_vec()))?;
        }
        Ok(sent.receiver.clone())
    }),
    each_with("each_cons", 1, 1, |machine, sent| {
        let size = sent.count_arg(machine, 0)?;
        if size == 0 {
            return Err(sent.argument_error("invalid size"));
        }
        for part in own_items(machine, sent)?.windows(size) {
            machine.spend(size / 8, sent.span)?;
            sent.yields(machine, Value::list(part.to_vec()))?;
        }
        Ok(sent.receiver.clone())
    }),
    with_block("to_h", 0, 0, |machine, sent| {
        let map = Map::new(Vec::new());
        for item in own_items(machine, sent)? {
            let pair = if sent.block.is_some() { sent.yields(machine, item)? } else { item };
            let (key, value) = pair_of(&pair, sent)?;
            machine.insert(&map, key, value, sent.span)?;
        }
        Ok(Value::Map(map))
    }),
    method("pluck", 1, 1, |machine, sent| {
        let mut values = Vec::new();
        for item in own_items(machine, sent)? {
            values.push(machine.send(item, "[]", vec![sent.arg(0)], sent.span)?);
        }
        Ok(Value::list(values))
    }),
];

/// A merge sort: a comparison may fail, or be odd, and must not do harm.
fn sorted(
    machine: &mut Machine,
    mut items: Vec<Value>,
    compare: impl Fn(&mut Machine, &Value, &Value) -> Result<Ordering, Stop> + Copy,
) -> Result<Vec<Value>, Stop> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let left = sorted(machine, items, compare)?;
    let right = sorted(machine, right, compare)?;
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    let mut merged = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(machine, a, b)?.is_le() { left.next() } else { right.next() };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

/// Each item as `[key, item]`.
fn keyed(machine: &mut Machine, sent: &Sent) -> Result<Vec<Value>, Stop> {
    let mut keyed = Vec::new();
    for item in own_items(machine, sent)? {
        keyed.push(Value::list([sent.yields(machine, item.clone())?, item]));
    }
    Ok(keyed)
}

fn part(pair: &Value, index: usize) -> Value {
    match pair {
        Value::List(list) => Value::or_nil(list.at(index)),
        _ => Value::Nil,
    }
}

fn value_of(keyed: &Value) -> Value {
    part(keyed, 1)
}

fn compare_keys(machine: &mut Machine, a: &Value, b: &Value, span: Span) -> Result<Ordering, Stop> {
    machine.ordered(&part(a, 0), &part(b, 0), span)
}

fn extreme(machine: &mut Machine, sent: &Sent, wanted: Ordering) -> Outcome {
    if sent.block.is_some() || !sent.arguments.is_empty() {
        return Err(sent.not_understood("with an argument or a block"));
    }
    let mut best: Option<Value> = None;
    for item in own_items(machine, sent)? {
        let is_better = match &best {
            Some(best) => machine.ordered(&item, best, sent.span)? == wanted,
            None => true,
        };
        best = if is_better { Some(item) } else { best };
    }
    Ok(Value::or_nil(best))
}

fn extreme_by(machine: &mut Machine, sent: &Sent, wanted: Ordering) -> Outcome {
    let mut best: Option<Value> = None;
    for pair in keyed(machine, sent)? {
        let is_better = match &best {
            Some(best) => compare_keys(machine, &pair, best, sent.span)? == wanted,
            None => true,
        };
        best = if is_better { Some(pair) } else { best };
    }
    Ok(best.map_or(Value::Nil, |pair| value_of(&pair)))
}

/// `inject(:+)`, `inject(1) { }`, `inject(1, :+)`, `inject { }`.
fn inject(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut items = own_items(machine, sent)?.into_iter();
    let (start, operator) = match (sent.arguments.as_slice(), &sent.block) {
        ([Value::Symbol(name)], None) => (None, Some(name.clone())),
        ([start, Value::Symbol(name)], None) => (Some(start.clone()), Some(name.clone())),
        ([start], Some(_)) => (Some(start.clone()), None),
        ([], Some(_)) => (None, None),
        _ => return Err(sent.not_understood("with such arguments")),
    };
    let mut result = start.or_else(|| items.next()).unwrap_or(Value::Nil);
    for item in items {
        result = match &operator {
            Some(name) => machine.send(result, name, vec![item], sent.span)?,
            None => sent.yields_all(machine, vec![result, item])?,
        };
    }
    Ok(result)
}

/// A list of two.
pub fn pair_of(value: &Value, sent: &Sent) -> Result<(Value, Value), Stop> {
    match value {
        Value::List(list) if list.len() == 2 => Ok((part(value, 0), part(value, 1))),
        _ => Err(Stop::raise("TypeError", "wrong element type (expected array of two)", sent.span)),
    }
}
