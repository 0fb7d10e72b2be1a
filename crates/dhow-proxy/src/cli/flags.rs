//! Flags as pflag reads them: `--flag value`, `--flag=value`, `--switch=false`, lists repeated and split on commas.

use std::collections::HashMap;
use std::time::Duration;

use crate::duration;

/// One flag of a command.
pub struct Flag {
    /// Without the dashes.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Its value when not given, in the syntax of the command line.
    pub default: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
}

/// The type of a flag's value.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text, as it is.
    Text,
    /// True when given.
    Switch,
    /// A whole number.
    Number,
    /// A Go duration.
    Duration,
    /// A list of texts.
    List,
    /// Texts with commas of their own: one each time the flag is given.
    Texts,
}

/// A command's arguments, read.
#[derive(Debug)]
pub struct Arguments {
    given: HashMap<&'static str, Vec<String>>,
    defaults: HashMap<&'static str, String>,
    /// What is no flag.
    pub positional: Vec<String>,
    /// Whether help was asked for.
    pub wants_help: bool,
}

impl Arguments {
    /// Reads arguments. `defaults` replaces the default of some flags (from the environment).
    pub fn read(
        flags: &'static [Flag],
        arguments: &[String],
        defaults: &[(&'static str, String)],
    ) -> Result<Self, String> {
        let mut read = Self {
            given: HashMap::new(),
            defaults: flags.iter().map(|flag| (flag.name, flag.default.to_owned())).collect(),
            positional: Vec::new(),
            wants_help: false,
        };
        read.defaults.extend(defaults.iter().cloned());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.strip_prefix("--") {
                Some("") => read.positional.extend(rest.by_ref().cloned()),
                Some("help") => read.wants_help = true,
                Some(flag) => read.take_flag(flags, flag, argument, &mut rest)?,
                None if argument == "-h" => read.wants_help = true,
                None if argument.len() > 1 && argument.starts_with('-') => {
                    return Err(unknown_shorthand(argument));
                }
                None => read.positional.push(argument.clone()),
            }
        }
        Ok(read)
    }

    /// Whether the flag was given, with whatever value.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The flag's text.
    pub fn text(&self, name: &str) -> String {
        self.last(name).to_owned()
    }

    /// The flag's list.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.given.get(name).cloned().unwrap_or_default()
    }

    /// Whether the switch is on.
    pub fn switch(&self, name: &str) -> bool {
        parse_switch(self.last(name)).unwrap_or_default()
    }

    /// The flag's number.
    pub fn number(&self, name: &str) -> i64 {
        parse_number(self.last(name)).unwrap_or_default()
    }

    /// The flag's duration.
    pub fn duration(&self, name: &str) -> Duration {
        duration::parse(self.last(name)).unwrap_or_default()
    }

    fn last(&self, name: &str) -> &str {
        let given = self.given.get(name).and_then(|values| values.last());
        given.or_else(|| self.defaults.get(name)).map_or("", String::as_str)
    }

    fn take_flag<'a>(
        &mut self,
        flags: &'static [Flag],
        text: &str,
        argument: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(format!("bad flag syntax: {argument}"));
        }
        let flag =
            flags.iter().find(|flag| flag.name == name).ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match value {
            Some(value) => value,
            None if flag.kind == Kind::Switch => "true".to_owned(),
            None => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        let values = flag.check(&value)?;
        let given = self.given.entry(flag.name).or_default();
        given.extend(values);
        Ok(())
    }
}

impl Flag {
    /// Checks a value; a list's value may hold several.
    fn check(&self, value: &str) -> Result<Vec<String>, String> {
        let checked = match self.kind {
            Kind::Text | Kind::Texts => Ok(()),
            Kind::Switch => parse_switch(value).map(drop),
            Kind::Number => parse_number(value).map(drop),
            Kind::Duration => duration::parse(value).map(drop),
            Kind::List => return split_record(value).map_err(|reason| self.invalid(value, &reason)),
        };
        checked.map(|()| vec![value.to_owned()]).map_err(|reason| self.invalid(value, &reason))
    }

    fn invalid(&self, value: &str, reason: &str) -> String {
        format!("invalid argument {value:?} for \"--{}\" flag: {reason}", self.name)
    }
}

