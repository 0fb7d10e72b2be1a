//! What lists, mappings and ranges share: going through, choosing, finding.

use super::list::contains;
use super::{MANY, Method, Sent, each, each_with, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{Proc, Value};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    each("each", |machine, sent| {
        for item in own_items(machine, sent)? {
            sent.yields(machine, item)?;
        }
        Ok(sent.receiver.clone())
    }),
    each("each_entry", |machine, sent| {
        for item in own_items(machine, sent)? {
            sent.yields(machine, item)?;
        }
        Ok(sent.receiver.clone())
    }),
    each("reverse_each", |machine, sent| {
        for item in own_items(machine, sent)?.into_iter().rev() {
            sent.yields(machine, item)?;
        }
        Ok(sent.receiver.clone())
    }),
    each("each_with_index", |machine, sent| {
        for (index, item) in own_items(machine, sent)?.into_iter().enumerate() {
            sent.yields_all(machine, vec![item, Value::size(index)])?;
        }
        Ok(sent.receiver.clone())
    }),
    each_with("each_with_object", 1, 1, |machine, sent| {
        for item in own_items(machine, sent)? {
            sent.yields_all(machine, vec![item, sent.arg(0)])?;
        }
        Ok(sent.arg(0))
    }),
    each("map", mapped),
    each("collect", mapped),
    each("flat_map", flat_mapped),
    each("collect_concat", flat_mapped),
    each("filter_map", |machine, sent| {
        let mut kept = Vec::new();
        for item in own_items(machine, sent)? {
            let value = sent.yields(machine, item)?;
            kept.extend(value.is_true().then_some(value));
        }
        Ok(Value::list(kept))
    }),
    each("select", |machine, sent| chosen(machine, sent, true)),
    each("filter", |machine, sent| chosen(machine, sent, true)),
    each("find_all", |machine, sent| chosen(machine, sent, true)),
    each("reject", |machine, sent| chosen(machine, sent, false)),
    with_block("grep", 1, 1, |machine, sent| grep(machine, sent, true)),
    with_block("grep_v", 1, 1, |machine, sent| grep(machine, sent, false)),
    each("find", found),
    each("detect", found),
    with_block("find_index", 0, 1, find_index),
    method("first", 0, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        match sent.arguments.is_empty() {
            true => Ok(Value::or_nil(items.into_iter().next())),
            false => Ok(Value::list(items.into_iter().take(sent.count_arg(machine, 0)?))),
        }
    }),
    method("take", 1, 1, |machine, sent| {
        let count = sent.count_arg(machine, 0)?;
        Ok(Value::list(own_items(machine, sent)?.into_iter().take(count)))
    }),
    method("drop", 1, 1, |machine, sent| {
        let count = sent.count_arg(machine, 0)?;
        Ok(Value::list(own_items(machine, sent)?.into_iter().skip(count)))
    }),
    each("take_while", |machine, sent| {
        let items = own_items(machine, sent)?;
        let end = end_of_run(machine, sent, &items)?;
        Ok(Value::list(items[..end].to_vec()))
    }),
    each("drop_while", |machine, sent| {
        let items = own_items(machine, sent)?;
        let end = end_of_run(machine, sent, &items)?;
        Ok(Value::list(items[end..].to_vec()))
    }),
    with_block("any?", 0, 1, |machine, sent| {
        count(machine, sent, Some(1)).map(|count| Value::Bool(count > 0))
    }),
    with_block("none?", 0, 1, |machine, sent| {
        count(machine, sent, Some(1)).map(|count| Value::Bool(count == 0))
    }),
    with_block("one?", 0, 1, |machine, sent| {
        count(machine, sent, Some(2)).map(|count| Value::Bool(count == 1))
    }),
    with_block("many?", 0, 0, |machine, sent| {
        count(machine, sent, Some(2)).map(|count| Value::Bool(count > 1))
    }),
    with_block("all?", 0, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        for item in items {
            if !holds(machine, sent, item)? {
                return Ok(Value::Bool(false));
            }
        }
        Ok(Value::Bool(true))
    }),
    with_block("count", 0, 1, |machine, sent| match (&sent.block, sent.arguments.is_empty()) {
        (None, true) => Ok(Value::size(own_items(machine, sent)?.len())),
        (_, true) => count(machine, sent, None).map(Value::size),
        (_, false) => {
            let mut found = 0;
            for item in own_items(machine, sent)? {
                found += usize::from(machine.equal(&item, &sent.arg(0), sent.span)?);
            }
            Ok(Value::size(found))
        }
    }),
    method("include?", 1, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        contains(machine, &items, &sent.arg(0), sent.span).map(Value::Bool)
    }),
    method("member?", 1, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        contains(machine, &items, &sent.arg(0), sent.span).map(Value::Bool)
    }),
    method("exclude?", 1, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        contains(machine, &items, &sent.arg(0), sent.span).map(|found| Value::Bool(!found))
    }),
    plain("to_a", |machine, sent| own_items(machine, sent).map(Value::list)),
    plain("entries", |machine, sent| own_items(machine, sent).map(Value::list)),
    plain("to_set", |_, sent| Err(sent.not_understood("(a set)"))),
    plain("lazy", |_, sent| Err(sent.not_understood("(an enumerator that waits)"))),
    method("zip", 1, MANY, |machine, sent| {
        let mut others = Vec::new();
        for other in &sent.arguments {
            others.push(machine.items(other, sent.span)?);
        }
        let rows = own_items(machine, sent)?.into_iter().enumerate().map(|(index, item)| {
            let rest = others.iter().map(|other| Value::or_nil(other.get(index).cloned()));
            Value::list(std::iter::once(item).chain(rest))
        });
        Ok(Value::list(rows))
    }),
    with_block("cycle", 0, 1, |machine, sent| {
        let items = own_items(machine, sent)?;
        let times = if sent.arguments.is_empty() { usize::MAX } else { sent.count_arg(machine, 0)? };
        for _ in 0..if items.is_empty() { 0 } else { times } {
            for item in &items {
                sent.yields(machine, item.clone())?;
            }
        }
        Ok(Value::Nil)
    }),
];

