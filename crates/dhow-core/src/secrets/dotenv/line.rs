//! Lines of a dotenv file: which are assignments, and where their values end.

/// `[export] KEY [= VALUE]`.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Was there an `export`?
    pub export: bool,
    /// The name.
    pub key: &'a str,
    /// As written, quotes included; `None` without a separator or with nothing after it.
    pub value: Option<&'a str>,
}

/// The assignments of a text with their line numbers, from 1. Lines that are none are passed over, as dotenv does.
pub struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The text must have line feeds only.
    pub fn of(text: &'a str) -> Lines<'a> {
        Lines { rest: text, number: 1 }
    }

    fn advance(&mut self, end: usize) {
        let end = self.rest[end..].find('\n').map_or(self.rest.len(), |newline| end + newline + 1);
        self.number += self.rest[..end].matches('\n').count();
        self.rest = &self.rest[end..];
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, Line<'a>);

    fn next(&mut self) -> Option<(usize, Line<'a>)> {
        while !self.rest.is_empty() {
            let number = self.number;
            match read(self.rest) {
                Some((line, end)) => {
                    self.advance(end);
                    return Some((number, line));
                }
                None => self.advance(0),
            }
        }
        None
    }
}

/// The assignment a text begins with, and where it ends.
fn read(text: &str) -> Option<(Line<'_>, usize)> {
    let start = skip_blanks(text, 0);
    let exported = text[start..].strip_prefix("export").filter(|rest| rest.starts_with(is_space));
    let after_export = exported.map(|_| skip_space(text, start + "export".len()));
    after_export.and_then(|at| read_key(text, at, true)).or_else(|| read_key(text, start, false))
}

fn read_key(text: &str, start: usize, export: bool) -> Option<(Line<'_>, usize)> {
    let length = text[start..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
    let end = length.map_or(text.len(), |length| start + length);
    let key = &text[start..end];
    if key.is_empty() {
        return None;
    }
    let line = |value| Line { export, key, value };
    if let Some(after) = separator(text, end) {
        return match value_end(text, after) {
            Some(value_end) => Some((line(Some(&text[after..value_end])), value_end)),
            None => ends_line(text, after).then_some((line(None), after)),
        };
    }
    ends_line(text, end).then_some((line(None), end))
}

/// After `=` with space before it, or `:` with space after it. As everywhere in dotenv, space may be the end of a line.
fn separator(text: &str, key_end: usize) -> Option<usize> {
    let at = skip_space(text, key_end);
    if text[at..].starts_with('=') {
        return Some(at + 1);
    }
    let colon = text[key_end..].strip_prefix(':')?;
    colon.starts_with(is_space).then_some(key_end + 2)
}

/// Where a value ends: at its closing quote if only a comment follows, else before `#` or the end of the line. A quote
/// may open on a later line.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let open = skip_space(text, start);
    let quoted = text[open..].chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    if let Some(end) = quoted.and_then(|quote| closing_quote(text, open, quote)) {
        return Some(end + 1);
    }
    let end = text[start..].find(['#', '\n']).map_or(text.len(), |length| start + length);
    (end > start).then_some(end)
}

/// The first quote that is not escaped, if the line can end after it; else the last escaped one before it that fits.
fn closing_quote(text: &str, open: usize, quote: char) -> Option<usize> {
    let mut escaped = Vec::new();
    let quotes = text[open + 1..].match_indices(quote).map(|(at, _)| open + 1 + at);
    for at in quotes {
        if !text[open + 1..at].ends_with('\\') {
            let fits = ends_line(text, at + 1);
            return if fits { Some(at) } else { last_fitting(text, &escaped) };
        }
        escaped.push(at);
    }
    last_fitting(text, &escaped)
}

fn last_fitting(text: &str, quotes: &[usize]) -> Option<usize> {
    quotes.iter().rev().find(|at| ends_line(text, **at + 1)).copied()
}

/// Nothing but blanks and a comment until the line ends?
fn ends_line(text: &str, at: usize) -> bool {
    let rest = &text[skip_blanks(text, at)..];
    rest.is_empty() || rest.starts_with(['#', '\n'])
}

fn skip_blanks(text: &str, at: usize) -> usize {
    text[at..].find(|c| !is_blank(c)).map_or(text.len(), |blanks| at + blanks)
}

fn skip_space(text: &str, at: usize) -> usize {
    text[at..].find(|c| !is_space(c)).map_or(text.len(), |space| at + space)
}

fn is_space(c: char) -> bool {
    is_blank(c) || c == '\n'
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0b' | '\x0c')
}
