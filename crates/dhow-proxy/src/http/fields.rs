//! Header lines (or trailer lines) in the order and spelling they came in, as slices of one text.
//!
//! Names are compared without case. A head of a dozen lines costs two allocations, and a look-up is a scan: heads are
//! short, and every line is read by the writer anyway.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Lines of a head.
#[derive(Clone, Default)]
pub struct Fields {
    text: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a line is in the text: the value follows the name.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    name_length: usize,
    end: usize,
}

impl Fields {
    /// No lines, with room for so many, of so many bytes.
    pub fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), lines: Vec::with_capacity(lines) }
    }

    /// The value of the first line with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let line = self.lines.iter().find(|line| self.is_named(line, name));
        line.map(|line| self.value_of(line))
    }

    /// The same as text; empty if there is none, or none that is text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// The values of all lines with this name.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let named = self.lines.iter().filter(move |line| self.is_named(line, name));
        named.map(|line| self.value_of(line))
    }

    /// Whether there is a line with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.lines.iter().any(|line| self.is_named(line, name))
    }

    /// Whether a comma-separated list of this name has the token.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let words = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        words.into_iter().any(|word| word.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All lines, names as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (name_in(&self.text, line), self.value_of(line)))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a line at the end.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(value);
        self.lines.push(Line { start, name_length: name.len(), end: self.text.len() });
    }

    /// Makes this the only line with its name.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Takes all lines with this name out; whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        let text = &self.text;
        self.lines.retain(|line| !name_in(text, line).eq_ignore_ascii_case(name.as_bytes()));
        self.lines.len() < before
    }

    /// Keeps the lines that `keep` says yes to.
    pub fn retain(&mut self, keep: impl Fn(&[u8]) -> bool) {
        let text = &self.text;
        self.lines.retain(|line| keep(name_in(text, line)));
    }

    fn is_named(&self, line: &Line, name: &str) -> bool {
        line.name_length == name.len() && name_in(&self.text, line).eq_ignore_ascii_case(name.as_bytes())
    }

    fn value_of(&self, line: &Line) -> &[u8] {
        &self.text[line.start + line.name_length..line.end]
    }
}

fn name_in<'a>(text: &'a [u8], line: &Line) -> &'a [u8] {
    &text[line.start..line.start + line.name_length]
}

impl From<&HeaderMap> for Fields {
    fn from(map: &HeaderMap) -> Self {
        let mut fields = Self::with_capacity(map.len() + 4, 64 * map.len());
        map.iter().for_each(|(name, value)| fields.add(name.as_str(), value.as_bytes()));
        fields
    }
}

impl From<&Fields> for HeaderMap {
    fn from(fields: &Fields) -> Self {
        let mut map = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields.iter() {
            // Parsed lines are all valid; our own are too.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                map.append(name, value);
            }
        }
        map
    }
}

/// Values may be secret (cookies, tokens): only names are shown.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.add(name, value.as_bytes()));
        fields
    }

    #[test]
    fn names_are_compared_without_case_and_keep_theirs() {
        let found = fields(&[("X-One", "1"), ("x-two", "2"), ("x-ONE", "3")]);
        assert_eq!(found.text("x-one"), "1");
        assert_eq!(found.all("X-oNe").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(
            found.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            [&b"X-One"[..], b"x-two", b"x-ONE"]
        );
        assert!(found.contains("X-TWO") && !found.contains("X-TW"));
    }

    #[test]
    fn lines_are_replaced_and_removed_by_name() {
        let mut lines = fields(&[("a", "1"), ("b", "2"), ("A", "3")]);
        lines.set("a", b"4");
        assert_eq!(lines.iter().collect::<Vec<_>>(), [(&b"b"[..], &b"2"[..]), (b"a", b"4")]);
        assert!(lines.remove("B") && !lines.remove("B"));
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn tokens_are_found_in_any_line_of_a_list() {
        let lines = fields(&[("Connection", "keep-alive, Upgrade"), ("connection", "\tX-Y ,z")]);
        for token in ["keep-alive", "upgrade", "x-y", "Z"] {
            assert!(lines.has_token("connection", token), "{token}");
        }
        assert!(!lines.has_token("connection", "alive"));
    }

    #[test]
    fn values_are_never_shown() {
        let shown = format!("{:?}", fields(&[("Cookie", "session=secret")]));
        assert_eq!(shown, "[\"Cookie\"]");
    }
}
