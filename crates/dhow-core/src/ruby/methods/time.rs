//! `Time`.

use super::{Method, Sent, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::surroundings::Moment;
use crate::ruby::time::{Date, Time};
use crate::ruby::value::Value;

pub const CLASS_METHODS: &[Method] = &[
    plain("now", |machine, _| Ok(Value::Time(Time::local(machine.surroundings.now())))),
    plain("current", |_, sent| Err(sent.not_understood("(it is a part of Rails)"))),
    method("at", 1, 1, |machine, sent| {
        let seconds = i64::try_from(sent.int_arg(machine, 0)?).unwrap_or(i64::MAX);
        let offset = machine.surroundings.now().offset;
        let time = Time::local(Moment { seconds: 0, nanoseconds: 0, offset });
        moved(Some(time), i128::from(seconds) * NANOSECONDS, sent)
    }),
];

pub const METHODS: &[Method] = &[
    method("strftime", 1, 1, |machine, sent| {
        let template = sent.text_arg(machine, 0)?;
        match own(sent).map(|time| time.formatted(&template)) {
            Some(Ok(text)) => machine.new_text(text, sent.span),
            Some(Err(field)) => Err(sent.not_understood(&format!("with {field}"))),
            None => Ok(Value::Nil),
        }
    }),
    plain("to_i", |_, sent| Ok(number(sent, |time| time.seconds))),
    plain("to_f", |_, sent| {
        let seconds = own(sent).map_or(0.0, |time| time.seconds as f64 + f64::from(time.nanoseconds) / 1e9);
        Ok(Value::Float(seconds))
    }),
    plain("year", |_, sent| Ok(number(sent, |time| time.date().civil().year))),
    plain("month", |_, sent| Ok(number(sent, |time| time.date().civil().month))),
    plain("day", |_, sent| Ok(number(sent, |time| time.date().civil().day))),
    plain("hour", |_, sent| Ok(number(sent, Time::hour))),
    with_block("min", 0, 0, |_, sent| Ok(number(sent, Time::minute))),
    plain("sec", |_, sent| Ok(number(sent, Time::second))),
    plain("wday", |_, sent| Ok(number(sent, |time| time.date().weekday() as i64))),
    plain("utc_offset", |_, sent| Ok(number(sent, |time| i64::from(time.offset)))),
    plain("utc", utc),
    plain("getutc", utc),
    plain("gmtime", utc),
    plain("localtime", |_, sent| Ok(sent.receiver.clone())),
    plain("iso8601", |_, sent| Ok(own(sent).map_or(Value::Nil, |time| Value::text(time.iso8601())))),
    plain("xmlschema", |_, sent| Ok(own(sent).map_or(Value::Nil, |time| Value::text(time.iso8601())))),
    plain("to_date", |_, sent| Ok(own(sent).map_or(Value::Nil, |time| Value::Date(time.date())))),
    method("+", 1, 1, |machine, sent| {
        let by = nanoseconds(machine, sent)?;
        moved(own(sent), by, sent)
    }),
    method("-", 1, 1, |machine, sent| {
        if let (Some(time), Value::Time(other)) = (own(sent), sent.arg(0)) {
            let whole = (time.seconds - other.seconds) as f64;
            let part = (f64::from(time.nanoseconds) - f64::from(other.nanoseconds)) / 1e9;
            return Ok(Value::Float(whole + part));
        }
        let by = nanoseconds(machine, sent)?;
        moved(own(sent), -by, sent)
    }),
];

const NANOSECONDS: i128 = 1_000_000_000;

fn own(sent: &Sent) -> Option<Time> {
    match sent.receiver {
        Value::Time(time) => Some(time),
        _ => None,
    }
}

fn number(sent: &Sent, part: fn(Time) -> i64) -> Value {
    Value::or_nil(own(sent).map(|time| Value::Int(i128::from(part(time)))))
}

fn utc(_: &mut Machine, sent: &Sent) -> Outcome {
    Ok(own(sent).map_or(Value::Nil, |time| Value::Time(time.utc())))
}

fn nanoseconds(machine: &Machine, sent: &Sent) -> Result<i128, Stop> {
    match sent.arg(0) {
        Value::Float(seconds) => Ok((seconds * 1e9) as i128),
        _ => Ok(sent.int_arg(machine, 0)?.saturating_mul(NANOSECONDS)),
    }
}

fn moved(time: Option<Time>, by: i128, sent: &Sent) -> Outcome {
    let moved = time.and_then(|time| time.plus(by));
    moved.map(Value::Time).ok_or_else(|| sent.not_understood("out of the years 0 to 9999"))
}

/// Today on the local clock.
pub fn today(machine: &Machine) -> Date {
    Time::local(machine.surroundings.now()).date()
}
