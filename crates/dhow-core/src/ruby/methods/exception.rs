//! What was raised.

use super::{Method, Sent, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::Outcome;
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    plain("message", message),
    plain("full_message", message),
    plain("backtrace", |_, _| Ok(Value::list([]))),
];

fn message(machine: &mut Machine, sent: &Sent) -> Outcome {
    machine.text_of(&sent.receiver, sent.span)
}
