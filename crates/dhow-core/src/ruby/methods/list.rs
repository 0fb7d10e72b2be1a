//! Lists: asking and making new ones. What they share with mappings and ranges is in `enumerable`.

use super::{MANY, Method, Sent, each, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Text, Value};

pub const METHODS: &[Method] = &[
    plain("to_a", |_, sent| Ok(sent.receiver.clone())),
    plain("to_ary", |_, sent| Ok(sent.receiver.clone())),
    plain("length", |_, sent| Ok(Value::size(sent.own_list().len()))),
    plain("size", |_, sent| Ok(Value::size(sent.own_list().len()))),
    plain("empty?", |_, sent| Ok(Value::Bool(sent.own_list().len() == 0))),
    method("<=>", 1, 1, |machine, sent| {
        let order = machine.order(&sent.receiver, &sent.arg(0), sent.span)?;
        Ok(Value::or_nil(order.map(|order| Value::Int(order as i128))))
    }),
    method("[]", 1, 2, slice),
    method("slice", 1, 2, slice),
    method("at", 1, 1, slice),
    method("dig", 1, MANY, super::hash::dig),
    with_block("fetch", 1, 2, fetch),
    method("values_at", 0, MANY, |machine, sent| {
        let mut values = Vec::new();
        for index in 0..sent.arguments.len() {
            if let Value::Range(_) = sent.arg(index) {
                return Err(sent.not_understood("of a range"));
            }
            let at = sent.int_arg(machine, index)?;
            values.push(Value::or_nil(element(&sent.own_list().get(), at)));
        }
        Ok(Value::list(values))
    }),
    method("last", 0, 1, |machine, sent| {
        let items = sent.own_list().get();
        if sent.arguments.is_empty() {
            return Ok(Value::or_nil(items.last().cloned()));
        }
        let count = sent.count_arg(machine, 0)?;
        Ok(Value::list(items[items.len().saturating_sub(count)..].to_vec()))
    }),
    method("+", 1, 1, |machine, sent| {
        let mut items = sent.own_list().get();
        items.extend(sent.list_arg(machine, 0)?);
        machine.afford(items.len() * 8, sent.span)?;
        Ok(Value::list(items))
    }),
    method("concat", 0, MANY, |machine, sent| {
        for index in 0..sent.arguments.len() {
            let items = sent.list_arg(machine, index)?;
            machine.afford((sent.own_list().len() + items.len()) * 8, sent.span)?;
            sent.own_list().change(|list| list.extend(items));
        }
        Ok(sent.receiver.clone())
    }),
    method("-", 1, 1, |machine, sent| {
        let others = sent.list_arg(machine, 0)?;
        filtered(machine, sent, |machine, item| Ok(!contains(machine, &others, item, sent.span)?))
    }),
    method("difference", 1, 1, |machine, sent| {
        let others = sent.list_arg(machine, 0)?;
        filtered(machine, sent, |machine, item| Ok(!contains(machine, &others, item, sent.span)?))
    }),
    method("without", 1, MANY, |machine, sent| {
        filtered(machine, sent, |machine, item| Ok(!contains(machine, &sent.arguments, item, sent.span)?))
    }),
    method("&", 1, 1, |machine, sent| {
        let others = sent.list_arg(machine, 0)?;
        let both = filtered(machine, sent, |machine, item| contains(machine, &others, item, sent.span))?;
        machine.send(both, "uniq", Vec::new(), sent.span)
    }),
    method("|", 1, 1, |machine, sent| {
        let mut items = sent.own_list().get();
        items.extend(sent.list_arg(machine, 0)?);
        machine.send(Value::list(items), "uniq", Vec::new(), sent.span)
    }),
    method("*", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Text(by) => joined(machine, &sent.own_list().get(), &by.get(), sent.span).map(Value::text),
        _ => {
            let count = sent.count_arg(machine, 0)?;
            let items = sent.own_list().get();
            machine.afford(items.len().saturating_mul(count).saturating_mul(8), sent.span)?;
            Ok(Value::list((0..count).flat_map(|_| items.clone())))
        }
    }),
    method("join", 0, 1, |machine, sent| {
        let by = match sent.arg(0) {
            Value::Nil => String::new(),
            _ => sent.text_arg(machine, 0)?,
        };
        joined(machine, &sent.own_list().get(), &by, sent.span).map(Value::text)
    }),
    plain("reverse", |_, sent| Ok(Value::list(sent.own_list().get().into_iter().rev()))),
    method("rotate", 0, 1, |machine, sent| {
        let mut items = sent.own_list().get();
        let by = if sent.arguments.is_empty() { 1 } else { sent.int_arg(machine, 0)? };
        if !items.is_empty() {
            let length = items.len() as i128;
            items.rotate_left(by.rem_euclid(length) as usize);
        }
        Ok(Value::list(items))
    }),
    plain("compact", |_, sent| {
        Ok(Value::list(sent.own_list().get().into_iter().filter(|item| !matches!(item, Value::Nil))))
    }),
    plain("shelljoin", |machine, sent| {
        let mut words = Vec::new();
        for item in sent.own_list().get() {
            words.push(super::string::shell_escaped(&machine.string_of(&item, sent.span)?));
        }
        machine.new_text(words.join(" "), sent.span)
    }),
    plain("compact_blank", |machine, sent| {
        filtered(machine, sent, |machine, item| {
            Ok(machine.send(item.clone(), "present?", Vec::new(), sent.span)?.is_true())
        })
    }),
    method("flatten", 0, 1, |machine, sent| {
        let depth = match sent.arg(0) {
            Value::Nil | Value::Int(..0) => usize::MAX,
            _ => sent.count_arg(machine, 0)?,
        };
        let mut flat = Vec::new();
        flatten(machine, &sent.own_list().get(), depth, 0, &mut flat, sent.span)?;
        Ok(Value::list(flat))
    }),
    with_block("index", 0, 1, super::enumerable::find_index),
    method("product", 1, 1, |machine, sent| {
        let (left, right) = (sent.own_list().get(), sent.list_arg(machine, 0)?);
        machine.afford(left.len().saturating_mul(right.len()).saturating_mul(16), sent.span)?;
        let pairs = left.iter().flat_map(|a| right.iter().map(move |b| Value::list([a.clone(), b.clone()])));
        Ok(Value::list(pairs))
    }),
    plain("transpose", |machine, sent| {
        let mut rows = Vec::new();
        for row in sent.own_list().get() {
            rows.push(machine.items(&row, sent.span)?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(Stop::raise("IndexError", "element size differs", sent.span));
        }
        Ok(Value::list((0..width).map(|column| Value::list(rows.iter().map(|row| row[column].clone())))))
    }),
    plain("sample", |machine, sent| {
        let items = sent.own_list().get();
        let at = machine.random_below(items.len(), sent.span)?;
        Ok(Value::or_nil(items.get(at).cloned()))
    }),
    plain("shuffle", |machine, sent| {
        let mut items = sent.own_list().get();
        for index in (1..items.len()).rev() {
            let other = machine.random_below(index + 1, sent.span)?;
            items.swap(index, other);
        }
        Ok(Value::list(items))
    }),
    method("assoc", 1, 1, |machine, sent| {
        for item in sent.own_list().get() {
            if let Value::List(pair) = &item
                && let Some(key) = pair.at(0)
                && machine.equal(&key, &sent.arg(0), sent.span)?
            {
                return Ok(item);
            }
        }
        Ok(Value::Nil)
    }),
    each("each_index", |machine, sent| {
        for index in 0..sent.own_list().len() {
            sent.yields(machine, Value::size(index))?;
        }
        Ok(sent.receiver.clone())
    }),
];

