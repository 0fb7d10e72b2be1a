//! Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write};

/// Its media type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics under construction.
#[derive(Default)]
pub struct Page(String);

/// What kind of number a family holds.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
}

/// Labels of a sample, in the order they are written.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// Adds a sample.
    pub fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        match labels.as_slice() {
            [] => self.line(format_args!("{name} {value}")),
            labels => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").expect("a string takes every write");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_read_as_the_format_wants_them() {
        let mut page = Page::default();
        page.family("hits_total", Kind::Counter, "Hits.");
        page.sample("hits_total", &[("service", "a\"b\\c\nd"), ("status", "200")], 3);
        page.sample("up", &[], 0.25);
        let expected = "# HELP hits_total Hits.\n# TYPE hits_total counter\n\
                        hits_total{service=\"a\\\"b\\\\c\\nd\",status=\"200\"} 3\nup 0.25\n";
        assert_eq!(page.finish(), expected);
    }
}
