//! What every value can do.

use super::{MANY, Method, Sent, each, find, method, plain, with_block};
use crate::ruby::compare::is_a;
use crate::ruby::machine::Machine;
use crate::ruby::show::class_name;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{List, Map, Proc, Value};
use std::rc::Rc;

/// What every value can do in Ruby and none can here: to say of `nil` that it has no such method would be wrong.
pub const KNOWN_TO_RUBY: &[&str] = &[
    "__id__",
    "__send__",
    "acts_like?",
    "deep_dup",
    "define_singleton_method",
    "display",
    "enum_for",
    "equal?",
    "extend",
    "frozen?",
    "html_safe?",
    "instance_eval",
    "instance_exec",
    "instance_variable_defined?",
    "instance_variable_get",
    "instance_variable_set",
    "instance_variables",
    "instance_values",
    "methods",
    "object_id",
    "presence_in",
    "private_methods",
    "protected_methods",
    "public_method",
    "public_methods",
    "rationalize",
    "remove_instance_variable",
    "singleton_class",
    "singleton_method",
    "singleton_methods",
    "to_c",
    "to_enum",
    "to_param",
    "to_query",
    "to_r",
    "to_yaml",
    "try!",
    "with_options",
];

pub const METHODS: &[Method] = &[
    method("==", 1, 1, |machine, sent| equal(machine, sent).map(Value::Bool)),
    method("!=", 1, 1, |machine, sent| equal(machine, sent).map(|equal| Value::Bool(!equal))),
    method("===", 1, 1, |machine, sent| {
        machine.case_equal(&sent.receiver, &sent.arg(0), sent.span).map(Value::Bool)
    }),
    method("<=>", 1, 1, |machine, sent| Ok(if equal(machine, sent)? { Value::Int(0) } else { Value::Nil })),
    method("eql?", 1, 1, |machine, sent| match (&sent.receiver, sent.arg(0)) {
        (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => Ok(Value::Bool(false)),
        _ => equal(machine, sent).map(Value::Bool),
    }),
    method("=~", 1, 1, |_, _| Ok(Value::Nil)),
    method("!~", 1, 1, |machine, sent| {
        let found = machine.send(sent.receiver.clone(), "=~", sent.arguments.clone(), sent.span)?;
        Ok(Value::Bool(!found.is_true()))
    }),
    plain("to_s", |machine, sent| machine.text_of(&sent.receiver, sent.span)),
    plain("inspect", |machine, sent| Ok(Value::text(machine.inspected(&sent.receiver, sent.span)?))),
    plain("nil?", |_, sent| Ok(Value::Bool(matches!(sent.receiver, Value::Nil)))),
    plain("class", |_, sent| Ok(Value::Class(class_name(&sent.receiver)))),
    method("is_a?", 1, 1, is_a_class),
    method("kind_of?", 1, 1, is_a_class),
    method("instance_of?", 1, 1, |_, sent| {
        Ok(Value::Bool(matches!(sent.arg(0), Value::Class(class) if class == class_name(&sent.receiver))))
    }),
    method("respond_to?", 1, 2, responds),
    plain("freeze", |_, sent| Ok(sent.receiver.clone())),
    plain("dup", |_, sent| Ok(copy(&sent.receiver))),
    plain("clone", |_, sent| Ok(copy(&sent.receiver))),
    plain("itself", |_, sent| Ok(sent.receiver.clone())),
    each("then", |machine, sent| sent.yields(machine, sent.receiver.clone())),
    each("yield_self", |machine, sent| sent.yields(machine, sent.receiver.clone())),
    each("tap", |machine, sent| {
        sent.yields(machine, sent.receiver.clone())?;
        Ok(sent.receiver.clone())
    }),
    with_block("send", 1, MANY, resend),
    with_block("public_send", 1, MANY, resend),
    with_block("try", 1, MANY, |machine, sent| match sent.receiver {
        Value::Nil => Ok(Value::Nil),
        _ => resend(machine, sent),
    }),
    method("method", 1, 1, |machine, sent| {
        let name = machine.string_of(&sent.arg(0), sent.span)?;
        Ok(Value::Proc(Rc::new(Proc::Bound(sent.receiver.clone(), name.into()))))
    }),
    // ActiveSupport, which Kamal loads before it reads its configuration.
    plain("blank?", |_, sent| Ok(Value::Bool(is_blank(&sent.receiver)))),
    plain("present?", |_, sent| Ok(Value::Bool(!is_blank(&sent.receiver)))),
    plain("presence", |_, sent| {
        Ok(if is_blank(&sent.receiver) { Value::Nil } else { sent.receiver.clone() })
    }),
    method("in?", 1, 1, |machine, sent| {
        machine.send(sent.arg(0), "include?", vec![sent.receiver.clone()], sent.span)
    }),
    method("to_json", 0, 1, |machine, sent| super::json::generated(machine, &sent.receiver, sent.span)),
    method("to_yaml", 0, 1, |machine, sent| super::yaml::dumped(machine, &sent.receiver, sent.span)),
];

fn equal(machine: &mut Machine, sent: &Sent) -> Result<bool, Stop> {
    machine.equal(&sent.receiver, &sent.arg(0), sent.span)
}

fn is_a_class(machine: &mut Machine, sent: &Sent) -> Outcome {
    match sent.arg(0) {
        Value::Class(class) => Ok(Value::Bool(is_a(&sent.receiver, class))),
        value => Err(machine.wrong_type(&value, "Class", sent.span)),
    }
}

/// Only a yes is sure: Ruby has methods that are not among these.
fn responds(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = machine.string_of(&sent.arg(0), sent.span)?;
    let is_known = find(&sent.receiver, &name).is_some();
    let is_sure = is_known || matches!(sent.receiver, Value::Nil);
    if is_sure { Ok(Value::Bool(is_known)) } else { Err(sent.not_understood(&format!("of :{name}"))) }
}

fn resend(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = machine.string_of(&sent.arg(0), sent.span)?;
    let arguments = sent.arguments[1..].to_vec();
    let block = sent.block.clone();
    let receiver = sent.receiver.clone();
    let sent =
        Sent { receiver, name: name.into(), arguments, block, has_keywords: sent.has_keywords, ..*sent };
    machine.deeper(sent.span, |machine| super::send(machine, sent))
}

/// Contents are shared, the container is not.
pub fn copy(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::text(text.get()),
        Value::List(list) => Value::List(List::new(list.get())),
        Value::Map(map) => Value::Map(Map::with_default(map.get(), map.default())),
        value => value.clone(),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Bool(false) => true,
        Value::Text(text) => text.get().trim().is_empty(),
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Symbol(name) => name.is_empty(),
        _ => false,
    }
}
