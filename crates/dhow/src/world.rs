//! The seam: everything dhow does to the world outside its own memory, besides talking to its user.

mod channel;
mod jump;
mod live;
mod ssh;

pub use live::Live;
pub use ssh::SshOptions;

use dhow_core::plan::{Job, Place};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A future in a box, so that the seam can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a run needs of the outside.
pub trait World: Send + Sync {
    /// Runs a job to its end, telling the listener what happens meanwhile.
    fn run<'a>(
        &'a self,
        job: &'a Job,
        listener: &'a Listener<'a>,
    ) -> BoxFuture<'a, Result<Finished, WorldError>>;

    /// Waits.
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()>;
}

/// Is told what a running job does.
pub type Listener<'a> = dyn Fn(Heard<'_>) + Send + Sync + 'a;

/// News of a running job.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// The line of that index begins.
    Line(usize),
    /// Bytes of standard output.
    Stdout(&'a [u8]),
    /// Bytes of standard error.
    Stderr(&'a [u8]),
    /// Something the world itself has to say, such as how much of an image was sent.
    Note(&'a str),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finished {
    /// Exit status; 255 if a signal ended it.
    pub status: i32,
    /// All of standard output, unless it was passed on as it came.
    pub stdout: Vec<u8>,
    /// All of standard error, likewise.
    pub stderr: Vec<u8>,
    /// The last line that began.
    pub line: usize,
}

/// A job that could not be run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldError {
    /// No connection to the host.
    Connect {
        /// The host.
        host: String,
        /// What ssh said.
        detail: String,
        /// The command line to try by hand.
        try_by_hand: String,
    },
    /// It took longer than its deadline.
    Deadline {
        /// Where.
        at: Place,
        /// Seconds.
        seconds: u32,
    },
    /// The connection broke, or a local program could not be started.
    Broken {
        /// Where.
        at: Place,
        /// What is known.
        detail: String,
    },
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldError::Connect { host, detail, try_by_hand } => {
                write!(f, "cannot connect to {host}: {detail}\n  try it by hand: {try_by_hand}")?;
                match detail.contains("Could not resolve hostname") {
                    true => f.write_str(
                        "\n  hint: neither DNS nor ssh_config knows this name; is it right in `servers:`?",
                    ),
                    false => Ok(()),
                }
            }
            WorldError::Deadline { at, seconds } => {
                write!(f, "no answer from {at} within {seconds} s; what runs there was told to stop")
            }
            WorldError::Broken { at, detail } => write!(f, "{at}: {detail}"),
        }
    }
}

impl std::error::Error for WorldError {}
