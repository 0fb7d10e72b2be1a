//! The documentation of the configuration, made from its tables: `dhow docs` and the pages in `docs/configuration`.

mod annotated;
mod find;
mod markdown;
mod yaml_block;

pub(super) use annotated::wrap;
pub(super) use find::{Found, Part, find};
pub use markdown::{Page, pages};
pub(super) use yaml_block::block;

use super::keys::{SECTIONS, Section};
use super::schema::{Absent, Field, Kind};
use std::fmt;

/// Nothing in a configuration has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTopic {
    /// What was asked for.
    pub topic: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "No documentation found for {}\n  hint: ", self.topic)?;
        let sections: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
        match &self.suggestion {
            Some(suggestion) => write!(f, "did you mean `dhow docs {suggestion}`?"),
            None => write!(f, "a section ({}) or a key, such as proxy.ssl", sections.join(", ")),
        }
    }
}

impl std::error::Error for UnknownTopic {}

/// Every key, dotted, with capital words for names: `servers.ROLE.cmd`.
pub fn keys() -> Vec<String> {
    find::all_paths()
}

/// `dhow docs TOPIC`: a section by Kamal's name for it, or a dotted key; the whole file without one. Commented YAML that
/// is part of a sound configuration.
///
/// # Errors
/// If there is no such section or key.
pub fn docs(topic: Option<&str>) -> Result<String, UnknownTopic> {
    let topic = topic.unwrap_or(SECTIONS[0].name);
    if let Some(section) = section_named(topic) {
        return Ok(annotated::section(section));
    }
    match find(topic) {
        Ok(found) => Ok(annotated::key(&found)),
        Err(unknown) => Err(UnknownTopic { topic: topic.to_string(), suggestion: unknown.suggestion }),
    }
}

fn section_named(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name || section.path == name)
}

/// The section that documents what is below a key, where that is not documented with the key itself.
pub(super) fn page_of(field: &Field) -> Option<&'static Section> {
    let has_page = matches!(
        field.kind,
        Kind::Section(_)
            | Kind::SectionOr(..)
            | Kind::Env(_)
            | Kind::Named(_)
            | Kind::CommandLines
            | Kind::Servers(_)
    );
    let of_names = |section: &&Section| section.path.split_once('.').is_some_and(|(key, _)| key == field.key);
    let named = section_named(field.key).or_else(|| SECTIONS.iter().find(of_names));
    named.filter(|_| has_page)
}

/// Type, choices and default in one line.
fn facts(field: &Field) -> String {
    let kind = match field.choices {
        [] => field.kind.words().to_string(),
        choices => format!("{}; one of {}", field.kind.words(), choices.join(", ")),
    };
    match field.absent {
        Absent::Unsaid => kind,
        Absent::Required => format!("{kind}; required"),
        Absent::Default(yaml) => format!("{kind}; default: `{yaml}`"),
        Absent::Means(words) => format!("{kind}; without it: {words}"),
        Absent::Root(words) => {
            format!("{kind}; without it: `{}` at the top of the file, else {words}", field.key)
        }
    }
}

/// All that is to be known of a key, with its type and default.
pub(super) fn documentation(field: &Field) -> String {
    format!("{} ({})", field.documentation(), facts(field))
}

/// What a name of the user's choice is in examples.
fn example_of(placeholder: &str) -> &str {
    match placeholder {
        "ROLE" => "workers",
        "NAME" => "db",
        "TAG" => "primary",
        other => other,
    }
}

#[cfg(test)]
mod tests;
