//! The walk over the tree: one short method for each kind of expression.

use super::machine::Machine;
use super::stop::{Outcome, Stop};
use super::syntax::{Argument, Case, Expression, Kind, Pair, RegexpFlags, Span, Target, Variable, While};
use super::value::{Closure, List, Map, Proc, Range, Text, Value};
use super::{constants, regexp};
use std::rc::Rc;

impl Machine<'_> {
    /// The value of an expression.
    pub fn evaluate(&mut self, expression: &Expression) -> Outcome {
        self.deeper(expression.span, |machine| machine.value(expression))
    }

    fn value(&mut self, expression: &Expression) -> Outcome {
        let span = expression.span;
        match &expression.kind {
            Kind::Nil => Ok(Value::Nil),
            Kind::True => Ok(Value::Bool(true)),
            Kind::False => Ok(Value::Bool(false)),
            Kind::Myself => Ok(Value::Main),
            Kind::Integer(number) => Ok(Value::Int(*number)),
            Kind::Float(number) => Ok(Value::Float(*number)),
            Kind::Text(text) => Ok(Value::text(&**text)),
            Kind::Symbol(name) => Ok(Value::Symbol(Rc::clone(name))),
            Kind::Interpolated(parts) => Ok(Value::text(self.joined(parts, span)?)),
            Kind::InterpolatedSymbol(parts) => Ok(Value::Symbol(self.joined(parts, span)?.into())),
            Kind::Shell(parts) => {
                let command = self.joined(parts, span)?;
                self.shell(&command, span)
            }
            Kind::Regexp { parts, flags } => self.regexp(parts, *flags, span),
            Kind::List(items) => self.list(items),
            Kind::SplatList(items) => {
                let (items, _) = self.arguments(items)?;
                Ok(Value::list(items))
            }
            Kind::Map(pairs) => Ok(Value::Map(self.map(pairs)?)),
            Kind::Range { from, to, excludes_end } => {
                self.range(from.as_deref(), to.as_deref(), *excludes_end)
            }
            Kind::Variable(variable) => self.variable(variable, span),
            Kind::Constant(path) => self.constant(path, span),
            Kind::Assign(target, value) => self.assignment(target, value),
            Kind::Update { target, operator, value } => self.update(target, operator, value, span),
            Kind::Call(call) => self.call(call, span),
            Kind::And(left, right) => {
                let left = self.evaluate(left)?;
                if left.is_true() { self.evaluate(right) } else { Ok(left) }
            }
            Kind::Or(left, right) => {
                let left = self.evaluate(left)?;
                if left.is_true() { Ok(left) } else { self.evaluate(right) }
            }
            Kind::Defined(of) => self.defined(of),
            Kind::If { condition, then, otherwise } => {
                let is_true = self.evaluate(condition)?.is_true();
                self.evaluate(if is_true { then } else { otherwise })
            }
            Kind::While(repeated) => self.repeat(repeated),
            Kind::For { target, items, body } => self.each(target, items, body),
            Kind::Case(case) => self.case(case),
            Kind::Sequence(expressions) => self.sequence(expressions),
            Kind::Begin(begin) => self.begin(begin),
            Kind::Define(function) => {
                self.functions.insert(Rc::clone(&function.name), Rc::clone(function));
                Ok(Value::Symbol(Rc::clone(&function.name)))
            }
            Kind::Lambda(function) => {
                let scope = Rc::clone(&self.scope);
                let home = self.new_home();
                let closure = Closure { function: Rc::clone(function), scope, is_lambda: true, home };
                Ok(Value::Proc(Rc::new(Proc::Code(closure))))
            }
            Kind::Return(value) => Err(Stop::Return(self.maybe(value.as_deref())?)),
            Kind::Next(value) => Err(Stop::Next(self.maybe(value.as_deref())?)),
            // Which call it ends is filled in where the block is called.
            Kind::Break(value) => Err(Stop::Break(self.maybe(value.as_deref())?, 0)),
            Kind::Yield(arguments) => self.yielded(arguments, span),
            Kind::MatchWrite { call, names } => self.match_write(call, names),
            Kind::Refused(what) => {
                Err(Stop::refuse(format!("{what} is not among the Ruby that dhow evaluates itself"), span))
            }
        }
    }

    fn maybe(&mut self, expression: Option<&Expression>) -> Outcome {
        expression.map_or(Ok(Value::Nil), |expression| self.evaluate(expression))
    }

    fn sequence(&mut self, expressions: &[Expression]) -> Outcome {
        let mut last = Value::Nil;
        for expression in expressions {
            last = self.evaluate(expression)?;
        }
        Ok(last)
    }

    /// Interpolation.
    fn joined(&mut self, parts: &[Expression], span: Span) -> Result<String, Stop> {
        let text = Text::new("");
        for part in parts {
            let value = self.evaluate(part)?;
            let piece = self.string_of(&value, part.span)?;
            self.append(&text, &piece, span)?;
        }
        Ok(text.get())
    }

    fn regexp(&mut self, parts: &[Expression], flags: RegexpFlags, span: Span) -> Outcome {
        let mut source = String::new();
        for part in parts {
            match self.evaluate(part)? {
                Value::Regexp(inner) => source.push_str(&inner.embedded()),
                value => source.push_str(&self.string_of(&value, part.span)?),
            }
        }
        self.spend(1_000, span)?;
        Ok(Value::Regexp(Rc::new(regexp::Regexp::new(&source, flags).map_err(|error| error.at(span))?)))
    }

    fn list(&mut self, items: &[Expression]) -> Outcome {
        let items: Result<Vec<Value>, Stop> = items.iter().map(|item| self.evaluate(item)).collect();
        Ok(Value::List(List::new(items?)))
    }

    pub(super) fn map(&mut self, pairs: &[Pair]) -> Result<Map, Stop> {
        let map = Map::new(Vec::new());
        for pair in pairs {
            match pair {
                Pair::Entry(key, value) => {
                    let key_value = self.evaluate(key)?;
                    let value = self.evaluate(value)?;
                    self.insert(&map, key_value, value, key.span)?;
                }
                Pair::Splat(other) => match self.evaluate(other)? {
                    Value::Map(other_map) => {
                        for (key, value) in other_map.get() {
                            self.insert(&map, key, value, other.span)?;
                        }
                    }
                    Value::Nil => {}
                    value => return Err(self.wrong_type(&value, "Hash", other.span)),
                },
            }
        }
        Ok(map)
    }

    fn range(&mut self, from: Option<&Expression>, to: Option<&Expression>, excludes_end: bool) -> Outcome {
        let from = self.maybe(from)?;
        let to = self.maybe(to)?;
        Ok(Value::Range(Rc::new(Range { from, to, excludes_end })))
    }

    pub(super) fn variable(&mut self, variable: &Variable, span: Span) -> Outcome {
        match variable {
            Variable::Local(name) => Ok(Value::or_nil(self.scope.get(name))),
            Variable::Instance(name) => Ok(Value::or_nil(self.instance.get(name).cloned())),
            Variable::Global(name) => self.global(name, span),
            Variable::Group(number) => Ok(match &self.last_match {
                Value::Match(found) => Value::or_nil(found.group(*number).map(Value::text)),
                _ => Value::Nil,
            }),
        }
    }

    fn global(&mut self, name: &str, span: Span) -> Outcome {
        match name {
            "$?" => Ok(self.last_status.clone()),
            "$~" => Ok(self.last_match.clone()),
            "$!" => Ok(self.rescued.clone().map_or(Value::Nil, Value::Exception)),
            "$stdout" | "$stderr" => Ok(Value::Class("IO")),
            name => match self.globals.get(name) {
                Some(value) => Ok(value.clone()),
                None => {
                    let what =
                        format!("the variable {name} is not among the Ruby that dhow evaluates itself");
                    Err(Stop::refuse(what, span))
                }
            },
        }
    }

    fn constant(&mut self, path: &str, span: Span) -> Outcome {
        match self.constants.get(path) {
            Some(value) => Ok(value.clone()),
            None => constants::value(self, path, span),
        }
    }

    fn defined(&mut self, of: &Expression) -> Outcome {
        let what = match &of.kind {
            Kind::Variable(Variable::Local(_)) => Some("local-variable"),
            Kind::Variable(Variable::Instance(name)) => {
                self.instance.contains_key(name).then_some("instance-variable")
            }
            Kind::Constant(path) => {
                let is_known = self.constants.contains_key(path.as_str()) || constants::is_known(path);
                is_known.then_some("constant")
            }
            Kind::Call(call) if call.is_word => self.functions.contains_key(&call.name).then_some("method"),
            Kind::Nil => Some("expression"),
            _ => {
                let what = "this form of defined? is not among the Ruby that dhow evaluates itself";
                return Err(Stop::refuse(what, of.span));
            }
        };
        Ok(Value::or_nil(what.map(Value::text)))
    }

    fn repeat(&mut self, repeated: &While) -> Outcome {
        let mut first = repeated.body_first;
        loop {
            let goes_on = first || self.evaluate(&repeated.condition)?.is_true() != repeated.until;
            if !goes_on {
                return Ok(Value::Nil);
            }
            first = false;
            match self.evaluate(&repeated.body) {
                Err(Stop::Break(value, 0)) => return Ok(value),
                Err(Stop::Next(_)) => {}
                outcome => {
                    outcome?;
                }
            }
        }
    }

    fn each(&mut self, target: &Target, items: &Expression, body: &Expression) -> Outcome {
        let list = self.evaluate(items)?;
        for item in self.items(&list, items.span)? {
            self.assign(target, item, items.span)?;
            match self.evaluate(body) {
                Err(Stop::Break(value, 0)) => return Ok(value),
                Err(Stop::Next(_)) => {}
                outcome => {
                    outcome?;
                }
            }
        }
        Ok(list)
    }

    fn case(&mut self, case: &Case) -> Outcome {
        let subject = case.subject.as_ref().map(|subject| self.evaluate(subject)).transpose()?;
        for (conditions, body) in &case.whens {
            for condition in conditions {
                if self.fits(subject.as_ref(), condition)? {
                    return self.evaluate(body);
                }
            }
        }
        self.evaluate(&case.otherwise)
    }

    /// `when`, with or without a subject.
    fn fits(&mut self, subject: Option<&Value>, condition: &Argument) -> Result<bool, Stop> {
        let (expression, is_splat) = match condition {
            Argument::One(expression) => (expression, false),
            Argument::Splat(expression) => (expression, true),
            Argument::Keywords(_, span) => return Err(Stop::refuse("a mapping after when", *span)),
        };
        let value = self.evaluate(expression)?;
        let patterns = if is_splat { self.items(&value, expression.span)? } else { vec![value] };
        for pattern in patterns {
            let fits = match subject {
                Some(subject) => self.case_equal(&pattern, subject, expression.span)?,
                None => pattern.is_true(),
            };
            if fits {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn match_write(&mut self, call: &Expression, names: &[Rc<str>]) -> Outcome {
        let found = self.evaluate(call)?;
        for name in names {
            let group = match &self.last_match {
                Value::Match(found) => found.named(name).flatten(),
                _ => None,
            };
            self.scope.set(name, Value::or_nil(group.map(Value::text)));
        }
        Ok(found)
    }
}
