//! Texts: asking and making new ones.

use super::{MANY, Method, Sent, each, each_with, method, plain};
use crate::ruby::character_set::CharacterSet;
use crate::ruby::machine::Machine;
use crate::ruby::show::quoted;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::value::{List, Value};
use crate::ruby::{format, numbers};

pub const METHODS: &[Method] = &[
    plain("to_s", |_, sent| Ok(sent.receiver.clone())),
    plain("to_str", |_, sent| Ok(sent.receiver.clone())),
    plain("+@", |_, sent| Ok(Value::text(sent.says()))),
    plain("-@", |_, sent| Ok(sent.receiver.clone())),
    plain("to_sym", |_, sent| Ok(Value::Symbol(sent.says().into()))),
    plain("intern", |_, sent| Ok(Value::Symbol(sent.says().into()))),
    method("to_i", 0, 1, |machine, sent| {
        let base = if sent.arguments.is_empty() { 10 } else { sent.int_arg(machine, 0)? };
        numbers::leading_integer(&sent.says(), base)
            .map(Value::Int)
            .ok_or_else(|| sent.not_understood("of a number this large"))
    }),
    plain("to_f", |_, sent| Ok(Value::Float(numbers::leading_float(&sent.says())))),
    plain("length", |_, sent| Ok(Value::size(sent.says().chars().count()))),
    plain("size", |_, sent| Ok(Value::size(sent.says().chars().count()))),
    plain("bytesize", |_, sent| Ok(Value::size(sent.own_text().len()))),
    plain("empty?", |_, sent| Ok(Value::Bool(sent.own_text().len() == 0))),
    plain("hash", |_, sent| Err(sent.not_understood("(which differs from run to run)"))),
    method("+", 1, 1, |machine, sent| {
        let joined = sent.says() + &sent.text_arg(machine, 0)?;
        machine.new_text(joined, sent.span)
    }),
    method("*", 1, 1, |machine, sent| {
        let count = sent.count_arg(machine, 0)?;
        let text = sent.says();
        machine.afford(text.len().saturating_mul(count), sent.span)?;
        Ok(Value::text(text.repeat(count)))
    }),
    method("%", 1, 1, |machine, sent| {
        let values = match sent.arg(0) {
            Value::List(list) => list.get(),
            value => vec![value],
        };
        format::formatted(machine, &sent.says(), &values, sent.span)
    }),
    plain("strip", |_, sent| Ok(Value::text(stripped_end(stripped_start(&sent.says()))))),
    plain("lstrip", |_, sent| Ok(Value::text(stripped_start(&sent.says())))),
    plain("rstrip", |_, sent| Ok(Value::text(stripped_end(&sent.says())))),
    method("chomp", 0, 1, |machine, sent| {
        let text = sent.says();
        if sent.arguments.is_empty() {
            return Ok(Value::text(chomped(&text)));
        }
        if matches!(sent.arg(0), Value::Nil) {
            return Ok(Value::text(text));
        }
        let end = sent.text_arg(machine, 0)?;
        Ok(Value::text(text.strip_suffix(&end).unwrap_or(&text)))
    }),
    plain("chop", |_, sent| {
        let text = sent.says();
        let end = if text.ends_with("\r\n") { 2 } else { text.chars().next_back().map_or(0, char::len_utf8) };
        Ok(Value::text(&text[..text.len() - end]))
    }),
    plain("upcase", |_, sent| Ok(Value::text(sent.says().to_uppercase()))),
    plain("downcase", |_, sent| Ok(Value::text(sent.says().to_lowercase()))),
    plain("capitalize", |_, sent| Ok(Value::text(capitalized(&sent.says())))),
    plain("swapcase", |_, sent| {
        let swap = |c: char| {
            if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() }
        };
        Ok(Value::text(sent.says().chars().map(swap).collect::<String>()))
    }),
    plain("reverse", |_, sent| Ok(Value::text(sent.says().chars().rev().collect::<String>()))),
    plain("inspect", |_, sent| Ok(Value::text(quoted(&sent.says())))),
    plain("dump", |_, sent| match sent.says().is_ascii() {
        true => Ok(Value::text(quoted(&sent.says()))),
        false => Err(sent.not_understood("of letters beyond ASCII")),
    }),
    plain("ord", |_, sent| match sent.says().chars().next() {
        Some(c) => Ok(Value::Int(i128::from(u32::from(c)))),
        None => Err(sent.argument_error("empty string")),
    }),
    plain("hex", |_, sent| Ok(Value::or_nil(numbers::leading_integer(&sent.says(), 16).map(Value::Int)))),
    plain("oct", |_, sent| Ok(Value::or_nil(numbers::leading_integer(&sent.says(), 8).map(Value::Int)))),
    plain("chars", |machine, sent| {
        let text = sent.says();
        machine.afford(text.len() * 8, sent.span)?;
        Ok(Value::texts(text.chars().map(String::from)))
    }),
    plain("bytes", |machine, sent| {
        machine.afford(sent.own_text().len() * 8, sent.span)?;
        Ok(Value::list(sent.says().bytes().map(|byte| Value::Int(i128::from(byte)))))
    }),
    method("lines", 0, 1, |machine, sent| Ok(Value::texts(lines(machine, sent)?))),
    each_with("each_line", 0, 1, |machine, sent| {
        for line in lines(machine, sent)? {
            sent.yields(machine, Value::text(line))?;
        }
        Ok(sent.receiver.clone())
    }),
    each("each_char", |machine, sent| {
        for c in sent.says().chars() {
            sent.yields(machine, Value::text(c))?;
        }
        Ok(sent.receiver.clone())
    }),
    method("start_with?", 0, MANY, |machine, sent| {
        let text = sent.says();
        any_affix(machine, sent, |affix| text.starts_with(affix))
    }),
    method("end_with?", 0, MANY, |machine, sent| {
        let text = sent.says();
        any_affix(machine, sent, |affix| text.ends_with(affix))
    }),
    method("delete_prefix", 1, 1, |machine, sent| {
        let text = sent.says();
        Ok(Value::text(text.strip_prefix(&sent.text_arg(machine, 0)?).unwrap_or(&text)))
    }),
    method("delete_suffix", 1, 1, |machine, sent| {
        let text = sent.says();
        Ok(Value::text(text.strip_suffix(&sent.text_arg(machine, 0)?).unwrap_or(&text)))
    }),
    method("center", 1, 2, |machine, sent| {
        padded(machine, sent, |missing| (missing / 2, missing - missing / 2))
    }),
    method("ljust", 1, 2, |machine, sent| padded(machine, sent, |missing| (0, missing))),
    method("rjust", 1, 2, |machine, sent| padded(machine, sent, |missing| (missing, 0))),
    method("tr", 2, 2, |machine, sent| {
        let set = CharacterSet::new(&sent.text_arg(machine, 0)?);
        Ok(Value::text(set.translated(&sent.says(), &sent.text_arg(machine, 1)?, false)))
    }),
    method("tr_s", 2, 2, |machine, sent| {
        let set = CharacterSet::new(&sent.text_arg(machine, 0)?);
        Ok(Value::text(set.translated(&sent.says(), &sent.text_arg(machine, 1)?, true)))
    }),
    method("delete", 1, 1, |machine, sent| {
        let set = CharacterSet::new(&sent.text_arg(machine, 0)?);
        Ok(Value::text(sent.says().chars().filter(|c| !set.contains(*c)).collect::<String>()))
    }),
    method("count", 1, 1, |machine, sent| {
        let set = CharacterSet::new(&sent.text_arg(machine, 0)?);
        Ok(Value::size(sent.says().chars().filter(|c| set.contains(*c)).count()))
    }),
    method("squeeze", 0, 1, |machine, sent| {
        let set = match sent.arguments.is_empty() {
            true => None,
            false => Some(CharacterSet::new(&sent.text_arg(machine, 0)?)),
        };
        let mut squeezed = String::new();
        for c in sent.says().chars() {
            let counts = set.as_ref().is_none_or(|set| set.contains(c));
            if !(counts && squeezed.ends_with(c)) {
                squeezed.push(c);
            }
        }
        Ok(Value::text(squeezed))
    }),
    method("casecmp?", 1, 1, |machine, sent| {
        if !matches!(sent.arg(0), Value::Text(_)) {
            return Ok(Value::Nil);
        }
        Ok(Value::Bool(sent.says().to_lowercase() == sent.text_arg(machine, 0)?.to_lowercase()))
    }),
    method("casecmp", 1, 1, |machine, sent| {
        if !matches!(sent.arg(0), Value::Text(_)) {
            return Ok(Value::Nil);
        }
        let order = sent.says().to_ascii_lowercase().cmp(&sent.text_arg(machine, 0)?.to_ascii_lowercase());
        Ok(Value::Int(order as i128))
    }),
    plain("succ", successor),
    plain("next", successor),
    plain("unicode_normalize", |_, sent| match sent.says().is_ascii() {
        true => Ok(sent.receiver.clone()),
        false => Err(sent.not_understood("of letters beyond ASCII")),
    }),
    method("encode", 0, 3, |_, sent| Ok(sent.receiver.clone())),
    method("force_encoding", 1, 1, |_, sent| Ok(sent.receiver.clone())),
    plain("scrub", |_, sent| Ok(sent.receiver.clone())),
    plain("valid_encoding?", |_, _| Ok(Value::Bool(true))),
    plain("ascii_only?", |_, sent| Ok(Value::Bool(sent.says().is_ascii()))),
    plain("squish", |_, sent| Ok(Value::text(sent.says().split_whitespace().collect::<Vec<_>>().join(" ")))),
    plain("shellescape", |_, sent| Ok(Value::text(shell_escaped(&sent.says())))),
    plain("shellsplit", |_, sent| Err(sent.not_understood("at all"))),
];

