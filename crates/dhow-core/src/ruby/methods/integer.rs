//! Whole numbers.

use super::{Method, Sent, each, each_with, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("+", 1, 1, |machine, sent| arithmetic(machine, sent, i128::checked_add, |a, b| a + b)),
    method("-", 1, 1, |machine, sent| arithmetic(machine, sent, i128::checked_sub, |a, b| a - b)),
    method("*", 1, 1, |machine, sent| arithmetic(machine, sent, i128::checked_mul, |a, b| a * b)),
    method("/", 1, 1, |machine, sent| {
        nonzero(sent)?;
        arithmetic(machine, sent, floor_division, |a, b| a / b)
    }),
    method("div", 1, 1, |machine, sent| {
        only_whole(sent)?;
        nonzero(sent)?;
        arithmetic(machine, sent, floor_division, |a, b| (a / b).floor())
    }),
    method("%", 1, 1, |machine, sent| {
        nonzero(sent)?;
        arithmetic(machine, sent, floor_remainder, super::float::remainder)
    }),
    method("modulo", 1, 1, |machine, sent| {
        nonzero(sent)?;
        arithmetic(machine, sent, floor_remainder, super::float::remainder)
    }),
    method("divmod", 1, 1, |machine, sent| {
        only_whole(sent)?;
        nonzero(sent)?;
        let quotient = arithmetic(machine, sent, floor_division, |a, b| (a / b).floor())?;
        let rest = arithmetic(machine, sent, floor_remainder, super::float::remainder)?;
        Ok(Value::list([quotient, rest]))
    }),
    method("**", 1, 1, power),
    method("pow", 1, 1, power),
    method("fdiv", 1, 1, |machine, sent| {
        let by = machine.send(sent.arg(0), "to_f", Vec::new(), sent.span)?;
        match by {
            Value::Float(by) if matches!(sent.arg(0), Value::Int(_) | Value::Float(_)) => {
                Ok(Value::Float(number(sent) as f64 / by))
            }
            _ => Err(super::float::cannot_coerce(machine, &sent.arg(0), "Integer", sent)),
        }
    }),
    method("&", 1, 1, |machine, sent| {
        only_whole(sent)?;
        Ok(Value::Int(number(sent) & sent.int_arg(machine, 0)?))
    }),
    method("|", 1, 1, |machine, sent| {
        only_whole(sent)?;
        Ok(Value::Int(number(sent) | sent.int_arg(machine, 0)?))
    }),
    method("<<", 1, 1, |machine, sent| {
        let by = u32::try_from(sent.int_arg(machine, 0)?).ok().filter(|by| *by < 64);
        let shifted = by.and_then(|by| number(sent).checked_mul(1 << by));
        shifted.map(Value::Int).ok_or_else(|| too_large(sent))
    }),
    method(">>", 1, 1, |machine, sent| {
        let by = u32::try_from(sent.int_arg(machine, 0)?).ok().filter(|by| *by < 127);
        by.map(|by| Value::Int(number(sent) >> by)).ok_or_else(|| too_large(sent))
    }),
    plain("-@", |_, sent| number(sent).checked_neg().map(Value::Int).ok_or_else(|| too_large(sent))),
    plain("abs", |_, sent| number(sent).checked_abs().map(Value::Int).ok_or_else(|| too_large(sent))),
    plain("succ", |_, sent| number(sent).checked_add(1).map(Value::Int).ok_or_else(|| too_large(sent))),
    plain("next", |_, sent| number(sent).checked_add(1).map(Value::Int).ok_or_else(|| too_large(sent))),
    plain("pred", |_, sent| number(sent).checked_sub(1).map(Value::Int).ok_or_else(|| too_large(sent))),
    plain("even?", |_, sent| Ok(Value::Bool(number(sent) % 2 == 0))),
    plain("odd?", |_, sent| Ok(Value::Bool(number(sent) % 2 != 0))),
    plain("to_i", |_, sent| Ok(sent.receiver.clone())),
    plain("to_int", |_, sent| Ok(sent.receiver.clone())),
    plain("integer?", |_, _| Ok(Value::Bool(true))),
    method("floor", 0, 0, |_, sent| Ok(sent.receiver.clone())),
    method("ceil", 0, 0, |_, sent| Ok(sent.receiver.clone())),
    method("round", 0, 0, |_, sent| Ok(sent.receiver.clone())),
    plain("truncate", |_, sent| Ok(sent.receiver.clone())),
    method("to_s", 0, 1, in_base),
    method("inspect", 0, 0, in_base),
    plain("chr", chr),
    plain("ord", |_, sent| Ok(sent.receiver.clone())),
    plain("digits", |_, sent| {
        if number(sent) < 0 {
            return Err(sent.not_understood("of a negative number"));
        }
        let digits = number(sent).unsigned_abs().to_string();
        Ok(Value::list(digits.bytes().rev().map(|digit| Value::Int(i128::from(digit - b'0')))))
    }),
    method("gcd", 1, 1, |machine, sent| {
        only_whole(sent)?;
        let (mut a, mut b) = (number(sent).unsigned_abs(), sent.int_arg(machine, 0)?.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Ok(Value::Int(a as i128))
    }),
    each("times", |machine, sent| {
        for index in 0..number(sent) {
            sent.yields(machine, Value::Int(index))?;
        }
        Ok(sent.receiver.clone())
    }),
    each_with("upto", 1, 1, |machine, sent| {
        for index in number(sent)..=sent.int_arg(machine, 0)? {
            sent.yields(machine, Value::Int(index))?;
        }
        Ok(sent.receiver.clone())
    }),
    each_with("downto", 1, 1, |machine, sent| {
        for index in (sent.int_arg(machine, 0)?..=number(sent)).rev() {
            sent.yields(machine, Value::Int(index))?;
        }
        Ok(sent.receiver.clone())
    }),
    each_with("step", 2, 2, |machine, sent| {
        let (end, step) = (sent.int_arg(machine, 0)?, sent.int_arg(machine, 1)?);
        let mut at = number(sent);
        if step == 0 {
            return Err(sent.argument_error("step can't be 0"));
        }
        while if step > 0 { at <= end } else { at >= end } {
            sent.yields(machine, Value::Int(at))?;
            at = at.saturating_add(step);
        }
        Ok(sent.receiver.clone())
    }),
];

fn number(sent: &Sent) -> i128 {
    match sent.receiver {
        Value::Int(number) => number,
        _ => 0,
    }
}

fn too_large(sent: &Sent) -> Stop {
    Stop::refuse("an integer this large is not something dhow can handle", sent.span)
}

/// Whole with whole stays whole.
fn arithmetic(
    machine: &mut Machine,
    sent: &Sent,
    whole: fn(i128, i128) -> Option<i128>,
    broken: fn(f64, f64) -> f64,
) -> Outcome {
    match sent.arg(0) {
        Value::Int(other) => whole(number(sent), other).map(Value::Int).ok_or_else(|| too_large(sent)),
        Value::Float(other) => Ok(Value::Float(broken(number(sent) as f64, other))),
        other => Err(super::float::cannot_coerce(machine, &other, "Integer", sent)),
    }
}

fn only_whole(sent: &Sent) -> Result<(), Stop> {
    match sent.arg(0) {
        Value::Float(_) => Err(sent.not_understood("with a number that is not whole")),
        _ => Ok(()),
    }
}

fn nonzero(sent: &Sent) -> Result<(), Stop> {
    match sent.arg(0) {
        Value::Int(0) => Err(Stop::raise("ZeroDivisionError", "divided by 0", sent.span)),
        _ => Ok(()),
    }
}

fn floor_division(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn floor_remainder(a: i128, b: i128) -> Option<i128> {
    let rest = a.checked_rem(b)?;
    Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
}

fn power(machine: &mut Machine, sent: &Sent) -> Outcome {
    match sent.arg(0) {
        Value::Int(exponent @ 0..) => {
            let exponent = u32::try_from(exponent).ok();
            let power = exponent.and_then(|exponent| number(sent).checked_pow(exponent));
            power.map(Value::Int).ok_or_else(|| too_large(sent))
        }
        Value::Float(_) if number(sent) < 0 => Err(sent.not_understood("of a negative number")),
        Value::Float(exponent) => Ok(Value::Float((number(sent) as f64).powf(exponent))),
        Value::Int(_) => Err(sent.not_understood("with a negative exponent")),
        other => Err(super::float::cannot_coerce(machine, &other, "Integer", sent)),
    }
}

fn in_base(machine: &mut Machine, sent: &Sent) -> Outcome {
    let base = if sent.arguments.is_empty() { 10 } else { sent.int_arg(machine, 0)? };
    let Some(base) = u32::try_from(base).ok().filter(|base| (2..=36).contains(base)) else {
        return Err(sent.argument_error(format!("invalid radix {base}")));
    };
    Ok(Value::text(with_base(number(sent), base)))
}

/// A number in base 2 to 36.
pub fn with_base(number: i128, base: u32) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit((rest % u128::from(base)) as u32, base));
        rest /= u128::from(base);
    }
    digits.extend((number < 0).then_some('-'));
    digits.iter().rev().collect()
}

fn chr(_: &mut Machine, sent: &Sent) -> Outcome {
    match u8::try_from(number(sent)) {
        Ok(byte) if byte.is_ascii() => Ok(Value::text(char::from(byte))),
        Ok(_) => Err(sent.not_understood("above 127")),
        Err(_) => Err(Stop::raise("RangeError", format!("{} out of char range", number(sent)), sent.span)),
    }
}
