//! Methods that wait for their block: `each_with_index.map { }`, `map.with_index(1) { }`.

use super::{Method, Sent, each, each_with, enumerable, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Enumerator, Proc, Value};
use std::cell::Cell;
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    each_with("with_index", 0, 1, |machine, sent| {
        let first = if sent.arguments.is_empty() { 0 } else { sent.int_arg(machine, 0)? };
        indexed(machine, sent, first)
    }),
    each("each_with_index", |machine, sent| indexed(machine, sent, 0)),
    each_with("with_object", 1, 1, |machine, sent| {
        let (Some(enumerator), Some(inner)) = (own(sent), sent.block.clone()) else { return Ok(Value::Nil) };
        run(machine, &enumerator, Rc::new(Proc::WithObject { inner, object: sent.arg(0) }), sent.span)?;
        Ok(sent.arg(0))
    }),
    plain("size", |machine, sent| Ok(Value::size(enumerable::own_items(machine, sent)?.len()))),
];

fn own(sent: &Sent) -> Option<Rc<Enumerator>> {
    match &sent.receiver {
        Value::Enumerator(enumerator) => Some(Rc::clone(enumerator)),
        _ => None,
    }
}

fn indexed(machine: &mut Machine, sent: &Sent, first: i128) -> Outcome {
    let (Some(enumerator), Some(inner)) = (own(sent), sent.block.clone()) else { return Ok(Value::Nil) };
    run(machine, &enumerator, Rc::new(Proc::Indexed { inner, next: Cell::new(first) }), sent.span)
}

fn run(machine: &mut Machine, enumerator: &Enumerator, block: Rc<Proc>, span: Span) -> Outcome {
    let sent = Sent {
        receiver: enumerator.receiver.clone(),
        name: enumerator.method.into(),
        arguments: enumerator.arguments.clone(),
        has_keywords: false,
        block: Some(block),
        span,
    };
    machine.deeper(span, |machine| super::send(machine, sent))
}

/// What the method would give its block.
pub fn items(machine: &mut Machine, enumerator: &Enumerator, span: Span) -> Result<Vec<Value>, Stop> {
    let block = enumerable::collecting();
    run(machine, enumerator, Rc::clone(&block), span)?;
    match &*block {
        Proc::Collecting(values) => Ok(values.take()),
        _ => Ok(Vec::new()),
    }
}
