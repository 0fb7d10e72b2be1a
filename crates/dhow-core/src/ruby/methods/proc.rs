//! Blocks and lambdas as values.

use super::{MANY, Method, Sent, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::Outcome;
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("call", 0, MANY, call),
    method("()", 0, MANY, call),
    method("yield", 0, MANY, call),
    method("[]", 0, MANY, call),
    method("===", 0, MANY, call),
    plain("to_proc", |_, sent| Ok(sent.receiver.clone())),
];

fn call(machine: &mut Machine, sent: &Sent) -> Outcome {
    match &sent.receiver {
        Value::Proc(proc) => {
            machine.deeper(sent.span, |machine| machine.call_proc(proc, sent.arguments.clone(), sent.span))
        }
        _ => Ok(Value::Nil),
    }
}
