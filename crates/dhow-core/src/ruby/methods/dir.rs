//! `Dir`.

use super::{MANY, Method, Sent, each_with, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::paths;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::surroundings::FileKind;
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    with_block("[]", 1, MANY, glob),
    with_block("glob", 1, 2, glob),
    method("exist?", 1, 1, |machine, sent| {
        let path = sent.text_arg(machine, 0)?;
        Ok(Value::Bool(machine.surroundings.kind(&path) == Some(FileKind::Directory)))
    }),
    method("empty?", 1, 1, |machine, sent| {
        let path = sent.text_arg(machine, 0)?;
        let is_directory = machine.surroundings.kind(&path) == Some(FileKind::Directory);
        Ok(Value::Bool(is_directory && machine.surroundings.names(&path).is_empty()))
    }),
    method("children", 1, 1, names),
    each_with("each_child", 1, 1, |machine, sent| {
        let names = names(machine, sent)?;
        for name in machine.items(&names, sent.span)? {
            sent.yields(machine, name)?;
        }
        Ok(Value::Nil)
    }),
    method("entries", 1, 1, |machine, sent| {
        let names = names(machine, sent)?;
        let names = machine.items(&names, sent.span)?;
        Ok(Value::list([".", ".."].map(Value::text).into_iter().chain(names)))
    }),
    plain("pwd", |machine, _| Ok(Value::text(machine.surroundings.directory()))),
    plain("getwd", |machine, _| Ok(Value::text(machine.surroundings.directory()))),
    plain("home", |machine, sent| match machine.home() {
        Some(home) => Ok(Value::text(home)),
        None => Err(sent.argument_error("couldn't find HOME environment")),
    }),
];

fn glob(machine: &mut Machine, sent: &Sent) -> Outcome {
    let base = match sent.option("base") {
        Some(base) => Some(machine.string_of(&base, sent.span)?),
        None => None,
    };
    let mut found = Vec::new();
    for pattern in sent.positions() {
        let patterns = match pattern {
            Value::List(list) => list.get(),
            pattern => vec![pattern.clone()],
        };
        for pattern in patterns {
            let pattern = machine.string_of(&pattern, sent.span)?;
            let in_base = base.as_ref().map_or_else(|| pattern.clone(), |base| format!("{base}/{pattern}"));
            let too_much = || Stop::exhausted("there are too many files to look through", sent.span);
            let paths = paths::glob(machine.surroundings, &in_base).ok_or_else(too_much)?;
            let prefix = base.as_ref().map(|base| format!("{base}/")).unwrap_or_default();
            found.extend(paths.iter().map(|path| path.strip_prefix(&prefix).unwrap_or(path).to_string()));
        }
    }
    machine.spend(found.len(), sent.span)?;
    if sent.block.is_none() {
        return Ok(Value::texts(found));
    }
    for path in found {
        sent.yields(machine, Value::text(path))?;
    }
    Ok(Value::Nil)
}

fn names(machine: &mut Machine, sent: &Sent) -> Outcome {
    let path = sent.text_arg(machine, 0)?;
    if machine.surroundings.kind(&path) != Some(FileKind::Directory) {
        let message = format!("No such file or directory @ dir_initialize - {path}");
        return Err(Stop::raise("Errno::ENOENT", message, sent.span));
    }
    let mut names = machine.surroundings.names(&path);
    names.sort();
    Ok(Value::texts(names))
}
