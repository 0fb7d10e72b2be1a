//! The pages in `docs/configuration`.

use super::annotated::fields_of;
use super::{block, example_of, facts, find, page_of};
use crate::config::keys::{SECTIONS, Section};
use crate::config::schema::{Field, Fields, Kind};

/// A page of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name in the directory.
    pub file: String,
    /// Markdown.
    pub text: String,
}

/// All of them; `README.md` is the first.
pub fn pages() -> Vec<Page> {
    SECTIONS.iter().map(|section| Page { file: file(section), text: page(section) }).collect()
}

fn file(section: &Section) -> String {
    match section.path {
        "" => "README.md".to_string(),
        _ => format!("{}.md", section.name),
    }
}

fn page(section: &Section) -> String {
    let mut text = format!("# {}\n\n", section.title);
    text += "<!-- Made from the tables in crates/dhow-core/src/config/keys: `UPDATE=1 cargo test -p dhow --test main`. -->\n\n";
    text += &format!("{}\n\n", section.intro);
    if section.path.is_empty() {
        let links = SECTIONS.iter().skip(1).map(|other| format!("[{}]({})", other.title, file(other)));
        text += &format!("Sections: {}.\n\n", links.collect::<Vec<_>>().join(" · "));
    }
    let parents: Vec<&str> =
        section.path.split('.').filter(|part| !part.is_empty()).map(example_of).collect();
    match fields_of(section) {
        Ok(fields) => text += &keys(fields, &parents, &[]),
        Err(field) => text += &fenced(&parents[1..], field),
    }
    format!("{}\n", text.trim_end())
}

/// Keys, and after each those below it.
fn keys(fields: Fields, parents: &[&str], before: &[&str]) -> String {
    let of_key = |field: &Field| {
        let path = [before, &[field.key]].concat();
        let heading = "#".repeat(1 + path.len().min(3));
        let mut text = format!("{heading} `{}`\n\n{}\n\n", path.join("."), field.documentation());
        text += &format!("*{}*{}\n\n", facts(field).replace('*', "\\*"), more(field));
        match field.kind {
            Kind::Fields(below) => text += &keys(below, &[parents, &[field.key]].concat(), &path),
            Kind::Ssl(below) | Kind::Flags(below) | Kind::Paths(below) => {
                text += &fenced(parents, field);
                text += &keys(below, &[parents, &[field.key]].concat(), &path);
            }
            _ => text += &fenced(parents, field),
        }
        text
    };
    fields.iter().map(of_key).collect()
}

fn more(field: &Field) -> String {
    page_of(field).map(|section| format!(" → [{}]({})", section.title, file(section))).unwrap_or_default()
}

fn fenced(parents: &[&str], field: &Field) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (depth, key) in parents.iter().enumerate() {
        lines.push(format!("{}{key}:", "  ".repeat(depth)));
    }
    let is_item = find(&parents.join("."))
        .is_ok_and(|found| found.field().is_some_and(|parent| matches!(parent.kind, Kind::Paths(_))));
    let indent = "  ".repeat(parents.len());
    for (index, line) in block(field.key, field.example).iter().enumerate() {
        let mark = match (is_item, index) {
            (true, 0) => "- ",
            (true, _) => "  ",
            (false, _) => "",
        };
        lines.push(format!("{indent}{mark}{line}"));
    }
    format!("```yaml\n{}\n```\n\n", lines.join("\n"))
}
