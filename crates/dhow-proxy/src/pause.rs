//! Whether a service takes requests: running, paused (they wait) or stopped (they are refused).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::options::nanoseconds;

/// The state, as part of the routing snapshot. Every change publishes a new snapshot, which wakes who waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pause {
    /// Requests go through.
    #[default]
    Running,
    /// Requests are held, each for at most this long.
    Paused {
        /// Counted from a request's own arrival.
        at_most: Duration,
    },
    /// Requests are refused.
    Stopped {
        /// Shown on the 503 page; may be empty.
        message: String,
    },
}

impl Pause {
    /// The word in `list`.
    pub fn name(&self) -> &'static str {
        match self {
            Pause::Running => "running",
            Pause::Paused { .. } => "paused",
            Pause::Stopped { .. } => "stopped",
        }
    }
}

/// The shape in the state file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedPause {
    state: u8,
    stop_message: String,
    #[serde(with = "nanoseconds")]
    fail_after: Duration,
}

impl From<&Pause> for SavedPause {
    fn from(pause: &Pause) -> Self {
        match pause.clone() {
            Pause::Running => Self::default(),
            Pause::Paused { at_most } => Self { state: 1, fail_after: at_most, ..Self::default() },
            Pause::Stopped { message } => Self { state: 2, stop_message: message, ..Self::default() },
        }
    }
}

impl From<SavedPause> for Pause {
    fn from(saved: SavedPause) -> Self {
        match saved.state {
            1 => Pause::Paused { at_most: saved.fail_after },
            2 => Pause::Stopped { message: saved.stop_message },
            _ => Pause::Running,
        }
    }
}
