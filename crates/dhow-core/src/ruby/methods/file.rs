//! `File` and `IO`.

use super::{MANY, Method, Sent, each_with, method};
use crate::ruby::machine::Machine;
use crate::ruby::paths;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::surroundings::{FileKind, Unreadable};
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("read", 1, 2, read),
    method("binread", 1, 1, read),
    method("readlines", 1, 2, lines),
    each_with("foreach", 1, 1, |machine, sent| {
        let lines = lines(machine, sent)?;
        for line in machine.items(&lines, sent.span)? {
            sent.yields(machine, line)?;
        }
        Ok(Value::Nil)
    }),
    method("exist?", 1, 1, |machine, sent| Ok(Value::Bool(kind(machine, sent)?.is_some()))),
    method("file?", 1, 1, |machine, sent| Ok(Value::Bool(kind(machine, sent)? == Some(FileKind::File)))),
    method("directory?", 1, 1, |machine, sent| {
        Ok(Value::Bool(kind(machine, sent)? == Some(FileKind::Directory)))
    }),
    method("readable?", 1, 1, |machine, sent| Ok(Value::Bool(kind(machine, sent)?.is_some()))),
    method("size", 1, 1, |machine, sent| Ok(Value::size(content(machine, sent)?.len()))),
    method("zero?", 1, 1, |machine, sent| {
        Ok(Value::Bool(kind(machine, sent)? == Some(FileKind::File) && content(machine, sent)?.is_empty()))
    }),
    method("join", 0, MANY, join),
    method("expand_path", 1, 2, expand),
    method("absolute_path", 1, 2, expand),
    method("realpath", 1, 2, expand),
    method("absolute_path?", 1, 1, |machine, sent| {
        Ok(Value::Bool(sent.text_arg(machine, 0)?.starts_with('/')))
    }),
    method("basename", 1, 2, basename),
    method("dirname", 1, 1, |machine, sent| Ok(Value::text(paths::dirname(&sent.text_arg(machine, 0)?)))),
    method("extname", 1, 1, |machine, sent| Ok(Value::text(paths::extname(&sent.text_arg(machine, 0)?)))),
    method("fnmatch", 2, 2, fnmatch),
    method("fnmatch?", 2, 2, fnmatch),
    method("open", 1, 3, |_, sent| Err(sent.not_understood("(File.read reads one)"))),
];

/// `$stdout`, `$stderr`.
pub const IO_METHODS: &[Method] = &[
    method("read", 1, 1, read),
    method("readlines", 1, 2, lines),
    method("puts", 0, MANY, say),
    method("print", 0, MANY, say),
    method("write", 0, MANY, |machine, sent| {
        let arguments = sent.arguments.clone();
        machine.send(Value::Main, "print", arguments, sent.span)
    }),
    method("flush", 0, 0, |_, sent| Ok(sent.receiver.clone())),
    method("sync=", 1, 1, |_, sent| Ok(sent.arg(0))),
];

fn say(machine: &mut Machine, sent: &Sent) -> Outcome {
    machine.send(Value::Main, &sent.name, sent.arguments.clone(), sent.span)
}

impl Machine<'_> {
    /// The home directory.
    pub fn home(&self) -> Option<&str> {
        self.environment.get("HOME").map(String::as_str)
    }

    /// All of a file, or the exception Ruby raises.
    pub fn file(&mut self, path: &str, span: crate::ruby::syntax::Span) -> Result<String, Stop> {
        self.spend(10, span)?;
        let text = self.surroundings.read(path).map_err(|error| match error {
            Unreadable::Missing => {
                let message = format!("No such file or directory @ rb_sysopen - {path}");
                Stop::raise("Errno::ENOENT", message, span)
            }
            Unreadable::Failed(problem) => Stop::raise("Errno::EIO", format!("{problem} - {path}"), span),
        })?;
        self.afford(text.len(), span)?;
        Ok(text)
    }
}

fn content(machine: &mut Machine, sent: &Sent) -> Result<String, Stop> {
    let path = sent.text_arg(machine, 0)?;
    machine.file(&path, sent.span)
}

fn read(machine: &mut Machine, sent: &Sent) -> Outcome {
    if sent.positions().len() > 1 {
        return Err(sent.not_understood("of a part of a file"));
    }
    content(machine, sent).map(Value::text)
}

fn lines(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = content(machine, sent)?;
    let lines = machine.send(Value::text(text), "lines", sent.arguments[1..].to_vec(), sent.span)?;
    Ok(lines)
}

fn kind(machine: &mut Machine, sent: &Sent) -> Result<Option<FileKind>, Stop> {
    machine.spend(10, sent.span)?;
    Ok(machine.surroundings.kind(&sent.text_arg(machine, 0)?))
}

fn join(machine: &mut Machine, sent: &Sent) -> Outcome {
    let flat = machine.send(Value::list(sent.arguments.clone()), "flatten", Vec::new(), sent.span)?;
    let mut parts = Vec::new();
    for part in machine.items(&flat, sent.span)? {
        match part {
            Value::Text(part) => parts.push(part.get()),
            part => return Err(machine.wrong_type(&part, "String", sent.span)),
        }
    }
    machine.new_text(paths::joined(&parts), sent.span)
}

fn expand(machine: &mut Machine, sent: &Sent) -> Outcome {
    let directory = machine.surroundings.directory();
    let base = match sent.arg(1) {
        Value::Nil => directory,
        _ => paths::expanded(&sent.text_arg(machine, 1)?, &directory, machine.home()),
    };
    Ok(Value::text(paths::expanded(&sent.text_arg(machine, 0)?, &base, machine.home())))
}

fn basename(machine: &mut Machine, sent: &Sent) -> Outcome {
    let path = sent.text_arg(machine, 0)?;
    let name = paths::basename(&path);
    let suffix = match sent.arg(1) {
        Value::Nil => return Ok(Value::text(name)),
        _ => sent.text_arg(machine, 1)?,
    };
    let cut =
        if suffix == ".*" { name.strip_suffix(paths::extname(name)) } else { name.strip_suffix(&suffix) };
    Ok(Value::text(cut.filter(|cut| !cut.is_empty()).unwrap_or(name)))
}

fn fnmatch(machine: &mut Machine, sent: &Sent) -> Outcome {
    let (pattern, name) = (sent.text_arg(machine, 0)?, sent.text_arg(machine, 1)?);
    Ok(Value::Bool(paths::fits(pattern.as_bytes(), name.as_bytes())))
}
