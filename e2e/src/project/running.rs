use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::PATIENCE;
use crate::bed::Host;
use crate::checked::{checked, eventually};

/// Output still open this long after a command's end is held by something it left behind, which would hang `dhow … | cat`.
const LINGER: Duration = Duration::from_secs(5);

/// A command line that has not ended.
pub struct Running {
    line: String,
    nsenter: Child,
    pid: u32,
    started: Instant,
    stdout: Pipe,
    stderr: Pipe,
}

impl Running {
    pub(super) fn start(workstation: &Host, directory: &Path, line: &str) -> Result<Running> {
        let mut nsenter = workstation
            .command("setsid")
            .args(["bash", "-c", r#"cd "$0" && exec bash -c "$1""#])
            .arg(directory)
            .arg(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start nsenter")?;
        let stdout = Pipe::drain(nsenter.stdout.take().context("piped above")?);
        let stderr = Pipe::drain(nsenter.stderr.take().context("piped above")?);
        let started = Instant::now();
        let pid = eventually("nsenter has its child", PATIENCE, || child_of(&mut nsenter))?;
        Ok(Running { line: line.to_string(), nsenter, pid, started, stdout, stderr })
    }

    /// Sends a signal, `INT` for example, to the command and its children, as Ctrl-C in a terminal does.
    #[track_caller]
    pub fn interrupt(&self, signal: &str) {
        kill(signal, &format!("-{}", self.pid));
    }

    /// Sends a signal to the command alone, as a supervisor or the kernel does.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        kill(signal, &self.pid.to_string());
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Waits until this `happened`, which is looked at again and again; panics if the command ends first.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut happened: impl FnMut(&Running) -> bool) {
        while !happened(self) {
            let ended = self.nsenter.try_wait().expect("a child can be waited for");
            let late = self.started.elapsed() > PATIENCE;
            if ended.is_some() || late {
                panic!("{}: ended before {what}: {ended:?}\n{}{}", self.line, self.stdout(), self.stderr());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let status = eventually(&self.line, PATIENCE, || self.nsenter.try_wait().ok()?);
        let took = self.started.elapsed();
        let Ok(status) = status else {
            self.signal("KILL");
            panic!("{}: not at its end after {PATIENCE:?}\n{}{}", self.line, self.stdout(), self.stderr());
        };
        let (stdout, stderr) = (self.stdout.rest(&self.line), self.stderr.rest(&self.line));
        Outcome {
            line: self.line,
            status,
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            took,
        }
    }
}

/// How a command line ended.
#[derive(Debug)]
pub struct Outcome {
    line: String,
    status: ExitStatus,
    /// Standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// Time from its start to its end.
    pub took: Duration,
}

impl Outcome {
    /// Was the exit code 0?
    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Itself, after checking that the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Outcome {
        self.exits(0)
    }

    /// Itself, after checking the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert_eq!(self.status.code(), Some(code), "{}", self.transcript());
        self
    }

    /// Itself, after checking that what a human reads has each of these parts.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Outcome {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} on standard error of {}", self.transcript());
        }
        self
    }

    /// Itself, after checking that standard output has each of these parts.
    #[track_caller]
    pub fn prints(self, parts: &[&str]) -> Outcome {
        for part in parts {
            assert!(self.text().contains(part), "no {part:?} on standard output of {}", self.transcript());
        }
        self
    }

    /// Standard output as text, without blanks around it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_string()
    }

    /// The command and all it wrote, for a message.
    pub fn transcript(&self) -> String {
        format!(
            "`{}` ({}, {:?})\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.status,
            self.took,
            self.text(),
            self.stderr
        )
    }
}

/// One output of a command, read as it comes by a thread of its own.
struct Pipe {
    seen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Pipe {
    fn drain(mut from: impl Read + Send + 'static) -> Pipe {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&seen);
        let reader = thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(length @ 1..) = from.read(&mut piece) {
                writer.lock().expect("no holder panics").extend_from_slice(&piece[..length]);
            }
        });
        Pipe { seen, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("no holder panics")).into_owned()
    }

    #[track_caller]
    fn rest(self, line: &str) -> Vec<u8> {
        let ended = eventually("its output closes", LINGER, || self.reader.is_finished().then_some(()));
        assert!(
            ended.is_ok(),
            "`{line}` has ended, but something it left behind still holds its output\n{}",
            self.text()
        );
        self.seen.lock().expect("no holder panics").clone()
    }
}

#[track_caller]
fn kill(signal: &str, target: &str) {
    checked(Command::new("kill").args(["-s", signal, "--", target]))
        .unwrap_or_else(|error| panic!("{error:#}"));
}

/// nsenter forks to enter a process namespace; its child is the command.
fn child_of(nsenter: &mut Child) -> Option<u32> {
    let id = nsenter.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let ended = || nsenter.try_wait().ok().flatten().map(|_| id);
    children.split_whitespace().next().and_then(|child| child.parse().ok()).or_else(ended)
}
