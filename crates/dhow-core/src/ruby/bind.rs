//! Giving the parameters of a function their values.

use super::machine::Machine;
use super::stop::Stop;
use super::syntax::{Name, Parameters, Span, Target};
use super::value::{Map, Value};
use std::rc::Rc;

impl Machine<'_> {
    /// A lambda or a method insists on its number of arguments; a block takes what comes, and takes a lone list apart
    /// if it has several parameters.
    pub(super) fn bind(
        &mut self,
        parameters: &Parameters,
        mut arguments: Vec<Value>,
        is_strict: bool,
        span: Span,
    ) -> Result<(), Stop> {
        if !parameters.implicit.is_empty() {
            return self.bind_implicit(&parameters.implicit, arguments);
        }
        self.bind_keywords(parameters, &mut arguments, span)?;
        if let ([Value::List(list)], true) = (arguments.as_slice(), !is_strict && takes_apart(parameters)) {
            arguments = list.get();
        }
        if is_strict {
            check_count(parameters, arguments.len(), span)?;
        }
        self.bind_positions(parameters, arguments, span)
    }

    fn bind_implicit(&mut self, names: &[Name], mut arguments: Vec<Value>) -> Result<(), Stop> {
        if let ([Value::List(list)], [_, _, ..]) = (arguments.as_slice(), names) {
            arguments = list.get();
        }
        let mut arguments = arguments.into_iter();
        for name in names {
            self.scope.declare(name, Value::or_nil(arguments.next()));
        }
        Ok(())
    }

    fn bind_positions(
        &mut self,
        parameters: &Parameters,
        arguments: Vec<Value>,
        span: Span,
    ) -> Result<(), Stop> {
        let fixed = parameters.required.len() + parameters.after.len();
        let mut extra = arguments.len().saturating_sub(fixed);
        let mut arguments = arguments.into_iter();
        for target in &parameters.required {
            self.bind_target(target, Value::or_nil(arguments.next()), span)?;
        }
        for (name, default) in &parameters.optional {
            let value = if extra > 0 { arguments.next() } else { None };
            extra = extra.saturating_sub(1);
            let value = match value {
                Some(value) => value,
                None => self.evaluate(default)?,
            };
            self.scope.declare(name, value);
        }
        if let Some(rest) = &parameters.rest {
            let items: Vec<Value> = arguments.by_ref().take(extra).collect();
            rest.iter().for_each(|name| self.scope.declare(name, Value::list(items.clone())));
        }
        for target in &parameters.after {
            self.bind_target(target, Value::or_nil(arguments.next()), span)?;
        }
        Ok(())
    }

    /// A parameter hides a variable of the same name outside.
    fn bind_target(&mut self, target: &Target, value: Value, span: Span) -> Result<(), Stop> {
        self.declare_all(target);
        self.assign(target, value, span)
    }

    fn declare_all(&mut self, target: &Target) {
        match target {
            Target::Variable(super::syntax::Variable::Local(name)) => self.scope.declare(name, Value::Nil),
            Target::Several { before, rest, after } => {
                before.iter().chain(after).for_each(|target| self.declare_all(target));
                rest.iter().flatten().for_each(|target| self.declare_all(target));
            }
            _ => {}
        }
    }

    fn bind_keywords(
        &mut self,
        parameters: &Parameters,
        arguments: &mut Vec<Value>,
        span: Span,
    ) -> Result<(), Stop> {
        if parameters.keywords.is_empty() && parameters.keyword_rest.is_none() {
            return Ok(());
        }
        let mut given = match arguments.last() {
            Some(Value::Map(map)) => map.get(),
            _ => Vec::new(),
        };
        if let Some(Value::Map(_)) = arguments.last() {
            arguments.pop();
        }
        for (name, default) in &parameters.keywords {
            let is_name = |key: &Value| matches!(key, Value::Symbol(key) if key == name);
            let found = given.iter().position(|(key, _)| is_name(key)).map(|index| given.remove(index).1);
            let value = match (found, default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.evaluate(default)?,
                (None, None) => {
                    return Err(Stop::raise("ArgumentError", format!("missing keyword: :{name}"), span));
                }
            };
            self.scope.declare(name, value);
        }
        if let Some(Some(name)) = &parameters.keyword_rest {
            self.scope.declare(&Rc::clone(name), Value::Map(Map::new(given)));
        }
        Ok(())
    }
}

/// Would `[1, 2]` fill two parameters?
fn takes_apart(parameters: &Parameters) -> bool {
    let fixed = parameters.required.len() + parameters.optional.len() + parameters.after.len();
    fixed > 1 || (fixed == 1 && parameters.rest.is_some())
}

fn check_count(parameters: &Parameters, given: usize, span: Span) -> Result<(), Stop> {
    let least = parameters.required.len() + parameters.after.len();
    let most = least + parameters.optional.len();
    let expected = match (least, most, parameters.rest.is_some()) {
        (least, _, true) if given < least => format!("{least}+"),
        (_, _, true) => return Ok(()),
        (least, most, false) if (least..=most).contains(&given) => return Ok(()),
        (least, most, false) if least == most => least.to_string(),
        (least, most, false) => format!("{least}..{most}"),
    };
    let message = format!("wrong number of arguments (given {given}, expected {expected})");
    Err(Stop::raise("ArgumentError", message, span))
}
