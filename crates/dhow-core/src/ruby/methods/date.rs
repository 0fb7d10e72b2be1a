//! `Date`.

use super::{Method, Sent, method, plain, time::today};
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::time::Date;
use crate::ruby::value::Value;

pub const CLASS_METHODS: &[Method] = &[
    plain("today", |machine, _| Ok(Value::Date(today(machine)))),
    method("parse", 1, 1, |machine, sent| match Date::read(sent.text_arg(machine, 0)?.trim()) {
        Some(date) => Ok(Value::Date(date)),
        None => Err(sent.not_understood("of anything but YYYY-MM-DD")),
    }),
    method("new", 3, 3, |machine, sent| {
        let part = |index| sent.int_arg(machine, index).map(|part| i64::try_from(part).unwrap_or(-1));
        let date = Date::new(part(0)?, part(1)?, part(2)?);
        date.map(Value::Date).ok_or_else(|| Stop::raise("Date::Error", "invalid date", sent.span))
    }),
];

pub const METHODS: &[Method] = &[
    method("strftime", 1, 1, |machine, sent| {
        let template = sent.text_arg(machine, 0)?;
        match own(sent).map(|date| date.midnight().formatted(&template)) {
            Some(Ok(text)) => machine.new_text(text, sent.span),
            Some(Err(field)) => Err(sent.not_understood(&format!("with {field}"))),
            None => Ok(Value::Nil),
        }
    }),
    plain("iso8601", |_, sent| Ok(own(sent).map_or(Value::Nil, |date| Value::text(date.shown())))),
    plain("year", |_, sent| Ok(number(sent, |date| date.civil().year))),
    plain("month", |_, sent| Ok(number(sent, |date| date.civil().month))),
    plain("day", |_, sent| Ok(number(sent, |date| date.civil().day))),
    plain("wday", |_, sent| Ok(number(sent, |date| date.weekday() as i64))),
    plain("to_date", |_, sent| Ok(sent.receiver.clone())),
    method("+", 1, 1, |machine, sent| {
        let days = sent.int_arg(machine, 0)?;
        moved(sent, days)
    }),
    method("-", 1, 1, |machine, sent| match (own(sent), sent.arg(0)) {
        (Some(date), Value::Date(other)) => Ok(Value::Int(i128::from(date.days - other.days))),
        _ => {
            let days = sent.int_arg(machine, 0)?;
            moved(sent, days.saturating_neg())
        }
    }),
];

fn own(sent: &Sent) -> Option<Date> {
    match sent.receiver {
        Value::Date(date) => Some(date),
        _ => None,
    }
}

fn number(sent: &Sent, part: fn(Date) -> i64) -> Value {
    Value::or_nil(own(sent).map(|date| Value::Int(i128::from(part(date)))))
}

fn moved(sent: &Sent, days: i128) -> Outcome {
    let moved = own(sent).and_then(|date| date.plus(days));
    moved.map(Value::Date).ok_or_else(|| too_far(sent))
}

fn too_far(sent: &Sent) -> Stop {
    sent.not_understood("out of the years 0 to 9999")
}
