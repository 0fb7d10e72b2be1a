//! Events as text for a person: results on standard output, everything else on standard error.

use super::{Event, Redaction, Report};
use dhow_core::plan::Place;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Results and errors.
    Quiet,
    /// Steps and commands as well.
    Normal,
    /// Command lines and their output as well.
    Verbose,
}

/// Writes for a person.
pub struct Human {
    verbosity: Verbosity,
    colour: bool,
    redaction: Redaction,
    turn: Mutex<()>,
}

impl Human {
    /// Secrets are replaced wherever they would show in what dhow says.
    pub fn new(verbosity: Verbosity, redaction: Redaction) -> Human {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Human { verbosity, colour, redaction, turn: Mutex::default() }
    }

    /// Prints the error that ends a run; several errors of a file bring the word with them.
    pub fn error(&self, text: &str) {
        let text = self.redaction.of(text);
        let label = self.paint("31;1", "error:");
        match text.strip_prefix("error: ") {
            Some(_) => self.line(&text.replace("error: ", &format!("{label} "))),
            None => self.line(&format!("{label} {text}")),
        }
    }

    fn line(&self, text: &str) {
        let _turn = self.turn.lock().expect("no panic while held");
        // Nobody is left to tell if standard error is gone.
        let _closed = writeln!(io::stderr(), "{text}");
    }

    fn bytes(&self, mut to: impl Write, bytes: &[u8]) {
        let _turn = self.turn.lock().expect("no panic while held");
        let _closed = to.write_all(bytes).and_then(|()| to.flush());
    }

    /// Heading and bytes stay together, whatever other hosts answer meanwhile.
    fn result(&self, heading: Option<(&str, &Place)>, bytes: &[u8]) {
        let _turn = self.turn.lock().expect("no panic while held");
        if let Some((what, at)) = heading {
            let _closed = writeln!(io::stderr(), "{what} Host: {at}");
        }
        let _closed = io::stdout().write_all(bytes).and_then(|()| io::stdout().flush());
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn at(&self, at: &Place, text: &str) {
        for line in self.redaction.of(text).lines() {
            self.line(&format!("  {}  {line}", self.paint("36", &at.to_string())));
        }
    }
}

impl Report for Human {
    fn event(&self, event: Event<'_>) {
        let normal = self.verbosity >= Verbosity::Normal;
        let verbose = self.verbosity == Verbosity::Verbose;
        match event {
            Event::Say(text) if normal => self.line(&self.paint("35", &self.redaction.of(text))),
            Event::Warn(text) => {
                self.line(&format!("{} {}", self.paint("33;1", "warning:"), self.redaction.of(text)))
            }
            Event::Began { at, command, .. } if verbose => self.at(at, &format!("$ {command}")),
            Event::Began { at, name, .. } if normal && !name.is_empty() => self.at(at, name),
            Event::Progress { at, line } if normal => self.at(at, line),
            Event::Debug { at, text } if verbose => self.at(at, text),
            Event::Result { heading, bytes } => self.result(heading.filter(|_| normal), bytes),
            Event::ResultErrors(bytes) => self.bytes(io::stderr(), bytes),
            Event::Followed { at, line } => self.bytes(io::stdout(), &prefixed(at, line)),
            Event::Say(_) | Event::Began { .. } | Event::Progress { .. } | Event::Debug { .. } => {}
        }
    }
}

fn prefixed(at: Option<&Place>, line: &[u8]) -> Vec<u8> {
    let prefix = at.map(|at| format!("{at}: ")).unwrap_or_default();
    [prefix.as_bytes(), line, b"\n"].concat()
}
