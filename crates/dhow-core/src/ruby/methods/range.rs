//! `1..5`, `"a".."e"`.

use super::{Method, Sent, each_with, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Range, Value};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    plain("begin", |_, sent| Ok(own(sent).map_or(Value::Nil, |range| range.from.clone()))),
    plain("end", |_, sent| Ok(own(sent).map_or(Value::Nil, |range| range.to.clone()))),
    plain("exclude_end?", |_, sent| Ok(Value::Bool(own(sent).is_some_and(|range| range.excludes_end)))),
    method("include?", 1, 1, covers),
    method("member?", 1, 1, covers),
    method("cover?", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Range(_) => Err(sent.not_understood("of a range")),
        _ => covers(machine, sent),
    }),
    plain("size", |machine, sent| match own(sent) {
        Some(range) if matches!(range.from, Value::Text(_)) => Ok(Value::Nil),
        _ => Ok(Value::size(machine.items(&sent.receiver, sent.span)?.len())),
    }),
    method("first", 0, 1, |machine, sent| match own(sent) {
        Some(range) if sent.arguments.is_empty() => Ok(range.from.clone()),
        Some(range) => first(machine, &range, sent),
        None => Ok(Value::Nil),
    }),
    method("last", 0, 1, |machine, sent| match own(sent) {
        Some(range) if sent.arguments.is_empty() => Ok(range.to.clone()),
        _ => {
            let items = machine.items(&sent.receiver, sent.span)?;
            machine.send(Value::list(items), "last", sent.arguments.clone(), sent.span)
        }
    }),
    each_with("step", 1, 1, |machine, sent| {
        let by = sent.count_arg(machine, 0)?;
        if by == 0 {
            return Err(sent.argument_error("step can't be 0"));
        }
        for item in machine.items(&sent.receiver, sent.span)?.into_iter().step_by(by) {
            sent.yields(machine, item)?;
        }
        Ok(sent.receiver.clone())
    }),
    plain("to_s", |machine, sent| {
        let Some(range) = own(sent) else { return Ok(Value::Nil) };
        let from = machine.string_of(&range.from, sent.span)?;
        let to = machine.string_of(&range.to, sent.span)?;
        Ok(Value::text(format!("{from}{}{to}", if range.excludes_end { "..." } else { ".." })))
    }),
];

fn own(sent: &Sent) -> Option<Rc<Range>> {
    match &sent.receiver {
        Value::Range(range) => Some(Rc::clone(range)),
        _ => None,
    }
}

/// So many from the start, of a range without an end too.
fn first(machine: &mut Machine, range: &Range, sent: &Sent) -> Outcome {
    let count = sent.count_arg(machine, 0)?;
    let items = match (&range.from, &range.to) {
        (Value::Int(from), Value::Nil) => {
            machine.afford(count.saturating_mul(8), sent.span)?;
            (0..count).map(|index| Value::Int(from.saturating_add(index as i128))).collect()
        }
        _ => items(machine, range, sent.span)?,
    };
    Ok(Value::list(items.into_iter().take(count)))
}

fn covers(machine: &mut Machine, sent: &Sent) -> Outcome {
    machine.case_equal(&sent.receiver, &sent.arg(0), sent.span).map(Value::Bool)
}

/// Every value of it.
pub fn items(machine: &mut Machine, range: &Range, span: Span) -> Result<Vec<Value>, Stop> {
    match (&range.from, &range.to) {
        (Value::Int(from), Value::Int(to)) => {
            let end = to.saturating_add(i128::from(!range.excludes_end));
            let size = usize::try_from(end.saturating_sub(*from)).unwrap_or(0);
            machine.afford(size.saturating_mul(8), span)?;
            Ok((*from..end).map(Value::Int).collect())
        }
        (Value::Text(from), Value::Text(to)) => {
            super::string::text_range(machine, &from.get(), &to.get(), range.excludes_end, span)
        }
        (Value::Int(_), Value::Nil) => {
            Err(Stop::refuse("going through a range without an end is not something dhow does", span))
        }
        (from, _) => {
            let name = crate::ruby::show::class_name(from);
            Err(Stop::raise("TypeError", format!("can't iterate from {name}"), span))
        }
    }
}
