//! What happened, line by line, in the order in which it happened.

use dhow::report::{Event, Report};
use dhow_core::plan::Place;
use std::sync::Mutex;

/// Written by the scripted world and, as a report, by the runner.
#[derive(Default)]
pub struct Transcript(Mutex<Vec<String>>);

impl Transcript {
    /// Adds one line, which may be a script of several.
    pub fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    /// Adds text line by line, each with what goes before it.
    pub fn add_each(&self, before: &str, text: &str) {
        text.lines().for_each(|line| self.add(format!("{before}{line}")));
    }

    /// All of it.
    pub fn into_lines(self) -> Vec<String> {
        self.0.into_inner().unwrap()
    }
}

/// As pages name a place.
pub fn name(at: &Place) -> &str {
    match at {
        Place::Here => "here",
        Place::Host(host) => host,
    }
}

/// Everything that shows without `--verbose`.
impl Report for Transcript {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Say(text) => self.add_each("", text),
            Event::Warn(text) => self.add_each("", &format!("warning: {text}")),
            // A name that repeats the command, which is about to be written down, tells a reader nothing.
            Event::Began { name, command, .. } if command.contains(name) => {}
            Event::Began { at, name: text, .. } => self.add_each(&format!("{}  ", name(at)), text),
            Event::Progress { at, line } => self.add_each(&format!("{}  ", name(at)), line),
            Event::Debug { .. } => {}
            Event::Result { heading, bytes } => {
                if let Some((what, at)) = heading {
                    self.add(format!("{what} Host: {at}"));
                }
                self.add_each("out: ", &String::from_utf8_lossy(bytes));
            }
            Event::ResultErrors(bytes) => self.add_each("err: ", &String::from_utf8_lossy(bytes)),
            Event::Followed { at, line } => {
                let host = at.map(|at| format!("{at}: ")).unwrap_or_default();
                self.add(format!("out: {host}{}", String::from_utf8_lossy(line)));
            }
        }
    }
}
