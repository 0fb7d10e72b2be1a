//! The grammar of `.kamal/secrets`: that of the dotenv gem, with Kamal's command substitution.
//!
//! Two things differ on purpose. What a command prints is the value: it is not searched for `$NAME` again, so a
//! password may contain a dollar sign. And a command that fails is an error, not an empty secret.

mod line;
mod substitution;

use self::line::Lines;
use super::{Secret, Secrets};
use crate::config::Document;
use std::collections::BTreeMap;
use std::fmt;

/// Runs the text between `$(` and `)`, as `sh -c` would, and answers with what it printed.
pub type Run<'a> = dyn FnMut(&str) -> Result<String, CommandFailed> + 'a;

/// A command that gave no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFailed {
    /// How it ended: `exit status 1`, `no such program`.
    pub status: String,
    /// What it said about it.
    pub stderr: String,
}

/// A secrets file that cannot be evaluated. It names the command as it is written, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsError {
    /// Path of the file.
    pub file: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// What went wrong there.
    pub problem: String,
}

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  --> {}:{}", self.problem, self.file, self.line)
    }
}

impl std::error::Error for SecretsError {}

impl Secrets {
    /// The paths that Kamal looks for, in order; the second depends on the destination and later keys win.
    pub fn paths(secrets_path: &str, destination: Option<&str>) -> [String; 2] {
        let own =
            destination.map_or_else(|| secrets_path.to_string(), |name| format!("{secrets_path}.{name}"));
        [format!("{secrets_path}-common"), own]
    }

    /// Evaluates the files that exist, in their order. `env` is the process's environment.
    pub fn read(
        files: &[Document],
        env: &BTreeMap<String, String>,
        run: &mut Run,
    ) -> Result<Secrets, SecretsError> {
        let mut values = BTreeMap::new();
        for file in files {
            values.extend(parse(file, env, run)?);
        }
        Ok(Secrets::new(values, files.iter().map(|file| file.path.clone()).collect()))
    }
}

/// The keys of one file. Values may use keys above them in the same file, then the environment.
pub fn parse(
    file: &Document,
    env: &BTreeMap<String, String>,
    run: &mut Run,
) -> Result<BTreeMap<String, Secret>, SecretsError> {
    let text = file.text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut scope = Scope { values: BTreeMap::new(), env };
    for (number, line) in Lines::of(&text) {
        let error = |problem| SecretsError { file: file.path.clone(), line: number, problem };
        let Some(value) = line.value else {
            if line.export && !scope.values.contains_key(line.key) {
                return Err(error(format!("Line \"export {}\" has an unset variable", line.key)));
            }
            if !line.export {
                scope.values.insert(line.key.to_string(), String::new());
            }
            continue;
        };
        let value = scope.evaluate(value, run).map_err(error)?;
        scope.values.insert(line.key.to_string(), value);
    }
    Ok(scope.values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect())
}

/// What a value can refer to.
struct Scope<'a> {
    values: BTreeMap<String, String>,
    env: &'a BTreeMap<String, String>,
}

impl Scope<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).or_else(|| self.env.get(name)).map(String::as_str)
    }

    fn evaluate(&self, written: &str, run: &mut Run) -> Result<String, String> {
        let (quote, text) = unquoted(written.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0'));
        match quote {
            Some('\'') => Ok(text.to_string()),
            Some(_) => self.substitute(&unescaped(&self.with_line_breaks(text)), run),
            None => self.substitute(&unescaped(text), run),
        }
    }

    /// `\n` in double quotes stays two characters, unless the old behaviour is asked for.
    fn with_line_breaks(&self, text: &str) -> String {
        match self.find("DOTENV_LINEBREAK_MODE") {
            Some("legacy") => text.replace("\\n", "\n").replace("\\r", "\r"),
            _ => text.replace("\\n", "\\\\n").replace("\\r", "\\\\r"),
        }
    }

    /// Says what failed without repeating a secret the tool may have repeated.
    fn redacted(&self, text: &str) -> String {
        let long = self.values.values().filter(|value| value.len() > 3);
        long.fold(text.to_string(), |text, value| text.replace(value.as_str(), "[REDACTED]"))
    }
}

/// Quotes count only around the entire value.
fn unquoted(text: &str) -> (Option<char>, &str) {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return (Some(quote), inner);
        }
    }
    (None, text)
}

/// A backslash makes the next character literal, except a dollar sign, which is looked at later.
fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        match characters.next() {
            Some('$') => result.push_str("\\$"),
            Some(next) => result.push(next),
            None => result.push('\\'),
        }
    }
    result
}

#[cfg(test)]
mod tests;
