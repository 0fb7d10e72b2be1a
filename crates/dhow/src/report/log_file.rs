//! `output.file`: what a run says, with `--verbose` in mind, in a file of its own (kamal-remote 10).

use super::{Event, Redaction, Report};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// The file of one run.
pub struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
    redaction: Redaction,
}

impl LogFile {
    /// Makes `DIRECTORY/2026-01-02T03-04-05_staging_app_boot.log`, and the directory. `at` is when the run began,
    /// `words` are the destination, if there is one, and the command.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(directory: &Path, at: &str, words: &[&str], redaction: Redaction) -> io::Result<LogFile> {
        fs::create_dir_all(directory)?;
        let name = format!("{}_{}.log", at.trim_end_matches('Z').replace(':', "-"), words.join("_"));
        let path = directory.join(name);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        Ok(LogFile { path, file: Mutex::new(file), redaction })
    }

    /// The last line: how it ended, and how long it took.
    pub fn finish(&self, failure: Option<&str>, took: Duration) {
        let seconds = took.as_secs_f32();
        self.line(&match failure {
            None => format!("# Completed in {seconds:.1}s"),
            Some(failure) => format!("# FAILED: {failure} ({seconds:.1}s)"),
        });
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn line(&self, text: &str) {
        let text = self.redaction.of(text);
        // A full disk here does not end a deploy; the terminal has the same words.
        let _unwritten = writeln!(self.file.lock().expect("no panic while held"), "{}", text.trim_end());
    }
}

impl Report for LogFile {
    fn event(&self, event: Event<'_>) {
        let lossy = String::from_utf8_lossy;
        match event {
            Event::Say(text) => self.line(text),
            Event::Warn(text) => self.line(&format!("warning: {text}")),
            Event::Began { at, name, command } => {
                let name = if name.is_empty() { String::new() } else { format!("  {at}  {name}\n") };
                self.line(&format!("{name}  {at}  $ {command}"));
            }
            Event::Progress { at, line: text } | Event::Debug { at, text } => {
                text.lines().for_each(|line| self.line(&format!("  {at}  {line}")));
            }
            Event::Result { heading, bytes } => {
                let heading = heading.map(|(what, at)| format!("{what} Host: {at}\n")).unwrap_or_default();
                self.line(&format!("{heading}{}", lossy(bytes)));
            }
            Event::ResultErrors(bytes) | Event::Followed { line: bytes, .. } => self.line(&lossy(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dhow_core::plan::Place;

    #[test]
    fn a_run_is_told_in_full_and_without_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("logs/deploys");
        let redaction = Redaction::new(["hunter2".to_string()]);
        let file =
            LogFile::create(&logs, "2026-01-02T03:04:05Z", &["staging", "app", "boot"], redaction).unwrap();
        let at = &Place::host("10.0.0.1");
        file.event(Event::Say("Acquiring the deploy lock..."));
        file.event(Event::Began { at, name: "start", command: "docker start x" });
        file.event(Event::Debug { at, text: "one\npassword hunter2\n" });
        file.finish(Some("hunter2 is wrong"), Duration::from_millis(12_340));
        assert_eq!(file.path(), logs.join("2026-01-02T03-04-05_staging_app_boot.log"));
        assert_eq!(
            fs::read_to_string(file.path()).unwrap(),
            "Acquiring the deploy lock...\n  10.0.0.1  start\n  10.0.0.1  $ docker start x\n  10.0.0.1  one\n  \
             10.0.0.1  password [REDACTED]\n# FAILED: [REDACTED] is wrong (12.3s)\n"
        );
    }
}
