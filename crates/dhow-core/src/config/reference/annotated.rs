//! `dhow docs`: sections and keys as commented YAML, part of a configuration that is accepted.

use super::{Found, Part, block, example_of, facts, find, page_of};
use crate::config::keys::{SECTIONS, Section};
use crate::config::schema::{Field, Fields, Kind};

/// Columns of a line, its indent included.
const WIDTH: usize = 100;

/// A section with all its keys.
pub fn section(section: &Section) -> String {
    let mut lines = vec![format!("# {}", section.title), "#".to_string()];
    lines.extend(comments(section.intro));
    if section.path.is_empty() {
        let names: Vec<&str> = SECTIONS.iter().skip(1).map(|section| section.name).collect();
        lines.push("#".to_string());
        lines.extend(comments(&format!("More with `dhow docs SECTION`: {}.", names.join(", "))));
    }
    lines.push(String::new());
    let parents: Vec<&str> =
        section.path.split('.').filter(|part| !part.is_empty()).map(example_of).collect();
    lines.extend(match fields_of(section) {
        Ok(fields) => nested(&parents, &keys(fields)),
        Err(field) => block(field.key, field.example),
    });
    lines.join("\n") + "\n"
}

/// One key, with what stands above it.
pub fn key(found: &Found) -> String {
    let mut parents = Vec::new();
    let mut last = None;
    for part in &found.0 {
        match part {
            Part::Key(field) => parents.extend(last.replace(*field).map(|field| field.key.to_string())),
            Part::Name(..) | Part::Free(_) => {}
        }
        if let Part::Name(name) = part {
            parents.extend(last.take().map(|field| field.key.to_string()));
            parents.push(name.clone());
        }
    }
    let body = match last {
        Some(field) => of_field(field),
        // A name alone: all that can be said of a role, an accessory, a tag.
        None => found.field().map(|field| keys(field.kind.below().fields)).unwrap_or_default(),
    };
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    nested(&parents, &body).join("\n") + "\n"
}

/// The keys of a section; the key itself where it has names below instead.
pub fn fields_of(section: &Section) -> Result<Fields, &'static Field> {
    if section.path.is_empty() {
        return Ok(crate::config::keys::root::FIELDS);
    }
    let found = find(section.path).expect("a test looks every section up");
    let field = found.field().expect("a path begins with a key");
    let below = field.kind.below();
    let at_names = matches!(found.0.last(), Some(Part::Key(_))) && !below.name.is_empty();
    if at_names || below.fields.is_empty() { Err(field) } else { Ok(below.fields) }
}

fn keys(fields: Fields) -> Vec<String> {
    fields.iter().flat_map(of_field).collect()
}

/// Comments and value of a key. What stands in for another key is commented out: both would be an error.
fn of_field(field: &Field) -> Vec<String> {
    let mut lines = comments(&field.documentation());
    lines.extend(comments(&format!("({})", facts(field))));
    lines.extend(explained_below(field));
    if let Some(section) = page_of(field) {
        lines.extend(comments(&format!("More: `dhow docs {}`.", section.name)));
    }
    let value = match field.kind {
        Kind::Fields(fields) => nested(&[field.key], &keys(fields)),
        _ => block(field.key, field.example),
    };
    match field.instead_of {
        Some(_) => lines.extend(value.iter().map(|line| format!("# {line}"))),
        None => lines.extend(value),
    }
    lines.push(String::new());
    lines
}

/// Keys that are told of in a comment, since the value need not have them.
fn explained_below(field: &Field) -> Vec<String> {
    let fields = match field.kind {
        Kind::Ssl(fields) | Kind::Paths(fields) | Kind::Flags(fields) => fields,
        _ => return Vec::new(),
    };
    let of_key = |field: &Field| {
        let text = format!("{}: {} ({})", field.key, field.documentation(), facts(field));
        let lines = wrap(&text, WIDTH - 12).into_iter().enumerate();
        lines
            .map(|(index, line)| format!("# {} {line}", if index == 0 { "-" } else { " " }))
            .collect::<Vec<_>>()
    };
    let heading = match fields {
        [] => None,
        [_] => Some("# A key with a meaning of its own:"),
        _ => Some("# As a mapping:"),
    };
    heading.map(str::to_string).into_iter().chain(fields.iter().flat_map(of_key)).collect()
}

fn nested(parents: &[&str], lines: &[String]) -> Vec<String> {
    let heads = parents.iter().enumerate().map(|(depth, key)| format!("{}{key}:", "  ".repeat(depth)));
    let indent = "  ".repeat(parents.len());
    let body =
        lines.iter().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
    let mut all: Vec<String> = heads.chain(body).collect();
    while all.last().is_some_and(String::is_empty) {
        all.pop();
    }
    all
}

fn comments(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        wrap(paragraph, WIDTH - 8).into_iter().map(|line| format!("# {line}")).collect::<Vec<_>>()
    });
    paragraphs.collect::<Vec<_>>().join(&"#".to_string())
}

/// Lines of at most so many characters, unless a word is longer.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
