//! What is told when a template cannot be evaluated.

use super::lines::LineStarts;
use super::{Document, ErbError, Place};
use crate::ruby::{Exception, Refusal, Span, Stop, SyntaxError, Template};

/// Words errors about one template.
pub struct Failure<'a> {
    pub document: &'a Document,
    pub template: &'a Template,
}

impl Failure<'_> {
    /// Ruby's parser does not take it.
    pub fn syntax(&self, error: &SyntaxError) -> ErbError {
        let problem = format!("the ERB in this file is not Ruby: {}", error.problem);
        ErbError { problem, place: self.place(error.at), hint: None }
    }

    /// Neither we nor anybody else can do it.
    pub fn refused(&self, refusal: &Refusal) -> ErbError {
        let hint = "install Ruby on this machine: dhow has it evaluate what it cannot evaluate itself;\n\
                    or compute the value before you run dhow, and read it with ENV[\"NAME\"]";
        self.error(format!("ERB: {}", refusal.what), refusal.span, Some(hint.to_string()))
    }

    /// Ruby was asked, and failed too.
    pub fn of_ruby(&self, refusal: &Refusal, said: &str) -> ErbError {
        let hint = format!("dhow asked Ruby, because {}; Ruby said:\n{}", refusal.what, said.trim_end());
        self.error("Ruby cannot evaluate the ERB in this file".to_string(), refusal.span, Some(hint))
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
            None => format!("{} was raised by {}", exception.class, shown(code)),
        };
        self.error(exception.message.clone(), span, Some(hint))
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
        Place { file: self.document.path.as_str().into(), line, column }
    }
}

/// Code in a sentence, cut where it is long.
fn shown(code: &str) -> String {
    let short: String = code.chars().take(60).collect();
    if short.len() < code.len() { format!("`{short}…`") } else { format!("`{short}`") }
}
