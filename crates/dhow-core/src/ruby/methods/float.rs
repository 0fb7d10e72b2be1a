//! Numbers with a point, and what all numbers can do.

use super::{Method, Sent, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::show::class_name;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("+", 1, 1, |machine, sent| arithmetic(machine, sent, |a, b| a + b)),
    method("-", 1, 1, |machine, sent| arithmetic(machine, sent, |a, b| a - b)),
    method("*", 1, 1, |machine, sent| arithmetic(machine, sent, |a, b| a * b)),
    method("/", 1, 1, |machine, sent| arithmetic(machine, sent, |a, b| a / b)),
    method("%", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Int(0) => Err(Stop::raise("ZeroDivisionError", "divided by 0", sent.span)),
        _ => arithmetic(machine, sent, remainder),
    }),
    method("**", 1, 1, |machine, sent| match number(sent) {
        ..0.0 => Err(sent.not_understood("of a negative number")),
        _ => arithmetic(machine, sent, f64::powf),
    }),
    plain("-@", |_, sent| Ok(Value::Float(-number(sent)))),
    plain("abs", |_, sent| Ok(Value::Float(number(sent).abs()))),
    plain("nan?", |_, sent| Ok(Value::Bool(number(sent).is_nan()))),
    plain("integer?", |_, _| Ok(Value::Bool(false))),
    plain("to_i", |_, sent| whole(sent, f64::trunc)),
    plain("to_int", |_, sent| whole(sent, f64::trunc)),
    plain("truncate", |_, sent| whole(sent, f64::trunc)),
    method("floor", 0, 1, |machine, sent| rounded(machine, sent, f64::floor)),
    method("ceil", 0, 1, |machine, sent| rounded(machine, sent, f64::ceil)),
    method("round", 0, 1, |machine, sent| rounded(machine, sent, f64::round)),
];

/// Of both kinds of numbers.
pub const BOTH: &[Method] = &[
    plain("+@", |_, sent| Ok(sent.receiver.clone())),
    plain("to_f", |_, sent| Ok(Value::Float(number(sent)))),
    plain("zero?", |_, sent| Ok(Value::Bool(number(sent) == 0.0))),
    plain("positive?", |_, sent| Ok(Value::Bool(number(sent) > 0.0))),
    plain("negative?", |_, sent| Ok(Value::Bool(number(sent) < 0.0))),
    plain("nonzero?", |_, sent| Ok(if number(sent) == 0.0 { Value::Nil } else { sent.receiver.clone() })),
];

fn number(sent: &Sent) -> f64 {
    match sent.receiver {
        Value::Float(number) => number,
        Value::Int(number) => number as f64,
        _ => 0.0,
    }
}

fn arithmetic(machine: &mut Machine, sent: &Sent, work: fn(f64, f64) -> f64) -> Outcome {
    match sent.arg(0) {
        Value::Int(other) => Ok(Value::Float(work(number(sent), other as f64))),
        Value::Float(other) => Ok(Value::Float(work(number(sent), other))),
        other => Err(cannot_coerce(machine, &other, "Float", sent)),
    }
}

/// Has the sign of the divisor.
pub fn remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

/// `1 + "a"`.
pub fn cannot_coerce(_: &Machine, other: &Value, into: &str, sent: &Sent) -> Stop {
    let name = match other {
        Value::Nil => "nil",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        other => class_name(other),
    };
    Stop::raise("TypeError", format!("{name} can't be coerced into {into}"), sent.span)
}

fn whole(sent: &Sent, round: fn(f64) -> f64) -> Outcome {
    let rounded = round(number(sent));
    if !rounded.is_finite() {
        return Err(Stop::raise("FloatDomainError", rounded.to_string(), sent.span));
    }
    Ok(Value::Int(rounded as i128))
}

fn rounded(machine: &mut Machine, sent: &Sent, round: fn(f64) -> f64) -> Outcome {
    if sent.arguments.is_empty() {
        return whole(sent, round);
    }
    let digits = sent.int_arg(machine, 0)?;
    let Some(digits) = i32::try_from(digits).ok().filter(|digits| (1..=15).contains(digits)) else {
        return if digits == 0 {
            whole(sent, round)
        } else {
            Err(sent.not_understood("to that many digits"))
        };
    };
    let scale = 10_f64.powi(digits);
    Ok(Value::Float(round(number(sent) * scale) / scale))
}
