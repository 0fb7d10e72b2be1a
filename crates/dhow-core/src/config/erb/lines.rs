//! Which line of the file a line of the rendered text comes from.

use crate::ruby::{Mark, Template};

/// For each line of `text`, from what the evaluator marked.
pub fn lines(text: &str, marks: &[Mark], template: &Template, source: &str) -> Vec<usize> {
    let starts = LineStarts::of(source);
    let mut lines = Vec::new();
    let mut at = 0;
    let mut mark = 0;
    for line in text.split_inclusive('\n').chain([""]) {
        while marks.get(mark + 1).is_some_and(|next| next.output <= at) {
            mark += 1;
        }
        lines.push(marks.get(mark).map_or(1, |mark| {
            let first = starts.line(template.origin(mark.program));
            let is_text = template.is_text(mark.program);
            let passed = text.get(mark.output..at).unwrap_or_default().matches('\n').count();
            first + if is_text { passed } else { 0 }
        }));
        at += line.len();
    }
    lines
}

/// Where Ruby did the work: lines that are the same in both, in order; others belong to the last of those.
pub fn guessed(text: &str, source: &str) -> Vec<usize> {
    let source: Vec<&str> = source.lines().collect();
    let mut last = 0;
    let found = text.lines().chain([""]).map(|line| {
        let same = (last..source.len()).find(|index| source[*index] == line && !line.trim().is_empty());
        last = same.map_or(last, |index| index + 1);
        last.max(1)
    });
    found.collect()
}

/// Offsets to lines and columns.
pub struct LineStarts<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl LineStarts<'_> {
    /// Of a text.
    pub fn of(text: &str) -> LineStarts<'_> {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        LineStarts { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// From 1.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// From 1, in characters.
    pub fn column(&self, offset: usize) -> usize {
        let start = self.starts[self.line(offset) - 1];
        self.text.get(start..offset).map_or(1, |before| before.chars().count() + 1)
    }
}
