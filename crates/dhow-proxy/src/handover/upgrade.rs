//! `upgrade`: the proxy starts its own successor, from a program that was put in its place.
//!
//! So it is done inside a container: the first process there must not end, or the container does (see [`super::guard`]).
//! It passes signals on to those below it. What they log goes where its own lines went.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::guard;
use crate::duration;

/// How often a process is asked whether it has ended.
pub const LOOK: Duration = Duration::from_millis(50);

/// How a successor is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// The way this process was started itself. The path is looked up anew: there may be another program by now.
    pub fn own() -> Self {
        let mut words = std::env::args_os();
        Self { path: words.next().unwrap_or_default().into(), arguments: words.collect() }
    }

    /// Starts it to take over, from this program instead if one is named.
    pub fn start(&self, instead: Option<PathBuf>, drain: Duration) -> Result<Child, String> {
        let path = instead.unwrap_or_else(|| self.path.clone());
        let drain = format!("--drain-timeout={}", duration::format(drain));
        let is_ours = |argument: &&OsString| {
            *argument == "--take-over" || argument.to_string_lossy().starts_with("--drain-timeout=")
        };
        let mut command = Command::new(&path);
        command.args(self.arguments.iter().filter(|argument| !is_ours(argument)));
        let started = guard::prepare(command.args(["--take-over", &drain])).and_then(|()| command.spawn());
        started.map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Waits until the successor has taken over; fails if it ends instead.
pub async fn has_taken_over(
    child: &mut Child,
    mut handed_over: watch::Receiver<Option<Duration>>,
) -> Result<(), String> {
    tokio::select! {
        _ = handed_over.wait_for(Option::is_some) => Ok(()),
        ended = end_of(child) => {
            let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(format!("the new proxy did not start ({how}); the container's log says why"))
        }
    }
}

/// Waits for the end of a process.
pub async fn end_of(child: &mut Child) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(LOOK).await;
    }
}
