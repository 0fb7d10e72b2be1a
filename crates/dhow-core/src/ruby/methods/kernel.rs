//! What can be called without a receiver.

use super::{MANY, Method, Sent, each, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::show::quoted;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Map, Proc, Value};
use crate::ruby::{format, numbers};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    method("require", 1, 1, require),
    method("require_relative", 1, 1, |_, sent| Err(sent.not_understood("(more Ruby)"))),
    method("raise", 0, 3, |machine, sent| machine.raise(&sent.arguments, sent.span)),
    method("fail", 0, 3, |machine, sent| machine.raise(&sent.arguments, sent.span)),
    method("abort", 0, 1, |machine, sent| {
        let message = machine.string_of(&sent.arg(0), sent.span)?;
        Err(Stop::raise_own("SystemExit", message, sent.span))
    }),
    method("exit", 0, 1, |_, sent| Err(Stop::raise("SystemExit", "exit", sent.span))),
    method("puts", 0, MANY, puts),
    method("print", 0, MANY, print),
    method("p", 0, MANY, |machine, sent| {
        for value in &sent.arguments {
            let text = machine.inspected(value, sent.span)?;
            machine.say(&format!("{text}\n"), sent.span)?;
        }
        Ok(sent.arg(0))
    }),
    method("warn", 0, MANY, puts),
    method("format", 1, MANY, formatted),
    method("sprintf", 1, MANY, formatted),
    method("Integer", 1, 3, integer),
    method("Float", 1, 2, float),
    method("String", 1, 1, |machine, sent| machine.text_of(&sent.arg(0), sent.span)),
    method("Array", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Nil => Ok(Value::list([])),
        Value::List(list) => Ok(Value::List(list)),
        Value::Map(_) | Value::Range(_) => Ok(Value::list(machine.items(&sent.arg(0), sent.span)?)),
        value => Ok(Value::list([value])),
    }),
    method("Hash", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Nil => Ok(Value::Map(Map::new(Vec::new()))),
        _ => sent.map_arg(machine, 0).map(Value::Map),
    }),
    each("loop", |machine, sent| {
        loop {
            match sent.yields_all(machine, Vec::new()) {
                Err(Stop::Raised(raised, _)) if raised.class == "StopIteration" => return Ok(Value::Nil),
                outcome => drop(outcome?),
            }
        }
    }),
    each("lambda", lambda),
    each("proc", |_, sent| Ok(sent.block.clone().map_or(Value::Nil, Value::Proc))),
    plain("binding", |_, _| Ok(Value::Class("Binding"))),
    plain("block_given?", |machine, _| Ok(Value::Bool(machine.block.is_some()))),
    plain("__dir__", |_, _| Ok(Value::text("."))),
    plain("__method__", |_, _| Ok(Value::Nil)),
    method("rand", 0, 1, |machine, sent| match sent.arg(0) {
        Value::Int(below @ 1..) => {
            let below = usize::try_from(below).unwrap_or(usize::MAX);
            machine.random_below(below, sent.span).map(Value::size)
        }
        _ => Err(sent.not_understood("with such an argument")),
    }),
    method("srand", 0, 1, |_, _| Ok(Value::Int(0))),
    method("sleep", 0, 1, |_, sent| Err(sent.not_understood("(it would only wait)"))),
    method("`", 1, 1, |machine, sent| {
        let command = sent.text_arg(machine, 0)?;
        machine.shell(&command, sent.span)
    }),
    method("system", 1, 9, system),
];

pub const STATUS_METHODS: &[Method] = &[
    plain("success?", |_, sent| Ok(Value::Bool(status(sent) == 0))),
    plain("exitstatus", |_, sent| Ok(Value::Int(i128::from(status(sent))))),
    plain("to_i", |_, sent| Ok(Value::Int(i128::from(status(sent))))),
];

/// Libraries whose part in templates is built in.
const LIBRARIES: &[&str] = &[
    "active_support/core_ext/enumerable",
    "active_support/core_ext/hash/deep_merge",
    "active_support/core_ext/hash/keys",
    "active_support/core_ext/object/blank",
    "active_support/core_ext/object/try",
    "base64",
    "date",
    "dotenv",
    "dotenv/load",
    "erb",
    "json",
    "kamal",
    "pp",
    "psych",
    "securerandom",
    "shellwords",
    "time",
    "uri",
    "yaml",
];

fn status(sent: &Sent) -> i32 {
    match sent.receiver {
        Value::Status(status) => status,
        _ => 0,
    }
}

fn require(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = sent.text_arg(machine, 0)?;
    if !LIBRARIES.contains(&name.as_str()) {
        return Err(Stop::refuse(format!("the library {name} is not built into dhow"), sent.span));
    }
    if name == "dotenv/load" {
        machine.send(Value::Class("Dotenv"), "load", Vec::new(), sent.span)?;
    }
    Ok(Value::Bool(true))
}

fn puts(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut text = String::new();
    for value in sent.positions() {
        let lines = match value {
            Value::List(list) => super::list::joined(machine, &list.get(), "\n", sent.span)?,
            value => machine.string_of(value, sent.span)?,
        };
        text.push_str(lines.strip_suffix('\n').unwrap_or(&lines));
        text.push('\n');
    }
    machine.say(if text.is_empty() { "\n" } else { &text }, sent.span)?;
    Ok(Value::Nil)
}

