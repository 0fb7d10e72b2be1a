//! What a stub server has seen, read back from its directory in the form of the corpus.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// `run`, `proxy`, `env_files`, `files` and `directories` of a server; `user_home` is what a configuration
/// calls the home directory.
pub fn received(server: &Path, user_home: &str) -> Value {
    let seen = Seen::read(server, user_home);
    json!({
        "run": seen.calls(&["run"]),
        "proxy": seen.calls(&["exec", "kamal-proxy", "kamal-proxy", "deploy"]),
        "env_files": seen.env_files(),
        "files": seen.files(),
        "directories": seen.directories(),
    })
}

struct Seen {
    server: PathBuf,
    /// The home directory as it is here, and as a configuration would write it.
    homes: [String; 2],
    calls: Vec<Vec<String>>,
    /// Name and id.
    containers: Vec<(String, String)>,
}

impl Seen {
    fn read(server: &Path, user_home: &str) -> Seen {
        let containers = fs::read_dir(server.join("docker/containers")).unwrap().map(Result::unwrap);
        let container = |entry: fs::DirEntry| {
            let id = text(&entry.path()).trim_end().to_string();
            (entry.file_name().into_string().unwrap(), id)
        };
        Seen {
            server: server.to_path_buf(),
            homes: [format!("{}/home/", server.display()), format!("{user_home}/")],
            calls: calls(&text(&server.join("docker/calls"))),
            containers: containers.map(container).collect(),
        }
    }

    /// Calls that begin with these words.
    fn calls(&self, first: &[&str]) -> Vec<Vec<String>> {
        let is_wanted = |call: &&Vec<String>| {
            call.iter().zip(first).filter(|(one, other)| one == other).count() == first.len()
        };
        self.calls.iter().filter(is_wanted).map(|call| self.anonymous(call)).collect()
    }

    /// With the corpus's words for what differs from run to run.
    fn anonymous(&self, call: &[String]) -> Vec<String> {
        let mut words: Vec<String> = call.iter().map(|word| self.without_ids_and_homes(word)).collect();
        if let Some(at) = words.iter().position(|word| word == "--hostname") {
            words[at + 1] = without_suffix(&words[at + 1]);
        }
        words
    }

    fn without_ids_and_homes(&self, word: &str) -> String {
        let homeless = self.homes.iter().fold(word.to_string(), |word, home| word.replace(home, "$PWD/"));
        let named =
            |word: String, (name, id): &(String, String)| word.replace(id, &format!("<id of {name}>"));
        self.containers.iter().fold(homeless, named)
    }

    /// As they were when a container was started with them.
    fn env_files(&self) -> Value {
        let copies = tree(&self.server.join("docker/env_files"), "").into_iter();
        copies
            .filter(|(path, _)| path.is_file())
            .map(|(path, name)| (name, file(&path, &octal(&path))))
            .collect()
    }

    /// What else is there at the end, besides the log.
    fn files(&self) -> Value {
        let is_env_file = |name: &str| self.server.join("docker/env_files").join(name).exists();
        let files = self.left().into_iter().filter(|(path, _)| path.is_file());
        let files = files.filter(|(_, name)| !is_env_file(name) && !name.ends_with("-audit.log"));
        files.map(|(path, name)| (name, file(&path, &format!("0{}", octal(&path))))).collect()
    }

    fn directories(&self) -> Vec<String> {
        let made = |path: &PathBuf, name: &str| path.is_dir() && !THERE.contains(&name);
        let directories = self.left().into_iter().filter(|(path, name)| made(path, name));
        directories.map(|(path, name)| format!("{name} 0{}", octal(&path))).collect()
    }

    /// Everything in the home directory, then what is elsewhere.
    fn left(&self) -> Vec<(PathBuf, String)> {
        [tree(&self.server.join("home"), ""), tree(&self.server.join("root"), "/")].concat()
    }
}

/// Directories that every server has.
const THERE: &[&str] = &["/var", "/var/lib"];

/// Each call is its number of words, then the words.
fn calls(record: &str) -> Vec<Vec<String>> {
    let mut words = record.split_terminator('\0');
    let mut calls = Vec::new();
    while let Some(count) = words.next() {
        calls.push(words.by_ref().take(count.parse().unwrap()).map(String::from).collect());
    }
    calls
}

fn without_suffix(hostname: &str) -> String {
    let (host, suffix) = hostname.rsplit_once('-').unwrap();
    assert!(suffix.len() == 12 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hostname}");
    format!("{host}-<hex>")
}

/// Everything below a directory, each with its name relative to it.
fn tree(directory: &Path, prefix: &str) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let below = |entry: fs::DirEntry| {
        let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().into_string().unwrap()));
        let deeper = tree(&path, &format!("{name}/"));
        [vec![(path, name)], deeper].concat()
    };
    entries.map(Result::unwrap).flat_map(below).collect()
}

fn file(path: &Path, mode: &str) -> Value {
    json!({ "mode": mode, "content": text(path) })
}

fn octal(path: &Path) -> String {
    format!("{:o}", fs::metadata(path).unwrap().permissions().mode() & 0o7777)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
