//! Texts: finding, cutting, replacing.

use super::{Method, Sent, method, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::regexp::{Match, Regexp};
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::syntax::Span;
use crate::ruby::value::{Text, Value};
use std::rc::Rc;

pub const METHODS: &[Method] = &[
    method("=~", 1, 1, |machine, sent| match sent.arg(0) {
        Value::Regexp(regexp) => found_at(machine, &regexp, &sent.says(), sent.span),
        _ => Err(sent.not_understood("with anything but a regular expression")),
    }),
    method("match?", 1, 1, |machine, sent| {
        let regexp = pattern(sent)?;
        Ok(Value::Bool(regexp.compiled().is_match(&subject(machine, sent)?)))
    }),
    method("match", 1, 1, |machine, sent| {
        let regexp = pattern(sent)?;
        let found = regexp.find(&subject(machine, sent)?, 0);
        machine.last_match = Value::or_nil(found.map(|found| Value::Match(Rc::new(found))));
        Ok(machine.last_match.clone())
    }),
    method("include?", 1, 1, |machine, sent| {
        Ok(Value::Bool(sent.says().contains(&sent.text_arg(machine, 0)?)))
    }),
    method("index", 1, 2, |machine, sent| {
        let text: Rc<str> = subject(machine, sent)?;
        let from = if sent.arguments.len() > 1 { sent.count_arg(machine, 1)? } else { 0 };
        let pattern = pattern_of(&sent.arg(0), sent)?;
        let Some(from) = byte_at(&text, from) else { return Ok(Value::Nil) };
        let found = pattern.find(&text, from);
        Ok(Value::or_nil(found.map(|found| Value::size(found.before().chars().count()))))
    }),
    method("rindex", 1, 1, |machine, sent| {
        if let Value::Regexp(_) = sent.arg(0) {
            return Err(sent.not_understood("with a regular expression"));
        }
        let text = sent.says();
        let at = text.rfind(&sent.text_arg(machine, 0)?);
        Ok(Value::or_nil(at.map(|at| Value::size(text[..at].chars().count()))))
    }),
    with_block("scan", 1, 1, scan),
    method("split", 0, 2, split),
    method("partition", 1, 1, |machine, sent| {
        let text: Rc<str> = subject(machine, sent)?;
        Ok(match pattern_of(&sent.arg(0), sent)?.find(&text, 0) {
            Some(found) => Value::texts([found.before(), found.group(0).unwrap_or_default(), found.after()]),
            None => Value::texts([&*text, "", ""]),
        })
    }),
    method("rpartition", 1, 1, |machine, sent| {
        if let Value::Regexp(_) = sent.arg(0) {
            return Err(sent.not_understood("with a regular expression"));
        }
        let (text, by) = (sent.says(), sent.text_arg(machine, 0)?);
        Ok(match text.rsplit_once(&by) {
            Some((before, after)) => Value::texts([before, &by, after]),
            _ => Value::texts(["", "", &text]),
        })
    }),
    with_block("sub", 1, 2, |machine, sent| substituted(machine, sent, 1).map(Value::text)),
    with_block("gsub", 1, 2, |machine, sent| substituted(machine, sent, usize::MAX).map(Value::text)),
    method("[]", 1, 2, slice),
    method("slice", 1, 2, slice),
];

impl Machine<'_> {
    /// Does it match? Remembers what did.
    pub fn matches(&mut self, regexp: &Regexp, text: &str, span: Span) -> Result<bool, Stop> {
        self.spend(text.len() / 16, span)?;
        let found = regexp.find(&text.into(), 0);
        let matches = found.is_some();
        self.last_match = Value::or_nil(found.map(|found| Value::Match(Rc::new(found))));
        Ok(matches)
    }
}

/// `=~`: where the match starts.
pub fn found_at(machine: &mut Machine, regexp: &Regexp, text: &str, span: Span) -> Outcome {
    machine.matches(regexp, text, span)?;
    Ok(match &machine.last_match {
        Value::Match(found) => Value::size(found.before().chars().count()),
        _ => Value::Nil,
    })
}

/// The text to search, paid for.
fn subject(machine: &mut Machine, sent: &Sent) -> Result<Rc<str>, Stop> {
    let text = sent.says();
    machine.spend(text.len() / 16, sent.span)?;
    Ok(text.into())
}

