//! Turns what is heard of a running job into events.

use crate::report::{Event, Report};
use crate::world::{Finished, Heard};
use dhow_core::plan::{Job, Output};
use std::sync::Mutex;

/// Listens to one job.
pub struct Listening<'a> {
    job: &'a Job,
    report: &'a dyn Report,
    alone: bool,
    lines: Mutex<Vec<u8>>,
}

impl<'a> Listening<'a> {
    /// `hosts` is how many hosts the run is about: followed lines name theirs when there are several.
    pub fn new(job: &'a Job, report: &'a dyn Report, hosts: usize) -> Listening<'a> {
        Listening { job, report, alone: hosts < 2, lines: Mutex::default() }
    }

    /// Takes news.
    pub fn hear(&self, heard: Heard<'_>) {
        match (heard, &self.job.output) {
            (Heard::Line(number), _) => self.began(number),
            (Heard::Note(text), _) => self.report.event(Event::Progress { at: &self.job.at, line: text }),
            (Heard::Stdout(bytes), Output::Raw) => self.report.event(Event::Result { heading: None, bytes }),
            (Heard::Stderr(bytes), Output::Raw) => self.report.event(Event::ResultErrors(bytes)),
            (Heard::Stdout(bytes) | Heard::Stderr(bytes), Output::Follow | Output::Progress) => {
                self.by_line(bytes)
            }
            (Heard::Stdout(bytes) | Heard::Stderr(bytes), _) => self.debug(bytes),
        }
    }

    /// The job has ended: shows what is shown at the end.
    pub fn finish(&self, finished: &Finished) {
        let rest = std::mem::take(&mut *self.lines.lock().expect("no panic while held"));
        if !rest.is_empty() {
            self.whole_line(&rest);
        }
        if self.job.output == Output::Told {
            self.by_line(&finished.stdout);
        }
        let Output::Result { heading, if_failed } = &self.job.output else {
            return;
        };
        match (finished.status, if_failed) {
            (0, _) => self.result(heading, &finished.stdout),
            (_, Some(instead)) => self.result(heading, format!("{instead}\n").as_bytes()),
            (_, None) => {}
        }
    }

    /// Is a failure of this job an answer like any other?
    pub fn has_answer_for_failure(&self) -> bool {
        matches!(&self.job.output, Output::Result { if_failed: Some(_), .. })
    }

    fn began(&self, number: usize) {
        if let Some(line) = self.job.lines.get(number) {
            let command = line.script.to_string();
            self.report.event(Event::Began { at: &self.job.at, name: &line.name, command: &command });
        }
    }

    fn result(&self, heading: &str, bytes: &[u8]) {
        let heading = (!heading.is_empty()).then_some((heading, &self.job.at));
        self.report.event(Event::Result { heading, bytes });
    }

    fn debug(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.report.event(Event::Debug { at: &self.job.at, text: &text });
    }

    fn by_line(&self, bytes: &[u8]) {
        let mut lines = self.lines.lock().expect("no panic while held");
        lines.extend_from_slice(bytes);
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            self.whole_line(&line[..end]);
        }
    }

    fn whole_line(&self, line: &[u8]) {
        let at = &self.job.at;
        match self.job.output {
            Output::Follow => self.report.event(Event::Followed { at: (!self.alone).then_some(at), line }),
            _ => self.report.event(Event::Progress { at, line: &String::from_utf8_lossy(line) }),
        }
    }
}
