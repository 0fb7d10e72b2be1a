use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a program to its end and returns its standard output; an error carries the command and what it wrote.
pub fn checked(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks every 20 ms until `answer` has one; an error naming `what` after `limit`.
pub fn eventually<T>(what: &str, limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = answer() {
            return Ok(found);
        }
        if start.elapsed() > limit {
            bail!("not within {limit:?}: {what}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}
