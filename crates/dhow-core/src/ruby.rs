//! Ruby as templates use it: ERB compiled as Ruby compiles it, parsed by Ruby's own parser, walked by a small evaluator.
//!
//! What can be called is a white list: a table per kind of value, in `methods`. Whatever a template can reach outside
//! its own text goes through [`Surroundings`]. What is not understood is refused with its place, never guessed; and
//! nothing runs without an end.

mod assign;
mod bind;
mod call;
mod character_set;
mod compare;
mod constants;
mod evaluate;
mod exceptions;
mod format;
mod json;
mod machine;
mod methods;
mod numbers;
mod parse;
mod paths;
mod regexp;
mod rescue;
mod show;
mod stop;
mod surroundings;
mod syntax;
mod template;
mod time;
mod uri;
mod value;

#[cfg(test)]
pub(crate) mod tests;

pub use surroundings::{FileKind, Moment, Nowhere, Ran, RubyFailed, RubyRendered, Surroundings, Unreadable};

pub(crate) use machine::{Machine, Mark};
pub(crate) use parse::{SyntaxError, parse};
#[cfg(test)]
pub(crate) use show::quoted;
pub(crate) use stop::{Refusal, Stop};
pub(crate) use syntax::Span;
pub(crate) use template::{Template, Trim};
pub(crate) use value::Exception;
