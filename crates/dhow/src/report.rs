//! What a run tells its user: events out of the runner, and their readers.

mod human;
mod log_file;
mod otel;
mod redaction;

pub use human::{Human, Verbosity};
pub use log_file::LogFile;
pub use otel::Otel;
pub use redaction::Redaction;

use dhow_core::plan::Place;

/// Something worth telling.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step begins, in Kamal's words.
    Say(&'a str),
    /// Something wants attention.
    Warn(&'a str),
    /// A command begins.
    Began {
        /// Where.
        at: &'a Place,
        /// What a person calls it; may be empty.
        name: &'a str,
        /// The command line, redacted.
        command: &'a str,
    },
    /// A line of output of something long.
    Progress {
        /// Where.
        at: &'a Place,
        /// The line, without its end.
        line: &'a str,
    },
    /// Output that only interests with `--verbose`.
    Debug {
        /// Where.
        at: &'a Place,
        /// Any text.
        text: &'a str,
    },
    /// Bytes of a result, untouched, under a heading if there is one.
    Result {
        /// `App`, `Proxy`, `Accessory db`; and where.
        heading: Option<(&'a str, &'a Place)>,
        /// For standard output.
        bytes: &'a [u8],
    },
    /// Bytes that a remote program wrote on standard error.
    ResultErrors(&'a [u8]),
    /// A line of a log that is followed, with its host in front where there are several.
    Followed {
        /// Where; `None` when there is only one.
        at: Option<&'a Place>,
        /// The line, without its end.
        line: &'a [u8],
    },
}

/// A reader of events.
pub trait Report: Send + Sync {
    /// Takes an event.
    fn event(&self, event: Event<'_>);
}

/// Several readers of the same events.
pub struct Several<'a>(pub Vec<&'a dyn Report>);

impl Report for Several<'_> {
    fn event(&self, event: Event<'_>) {
        self.0.iter().for_each(|report| report.event(event));
    }
}
