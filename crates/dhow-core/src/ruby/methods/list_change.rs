//! Lists: changing them in place.

use super::{MANY, Method, Sent, each, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("<<", 1, 1, push),
    method("push", 0, MANY, push),
    method("append", 0, MANY, push),
    method("unshift", 0, MANY, |machine, sent| {
        machine.spend(sent.own_list().len() / 16, sent.span)?;
        sent.own_list().change(|items| items.splice(0..0, sent.arguments.clone()).for_each(drop));
        Ok(sent.receiver.clone())
    }),
    method("prepend", 0, MANY, |machine, sent| {
        machine.send(sent.receiver.clone(), "unshift", sent.arguments.clone(), sent.span)
    }),
    plain("pop", |_, sent| Ok(Value::or_nil(sent.own_list().change(Vec::pop)))),
    plain("shift", |machine, sent| {
        machine.spend(sent.own_list().len() / 16, sent.span)?;
        let first =
            sent.own_list().change(|items| if items.is_empty() { None } else { Some(items.remove(0)) });
        Ok(Value::or_nil(first))
    }),
    method("insert", 1, MANY, |machine, sent| {
        let length = sent.own_list().len() as i128;
        let at = sent.int_arg(machine, 0)?;
        let at = if at < 0 { at + length + 1 } else { at };
        if !(0..=length).contains(&at) {
            return Err(sent.not_understood("beyond the end"));
        }
        let new = sent.arguments[1..].to_vec();
        sent.own_list().change(|items| items.splice(at as usize..at as usize, new).for_each(drop));
        Ok(sent.receiver.clone())
    }),
    method("[]=", 2, 2, |machine, sent| {
        let length = sent.own_list().len() as i128;
        let Value::Int(at) = sent.arg(0) else { return Err(sent.not_understood("with such an index")) };
        let at = if at < 0 { at + length } else { at };
        let Some(at) = usize::try_from(at).ok() else {
            return Err(Stop::raise("IndexError", "index too small for array", sent.span));
        };
        machine.afford(at.saturating_mul(8), sent.span)?;
        sent.own_list().change(|items| {
            items.resize_with(items.len().max(at + 1), || Value::Nil);
            items[at] = sent.arg(1);
        });
        Ok(sent.arg(1))
    }),
    method("delete", 1, 1, |machine, sent| {
        let mut kept = Vec::new();
        let mut deleted = Value::Nil;
        for item in sent.own_list().get() {
            if machine.equal(&item, &sent.arg(0), sent.span)? {
                deleted = item;
            } else {
                kept.push(item);
            }
        }
        sent.own_list().set(kept);
        Ok(deleted)
    }),
    method("delete_at", 1, 1, |machine, sent| {
        let at = sent.count_arg(machine, 0)?;
        let removed = sent.own_list().change(|items| (at < items.len()).then(|| items.remove(at)));
        Ok(Value::or_nil(removed))
    }),
    plain("clear", |_, sent| {
        sent.own_list().set(Vec::new());
        Ok(sent.receiver.clone())
    }),
    method("replace", 1, 1, |machine, sent| {
        let items = sent.list_arg(machine, 0)?;
        sent.own_list().set(items);
        Ok(sent.receiver.clone())
    }),
    each("map!", in_place),
    each("collect!", in_place),
    each("select!", in_place),
    each("filter!", in_place),
    each("reject!", in_place),
    each("keep_if", |machine, sent| replaced(machine, sent, "select")),
    each("delete_if", |machine, sent| replaced(machine, sent, "reject")),
    each("sort_by!", in_place),
    with_block("sort!", 0, 0, in_place),
    plain("reverse!", in_place),
    with_block("uniq!", 0, 0, in_place),
    plain("compact!", in_place),
    method("flatten!", 0, 1, in_place),
    plain("shuffle!", in_place),
];

fn push(machine: &mut Machine, sent: &Sent) -> Outcome {
    machine.afford((sent.own_list().len() + sent.arguments.len()).saturating_mul(8) / 64, sent.span)?;
    sent.own_list().change(|items| items.extend(sent.arguments.iter().cloned()));
    Ok(sent.receiver.clone())
}

/// The method without its `!`, and its result kept; `nil` if nothing changed, for those that say so.
fn in_place(machine: &mut Machine, sent: &Sent) -> Outcome {
    let before = sent.own_list().len();
    let result = replaced(machine, sent, sent.name.trim_end_matches('!'))?;
    let tells = ["uniq!", "compact!", "select!", "filter!", "reject!", "flatten!"].contains(&&*sent.name);
    Ok(if tells && sent.own_list().len() == before { Value::Nil } else { result })
}

fn replaced(machine: &mut Machine, sent: &Sent, name: &str) -> Outcome {
    let call = Sent {
        receiver: sent.receiver.clone(),
        name: name.into(),
        arguments: sent.arguments.clone(),
        block: sent.block.clone(),
        ..*sent
    };
    let new = super::send(machine, call)?;
    let items = machine.items(&new, sent.span)?;
    sent.own_list().set(items);
    Ok(sent.receiver.clone())
}
