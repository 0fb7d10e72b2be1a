//! `<`, `<=`, `between?`, `clamp` of everything that has an order.

use super::{Method, Sent, method};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::Value;
use std::cmp::Ordering;

pub const METHODS: &[Method] = &[
    method("<=>", 1, 1, |machine, sent| {
        let order = machine.order(&sent.receiver, &sent.arg(0), sent.span)?;
        Ok(Value::or_nil(order.map(|order| Value::Int(order as i128))))
    }),
    method("<", 1, 1, |machine, sent| Ok(Value::Bool(compared(machine, sent, 0)?.is_lt()))),
    method("<=", 1, 1, |machine, sent| Ok(Value::Bool(compared(machine, sent, 0)?.is_le()))),
    method(">", 1, 1, |machine, sent| Ok(Value::Bool(compared(machine, sent, 0)?.is_gt()))),
    method(">=", 1, 1, |machine, sent| Ok(Value::Bool(compared(machine, sent, 0)?.is_ge()))),
    method("between?", 2, 2, |machine, sent| {
        Ok(Value::Bool(compared(machine, sent, 0)?.is_ge() && compared(machine, sent, 1)?.is_le()))
    }),
    method("clamp", 2, 2, clamp),
];

fn compared(machine: &mut Machine, sent: &Sent, index: usize) -> Result<Ordering, Stop> {
    machine.ordered(&sent.receiver, &sent.arg(index), sent.span)
}

fn clamp(machine: &mut Machine, sent: &Sent) -> Outcome {
    if sent.arguments.iter().any(|end| matches!(end, Value::Nil)) {
        return Err(sent.not_understood("without an end"));
    }
    if machine.ordered(&sent.arg(0), &sent.arg(1), sent.span)?.is_gt() {
        return Err(sent.argument_error("min argument must be smaller than max argument"));
    }
    if compared(machine, sent, 0)?.is_lt() {
        return Ok(sent.arg(0));
    }
    Ok(if compared(machine, sent, 1)?.is_gt() { sent.arg(1) } else { sent.receiver.clone() })
}
