//! `nil`, `true` and `false`.

use super::{Method, method, plain, with_block};
use crate::ruby::value::{Map, Value};

pub const METHODS: &[Method] = &[
    plain("to_a", |_, _| Ok(Value::list([]))),
    with_block("to_h", 0, 0, |_, _| Ok(Value::Map(Map::new(Vec::new())))),
    plain("to_i", |_, _| Ok(Value::Int(0))),
    plain("to_f", |_, _| Ok(Value::Float(0.0))),
    method("&", 1, 1, |_, _| Ok(Value::Bool(false))),
    method("|", 1, 1, |_, sent| Ok(Value::Bool(sent.arg(0).is_true()))),
    method("^", 1, 1, |_, sent| Ok(Value::Bool(sent.arg(0).is_true()))),
];

pub const BOOLEAN_METHODS: &[Method] = &[
    method("&", 1, 1, |_, sent| Ok(Value::Bool(sent.receiver.is_true() && sent.arg(0).is_true()))),
    method("|", 1, 1, |_, sent| Ok(Value::Bool(sent.receiver.is_true() || sent.arg(0).is_true()))),
    method("^", 1, 1, |_, sent| Ok(Value::Bool(sent.receiver.is_true() != sent.arg(0).is_true()))),
];