/// Ruby's idea of space, and a NUL at the end.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\0')
}

/// `lstrip`.
pub fn stripped_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// `rstrip`.
pub fn stripped_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `chomp`.
pub fn chomped(text: &str) -> &str {
    let cut = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
    cut.or_else(|| text.strip_suffix('\r')).unwrap_or(text)
}

/// `capitalize`.
pub fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.collect::<String>() + &characters.as_str().to_lowercase()
}

/// `lines`, with or without their ends.
fn lines(machine: &mut Machine, sent: &Sent) -> Result<Vec<String>, Stop> {
    if !matches!(sent.arguments.first(), None | Some(Value::Map(_))) {
        return Err(sent.not_understood("with a separator"));
    }
    machine.afford(sent.own_text().len() * 8, sent.span)?;
    let chomps = sent.option("chomp").is_some_and(|chomp| chomp.is_true());
    let text = sent.says();
    let lines = text.split_inclusive('\n').map(|line| if chomps { chomped(line) } else { line });
    Ok(lines.map(String::from).collect())
}

fn any_affix(machine: &mut Machine, sent: &Sent, fits: impl Fn(&str) -> bool) -> Outcome {
    for index in 0..sent.arguments.len() {
        let regexp = sent.arg(index);
        if let (Value::Regexp(regexp), "start_with?") = (regexp, &*sent.name) {
            let text = sent.says().into();
            if regexp.find(&text, 0).is_some_and(|found| found.bounds().0 == 0) {
                return Ok(Value::Bool(true));
            }
        } else if fits(&sent.text_arg(machine, index)?) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn padded(machine: &mut Machine, sent: &Sent, split: impl Fn(usize) -> (usize, usize)) -> Outcome {
    let text = sent.says();
    let width = usize::try_from(sent.int_arg(machine, 0)?).unwrap_or(0);
    let pad = if sent.arguments.len() > 1 { sent.text_arg(machine, 1)? } else { " ".to_string() };
    if pad.is_empty() {
        return Err(sent.argument_error("zero width padding"));
    }
    let missing = width.saturating_sub(text.chars().count());
    machine.afford(missing, sent.span)?;
    let (before, after) = split(missing);
    let padding = |count: usize| pad.chars().cycle().take(count).collect::<String>();
    Ok(Value::text(padding(before) + &text + &padding(after)))
}

/// `"a9".succ` is `"b0"`; only letters and digits of ASCII.
fn successor(_: &mut Machine, sent: &Sent) -> Outcome {
    let text = sent.says();
    next_text(&text).map(Value::text).ok_or_else(|| sent.not_understood("of this text"))
}

/// The text after another, as in a range of texts; `None` for what is not all letters and digits.
pub fn next_text(text: &str) -> Option<String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for index in (0..bytes.len()).rev() {
        let (wrapped, carries) = match bytes[index] {
            b'z' => (b'a', true),
            b'Z' => (b'A', true),
            b'9' => (b'0', true),
            byte => (byte + 1, false),
        };
        bytes[index] = wrapped;
        if !carries {
            return String::from_utf8(bytes).ok();
        }
    }
    let carried = if bytes[0] == b'0' { b'1' } else { bytes[0] };
    bytes.insert(0, carried);
    String::from_utf8(bytes).ok()
}

/// `Shellwords.escape`.
pub fn shell_escaped(text: &str) -> String {
    if text.is_empty() {
        return "''".to_string();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("'\n'"),
            c if c.is_ascii_alphanumeric() || "_-.,:+/@".contains(c) || !c.is_ascii() => escaped.push(c),
            c => escaped.extend(['\\', c]),
        }
    }
    escaped
}

/// `"a".."c"`.
pub fn text_range(
    machine: &mut Machine,
    from: &str,
    to: &str,
    excludes_end: bool,
    sent: crate::ruby::syntax::Span,
) -> Result<Vec<Value>, Stop> {
    let items = List::new(Vec::new());
    let mut at = from.to_string();
    while at.len() <= to.len() {
        machine.spend(1, sent)?;
        let is_last = at == to;
        if is_last && excludes_end {
            break;
        }
        items.change(|items| items.push(Value::text(at.as_str())));
        if is_last {
            break;
        }
        let Some(next) = next_text(&at) else {
            return Err(Stop::refuse(
                "a range between these texts is not something dhow can go through",
                sent,
            ));
        };
        at = next;
    }
    Ok(items.get())
}
