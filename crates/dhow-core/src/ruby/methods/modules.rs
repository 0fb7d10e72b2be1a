//! Small modules: `SecureRandom`, `Base64`, `Shellwords`, `Kamal::Utils`, `Math`, `Regexp`, gems.

use super::{Method, Sent, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::regexp::{self, Regexp};
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::surroundings::FileKind;
use crate::ruby::syntax::RegexpFlags;
use crate::ruby::value::Value;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::rc::Rc;

pub const RANDOM: &[Method] = &[
    method("hex", 0, 1, |machine, sent| {
        let bytes = random(machine, sent, 16)?;
        Ok(Value::text(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
    }),
    method("alphanumeric", 0, 1, |machine, sent| {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::new();
        for _ in 0..count(machine, sent, 16)? {
            text.push(char::from(letters[machine.random_below(letters.len(), sent.span)?]));
        }
        Ok(Value::text(text))
    }),
    method("base64", 0, 1, |machine, sent| Ok(Value::text(STANDARD.encode(random(machine, sent, 16)?)))),
    plain("uuid", |machine, sent| {
        let mut bytes = machine.random(16, sent.span)?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Value::text([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")))
    }),
];

pub const BASE64: &[Method] = &[
    method("strict_encode64", 1, 1, |machine, sent| {
        Ok(Value::text(STANDARD.encode(sent.text_arg(machine, 0)?)))
    }),
    method("urlsafe_encode64", 1, 1, |machine, sent| {
        Ok(Value::text(URL_SAFE.encode(sent.text_arg(machine, 0)?)))
    }),
    method("encode64", 1, 1, |machine, sent| {
        let encoded = STANDARD.encode(sent.text_arg(machine, 0)?);
        let lines = encoded.as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line) + "\n");
        Ok(Value::text(lines.collect::<String>()))
    }),
    method("decode64", 1, 1, decoded),
    method("strict_decode64", 1, 1, decoded),
];

pub const SHELLWORDS: &[Method] = &[
    method("escape", 1, 1, |machine, sent| {
        Ok(Value::text(super::string::shell_escaped(&sent.text_arg(machine, 0)?)))
    }),
    method("join", 1, 1, |machine, sent| {
        let mut words = Vec::new();
        for word in sent.list_arg(machine, 0)? {
            words.push(super::string::shell_escaped(&machine.string_of(&word, sent.span)?));
        }
        Ok(Value::text(words.join(" ")))
    }),
];

/// What Kamal's own projects use.
pub const KAMAL: &[Method] = &[plain("docker_arch", |machine, sent| {
    let arch = machine.shell("docker info --format '{{.Architecture}}'", sent.span)?;
    let arch = machine.string_of(&arch, sent.span)?;
    Ok(Value::text(match arch.trim() {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }))
})];

pub const MATH: &[Method] = &[method("sqrt", 1, 1, |machine, sent| {
    let number = machine.send(sent.arg(0), "to_f", Vec::new(), sent.span)?;
    match number {
        Value::Float(number) if number >= 0.0 => Ok(Value::Float(number.sqrt())),
        _ => Err(sent.argument_error("Numerical argument is out of domain - \"sqrt\"")),
    }
})];

pub const REGEXP: &[Method] = &[
    method("escape", 1, 1, |machine, sent| Ok(Value::text(regexp::escaped(&sent.text_arg(machine, 0)?)))),
    method("quote", 1, 1, |machine, sent| Ok(Value::text(regexp::escaped(&sent.text_arg(machine, 0)?)))),
    method("new", 1, 1, |machine, sent| {
        if let Value::Regexp(regexp) = sent.arg(0) {
            return Ok(Value::Regexp(regexp));
        }
        machine.spend(1_000, sent.span)?;
        let regexp = Regexp::new(&sent.text_arg(machine, 0)?, RegexpFlags::default());
        Ok(Value::Regexp(Rc::new(regexp.map_err(|error| error.at(sent.span))?)))
    }),
    method("last_match", 0, 1, |machine, sent| match (&machine.last_match, sent.arguments.is_empty()) {
        (Value::Nil, _) => Ok(Value::Nil),
        (found, true) => Ok(found.clone()),
        (found, false) => machine.send(found.clone(), "[]", sent.arguments.clone(), sent.span),
    }),
];

/// A gem's directory, where one of the usual variables says where gems are.
pub const GEMS: &[Method] = &[method("find_by_name", 1, 1, |machine, sent| {
    let name = sent.text_arg(machine, 0)?;
    let variables =
        ["GEM_HOME", "GEM_PATH"].map(|name| machine.environment.get(name).cloned().unwrap_or_default());
    let roots: Vec<String> = variables.iter().flat_map(|paths| paths.split(':')).map(String::from).collect();
    for root in roots.iter().filter(|root| !root.is_empty()) {
        let pattern = format!("{root}/specifications/{name}-[0-9]*.gemspec");
        let found = crate::ruby::paths::glob(machine.surroundings, &pattern).unwrap_or_default();
        let Some(specification) = found.last() else { continue };
        let full_name = crate::ruby::paths::basename(specification).trim_end_matches(".gemspec");
        let directory = format!("{root}/gems/{full_name}");
        if machine.surroundings.kind(&directory) == Some(FileKind::Directory) {
            return Ok(Value::Gem(directory.as_str().into()));
        }
    }
    Err(Stop::refuse(
        format!("the gem {name} is not in GEM_HOME or GEM_PATH, and dhow knows of no other gems"),
        sent.span,
    ))
})];

pub const GEM_METHODS: &[Method] = &[plain("gem_dir", gem_dir), plain("full_gem_path", gem_dir)];

fn gem_dir(_: &mut Machine, sent: &Sent) -> Outcome {
    match &sent.receiver {
        Value::Gem(directory) => Ok(Value::text(&**directory)),
        _ => Ok(Value::Nil),
    }
}

fn count(machine: &mut Machine, sent: &Sent, default: usize) -> Result<usize, Stop> {
    if sent.arguments.is_empty() { Ok(default) } else { sent.count_arg(machine, 0) }
}

fn random(machine: &mut Machine, sent: &Sent, default: usize) -> Result<Vec<u8>, Stop> {
    let count = count(machine, sent, default)?;
    machine.random(count, sent.span)
}

fn decoded(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text: String = sent.text_arg(machine, 0)?.split_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| sent.argument_error("invalid base64"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::text(text)),
        Err(_) => Err(sent.not_understood("of what is not UTF-8")),
    }
}
