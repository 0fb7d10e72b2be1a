//! The state of an evaluation: variables, environment, what it may still use up.

use super::stop::{Outcome, Stop};
use super::surroundings::Surroundings;
use super::syntax::{Expression, Function, Name, Span};
use super::value::{Exception, Proc, Text, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Steps of one template: a second's work, and far more than any configuration takes.
const MOST_STEPS: u64 = 2_000_000;

/// Bytes of one text, items of one list.
const LARGEST: usize = 4 << 20;

/// Expressions in expressions, calls included; safe for the stack of a thread.
const DEEPEST: u32 = 220;

/// Evaluates one template, and templates in it.
pub struct Machine<'s> {
    pub surroundings: &'s dyn Surroundings,
    /// `ENV`.
    pub environment: BTreeMap<String, String>,
    /// Did the template change it?
    pub environment_changed: bool,
    /// `$1`, `$~`.
    pub last_match: Value,
    /// `$?`.
    pub last_status: Value,
    /// What is being rescued: `$!`.
    pub rescued: Option<Rc<Exception>>,
    /// What the template has printed, which is shown once it is known that Ruby does not have to start afresh.
    said: String,
    /// What is worth a word, and where in the program.
    pub warnings: Vec<(Span, String)>,
    /// Where in the program each part of the template's text comes from.
    pub marks: Vec<Mark>,
    /// The path of the template, for messages.
    pub scope: Rc<Scope>,
    pub(super) instance: HashMap<Name, Value>,
    pub(super) globals: HashMap<Name, Value>,
    pub(super) constants: HashMap<Name, Value>,
    pub(super) functions: HashMap<Name, Rc<Function>>,
    /// The block of the method that runs.
    pub(super) block: Option<Rc<Proc>>,
    pub(super) next_home: u64,
    /// Templates in templates: their texts leave no marks.
    pub(super) nested: u32,
    steps: u64,
    depth: u32,
}

/// Text from here on comes from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Offset in what the template becomes.
    pub output: usize,
    /// Offset in the program.
    pub program: usize,
}

/// Local variables, and those around.
#[derive(Default)]
pub struct Scope {
    variables: RefCell<HashMap<Name, Value>>,
    around: Option<Rc<Scope>>,
}

impl Scope {
    /// Of a block.
    pub fn inside(around: &Rc<Scope>) -> Rc<Scope> {
        Rc::new(Scope { variables: RefCell::default(), around: Some(Rc::clone(around)) })
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        let found = self.variables.borrow().get(name).cloned();
        found.or_else(|| self.around.as_ref().and_then(|around| around.get(name)))
    }

    /// Sets it where it is known, else here.
    pub fn set(&self, name: &Name, value: Value) {
        if !self.replace(name, &value) {
            self.declare(name, value);
        }
    }

    /// Sets it here.
    pub fn declare(&self, name: &Name, value: Value) {
        self.variables.borrow_mut().insert(Rc::clone(name), value);
    }

    fn replace(&self, name: &Name, value: &Value) -> bool {
        if let Some(known) = self.variables.borrow_mut().get_mut(name) {
            *known = value.clone();
            return true;
        }
        self.around.as_ref().is_some_and(|around| around.replace(name, value))
    }
}

impl<'s> Machine<'s> {
    pub fn new(surroundings: &'s dyn Surroundings, environment: BTreeMap<String, String>) -> Machine<'s> {
        Machine {
            surroundings,
            environment,
            environment_changed: false,
            last_match: Value::Nil,
            last_status: Value::Nil,
            rescued: None,
            said: String::new(),
            warnings: Vec::new(),
            marks: Vec::new(),
            scope: Rc::default(),
            instance: HashMap::new(),
            globals: HashMap::new(),
            constants: HashMap::new(),
            functions: HashMap::new(),
            block: None,
            next_home: 0,
            nested: 0,
            steps: MOST_STEPS,
            depth: 0,
        }
    }

    /// Runs a program; its value is what the template becomes.
    pub fn run(&mut self, program: &Expression) -> Result<String, Stop> {
        let value = match self.evaluate(program) {
            Err(Stop::Next(value) | Stop::Return(value) | Stop::Break(value, _)) => value,
            outcome => outcome?,
        };
        self.string_of(&value, program.span)
    }

    /// One level deeper.
    pub(super) fn deeper(&mut self, span: Span, work: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        self.spend(1, span)?;
        if self.depth >= DEEPEST {
            return Err(Stop::exhausted("this nests too deeply", span));
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    /// Uses up steps.
    pub fn spend(&mut self, steps: usize, span: Span) -> Result<(), Stop> {
        self.steps = self.steps.saturating_sub(steps as u64);
        match self.steps {
            0 => Err(Stop::exhausted("this takes too long: is it a loop without an end?", span)),
            _ => Ok(()),
        }
    }

    /// Uses up what handling that many bytes or items costs, before it is done.
    pub fn afford(&mut self, size: usize, span: Span) -> Result<(), Stop> {
        if size > LARGEST {
            return Err(Stop::exhausted("this makes a value that is too large", span));
        }
        self.spend(size / 64, span)
    }

    /// A text, if it is not too large.
    pub fn new_text(&mut self, text: String, span: Span) -> Outcome {
        self.afford(text.len(), span)?;
        Ok(Value::text(text))
    }

    /// Appends.
    pub fn append(&mut self, to: &Text, text: &str, span: Span) -> Result<(), Stop> {
        if to.len() + text.len() > LARGEST {
            return Err(Stop::exhausted("this makes a text that is too large", span));
        }
        self.spend(text.len() / 64, span)?;
        to.push(text);
        Ok(())
    }

    /// Prints, for the user to see.
    pub fn say(&mut self, text: &str, span: Span) -> Result<(), Stop> {
        self.afford(self.said.len() + text.len(), span)?;
        self.said.push_str(text);
        Ok(())
    }

    /// Shows what was printed so far.
    pub fn show_said(&mut self) {
        let said = std::mem::take(&mut self.said);
        if !said.is_empty() {
            self.surroundings.say(&said);
        }
    }

    /// Remembers where the text that comes next is from.
    pub(super) fn mark(&mut self, output: &Text, span: Span) {
        if self.nested == 0 {
            self.marks.push(Mark { output: output.len(), program: span.start });
        }
    }

    /// Sets a variable of the environment, or removes it.
    pub fn set_environment(&mut self, name: String, value: Option<String>) {
        self.environment_changed = true;
        match value {
            Some(value) => self.environment.insert(name, value),
            None => self.environment.remove(&name),
        };
    }

    /// Names a call that `break` can end.
    pub(super) fn new_home(&mut self) -> u64 {
        self.next_home += 1;
        self.next_home
    }
}
