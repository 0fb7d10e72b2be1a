//! `dhow config --explain KEY`: what a key comes to, and where that is from.

mod computed;
mod locate;
mod origin;

use super::document::load_each;
use super::errors::Errors;
use super::node::Node;
use super::reference::{Found, Part, documentation, find, wrap};
use super::schema::{Absent, Field, Kind};
use super::{ConfigErrors, Context, Document};
use crate::secrets::Secrets;
pub use computed::Computed;
use origin::Origin;
use std::fmt;

/// Why a key cannot be explained.
#[derive(Debug)]
pub enum NotExplained {
    /// The files cannot be read.
    Config(ConfigErrors),
    /// There is no such key, or nothing of that name.
    Unknown {
        /// What was asked for.
        key: String,
        /// What may have been meant.
        hint: Option<String>,
    },
}

impl fmt::Display for NotExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotExplained::Config(errors) => f.write_str(errors.to_string().trim_start_matches("error: ")),
            NotExplained::Unknown { key, hint: Some(hint) } => {
                write!(f, "there is no {key} in the configuration\n  hint: {hint}")
            }
            NotExplained::Unknown { key, hint: None } => write!(
                f,
                "there is no {key} in the configuration\n  hint: `dhow docs` lists the keys, `dhow config` shows what is set"
            ),
        }
    }
}

impl std::error::Error for NotExplained {}

/// The value of a key of the files (dotted, or as an error names it) and where it comes from: file and line, the base
/// file under the destination's, ERB, the section it is taken from, or the default. Secrets are not shown. The files need
/// not be a sound configuration.
///
/// # Errors
/// If the files cannot be read or there is no such key.
pub fn explain(
    base: &Document,
    destination: Option<&Document>,
    context: &Context,
    key: &str,
) -> Result<String, NotExplained> {
    // Errors name a key with slashes; a label may have both.
    let key = if key.contains('.') { key.to_string() } else { key.replace('/', ".") };
    let key = match key.strip_prefix("ssh_options.") {
        Some(option) => format!("ssh.{option}"),
        None => key,
    };
    let mut errors = Errors::new(std::iter::once(base).chain(destination).collect());
    let read = load_each(base, destination, context, &mut errors);
    let Some((lower, over)) = read else { return Err(NotExplained::Config(errors.failed())) };
    let merged = over.map_or_else(|| lower.clone(), |over| lower.merged_with(&over));
    let origin = Origin { documents: [Some(base), destination] };
    Layers { origin, destination: context.destination.as_deref(), base: lower, merged }.explain(&key)
}

/// The files' contents, one over the other.
struct Layers<'a> {
    origin: Origin<'a>,
    destination: Option<&'a str>,
    base: Node,
    merged: Node,
}

