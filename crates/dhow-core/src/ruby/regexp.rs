//! Ruby's regular expressions in the syntax of ours; what has no counterpart is refused.

use super::stop::Stop;
use super::syntax::{RegexpFlags, Span};
use std::rc::Rc;

/// A compiled expression.
pub struct Regexp {
    source: String,
    flags: RegexpFlags,
    compiled: regex::Regex,
}

/// What a match found: its text and its groups.
pub struct Match {
    text: Rc<str>,
    groups: Vec<Option<(usize, usize)>>,
    names: Vec<Option<String>>,
}

/// An expression that is not understood.
pub struct NotUnderstood(String);

impl NotUnderstood {
    pub fn at(self, span: Span) -> Stop {
        Stop::refuse(self.0, span)
    }
}

/// Memory of one compiled expression.
const LARGEST: usize = 1 << 20;

impl Regexp {
    /// Compiles Ruby's syntax.
    pub fn new(source: &str, flags: RegexpFlags) -> Result<Regexp, NotUnderstood> {
        let translated = translated(source, flags.is_extended).map_err(NotUnderstood)?;
        let compiled = regex::RegexBuilder::new(&translated)
            .multi_line(true)
            .case_insensitive(flags.ignores_case)
            .dot_matches_new_line(flags.dot_matches_line_end)
            .ignore_whitespace(flags.is_extended)
            .size_limit(LARGEST)
            .build();
        let refused = |_| {
            NotUnderstood(format!(
                "the regular expression /{source}/ uses what dhow does not evaluate itself"
            ))
        };
        Ok(Regexp { source: source.to_string(), flags, compiled: compiled.map_err(refused)? })
    }

    /// Exactly that text.
    pub fn literal(text: &str) -> Result<Regexp, NotUnderstood> {
        Regexp::new(&escaped(text), RegexpFlags::default())
    }

    /// What it compiled to.
    pub fn compiled(&self) -> &regex::Regex {
        &self.compiled
    }

