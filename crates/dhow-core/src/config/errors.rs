//! What is wrong with a configuration: everything at once, in the order in which Kamal would come upon it.

use super::Document;
use super::node::Place;
use super::schema::Field;
use super::setting::Setting;
use std::fmt;

/// Everything wrong with a configuration; never empty. `Display` prints all of it, ready for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Slash-joined location, `servers/web/0`; empty for the file as a whole.
    pub path: String,
    /// Kamal's words, location included.
    pub message: String,
    /// Where it is written, and that line; the place of several unknown keys are several.
    pub excerpts: Vec<(Place, String)>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl ConfigErrors {
    /// In Kamal's order: the first is what Kamal would have said.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for (place, line) in &self.excerpts {
            write!(f, "\n  --> {place}")?;
            if place.column > 0 {
                write!(f, ":{}", place.column)?;
            }
            if !line.is_empty() {
                write!(f, ", which says `{line}`")?;
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", hint.replace('\n', "\n        ")),
            None => Ok(()),
        }
    }
}

impl ConfigError {
    /// Adds what to write instead.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut ConfigError {
        self.hint = Some(hint.into());
        self
    }
}

/// Collects errors and warnings while a configuration is read.
pub(super) struct Errors<'a> {
    found: Vec<ConfigError>,
    warnings: Vec<String>,
    documents: Vec<&'a Document>,
}

impl<'a> Errors<'a> {
    /// The documents are those that excerpts come from.
    pub fn new(documents: Vec<&'a Document>) -> Errors<'a> {
        Errors { found: Vec::new(), warnings: Vec::new(), documents }
    }

    /// For reading again what was checked before: nobody looks at what is found.
    pub fn unheard() -> Errors<'static> {
        Errors::new(Vec::new())
    }

    /// `PATH: TEXT` at a setting.
    pub fn at(&mut self, setting: &Setting, text: impl fmt::Display) -> &mut ConfigError {
        let message =
            if setting.path.is_empty() { text.to_string() } else { format!("{}: {text}", setting.path) };
        self.report(&setting.path, message, &[setting.place()])
    }

    /// Just a text, for what Kamal says without a path.
    pub fn plain(&mut self, setting: &Setting, text: impl fmt::Display) -> &mut ConfigError {
        self.report(&setting.path, text.to_string(), &[setting.place()])
    }

    /// Any message with its places.
    pub fn report(&mut self, path: &str, message: String, places: &[&Place]) -> &mut ConfigError {
        let excerpts = places.iter().map(|place| self.excerpt(path, place)).collect();
        let error = ConfigError { path: path.to_string(), message, excerpts, hint: None };
        let index = self.found.len();
        self.found.push(error);
        &mut self.found[index]
    }

    /// Says of the last error, if nothing else did, what to write instead.
    pub fn hint_last(&mut self, hint: String) {
        if let Some(error) = self.found.last_mut().filter(|error| error.hint.is_none()) {
            error.hint(hint);
        }
    }

    /// Says of the last error, if nothing else did, what the key is for and how it could look.
    pub fn explain_last(&mut self, field: &Field) {
        if let Some(error) = self.found.last_mut().filter(|error| error.hint.is_none()) {
            error.hint(format!("{}, for example `{}: {}`", field.about, field.key, field.example));
        }
    }

    /// Something accepted but worth a sentence.
    pub fn warn(&mut self, place: &Place, text: impl fmt::Display) {
        self.warnings.push(format!("{text} ({})", self.known(place)));
    }

    /// How many errors so far: equal counts before and after mean that what lies between is sound.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Is something wrong at this path or below it?
    pub fn any_under(&self, path: &str) -> bool {
        let below =
            |error: &ConfigError| error.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.found.iter().any(|error| error.path == path || below(error))
    }

    /// The warnings, unless there were errors. What several sections share is said once.
    pub fn finish(mut self) -> Result<Vec<String>, ConfigErrors> {
        if !self.found.is_empty() {
            return Err(self.failed());
        }
        keep_first(&mut self.warnings);
        Ok(self.warnings)
    }

    /// What was found, where reading cannot go on.
    pub fn failed(mut self) -> ConfigErrors {
        keep_first(&mut self.found);
        ConfigErrors(self.found)
    }

    fn excerpt(&self, path: &str, place: &Place) -> (Place, String) {
        let document = self.documents.iter().find(|document| document.path == *place.file);
        let line = document.and_then(|document| document.text.lines().nth(place.line.checked_sub(1)?));
        let line = line.unwrap_or_default();
        // ERB moves what stands behind it.
        let column = if line.contains("<%") { 0 } else { place.column };
        (Place { column, ..self.known(place) }, shown(path, line))
    }

    /// What is missing is missing in the first file.
    fn known(&self, place: &Place) -> Place {
        match self.documents.first() {
            Some(document) if place.line == 0 => {
                Place { file: document.path.as_str().into(), ..place.clone() }
            }
            _ => place.clone(),
        }
    }
}

fn keep_first<T: Clone + PartialEq>(items: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::new();
    items.retain(|item| {
        let is_new = !kept.contains(item);
        kept.push(item.clone());
        is_new
    });
}

/// The line, without what may be a credential.
pub(super) fn shown(path: &str, line: &str) -> String {
    let line = line.trim();
    let line = line.split_once(" #").map_or(line, |(line, _)| line.trim_end());
    let lower = line.to_ascii_lowercase();
    // In a mapping on one line, whatever comes after the first such key.
    let word = SECRETIVE.iter().filter_map(|word| lower.find(word)).min();
    let value = word.and_then(|at| line[at..].find(": ").map(|colon| at + colon));
    match (value, line.split_once(": ")) {
        (Some(colon), _) => format!("{}: …", &line[..colon]),
        (None, Some((key, _))) if is_secretive(path) => format!("{key}: …"),
        (None, None) if is_secretive(path) && !line.ends_with(':') => String::new(),
        _ => line.to_string(),
    }
}

const SECRETIVE: [&str; 4] = ["password", "key_data", "token", "secret"];

/// Does a name sound like that of a credential?
pub(super) fn is_secretive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETIVE.iter().any(|word| name.contains(word))
}
