//! Symbols.

use super::{Method, Sent, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::Outcome;
use crate::ruby::value::{Proc, Value};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    plain("to_sym", |_, sent| Ok(sent.receiver.clone())),
    plain("name", |machine, sent| machine.text_of(&sent.receiver, sent.span)),
    plain("id2name", |machine, sent| machine.text_of(&sent.receiver, sent.span)),
    plain("to_proc", |machine, sent| {
        let name = machine.string_of(&sent.receiver, sent.span)?;
        Ok(Value::Proc(Rc::new(Proc::Method(name.into()))))
    }),
    plain("length", as_text),
    plain("size", as_text),
    plain("empty?", as_text),
    method("[]", 1, 2, as_text),
    method("start_with?", 1, 9, as_text),
    method("end_with?", 1, 9, as_text),
    method("match?", 1, 1, as_text),
    plain("upcase", as_symbol),
    plain("downcase", as_symbol),
    plain("capitalize", as_symbol),
];

fn as_text(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = machine.text_of(&sent.receiver, sent.span)?;
    machine.send(text, &sent.name, sent.arguments.clone(), sent.span)
}

fn as_symbol(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = as_text(machine, sent)?;
    Ok(Value::Symbol(machine.string_of(&text, sent.span)?.into()))
}