    /// The first match from an offset on.
    pub fn find(&self, text: &Rc<str>, from: usize) -> Option<Match> {
        let captures = self.compiled.captures_at(text, from)?;
        let groups = captures.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect();
        let names = self.compiled.capture_names().map(|name| name.map(String::from)).collect();
        Some(Match { text: Rc::clone(text), groups, names })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// `/a/i`.
    pub fn inspected(&self) -> String {
        format!("/{}/{}", self.source, self.letters(|letter| if letter.1 { letter.0 } else { "" }))
    }

    /// As it stands in another expression: `(?i-mx:a)`.
    pub fn embedded(&self) -> String {
        let on = self.letters(|(letter, is_on)| if is_on { letter } else { "" });
        let off = self.letters(|(letter, is_on)| if is_on { "" } else { letter });
        let dash = if off.is_empty() { "" } else { "-" };
        format!("(?{on}{dash}{off}:{})", self.source)
    }

    fn letters(&self, pick: impl Fn((&'static str, bool)) -> &'static str) -> String {
        let RegexpFlags { ignores_case, dot_matches_line_end, is_extended } = self.flags;
        [("m", dot_matches_line_end), ("i", ignores_case), ("x", is_extended)].map(pick).concat()
    }
}

impl Match {
    /// A group by number; 0 is everything.
    pub fn group(&self, number: usize) -> Option<&str> {
        self.groups.get(number).copied().flatten().map(|(start, end)| &self.text[start..end])
    }

    /// A group by name; `None` if there is no such name.
    pub fn named(&self, name: &str) -> Option<Option<&str>> {
        let number = self.names.iter().position(|known| known.as_deref() == Some(name))?;
        Some(self.group(number))
    }

    /// Names of groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(Option::as_deref)
    }

    /// How many groups, everything included.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// The bytes of the whole match.
    pub fn bounds(&self) -> (usize, usize) {
        self.groups.first().copied().flatten().unwrap_or_default()
    }

    pub fn before(&self) -> &str {
        &self.text[..self.bounds().0]
    }

    pub fn after(&self) -> &str {
        &self.text[self.bounds().1..]
    }
}

/// `Regexp.escape`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            '\x0c' => escaped.push_str("\\f"),
            '\x0b' => escaped.push_str("\\v"),
            c if ".*?+^$|\\()[]{}- #".contains(c) => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What differs: `\A \z` are the same, `\Z \h \R` and `(?<name>` are not; a slash may be escaped; `\d \w \s` are ASCII.
fn translated(source: &str, is_extended: bool) -> Result<String, String> {
    let mut result = String::with_capacity(source.len());
    let mut characters = source.chars().peekable();
    let mut in_class = 0_u32;
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let Some(next) = characters.next() else { return Err("this regular expression".to_string()) };
                result.push_str(&escape(next, in_class > 0)?);
            }
            '[' if in_class > 0 && characters.peek() != Some(&':') => {
                in_class += 1;
                result.push('[');
            }
            '[' if in_class > 0 => {
                result.push('[');
                // `[:alpha:]` is the same in both.
                for c in characters.by_ref() {
                    result.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => {
                in_class = 1;
                result.push('[');
            }
            ']' => {
                in_class = in_class.saturating_sub(1);
                result.push(']');
            }
            // Signs that mean something in our classes only.
            '~' | '&' if in_class > 0 && characters.peek() != Some(&c) => result.extend(['\\', c]),
            '-' if in_class > 0 && characters.peek() == Some(&'-') => return Err(unknown("--")),
            ' ' | '#' if in_class > 0 && is_extended => result.extend(['\\', c]),
            '(' if in_class == 0 && characters.peek() == Some(&'?') => {
                let ahead: String = characters.clone().skip(1).take(2).collect();
                if ahead.starts_with(['=', '!', '>', '#', '(']) || ahead == "<=" || ahead == "<!" {
                    return Err(unknown(&format!("(?{ahead}")));
                }
                result.push('(');
            }
            '+' if in_class == 0 && result.ends_with(['*', '+', '?']) && !result.ends_with("\\+") => {
                return Err(unknown("a possessive quantifier"));
            }
            c => result.push(c),
        }
    }
    // `(?m-ix:` is Ruby's spelling of what is `(?s-ix:` here.
    Ok(with_our_flags(&result))
}

fn escape(c: char, in_class: bool) -> Result<String, String> {
    Ok(match c {
        'Z' if !in_class => "(?:\\n?\\z)".to_string(),
        'h' if in_class => "0-9a-fA-F".to_string(),
        'h' => "[0-9a-fA-F]".to_string(),
        'H' if !in_class => "[^0-9a-fA-F]".to_string(),
        'd' if in_class => "0-9".to_string(),
        'd' => "[0-9]".to_string(),
        'D' => "[^0-9]".to_string(),
        's' if in_class => "\\x20\\t\\r\\n\\x0c\\x0b".to_string(),
        's' => "[\\x20\\t\\r\\n\\x0c\\x0b]".to_string(),
        'S' => "[^\\x20\\t\\r\\n\\x0c\\x0b]".to_string(),
        'w' if in_class => "0-9A-Za-z_".to_string(),
        'w' => "[0-9A-Za-z_]".to_string(),
        'W' => "[^0-9A-Za-z_]".to_string(),
        'R' if !in_class => "(?:\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])".to_string(),
        'e' => "\\x1b".to_string(),
        'G' | 'K' | 'X' | 'k' | 'g' | 'c' | 'C' | 'M' => return Err(unknown(&format!("\\{c}"))),
        '0'..='9' => return Err(unknown("a back reference")),
        'A' | 'z' | 'b' | 'B' | 'n' | 't' | 'r' | 'f' | 'v' | 'a' | 'x' | 'u' | 'p' | 'P' => format!("\\{c}"),
        c if c.is_ascii_alphabetic() => c.to_string(),
        c if c.is_ascii() && !c.is_ascii_control() => format!("\\{c}"),
        c => c.to_string(),
    })
}

fn with_our_flags(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find("(?") {
        let is_escaped = rest[..at].ends_with('\\') && !rest[..at].ends_with("\\\\");
        let flags = &rest[at + 2..];
        let end = flags.find(|c: char| !"mix-".contains(c)).unwrap_or(flags.len());
        result.push_str(&rest[..at + 2]);
        match flags[end..].starts_with([':', ')']) && !is_escaped {
            true => result.push_str(&flags[..end].replace('m', "s")),
            false => result.push_str(&flags[..end]),
        }
        rest = &flags[end..];
    }
    result + rest
}

fn unknown(what: &str) -> String {
    format!("{what} in a regular expression is not among the Ruby that dhow evaluates itself")
}
