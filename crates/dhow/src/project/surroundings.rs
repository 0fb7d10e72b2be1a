//! What ERB in a configuration can reach on this machine, and the environment it leaves behind.

mod ruby;

use super::secrets_files;
use crate::cli::Global;
use dhow_core::ruby::{FileKind, Moment, Ran, RubyFailed, RubyRendered, Surroundings, Unreadable};
use dhow_core::secrets::inline;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

type Environment = BTreeMap<String, String>;

/// This machine, seen from a project's directory.
pub struct LocalSurroundings {
    directory: PathBuf,
    global: Global,
    environment: Mutex<Environment>,
}

impl LocalSurroundings {
    /// Around the project in a directory. The options of the command line are for `kamal secrets` in a template.
    pub fn new(directory: &Path, environment: Environment, global: &Global) -> LocalSurroundings {
        let (directory, environment) = (directory.to_path_buf(), Mutex::new(environment));
        LocalSurroundings { directory, global: global.clone(), environment }
    }

    /// dhow's environment, with what templates have changed in it.
    pub fn environment(&self) -> Environment {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn command(&self, program: &str, environment: &Environment) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(environment).current_dir(&self.directory);
        command
    }
}

impl Surroundings for LocalSurroundings {
    fn directory(&self) -> String {
        self.directory.display().to_string()
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        fs::read_to_string(self.directory.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Failed(error.to_string()),
        })
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        let found = fs::metadata(self.directory.join(path)).ok()?;
        Some(if found.is_dir() { FileKind::Directory } else { FileKind::File })
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.directory.join(directory)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// With our terminal, so that a password manager can ask. `kamal secrets …` is answered here.
    fn run(&self, command: &str, environment: &Environment) -> Result<Ran, String> {
        if let Some(words) = inline::arguments(command) {
            let secret = secrets_files::answer(&words, &self.global, &self.directory)?;
            return Ok(Ran { printed: secret.reveal().to_string(), status: 0 });
        }
        let mut shell = self.command("sh", environment);
        let ran = shell.args(["-c", command]).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
        let ran = ran.map_err(|error| format!("sh cannot be started: {error}"))?;
        let printed = String::from_utf8(ran.stdout);
        let printed = printed.map_err(|_| "what the command printed is not UTF-8".to_string())?;
        Ok(Ran { printed, status: status(ran.status) })
    }

    fn now(&self) -> Moment {
        let now = jiff::Zoned::now();
        let timestamp = now.timestamp();
        Moment {
            seconds: timestamp.as_second(),
            nanoseconds: timestamp.subsec_nanosecond().unsigned_abs(),
            offset: now.offset().seconds(),
        }
    }

    fn random(&self, count: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; count];
        let read = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
        read.map(|()| bytes).map_err(|error| format!("/dev/urandom cannot be read: {error}"))
    }

    fn say(&self, text: &str) {
        let _nobody_reads = io::stderr().write_all(text.as_bytes());
    }

    fn environment_changed(&self, environment: &Environment) {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone_from(environment);
    }

    fn ruby(&self, path: &str, environment: &Environment) -> Option<Result<RubyRendered, RubyFailed>> {
        ruby::render(self.command("ruby", environment), path)
    }
}

/// As Ruby's `$?` has it; 128 and the number of a signal.
fn status(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
