//! The white list: which methods of which values can be called. Each file below is a table for one kind of receiver.

mod class;
mod comparable;
mod date;
mod dir;
mod dotenv;
mod enumerable;
mod enumerator;
mod environment;
mod erb;
mod exception;
mod file;
mod float;
mod grouping;
mod hash;
mod hash_change;
mod integer;
mod json;
mod kernel;
mod list;
mod list_change;
mod modules;
mod nil;
mod object;
mod proc;
mod range;
mod regexp;
mod string;
mod string_change;
mod string_search;
mod symbol;
mod time;
mod uri;
mod yaml;

use super::machine::Machine;
use super::show::class_name;
use super::stop::{Outcome, Stop};
use super::syntax::{Name, Span};
use super::value::{Enumerator, List, Map, Proc, Text, Value};
use std::rc::Rc;

pub use integer::with_base;

/// A method that is being called.
pub struct Sent {
    pub receiver: Value,
    pub name: Name,
    pub arguments: Vec<Value>,
    /// Is the last argument made of `key: value`?
    pub has_keywords: bool,
    pub block: Option<Rc<Proc>>,
    pub span: Span,
}

/// One entry of a table.
pub struct Method {
    name: &'static str,
    least: usize,
    most: usize,
    block: Block,
    run: fn(&mut Machine, &Sent) -> Outcome,
}

/// What a method does with a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// It has no use for one.
    No,
    /// It takes one.
    May,
    /// Without one it is an enumerator.
    Must,
}

/// Any number of arguments.
const MANY: usize = usize::MAX;

/// A method that takes so many arguments.
const fn method(
    name: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut Machine, &Sent) -> Outcome,
) -> Method {
    Method { name, least, most, block: Block::No, run }
}

/// A method that takes a block, or does without.
const fn with_block(
    name: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut Machine, &Sent) -> Outcome,
) -> Method {
    Method { name, least, most, block: Block::May, run }
}

/// A method without arguments.
const fn plain(name: &'static str, run: fn(&mut Machine, &Sent) -> Outcome) -> Method {
    method(name, 0, 0, run)
}

/// A method without arguments that needs a block; without one it is an enumerator.
const fn each(name: &'static str, run: fn(&mut Machine, &Sent) -> Outcome) -> Method {
    each_with(name, 0, 0, run)
}

/// A method with arguments that needs a block.
const fn each_with(
    name: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut Machine, &Sent) -> Outcome,
) -> Method {
    Method { name, least, most, block: Block::Must, run }
}

/// Calls a method.
pub fn send(machine: &mut Machine, sent: Sent) -> Outcome {
    machine.spend(1, sent.span)?;
    let Some(method) = find(&sent.receiver, &sent.name) else { return Err(unknown(&sent)) };
    let given = sent.arguments.len();
    if !(method.least..=method.most).contains(&given) {
        let count = if given == 1 { "1 argument".to_string() } else { format!("{given} arguments") };
        return Err(Stop::refuse(
            format!("{} with {count} is {NOT_UNDERSTOOD}", signature(&sent)),
            sent.span,
        ));
    }
    if method.block == Block::No && sent.block.is_some() {
        return Err(sent.not_understood("with a block"));
    }
    if method.block == Block::Must && sent.block.is_none() {
        let (receiver, arguments) = (sent.receiver, sent.arguments);
        return Ok(Value::Enumerator(Rc::new(Enumerator { receiver, method: method.name, arguments })));
    }
    (method.run)(machine, &sent)
}

/// May it be called without a receiver?
pub fn is_function(name: &str) -> bool {
    kernel::METHODS.iter().any(|method| method.name == name)
}

/// Is it a method of this value that can be called?
fn find(receiver: &Value, name: &str) -> Option<&'static Method> {
    let tables = tables(receiver);
    tables.iter().flat_map(|table| table.iter()).find(|method| method.name == name)
}

fn tables(receiver: &Value) -> &'static [&'static [Method]] {
    match receiver {
        Value::Nil => &[nil::METHODS, object::METHODS],
        Value::Bool(_) => &[nil::BOOLEAN_METHODS, object::METHODS],
        Value::Int(_) => &[integer::METHODS, float::BOTH, comparable::METHODS, object::METHODS],
        Value::Float(_) => &[float::METHODS, float::BOTH, comparable::METHODS, object::METHODS],
        Value::Text(_) => &[
            string::METHODS,
            string_search::METHODS,
            string_change::METHODS,
            comparable::METHODS,
            object::METHODS,
        ],
        Value::Symbol(_) => &[symbol::METHODS, comparable::METHODS, object::METHODS],
        Value::List(_) => {
            &[list::METHODS, list_change::METHODS, enumerable::METHODS, grouping::METHODS, object::METHODS]
        }
        Value::Map(_) => {
            &[hash::METHODS, hash_change::METHODS, enumerable::METHODS, grouping::METHODS, object::METHODS]
        }
        Value::Range(_) => &[range::METHODS, enumerable::METHODS, grouping::METHODS, object::METHODS],
        Value::Enumerator(_) => {
            &[enumerator::METHODS, enumerable::METHODS, grouping::METHODS, object::METHODS]
        }
        Value::Regexp(_) => &[regexp::METHODS, object::METHODS],
        Value::Match(_) => &[regexp::MATCH_METHODS, object::METHODS],
        Value::Proc(_) => &[proc::METHODS, object::METHODS],
        Value::Exception(_) => &[exception::METHODS, object::METHODS],
        Value::Time(_) => &[time::METHODS, comparable::METHODS, object::METHODS],
        Value::Date(_) => &[date::METHODS, comparable::METHODS, object::METHODS],
        Value::Uri(_) => &[uri::METHODS, object::METHODS],
        Value::Template(_) => &[erb::METHODS, object::METHODS],
        Value::Gem(_) => &[modules::GEM_METHODS, object::METHODS],
        Value::Status(_) => &[kernel::STATUS_METHODS, object::METHODS],
        Value::Main => &[kernel::METHODS, object::METHODS],
        Value::Class(name) => class::tables(name),
    }
}

