//! Finding a key by its dotted path.

use super::example_of;
use crate::config::hints::nearest;
use crate::config::keys::{SECTIONS, root};
use crate::config::schema::{Below, Field, Fields};

/// A key that exists, from the top of the file.
#[derive(Debug, Clone)]
pub struct Found(pub Vec<Part>);

/// One part of a path.
#[derive(Debug, Clone)]
pub enum Part {
    /// A key of the tables.
    Key(&'static Field),
    /// A name of the user's choice above keys of the tables.
    Name(String),
    /// Anything below: a variable, a label, an item.
    Free(String),
}

/// A path that leads nowhere.
#[derive(Debug)]
pub struct Unknown {
    /// A path that does exist.
    pub suggestion: Option<String>,
}

impl Found {
    /// The last part that the tables know.
    pub fn field(&self) -> Option<&'static Field> {
        self.0.iter().rev().find_map(|part| match part {
            Part::Key(field) => Some(*field),
            Part::Name(..) | Part::Free(_) => None,
        })
    }
}

/// Follows a path. The first part may be the name of a section: `accessory.port`, `role.cmd`.
pub fn find(path: &str) -> Result<Found, Unknown> {
    let parts: Vec<&str> = path.split('.').collect();
    let mut below = Below { fields: root::FIELDS, name: "", open: path.starts_with("x-") };
    let mut found = Vec::new();
    for (index, part) in from_section(&parts).into_iter().enumerate() {
        let (step, next) =
            step(part, below).ok_or_else(|| Unknown { suggestion: suggestion(path, index, below.fields) })?;
        found.push(step);
        below = next;
    }
    Ok(Found(found))
}

fn step(part: &str, below: Below) -> Option<(Part, Below)> {
    let field = below.fields.iter().find(|field| field.key == part);
    let is_index = below.name == "0" && field.is_none();
    match field {
        _ if part.is_empty() => None,
        _ if !below.name.is_empty() && (below.name != "0" || is_index) => {
            Some((Part::Name(part.to_string()), Below { name: "", ..below }))
        }
        Some(field) => Some((Part::Key(field), field.kind.below())),
        None if below.open => Some((Part::Free(part.to_string()), Below { fields: &[], ..below })),
        None => None,
    }
}

/// `accessory` stands for `accessories.NAME`.
fn from_section<'a>(parts: &[&'a str]) -> Vec<&'a str> {
    let named = |name: &str| SECTIONS.iter().find(|section| section.name == name);
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let is_key = root::FIELDS.iter().any(|field| field.key == *first);
    match named(first).filter(|section| !is_key && !section.path.is_empty()) {
        Some(section) => section.path.split('.').map(example_of).chain(rest.iter().copied()).collect(),
        None => parts.to_vec(),
    }
}

/// The nearest key at that place; the same key elsewhere; the nearest section.
pub fn suggestion(path: &str, index: usize, fields: Fields) -> Option<String> {
    let parts: Vec<&str> = path.split('.').collect();
    let wrong = parts.get(index).or(parts.last())?;
    let before = parts.get(..index).unwrap_or_default();
    let near = nearest(wrong, fields.iter().map(|field| field.key));
    let here = near.map(|key| [before, &[key]].concat().join("."));
    let last = parts.last()?;
    let elsewhere = || all_paths().into_iter().find(|path| path.rsplit('.').next() == Some(last));
    let section = || nearest(path, SECTIONS.iter().map(|section| section.name)).map(str::to_string);
    here.or_else(elsewhere).or_else(section)
}

/// Every key there is, with capital words for names, in the order of the tables, the upper ones first.
pub fn all_paths() -> Vec<String> {
    let mut paths = Vec::new();
    let mut level: Vec<(String, Below)> =
        vec![(String::new(), Below { fields: root::FIELDS, name: "", open: false })];
    while !level.is_empty() {
        let mut next = Vec::new();
        for (prefix, below) in &level {
            for field in below.fields {
                let name = if below.name.is_empty() { String::new() } else { format!("{}.", below.name) };
                let path = format!("{prefix}{name}{}", field.key);
                next.push((format!("{path}."), field.kind.below()));
                paths.push(path);
            }
        }
        level = next;
    }
    paths
}
