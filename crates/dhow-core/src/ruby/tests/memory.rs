//! A machine that is made up: files in memory, commands that echo, a clock that stands still.

use crate::ruby::{FileKind, Moment, Ran, Surroundings, Unreadable};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub struct Memory {
    pub files: BTreeMap<String, String>,
    pub said: Mutex<String>,
}

impl Memory {
    pub fn with(files: &[(&str, &str)]) -> Memory {
        let files = files.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string()));
        Memory { files: files.collect(), said: Mutex::default() }
    }

    fn plain(path: &str) -> &str {
        path.trim_start_matches("./").trim_start_matches("/project/").trim_end_matches('/')
    }
}

impl Surroundings for Memory {
    fn directory(&self) -> String {
        "/project".to_string()
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        self.files.get(Memory::plain(path)).cloned().ok_or(Unreadable::Missing)
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        let path = Memory::plain(path);
        if self.files.contains_key(path) {
            return Some(FileKind::File);
        }
        let inside = format!("{path}/");
        self.files.keys().any(|file| file.starts_with(&inside)).then_some(FileKind::Directory)
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let inside = match Memory::plain(directory) {
            "." | "" => String::new(),
            directory => format!("{directory}/"),
        };
        let below = self.files.keys().filter_map(|path| path.strip_prefix(&inside));
        let mut names: Vec<String> =
            below.filter_map(|rest| rest.split('/').next()).map(String::from).collect();
        names.dedup();
        names
    }

    /// `echo` prints, `false` fails, nothing else exists.
    fn run(&self, command: &str, _: &BTreeMap<String, String>) -> Result<Ran, String> {
        let (printed, status) = match command.split_once(' ') {
            Some(("echo", text)) => (format!("{text}\n"), 0),
            None if command == "false" => (String::new(), 1),
            _ => (String::new(), 127),
        };
        Ok(Ran { printed, status })
    }

    fn now(&self) -> Moment {
        Moment { seconds: 1_700_000_000, nanoseconds: 500_000_000, offset: 3_600 }
    }

    fn random(&self, count: usize) -> Result<Vec<u8>, String> {
        Ok((0..count).map(|index| (index * 37 + 11) as u8).collect())
    }

    fn say(&self, text: &str) {
        self.said.lock().unwrap().push_str(text);
    }
}