const NOT_UNDERSTOOD: &str = "not among the Ruby that dhow evaluates itself";

fn unknown(sent: &Sent) -> Stop {
    match &sent.receiver {
        Value::Nil if !object::KNOWN_TO_RUBY.contains(&&*sent.name) => {
            let message = format!("undefined method '{}' for nil", sent.name);
            Stop::raise("NoMethodError", message, sent.span)
        }
        _ => Stop::refuse(format!("{} is {NOT_UNDERSTOOD}", signature(sent)), sent.span),
    }
}

/// `String#strip`, `File.read`.
fn signature(sent: &Sent) -> String {
    match &sent.receiver {
        Value::Class(class) => format!("{class}.{}", sent.name),
        Value::Main => sent.name.to_string(),
        receiver => format!("{}#{}", class_name(receiver), sent.name),
    }
}

/// Arguments as the kinds of values they have to be; `TypeError` otherwise.
impl Sent {
    /// An argument, or `nil`.
    fn arg(&self, index: usize) -> Value {
        Value::or_nil(self.arguments.get(index).cloned())
    }

    fn text_arg(&self, machine: &Machine, index: usize) -> Result<String, Stop> {
        match self.arg(index) {
            Value::Text(text) => Ok(text.get()),
            value => Err(machine.wrong_type(&value, "String", self.span)),
        }
    }

    fn int_arg(&self, machine: &Machine, index: usize) -> Result<i128, Stop> {
        match self.arg(index) {
            Value::Int(number) => Ok(number),
            Value::Float(number) => Ok(number as i128),
            value => Err(machine.wrong_type(&value, "Integer", self.span)),
        }
    }

    /// A count that cannot be negative.
    fn count_arg(&self, machine: &Machine, index: usize) -> Result<usize, Stop> {
        let number = self.int_arg(machine, index)?;
        usize::try_from(number).map_err(|_| self.argument_error("negative count"))
    }

    fn list_arg(&self, machine: &Machine, index: usize) -> Result<Vec<Value>, Stop> {
        match self.arg(index) {
            Value::List(list) => Ok(list.get()),
            value => Err(machine.wrong_type(&value, "Array", self.span)),
        }
    }

    fn map_arg(&self, machine: &Machine, index: usize) -> Result<Map, Stop> {
        match self.arg(index) {
            Value::Map(map) => Ok(map),
            value => Err(machine.wrong_type(&value, "Hash", self.span)),
        }
    }

    /// `key: value` among the arguments.
    fn option(&self, name: &str) -> Option<Value> {
        let Some(Value::Map(map)) = self.arguments.last() else { return None };
        let is_name = |key: &Value| matches!(key, Value::Symbol(key) if &**key == name);
        map.get().into_iter().find(|(key, _)| is_name(key)).map(|(_, value)| value)
    }

    /// The arguments before `key: value`.
    fn positions(&self) -> &[Value] {
        let end = self.arguments.len() - usize::from(self.has_keywords);
        &self.arguments[..end]
    }

    /// Calls the block with a value.
    fn yields(&self, machine: &mut Machine, value: Value) -> Outcome {
        self.yields_all(machine, vec![value])
    }

    fn yields_all(&self, machine: &mut Machine, values: Vec<Value>) -> Outcome {
        match &self.block {
            Some(block) => machine.deeper(self.span, |machine| machine.call_proc(block, values, self.span)),
            None => Err(self.not_understood("without a block")),
        }
    }

    fn argument_error(&self, message: impl Into<String>) -> Stop {
        Stop::raise("ArgumentError", message, self.span)
    }

    fn not_understood(&self, what: &str) -> Stop {
        Stop::refuse(format!("{} {what} is {NOT_UNDERSTOOD}", signature(self)), self.span)
    }
}

/// The receiver as what the table is for; the dispatch above makes sure of it.
impl Sent {
    fn own_text(&self) -> Text {
        match &self.receiver {
            Value::Text(text) => text.clone(),
            _ => Text::new(""),
        }
    }

    /// What the text says.
    fn says(&self) -> String {
        self.own_text().get()
    }

    fn own_list(&self) -> List {
        match &self.receiver {
            Value::List(list) => list.clone(),
            _ => List::new(Vec::new()),
        }
    }

    fn own_map(&self) -> Map {
        match &self.receiver {
            Value::Map(map) => map.clone(),
            _ => Map::new(Vec::new()),
        }
    }
}

impl Machine<'_> {
    /// What `each` would go through.
    pub(super) fn items(&mut self, value: &Value, span: Span) -> Result<Vec<Value>, Stop> {
        let items = match value {
            Value::List(list) => list.get(),
            Value::Map(map) => map.get().into_iter().map(|(key, value)| Value::list([key, value])).collect(),
            Value::Range(range) => range::items(self, range, span)?,
            Value::Enumerator(enumerator) => enumerator::items(self, enumerator, span)?,
            Value::Class("ENV") => environment::items(self),
            Value::Nil => return Err(Stop::raise("NoMethodError", "undefined method 'each' for nil", span)),
            value => {
                let what = format!("going through a {} is {NOT_UNDERSTOOD}", class_name(value));
                return Err(Stop::refuse(what, span));
            }
        };
        self.spend(items.len() / 8, span)?;
        Ok(items)
    }
}
