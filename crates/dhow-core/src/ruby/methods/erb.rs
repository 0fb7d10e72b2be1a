//! `ERB`: templates in templates.

use super::{Method, Sent, method};
use crate::ruby::machine::Machine;
use crate::ruby::machine::Scope;
use crate::ruby::parse::parse;
use crate::ruby::stop::{Outcome, Refusal, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::template::{Template, Trim};
use crate::ruby::value::{ErbTemplate, Value};
use std::rc::Rc;

pub const CLASS_METHODS: &[Method] = &[method("new", 1, 2, |machine, sent| {
    let text = sent.text_arg(machine, 0)?;
    let trims = match sent.option("trim_mode") {
        None | Some(Value::Nil) => false,
        Some(Value::Text(mode)) if mode.is("-") => true,
        Some(_) => return Err(sent.not_understood("with this trim mode")),
    };
    Ok(Value::Template(Rc::new(ErbTemplate { text, trims })))
})];

pub const METHODS: &[Method] = &[method("result", 0, 1, |machine, sent| match &sent.receiver {
    Value::Template(template) => result(machine, template, sent),
    _ => Ok(Value::Nil),
})];

/// With a binding the template sees the variables around it, without one it has its own.
fn result(machine: &mut Machine, template: &ErbTemplate, sent: &Sent) -> Outcome {
    let trim = if template.trims { Trim::Dash } else { Trim::None };
    let compiled = Template::compile(&template.text, trim);
    machine.spend(compiled.program.len() / 4, sent.span)?;
    let program = parse(&compiled.program).map_err(|error| {
        Stop::raise("SyntaxError", format!("in the inner template: {}", error.problem), sent.span)
    })?;
    let scope = if sent.arguments.is_empty() { Rc::default() } else { Scope::inside(&machine.scope) };
    let outer = std::mem::replace(&mut machine.scope, scope);
    machine.nested += 1;
    let outcome = machine.deeper(sent.span, |machine| machine.evaluate(&program));
    machine.nested -= 1;
    machine.scope = outer;
    outcome.map_err(|stop| at(stop, sent.span))
}

/// Places in the inner template mean nothing outside of it.
fn at(stop: Stop, span: Span) -> Stop {
    match stop {
        Stop::Raised(raised, _) => Stop::Raised(raised, span),
        Stop::Refused(refusal) => Stop::Refused(Box::new(Refusal { span, ..*refusal })),
        stop => stop,
    }
}