/// What the receiver goes through.
pub fn own_items(machine: &mut Machine, sent: &Sent) -> Result<Vec<Value>, Stop> {
    machine.items(&sent.receiver, sent.span)
}

fn mapped(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut values = Vec::new();
    for item in own_items(machine, sent)? {
        values.push(sent.yields(machine, item)?);
    }
    Ok(Value::list(values))
}

fn flat_mapped(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut values = Vec::new();
    for item in own_items(machine, sent)? {
        match sent.yields(machine, item)? {
            Value::List(list) => values.extend(list.get()),
            value => values.push(value),
        }
        machine.afford(values.len().saturating_mul(8) / 64, sent.span)?;
    }
    Ok(Value::list(values))
}

fn chosen(machine: &mut Machine, sent: &Sent, wanted: bool) -> Outcome {
    let mut kept = Vec::new();
    for item in own_items(machine, sent)? {
        if sent.yields(machine, item.clone())?.is_true() == wanted {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn grep(machine: &mut Machine, sent: &Sent, wanted: bool) -> Outcome {
    let mut kept = Vec::new();
    for item in own_items(machine, sent)? {
        if machine.case_equal(&sent.arg(0), &item, sent.span)? == wanted {
            kept.push(if sent.block.is_some() { sent.yields(machine, item)? } else { item });
        }
    }
    Ok(Value::list(kept))
}

fn found(machine: &mut Machine, sent: &Sent) -> Outcome {
    for item in own_items(machine, sent)? {
        if sent.yields(machine, item.clone())?.is_true() {
            return Ok(item);
        }
    }
    Ok(Value::Nil)
}

/// `index`, by value or by block.
pub fn find_index(machine: &mut Machine, sent: &Sent) -> Outcome {
    if sent.arguments.is_empty() && sent.block.is_none() {
        return Err(sent.not_understood("without a block"));
    }
    for (index, item) in own_items(machine, sent)?.into_iter().enumerate() {
        let fits = match sent.arguments.first() {
            Some(value) => machine.equal(&item, value, sent.span)?,
            None => sent.yields(machine, item)?.is_true(),
        };
        if fits {
            return Ok(Value::size(index));
        }
    }
    Ok(Value::Nil)
}

/// For `any?` and the like: by pattern, by block, or by itself.
fn holds(machine: &mut Machine, sent: &Sent, item: Value) -> Result<bool, Stop> {
    match (sent.arguments.first(), &sent.block) {
        (Some(pattern), _) => machine.case_equal(pattern, &item, sent.span),
        (None, Some(_)) => Ok(sent.yields(machine, item)?.is_true()),
        (None, None) => Ok(item.is_true()),
    }
}

/// How many hold, at most so many.
fn count(machine: &mut Machine, sent: &Sent, enough: Option<usize>) -> Result<usize, Stop> {
    let mut found = 0;
    for item in own_items(machine, sent)? {
        found += usize::from(holds(machine, sent, item)?);
        if Some(found) == enough {
            break;
        }
    }
    Ok(found)
}

fn end_of_run(machine: &mut Machine, sent: &Sent, items: &[Value]) -> Result<usize, Stop> {
    for (index, item) in items.iter().enumerate() {
        if !sent.yields(machine, item.clone())?.is_true() {
            return Ok(index);
        }
    }
    Ok(items.len())
}

/// A block that keeps what it is given.
pub fn collecting() -> Rc<Proc> {
    Rc::new(Proc::Collecting(std::cell::RefCell::default()))
}
