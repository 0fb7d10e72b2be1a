//! The machine on which Kamal was recorded: a project's files, and commands that print one line.

use dhow_core::ruby::{FileKind, Ran, Surroundings, Unreadable};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Where the project was.
const ROOT: &str = "/srv/app";

/// The commit. The recordings write another in its place, which YAML would take for a number.
pub const COMMIT: &str = "c0ffee5fffffffffffffffffffffffffffffffff";

/// A project of the corpus.
pub struct Recorded {
    /// Its files.
    pub root: PathBuf,
    /// Where Kamal ran, below the root.
    pub directory: String,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// What commands print, by their first word.
    pub programs: BTreeMap<String, String>,
    /// Files that were added, by their path below the root.
    pub made: BTreeMap<String, String>,
}

impl Recorded {
    /// The environment, with what every machine has, and a place for gems.
    pub fn env(&self) -> BTreeMap<String, String> {
        let mut env = self.environment.clone();
        env.insert("HOME".to_string(), "/root".to_string());
        env.insert("USER".to_string(), "root".to_string());
        env.insert("GEM_HOME".to_string(), format!("{ROOT}/.gems"));
        env
    }

    /// A path below the root; `None` outside.
    fn below(&self, path: &str) -> Option<String> {
        let path =
            if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", self.directory()) };
        let mut parts = Vec::new();
        for part in path.strip_prefix(ROOT)?.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }
}

impl Surroundings for Recorded {
    fn directory(&self) -> String {
        format!("{ROOT}/{}", self.directory).trim_end_matches(['.', '/']).to_string()
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        let path = self.below(path).ok_or(Unreadable::Missing)?;
        let made = self.made.get(&path).cloned();
        made.or_else(|| fs::read_to_string(self.root.join(path)).ok()).ok_or(Unreadable::Missing)
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        let path = self.below(path)?;
        if self.made.contains_key(&path) || self.root.join(&path).is_file() {
            return Some(FileKind::File);
        }
        let holds = |made: &String| made.starts_with(&format!("{path}/"));
        (self.made.keys().any(holds) || self.root.join(&path).is_dir()).then_some(FileKind::Directory)
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let Some(directory) = self.below(directory) else { return Vec::new() };
        let made = self.made.keys().filter_map(|path| path.strip_prefix(&format!("{directory}/")));
        let mut names: Vec<String> =
            made.map(|rest| rest.split('/').next().unwrap_or_default().to_string()).collect();
        let entries = fs::read_dir(self.root.join(directory)).into_iter().flatten().flatten();
        names.extend(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        names.sort();
        names.dedup();
        names
    }

    fn run(&self, command: &str, _: &BTreeMap<String, String>) -> Result<Ran, String> {
        let line = match command.trim_end_matches("2>/dev/null").trim() {
            "git rev-parse HEAD" | "git rev-parse --verify HEAD" => COMMIT.to_string(),
            "git rev-parse --short HEAD" | "git describe --tags --always" => COMMIT[..7].to_string(),
            command => {
                let program = command.split_whitespace().next().unwrap_or_default();
                match (program, self.programs.get(program)) {
                    ("date", _) => "<time>".to_string(),
                    (_, Some(line)) => line.clone(),
                    // A script of the project, of which all that matters is what it prints.
                    (script, _) if self.kind(script).is_some() => "dummy".to_string(),
                    (_, None) => return Ok(Ran { printed: String::new(), status: 127 }),
                }
            }
        };
        Ok(Ran { printed: format!("{line}\n"), status: 0 })
    }
}
