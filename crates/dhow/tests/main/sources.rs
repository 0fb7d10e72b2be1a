//! The source files of the workspace, as tidy tests look at them.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
pub struct Source {
    /// Relative to `crates/`: `dhow/src/run.rs`.
    pub path: String,
    /// All of it up to its own tests.
    pub text: String,
}

impl Source {
    /// Every source file of a crate, tests left out.
    pub fn of(krate: &str) -> Vec<Source> {
        let mut sources = Vec::new();
        collect(&crates().join(krate).join("src"), &mut sources);
        assert!(sources.len() > 3, "sources of {krate} not found");
        sources
    }

    /// Lines of code that contain this text, with their place.
    pub fn mentions(&self, what: &str) -> Vec<String> {
        let is_code = |line: &str| !line.trim_start().starts_with("//");
        let lines = self.text.lines().enumerate().filter(|(_, line)| is_code(line) && line.contains(what));
        lines.map(|(number, line)| format!("{}:{}: {}", self.path, number + 1, line.trim())).collect()
    }
}

/// Where the crates are.
pub fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect(directory: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("\n#[cfg(test)]").next().unwrap_or_default().to_string();
            let path = path.strip_prefix(crates()).unwrap().display().to_string();
            sources.push(Source { path, text });
        }
    }
}
