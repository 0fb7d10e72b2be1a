//! A project directory, and dhow run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A directory of a test's own.
pub struct Desk {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// What is called `ruby` on this desk.
pub enum Ruby {
    /// Nothing.
    None,
    /// `bin/ruby`.
    StandIn,
}

/// How dhow ended.
#[derive(Debug)]
pub struct Ended {
    pub output: String,
    pub errors: String,
    pub status: i32,
}

impl Desk {
    pub fn new(ruby: Ruby) -> Desk {
        let desk = Desk { directory: TempDir::new().unwrap(), environment: Vec::new() };
        let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates/bin");
        match ruby {
            Ruby::StandIn => desk.env("PATH", &format!("{}:/usr/bin:/bin", stand_ins.display())),
            Ruby::None => desk.with_few_programs(),
        }
    }

    /// Nothing if Ruby is not installed on this machine.
    pub fn with_real_ruby() -> Option<Desk> {
        let has_erb = Command::new("ruby").args(["-rerb", "-e", ""]).output();
        has_erb.is_ok_and(|ended| ended.status.success()).then(|| {
            let desk = Desk { directory: TempDir::new().unwrap(), environment: Vec::new() };
            desk.env("PATH", &std::env::var("PATH").unwrap())
        })
    }

    fn with_few_programs(self) -> Desk {
        let programs = self.path("programs");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink("/bin/sh", programs.join("sh")).unwrap();
        self.env("PATH", programs.to_str().unwrap())
    }

    pub fn file(self, path: &str, text: &str) -> Desk {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    /// Written by another process: Linux refuses to run a file while a process has it open for writing, and any test
    /// that starts a program at that moment would have it open for a while.
    pub fn program(self, path: &str, script: &str) -> Desk {
        let desk = self.file(&format!("{path}.text"), &format!("#!/bin/sh\n{script}\n"));
        let script = "cat \"$0.text\" >\"$0\" && chmod +x \"$0\"";
        assert!(Command::new("sh").args(["-c", script]).arg(desk.path(path)).status().unwrap().success());
        desk
    }

    pub fn env(mut self, name: &str, value: &str) -> Desk {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn dhow(&self, words: &[&str]) -> Ended {
        let ended = Command::new(env!("CARGO_BIN_EXE_dhow"))
            .args(words)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("VERSION", "v1")
            .envs(self.environment.iter().cloned())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { output: text(ended.stdout), errors: text(ended.stderr), status: ended.status.code().unwrap() }
    }
}
