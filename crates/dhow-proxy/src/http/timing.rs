//! What of a request's duration was spent on its target: dhow's fields in the access log, behind kamal-proxy's.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::log::Line;

/// Times, as far as they are known.
#[derive(Default)]
pub struct Timing {
    begun: Cell<Option<Instant>>,
    connected: Cell<Duration>,
    first_byte: Cell<Option<Duration>>,
}

impl Timing {
    /// The request goes to its target now.
    pub fn begin(&self) {
        self.begun.set(Some(Instant::now()));
    }

    /// Waits for a new connection, and notes how long that took.
    pub async fn connecting<T>(&self, connection: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let connection = connection.await;
        self.connected.set(self.connected.get() + begun.elapsed());
        connection
    }

    /// The head of the response is there.
    pub fn answered(&self) {
        self.first_byte.set(self.begun.get().map(|begun| begun.elapsed()));
    }

    /// Adds what is known to a line, in nanoseconds.
    pub fn write(&self, line: Line) -> Line {
        if self.begun.get().is_none() {
            return line;
        }
        let line = line.field("target_connect", &nanoseconds(self.connected.get()));
        match self.first_byte.get() {
            Some(first_byte) => line.field("target_first_byte", &nanoseconds(first_byte)),
            None => line,
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}
