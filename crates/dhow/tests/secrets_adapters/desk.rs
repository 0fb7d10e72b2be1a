//! A project directory with the stand-ins on `PATH`, and dhow run in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A directory of a test's own.
pub struct Desk {
    directory: TempDir,
    environment: Vec<(String, String)>,
    typed: String,
}

/// How dhow ended.
#[derive(Debug)]
pub struct Ended {
    pub output: String,
    pub errors: String,
    pub status: i32,
}

impl Desk {
    pub fn new() -> Desk {
        let path = format!("{}:{}", stand_ins().display(), std::env::var("PATH").unwrap());
        let desk = Desk { directory: TempDir::new().unwrap(), environment: Vec::new(), typed: String::new() };
        let deploy = "service: shop\nimage: acme/shop\nservers: [10.0.0.1]\nbuilder:\n  arch: amd64\n";
        desk.file("config/deploy.yml", deploy).env("PATH", &path)
    }

    /// With this file in it; an empty one tells a stand-in how to behave.
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Desk {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Desk {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// With this on standard input.
    pub fn typing(mut self, text: &str) -> Desk {
        self.typed = text.to_string();
        self
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Runs dhow with these words, split as a shell would.
    pub fn dhow(&self, line: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dhow"))
            .args(shlex::split(line).unwrap())
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("DESK", self.directory.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that asks nothing ends without reading.
        let _unread = child.stdin.take().unwrap().write_all(self.typed.as_bytes());
        let ended = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { output: text(ended.stdout), errors: text(ended.stderr), status: ended.status.code().unwrap() }
    }

    /// What the stand-ins were asked, in order.
    pub fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap_or_default()
    }

    /// Fetches on the command line: the line of JSON, and what was asked for it.
    pub fn fetches(self, arguments: &str, json: &str, asked: &[&str]) -> Desk {
        let ended = self.dhow(&format!("secrets fetch {arguments}"));
        assert_eq!((ended.output.as_str(), ended.status), (format!("{json}\n").as_str(), 0), "{ended:?}");
        assert_eq!(self.asked().lines().collect::<Vec<_>>(), asked);
        self
    }

    /// Fetches in `.kamal/secrets` and extracts each of these there.
    pub fn extracts(self, arguments: &str, values: &[(&str, &str)]) {
        let extract = |at: usize, name: &str| format!("V{at}=$(kamal secrets extract \"{name}\" $SECRETS)\n");
        let lines: String = values.iter().enumerate().map(|(at, (name, _))| extract(at, name)).collect();
        let secrets = format!("SECRETS=$(kamal secrets fetch {arguments})\n{lines}");
        let desk = self.file(".kamal/secrets", secrets);
        let ended = desk.dhow("secrets print");
        assert_eq!(ended.status, 0, "{ended:?}");
        let printed = ended.output.split_once("V0=").map(|(_, values)| format!("V0={values}"));
        let expected: String =
            values.iter().enumerate().map(|(at, (_, value))| format!("V{at}={value}\n")).collect();
        assert_eq!(printed, Some(expected), "{ended:?}");
    }

    /// Cannot fetch and says why, first thing after `error: `; prints nothing.
    pub fn refuses(&self, arguments: &str, error: &str) {
        let ended = self.dhow(&format!("secrets fetch {arguments}"));
        assert_eq!((ended.output.as_str(), ended.status), ("", 1), "{ended:?}");
        let said = ended.errors.lines().find_map(|line| line.strip_prefix("error: "));
        assert_eq!(said, Some(error), "{ended:?}");
    }
}

fn stand_ins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secrets_adapters/bin")
}
