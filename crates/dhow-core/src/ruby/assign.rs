//! `a = 1`, `a, b = list`, `a[1] = 2`, `a ||= 3`.

use super::machine::Machine;
use super::stop::{Outcome, Stop};
use super::syntax::{Expression, Operator, Span, Target, Variable};
use super::value::Value;
use std::rc::Rc;

impl Machine<'_> {
    pub(super) fn assignment(&mut self, target: &Target, value: &Expression) -> Outcome {
        let value_of = self.evaluate(value)?;
        self.assign(target, value_of.clone(), value.span)?;
        Ok(value_of)
    }

    /// Puts a value where it belongs.
    pub(super) fn assign(&mut self, target: &Target, value: Value, span: Span) -> Result<(), Stop> {
        match target {
            Target::Variable(variable) => self.assign_variable(variable, value, span),
            Target::Constant(name) => {
                self.constants.insert(Rc::clone(name), value);
                Ok(())
            }
            Target::Element { of, at } => {
                let receiver = self.evaluate(of)?;
                let (mut arguments, _) = self.arguments(at)?;
                arguments.push(value);
                self.send(receiver, "[]=", arguments, span).map(drop)
            }
            Target::Several { before, rest, after } => self.destructure(before, rest, after, value, span),
            Target::Refused(what, span) => {
                Err(Stop::refuse(format!("{what} is not among the Ruby that dhow evaluates itself"), *span))
            }
        }
    }

    fn assign_variable(&mut self, variable: &Variable, value: Value, span: Span) -> Result<(), Stop> {
        match variable {
            Variable::Local(name) => self.scope.set(name, value),
            Variable::Instance(name) => drop(self.instance.insert(Rc::clone(name), value)),
            Variable::Global(name) => drop(self.globals.insert(Rc::clone(name), value)),
            Variable::Group(_) => return Err(Stop::refuse("an assignment to a group of a match", span)),
        }
        Ok(())
    }

    fn destructure(
        &mut self,
        before: &[Target],
        rest: &Option<Option<Box<Target>>>,
        after: &[Target],
        value: Value,
        span: Span,
    ) -> Result<(), Stop> {
        let mut items = match value {
            Value::List(list) => list.get(),
            value => vec![value],
        };
        let fixed = before.len() + after.len();
        items.resize_with(items.len().max(fixed), || Value::Nil);
        let extra = items.len() - fixed;
        let mut items = items.into_iter();
        for target in before {
            self.assign(target, Value::or_nil(items.next()), span)?;
        }
        if let Some(rest) = rest {
            let rest_items: Vec<Value> = items.by_ref().take(extra).collect();
            if let Some(target) = rest {
                self.assign(target, Value::list(rest_items), span)?;
            }
        }
        for target in after {
            self.assign(target, Value::or_nil(items.next()), span)?;
        }
        Ok(())
    }

    /// `target OPERATOR= value`.
    pub(super) fn update(
        &mut self,
        target: &Target,
        operator: &Operator,
        value: &Expression,
        span: Span,
    ) -> Outcome {
        match target {
            Target::Element { of, at } => {
                let receiver = self.evaluate(of)?;
                let (arguments, _) = self.arguments(at)?;
                let current = self.send(receiver.clone(), "[]", arguments.clone(), span)?;
                let Some(new) = self.updated(current.clone(), operator, value, span)? else {
                    return Ok(current);
                };
                let arguments = arguments.into_iter().chain([new.clone()]).collect();
                self.send(receiver, "[]=", arguments, span)?;
                Ok(new)
            }
            Target::Variable(variable) => {
                let current = self.variable(variable, span)?;
                let Some(new) = self.updated(current.clone(), operator, value, span)? else {
                    return Ok(current);
                };
                self.assign_variable(variable, new.clone(), span)?;
                Ok(new)
            }
            _ => Err(Stop::refuse("this assignment", span)),
        }
    }

    /// The new value; `None` if the old one stays.
    fn updated(
        &mut self,
        current: Value,
        operator: &Operator,
        value: &Expression,
        span: Span,
    ) -> Result<Option<Value>, Stop> {
        match operator {
            Operator::Or if current.is_true() => Ok(None),
            Operator::And if !current.is_true() => Ok(None),
            Operator::Or | Operator::And => self.evaluate(value).map(Some),
            Operator::Method(name) => {
                let value = self.evaluate(value)?;
                self.send(current, name, vec![value], span).map(Some)
            }
        }
    }
}