impl Layers<'_> {
    fn explain(&self, key: &str) -> Result<String, NotExplained> {
        let parts: Vec<&str> = key.split('.').collect();
        let known = find(key);
        if let Some(value) = locate::locate(&self.merged, &parts) {
            let over_root = known.as_ref().ok().and_then(|found| self.over_root(found, value));
            let mut text = self.written(key, &parts, over_root.as_ref().unwrap_or(value));
            if let Ok(found) = &known {
                text += &self.about(found, &parts);
            }
            return Ok(text);
        }
        match known {
            Ok(found) => self.not_written(key, &parts, &found),
            Err(unknown) => {
                let hint = unknown.suggestion.map(|near| format!("did you mean `{near}`?"));
                Err(NotExplained::Unknown { key: key.to_string(), hint })
            }
        }
    }

    /// A value with its place, and what it replaces.
    fn written(&self, key: &str, parts: &[&str], value: &Node) -> String {
        let origin = &self.origin;
        let mut text = origin.value(key, value);
        let is_mapping = value.map().is_some() && !value.is_blank();
        // The lines of a mapping or a list have their places beside them.
        if value.text().is_some() || value.is_blank() {
            text += &format!("\n{}", origin.of(key, value, "written in"));
        }
        let below = locate::locate(&self.base, parts).filter(|below| below.place.file != value.place.file);
        if let Some(below) = below.filter(|_| !is_mapping) {
            text += if value.text().is_some() { "" } else { "\n" };
            text += &origin.of(key, below, "instead of what stands in");
        }
        text
    }

    /// A key that is known but stands in no file: taken from elsewhere, or its default.
    fn not_written(&self, key: &str, parts: &[&str], found: &Found) -> Result<String, NotExplained> {
        self.expect_names(key, found)?;
        if let Some(text) = self.taken_from_root(key, parts, found) {
            return Ok(text + &self.about(found, parts));
        }
        let Some(Part::Key(field)) = found.0.last() else {
            let hint = locate::names_beside(&self.merged, parts, &[]);
            return Err(NotExplained::Unknown { key: key.to_string(), hint });
        };
        let text = match field.absent {
            Absent::Default(yaml) => format!("{key}: {yaml}\n\nnot written; this is the default\n"),
            Absent::Required => format!("{key}:\n\nnot written, though it is required\n"),
            Absent::Means(words) | Absent::Root(words) => {
                format!("{key}:\n\nnot written, which means: {words}\n")
            }
            Absent::Unsaid => format!("{key}:\n\nnot written\n"),
        };
        Ok(text + &self.about(found, parts))
    }

    /// A role, an accessory or a tag has to be there before anything can hold for it.
    fn expect_names(&self, key: &str, found: &Found) -> Result<(), NotExplained> {
        let mut path: Vec<&str> = Vec::new();
        for part in &found.0 {
            match part {
                Part::Key(field) => path.push(field.key),
                Part::Free(name) => path.push(name),
                Part::Name(name) => {
                    path.push(name);
                    if locate::locate(&self.merged, &path).is_none() {
                        let rest: Vec<&str> = key.split('.').skip(path.len()).collect();
                        let hint = locate::names_beside(&self.merged, &path, &rest);
                        return Err(NotExplained::Unknown { key: key.to_string(), hint });
                    }
                }
            }
        }
        Ok(())
    }

    /// What a role takes from the top of the file.
    fn taken_from_root(&self, key: &str, parts: &[&str], found: &Found) -> Option<String> {
        let (at, field) = shared(found)?;
        if field.key == "proxy" && !self.is_proxied(parts.get(at.checked_sub(1)?)?) {
            let text = "not written; without it only the primary role is reached through the proxy";
            return Some(format!("{}: false\n\n{text}\n", parts[..=at].join(".")));
        }
        let shared = parts.get(at..)?;
        let text = self.written(key, shared, locate::locate(&self.merged, shared)?);
        Some(format!("{text}taken from {}, which holds for all roles\n", shared.join(".")))
    }

    /// A role's own mapping over that of the top of the file: both hold.
    fn over_root(&self, found: &Found, own: &Node) -> Option<Node> {
        let (at, field) = shared(found).filter(|(at, _)| at + 1 == found.0.len())?;
        let root = self.merged.get(field.key).filter(|_| at > 0 && !matches!(field.kind, Kind::Env(_)))?;
        own.map().map(|_| root.merged_with(own))
    }

    fn is_proxied(&self, role: &str) -> bool {
        let primary = self.merged.get("primary_role").and_then(Node::text);
        let own = locate::locate(&self.merged, &["servers", role, "proxy"]);
        match own {
            Some(own) => own.bool() != Some(false),
            None => primary.as_deref().unwrap_or("web") == role,
        }
    }

    fn about(&self, found: &Found, parts: &[&str]) -> String {
        let secret = self.about_secret(found, parts);
        match found.0.last() {
            Some(Part::Key(field)) => format!("\n{}\n", wrap(&documentation(field), 100).join("\n")),
            _ => secret,
        }
    }

    /// A secret's value stands elsewhere.
    fn about_secret(&self, found: &Found, parts: &[&str]) -> String {
        let is_secret = found.field().is_some_and(|field| field.key == "secret" || field.key == "secrets");
        if !is_secret {
            return String::new();
        }
        let path = self.merged.get("secrets_path").and_then(Node::text);
        let path = path.unwrap_or_else(|| ".kamal/secrets".to_string());
        let files = Secrets::paths(&path, self.destination);
        let name = locate::locate(&self.merged, parts).and_then(Node::text).unwrap_or_default();
        let secret = name.split_once(':').map_or(name.as_str(), |(_, secret)| secret);
        format!("its value is that of {secret} in {}, where the last one counts\n", files.join(" and "))
    }
}

/// The first key for which the top of the file holds where a role says nothing.
fn shared(found: &Found) -> Option<(usize, &'static Field)> {
    found.0.iter().enumerate().find_map(|(at, part)| match part {
        Part::Key(field) if matches!(field.absent, Absent::Root(_)) => Some((at, *field)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
