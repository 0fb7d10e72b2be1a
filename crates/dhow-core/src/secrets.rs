//! Secrets: a value that never shows itself, and the files they come from.

pub mod adapters;
pub mod credentials_file;
pub mod dotenv;
pub mod env_file;
pub mod inline;
pub(crate) mod ruby_dump;

use std::collections::BTreeMap;
use std::fmt;

/// A secret's value. It prints as a redaction everywhere; only [`Secret::reveal`] shows it, for the transport.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself: for the bytes that go to a server or a program's standard input, nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// All keys of the secrets files, later files winning, and which files those were.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, Secret>,
    files: Vec<String>,
    searched: Vec<String>,
}

impl Secrets {
    /// From what the files said; `files` are the paths found, for messages.
    pub fn new(values: BTreeMap<String, Secret>, files: Vec<String>) -> Secrets {
        Secrets { values, files, searched: Vec::new() }
    }

    /// Remembers all paths that were looked for, to say so when there were no files.
    pub fn searched(self, paths: impl IntoIterator<Item = String>) -> Secrets {
        Secrets { searched: paths.into_iter().collect(), ..self }
    }

    /// The value of a key.
    pub fn find(&self, key: &str) -> Result<&Secret, MissingSecret> {
        let missing = || MissingSecret {
            key: key.to_string(),
            files: self.files.clone(),
            searched: self.searched.clone(),
            others: Vec::new(),
        };
        self.values.get(key).ok_or_else(missing)
    }

    /// Are all of these there? If not, the error names every one that is missing.
    pub fn require<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Result<(), MissingSecret> {
        let mut missing: Vec<&str> = Vec::new();
        for key in keys {
            if !self.values.contains_key(key) && !missing.contains(&key) {
                missing.push(key);
            }
        }
        let Some((first, others)) = missing.split_first() else { return Ok(()) };
        let others = others.iter().map(ToString::to_string).collect();
        self.find(first).map(|_| ()).map_err(|error| MissingSecret { others, ..error })
    }

    /// Every key and value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Secret)> {
        self.values.iter()
    }
}

/// A secret that a container, a registry or a build needs and no file has. Kamal's words, then where we looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSecret {
    /// The key looked for.
    pub key: String,
    /// The files that were read.
    pub files: Vec<String>,
    /// The files that would have been, had they existed.
    pub searched: Vec<String>,
    /// What else is missing.
    pub others: Vec<String>,
}

impl fmt::Display for MissingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.files.as_slice() {
            [] if self.searched.is_empty() => {
                write!(f, "Secret '{}' not found, no secret files provided", self.key)?;
            }
            [] => {
                let searched = self.searched.join(", ");
                write!(f, "Secret '{}' not found, no secret files ({searched}) provided", self.key)?;
            }
            files => write!(f, "Secret '{}' not found in {}", self.key, files.join(", "))?,
        }
        if !self.others.is_empty() {
            write!(f, "\n  nor: {}", self.others.join(", "))?;
        }
        match self.searched.last().filter(|own| !self.files.is_empty() && !self.files.contains(own)) {
            Some(own) => write!(f, "\n  hint: {own} would be read too, but there is no such file"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for MissingSecret {}