fn print(machine: &mut Machine, sent: &Sent) -> Outcome {
    for value in &sent.arguments {
        let text = machine.string_of(value, sent.span)?;
        machine.say(&text, sent.span)?;
    }
    Ok(Value::Nil)
}

fn formatted(machine: &mut Machine, sent: &Sent) -> Outcome {
    let template = sent.text_arg(machine, 0)?;
    format::formatted(machine, &template, &sent.arguments[1..], sent.span)
}

/// `Integer("12", exception: false)`.
fn integer(machine: &mut Machine, sent: &Sent) -> Outcome {
    let may_fail = sent.option("exception").is_none_or(|exception| exception.is_true());
    let base = match sent.positions().get(1) {
        Some(_) => Some(sent.int_arg(machine, 1)?),
        None => None,
    };
    match sent.arg(0) {
        Value::Int(number) => Ok(Value::Int(number)),
        Value::Float(number) if number.is_finite() => Ok(Value::Int(number as i128)),
        Value::Text(text) => match numbers::integer(&text.get(), base) {
            Some(number) => Ok(Value::Int(number)),
            None if may_fail => Err(invalid("Integer", &text.get(), sent.span)),
            None => Ok(Value::Nil),
        },
        value if may_fail => Err(format::cannot_convert(machine, &value, "Integer", sent.span)),
        _ => Ok(Value::Nil),
    }
}

fn float(machine: &mut Machine, sent: &Sent) -> Outcome {
    let may_fail = sent.option("exception").is_none_or(|exception| exception.is_true());
    match sent.arg(0) {
        Value::Int(number) => Ok(Value::Float(number as f64)),
        Value::Float(number) => Ok(Value::Float(number)),
        Value::Text(text) => match numbers::float(&text.get()) {
            Some(number) => Ok(Value::Float(number)),
            None if may_fail => Err(invalid("Float", &text.get(), sent.span)),
            None => Ok(Value::Nil),
        },
        value if may_fail => Err(format::cannot_convert(machine, &value, "Float", sent.span)),
        _ => Ok(Value::Nil),
    }
}

fn invalid(class: &str, text: &str, span: Span) -> Stop {
    Stop::raise("ArgumentError", format!("invalid value for {class}(): {}", quoted(text)), span)
}

fn lambda(_: &mut Machine, sent: &Sent) -> Outcome {
    let Some(block) = &sent.block else { return Ok(Value::Nil) };
    let Proc::Code(closure) = &**block else { return Ok(Value::Proc(Rc::clone(block))) };
    let closure = crate::ruby::value::Closure {
        function: Rc::clone(&closure.function),
        scope: Rc::clone(&closure.scope),
        is_lambda: true,
        home: closure.home,
    };
    Ok(Value::Proc(Rc::new(Proc::Code(closure))))
}

/// `true` if it went well; what it prints is shown.
fn system(machine: &mut Machine, sent: &Sent) -> Outcome {
    let mut words = Vec::new();
    for index in 0..sent.positions().len() {
        words.push(sent.text_arg(machine, index)?);
    }
    let command = match words.as_slice() {
        [line] => line.clone(),
        words => words.iter().map(|word| super::string::shell_escaped(word)).collect::<Vec<_>>().join(" "),
    };
    let printed = machine.ran(&command, sent.span)?;
    machine.say(&printed, sent.span)?;
    match machine.last_status {
        Value::Status(127) => Ok(Value::Nil),
        Value::Status(status) => Ok(Value::Bool(status == 0)),
        _ => Ok(Value::Nil),
    }
}

impl Machine<'_> {
    /// Backticks: what the command printed, whether or not it went well. No such program is an error.
    pub fn shell(&mut self, command: &str, span: Span) -> Outcome {
        let printed = self.ran(command, span)?;
        let is_plain = !command.contains(|c: char| "*?{}[]<>()~&|\\$;'`\"\n#=%".contains(c));
        if is_plain && matches!(self.last_status, Value::Status(127)) {
            let program = command.split_whitespace().next().unwrap_or_default();
            let message = format!("No such file or directory - {program}");
            return Err(Stop::raise("Errno::ENOENT", message, span));
        }
        self.new_text(printed, span)
    }

    fn ran(&mut self, command: &str, span: Span) -> Result<String, Stop> {
        self.spend(100, span)?;
        let ran = self.surroundings.run(command, &self.environment);
        let ran = ran.map_err(|problem| Stop::raise("Errno::ENOENT", problem, span))?;
        self.last_status = Value::Status(ran.status);
        Ok(ran.printed)
    }

    /// A random number below another.
    pub fn random_below(&mut self, below: usize, span: Span) -> Result<usize, Stop> {
        let bytes = self.random(8, span)?;
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Ok((number % (below.max(1) as u64)) as usize)
    }

    /// Random bytes, exactly so many.
    pub fn random(&mut self, count: usize, span: Span) -> Result<Vec<u8>, Stop> {
        self.afford(count.saturating_mul(64), span)?;
        let bytes = self.surroundings.random(count);
        let bytes = bytes.map_err(|problem| Stop::raise("NotImplementedError", problem, span))?;
        if bytes.len() < count {
            return Err(Stop::raise("NotImplementedError", "there is not enough randomness here", span));
        }
        Ok(bytes)
    }
}
