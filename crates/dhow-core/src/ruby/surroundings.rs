//! What a template can reach outside its own text. The core only asks; answers come from the edge.

use std::collections::BTreeMap;

/// The machine and the project around a template. Each method answers for one thing Ruby could do; paths are relative
/// to the project's directory. Without any of it a template still has its environment.
pub trait Surroundings: Send + Sync {
    /// Absolute path of the project's directory.
    fn directory(&self) -> String {
        ".".to_string()
    }

    /// All of a file.
    fn read(&self, _path: &str) -> Result<String, Unreadable> {
        Err(Unreadable::Missing)
    }

    /// Is there something at the path, and what?
    fn kind(&self, _path: &str) -> Option<FileKind> {
        None
    }

    /// Names in a directory, in any order; none if there is no such directory.
    fn names(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }

    /// Runs a command line as `sh -c` does, in the project's directory, and waits for it.
    fn run(&self, _command: &str, _environment: &BTreeMap<String, String>) -> Result<Ran, String> {
        Err("there is no shell here".to_string())
    }

    /// What time it is.
    fn now(&self) -> Moment {
        Moment::default()
    }

    /// That many random bytes.
    fn random(&self, _count: usize) -> Result<Vec<u8>, String> {
        Err("there is no randomness here".to_string())
    }

    /// Shows what a template prints; nothing of it reaches the configuration.
    fn say(&self, _text: &str) {}

    /// The environment as a template left it, for what runs after it: other files, secrets.
    fn environment_changed(&self, _environment: &BTreeMap<String, String>) {}

    /// Has Ruby itself evaluate the template in a file (trim mode `-`). `None` where Ruby is not installed.
    fn ruby(
        &self,
        _path: &str,
        _environment: &BTreeMap<String, String>,
    ) -> Option<Result<RubyRendered, RubyFailed>> {
        None
    }
}

/// A template that Ruby evaluated.
pub struct RubyRendered {
    /// What came out.
    pub text: String,
    /// The environment afterwards.
    pub environment: BTreeMap<String, String>,
}

/// A template that Ruby could not evaluate either.
pub struct RubyFailed {
    /// What was raised, word for word; or why Ruby gave no answer.
    pub message: String,
    /// The class of what was raised.
    pub class: Option<String>,
    /// Where in the template, from 1.
    pub line: Option<usize>,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// There is no such file.
    Missing,
    /// What the system said about it.
    Failed(String),
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Something with content.
    File,
    /// A directory.
    Directory,
}

/// A command that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it wrote to its standard output.
    pub printed: String,
    /// Its exit status; 128 and the signal's number if one ended it.
    pub status: i32,
}

/// A point in time, and how far the local clock is from UTC then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970 in UTC.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// Local time minus UTC, in seconds.
    pub offset: i32,
}

/// Nothing but the environment.
pub struct Nowhere;

impl Surroundings for Nowhere {}