/// A regular expression, or a text that stands for one (`match`).
fn pattern(sent: &Sent) -> Result<Rc<Regexp>, Stop> {
    match sent.arg(0) {
        Value::Regexp(regexp) => Ok(regexp),
        Value::Text(text) => {
            let regexp = Regexp::new(&text.get(), crate::ruby::syntax::RegexpFlags::default());
            Ok(Rc::new(regexp.map_err(|error| error.at(sent.span))?))
        }
        _ => Err(sent.not_understood("with such an argument")),
    }
}

/// A regular expression, or exactly a text.
fn pattern_of(value: &Value, sent: &Sent) -> Result<Rc<Regexp>, Stop> {
    match value {
        Value::Regexp(regexp) => Ok(Rc::clone(regexp)),
        Value::Text(text) => Ok(Rc::new(Regexp::literal(&text.get()).map_err(|error| error.at(sent.span))?)),
        _ => Err(sent.not_understood("with such an argument")),
    }
}

/// Every match from the start, none of them overlapping.
fn all_matches(regexp: &Regexp, text: &Rc<str>, most: usize) -> Vec<Match> {
    let mut found = Vec::new();
    let mut from = 0;
    while found.len() < most && from <= text.len() {
        let Some(next) = regexp.find(text, from) else { break };
        let (start, end) = next.bounds();
        from = if end > start { end } else { end + text[end..].chars().next().map_or(1, char::len_utf8) };
        found.push(next);
    }
    found
}

fn scan(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = subject(machine, sent)?;
    let regexp = pattern_of(&sent.arg(0), sent)?;
    let found = all_matches(&regexp, &text, usize::MAX);
    machine.spend(found.len(), sent.span)?;
    let mut values = Vec::new();
    for found in found {
        let groups = (1..found.len()).map(|group| Value::or_nil(found.group(group).map(Value::text)));
        let value = match found.len() {
            1 => Value::text(found.group(0).unwrap_or_default()),
            _ => Value::list(groups),
        };
        machine.last_match = Value::Match(Rc::new(found));
        if sent.block.is_some() {
            sent.yields(machine, value)?;
        } else {
            values.push(value);
        }
    }
    Ok(if sent.block.is_some() { sent.receiver.clone() } else { Value::list(values) })
}

fn split(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = subject(machine, sent)?;
    machine.spend(text.len() / 8, sent.span)?;
    let limit = if sent.arguments.len() > 1 { sent.int_arg(machine, 1)? } else { 0 };
    let most = usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let mut parts = match sent.arg(0) {
        Value::Nil => words(&text, most),
        Value::Text(by) if by.is(" ") => words(&text, most),
        by => pieces(&text, &*pattern_of(&by, sent)?, most),
    };
    if limit == 0 {
        while parts.last().is_some_and(String::is_empty) {
            parts.pop();
        }
    }
    Ok(Value::texts(parts))
}

/// `split` without an argument.
fn words(text: &str, most: Option<usize>) -> Vec<String> {
    let is_space = |c: char| matches!(c, ' ' | '\t'..='\r' | '\0');
    let mut rest = text.trim_start_matches(is_space);
    let mut words = Vec::new();
    while !rest.is_empty() {
        if most == Some(words.len() + 1) {
            words.push(rest.to_string());
            return words;
        }
        let Some(end) = rest.find(is_space) else {
            words.push(rest.to_string());
            return words;
        };
        words.push(rest[..end].to_string());
        rest = rest[end..].trim_start_matches(is_space);
    }
    // What follows the last space is an empty word.
    words.extend((!words.is_empty()).then(String::new));
    words
}

fn pieces(text: &Rc<str>, by: &Regexp, most: Option<usize>) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    for found in all_matches(by, text, usize::MAX) {
        if most == Some(pieces.len() + 1) {
            break;
        }
        let (start, end) = found.bounds();
        // Between characters; not before the first or after the last.
        if start == end && (start == 0 || start == text.len()) {
            continue;
        }
        pieces.push(text[from..start].to_string());
        pieces.extend((1..found.len()).filter_map(|group| found.group(group)).map(String::from));
        from = end;
    }
    pieces.push(text[from..].to_string());
    pieces
}

