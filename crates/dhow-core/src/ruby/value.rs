//! What Ruby's values are to the evaluator. Texts, lists and mappings are shared and can be changed in place, as in Ruby.

use super::machine::Scope;
use super::regexp::{Match, Regexp};
use super::syntax::{Function, Name};
use super::time::{Date, Time};
use super::uri::Uri;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A value.
#[derive(Clone)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    Symbol(Name),
    List(List),
    Map(Map),
    Range(Rc<Range>),
    Regexp(Rc<Regexp>),
    Match(Rc<Match>),
    Proc(Rc<Proc>),
    Enumerator(Rc<Enumerator>),
    /// A class, a module, or `ENV`: whatever a constant names.
    Class(&'static str),
    Exception(Rc<Exception>),
    Time(Time),
    Date(Date),
    Uri(Rc<Uri>),
    /// `ERB.new`.
    Template(Rc<ErbTemplate>),
    /// A gem, by its directory.
    Gem(Name),
    /// `$?`.
    Status(i32),
    /// `self` at the top.
    Main,
}

/// A text.
#[derive(Clone)]
pub struct Text(Rc<RefCell<String>>);

/// A list.
#[derive(Clone)]
pub struct List(Rc<ListCell>);

struct ListCell(RefCell<Vec<Value>>);

/// A mapping in the order in which keys came.
#[derive(Clone)]
pub struct Map(Rc<MapCell>);

struct MapCell {
    entries: RefCell<Vec<(Value, Value)>>,
    default: RefCell<Default>,
}

/// What a mapping answers for a key it does not have.
#[derive(Clone)]
pub enum Default {
    Value(Value),
    Block(Rc<Proc>),
}

/// `from..to`.
pub struct Range {
    pub from: Value,
    pub to: Value,
    pub excludes_end: bool,
}

/// Something that can be called.
pub enum Proc {
    /// A block or a lambda.
    Code(Closure),
    /// `&:name`.
    Method(Name),
    /// `method(:name)`.
    Bound(Value, Name),
    /// Counts what it passes on: `with_index`.
    Indexed { inner: Rc<Proc>, next: Cell<i128> },
    /// Passes an object on with each value: `with_object`.
    WithObject { inner: Rc<Proc>, object: Value },
    /// Keeps what it is given.
    Collecting(RefCell<Vec<Value>>),
}

/// Code with the variables around it.
pub struct Closure {
    pub function: Rc<Function>,
    pub scope: Rc<Scope>,
    pub is_lambda: bool,
    /// The call that `break` ends.
    pub home: u64,
}

/// A method that waits for its block.
pub struct Enumerator {
    pub receiver: Value,
    pub method: &'static str,
    pub arguments: Vec<Value>,
}

/// Something raised.
pub struct Exception {
    pub class: &'static str,
    pub message: String,
    /// Is the message the template's own, rather than Ruby's, which may quote a value?
    pub is_own: bool,
}

/// A template in the template.
pub struct ErbTemplate {
    pub text: String,
    pub trims: bool,
}

impl Value {
    /// A new text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(Text::new(text))
    }

    /// A new list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(List::new(items.into_iter().collect()))
    }

    /// A new list of texts.
    pub fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::list(items.into_iter().map(Value::text))
    }

    /// A length or a position.
    pub fn size(size: usize) -> Value {
        Value::Int(size as i128)
    }

    /// Everything but `nil` and `false`.
    pub fn is_true(&self) -> bool {
        !matches!(self, Value::Nil | Value::Bool(false))
    }

    /// `None` is `nil`.
    pub fn or_nil(value: Option<Value>) -> Value {
        value.unwrap_or(Value::Nil)
    }
}

impl Text {
    pub fn new(text: impl Into<String>) -> Text {
        Text(Rc::new(RefCell::new(text.into())))
    }

    /// A copy of what it says.
    pub fn get(&self) -> String {
        self.0.borrow().clone()
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub fn set(&self, text: String) {
        self.0.replace(text);
    }

    pub fn push(&self, text: &str) {
        self.0.borrow_mut().push_str(text);
    }

    pub fn is(&self, text: &str) -> bool {
        *self.0.borrow() == text
    }

    pub fn is_same(&self, other: &Text) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl List {
    pub fn new(items: Vec<Value>) -> List {
        List(Rc::new(ListCell(RefCell::new(items))))
    }

    /// A copy of its items; they are shared.
    pub fn get(&self) -> Vec<Value> {
        self.0.0.borrow().clone()
    }

    pub fn len(&self) -> usize {
        self.0.0.borrow().len()
    }

    pub fn at(&self, index: usize) -> Option<Value> {
        self.0.0.borrow().get(index).cloned()
    }

    pub fn set(&self, items: Vec<Value>) {
        self.0.0.replace(items);
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        change(&mut self.0.0.borrow_mut())
    }

    pub fn is_same(&self, other: &List) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Map {
    pub fn new(entries: Vec<(Value, Value)>) -> Map {
        Map::with_default(entries, Default::Value(Value::Nil))
    }

    pub fn with_default(entries: Vec<(Value, Value)>, default: Default) -> Map {
        Map(Rc::new(MapCell { entries: RefCell::new(entries), default: RefCell::new(default) }))
    }

    /// A copy of its entries; keys and values are shared.
    pub fn get(&self) -> Vec<(Value, Value)> {
        self.0.entries.borrow().clone()
    }

    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    pub fn entry(&self, index: usize) -> Option<(Value, Value)> {
        self.0.entries.borrow().get(index).cloned()
    }

    pub fn set(&self, entries: Vec<(Value, Value)>) {
        self.0.entries.replace(entries);
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Vec<(Value, Value)>) -> T) -> T {
        change(&mut self.0.entries.borrow_mut())
    }

    pub fn default(&self) -> Default {
        self.0.default.borrow().clone()
    }

    pub fn set_default(&self, default: Default) {
        self.0.default.replace(default);
    }

    pub fn is_same(&self, other: &Map) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Lists in lists in lists are taken apart one by one: each dropping the next would need a stack as deep as they are.
impl Drop for ListCell {
    fn drop(&mut self) {
        take_apart(self.0.take());
    }
}

impl Drop for MapCell {
    fn drop(&mut self) {
        take_apart(self.entries.take().into_iter().flat_map(|(key, value)| [key, value]).collect());
    }
}

fn take_apart(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match &value {
            Value::List(List(cell)) if Rc::strong_count(cell) == 1 => values.extend(cell.0.take()),
            Value::Map(Map(cell)) if Rc::strong_count(cell) == 1 => {
                values.extend(cell.entries.take().into_iter().flat_map(|(key, value)| [key, value]));
            }
            _ => {}
        }
    }
}
