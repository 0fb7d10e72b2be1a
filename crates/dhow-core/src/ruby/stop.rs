//! Why evaluation does not go on.

use super::syntax::Span;
use super::value::{Exception, Value};
use std::rc::Rc;

/// The value of an expression, or why there is none.
pub type Outcome = Result<Value, Stop>;

/// What ends an expression early.
pub enum Stop {
    /// Something raised, which `rescue` may take.
    Raised(Rc<Exception>, Span),
    /// What the evaluator cannot do: nothing in the template can take it.
    Refused(Box<Refusal>),
    /// `break` out of a call.
    Break(Value, u64),
    /// `next`.
    Next(Value),
    /// `return`.
    Return(Value),
}

/// What the evaluator cannot do.
#[derive(Debug)]
pub struct Refusal {
    /// What is not understood.
    pub what: String,
    /// Where it stands.
    pub span: Span,
    /// Could Ruby itself? It would not help against a loop without an end.
    pub ruby_could: bool,
}

impl Stop {
    /// Raises, in Ruby's words.
    pub fn raise(class: &'static str, message: impl Into<String>, span: Span) -> Stop {
        Stop::Raised(Rc::new(Exception { class, message: message.into(), is_own: false }), span)
    }

    /// Raises, in the words of the template.
    pub fn raise_own(class: &'static str, message: String, span: Span) -> Stop {
        Stop::Raised(Rc::new(Exception { class, message, is_own: true }), span)
    }

    /// Names what is not understood.
    pub fn refuse(what: impl Into<String>, span: Span) -> Stop {
        Stop::Refused(Box::new(Refusal { what: what.into(), span, ruby_could: true }))
    }

    /// Ends what would take too much time or memory.
    pub fn exhausted(what: impl Into<String>, span: Span) -> Stop {
        Stop::Refused(Box::new(Refusal { what: what.into(), span, ruby_could: false }))
    }
}
