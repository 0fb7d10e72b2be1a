//! The log: JSON lines on standard output, in the shape of Go's slog, written by a thread of its own.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::Serialize;

use crate::clock;

/// Batches that may wait for a slow standard output before lines are dropped (and counted).
const QUEUE: usize = 256;

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only with `--debug`.
    Debug,
    /// What happens in the normal course.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

/// A handle to the log; clones write to the same place.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    batches: Mutex<Option<SyncSender<Vec<u8>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    dropped: AtomicU64,
    debug: bool,
}

impl Log {
    /// Starts the writing thread.
    pub fn new(to: impl Write + Send + 'static, debug: bool) -> Self {
        let (batches, queue) = sync_channel(QUEUE);
        let writer = std::thread::spawn(move || write_batches(queue, to));
        let inner = Inner {
            batches: Mutex::new(Some(batches)),
            writer: Mutex::new(Some(writer)),
            dropped: AtomicU64::new(0),
            debug,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Logs at `INFO`.
    pub fn info(&self, message: &str, fields: &[(&str, &dyn Field)]) {
        self.line(Level::Info, message, fields);
    }

    /// Logs at `WARN`.
    pub fn warn(&self, message: &str, fields: &[(&str, &dyn Field)]) {
        self.line(Level::Warn, message, fields);
    }

    /// Logs at `ERROR`.
    pub fn error(&self, message: &str, fields: &[(&str, &dyn Field)]) {
        self.line(Level::Error, message, fields);
    }

    /// Logs at `DEBUG`, which is written only with `--debug`.
    pub fn debug(&self, message: &str, fields: &[(&str, &dyn Field)]) {
        self.line(Level::Debug, message, fields);
    }

    /// Hands over finished lines; never waits. Lines that a blocked output has no room for are counted instead.
    pub fn batch(&self, mut lines: Vec<u8>) {
        let missed = self.inner.dropped.swap(0, Relaxed);
        if missed > 0 {
            let line = Line::new(Level::Warn, "Log output was blocked; batches of lines were dropped");
            lines.extend_from_slice(&line.field("batches", &missed).finish());
        }
        let sender = self.inner.batches.lock().expect("no holder panics").clone();
        let sent = sender.map(|sender| sender.try_send(lines));
        if let Some(Err(TrySendError::Full(_))) = sent {
            self.inner.dropped.fetch_add(missed + 1, Relaxed);
        }
    }

    /// Writes what is queued and ends the writing thread.
    pub fn close(&self) {
        self.inner.batches.lock().expect("no holder panics").take();
        if let Some(writer) = self.inner.writer.lock().expect("no holder panics").take() {
            // A writer that panicked has nothing left to write; there is nowhere to report it to.
            writer.join().ok();
        }
    }

    fn line(&self, level: Level, message: &str, fields: &[(&str, &dyn Field)]) {
        if level == Level::Debug && !self.inner.debug {
            return;
        }
        let line =
            fields.iter().fold(Line::new(level, message), |line, (name, value)| line.dynamic(name, *value));
        self.batch(line.finish());
    }
}

/// A value that a log line can hold.
pub trait Field: Sync {
    /// Appends the value as JSON.
    fn write_json(&self, to: &mut Vec<u8>);
}

impl<T: Serialize + Sync + ?Sized> Field for T {
    fn write_json(&self, to: &mut Vec<u8>) {
        serde_json::to_writer(to, self).expect("a vector takes every write, and log values are plain");
    }
}

/// A line under construction: `time`, `level`, `msg`, then fields in the order they are added.
pub struct Line {
    bytes: Vec<u8>,
}

impl Line {
    /// Starts a line, now.
    pub fn new(level: Level, message: &str) -> Self {
        Self::append_to(Vec::with_capacity(256), level, message)
    }

    /// Starts a line at the end of a batch.
    pub fn append_to(mut bytes: Vec<u8>, level: Level, message: &str) -> Self {
        bytes.extend_from_slice(b"{\"time\":\"");
        clock::write_rfc3339(clock::since_epoch(), &mut bytes);
        bytes.extend_from_slice(match level {
            Level::Debug => b"\",\"level\":\"DEBUG\",\"msg\":",
            Level::Info => b"\",\"level\":\"INFO\",\"msg\":",
            Level::Warn => b"\",\"level\":\"WARN\",\"msg\":",
            Level::Error => b"\",\"level\":\"ERROR\",\"msg\":",
        });
        message.write_json(&mut bytes);
        Self { bytes }
    }

    /// Adds a field. The name has to need no escaping.
    pub fn field<T: Serialize + Sync + ?Sized>(self, name: &str, value: &T) -> Self {
        self.dynamic(name, &value)
    }

    /// The line, its end included.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"}\n");
        self.bytes
    }

    fn dynamic(mut self, name: &str, value: &dyn Field) -> Self {
        self.bytes.extend_from_slice(b",\"");
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        value.write_json(&mut self.bytes);
        self
    }
}

fn write_batches(queue: Receiver<Vec<u8>>, mut to: impl Write) {
    for batch in queue {
        // The log is where failures are told; if it fails itself, serving goes on without it.
        to.write_all(&batch).and_then(|()| to.flush()).ok();
    }
}
