//! What is told when a template cannot be evaluated.

use super::lines::LineStarts;
use super::{Document, ErbError, Place};
use crate::ruby::{Exception, Refusal, RubyFailed, Span, Stop, SyntaxError, Template};
use std::sync::Arc;

/// Words errors about one template.
pub struct Failure<'a> {
    pub document: &'a Document,
    pub template: &'a Template,
}

impl Failure<'_> {
    /// Ruby's parser does not take it.
    pub fn syntax(&self, error: &SyntaxError) -> ErbError {
        let problem = format!("the ERB in this file is not Ruby: {}", error.problem);
        let is_about_end = error.problem.contains("end-of-input") || error.problem.contains("'end'");
        let hint =
            "every `<% if … %>`, `unless`, `case` and `… do` needs one `<% end %>`, and nothing else has one";
        ErbError { problem, place: self.place(error.at), hint: is_about_end.then(|| hint.to_string()) }
    }

    /// Neither we nor anybody else can do it.
    pub fn refused(&self, refusal: &Refusal) -> ErbError {
        let hint = "install Ruby on this machine: dhow has it evaluate what it cannot evaluate itself;\n\
                    or compute the value before you run dhow, and read it with ENV[\"NAME\"]";
        self.error(format!("ERB: {}", refusal.what), refusal.span, Some(hint.to_string()))
    }

    /// Ruby was asked, and failed too.
    pub fn of_ruby(&self, refusal: &Refusal, failed: RubyFailed) -> ErbError {
        let refused = self.place(refusal.span.start);
        let asked =
            format!("dhow had Ruby evaluate this file, because of line {}: {}", refused.line, refusal.what);
        let place = failed.line.map_or(refused, |line| Place { line, column: 1, file: self.path() });
        let hint = match &failed.class {
            Some(class) => format!("Ruby raised this {class}. {asked}"),
            None => asked,
        };
        let is_own = failed
            .class
            .as_deref()
            .is_none_or(|class| ["RuntimeError", "SystemExit", "KeyError"].contains(&class));
        let problem = if is_own { failed.message } else { self.without_values(&failed.message) };
        ErbError { problem, place, hint: Some(hint) }
    }

    /// It raised, or would not end.
    pub fn stopped(&self, stop: Stop) -> ErbError {
        match stop {
            Stop::Raised(exception, span) => self.raised(&exception, span),
            Stop::Refused(refusal) => self.error(format!("ERB: {}", refusal.what), refusal.span, None),
            Stop::Break(..) | Stop::Next(_) | Stop::Return(_) => {
                self.error("ERB: this leaves the template early".to_string(), Span::default(), None)
            }
        }
    }

    fn raised(&self, exception: &Exception, span: Span) -> ErbError {
        let code = self.code(span);
        let variable =
            exception.message.strip_prefix("key not found: ").filter(|_| code.starts_with("ENV.fetch"));
        let hint = match variable {
            Some(name) => format!(
                "set {0} in the environment, or give a default: ENV.fetch({name}, \"…\")",
                name.trim_matches('"')
            ),
            None => {
                let raised = format!("{} was raised by {}", exception.class, shown(code));
                advice(exception, code).map_or(raised.clone(), |advice| format!("{advice}\n{raised}"))
            }
        };
        let message = match exception.is_own || variable.is_some() {
            true => exception.message.clone(),
            false => self.without_values(&exception.message),
        };
        self.error(message, span, Some(hint))
    }

    /// What Ruby quotes in a message may be a secret, unless it is there to read in the template.
    fn without_values(&self, message: &str) -> String {
        let Some((before, quoted)) = message.split_once('"') else { return message.to_string() };
        let Some((value, after)) = quoted.rsplit_once('"') else { return format!("{before}[REDACTED]") };
        match self.document.text.contains(value) {
            true => message.to_string(),
            false => format!("{before}[REDACTED]{after}"),
        }
    }

    /// The warnings of the evaluation, and that of a tag nobody closed.
    pub fn warnings(&self, found: &[(Span, String)]) -> Vec<(Place, String)> {
        let found = found.iter().map(|(span, text)| (self.place(span.start), text.clone()));
        let unclosed = self.template.unclosed.map(|at| {
            (
                self.place_of(at),
                "this ERB tag is not closed by %>, so Ruby takes what follows for text".to_string(),
            )
        });
        found.chain(unclosed).collect()
    }

    fn error(&self, problem: String, span: Span, hint: Option<String>) -> ErbError {
        ErbError { problem, place: self.place(span.start), hint }
    }

    /// What stands there, as far as it is one line.
    fn code(&self, span: Span) -> &str {
        let code = self.template.program.get(span.start..span.end).unwrap_or_default();
        code.lines().next().unwrap_or_default()
    }

    fn place(&self, program: usize) -> Place {
        self.place_of(self.template.origin(program))
    }

    fn place_of(&self, offset: usize) -> Place {
        let starts = LineStarts::of(&self.document.text);
        let (line, column) = (starts.line(offset), starts.column(offset));
        Place { file: self.path(), line, column }
    }

    fn path(&self) -> Arc<str> {
        self.document.path.as_str().into()
    }
}

/// What to do about the two things that go wrong most.
fn advice(exception: &Exception, code: &str) -> Option<String> {
    if exception.class == "Errno::ENOENT" && exception.message.contains(" @ ") {
        return Some("paths count from the directory that dhow is run in".to_string());
    }
    let name = code.split_once("ENV[")?.1.split_once(']')?.0;
    exception.message.ends_with(" for nil").then(|| {
        format!(
            "ENV[{name}] is nil where that is not set: set it, or give a default: ENV.fetch({name}, \"…\")"
        )
    })
}

/// Code in a sentence, cut where it is long.
fn shown(code: &str) -> String {
    let short: String = code.chars().take(60).collect();
    if short.len() < code.len() { format!("`{short}…`") } else { format!("`{short}`") }
}
