//! `begin … rescue … end` and `raise`.

use super::exceptions;
use super::machine::Machine;
use super::stop::{Outcome, Stop};
use super::syntax::{Begin, Rescue, Span};
use super::value::{Exception, Value};
use std::rc::Rc;

impl Machine<'_> {
    pub(super) fn begin(&mut self, begin: &Begin) -> Outcome {
        let outcome = self.rescuing(begin);
        let Some(ensure) = &begin.ensure else { return outcome };
        self.evaluate(ensure)?;
        outcome
    }

    fn rescuing(&mut self, begin: &Begin) -> Outcome {
        let outcome = self.evaluate(&begin.body);
        let (raised, span) = match (outcome, &begin.otherwise) {
            (Err(Stop::Raised(raised, span)), _) => (raised, span),
            (Ok(_), Some(otherwise)) => return self.evaluate(otherwise),
            (outcome, _) => return outcome,
        };
        for rescue in &begin.rescues {
            if self.takes(rescue, &raised)? {
                return self.rescue(rescue, raised, span);
            }
        }
        Err(Stop::Raised(raised, span))
    }

    fn takes(&mut self, rescue: &Rescue, raised: &Exception) -> Result<bool, Stop> {
        if rescue.classes.is_empty() {
            return Ok(exceptions::is_a(raised.class, "StandardError"));
        }
        let (classes, _) = self.arguments(&rescue.classes)?;
        let is_class =
            |value: &Value| matches!(value, Value::Class(class) if exceptions::is_a(raised.class, class));
        Ok(classes.iter().any(is_class))
    }

    fn rescue(&mut self, rescue: &Rescue, raised: Rc<Exception>, span: Span) -> Outcome {
        if let Some(into) = &rescue.into {
            self.assign(into, Value::Exception(Rc::clone(&raised)), span)?;
        }
        let outer = self.rescued.replace(raised);
        let outcome = self.evaluate(&rescue.body);
        self.rescued = outer;
        outcome
    }

    /// `raise "text"`, `raise Class`, `raise Class, "text"`, `raise exception`, `raise`.
    pub(super) fn raise(&mut self, arguments: &[Value], span: Span) -> Outcome {
        let message = arguments.get(1).map(|message| self.string_of(message, span)).transpose()?;
        let exception = match (arguments.first(), &self.rescued) {
            (None, Some(rescued)) => Rc::clone(rescued),
            (None, None) => return Err(Stop::raise("RuntimeError", "unhandled exception", span)),
            (Some(Value::Text(text)), _) => return Err(Stop::raise_own("RuntimeError", text.get(), span)),
            (Some(Value::Exception(exception)), _) => match message {
                Some(message) => return Err(Stop::raise_own(exception.class, message, span)),
                None => Rc::clone(exception),
            },
            (Some(Value::Class(class)), _) if exceptions::is_known(class) => {
                return Err(Stop::raise_own(class, message.unwrap_or_else(|| (*class).to_string()), span));
            }
            (Some(_), _) => {
                return Err(Stop::raise("TypeError", "exception class/object expected", span));
            }
        };
        Err(Stop::Raised(exception, span))
    }
}
