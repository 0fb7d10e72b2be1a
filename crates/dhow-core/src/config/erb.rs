//! ERB tags in a configuration, before it is YAML (kamal-config 1.3).

mod failure;
mod lines;

use super::Document;
use super::node::Place;
use crate::ruby::{Machine, Stop, Surroundings, Template, Trim, parse};
use failure::Failure;
use std::collections::BTreeMap;

/// The text of a file with its tags replaced, and which line of the file each of its lines comes from.
#[derive(Debug)]
pub struct Rendered {
    /// Path of the file, as given.
    pub path: String,
    /// What YAML gets to see.
    pub text: String,
    /// What is worth a warning.
    pub warnings: Vec<(Place, String)>,
    /// For each line of `text`, the line of the file, from 1; empty where they are the same.
    lines: Vec<usize>,
}

impl Rendered {
    /// A text without tags.
    pub fn plain(path: &str, text: String) -> Rendered {
        Rendered { path: path.to_string(), text, warnings: Vec::new(), lines: Vec::new() }
    }

    /// The line of the file that a line of the text comes from, both from 1.
    pub fn source_line(&self, line: usize) -> usize {
        if self.lines.is_empty() {
            return line;
        }
        let known = line.checked_sub(1).and_then(|index| self.lines.get(index)).or(self.lines.last());
        known.copied().unwrap_or(1)
    }
}

/// A template that could not be evaluated.
#[derive(Debug)]
pub struct ErbError {
    /// What is wrong with it; what the template raised itself comes word for word.
    pub problem: String,
    /// Where.
    pub place: Place,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Evaluates the tags of a configuration file, as Ruby's ERB does with trim mode `-`. The environment is what the
/// template makes of it. What the evaluator does not understand goes to Ruby itself, where there is one.
pub fn render(
    document: &Document,
    environment: &mut BTreeMap<String, String>,
    surroundings: &dyn Surroundings,
) -> Result<Rendered, ErbError> {
    render_trimmed(document, Trim::Dash, environment, surroundings)
}

/// The same for any other template, which Kamal evaluates without a trim mode: an accessory's file.
pub fn render_file(
    document: &Document,
    environment: &mut BTreeMap<String, String>,
    surroundings: &dyn Surroundings,
) -> Result<String, ErbError> {
    render_trimmed(document, Trim::None, environment, surroundings).map(|rendered| rendered.text)
}

fn render_trimmed(
    document: &Document,
    trim: Trim,
    environment: &mut BTreeMap<String, String>,
    surroundings: &dyn Surroundings,
) -> Result<Rendered, ErbError> {
    if !document.text.contains("<%") {
        return Ok(Rendered::plain(&document.path, document.text.clone()));
    }
    let template = Template::compile(&document.text, trim);
    let failure = Failure { document, template: &template };
    let program = parse(&template.program).map_err(|error| failure.syntax(&error))?;
    let mut machine = Machine::new(surroundings, environment.clone());
    let outcome = machine.run(&program);
    if !matches!(&outcome, Err(Stop::Refused(_))) {
        machine.show_said();
    }
    match outcome {
        Ok(text) => {
            if machine.environment_changed {
                surroundings.environment_changed(&machine.environment);
            }
            let lines = lines::lines(&text, &machine.marks, &template, &document.text);
            let warnings = failure.warnings(&machine.warnings);
            *environment = machine.environment;
            Ok(Rendered { path: document.path.clone(), text, warnings, lines })
        }
        Err(Stop::Refused(refusal)) if refusal.ruby_could => {
            match surroundings.ruby(&document.path, environment) {
                Some(Ok(rendered)) => {
                    surroundings.environment_changed(&rendered.environment);
                    *environment = rendered.environment;
                    let lines = lines::guessed(&rendered.text, &document.text);
                    Ok(Rendered { lines, ..Rendered::plain(&document.path, rendered.text) })
                }
                Some(Err(failed)) => Err(failure.of_ruby(&refusal, failed)),
                None => Err(failure.refused(&refusal)),
            }
        }
        Err(stop) => Err(failure.stopped(stop)),
    }
}

#[cfg(test)]
mod tests;
