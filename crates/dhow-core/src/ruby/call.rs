//! Calling: methods of values, functions of the template, blocks.

use super::machine::{Machine, Scope};
use super::methods::{self, Sent};
use super::stop::{Outcome, Stop};
use super::syntax::{Argument, BlockArgument, Call, Function, Kind, Span, Variable};
use super::value::{Closure, Proc, Value};
use std::rc::Rc;

impl Machine<'_> {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Outcome {
        let Some(receiver) = &call.receiver else { return self.function_call(call, span) };
        let value = self.evaluate(receiver)?;
        if call.is_safe && matches!(value, Value::Nil) {
            return Ok(Value::Nil);
        }
        if &*call.name == "!" {
            return Ok(Value::Bool(!value.is_true()));
        }
        let (arguments, has_keywords) = self.arguments(&call.arguments)?;
        if let (Value::Text(output), Kind::Variable(Variable::Local(name))) = (&value, &receiver.kind)
            && &**name == "_erbout"
        {
            let written = call.arguments.first().map_or(span, Argument::span);
            self.mark(output, written);
        }
        self.with_block(call.block.as_ref(), span, |machine, block| {
            let name = Rc::clone(&call.name);
            methods::send(machine, Sent { receiver: value, name, arguments, has_keywords, block, span })
        })
    }

    /// Without a receiver: a function of the template, or one of Ruby's own.
    fn function_call(&mut self, call: &Call, span: Span) -> Outcome {
        // The parser does not know the variables around a template in a template.
        if let Some(value) = self.scope.get(&call.name).filter(|_| call.is_word) {
            return Ok(value);
        }
        let function = self.functions.get(&call.name).cloned();
        let (arguments, has_keywords) = self.arguments(&call.arguments)?;
        self.with_block(call.block.as_ref(), span, |machine, block| match function {
            Some(function) => machine.call_function(&function, arguments, has_keywords, block, span),
            None if call.is_word && !methods::is_function(&call.name) => {
                let message = format!("undefined local variable or method '{}'", call.name);
                Err(Stop::raise("NameError", message, span))
            }
            None => {
                let (receiver, name) = (Value::Main, Rc::clone(&call.name));
                methods::send(machine, Sent { receiver, name, arguments, has_keywords, block, span })
            }
        })
    }

    /// Makes the block, and ends the call where the block says `break`.
    fn with_block(
        &mut self,
        block: Option<&BlockArgument>,
        span: Span,
        work: impl FnOnce(&mut Self, Option<Rc<Proc>>) -> Outcome,
    ) -> Outcome {
        let home = self.new_home();
        let block = match block {
            None => None,
            Some(BlockArgument::Code(function)) => {
                let scope = Rc::clone(&self.scope);
                let closure = Closure { function: Rc::clone(function), scope, is_lambda: false, home };
                Some(Rc::new(Proc::Code(closure)))
            }
            Some(BlockArgument::Value(value)) => {
                let value = self.evaluate(value)?;
                self.proc_of(value, span)?
            }
        };
        match work(self, block) {
            Err(Stop::Break(value, ended)) if ended == home => Ok(value),
            outcome => outcome,
        }
    }

    /// What `&value` stands for.
    fn proc_of(&mut self, value: Value, span: Span) -> Result<Option<Rc<Proc>>, Stop> {
        match value {
            Value::Nil => Ok(None),
            Value::Proc(proc) => Ok(Some(proc)),
            Value::Symbol(name) => Ok(Some(Rc::new(Proc::Method(name)))),
            value => Err(self.wrong_type(&value, "Proc", span)),
        }
    }

    /// The values of arguments, and whether the last of them are keywords.
    pub(super) fn arguments(&mut self, arguments: &[Argument]) -> Result<(Vec<Value>, bool), Stop> {
        let mut values = Vec::with_capacity(arguments.len());
        let mut has_keywords = false;
        for argument in arguments {
            match argument {
                Argument::One(expression) => values.push(self.evaluate(expression)?),
                Argument::Splat(expression) => {
                    let list = self.evaluate(expression)?;
                    values.extend(self.splat(&list, expression.span)?);
                }
                Argument::Keywords(pairs, _) => {
                    let map = self.map(pairs)?;
                    has_keywords = map.len() > 0;
                    values.extend(has_keywords.then_some(Value::Map(map)));
                }
            }
        }
        Ok((values, has_keywords))
    }

    fn splat(&mut self, value: &Value, span: Span) -> Result<Vec<Value>, Stop> {
        match value {
            Value::List(_) | Value::Map(_) | Value::Range(_) | Value::Enumerator(_) => {
                self.items(value, span)
            }
            Value::Nil => Ok(Vec::new()),
            value => Ok(vec![value.clone()]),
        }
    }

    /// Calls a method of a value.
    pub fn send(&mut self, receiver: Value, name: &str, arguments: Vec<Value>, span: Span) -> Outcome {
        let sent = Sent { receiver, name: name.into(), arguments, has_keywords: false, block: None, span };
        methods::send(self, sent)
    }

    /// Calls a block with one value.
    pub fn call_with(&mut self, proc: &Rc<Proc>, value: Value, span: Span) -> Outcome {
        self.call_proc(proc, vec![value], span)
    }

    /// Calls a block.
    pub fn call_proc(&mut self, proc: &Rc<Proc>, mut arguments: Vec<Value>, span: Span) -> Outcome {
        match &**proc {
            Proc::Code(closure) => self.call_closure(closure, arguments, span),
            Proc::Method(name) => {
                if arguments.is_empty() {
                    return Err(Stop::raise("ArgumentError", "no receiver given", span));
                }
                let receiver = arguments.remove(0);
                self.deeper(span, |machine| machine.send(receiver, name, arguments, span))
            }
            Proc::Bound(receiver, name) => match self.functions.get(name).cloned() {
                Some(function) => self.call_function(&function, arguments, false, None, span),
                None => self.send(receiver.clone(), name, arguments, span),
            },
            Proc::Indexed { inner, next } => {
                let index = Value::Int(next.replace(next.get() + 1));
                self.call_proc(inner, vec![packed(arguments), index], span)
            }
            Proc::WithObject { inner, object } => {
                self.call_proc(inner, vec![packed(arguments), object.clone()], span)
            }
            Proc::Collecting(values) => {
                let value = packed(arguments);
                self.spend(1, span)?;
                values.borrow_mut().push(value);
                Ok(Value::Nil)
            }
        }
    }

    fn call_closure(&mut self, closure: &Closure, arguments: Vec<Value>, span: Span) -> Outcome {
        let scope = Scope::inside(&closure.scope);
        let outcome = self.run_function(&closure.function, scope, arguments, closure.is_lambda, span);
        match outcome {
            Err(Stop::Next(value)) => Ok(value),
            Err(Stop::Return(value) | Stop::Break(value, 0)) if closure.is_lambda => Ok(value),
            Err(Stop::Break(value, 0)) => Err(Stop::Break(value, closure.home)),
            outcome => outcome,
        }
    }

    fn call_function(
        &mut self,
        function: &Rc<Function>,
        arguments: Vec<Value>,
        _has_keywords: bool,
        block: Option<Rc<Proc>>,
        span: Span,
    ) -> Outcome {
        let scope = Rc::new(Scope::default());
        if let (Some(name), Some(block)) = (&function.parameters.block, &block) {
            scope.declare(name, Value::Proc(Rc::clone(block)));
        }
        let outer = std::mem::replace(&mut self.block, block);
        let outcome = self.run_function(function, scope, arguments, true, span);
        self.block = outer;
        match outcome {
            Err(Stop::Return(value) | Stop::Next(value)) => Ok(value),
            outcome => outcome,
        }
    }

    fn run_function(
        &mut self,
        function: &Function,
        scope: Rc<Scope>,
        arguments: Vec<Value>,
        is_strict: bool,
        span: Span,
    ) -> Outcome {
        let outer = std::mem::replace(&mut self.scope, scope);
        let outcome = self
            .bind(&function.parameters, arguments, is_strict, span)
            .and_then(|()| self.evaluate(&function.body));
        self.scope = outer;
        outcome
    }

    pub(super) fn yielded(&mut self, arguments: &[Argument], span: Span) -> Outcome {
        let (arguments, _) = self.arguments(arguments)?;
        match self.block.clone() {
            Some(block) => self.call_proc(&block, arguments, span),
            None => Err(Stop::raise("LocalJumpError", "no block given (yield)", span)),
        }
    }
}

impl Argument {
    /// Where it stands.
    pub(super) fn span(&self) -> Span {
        match self {
            Argument::One(expression) | Argument::Splat(expression) => expression.span,
            Argument::Keywords(_, span) => *span,
        }
    }
}

/// Several values are a list.
fn packed(mut arguments: Vec<Value>) -> Value {
    match arguments.len() {
        1 => Value::or_nil(arguments.pop()),
        _ => Value::list(arguments),
    }
}