/// `sub` and `gsub`: by a text, a mapping or a block.
pub fn substituted(machine: &mut Machine, sent: &Sent, most: usize) -> Result<String, Stop> {
    let text = subject(machine, sent)?;
    let regexp = pattern_of(&sent.arg(0), sent)?;
    let replaces = matches!(sent.arguments.get(1), Some(Value::Text(_) | Value::Map(_)));
    if !replaces && (sent.arguments.len() > 1 || sent.block.is_none()) {
        return Err(sent.not_understood("with such arguments"));
    }
    let found = all_matches(&regexp, &text, most);
    machine.spend(found.len(), sent.span)?;
    let result = Text::new("");
    let mut from = 0;
    for found in found {
        let (start, end) = found.bounds();
        machine.append(&result, &text[from..start], sent.span)?;
        let replacement = replacement(machine, sent, Rc::new(found))?;
        machine.append(&result, &replacement, sent.span)?;
        from = end;
    }
    machine.append(&result, &text[from..], sent.span)?;
    Ok(result.get())
}

fn replacement(machine: &mut Machine, sent: &Sent, found: Rc<Match>) -> Result<String, Stop> {
    machine.last_match = Value::Match(Rc::clone(&found));
    let whole = found.group(0).unwrap_or_default();
    match (sent.arguments.get(1), &sent.block) {
        (Some(Value::Text(template)), _) => expanded(&template.get(), &found, sent),
        (Some(Value::Map(map)), _) => {
            let value = machine.lookup(map, &Value::text(whole), sent.span)?;
            machine.string_of(&value, sent.span)
        }
        (None, Some(_)) => {
            let value = sent.yields(machine, Value::text(whole))?;
            machine.string_of(&value, sent.span)
        }
        _ => Err(sent.not_understood("with such arguments")),
    }
}

/// `\1`, `\0`, `\k<name>` in a replacement.
fn expanded(template: &str, found: &Match, sent: &Sent) -> Result<String, Stop> {
    let mut result = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('\\') {
        result.push_str(before);
        let next = after.chars().next();
        match next {
            Some(digit @ '0'..='9') => {
                let group = digit.to_digit(10).unwrap_or_default() as usize;
                result.push_str(found.group(group).unwrap_or_default());
            }
            Some('&') => result.push_str(found.group(0).unwrap_or_default()),
            Some('`') => result.push_str(found.before()),
            Some('\'') => result.push_str(found.after()),
            Some('\\') => result.push('\\'),
            Some('k') => {
                let name = after.strip_prefix("k<").and_then(|name| name.split_once('>'));
                let Some((name, after)) = name else {
                    return Err(sent.not_understood("with this replacement"));
                };
                result.push_str(found.named(name).flatten().unwrap_or_default());
                rest = after;
                continue;
            }
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
        rest = &after[next.map_or(0, char::len_utf8)..];
    }
    Ok(result + rest)
}

/// `[]`: an index, a range, a part, a text, a regular expression.
fn slice(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = subject(machine, sent)?;
    match (sent.arg(0), sent.arguments.get(1)) {
        (Value::Regexp(regexp), group) => {
            machine.matches(&regexp, &text, sent.span)?;
            let group = group.cloned().unwrap_or(Value::Int(0));
            let Value::Match(found) = machine.last_match.clone() else { return Ok(Value::Nil) };
            super::regexp::group_of(machine, &found, &group, sent)
        }
        (Value::Text(part), None) => {
            Ok(if text.contains(&part.get()) { Value::text(part.get()) } else { Value::Nil })
        }
        (at, length) => {
            let characters: Vec<char> = text.chars().collect();
            let bounds = super::list::bounds(machine, &at, length, characters.len(), sent)?;
            let part =
                bounds.map(|(start, length)| characters[start..start + length].iter().collect::<String>());
            // A lone index past the end is nil, a part there is empty.
            Ok(match (&at, length, part) {
                (Value::Int(_) | Value::Float(_), None, Some(part)) if part.is_empty() => Value::Nil,
                (_, _, part) => Value::or_nil(part.map(Value::text)),
            })
        }
    }
}

/// The byte of a character.
fn byte_at(text: &str, character: usize) -> Option<usize> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.into_iter().nth(character)
}