/// Where a part starts and how long it is; `None` outside.
pub fn bounds(
    machine: &Machine,
    at: &Value,
    length: Option<&Value>,
    size: usize,
    sent: &Sent,
) -> Result<Option<(usize, usize)>, Stop> {
    let size = size as i128;
    let from_end = |at: i128| if at < 0 { at.saturating_add(size) } else { at };
    let whole = |value: &Value| match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(*number as i128),
        value => Err(machine.wrong_type(value, "Integer", sent.span)),
    };
    let (start, length) = match (at, length) {
        (Value::Range(range), None) => {
            let start = if matches!(range.from, Value::Nil) { 0 } else { from_end(whole(&range.from)?) };
            let end = if matches!(range.to, Value::Nil) { size } else { from_end(whole(&range.to)?) };
            let is_open = matches!(range.to, Value::Nil) || range.excludes_end;
            (start, (end - start).saturating_add(i128::from(!is_open)).max(0))
        }
        (at, Some(length)) => (from_end(whole(at)?), whole(length)?),
        (at, None) => (from_end(whole(at)?), 1),
    };
    if start < 0 || start > size || length < 0 {
        return Ok(None);
    }
    Ok(Some((start as usize, length.min(size - start) as usize)))
}

/// By index, counted from the end if negative.
fn element(items: &[Value], at: i128) -> Option<Value> {
    let at = if at < 0 { at.checked_add(items.len() as i128)? } else { at };
    usize::try_from(at).ok().and_then(|at| items.get(at)).cloned()
}

