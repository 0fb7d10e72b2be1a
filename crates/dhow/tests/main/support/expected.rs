//! What a page says will happen: lines in which `[..]` stands for any text, and `...` for any lines.

/// One line of a page; it may go on after a `\` at its end.
pub struct Expected {
    written: String,
    pattern: String,
}

impl Expected {
    /// Joins lines that go on.
    pub fn read(lines: &[&str]) -> Vec<Expected> {
        let mut read: Vec<Expected> = Vec::new();
        let mut goes_on = false;
        for line in lines.iter().filter(|line| !line.is_empty()) {
            let text = line.strip_suffix('\\').unwrap_or(line);
            match read.last_mut().filter(|_| goes_on) {
                Some(before) => {
                    before.written += &format!("\n{line}");
                    before.pattern += text.trim_start();
                }
                None => read.push(Expected { written: (*line).to_string(), pattern: text.to_string() }),
            }
            goes_on = line.ends_with('\\');
        }
        read
    }

    fn is_any_lines(&self) -> bool {
        self.pattern == "..."
    }

    fn matches(&self, line: &str) -> bool {
        !self.is_any_lines() && matches(&self.pattern, line)
    }
}

/// Does the text match, `[..]` standing for anything?
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once("[..]") else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split("[..]").peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    true
}

/// What happened, in the page's own words where they fit. Nothing changes if, and only if, all of it was expected.
pub fn merge(expected: &[Expected], actual: &[String]) -> String {
    let changes = changes(expected, actual);
    let (mut i, mut j) = (0, 0);
    let mut merged = String::new();
    while i < expected.len() || j < actual.len() {
        let as_written = expected.get(i).map(|line| format!("{}\n", line.written)).unwrap_or_default();
        match changes[i][j].1 {
            Way::Matches => {
                merged += &as_written;
                (i, j) = (i + 1, j + 1);
            }
            Way::IsAmongAny => j += 1,
            Way::AnyEnds => {
                merged += &as_written;
                i += 1;
            }
            Way::IsGone => i += 1,
            Way::IsNew => {
                merged += &format!("{}\n", readable(&actual[j]));
                j += 1;
            }
        }
    }
    merged
}

/// How the rest of a page and the rest of what happened go on together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Matches,
    IsAmongAny,
    AnyEnds,
    IsGone,
    IsNew,
}

/// For each rest of the page and each rest of what happened: the fewest changes, and the first step on that way.
fn changes(expected: &[Expected], actual: &[String]) -> Vec<Vec<(usize, Way)>> {
    let nothing = (0, Way::Matches);
    let mut fewest = vec![vec![nothing; actual.len() + 1]; expected.len() + 1];
    for i in (0..=expected.len()).rev() {
        for j in (0..=actual.len()).rev() {
            let ways = [Way::Matches, Way::IsAmongAny, Way::AnyEnds, Way::IsGone, Way::IsNew];
            let possible = ways.into_iter().filter(|way| is_possible(*way, expected.get(i), actual.get(j)));
            let cost = |way: Way| match way {
                Way::Matches => fewest[i + 1][j + 1].0,
                Way::IsAmongAny => fewest[i][j + 1].0,
                Way::AnyEnds => fewest[i + 1][j].0,
                Way::IsGone => fewest[i + 1][j].0 + 1,
                Way::IsNew => fewest[i][j + 1].0 + 1,
            };
            fewest[i][j] =
                possible.map(|way| (cost(way), way)).min_by_key(|(cost, _)| *cost).unwrap_or(nothing);
        }
    }
    fewest
}

fn is_possible(way: Way, expected: Option<&Expected>, actual: Option<&String>) -> bool {
    let is_any = expected.is_some_and(Expected::is_any_lines);
    match way {
        Way::Matches => expected.zip(actual).is_some_and(|(expected, actual)| expected.matches(actual)),
        Way::IsAmongAny => is_any && actual.is_some(),
        Way::AnyEnds => is_any,
        Way::IsGone => expected.is_some() && !is_any,
        Way::IsNew => actual.is_some(),
    }
}

/// Columns of a page.
const WIDTH: usize = 118;

/// A line that is new to the page, with our own longer scripts cut after their first line, and wrapped.
fn readable(line: &str) -> String {
    let short = without_scripts(line);
    let mut wrapped = String::new();
    let mut rest = short.as_str();
    while rest.chars().count() > WIDTH {
        let limit = rest.char_indices().nth(WIDTH).map_or(rest.len(), |(at, _)| at);
        let Some(space) = rest[..limit].rfind(' ').filter(|space| *space > 0) else { break };
        wrapped += &format!("{}\\\n    ", &rest[..=space]);
        rest = &rest[space + 1..];
    }
    wrapped + rest
}

/// `sh -c 'first line[..]' sh words`: what stands between quotes, or outside of them, after its first line.
fn without_scripts(line: &str) -> String {
    let mut short = String::new();
    let mut cut = false;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        // A quote within quotes, and an escaped one outside of them.
        let inner = ["'\\''", "\\'"].into_iter().find(|inner| rest.starts_with(inner));
        let piece = inner.unwrap_or(&rest[..c.len_utf8()]);
        rest = &rest[piece.len()..];
        match piece {
            // The end of the quoted text.
            "'" if cut => {
                short.push('\'');
                cut = false;
            }
            "\n" if !cut => {
                short.push_str("[..]");
                cut = true;
            }
            piece if !cut => short.push_str(piece),
            _ => {}
        }
    }
    short
}