/// Reads a boolean as Go does.
pub fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Reads a whole number as Go does: `0x`, `0o`, `0b` and a leading zero choose the base, underscores are allowed
/// between digits.
pub fn parse_number(text: &str) -> Result<i64, String> {
    let told = |reason: &str| format!("strconv.ParseInt: parsing {text:?}: {reason}");
    let (sign, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(_) if lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(told("invalid syntax"));
    }
    i64::from_str_radix(&digits, base).map(|number| sign * number).map_err(|_| told("value out of range"))
}

/// Splits one CSV record; an empty value holds nothing.
fn split_record(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    while !text.is_empty() {
        let after = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted, &mut fields)?,
            None => take_bare(rest, &mut fields)?,
        };
        match after {
            Some(next) => rest = next,
            None => break,
        }
    }
    Ok(fields)
}

fn take_bare<'a>(text: &'a str, fields: &mut Vec<String>) -> Result<Option<&'a str>, String> {
    let (field, rest) = text.split_once(',').map_or((text, None), |(field, rest)| (field, Some(rest)));
    if let Some(at) = field.find('"') {
        return Err(format!("parse error on line 1, column {}: bare \" in non-quoted field", at + 1));
    }
    fields.push(field.to_owned());
    Ok(rest)
}

fn take_quoted<'a>(text: &'a str, fields: &mut Vec<String>) -> Result<Option<&'a str>, String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) =
            rest.split_once('"').ok_or("record on line 1: extraneous or missing \" in quoted-field")?;
        field.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            field.push('"');
            rest = more;
            continue;
        }
        fields.push(field);
        return match after.strip_prefix(',') {
            Some(next) => Ok(Some(next)),
            None if after.is_empty() => Ok(None),
            None => Err("record on line 1: extraneous or missing \" in quoted-field".into()),
        };
    }
}

fn unknown_shorthand(argument: &str) -> String {
    let letter = argument.chars().nth(1).unwrap_or('-');
    format!("unknown shorthand flag: '{letter}' in {argument}")
}

#[cfg(test)]
mod tests {
    use super::*;

    static FLAGS: &[Flag] = &[
        Flag { name: "host", kind: Kind::List, default: "", help: "" },
        Flag { name: "strip", kind: Kind::Switch, default: "true", help: "" },
        Flag { name: "port", kind: Kind::Number, default: "80", help: "" },
        Flag { name: "wait", kind: Kind::Duration, default: "30s", help: "" },
    ];

    fn read(arguments: &[&str]) -> Result<Arguments, String> {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        Arguments::read(FLAGS, &arguments, &[])
    }

    #[test]
    fn flags_and_positionals_mix() {
        let read =
            read(&["web", "--host=a,b", "--port", "0x1F", "--host", "\"c,d\"", "--strip=false", "--", "--x"]);
        let read = read.unwrap();
        assert_eq!(read.list("host"), ["a", "b", "c,d"]);
        assert_eq!(read.number("port"), 31);
        assert!(!read.switch("strip"));
        assert_eq!(read.duration("wait"), Duration::from_secs(30));
        assert_eq!(read.positional, ["web", "--x"]);
    }

    #[test]
    fn a_switch_takes_no_following_value() {
        let read = read(&["--strip", "false"]).unwrap();
        assert!(read.switch("strip"));
        assert_eq!(read.positional, ["false"]);
        assert!(Arguments::read(FLAGS, &["--host=".into()], &[]).unwrap().list("host").is_empty());
    }

    #[test]
    fn errors_are_pflags() {
        for (arguments, error) in [
            (vec!["--nope"], "unknown flag: --nope"),
            (vec!["--host"], "flag needs an argument: --host"),
            (vec!["-x"], "unknown shorthand flag: 'x' in -x"),
            (
                vec!["--wait", "5"],
                "invalid argument \"5\" for \"--wait\" flag: time: missing unit in duration \"5\"",
            ),
            (
                vec!["--port=abc"],
                "invalid argument \"abc\" for \"--port\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax",
            ),
            (
                vec!["--strip=maybe"],
                "invalid argument \"maybe\" for \"--strip\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(read(&arguments).unwrap_err(), error);
        }
    }

    #[test]
    fn numbers_come_in_gos_bases() {
        for (text, number) in [("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000), ("-5", -5), ("0", 0)]
        {
            assert_eq!(parse_number(text), Ok(number), "{text}");
        }
        assert!(parse_number("08").is_err());
        assert!(parse_number("99999999999999999999").unwrap_err().ends_with("value out of range"));
    }
}