fn slice(machine: &mut Machine, sent: &Sent) -> Outcome {
    let list = sent.own_list();
    let at = match sent.arg(0) {
        Value::Float(at) => Value::Int(at as i128),
        at => at,
    };
    if let (Value::Int(at), None) = (at, sent.arguments.get(1)) {
        let at = if at < 0 { at.saturating_add(list.len() as i128) } else { at };
        return Ok(Value::or_nil(usize::try_from(at).ok().and_then(|at| list.at(at))));
    }
    let items = list.get();
    let part = bounds(machine, &sent.arg(0), sent.arguments.get(1), items.len(), sent)?;
    Ok(Value::or_nil(part.map(|(start, length)| Value::list(items[start..start + length].to_vec()))))
}

fn fetch(machine: &mut Machine, sent: &Sent) -> Outcome {
    let (items, at) = (sent.own_list().get(), sent.int_arg(machine, 0)?);
    match (element(&items, at), sent.arguments.get(1), &sent.block) {
        (Some(item), ..) => Ok(item),
        (None, _, Some(_)) => sent.yields(machine, Value::Int(at)),
        (None, Some(default), None) => Ok(default.clone()),
        (None, None, None) => {
            let size = items.len();
            let message = format!("index {at} outside of array bounds: -{size}...{size}");
            Err(Stop::raise("IndexError", message, sent.span))
        }
    }
}

fn filtered(
    machine: &mut Machine,
    sent: &Sent,
    keeps: impl Fn(&mut Machine, &Value) -> Result<bool, Stop>,
) -> Outcome {
    let mut kept = Vec::new();
    for item in sent.own_list().get() {
        if keeps(machine, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

/// `include?`.
pub fn contains(machine: &mut Machine, items: &[Value], value: &Value, span: Span) -> Result<bool, Stop> {
    for item in items {
        machine.spend(1, span)?;
        if machine.equal(item, value, span)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists in the list are joined too.
pub fn joined(machine: &mut Machine, items: &[Value], by: &str, span: Span) -> Result<String, Stop> {
    let mut flat = Vec::new();
    flatten(machine, items, usize::MAX, 0, &mut flat, span)?;
    let result = Text::new("");
    for (index, item) in flat.iter().enumerate() {
        machine.append(&result, if index > 0 { by } else { "" }, span)?;
        let piece = machine.string_of(item, span)?;
        machine.append(&result, &piece, span)?;
    }
    Ok(result.get())
}

fn flatten(
    machine: &mut Machine,
    items: &[Value],
    levels: usize,
    depth: usize,
    flat: &mut Vec<Value>,
    span: Span,
) -> Result<(), Stop> {
    if depth > 50 {
        return Err(Stop::raise("ArgumentError", "tried to flatten recursive array", span));
    }
    for item in items {
        machine.spend(1, span)?;
        match item {
            Value::List(list) if levels > 0 => {
                flatten(machine, &list.get(), levels.saturating_sub(1), depth + 1, flat, span)?;
            }
            item => flat.push(item.clone()),
        }
    }
    Ok(())
}
